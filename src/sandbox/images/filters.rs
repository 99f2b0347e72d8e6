//! The filters of DescribeImages: all 52 names of the service model (version 2016-11-15), as a
//! table from name to the values an image has for it. `tag-key` and `tag:<key>` are common to all
//! resources and live with the filter reader.

use std::borrow::Cow;

use super::allowed::Judge;
use super::facts::{EbsVolume, Image, Severity};
use crate::sandbox::wire::filter::{Table, Values, flag, made, maybe, text};
use crate::sandbox::wire::time::millis;

/// Pushes the values that an image has for one filter; the judge knows the account's settings.
pub(crate) type Fact = for<'a> fn(&'a Image, &Judge<'_>, &mut Values<'a>);

/// Every filter.
pub(crate) const FILTERS: &Table<Fact> = &[
    ("architecture", |i, _, v| text(v, i.architecture.as_str())),
    ("block-device-mapping.delete-on-termination", |i, _, v| volumes(i, |e| flag(v, e.delete_on_termination))),
    ("block-device-mapping.device-name", |i, _, v| v.extend(i.mappings.iter().map(|m| Cow::Borrowed(m.device)))),
    ("block-device-mapping.snapshot-id", |i, _, v| volumes(i, |e| v.extend(e.snapshot_id().map(Cow::Owned)))),
    ("block-device-mapping.volume-size", |i, _, v| volumes(i, |e| made(v, e.size_gib))),
    ("block-device-mapping.volume-type", |i, _, v| volumes(i, |e| text(v, e.volume_type.as_str()))),
    ("block-device-mapping.encrypted", |i, _, v| volumes(i, |e| flag(v, e.encrypted))),
    ("boot-mode", |i, _, v| v.extend(i.boot_mode.map(|mode| Cow::Borrowed(mode.as_str())))),
    ("creation-date", |i, _, v| v.extend(i.created.map(|time| Cow::Owned(millis(time))))),
    ("description", |i, _, v| maybe(v, i.description.as_deref())),
    ("ena-support", |i, _, v| i.ena.into_iter().for_each(|ena| flag(v, ena))),
    ("free-tier-eligible", |i, _, v| flag(v, i.free_tier)),
    ("hypervisor", |i, _, v| text(v, i.hypervisor.as_str())),
    ("image-allowed", |i, judge, v| flag(v, judge.allows(i))),
    ("image-id", |i, _, v| text(v, &i.id)),
    ("image-type", |i, _, v| text(v, i.image_type.as_str())),
    ("image-watermark.source-image-creation-time", |i, _, v| {
        v.extend(watermarks(i).map(|w| Cow::Owned(millis(w.source_created))));
    }),
    ("image-watermark.source-image-id", |i, _, v| {
        v.extend(watermarks(i).map(|w| Cow::Borrowed(w.source_image.as_str())));
    }),
    ("image-watermark.source-image-region", |i, _, v| {
        v.extend(watermarks(i).map(|w| Cow::Borrowed(w.source_region.as_str())));
    }),
    ("image-watermark.watermark-creation-time", |i, _, v| {
        v.extend(watermarks(i).map(|w| Cow::Owned(millis(w.marked))));
    }),
    ("image-watermark.watermark-key", |i, _, v| v.extend(watermarks(i).map(|w| Cow::Borrowed(w.key.as_str())))),
    ("instance-type-specification.supported-instance-type", |i, _, v| {
        v.extend(i.extras.iter().flat_map(|x| &x.supported_types).map(|t| Cow::Borrowed(t.as_str())));
    }),
    ("instance-type-specification.unsupported-instance-type", |i, _, v| {
        v.extend(i.extras.iter().flat_map(|x| &x.unsupported_types).map(|t| Cow::Borrowed(t.as_str())));
    }),
    ("is-public", |i, _, v| flag(v, i.public)),
    ("kernel-id", |i, _, v| maybe(v, i.kernel)),
    ("manifest-location", |i, _, v| made(v, i.location())),
    ("name", |i, _, v| maybe(v, i.name.as_deref())),
    ("owner-alias", |i, _, v| v.extend(i.alias.map(|alias| Cow::Borrowed(alias.as_str())))),
    ("owner-id", |i, _, v| text(v, &i.owner)),
    ("platform", |i, _, v| maybe(v, i.platform())),
    ("product-code", |i, _, v| {
        v.extend(i.extras.iter().flat_map(|x| &x.product_codes).map(|(code, _)| Cow::Borrowed(code.as_str())));
    }),
    ("product-code.type", |i, _, v| {
        v.extend(i.extras.iter().flat_map(|x| &x.product_codes).map(|(_, kind)| Cow::Borrowed(kind.as_str())));
    }),
    ("public-ssm-parameter-name", |i, _, v| {
        if let Some(extras) = &i.extras {
            maybe(v, extras.ssm_parameter.as_deref());
            maybe(v, extras.former_ssm_parameter.as_deref());
        }
    }),
    ("ramdisk-id", |i, _, v| maybe(v, i.ramdisk)),
    ("root-device-name", |i, _, v| maybe(v, i.root_device_name)),
    ("root-device-type", |i, _, v| text(v, i.root_device_type.as_str())),
    ("scan-result.critical-fix-available-since", |i, _, v| fix(i, v, Severity::Critical)),
    ("scan-result.finding-scan-date", |i, _, v| v.extend(scan(i).map(|s| Cow::Owned(millis(s.scanned))))),
    ("scan-result.high-fix-available-since", |i, _, v| fix(i, v, Severity::High)),
    ("scan-result.highest-finding-severity-label", |i, _, v| {
        v.extend(scan(i).and_then(|s| s.highest()).map(|severity| Cow::Borrowed(severity.as_str())));
    }),
    ("scan-result.informational-fix-available-since", |i, _, v| fix(i, v, Severity::Informational)),
    ("scan-result.low-fix-available-since", |i, _, v| fix(i, v, Severity::Low)),
    ("scan-result.medium-fix-available-since", |i, _, v| fix(i, v, Severity::Medium)),
    ("source-image-id", |i, _, v| maybe(v, i.extras.as_ref().and_then(|x| x.source_image.as_deref()))),
    ("source-image-region", |i, _, v| maybe(v, i.extras.as_ref().and_then(|x| x.source_region.as_deref()))),
    ("source-instance-id", |i, _, v| maybe(v, i.extras.as_ref().and_then(|x| x.source_instance.as_deref()))),
    ("sriov-net-support", |i, _, v| maybe(v, i.sriov.then_some("simple"))),
    ("state", |i, _, v| v.extend(i.state.map(|state| Cow::Borrowed(state.as_str())))),
    ("state-reason-code", |i, _, v| v.extend(reason(i).map(|(code, _)| Cow::Borrowed(code)))),
    ("state-reason-message", |i, _, v| v.extend(reason(i).map(|(_, message)| Cow::Borrowed(message)))),
    ("virtualization-type", |i, _, v| v.extend(i.virtualization.map(|kind| Cow::Borrowed(kind.as_str())))),
];

fn volumes<'a>(image: &'a Image, each: impl FnMut(&'a EbsVolume)) {
    image.volumes().for_each(each);
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
        let mut names: Vec<_> = FILTERS.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        // 52 in the model; tag-key is the reader's.
        assert_eq!(names.len(), FILTERS.len());
        assert_eq!(FILTERS.len() + 1, 52);
    }
}
