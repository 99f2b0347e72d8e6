//! The filters of DescribeImages: all 52 names of the service model (version 2016-11-15), as a
//! table from name to the values an image has for it. `tag-key` and `tag:<key>` are common to all
//! resources and live with the filter reader.

use std::borrow::Cow;

use super::facts::{EbsVolume, Image, Severity, Target};
use super::millis;
use crate::sandbox::wire::filter::Values;

/// How the values of one filter are found.
pub(crate) type Fact = for<'a> fn(&'a Image, &mut Values<'a>);

/// The lookup for a filter name.
pub(crate) fn fact(name: &str) -> Option<Fact> {
    FACTS.iter().find(|(known, _)| *known == name).map(|(_, fact)| *fact)
}

/// Every filter but the tag ones.
pub(crate) const FACTS: &[(&str, Fact)] = &[
    ("architecture", |i, v| one(v, i.architecture.as_str())),
    ("block-device-mapping.delete-on-termination", |i, v| volumes(i, |e| flag(v, e.delete_on_termination))),
    ("block-device-mapping.device-name", |i, v| v.extend(i.mappings.iter().map(|m| Cow::Borrowed(m.device)))),
    ("block-device-mapping.snapshot-id", |i, v| volumes(i, |e| v.extend(e.snapshot_id().map(Cow::Owned)))),
    ("block-device-mapping.volume-size", |i, v| volumes(i, |e| v.push(Cow::Owned(e.size_gib.to_string())))),
    ("block-device-mapping.volume-type", |i, v| volumes(i, |e| one(v, e.volume_type.as_str()))),
    ("block-device-mapping.encrypted", |i, v| volumes(i, |e| flag(v, e.encrypted))),
    ("boot-mode", |i, v| v.extend(i.boot_mode.map(|mode| Cow::Borrowed(mode.as_str())))),
    ("creation-date", |i, v| v.extend(i.created.map(|time| Cow::Owned(millis(time))))),
    ("description", |i, v| maybe(v, i.description.as_deref())),
    ("ena-support", |i, v| v.extend(i.ena.map(|ena| Cow::Borrowed(bool_word(ena))))),
    ("free-tier-eligible", |i, v| flag(v, i.free_tier)),
    ("hypervisor", |i, v| one(v, i.hypervisor.as_str())),
    // Allowed AMIs are switched off, so every image is allowed.
    ("image-allowed", |_, v| flag(v, true)),
    ("image-id", |i, v| v.push(Cow::Borrowed(&i.id))),
    ("image-type", |i, v| one(v, i.image_type.as_str())),
    ("image-watermark.source-image-creation-time", |i, v| {
        v.extend(watermarks(i).map(|w| Cow::Owned(millis(w.source_created))));
    }),
    ("image-watermark.source-image-id", |i, v| {
        v.extend(watermarks(i).map(|w| Cow::Borrowed(w.source_image.as_str())));
    }),
    ("image-watermark.source-image-region", |i, v| {
        v.extend(watermarks(i).map(|w| Cow::Borrowed(w.source_region.as_str())));
    }),
    ("image-watermark.watermark-creation-time", |i, v| {
        v.extend(watermarks(i).map(|w| Cow::Owned(millis(w.marked))));
    }),
    ("image-watermark.watermark-key", |i, v| v.extend(watermarks(i).map(|w| Cow::Borrowed(w.key.as_str())))),
    ("instance-type-specification.supported-instance-type", |i, v| {
        v.extend(i.extras.iter().flat_map(|x| &x.supported_types).map(|t| Cow::Borrowed(t.as_str())));
    }),
    ("instance-type-specification.unsupported-instance-type", |i, v| {
        v.extend(i.extras.iter().flat_map(|x| &x.unsupported_types).map(|t| Cow::Borrowed(t.as_str())));
    }),
    ("is-public", |i, v| flag(v, i.public)),
    ("kernel-id", |i, v| maybe(v, i.kernel)),
    ("manifest-location", |i, v| v.push(Cow::Owned(i.location()))),
    ("name", |i, v| maybe(v, i.name.as_deref())),
    ("owner-alias", |i, v| v.extend(i.alias.map(|alias| Cow::Borrowed(alias.as_str())))),
    ("owner-id", |i, v| one(v, i.owner)),
    ("platform", |i, v| maybe(v, i.platform())),
    ("product-code", |i, v| {
        v.extend(i.extras.iter().flat_map(|x| &x.product_codes).map(|(code, _)| Cow::Borrowed(code.as_str())));
    }),
    ("product-code.type", |i, v| {
        v.extend(i.extras.iter().flat_map(|x| &x.product_codes).map(|(_, kind)| Cow::Borrowed(kind.as_str())));
    }),
    ("public-ssm-parameter-name", |i, v| {
        if let Some(extras) = &i.extras {
            maybe(v, extras.ssm_parameter.as_deref());
            maybe(v, extras.former_ssm_parameter.as_deref());
        }
    }),
    ("ramdisk-id", |i, v| maybe(v, i.ramdisk)),
    ("root-device-name", |i, v| maybe(v, i.root_device_name)),
    ("root-device-type", |i, v| one(v, i.root_device_type.as_str())),
    ("scan-result.critical-fix-available-since", |i, v| fix(i, v, Severity::Critical)),
    ("scan-result.finding-scan-date", |i, v| v.extend(scan(i).map(|s| Cow::Owned(millis(s.scanned))))),
    ("scan-result.high-fix-available-since", |i, v| fix(i, v, Severity::High)),
    ("scan-result.highest-finding-severity-label", |i, v| {
        v.extend(scan(i).and_then(|s| s.highest()).map(|severity| Cow::Borrowed(severity.as_str())));
    }),
    ("scan-result.informational-fix-available-since", |i, v| fix(i, v, Severity::Informational)),
    ("scan-result.low-fix-available-since", |i, v| fix(i, v, Severity::Low)),
    ("scan-result.medium-fix-available-since", |i, v| fix(i, v, Severity::Medium)),
    ("source-image-id", |i, v| maybe(v, i.extras.as_ref().and_then(|x| x.source_image.as_deref()))),
    ("source-image-region", |i, v| maybe(v, i.extras.as_ref().and_then(|x| x.source_region.as_deref()))),
    ("source-instance-id", |i, v| maybe(v, i.extras.as_ref().and_then(|x| x.source_instance.as_deref()))),
    ("sriov-net-support", |i, v| maybe(v, i.sriov.then_some("simple"))),
    ("state", |i, v| v.extend(i.state.map(|state| Cow::Borrowed(state.as_str())))),
    ("state-reason-code", |i, v| v.extend(reason(i).map(|(code, _)| Cow::Borrowed(code)))),
    ("state-reason-message", |i, v| v.extend(reason(i).map(|(_, message)| Cow::Borrowed(message)))),
    ("virtualization-type", |i, v| v.extend(i.virtualization.map(|kind| Cow::Borrowed(kind.as_str())))),
];

fn bool_word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn one<'a>(values: &mut Values<'a>, value: &'a str) {
    values.push(Cow::Borrowed(value));
}

fn maybe<'a>(values: &mut Values<'a>, value: Option<&'a str>) {
    values.extend(value.map(Cow::Borrowed));
}

fn flag(values: &mut Values<'_>, value: bool) {
    values.push(Cow::Borrowed(bool_word(value)));
}

fn volumes<'a>(image: &'a Image, mut each: impl FnMut(&'a EbsVolume)) {
    for mapping in &image.mappings {
        if let Target::Ebs(volume) = &mapping.target {
            each(volume);
        }
    }
}

fn watermarks(image: &Image) -> impl Iterator<Item = &super::facts::Watermark> {
    image.extras.iter().flat_map(|extras| &extras.watermarks)
}

fn scan(image: &Image) -> Option<&super::facts::ScanResults> {
    image.extras.as_ref().and_then(|extras| extras.scan.as_ref())
}

fn fix(image: &Image, values: &mut Values<'_>, severity: Severity) {
    values.extend(scan(image).and_then(|scan| scan.fix_since(severity)).map(|since| Cow::Owned(millis(since))));
}

fn reason(image: &Image) -> Option<(&'static str, &'static str)> {
    image.extras.as_ref().and_then(|extras| extras.state_reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_documented_filter_once() {
        let mut names: Vec<_> = FACTS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        // 52 in the model; tag-key is the reader's.
        assert_eq!(names.len(), FACTS.len());
        assert_eq!(FACTS.len() + 1, 52);
        assert!(fact("ena-support").is_some() && fact("ena_support").is_none());
    }
}
