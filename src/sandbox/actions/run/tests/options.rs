//! Spot, metadata, tags and the other options: what is refused, and what is shown.

use std::time::Duration;

use super::{answer, check, launch};
use crate::sandbox::landmarks::*;
use crate::sandbox::tests::{ask, clock, open, texts};

const SPOT: &str = "&InstanceMarketOptions.MarketType=spot&InstanceMarketOptions.SpotOptions.";

#[test]
fn options_have_their_rules() {
    let sandbox = open(&clock(), None);
    let spot = |options: &str| format!("{SPOT}{}", options.replace('&', "&InstanceMarketOptions.SpotOptions."));
    let (value, combination, unsupported) =
        ("InvalidParameterValue", "InvalidParameterCombination", "UnsupportedOperation");
    let rows: Vec<(String, &str, &str)> = [
        (spot("MaxPrice=0.0005"), value, "invalid spot instance price"),
        (spot("MaxPrice=cheap"), value, "\"cheap\" is an invalid spot instance price"),
        (
            spot("MaxPrice=0.011"),
            "SpotMaxPriceTooLow",
            "Your Spot request price of 0.011 is lower than the minimum required Spot request fulfillment price of 0.0120.",
        ),
        (spot("MaxPrice=0.05"), "200", "<instanceLifecycle>spot<"),
        (spot("SpotInstanceType=persistent"), combination, "Persistent Spot Instance requests are only supported"),
        (spot("SpotInstanceType=persistent&InstanceInterruptionBehavior=stop&ValidUntil=2027-01-01T00:00:00Z"), "200", ""),
        (spot("InstanceInterruptionBehavior=stop"), combination, "requires a persistent request"),
        (spot("ValidUntil=2027-01-01T00:00:00Z"), combination, "persistent requests only"),
        (spot("BlockDurationMinutes=60"), unsupported, "BlockDurationMinutes"),
        ("&InstanceMarketOptions.MarketType=capacity-block".to_owned(), unsupported, "capacity-block"),
        (format!("{}&Placement.Tenancy=host", spot("MaxPrice=1")), combination, "tenancy 'host'"),
        ("&Placement.Tenancy=dedicated".to_owned(), "200", "<tenancy>dedicated<"),
        ("&Placement.HostId=h-0123456789abcdef0".to_owned(), "InvalidHostID.NotFound", ""),
        ("&MetadataOptions.HttpPutResponseHopLimit=65".to_owned(), value, "between 1 and 64"),
        ("&MetadataOptions.Nonsense=1".to_owned(), "UnknownParameter", "MetadataOptions.Nonsense"),
        ("&MaintenanceOptions.AutoRecovery=disabled".to_owned(), "200", "<autoRecovery>disabled<"),
        (
            "&PrivateDnsNameOptions.HostnameType=resource-name&PrivateDnsNameOptions.EnableResourceNameDnsARecord=true"
                .to_owned(),
            "200",
            "<hostnameType>resource-name</hostnameType><enableResourceNameDnsARecord>true<",
        ),
        ("&NetworkPerformanceOptions.BandwidthWeighting=vpc-1".to_owned(), unsupported, "bandwidth weighting"),
        (
            "&CapacityReservationSpecification.CapacityReservationPreference=none".to_owned(),
            "200",
            "<capacityReservationPreference>none<",
        ),
        (
            "&CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId=cr-1".to_owned(),
            "InvalidCapacityReservationId.NotFound",
            "cr-1",
        ),
        (
            "&LicenseSpecification.1.LicenseConfigurationArn=arn:aws:license-manager:x".to_owned(),
            "200",
            "<licenseSet><item><licenseConfigurationArn>arn:aws:license-manager:x<",
        ),
        ("&CpuOptions.CoreCount=9".to_owned(), value, "The instance type does not offer it."),
        ("&CpuOptions.NestedVirtualization=enabled".to_owned(), "200", "<nestedVirtualization>enabled<"),
        ("&CpuOptions.AmdSevSnp=enabled".to_owned(), unsupported, "amd-sev-snp"),
        ("&CreditSpecification.CpuCredits=unlimited".to_owned(), "InstanceCreditSpecification.NotSupported", "m7i.large"),
        ("&CreditSpecification.CpuCredits=some".to_owned(), "InvalidCpuCredits", ""),
        ("&UserData=%25%25".to_owned(), value, "Invalid BASE64 encoding of user data."),
        (format!("&UserData={}", "AAAA".repeat(5462)), value, "User data is limited to 16384 bytes"),
        ("&KeyName=nobody".to_owned(), "InvalidKeyPair.NotFound", "The key pair 'nobody' does not exist"),
        ("&KeyName=sandbox".to_owned(), "200", "<keyName>sandbox<"),
        ("&IamInstanceProfile.Arn=web".to_owned(), "InvalidIamInstanceProfileArn.Malformed", "web"),
        ("&IamInstanceProfile.Name=web".to_owned(), "200", ":instance-profile/web<"),
        ("&KernelId=aki-05a4db01".to_owned(), unsupported, "KernelId"),
        ("&Monitoring.MetricCategoryId.1=x".to_owned(), unsupported, "Monitoring.MetricCategoryId"),
        (
            "&TagSpecification.1.ResourceType=spot-instances-request&TagSpecification.1.Tag.1.Key=a".to_owned(),
            combination,
            "requires a spot request",
        ),
        ("&TagSpecification.1.ResourceType=vpc".to_owned(), value, "'vpc' is not a valid taggable resource type"),
        (format!("&ClientToken={}", "t".repeat(65)), "InvalidClientToken", ""),
    ]
    .map(|(options, code, words)| (launch(SELF_OWNED, "m7i.large", &options), code, words))
    .into();
    check(&sandbox, &rows);
    check(
        &sandbox,
        &[
            (
                launch(SELF_OWNED, "t2.micro", "&Placement.Tenancy=dedicated"),
                "Unsupported",
                "The requested configuration",
            ),
            (
                launch(AMAZON_LINUX_2023_ARM64, "m8g.large", "&NetworkPerformanceOptions.BandwidthWeighting=vpc-1"),
                "200",
                "<bandwidthWeighting>vpc-1<",
            ),
        ],
    );
}

#[test]
fn each_resource_gets_its_own_tags() {
    let sandbox = open(&clock(), None);
    let tags: String = ["instance", "volume", "network-interface", "spot-instances-request"]
        .iter()
        .zip(1..)
        .map(|(kind, n)| format!("&TagSpecification.{n}.ResourceType={kind}&TagSpecification.{n}.Tag.1.Key=for&TagSpecification.{n}.Tag.1.Value={kind}"))
        .collect();
    ask(&sandbox, &launch(SELF_OWNED, "m7i.large", &format!("&InstanceMarketOptions.MarketType=spot{tags}")));
    let described = ask(&sandbox, "Action=DescribeTags&Filter.1.Name=key&Filter.1.Value.1=for").1;
    let (mut kinds, mut values) = (texts(&described, "resourceType"), texts(&described, "value"));
    kinds.sort_unstable();
    values.sort_unstable();
    assert_eq!(kinds, ["instance", "network-interface", "spot-instances-request", "volume"]);
    assert_eq!(kinds, values);
}

/// DescribeInstanceAttribute and ModifyInstanceAttribute.
#[test]
fn attributes_are_read_and_changed_one_at_a_time() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let launched = ask(&sandbox, &launch(SELF_OWNED, "t3.micro", "&UserData=aGk%3D&DisableApiStop=true")).1;
    let id = texts(&launched, "instanceId").remove(0);
    let read = |attribute: &str| {
        ask(&sandbox, &format!("Action=DescribeInstanceAttribute&InstanceId={id}&Attribute={attribute}")).1
    };
    let modify = |change: &str| answer(&sandbox, &format!("Action=ModifyInstanceAttribute&InstanceId={id}&{change}")).0;
    assert_eq!(texts(&read("userData"), "value"), ["aGk="]);
    assert_eq!(texts(&read("disableApiStop"), "value"), ["true"]);
    for (change, code, attribute, value) in [
        ("DisableApiStop.Value=false", "200", "disableApiStop", "false"),
        ("DisableApiTermination.Value=true", "200", "disableApiTermination", "true"),
        ("Attribute=disableApiTermination&Value=false", "200", "disableApiTermination", "false"),
        ("SourceDestCheck.Value=false", "200", "sourceDestCheck", "false"),
        ("InstanceInitiatedShutdownBehavior.Value=terminate", "200", "instanceInitiatedShutdownBehavior", "terminate"),
        ("InstanceType.Value=t3.small", "IncorrectInstanceState", "instanceType", "t3.micro"),
        ("InstanceType.Value=t9.small", "InvalidInstanceAttributeValue", "instanceType", "t3.micro"),
        ("UserData.Value=eA%3D%3D", "IncorrectInstanceState", "userData", "aGk="),
        ("EbsOptimized.Value=false", "IncorrectInstanceState", "ebsOptimized", "true"),
        ("DisableApiStop.Value=maybe", "InvalidParameterValue", "disableApiStop", "false"),
        ("EnaSupport.Value=true", "UnsupportedOperation", "enaSupport", "true"),
        ("EnclaveOptions.Enabled=true", "UnsupportedOperation", "enaSupport", "true"),
        ("DisableApiStop.Value=true&EbsOptimized.Value=true", "InvalidParameterCombination", "disableApiStop", "false"),
        (
            "BlockDeviceMapping.1.DeviceName=/dev/sdz&BlockDeviceMapping.1.Ebs.DeleteOnTermination=false",
            "InvalidInstanceAttributeValue",
            "rootDeviceName",
            "/dev/xvda",
        ),
        (
            "BlockDeviceMapping.1.DeviceName=/dev/xvda&BlockDeviceMapping.1.Ebs.DeleteOnTermination=false",
            "200",
            "rootDeviceName",
            "/dev/xvda",
        ),
    ] {
        assert_eq!(modify(change), code, "{change}");
        assert_eq!(texts(&read(attribute), "value"), [value], "{change}");
    }
    assert_eq!(texts(&read("blockDeviceMapping"), "deleteOnTermination"), ["false"]);
    assert_eq!(
        answer(&sandbox, &format!("Action=DescribeInstanceAttribute&InstanceId={id}&Attribute=x")).0,
        "InvalidParameterValue"
    );
    let credits = ask(&sandbox, &format!("Action=DescribeInstanceCreditSpecifications&InstanceId.1={id}")).1;
    assert_eq!(texts(&credits, "cpuCredits"), ["unlimited"]);
    clock.advance(Duration::from_secs(60));
    ask(&sandbox, &format!("Action=StopInstances&InstanceId.1={id}"));
    clock.advance(Duration::from_secs(600));
    for (change, code, attribute, value) in [
        ("InstanceType.Value=t4g.small", "InvalidParameterValue", "instanceType", "t3.micro"),
        ("InstanceType.Value=m7i.large", "200", "instanceType", "m7i.large"),
        ("UserData.Value=eA%3D%3D", "200", "userData", "eA=="),
        ("EbsOptimized.Value=false", "200", "ebsOptimized", "false"),
    ] {
        assert_eq!(modify(change), code, "{change}");
        assert_eq!(texts(&read(attribute), "value"), [value], "{change}");
    }
}

/// Another instance type must fit what was copied from the image.
#[test]
fn a_type_is_changed_to_one_that_boots() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let launched = ask(&sandbox, &launch(UEFI_TPM_X86_64, "m7i.large", "")).1;
    let id = texts(&launched, "instanceId").remove(0);
    clock.advance(Duration::from_secs(100));
    ask(&sandbox, &format!("Action=StopInstances&InstanceId.1={id}"));
    clock.advance(Duration::from_secs(600));
    let rows = [
        ("t2.micro", "InvalidParameterValue", "does not support an AMI with a boot mode of UEFI"),
        ("m7g.large", "InvalidParameterValue", "The architecture 'arm64'"),
        ("t3.micro", "200", ""),
    ];
    check(
        &sandbox,
        &rows.map(|(name, code, words)| {
            (format!("Action=ModifyInstanceAttribute&InstanceId={id}&InstanceType.Value={name}"), code, words)
        }),
    );
}

#[test]
fn imported_key_pairs_can_be_launched_with() {
    let sandbox = open(&clock(), None);
    // "ssh-ed25519 AAAA me"
    let import = "Action=ImportKeyPair&KeyName=mine&PublicKeyMaterial=c3NoLWVkMjU1MTkgQUFBQSBtZQ%3D%3D";
    assert_eq!(answer(&sandbox, import).0, "200");
    assert_eq!(answer(&sandbox, import).0, "InvalidKeyPair.Duplicate");
    assert_eq!(answer(&sandbox, "Action=ImportKeyPair&KeyName=bad&PublicKeyMaterial=eA%3D%3D").0, "InvalidKey.Format");
    assert_eq!(texts(&ask(&sandbox, "Action=DescribeKeyPairs").1, "keyName"), ["sandbox", "mine"]);
    assert_eq!(answer(&sandbox, &launch(SELF_OWNED, "m7i.large", "&KeyName=mine")).0, "200");
    assert_eq!(answer(&sandbox, "Action=DeleteKeyPair&KeyName=mine").0, "200");
    assert_eq!(answer(&sandbox, "Action=DescribeKeyPairs&KeyName.1=mine").0, "InvalidKeyPair.NotFound");
    assert_eq!(answer(&sandbox, "Action=CreateKeyPair&KeyName=new").0, "UnsupportedOperation");
}
