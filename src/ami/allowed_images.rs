//! Why the account's Allowed AMIs criteria do not let an image be used.
//!
//! EC2 says whether it is allowed (`image.image_allowed`) and not why. Here each criterion is held
//! against the image's facts: met, not met for these reasons, or not known, where a fact is
//! missing. EC2's own word is never overruled. Source: EC2 User Guide, "Control the discovery and
//! use of AMIs in Amazon EC2 with Allowed AMIs"; EC2 API Reference, ImageCriterion.

mod scan;
mod watermark;

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::ami::filter::Pattern;
use crate::ec2::facts::{AllowedImages, Image, ImageCriterion};

/// Values of one list that a reason repeats.
const VALUES_SHOWN_MAX: usize = 5;

/// How one field of a criterion comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It is met.
    Met,
    /// It is not met, and why.
    Unmet(String),
    /// A fact is missing, and which.
    Unknown(String),
}

/// How a whole criterion comes out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CriterionFit {
    /// Why it is not met; empty if nothing speaks against it.
    pub unmet: Vec<String>,
    /// What is not known.
    pub unknown: Vec<String>,
}

impl CriterionFit {
    /// Whether the criterion is met. None where a missing fact leaves it open.
    pub fn met(&self) -> Option<bool> {
        match (self.unmet.is_empty(), self.unknown.is_empty()) {
            (false, _) => Some(false),
            (true, false) => None,
            (true, true) => Some(true),
        }
    }

    fn take(&mut self, fit: Fit) {
        match fit {
            Fit::Met => {}
            Fit::Unmet(why) => self.unmet.push(why),
            Fit::Unknown(what) => self.unknown.push(what),
        }
    }
}

/// The state of the settings, and each criterion with the reasons why the image does not meet it,
/// in one line.
pub fn why_not(image: &Image, settings: &AllowedImages, now: Timestamp) -> String {
    let mut text = match settings.state.as_deref() {
        Some(state) => format!("Allowed AMIs are in state {state}"),
        None => "the state of Allowed AMIs is not known".to_owned(),
    };
    if let Some(manager) = settings.managed_by.as_deref() {
        // Writing to a String cannot fail; so below.
        let _ = write!(text, ", managed by {manager}");
    }
    if settings.state.as_deref() == Some("disabled") {
        text.push_str(": they were switched off after EC2 was asked for the image");
        return text;
    }
    if settings.criteria.is_empty() {
        text.push_str("; there is no criterion, so no image of others is allowed");
    }
    for (at, criterion) in settings.criteria.iter().enumerate() {
        let fit = judge(image, criterion, now);
        let _ = match fit.met() {
            Some(true) => write!(text, "; criterion {} seems met, EC2 says otherwise", at + 1),
            Some(false) => write!(text, "; criterion {} is not met: {}", at + 1, fit.unmet.join(", ")),
            None => write!(text, "; criterion {} cannot be judged: {}", at + 1, fit.unknown.join(", ")),
        };
    }
    text
}

/// Holds one criterion against an image.
pub fn judge(image: &Image, criterion: &ImageCriterion, now: Timestamp) -> CriterionFit {
    let ImageCriterion {
        image_providers,
        image_names,
        marketplace_product_codes,
        maximum_days_since_created,
        maximum_days_since_deprecated,
        image_watermarks,
        scan_result,
    } = criterion;
    let mut fit = CriterionFit::default();
    if !image_providers.is_empty() {
        fit.take(provider(image, image_providers));
    }
    if !image_names.is_empty() {
        fit.take(name(image, image_names));
    }
    if !marketplace_product_codes.is_empty() {
        fit.take(product_code(image, marketplace_product_codes));
    }
    if let Some(days) = *maximum_days_since_created {
        fit.take(within("image.creation_date", image.creation_date, days, now));
    }
    if let Some(days) = *maximum_days_since_deprecated {
        fit.take(deprecation(image, days, now));
    }
    if !image_watermarks.is_empty() {
        fit.take(watermark::any(&image.image_watermarks, image_watermarks, now));
    }
    if let Some(criterion) = scan_result {
        scan::judge(image.scan_result.as_ref(), criterion, now).into_iter().for_each(|part| fit.take(part));
    }
    fit
}

fn provider(image: &Image, providers: &[String]) -> Fit {
    let alias = image.image_owner_alias.as_deref();
    let owner = image.owner_id.as_deref();
    let provides = |provider: &String| Some(provider.as_str()) == alias || Some(provider.as_str()) == owner;
    if providers.iter().any(provides) {
        return Fit::Met;
    }
    // An absent alias is none; an absent owner is a missing fact.
    let by_account = providers.iter().any(|provider| provider.starts_with(|first: char| first.is_ascii_digit()));
    match owner {
        None if by_account => Fit::Unknown("image.owner_id is absent".to_owned()),
        _ => Fit::Unmet(format!(
            "provider {} is none of {}",
            alias.or(owner).unwrap_or("of unknown account"),
            shown(providers)
        )),
    }
}

fn name(image: &Image, names: &[String]) -> Fit {
    let Some(name) = image.name.as_deref() else { return Fit::Unknown("image.name is absent".to_owned()) };
    if names.iter().any(|pattern| Pattern::new(pattern).matches(name)) {
        Fit::Met
    } else {
        Fit::Unmet(format!("name {name} matches none of {}", shown(names)))
    }
}

/// An absent list of product codes is an empty one.
fn product_code(image: &Image, wanted: &[String]) -> Fit {
    let sold_as = |code: &String| {
        let marketplace = image.product_codes.iter().filter(|code| code.kind.as_deref() == Some("marketplace"));
        marketplace.filter_map(|code| code.id.as_deref()).any(|id| id == code)
    };
    if wanted.iter().any(sold_as) { Fit::Met } else { Fit::Unmet(format!("no product code of {}", shown(wanted))) }
}

/// An image without a deprecation time, or with one to come, is not deprecated.
fn deprecation(image: &Image, days: i32, now: Timestamp) -> Fit {
    match image.deprecation_time.filter(|time| *time <= now) {
        None => Fit::Met,
        Some(time) if days == 0 => {
            Fit::Unmet(format!("image.deprecation_time is {time}, and no deprecated image is allowed"))
        }
        Some(_) => within("image.deprecation_time", image.deprecation_time, days, now),
    }
}

/// Whether no more than `days` have passed since a time.
fn within(field: &str, time: Option<Timestamp>, days: i32, now: Timestamp) -> Fit {
    match time {
        None => Fit::Unknown(format!("{field} is absent")),
        Some(time) if now.duration_since(time) <= SignedDuration::from_hours(24 * i64::from(days)) => Fit::Met,
        Some(time) => Fit::Unmet(format!("{field} is {time}, more than {days} days ago")),
    }
}

/// The first few of a list.
fn shown(values: &[String]) -> String {
    let first = values.iter().take(VALUES_SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(" ");
    match values.len().saturating_sub(VALUES_SHOWN_MAX) {
        0 => format!("[{first}]"),
        more => format!("[{first} and {more} more]"),
    }
}

#[cfg(test)]
mod tests;
