//! Gantry's own image filters, evaluated on facts and their classification.

use super::GantryFilterName as Name;
use super::ec2_facts::{Accept, bool_word};
use crate::ami::classify::{ABSENT, Classification, OperatingSystem, OsFamily};
use crate::ami::compatibility::can_boot;
use crate::ec2::facts::{Image, InstanceTypeFacts};

/// Shows every text that `name` looks at, but for instance types, which are not of the image.
pub(in crate::ami) fn values(name: Name, image: &Image, classification: &Classification, each: &mut dyn FnMut(&str)) {
    any_value(name, image, classification, &[], &mut |value| {
        each(value);
        false
    });
}

/// Whether any text that `name` looks at is accepted.
pub(super) fn any_value(
    name: Name,
    image: &Image,
    classification: &Classification,
    types: &[InstanceTypeFacts],
    accept: Accept<'_>,
) -> bool {
    let mut or_absent = |value: &Option<String>| accept(value.as_deref().unwrap_or(ABSENT));
    match name {
        Name::Source => accept(classification.source.as_str()),
        Name::BootPath => accept(classification.boot_path.as_str()),
        Name::Recommendation => accept(classification.recommendation.as_str()),
        Name::Lifecycle => accept(classification.lifecycle.as_str()),
        Name::Deprecated => accept(bool_word(classification.deprecated)),
        Name::TpmSupport => or_absent(&image.tpm_support),
        Name::ImdsSupport => or_absent(&image.imds_support),
        Name::PlatformDetails => or_absent(&image.platform_details),
        Name::UsageOperation => or_absent(&image.usage_operation),
        Name::Os => os(&classification.os, accept),
        Name::BootableOn => types.iter().any(|facts| accept(facts.instance_type.as_str()) && can_boot(image, facts)),
    }
}

fn os(os: &OperatingSystem, accept: Accept<'_>) -> bool {
    if accept(os.family.as_str()) {
        return true;
    }
    let Some(distribution) = os.distribution.filter(|_| os.family != OsFamily::Unknown) else { return false };
    let distribution = hyphenated(distribution);
    let versioned = os.version.as_deref().map(|version| format!("{distribution}-{}", hyphenated(version)));
    accept(&distribution) || versioned.is_some_and(|versioned| accept(&versioned))
}

fn hyphenated(words: &str) -> String {
    words.to_ascii_lowercase().replace(' ', "-")
}
