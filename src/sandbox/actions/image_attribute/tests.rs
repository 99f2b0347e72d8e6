//! What owners read and change, and that everything sees the change.

use super::super::images::tests::{ask, open, outcome, texts};
use crate::sandbox::{IMAGES_MIN, landmarks::*};

const NEW: &str = "ami-05a4db0c500000009";

#[test]
fn attributes_are_for_owners() {
    let sandbox = open(1, IMAGES_MIN, None);
    for (image, attribute, expected) in [
        (SELF_OWNED, "description", "<description><value>web base image</value></description>"),
        (SELF_OWNED, "kernel", "<kernel></kernel>"),
        (SELF_OWNED, "ramdisk", "<ramdisk></ramdisk>"),
        (
            SELF_OWNED,
            "launchPermission",
            "<launchPermission><item><userId>000000000100</userId></item></launchPermission>",
        ),
        (TYPE_RESTRICTED, "launchPermission", "<launchPermission></launchPermission>"),
        (SELF_OWNED, "productCodes", "<productCodes></productCodes>"),
        (SELF_OWNED, "blockDeviceMapping", "AuthFailure"),
        (SELF_OWNED, "sriovNetSupport", "<sriovNetSupport><value>simple</value></sriovNetSupport>"),
        (SELF_OWNED, "bootMode", "<bootMode><value>uefi-preferred</value></bootMode>"),
        (SELF_OWNED, "tpmSupport", "<tpmSupport></tpmSupport>"),
        (SELF_OWNED, "uefiData", "<uefiData></uefiData>"),
        (SELF_OWNED, "lastLaunchedTime", "<lastLaunchedTime><value>2026-09-30T18:00:00Z</value></lastLaunchedTime>"),
        (SELF_OWNED, "imdsSupport", "<imdsSupport></imdsSupport>"),
        (SELF_OWNED, "deregistrationProtection", "<value>disabled</value></deregistrationProtection>"),
        (SELF_OWNED, "TpmSupport", "InvalidRequest"),
        (SELF_OWNED, "", "MissingParameter"),
        (SELF_OWNED, "description&DryRun=true", "DryRunOperation"),
        (SHARED, "description", "AuthFailure"),
        (NEW, "launchPermission", "AuthFailure"),
        ("ami-0000000000000000f", "description", "InvalidAMIID.NotFound"),
        ("ami-0", "description", "InvalidAMIID.Malformed"),
    ] {
        let (status, body) =
            ask(&sandbox, &format!("Action=DescribeImageAttribute&ImageId={image}&Attribute={attribute}"));
        let fits = body.contains(expected) && (expected.starts_with('<') == (status == 200));
        assert!(fits, "{image} {attribute}: {body}");
    }
    let (status, body) = ask(&sandbox, &format!("Action=DescribeImageAttribute&ImageId={SHARED}&Attribute=kernel"));
    assert_eq!((status, texts(&body, "Message")), (403, vec![format!("Not authorized for image:{SHARED}")]));
}

#[test]
fn changes_are_checked() {
    let sandbox = open(1, IMAGES_MIN, None);
    let flat = "Attribute=launchPermission&OperationType=add";
    for (image, change, expected) in [
        (SELF_OWNED, "", "InvalidParameterCombination"),
        (SELF_OWNED, "Description.Value=x&ImdsSupport.Value=v2.0", "InvalidParameterCombination"),
        (SELF_OWNED, "Attribute=description&LaunchPermission.Add.1.Group=all", "InvalidParameterCombination"),
        (SELF_OWNED, "Attribute=description&Value=x&UserId.1=000000000100", "InvalidParameterCombination"),
        (SELF_OWNED, "Attribute=launchPermission&Value=x", "InvalidParameterCombination"),
        (SELF_OWNED, "UserId.1=000000000100&OperationType=add&Description.Value=x", "InvalidParameterCombination"),
        (SELF_OWNED, "Attribute=launchPermission&UserId.1=000000000100", "MissingParameter"),
        (SELF_OWNED, "Attribute=description", "MissingParameter"),
        (SELF_OWNED, flat, "MissingParameter"),
        (SELF_OWNED, "Attribute=kernel&Value=x", "InvalidRequest"),
        (SELF_OWNED, "Attribute=bootMode", "InvalidRequest"),
        (SELF_OWNED, "Attribute=Description%20&Description.Value=web%20base%20image", "200"),
        (SELF_OWNED, "ProductCode.1=x", "UnsupportedOperation"),
        (SELF_OWNED, "ImdsSupport.Value=v1.0", "InvalidParameterValue"),
        (SELF_OWNED, &format!("Description.Value={}", "x".repeat(256)), "InvalidParameterValue"),
        (SELF_OWNED, &format!("{flat}&UserId.1=1234-5678-9012"), "InvalidAMIAttributeItemValue"),
        (SELF_OWNED, &format!("{flat}&UserGroup.1=everyone"), "InvalidAMIAttributeItemValue"),
        (SELF_OWNED, &format!("{flat}&OrganizationArn.1=o-5a4db0c500"), "InvalidAMIAttributeItemValue"),
        (SELF_OWNED, "LaunchPermission.Add.1.OrganizationalUnitArn=ou-1", "InvalidAMIAttributeItemValue"),
        (SELF_OWNED, "LaunchPermission.Add.1.Nobody=x", "UnknownParameter"),
        (
            SELF_OWNED,
            "LaunchPermission.Add.1.Group=all&LaunchPermission.Add.1.UserId=000000000100",
            "InvalidParameterCombination",
        ),
        (ENCRYPTED_MULTI_VOLUME, "LaunchPermission.Add.1.Group=all", "OperationNotPermitted"),
        (ENCRYPTED_MULTI_VOLUME, "LaunchPermission.Add.1.UserId=000000000100", "200"),
        (TYPE_RESTRICTED, "Description.Value=", "200"),
        (PENDING, "Description.Value=x", "InvalidAMIID.Unavailable"),
        (DISABLED, "LaunchPermission.Add.1.UserId=000000000100", "InvalidAMIID.Unavailable"),
        (SHARED, "Description.Value=x", "AuthFailure"),
        (SELF_OWNED, "Description.Value=x&DryRun=true", "DryRunOperation"),
    ] {
        let form = format!("Action=ModifyImageAttribute&ImageId={image}&{change}");
        assert_eq!(outcome(&sandbox, &form), expected, "{form}");
    }
    let (_, body) =
        ask(&sandbox, &format!("Action=DescribeImageAttribute&ImageId={TYPE_RESTRICTED}&Attribute=description"));
    assert!(body.contains("<description></description>"), "{body}");
    for (action, image, parameters, expected) in [
        ("EnableImageDeprecation", SELF_OWNED, "", "MissingParameter"),
        ("EnableImageDeprecation", SELF_OWNED, "&DeprecateAt=soon", "InvalidParameterValue"),
        ("EnableImageDeprecation", SELF_OWNED, "&DeprecateAt=2026-01-01T00:00:00Z", "InvalidParameterValue"),
        ("EnableImageDeprecation", SELF_OWNED, "&DeprecateAt=2038-01-01T00:00:00Z", "InvalidParameterValue"),
        ("EnableImageDeprecation", SHARED, "&DeprecateAt=2028-01-01T00:00:00Z", "AuthFailure"),
        ("DisableImageDeprecation", SHARED, "", "AuthFailure"),
        ("DisableImage", SHARED, "", "AuthFailure"),
        ("DisableImage", PENDING, "", "InvalidAMIID.Unavailable"),
        ("EnableImage", PENDING, "", "InvalidAMIID.Unavailable"),
        ("EnableImage", DISABLED, "&DryRun=true", "DryRunOperation"),
    ] {
        let form = format!("Action={action}&ImageId={image}{parameters}");
        assert_eq!(outcome(&sandbox, &form), expected, "{form}");
    }
}

#[test]
fn a_change_is_seen_everywhere_and_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut sandbox = open(1, IMAGES_MIN, Some(directory.path().to_owned()));
    let unit = "arn:aws:organizations::000000000100:ou/o-5a4db0c500/ou-5a4d-b0c50001";
    for form in [
        format!(
            "Action=ModifyImageAttribute&ImageId={SELF_OWNED}&LaunchPermission.Add.1.Group=all&LaunchPermission.Add.2.OrganizationalUnitArn={unit}&LaunchPermission.Remove.1.UserId=000000000100"
        ),
        format!("Action=ModifyImageAttribute&ImageId={SELF_OWNED}&Attribute=description&Value=better"),
        format!("Action=ModifyImageAttribute&ImageId={SELF_OWNED}&ImdsSupport.Value=v2.0"),
        format!("Action=EnableImageDeprecation&ImageId={SELF_OWNED}&DeprecateAt=2027-08-01T10:00:40Z"),
    ] {
        assert_eq!(outcome(&sandbox, &form), "200", "{form}");
    }
    let run = |id: &str| format!("Action=RunInstances&ImageId={id}&InstanceType=t3.micro&MinCount=1&MaxCount=1");
    for _ in 0..2 {
        let find = |question: &str| {
            let (_, body) = ask(&sandbox, &format!("Action=DescribeImages{question}"));
            texts(&body, "imageId").contains(&SELF_OWNED.to_owned())
        };
        for question in [
            "&ExecutableBy.1=all",
            "&ExecutableBy.1=self",
            "&Filter.1.Name=is-public&Filter.1.Value.1=true",
            "&Filter.1.Name=description&Filter.1.Value.1=bett*",
        ] {
            assert!(find(question), "{question}");
        }
        assert!(!find("&ExecutableBy.1=000000000100"));
        let (_, body) = ask(&sandbox, &format!("Action=DescribeImages&ImageId.1={SELF_OWNED}"));
        for text in ["<imdsSupport>v2.0<", "<deprecationTime>2027-08-01T10:01:00.000Z<", "<isPublic>true<"] {
            assert!(body.contains(text), "{text}: {body}");
        }
        drop(sandbox);
        sandbox = open(1, IMAGES_MIN, Some(directory.path().to_owned()));
    }
    let launched = ask(&sandbox, &run(SELF_OWNED)).1;
    assert_eq!(texts(&launched, "httpTokens"), ["required"], "an instance follows the changed image");
    // A public image keeps the two years that all public images have.
    assert_eq!(outcome(&sandbox, &format!("Action=DisableImageDeprecation&ImageId={SELF_OWNED}")), "200");
    let shown = ask(&sandbox, &format!("Action=DescribeImages&ImageId.1={SELF_OWNED}")).1;
    assert_eq!(texts(&shown, "deprecationTime"), ["2028-09-29T18:00:00.000Z"]);
    // Disabling takes the permissions, and enabling does not give them back.
    for (form, expected) in [
        (format!("Action=DisableImage&ImageId={SELF_OWNED}"), "200"),
        (format!("Action=DisableImage&ImageId={SELF_OWNED}"), "200"),
        (run(SELF_OWNED), "InvalidAMIID.Unavailable"),
        (format!("Action=EnableImage&ImageId={SELF_OWNED}"), "200"),
        (format!("Action=DisableImageDeprecation&ImageId={SELF_OWNED}"), "200"),
        (run(SELF_OWNED), "200"),
        (format!("Action=EnableImage&ImageId={DISABLED}"), "200"),
        (run(DISABLED), "200"),
    ] {
        assert_eq!(outcome(&sandbox, &form), expected, "{form}");
    }
    let shown = ask(&sandbox, &format!("Action=DescribeImages&ImageId.1={SELF_OWNED}")).1;
    assert!(texts(&shown, "deprecationTime").is_empty() && texts(&shown, "isPublic") == ["false"]);
    let form = format!("Action=DescribeImageAttribute&Attribute=launchPermission&ImageId={SELF_OWNED}");
    assert!(ask(&sandbox, &form).1.contains("<launchPermission></launchPermission>"));
}
