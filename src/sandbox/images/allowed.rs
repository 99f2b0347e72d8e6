//! Allowed AMIs: an account's criteria for the images of others, and whether an image meets them
//! (EC2 User Guide, "Control the discovery and use of AMIs in Amazon EC2 with Allowed AMIs").
//!
//! Pure: settings, image and time in, verdict out. Limits are checked where settings are read.

use serde::{Deserialize, Serialize};

use super::facts::{Alias, Image, ProductCodeType, ScanResults, Severity, Watermark};
use crate::clock::Timestamp;
use crate::ids::AccountId;
use crate::sandbox::wire::pattern::Pattern;

const DAY_SECONDS: i64 = 86_400;

/// What the settings do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AllowedState {
    /// Nothing.
    #[default]
    Disabled,
    /// Images say whether they would be allowed.
    AuditMode,
    /// Images that are not allowed do not exist for the account.
    Enabled,
}

impl AllowedState {
    /// EC2's word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::AuditMode => "audit-mode",
            Self::Enabled => "enabled",
        }
    }
}

/// The settings of an account in one Region.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AllowedImages {
    pub(crate) state: AllowedState,
    /// An image must meet one of them.
    pub(crate) criteria: Vec<Criterion>,
}

/// `ImageCriterion`: every field that is set must be met, and of a list one value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Criterion {
    /// Owner aliases and account ids, or only `none`: nobody but the account itself.
    pub(crate) providers: Vec<String>,
    pub(crate) product_codes: Vec<String>,
    /// Names with wildcards.
    pub(crate) names: Vec<String>,
    /// 0 allows no deprecated image at all.
    pub(crate) days_since_deprecated: Option<u32>,
    pub(crate) days_since_created: Option<u32>,
    pub(crate) watermarks: Vec<WatermarkCriterion>,
    pub(crate) scan: Option<ScanCriterion>,
}

/// `ImageWatermarkFilter`: one watermark must meet all fields that are set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct WatermarkCriterion {
    /// `accountId:name`, with wildcards.
    pub(crate) key: Option<String>,
    /// With wildcards.
    pub(crate) source_region: Option<String>,
    pub(crate) days_since_source_created: Option<u32>,
    pub(crate) days_since_marked: Option<u32>,
}

/// `ScanResultCondition`: images that were never scanned do not meet it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ScanCriterion {
    pub(crate) days_since_scan: Option<u32>,
    /// The word of the worst severity that is tolerated.
    pub(crate) worst: Option<String>,
    /// Longest that a fix may have been available, by severity from informational to critical.
    pub(crate) days_since_fix: [Option<u32>; 5],
}

/// The settings, ready to judge many images at one moment.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    settings: &'a AllowedImages,
    /// Whose settings they are.
    account_id: &'a AccountId,
    /// Compiled once: a crawl judges every image of a Region.
    patterns: Vec<Patterns>,
    now: Timestamp,
}

#[derive(Debug)]
struct Patterns {
    names: Vec<Pattern>,
    /// Key and Region of each watermark criterion.
    watermarks: Vec<(Option<Pattern>, Option<Pattern>)>,
}

impl AllowedImages {
    /// What these settings of an account say at `now`.
    pub(crate) fn judge<'a>(&'a self, account_id: &'a AccountId, now: Timestamp) -> Judge<'a> {
        let compile = |text: &String| Pattern::new(text);
        let patterns =
            self.criteria.iter().filter(|_| self.state != AllowedState::Disabled).map(|criterion| Patterns {
                names: criterion.names.iter().map(compile).collect(),
                watermarks: criterion
                    .watermarks
                    .iter()
                    .map(|mark| (mark.key.as_ref().map(compile), mark.source_region.as_ref().map(compile)))
                    .collect(),
            });
        Judge { settings: self, account_id, patterns: patterns.collect(), now }
    }
}

impl Judge<'_> {
    /// `imageAllowed`. The account's own images always are, and so is everything while the settings
    /// are disabled ("All AMIs are allowed"). Without any criterion nothing of others is: EC2 says
    /// "only AMIs matching these criteria" and makes no exception for an empty list.
    pub(crate) fn allows(&self, image: &Image) -> bool {
        let criteria = &self.settings.criteria;
        self.settings.state == AllowedState::Disabled
            || image.is_owned_by(self.account_id.as_str())
            || criteria.iter().zip(&self.patterns).any(|(criterion, patterns)| self.meets(image, criterion, patterns))
    }

    /// Whether the account cannot find the image.
    pub(crate) fn hides(&self, image: &Image) -> bool {
        self.settings.state == AllowedState::Enabled && !self.allows(image)
    }

    fn meets(&self, image: &Image, criterion: &Criterion, patterns: &Patterns) -> bool {
        let extras = image.extras.as_deref();
        let name = image.name.as_deref().unwrap_or_default();
        let sold_as = |code: &String| {
            extras
                .into_iter()
                .flat_map(|extras| &extras.product_codes)
                .any(|(own, kind)| *kind == ProductCodeType::Marketplace && own == code)
        };
        let marks = extras.map_or(&[][..], |extras| &extras.watermarks);
        (criterion.providers.is_empty() || criterion.providers.iter().any(|provider| provides(provider, image)))
            && (criterion.product_codes.is_empty() || criterion.product_codes.iter().any(sold_as))
            && (patterns.names.is_empty() || patterns.names.iter().any(|pattern| pattern.matches(name)))
            && criterion.days_since_deprecated.is_none_or(|days| match image.deprecated {
                Some(since) if since <= self.now => days > 0 && self.is_within(since, days),
                _ => true,
            })
            && criterion
                .days_since_created
                .is_none_or(|days| image.created.is_some_and(|created| self.is_within(created, days)))
            && (criterion.watermarks.is_empty()
                || marks.iter().any(|mark| {
                    let rules = criterion.watermarks.iter().zip(&patterns.watermarks);
                    rules.into_iter().any(|(rule, patterns)| self.is_marked(mark, rule, patterns))
                }))
            && criterion.scan.as_ref().is_none_or(|rule| {
                extras.and_then(|extras| extras.scan.as_ref()).is_some_and(|scan| self.is_clean(scan, rule))
            })
    }

    fn is_marked(
        &self,
        mark: &Watermark,
        rule: &WatermarkCriterion,
        (key, region): &(Option<Pattern>, Option<Pattern>),
    ) -> bool {
        key.as_ref().is_none_or(|key| key.matches(&mark.key))
            && region.as_ref().is_none_or(|region| region.matches(&mark.source_region))
            && rule.days_since_source_created.is_none_or(|days| self.is_within(mark.source_created, days))
            && rule.days_since_marked.is_none_or(|days| self.is_within(mark.marked, days))
    }

    fn is_clean(&self, scan: &ScanResults, rule: &ScanCriterion) -> bool {
        let worst = rule.worst.as_deref().and_then(|word| Severity::ALL.iter().find(|known| known.as_str() == word));
        let fixes = Severity::ALL.iter().zip(rule.days_since_fix);
        rule.days_since_scan.is_none_or(|days| self.is_within(scan.scanned, days))
            // Findings count whether or not they can be fixed; none at all is better than any.
            && worst.is_none_or(|worst| scan.highest().is_none_or(|highest| highest <= *worst))
            && fixes.into_iter().all(|(severity, days)| match (scan.fix_since(*severity), days) {
                (Some(since), Some(days)) => self.is_within(since, days),
                _ => true,
            })
    }

    /// Whether no more than `days` have passed since `time`.
    fn is_within(&self, time: Timestamp, days: u32) -> bool {
        self.now.as_second() - time.as_second() <= i64::from(days) * DAY_SECONDS
    }
}

fn provides(provider: &str, image: &Image) -> bool {
    match provider {
        // Only the account's own images, which are not judged.
        "none" => false,
        account if account.starts_with(|c: char| c.is_ascii_digit()) => image.is_owned_by(account),
        alias => image.alias.map(Alias::as_str) == Some(alias),
    }
}

#[cfg(test)]
mod tests;
