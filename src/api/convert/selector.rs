//! Selectors and receipts of images, both ways.

use super::filter::{FILTER_VALUE_CHARS_MAX, filters};
use super::time::{timestamp, to_timestamp};
use super::violation::{ViolationReason, Violations};
use crate::ami::resolve::Selector;
use crate::api::pb;
use crate::ec2::PUBLIC_PARAMETERS;
use crate::ids::{AccountId, ImageId, Sha256Digest};
use crate::record::{ImageReceipt, ImageSelector, SelectorFilter};

/// Characters of all filter values of a selector together: the record of a launch holds them.
const FILTER_CHARACTERS_TOTAL_MAX: usize = 10_000;

/// EC2's words for owners that are no account.
const OWNERS: [&str; 4] = ["self", "amazon", "aws-marketplace", "aws-backup-vault"];

/// EC2's words for architectures.
const ARCHITECTURES: [&str; 5] = ["i386", "x86_64", "arm64", "x86_64_mac", "arm64_mac"];

/// Reads the selector in `field`. What is wrong goes to `violations`; `None` if it is absent or
/// empty.
pub fn image_selector(
    field: &str,
    selector: Option<pb::ImageSelector>,
    violations: &mut Violations,
) -> Option<ImageSelector> {
    let Some(selector) = selector else {
        violations.missing(field);
        return None;
    };
    let pb::ImageSelector { owner, name_pattern, architecture, ssm_parameter, filters: asked, any_owner } = &selector;
    let texts = [owner, name_pattern, architecture, ssm_parameter];
    if texts.iter().all(|text| text.is_empty()) && asked.is_empty() {
        violations.add(
            field,
            ViolationReason::MissingField,
            "say what the image must be: an owner with a name pattern, or a public SSM parameter",
        );
        return None;
    }
    check_owner(field, &selector, violations);
    violations.text(&format!("{field}.name_pattern"), name_pattern, FILTER_VALUE_CHARS_MAX);
    if !architecture.is_empty() {
        violations.one_of(&format!("{field}.architecture"), architecture, &ARCHITECTURES);
    }
    if !ssm_parameter.is_empty() {
        check_parameter(field, &selector, violations);
    }
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let read = ImageSelector {
        owner: given(owner),
        name_pattern: given(name_pattern),
        architecture: given(architecture),
        ssm_parameter: given(ssm_parameter),
        filters: selector_filters(field, asked, violations),
        any_owner: *any_owner,
    };
    if let Err(wrong) = Selector::read(&read) {
        // Beyond the caller's filters are name and architecture, which have been looked at.
        for violation in wrong.into_iter().filter(|wrong| wrong.filter.is_none_or(|at| at < asked.len())) {
            let at = format!("{field}.{}", violation.field());
            // The form has been complained about already.
            if !violations.kept().iter().any(|known| known.field.starts_with(&at)) {
                violations.add(at, ViolationReason::InvalidFilter, violation.problem.to_string());
            }
        }
    }
    Some(read)
}

/// The owner, and whether there must be one.
fn check_owner(field: &str, selector: &pb::ImageSelector, violations: &mut Violations) {
    let pb::ImageSelector { owner, name_pattern, ssm_parameter, any_owner, .. } = selector;
    let at = format!("{field}.owner");
    if !owner.is_empty() {
        if !OWNERS.contains(&owner.as_str()) && owner.parse::<AccountId>().is_err() {
            violations.add(
                &at,
                ViolationReason::InvalidField,
                "expected self, amazon, aws-marketplace, aws-backup-vault, or an account id of twelve digits; for \
                 images of anybody set any_owner",
            );
        }
        if *any_owner {
            let any = format!("{field}.any_owner");
            violations.add(any, ViolationReason::ConflictingFields, "an owner is given, so it is not any owner's");
        }
    } else if !any_owner && ssm_parameter.is_empty() {
        let description = if name_pattern.is_empty() {
            "required: say whose image it must be, or set any_owner"
        } else {
            "a name pattern needs an owner: names prove nothing, anybody can publish an image under any name \
             (CVE-2018-15869). Name the owner, or set any_owner to accept images of anybody"
        };
        violations.add(at, ViolationReason::MissingField, description);
    }
}

/// The parameter, and what it excludes.
fn check_parameter(field: &str, selector: &pb::ImageSelector, violations: &mut Violations) {
    let pb::ImageSelector { owner, name_pattern, ssm_parameter, any_owner, .. } = selector;
    let excluded =
        [("owner", !owner.is_empty()), ("name_pattern", !name_pattern.is_empty()), ("any_owner", *any_owner)];
    for (name, _) in excluded.into_iter().filter(|(_, given)| *given) {
        violations.add(
            format!("{field}.{name}"),
            ViolationReason::ConflictingFields,
            "ssm_parameter names the image, and excludes owner, name_pattern and any_owner",
        );
    }
    let at = format!("{field}.ssm_parameter");
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    if !violations.text(&at, ssm_parameter, FILTER_VALUE_CHARS_MAX) {
        return;
    }
    if ssm_parameter.strip_prefix(PUBLIC_PARAMETERS).is_none_or(str::is_empty) || !ssm_parameter.bytes().all(known) {
        violations.add(
            at,
            ViolationReason::InvalidField,
            format!("expected the name of a public parameter, {PUBLIC_PARAMETERS}…, without a version or label"),
        );
    }
}

fn selector_filters(field: &str, asked: &[pb::Filter], violations: &mut Violations) -> Vec<SelectorFilter> {
    let at = format!("{field}.filters");
    let total: usize = asked.iter().flat_map(|filter| &filter.values).map(|value| value.chars().count()).sum();
    if total > FILTER_CHARACTERS_TOTAL_MAX {
        violations.add(
            &at,
            ViolationReason::LimitExceeded,
            format!("{total} characters in all values together; at most {FILTER_CHARACTERS_TOTAL_MAX} are accepted"),
        );
    }
    let read = filters(&at, asked, violations);
    read.into_iter().map(|raw| SelectorFilter { name: raw.name, values: raw.values }).collect()
}

/// Reads the receipt in `field`, all of whose fields must be given.
pub fn image_receipt(field: &str, receipt: &pb::ImageReceipt, violations: &mut Violations) -> Option<ImageReceipt> {
    let pb::ImageReceipt { image_id, digest, observed_time } = receipt;
    let image_id = violations.required_id::<ImageId>(&format!("{field}.image_id"), image_id);
    let digest = violations.required_id::<Sha256Digest>(&format!("{field}.digest"), digest);
    let at = format!("{field}.observed_time");
    if observed_time.is_none() {
        violations.missing(&at);
    }
    let observed_time = timestamp(&at, observed_time.as_ref(), violations);
    Some(ImageReceipt { image_id: image_id?, digest: digest?, observed_time: observed_time? })
}

impl From<&ImageSelector> for pb::ImageSelector {
    fn from(selector: &ImageSelector) -> Self {
        let ImageSelector { owner, name_pattern, architecture, ssm_parameter, filters, any_owner } = selector;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let filter = |filter: &SelectorFilter| {
            let SelectorFilter { name, values } = filter;
            pb::Filter { name: name.clone(), values: values.clone() }
        };
        Self {
            owner: text(owner),
            name_pattern: text(name_pattern),
            architecture: text(architecture),
            ssm_parameter: text(ssm_parameter),
            filters: filters.iter().map(filter).collect(),
            any_owner: *any_owner,
        }
    }
}

impl From<&ImageReceipt> for pb::ImageReceipt {
    fn from(receipt: &ImageReceipt) -> Self {
        let ImageReceipt { image_id, digest, observed_time } = receipt;
        Self {
            image_id: image_id.to_string(),
            digest: digest.to_string(),
            observed_time: Some(to_timestamp(*observed_time)),
        }
    }
}

#[cfg(test)]
mod tests;
