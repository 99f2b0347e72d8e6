//! Allowed AMIs settings.

use aws_sdk_ec2::types as sdk;

use super::word;
use crate::ec2::facts::{AllowedImages, ImageCriterion, ImageWatermarkCriterion, ScanResultCriterion};

/// The settings, from the parts of the answer.
pub(in crate::ec2) fn allowed_images(
    state: Option<String>,
    managed_by: Option<sdk::ManagedBy>,
    criteria: Option<Vec<sdk::ImageCriterion>>,
) -> AllowedImages {
    AllowedImages {
        state,
        criteria: criteria.unwrap_or_default().into_iter().map(criterion).collect(),
        managed_by: word(managed_by),
    }
}

fn criterion(from: sdk::ImageCriterion) -> ImageCriterion {
    ImageCriterion {
        image_providers: from.image_providers.unwrap_or_default(),
        image_names: from.image_names.unwrap_or_default(),
        marketplace_product_codes: from.marketplace_product_codes.unwrap_or_default(),
        maximum_days_since_created: from
            .creation_date_condition
            .and_then(|condition| condition.maximum_days_since_created),
        maximum_days_since_deprecated: from
            .deprecation_time_condition
            .and_then(|condition| condition.maximum_days_since_deprecated),
        image_watermarks: from.image_watermarks.unwrap_or_default().into_iter().map(watermark).collect(),
        scan_result: from.scan_result_condition.map(scan_result),
    }
}

fn watermark(from: sdk::ImageWatermarkFilterResponse) -> ImageWatermarkCriterion {
    ImageWatermarkCriterion {
        watermark_key: from.watermark_key,
        source_image_region: from.source_image_region,
        maximum_days_since_source_image_created: from.maximum_days_since_source_image_created,
        maximum_days_since_watermark_created: from.maximum_days_since_watermark_created,
    }
}

fn scan_result(from: sdk::ScanResultCondition) -> ScanResultCriterion {
    ScanResultCriterion {
        maximum_severity_label: word(from.maximum_severity_label),
        max_days_since_last_finding_scan: from.max_days_since_last_finding_scan,
        max_days_since_informational_fix_available: from.max_days_since_informational_fix_available,
        max_days_since_low_fix_available: from.max_days_since_low_fix_available,
        max_days_since_medium_fix_available: from.max_days_since_medium_fix_available,
        max_days_since_high_fix_available: from.max_days_since_high_fix_available,
        max_days_since_critical_fix_available: from.max_days_since_critical_fix_available,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ec2::convert::tests::holes;

    #[test]
    fn every_field_of_the_settings_is_mapped() {
        let criterion = sdk::ImageCriterion::builder()
            .image_providers("amazon")
            .image_names("al2023-*")
            .marketplace_product_codes("abc")
            .creation_date_condition(sdk::CreationDateCondition::builder().maximum_days_since_created(90).build())
            .deprecation_time_condition(
                sdk::DeprecationTimeCondition::builder().maximum_days_since_deprecated(0).build(),
            )
            .image_watermarks(
                sdk::ImageWatermarkFilterResponse::builder()
                    .watermark_key("123456789012:golden")
                    .source_image_region("eu-*")
                    .maximum_days_since_source_image_created(1)
                    .maximum_days_since_watermark_created(2)
                    .build(),
            )
            .scan_result_condition(
                sdk::ScanResultCondition::builder()
                    .maximum_severity_label("severe".into())
                    .max_days_since_last_finding_scan(3)
                    .max_days_since_informational_fix_available(4)
                    .max_days_since_low_fix_available(5)
                    .max_days_since_medium_fix_available(6)
                    .max_days_since_high_fix_available(7)
                    .max_days_since_critical_fix_available(8)
                    .build(),
            )
            .build();
        let settings =
            allowed_images(Some("audit-mode".to_owned()), Some("declarative-policy".into()), Some(vec![criterion]));
        assert_eq!(holes(&settings), Vec::<String>::new());
        let [criterion] = &settings.criteria[..] else { panic!("one criterion") };
        assert_eq!(criterion.maximum_days_since_created, Some(90));
        assert_eq!(criterion.maximum_days_since_deprecated, Some(0));
        let scan = criterion.scan_result.as_ref().unwrap();
        assert_eq!(scan.maximum_severity_label.as_deref(), Some("severe"), "a word the SDK does not know survives");
        assert_eq!(scan.max_days_since_critical_fix_available, Some(8));
        assert_eq!(allowed_images(None, None, None), AllowedImages::default());
    }
}
