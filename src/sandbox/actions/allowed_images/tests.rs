//! The settings on the wire: limits, and what they hide.

use super::super::images::tests::{ask, open, outcome, texts};
use crate::sandbox::{IMAGES_MIN, landmarks::*};

const REPLACE: &str = "Action=ReplaceImageCriteriaInAllowedImagesSettings";
const ENABLE: &str = "Action=EnableAllowedImagesSettings&AllowedImagesSettingsState=";

#[test]
fn criteria_have_limits() {
    let sandbox = open(1, IMAGES_MIN, None);
    let many = |count: usize, parameter: &str, value: &str| -> String {
        (1..=count).map(|n| format!("&{}={value}", parameter.replace('#', &n.to_string()))).collect()
    };
    let first = |member: &str, value: &str| format!("&ImageCriterion.1.{member}={value}");
    for (criteria, expected) in [
        (String::new(), "200"),
        (many(10, "ImageCriterion.#.ImageProvider.1", "amazon"), "200"),
        (many(11, "ImageCriterion.#.ImageProvider.1", "amazon"), "InvalidParameterValue"),
        (many(200, "ImageCriterion.1.ImageProvider.#", "000000000100"), "200"),
        (many(201, "ImageCriterion.1.ImageProvider.#", "000000000100"), "InvalidParameterValue"),
        (many(50, "ImageCriterion.1.ImageName.#", "a*"), "200"),
        (many(51, "ImageCriterion.1.ImageName.#", "a*"), "InvalidParameterValue"),
        (many(51, "ImageCriterion.1.MarketplaceProductCode.#", "a"), "InvalidParameterValue"),
        (many(51, "ImageCriterion.1.ImageWatermark.#.WatermarkKey", "*"), "InvalidParameterValue"),
        (first("ImageProvider.1", "self"), "InvalidParameterValue"),
        (first("ImageProvider.1", "none"), "200"),
        (first("ImageProvider.1", "none") + &first("ImageProvider.2", "amazon"), "InvalidParameterCombination"),
        (first("ImageName.1", "a?"), "InvalidParameterValue"),
        (first("ImageName.1", "a?b"), "200"),
        (first("ImageName.1", "a%5Cb"), "InvalidParameterValue"),
        (first("ImageName.1", &"x".repeat(129)), "InvalidParameterValue"),
        (first("MarketplaceProductCode.1", &"x".repeat(26)), "InvalidParameterValue"),
        (first("MarketplaceProductCode.1", "a-b"), "InvalidParameterValue"),
        (first("CreationDateCondition.MaximumDaysSinceCreated", "2147483647"), "200"),
        (first("CreationDateCondition.MaximumDaysSinceCreated", "2147483648"), "InvalidParameterValue"),
        (first("DeprecationTimeCondition.MaximumDaysSinceDeprecated", "-1"), "InvalidParameterValue"),
        (first("DeprecationTimeCondition.MaximumDaysSinceCreated", "1"), "UnknownParameter"),
        (first("ScanResultCondition.MaximumSeverityLabel", "HIGH"), "InvalidParameterValue"),
        (first("ScanResultCondition.MaxDaysSinceLowFixAvailable", "7"), "200"),
        (first("ImageOwner.1", "amazon"), "UnknownParameter"),
        ("&ImageCriterion.1=".to_owned(), "MissingParameter"),
    ] {
        let shown: String = criteria.chars().take(100).collect();
        assert_eq!(outcome(&sandbox, &format!("{REPLACE}{criteria}")), expected, "{shown}");
    }
    assert_eq!(outcome(&sandbox, &format!("{ENABLE}disabled")), "InvalidParameterValue");
    assert_eq!(outcome(&sandbox, "Action=EnableAllowedImagesSettings"), "MissingParameter");
    assert_eq!(outcome(&sandbox, &format!("{ENABLE}enabled&DryRun=true")), "DryRunOperation");
}

#[test]
fn enabled_hides_audit_tells_and_disabled_does_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let open = || open(1, IMAGES_MIN, Some(directory.path().to_owned()));
    let sandbox = open();
    let criteria = "&ImageCriterion.1.ImageProvider.1=amazon&ImageCriterion.1.ImageName.1=al2023-*\
                    &ImageCriterion.2.ScanResultCondition.MaxDaysSinceHighFixAvailable=7\
                    &ImageCriterion.2.ImageWatermark.1.SourceImageRegion=eu-*";
    assert_eq!(outcome(&sandbox, &format!("{REPLACE}{criteria}")), "200");
    let foreign = [(AMAZON_LINUX_2023_X86_64, true), (UBUNTU_24_04_X86_64, false), (SHARED, false), (SELF_OWNED, true)];
    let describe = |id: &str| format!("Action=DescribeImages&ImageId.1={id}");
    let run = |id: &str| format!("Action=RunInstances&ImageId={id}&InstanceType=t3.micro&MinCount=1&MaxCount=1");
    let not_allowed = "Action=DescribeImages&Filter.1.Name=image-allowed&Filter.1.Value.1=false";
    for (id, _) in foreign {
        assert!(ask(&sandbox, &describe(id)).1.contains("<imageAllowed>true<"), "disabled: {id}");
    }
    assert!(texts(&ask(&sandbox, not_allowed).1, "imageId").is_empty());

    assert_eq!(texts(&ask(&sandbox, &format!("{ENABLE}audit-mode")).1, "allowedImagesSettingsState"), ["audit-mode"]);
    for (id, allowed) in foreign {
        assert!(ask(&sandbox, &describe(id)).1.contains(&format!("<imageAllowed>{allowed}<")), "audit: {id}");
        assert_eq!(outcome(&sandbox, &run(id)), "200");
        assert_eq!(texts(&ask(&sandbox, not_allowed).1, "imageId").contains(&id.to_owned()), !allowed);
    }

    assert_eq!(outcome(&sandbox, &format!("{ENABLE}enabled")), "200");
    drop(sandbox);
    let sandbox = open();
    let all = texts(&ask(&sandbox, "Action=DescribeImages").1, "imageId");
    for (id, allowed) in foreign {
        let expected = if allowed { "200" } else { "InvalidAMIID.NotFound" };
        assert_eq!(outcome(&sandbox, &describe(id)), expected, "{id}");
        assert_eq!(outcome(&sandbox, &run(id)), expected, "{id}");
        assert_eq!(all.contains(&id.to_owned()), allowed, "{id}");
    }
    let settings = ask(&sandbox, "Action=GetAllowedImagesSettings").1;
    let expected = "<state>enabled</state><imageCriterionSet><item><imageProviderSet><item>amazon</item>\
        </imageProviderSet><imageNameSet><item>al2023-*</item></imageNameSet></item><item><imageWatermarkSet><item>\
        <sourceImageRegion>eu-*</sourceImageRegion></item></imageWatermarkSet><scanResultCondition>\
        <maxDaysSinceHighFixAvailable>7</maxDaysSinceHighFixAvailable></scanResultCondition></item>\
        </imageCriterionSet><managedBy>account</managedBy>";
    assert!(settings.contains(expected), "{settings}");
    assert_eq!(outcome(&sandbox, "Action=DisableAllowedImagesSettings"), "200");
    assert_eq!(outcome(&sandbox, &describe(SHARED)), "200");
}
