//! What requests about images have in common: whose, which, and how fresh.

use std::time::Duration;

use crate::ami::catalog::{ANY_OWNER, Asker, Catalog};
use crate::ami::filter::{FilterName, FilterViolation, Filters, GantryFilterName};
use crate::api::convert::{ViolationReason, Violations, duration, filters};
use crate::api::pb;
use crate::api::status::Failure;
use crate::ec2::facts::InstanceTypeFacts;
use crate::ids::Region;

/// Owners that one question may name.
pub(super) const OWNERS_MAX: usize = 200;

/// Characters of all filter values of one request together. EC2's own limits allow 2.5 million; that
/// many patterns against every image of a Region is work without end in sight.
const FILTER_CHARACTERS_TOTAL_MAX: usize = 100_000;

/// The longest staleness that can be asked for; it is only a bound against nonsense.
const STALENESS_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// How old the facts of an answer may be, if the request says.
pub(super) fn staleness(asked: Option<&prost_types::Duration>, violations: &mut Violations) -> Option<Duration> {
    duration("max_staleness", asked, (Duration::ZERO, STALENESS_MAX), violations)
}

/// The owners asked for, or the scope that the server is configured with.
pub(super) fn owners_or_scope(scope: &[String], asked: &[String]) -> Vec<String> {
    if asked.is_empty() { scope.to_vec() } else { asked.to_vec() }
}

/// The same as EC2 is asked: all images are those of no owner in particular.
pub(super) fn owners_for_ec2(scope: &[String], asked: &[String]) -> Vec<String> {
    let owners = owners_or_scope(scope, asked);
    if owners.iter().any(|owner| owner == ANY_OWNER) { Vec::new() } else { owners }
}

/// The same, with a look at the form of those asked for.
pub(super) fn owners(scope: &[String], asked: &[String], violations: &mut Violations) -> Vec<String> {
    if violations.at_most("owners", asked.len(), OWNERS_MAX) {
        for (index, owner) in asked.iter().enumerate() {
            let known = ["self", "amazon", "aws-marketplace", "aws-backup-vault", ANY_OWNER].contains(&owner.as_str());
            let account = owner.len() == 12 && owner.bytes().all(|b| b.is_ascii_digit());
            if !known && !account {
                violations.add(
                    format!("owners[{index}]"),
                    ViolationReason::InvalidField,
                    "expected self, amazon, aws-marketplace, aws-backup-vault, all, or an account id of twelve digits",
                );
            }
        }
    }
    owners_or_scope(scope, asked)
}

/// The filters of a request: their form, and whether they exist.
pub(super) fn image_filters(asked: &[pb::Filter], violations: &mut Violations) -> Option<Filters> {
    match Filters::parse(&conditions(asked, violations)) {
        Ok(filters) => Some(filters),
        Err(wrong) => {
            add_filter_violations(wrong, violations);
            None
        }
    }
}

/// The filters of a request as names and values: their form, and how much there is of them.
pub(super) fn conditions(asked: &[pb::Filter], violations: &mut Violations) -> Vec<(String, Vec<String>)> {
    let total: usize = asked.iter().flat_map(|filter| &filter.values).map(|value| value.chars().count()).sum();
    if total > FILTER_CHARACTERS_TOTAL_MAX {
        violations.add(
            "filters",
            ViolationReason::LimitExceeded,
            format!("{total} characters in all values together; at most {FILTER_CHARACTERS_TOTAL_MAX} are accepted"),
        );
    }
    filters("filters", asked, violations).into_iter().map(|raw| (raw.name, raw.values)).collect()
}

pub(super) fn add_filter_violations(wrong: Vec<FilterViolation>, violations: &mut Violations) {
    for violation in wrong {
        let field = violation.field();
        // The form has been complained about where the message was read.
        if violations.kept().iter().any(|known| known.field == field) {
            continue;
        }
        violations.add(field, ViolationReason::InvalidFilter, violation.problem.to_string());
    }
}

/// The facts of the instance types that filters name.
pub(super) async fn types_of(
    catalog: &Catalog,
    region: &Region,
    filters: &Filters,
) -> Result<Vec<InstanceTypeFacts>, Failure> {
    let named = filters.instance_types();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let found = catalog.types_named(region, &named, Asker::Question).await?;
    let mut violations = Violations::new();
    let is_known = |name: &str| found.iter().any(|facts| facts.instance_type.as_str() == name);
    let bootable_on = FilterName::Gantry(GantryFilterName::BootableOn);
    for (index, filter) in filters.iter().enumerate().filter(|(_, filter)| *filter.name() == bootable_on) {
        for (place, value) in filter.values().iter().enumerate().filter(|(_, value)| !is_known(value.as_str())) {
            let message = format!("{region} has no instance type {}", value.as_str());
            violations.add(format!("filters[{index}].values[{place}]"), ViolationReason::InvalidFilter, message);
        }
    }
    if violations.is_empty() { Ok(found) } else { Err(Failure::Invalid(violations)) }
}
