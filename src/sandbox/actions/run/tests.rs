//! Every refusal that follows from image and type, with its code.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use crate::clock::{SimClock, Timestamp};
use crate::sandbox::actions::{Answer, answer};
use crate::sandbox::wire::query::Query;
use crate::sandbox::{IMAGES_MIN, Options, Sandbox, landmarks::*};

#[test]
fn image_and_type_must_fit() {
    let clock = SimClock::new(Timestamp::from_second(1_800_000_000).unwrap());
    let sandbox = Sandbox::open(Options { images: IMAGES_MIN, ..Options::default() }, Arc::new(clock)).unwrap();
    for (image, instance_type, options, expected) in [
        (AMAZON_LINUX_2023_X86_64, "m7i.large", "", "200"),
        (AMAZON_LINUX_2023_ARM64, "m7g.large", "", "200"),
        (AMAZON_LINUX_2023_ARM64, "t3.micro", "", "InvalidParameterValue"),
        (PARAVIRTUAL_EBS_X86_64, "m5.large", "", "InvalidParameterCombination"),
        (PARAVIRTUAL_EBS_X86_64, "m3.medium", "", "200"),
        (PARAVIRTUAL_EBS_I386, "m1.small", "", "200"),
        (PARAVIRTUAL_INSTANCE_STORE_X86_64, "m1.small", "", "200"),
        (PARAVIRTUAL_INSTANCE_STORE_X86_64, "t1.micro", "", "UnsupportedOperation"),
        (HVM_INSTANCE_STORE_X86_64, "t2.micro", "", "UnsupportedOperation"),
        (HVM_INSTANCE_STORE_X86_64, "c3.large", "", "200"),
        (
            HVM_INSTANCE_STORE_X86_64,
            "c3.large",
            "&InstanceInitiatedShutdownBehavior=stop",
            "InvalidParameterCombination",
        ),
        (
            HVM_INSTANCE_STORE_X86_64,
            "c3.large",
            "&BlockDeviceMapping.1.DeviceName=/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeSize=8",
            "InvalidBlockDeviceMapping",
        ),
        (UEFI_TPM_X86_64, "t2.micro", "", "InvalidParameterValue"),
        (UEFI_TPM_X86_64, "m7i.large", "", "200"),
        (UEFI_TPM_X86_64, "hpc7a.12xlarge", "", "UnsupportedOperation"),
        (HVM_WITHOUT_ENA, "m5.large", "", "InvalidParameterCombination"),
        (HVM_WITHOUT_ENA, "t2.micro", "", "200"),
        (TYPE_RESTRICTED, "t3.micro", "", "InvalidParameterCombination"),
        (TYPE_RESTRICTED, "m7i.large", "", "200"),
        (MARKETPLACE, "t3.micro", "", "200"),
        (MARKETPLACE_UNSUBSCRIBED, "t3.micro", "", "OptInRequired"),
        (DISABLED, "t3.micro", "", "InvalidAMIID.Unavailable"),
        (PENDING, "t3.micro", "", "InvalidAMIID.Unavailable"),
        (DEPRECATED_AMAZON_LINUX_2, "t3.micro", "", "200"),
        (MAC_X86_64, "mac1.metal", "", "Unsupported"),
        (MAC_X86_64, "mac1.metal", "&Placement.Tenancy=host", "UnavailableHostRequirements"),
        (AMAZON_LINUX_2023_X86_64, "t3.micro", "&EnclaveOptions.Enabled=true", "UnsupportedOperation"),
        (
            AMAZON_LINUX_2023_X86_64,
            "m5.large",
            "&HibernationOptions.Configured=true",
            "UnsupportedHibernationConfiguration",
        ),
        (ENCRYPTED_MULTI_VOLUME, "m5.large", "&HibernationOptions.Configured=true", "200"),
        ("ami-0000000000000000f", "t3.micro", "", "InvalidAMIID.NotFound"),
        ("ami-x", "t3.micro", "", "InvalidAMIID.Malformed"),
        ("aki-05a4db01", "t3.micro", "", "InvalidAMIID.Malformed"),
        (AMAZON_LINUX_2023_X86_64, "x1.huge", "", "InvalidParameterValue"),
        (AMAZON_LINUX_2023_X86_64, "t3.micro", "&LaunchTemplate.LaunchTemplateName=x", "UnsupportedOperation"),
        (AMAZON_LINUX_2023_X86_64, "t3.micro", "&Nonsense=x", "UnknownParameter"),
    ] {
        let form =
            format!("Action=RunInstances&MinCount=1&MaxCount=1&ImageId={image}&InstanceType={instance_type}{options}");
        let mut headers = HeaderMap::new();
        let credential =
            "AWS4-HMAC-SHA256 Credential=A/20261001/sandbox-1/ec2/aws4_request, SignedHeaders=h, Signature=0";
        headers.insert(AUTHORIZATION, credential.parse().unwrap());
        let Answer::Xml(status, body) = answer(&sandbox, &headers, &Query::parse(form.as_bytes()).unwrap(), "r") else {
            panic!("{form}: no XML");
        };
        let code = body.split("<Code>").nth(1).and_then(|rest| rest.split('<').next());
        assert_eq!(code.unwrap_or(&status.to_string()), expected, "{form}");
    }
}
