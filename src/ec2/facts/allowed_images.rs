//! Allowed AMIs: which images of others an account may see and launch in a Region, as
//! GetAllowedImagesSettings describes it.

use serde::{Deserialize, Serialize};

/// The settings of an account in one Region. The account's own images are never restricted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AllowedImages {
    /// `enabled` (images that meet no criterion do not exist for the account), `audit-mode` (they
    /// are marked) or `disabled`.
    pub state: Option<String>,
    /// An image must meet one of these; at most 10.
    #[serde(default)]
    pub criteria: Vec<ImageCriterion>,
    /// `account` or `declarative-policy`.
    pub managed_by: Option<String>,
}

/// One criterion: every field that is set must be met, and of a list one value. An absent list is
/// a field that is not set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImageCriterion {
    /// Owner aliases and account ids, at most 200; or only `none`, which means nobody but the
    /// account itself.
    #[serde(default)]
    pub image_providers: Vec<String>,
    /// Names with `*` and `?`, at most 50.
    #[serde(default)]
    pub image_names: Vec<String>,
    /// Marketplace product codes, at most 50.
    #[serde(default)]
    pub marketplace_product_codes: Vec<String>,
    /// Most days since the image was made.
    pub maximum_days_since_created: Option<i32>,
    /// Most days since it was deprecated; 0 allows no deprecated image.
    pub maximum_days_since_deprecated: Option<i32>,
    /// Watermarks, at most 50, of which the image must carry one.
    #[serde(default)]
    pub image_watermarks: Vec<ImageWatermarkCriterion>,
    /// What a security scan must have said.
    pub scan_result: Option<ScanResultCriterion>,
}

/// A watermark that an image must carry; one mark must meet every field that is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImageWatermarkCriterion {
    /// `accountId:name`, with wildcards.
    pub watermark_key: Option<String>,
    /// Region of the image that was marked first, with wildcards.
    pub source_image_region: Option<String>,
    /// Most days since that image was made.
    pub maximum_days_since_source_image_created: Option<i32>,
    /// Most days since the mark was made.
    pub maximum_days_since_watermark_created: Option<i32>,
}

/// What a security scan must have said. An image that was never scanned does not meet it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ScanResultCriterion {
    /// The worst severity that is tolerated.
    pub maximum_severity_label: Option<String>,
    /// Most days since the last scan.
    pub max_days_since_last_finding_scan: Option<i32>,
    /// Most days since there has been a fix for an informational finding.
    pub max_days_since_informational_fix_available: Option<i32>,
    /// The same for low findings.
    pub max_days_since_low_fix_available: Option<i32>,
    /// The same for medium findings.
    pub max_days_since_medium_fix_available: Option<i32>,
    /// The same for high findings.
    pub max_days_since_high_fix_available: Option<i32>,
    /// The same for critical findings.
    pub max_days_since_critical_fix_available: Option<i32>,
}
