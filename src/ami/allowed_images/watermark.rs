//! Watermarks: one mark of the image must meet every field of one wanted mark.

use jiff::Timestamp;

use super::{Fit, within};
use crate::ami::filter::Pattern;
use crate::ec2::facts::{ImageWatermark, ImageWatermarkCriterion};

pub(super) fn any(marks: &[ImageWatermark], wanted: &[ImageWatermarkCriterion], now: Timestamp) -> Fit {
    let mut unknown = None;
    for mark in marks {
        for wanted in wanted {
            match one(mark, wanted, now) {
                Fit::Met => return Fit::Met,
                Fit::Unmet(_) => {}
                Fit::Unknown(what) => unknown = Some(what),
            }
        }
    }
    match unknown {
        Some(what) => Fit::Unknown(what),
        None => Fit::Unmet(format!("none of its {} watermarks is one of the {} wanted", marks.len(), wanted.len())),
    }
}

fn one(mark: &ImageWatermark, wanted: &ImageWatermarkCriterion, now: Timestamp) -> Fit {
    let ImageWatermarkCriterion {
        watermark_key,
        source_image_region,
        maximum_days_since_source_image_created,
        maximum_days_since_watermark_created,
    } = wanted;
    let ages = [
        (
            "image.image_watermarks.source_image_creation_time",
            mark.source_image_creation_time,
            maximum_days_since_source_image_created,
        ),
        (
            "image.image_watermarks.watermark_creation_time",
            mark.watermark_creation_time,
            maximum_days_since_watermark_created,
        ),
    ];
    let words = [
        ("image.image_watermarks.watermark_key", &mark.watermark_key, watermark_key),
        ("image.image_watermarks.source_image_region", &mark.source_image_region, source_image_region),
    ];
    let words = words
        .into_iter()
        .filter_map(|(field, value, wanted)| Some(matches(field, value.as_deref(), wanted.as_deref()?)));
    let ages = ages.into_iter().filter_map(|(field, time, days)| Some(within(field, time, (*days)?, now)));
    let mut fit = Fit::Met;
    for part in words.chain(ages) {
        match part {
            Fit::Met => {}
            // One field that is not met settles it, whatever is missing beside it.
            Fit::Unmet(_) => return part,
            Fit::Unknown(_) => fit = part,
        }
    }
    fit
}

fn matches(field: &str, value: Option<&str>, wanted: &str) -> Fit {
    match value {
        None => Fit::Unknown(format!("{field} is absent")),
        Some(value) if Pattern::new(wanted).matches(value) => Fit::Met,
        Some(value) => Fit::Unmet(format!("{field} is {value}")),
    }
}
