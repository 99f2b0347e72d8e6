//! Reads `ImageCriterion.N` within EC2's limits (EC2 API Reference, "ImageCriterionRequest"). The
//! limits are documented, their codes are not; a wrong value is InvalidParameterValue as elsewhere.

use crate::sandbox::images::allowed::{Criterion, ScanCriterion, WatermarkCriterion};
use crate::sandbox::images::permissions::is_account_id;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;

/// Criteria of an account.
const CRITERIA_MAX: usize = 10;
const PROVIDERS_MAX: usize = 200;
const NAMES_MAX: usize = 50;
const PRODUCT_CODES_MAX: usize = 50;
const WATERMARKS_MAX: usize = 50;
/// Characters of a name, and the fewest of one with `?`.
const NAME_CHARS_MAX: usize = 128;
const NAME_CHARS_MIN_WITH_ONE: usize = 3;
/// What a name may have besides letters and digits.
const NAME_SIGNS: &str = "()[]./-'@_*? ";
const PRODUCT_CODE_CHARS_MAX: usize = 25;
/// The most of any number of days.
const DAYS_MAX: i64 = 2_147_483_647;

const SEVERITIES: [&str; 5] = ["informational", "low", "medium", "high", "critical"];
/// The parameters for available fixes, by severity from informational to critical.
pub(super) const FIXES: [&str; 5] = [
    "MaxDaysSinceInformationalFixAvailable",
    "MaxDaysSinceLowFixAvailable",
    "MaxDaysSinceMediumFixAvailable",
    "MaxDaysSinceHighFixAvailable",
    "MaxDaysSinceCriticalFixAvailable",
];

/// All criteria of a request.
pub(super) fn read(params: &Node) -> Result<Vec<Criterion>, Ec2Error> {
    let criteria = params.list("ImageCriterion").map(criterion).collect::<Result<Vec<_>, _>>()?;
    at_most(criteria.len(), CRITERIA_MAX, "ImageCriterion")?;
    Ok(criteria)
}

fn criterion(node: &Node) -> Result<Criterion, Ec2Error> {
    only(
        node,
        &[
            "ImageProvider",
            "MarketplaceProductCode",
            "ImageName",
            "DeprecationTimeCondition",
            "CreationDateCondition",
            "ImageWatermark",
            "ScanResultCondition",
        ],
    )?;
    let condition = |name: &str, member: &str| match node.member(name) {
        None => Ok(None),
        Some(condition) => {
            only(condition, &[member])?;
            days(condition, member)?
                .map(Some)
                .ok_or_else(|| Ec2Error::missing(&format!("{}.{member}", condition.path())))
        }
    };
    let criterion = Criterion {
        providers: texts(node, "ImageProvider", PROVIDERS_MAX, |text| {
            is_account_id(text) || ["amazon", "aws-marketplace", "aws-backup-vault", "none"].contains(&text)
        })?,
        product_codes: texts(node, "MarketplaceProductCode", PRODUCT_CODES_MAX, |text| {
            (1..=PRODUCT_CODE_CHARS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
        })?,
        names: texts(node, "ImageName", NAMES_MAX, |text| {
            let fewest = if text.contains('?') { NAME_CHARS_MIN_WITH_ONE } else { 1 };
            (fewest..=NAME_CHARS_MAX).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || NAME_SIGNS.contains(c))
        })?,
        days_since_deprecated: condition("DeprecationTimeCondition", "MaximumDaysSinceDeprecated")?,
        days_since_created: condition("CreationDateCondition", "MaximumDaysSinceCreated")?,
        watermarks: node.list("ImageWatermark").map(watermark).collect::<Result<_, _>>()?,
        scan: node.member("ScanResultCondition").map(scan).transpose()?,
    };
    at_most(criterion.watermarks.len(), WATERMARKS_MAX, "ImageWatermark")?;
    if criterion.providers.len() > 1 && criterion.providers.iter().any(|provider| provider == "none") {
        let message = "When the image provider none is specified, no other values can be specified.";
        return Err(Ec2Error::combination(message));
    }
    Ok(criterion)
}

fn watermark(node: &Node) -> Result<WatermarkCriterion, Ec2Error> {
    let (source, marked) = ("MaximumDaysSinceSourceImageCreated", "MaximumDaysSinceWatermarkCreated");
    only(node, &["WatermarkKey", "SourceImageRegion", source, marked])?;
    Ok(WatermarkCriterion {
        key: node.text("WatermarkKey").map(str::to_owned),
        source_region: node.text("SourceImageRegion").map(str::to_owned),
        days_since_source_created: days(node, source)?,
        days_since_marked: days(node, marked)?,
    })
}

fn scan(node: &Node) -> Result<ScanCriterion, Ec2Error> {
    let (scanned, worst) = ("MaxDaysSinceLastFindingScan", "MaximumSeverityLabel");
    only(node, &[&[scanned, worst], &FIXES[..]].concat())?;
    let mut criterion = ScanCriterion {
        days_since_scan: days(node, scanned)?,
        worst: node.choice(worst, &SEVERITIES)?.map(str::to_owned),
        ..ScanCriterion::default()
    };
    for (fix, name) in criterion.days_since_fix.iter_mut().zip(FIXES) {
        *fix = days(node, name)?;
    }
    Ok(criterion)
}

/// Refuses members that a structure does not have, and a structure without any.
fn only(node: &Node, known: &[&str]) -> Result<(), Ec2Error> {
    let mut members = node.member_names().peekable();
    if members.peek().is_none() {
        return Err(Ec2Error::missing(&format!("{}.{}", node.path(), known.join(" or "))));
    }
    match members.find(|member| !known.contains(member)) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("The parameter {}.{unknown} is not recognized", node.path());
            Err(Ec2Error::new("UnknownParameter", message))
        }
    }
}

fn texts(node: &Node, name: &str, most: usize, fits: impl Fn(&str) -> bool) -> Result<Vec<String>, Ec2Error> {
    let texts = node.texts(name);
    at_most(texts.len(), most, name)?;
    match texts.iter().find(|text| !fits(text)) {
        None => Ok(texts.into_iter().map(str::to_owned).collect()),
        Some(wrong) => Err(Ec2Error::invalid(&format!("{}.{name}", node.path()), wrong, "It is malformed.")),
    }
}

fn days(node: &Node, name: &str) -> Result<Option<u32>, Ec2Error> {
    let days = node.integer(name)?;
    days.map(|days| {
        u32::try_from(days).ok().filter(|_| days <= DAYS_MAX).ok_or_else(|| {
            let why = format!("Expected a number of days from 0 to {DAYS_MAX}.");
            Ec2Error::invalid(&format!("{}.{name}", node.path()), &days.to_string(), &why)
        })
    })
    .transpose()
}

fn at_most(count: usize, most: usize, name: &str) -> Result<(), Ec2Error> {
    if count <= most {
        return Ok(());
    }
    let message = format!("At most {most} values of {name} can be specified, not {count}");
    Err(Ec2Error::new("InvalidParameterValue", message))
}
