//! Every refusal that follows from image and type, with its code and EC2's words.

mod network;
mod options;
mod volumes;

use crate::sandbox::tests::{ask, clock, open, texts};
use crate::sandbox::{Account, Sandbox, landmarks::*};

fn launch(image: &str, instance_type: &str, options: &str) -> String {
    format!("Action=RunInstances&MinCount=1&MaxCount=1&ImageId={image}&InstanceType={instance_type}{options}")
}

/// The answer's code and message, or its status and body.
fn answer(sandbox: &Sandbox, form: &str) -> (String, String) {
    let (status, body) = ask(sandbox, form);
    match texts(&body, "Code").pop() {
        Some(code) => (code, texts(&body, "Message").pop().unwrap_or_default()),
        None => (status.to_string(), body),
    }
}

/// Asks every row and compares the code, and what its message begins with or contains.
fn check(sandbox: &Sandbox, rows: &[(String, &str, &str)]) {
    for (form, code, words) in rows {
        let (answered, message) = answer(sandbox, form);
        assert_eq!(answered, *code, "{form}: {message}");
        assert!(message.contains(words), "{form}: {message}");
    }
}

/// The rows that EC2 is known to answer, in the order of its documentation. Three cannot occur,
/// because no such type is among the embedded ones: an HVM image on a type that is paravirtual
/// only, an encrypted volume on a type without EBS encryption, and an ENA image on a type that
/// refuses it. What allowed images settings hide is tested with them.
#[test]
fn image_and_type_must_fit() {
    let sandbox = open(&clock(), None);
    let amazon = AMAZON_LINUX_2023_X86_64;
    let rows: Vec<(String, &str, &str)> = [
        (amazon, "m7i.large", "", "200", ""),
        (AMAZON_LINUX_2023_ARM64, "m7g.large", "", "200", ""),
        (
            AMAZON_LINUX_2023_ARM64,
            "t2.micro",
            "",
            "InvalidParameterValue",
            "The architecture 'i386,x86_64' of the specified instance type does not match the architecture 'arm64' of the \
             specified AMI.",
        ),
        (
            UEFI_TPM_X86_64,
            "t2.micro",
            "",
            "InvalidParameterValue",
            "The t2.micro instance type does not support an AMI with a boot mode of UEFI. Only instance types built on \
             the Nitro System support UEFI.",
        ),
        (UEFI_TPM_X86_64, "c6i.metal", "", "InvalidParameterValue", "The c6i.metal instance type does not support"),
        (UEFI_TPM_X86_64, "m7i.large", "", "200", ""),
        (
            PARAVIRTUAL_EBS_X86_64,
            "m5.large",
            "",
            "InvalidParameterCombination",
            "Virtualization type 'hvm' is required for instances of type 'm5.large'.",
        ),
        (PARAVIRTUAL_EBS_X86_64, "m3.medium", "", "200", ""),
        (PARAVIRTUAL_EBS_I386, "m1.small", "", "200", ""),
        (
            HVM_WITHOUT_ENA,
            "m5.large",
            "",
            "InvalidParameterCombination",
            "Enhanced networking with the Elastic Network Adapter (ENA) is required for the 'm5.large' instance type.",
        ),
        (HVM_WITHOUT_ENA, "t2.micro", "", "200", ""),
        (
            PARAVIRTUAL_INSTANCE_STORE_X86_64,
            "t1.micro",
            "",
            "UnsupportedOperation",
            "with an instance-store root device is not supported for the instance type 't1.micro'.",
        ),
        (HVM_INSTANCE_STORE_X86_64, "t2.micro", "", "UnsupportedOperation", "AMI 'ami-05a4db0c500000009' with an"),
        (PARAVIRTUAL_INSTANCE_STORE_X86_64, "m1.small", "", "200", ""),
        (HVM_INSTANCE_STORE_X86_64, "c3.large", "", "200", ""),
        (
            TYPE_RESTRICTED,
            "t3.micro",
            "",
            "InvalidParameterCombination",
            "This AMI does not support the specified instance type. Check DescribeImages for InstanceTypeSpecification",
        ),
        (TYPE_RESTRICTED, "m7i.large", "", "200", ""),
        (
            HVM_INSTANCE_STORE_X86_64,
            "c3.large",
            "&BlockDeviceMapping.1.DeviceName=/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeSize=8",
            "InvalidBlockDeviceMapping",
            "EBS block device mappings not supported for instance-store AMIs.",
        ),
        (
            HVM_INSTANCE_STORE_X86_64,
            "c3.large",
            "&InstanceInitiatedShutdownBehavior=stop",
            "InvalidParameterCombination",
            "can only be used for elastic images.",
        ),
        (
            amazon,
            "t3.micro",
            "&BlockDeviceMapping.1.DeviceName=disk1&BlockDeviceMapping.1.Ebs.VolumeSize=8",
            "InvalidBlockDeviceMapping",
            "Invalid device name disk1",
        ),
        (
            amazon,
            "c1.medium",
            "&InstanceMarketOptions.MarketType=spot",
            "200",
            "spotInstanceRequestId",
        ),
        (
            amazon,
            "mac1.metal",
            "&InstanceMarketOptions.MarketType=spot",
            "InvalidParameterValue",
            "does not match",
        ),
        (MAC_X86_64, "mac1.metal", "&InstanceMarketOptions.MarketType=spot", "Unsupported", "purchase option 'spot'"),
        (
            MARKETPLACE,
            "m1.small",
            "",
            "UnsupportedOperation",
            "The instance configuration for this AWS Marketplace product is not supported.",
        ),
        (MARKETPLACE, "t3.micro", "", "200", ""),
        (
            MARKETPLACE_UNSUBSCRIBED,
            "t3.micro",
            "",
            "OptInRequired",
            "In order to use this AWS Marketplace product you need to accept terms and subscribe. To do so please visit \
             https://aws.amazon.com/marketplace/pp?sku=",
        ),
        (amazon, "m5.large", "&HibernationOptions.Configured=true", "UnsupportedHibernationConfiguration", "encrypted"),
        (
            ENCRYPTED_MULTI_VOLUME,
            "m5.2xlarge",
            "&HibernationOptions.Configured=true",
            "UnsupportedHibernationConfiguration",
            "large enough to store the memory",
        ),
        (
            AMAZON_LINUX_2023_ARM64,
            "a1.large",
            "&HibernationOptions.Configured=true",
            "UnsupportedHibernationConfiguration",
            "'a1.large'",
        ),
        (ENCRYPTED_MULTI_VOLUME, "m5.large", "&HibernationOptions.Configured=true", "200", ""),
        (MAC_X86_64, "mac1.metal", "", "Unsupported", "The requested configuration is currently not supported."),
        (
            MAC_X86_64,
            "mac1.metal",
            "&Placement.Tenancy=host",
            "UnavailableHostRequirements",
            "You do not have a host with a matching configuration and sufficient capacity",
        ),
        (
            amazon,
            "t3.micro",
            "&Placement.Affinity=host",
            "InvalidParameterCombination",
            "The parameter affinity may only be used with tenancy 'host'",
        ),
        (DISABLED, "t3.micro", "", "InvalidAMIID.Unavailable", "is not in a state from which you can launch"),
        (PENDING, "t3.micro", "", "InvalidAMIID.Unavailable", "it is pending"),
        (UEFI_TPM_X86_64, "hpc7a.12xlarge", "", "UnsupportedOperation", "NitroTPM"),
        (amazon, "t3.micro", "&EnclaveOptions.Enabled=true", "UnsupportedOperation", "Nitro Enclaves"),
        (
            ENCRYPTED_MULTI_VOLUME,
            "m5.xlarge",
            "&EnclaveOptions.Enabled=true&HibernationOptions.Configured=true",
            "InvalidParameterCombination",
            "cannot be enabled on the same instance",
        ),
        (
            amazon,
            "t3.micro",
            "&BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.VolumeType=st1&BlockDeviceMapping.1.Ebs.VolumeSize=125",
            "BootForVolumeTypeUnsupported",
            "st1",
        ),
        (DEPRECATED_AMAZON_LINUX_2, "t3.micro", "", "200", ""),
        ("ami-0000000000000000f", "t3.micro", "", "InvalidAMIID.NotFound", "does not exist"),
        ("ami-x", "t3.micro", "", "InvalidAMIID.Malformed", "Invalid id: \"ami-x\" (expecting \"ami-...\")"),
        ("aki-05a4db01", "t3.micro", "", "InvalidAMIID.Malformed", ""),
        (amazon, "x1.huge", "", "InvalidParameterValue", "Invalid value 'x1.huge' for InstanceType."),
        (amazon, "t3.micro", "&Nonsense=x", "UnknownParameter", "The parameter Nonsense is not recognized"),
    ]
    .map(|(image, instance_type, options, code, words)| (launch(image, instance_type, options), code, words))
    .into();
    check(&sandbox, &rows);
    let min_over_max = launch(amazon, "t3.micro", "").replace("MinCount=1", "MinCount=2");
    check(&sandbox, &[(min_over_max, "InvalidParameterValue", "It must not be greater than maxCount")]);
    assert_eq!(ask(&sandbox, &launch(MARKETPLACE_UNSUBSCRIBED, "t3.micro", "")).0, 401);
}

#[test]
fn a_type_that_a_zone_lacks_is_unsupported_there_and_the_message_names_others() {
    let sandbox = open(&clock(), None);
    let lacking = |zone: &str| {
        crate::sandbox::instance_types::all().iter().find(|found| {
            let network = crate::sandbox::zones::Network::new(
                &crate::sandbox::ACCOUNT_ID.parse().unwrap(),
                &"sandbox-1".parse().unwrap(),
            );
            found.architectures() == ["x86_64"]
                && found.boot_modes().contains(&"uefi")
                && !network.zone(zone).unwrap().offers(found, &network)
        })
    };
    let name = lacking("sandbox-1a").unwrap().name();
    let form = launch(AMAZON_LINUX_2023_X86_64, name, "&Placement.AvailabilityZone=sandbox-1a");
    let words = format!("Your requested instance type ({name}) is not supported in your requested Availability Zone");
    let (code, message) = answer(&sandbox, &form);
    assert_eq!(code, "Unsupported", "{message}");
    assert!(message.starts_with(&words) && message.contains("or choosing sandbox-1"), "{message}");
    assert_eq!(answer(&sandbox, &launch(AMAZON_LINUX_2023_X86_64, name, "")).0, "200");
}

#[test]
fn an_account_may_be_narrow() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let account = |text: &str| sandbox.set_account(toml::from_str::<Account>(text).unwrap());
    let counts = |min: u32, max: u32, options: &str| {
        format!(
            "Action=RunInstances&ImageId={SELF_OWNED}&InstanceType=m7i.large&MinCount={min}&MaxCount={max}{options}"
        )
    };
    account("http_tokens_enforced = true");
    check(
        &sandbox,
        &[
            (
                counts(1, 1, ""),
                "UnsupportedOperation",
                "You can't launch instances with IMDSv1 because httpTokensEnforced",
            ),
            (counts(1, 1, "&MetadataOptions.HttpTokens=required&DryRun=true"), "DryRunOperation", ""),
            (launch(AMAZON_LINUX_2023_X86_64, "t3.micro", "&DryRun=true"), "DryRunOperation", ""),
        ],
    );
    account("[vcpus]\nstandard = 6\nspot_standard = 2");
    let spot = "&InstanceMarketOptions.MarketType=spot";
    let refused = "You have requested more vCPU capacity than your current vCPU limit of 6 allows for the instance bucket \
                   that the specified instance type belongs to.";
    check(&sandbox, &[(counts(4, 4, ""), "VcpuLimitExceeded", refused)]);
    // As many as there is room for, as long as they are enough.
    assert_eq!(texts(&ask(&sandbox, &counts(1, 9, "")).1, "instanceId").len(), 3);
    check(
        &sandbox,
        &[
            (counts(1, 1, ""), "VcpuLimitExceeded", refused),
            // Capacity and quotas are no matter of permission.
            (counts(1, 1, "&DryRun=true"), "DryRunOperation", ""),
            (counts(2, 2, spot), "MaxSpotInstanceCountExceeded", "Max spot instance count exceeded"),
            (counts(1, 1, spot), "200", ""),
        ],
    );
    account("instances = 5");
    check(
        &sandbox,
        &[(
            counts(2, 9, ""),
            "InstanceLimitExceeded",
            "Your quota allows for 1 more running instance(s). You requested at least 2",
        )],
    );
    let described = ask(&sandbox, "Action=DescribeInstances").1;
    let terminate: String =
        texts(&described, "instanceId").iter().zip(1..).map(|(id, n)| format!("&InstanceId.{n}={id}")).collect();
    ask(&sandbox, &format!("Action=TerminateInstances{terminate}"));
    clock.advance(std::time::Duration::from_secs(60));
    account("[vcpus]\nstandard = 6");
    let started = ask(&sandbox, &counts(3, 3, "")).1;
    assert_eq!(texts(&started, "instanceId").len(), 3, "what is terminated does not count");
    // Nor does what is stopped, until it is started.
    clock.advance(std::time::Duration::from_secs(100));
    let id = &texts(&started, "instanceId")[0];
    ask(&sandbox, &format!("Action=StopInstances&InstanceId.1={id}"));
    clock.advance(std::time::Duration::from_secs(100));
    check(
        &sandbox,
        &[
            (counts(1, 1, ""), "200", ""),
            (format!("Action=StartInstances&InstanceId.1={id}"), "VcpuLimitExceeded", refused),
            (format!("Action=StartInstances&InstanceId.1={id}&DryRun=true"), "DryRunOperation", ""),
            (
                format!("Action=StartInstances&InstanceId.1={id}&AdditionalInfo=x"),
                "UnsupportedOperation",
                "AdditionalInfo",
            ),
        ],
    );
}
