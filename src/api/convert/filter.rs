//! The form of filters: how many, how long. Which names exist, and what their values mean, is for
//! the room that filters.

use super::violation::{ViolationReason, Violations};
use crate::api::pb;

/// Filters in a request, as EC2 has it (EC2 API Reference, "Filtering").
pub const FILTERS_MAX: usize = 50;

/// Values of one filter, as EC2 has it.
pub const FILTER_VALUES_MAX: usize = 200;

/// Characters of one filter value, as EC2 has it.
pub const FILTER_VALUE_CHARS_MAX: usize = 255;

/// Characters of a filter name: `tag:` and EC2's longest tag key fit.
pub const FILTER_NAME_CHARS_MAX: usize = 255;

/// A filter whose form is right and whose name is still to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawFilter {
    /// Where it stands in the request, for a violation about its name: `filters[3]`.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its values, at least one.
    pub values: Vec<String>,
}

/// The filters of `field`.
pub fn filters(field: &str, filters: &[pb::Filter], violations: &mut Violations) -> Vec<RawFilter> {
    if !violations.at_most(field, filters.len(), FILTERS_MAX) {
        return Vec::new();
    }
    filters.iter().enumerate().map(|(index, filter)| raw(format!("{field}[{index}]"), filter, violations)).collect()
}

fn raw(field: String, filter: &pb::Filter, violations: &mut Violations) -> RawFilter {
    let pb::Filter { name, values } = filter;
    if name.is_empty() {
        violations.missing(&format!("{field}.name"));
    } else {
        violations.text(&format!("{field}.name"), name, FILTER_NAME_CHARS_MAX);
    }
    let values_field = format!("{field}.values");
    if values.is_empty() {
        violations.add(&values_field, ViolationReason::InvalidFilter, "a filter needs at least one value");
    } else if violations.at_most(&values_field, values.len(), FILTER_VALUES_MAX) {
        for (index, value) in values.iter().enumerate() {
            violations.text(&format!("{values_field}[{index}]"), value, FILTER_VALUE_CHARS_MAX);
        }
    }
    RawFilter { field, name: name.clone(), values: values.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(name: &str, values: usize, chars: usize) -> pb::Filter {
        pb::Filter { name: name.to_owned(), values: vec!["x".repeat(chars); values] }
    }

    #[test]
    fn limits_are_those_of_ec2() {
        let table = [
            (vec![filter("name", 200, 255); 50], None),
            (vec![filter("name", 1, 1); 51], Some(("filters", ViolationReason::LimitExceeded))),
            (vec![filter("name", 201, 1)], Some(("filters[0].values", ViolationReason::LimitExceeded))),
            (vec![filter("name", 1, 256)], Some(("filters[0].values[0]", ViolationReason::LimitExceeded))),
            (vec![filter("name", 0, 0)], Some(("filters[0].values", ViolationReason::InvalidFilter))),
            (vec![filter("", 1, 1)], Some(("filters[0].name", ViolationReason::MissingField))),
        ];
        for (given, expected) in table {
            let mut violations = Violations::new();
            filters("filters", &given, &mut violations);
            let seen = violations.kept().first().map(|v| (v.field.as_str(), v.reason));
            assert_eq!(seen, expected);
        }
    }
}
