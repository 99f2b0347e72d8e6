//! `Filter.N.Name` and `Filter.N.Value.M`: names AND, values OR (EC2 User Guide, "Filtering").
//!
//! Each kind of resource brings a table from filter name to the values a resource has for it; this
//! file knows the limits and the matching. `tag:<key>` and `tag-key` are the same for all.

use std::borrow::Cow;

use super::errors::Ec2Error;
use super::pattern::Pattern;
use super::query::Node;

/// Filters in one request.
pub(crate) const FILTERS_MAX: usize = 50;
/// Values of one filter.
pub(crate) const FILTER_VALUES_MAX: usize = 200;
/// Characters of one value.
pub(crate) const FILTER_VALUE_CHARS_MAX: usize = 255;

/// The values that a resource has for one filter; none means that the fact is absent.
pub(crate) type Values<'a> = Vec<Cow<'a, str>>;

/// The filters of one request. `E` is how a resource's values are found.
#[derive(Debug)]
pub(crate) struct Filters<E> {
    clauses: Vec<Clause<E>>,
}

#[derive(Debug)]
struct Clause<E> {
    subject: Subject<E>,
    patterns: Vec<Pattern>,
}

/// What one filter looks at.
#[derive(Debug)]
pub(crate) enum Subject<E> {
    /// A fact from the resource's own table.
    Fact(E),
    /// The value of the tag with this key.
    Tag(String),
    /// The keys of all tags.
    TagKeys,
}

impl<E> Filters<E> {
    /// Reads the filters below `node`. `fact` looks a name up in the resource's table;
    /// `taggable` says whether the tag filters apply.
    pub(crate) fn read(node: &Node, taggable: bool, fact: impl Fn(&str) -> Option<E>) -> Result<Self, Ec2Error> {
        let mut clauses = Vec::new();
        for filter in node.list("Filter") {
            if clauses.len() == FILTERS_MAX {
                return Err(limit(format!("The maximum number of filters in a request is {FILTERS_MAX}")));
            }
            let name = filter.required("Name")?;
            let subject = if let Some(found) = fact(name) {
                Subject::Fact(found)
            } else if let (true, Some(key)) = (taggable, name.strip_prefix("tag:")) {
                Subject::Tag(key.to_owned())
            } else if taggable && name == "tag-key" {
                Subject::TagKeys
            } else {
                let shown: String = name.chars().take(FILTER_VALUE_CHARS_MAX).collect();
                return Err(Ec2Error::new("InvalidParameterValue", format!("The filter '{shown}' is invalid")));
            };
            let values = filter.texts("Value");
            if values.is_empty() {
                return Err(Ec2Error::missing(&format!("{}.Value", filter.path())));
            }
            if values.len() > FILTER_VALUES_MAX {
                return Err(limit(format!("The maximum number of values of a filter is {FILTER_VALUES_MAX}")));
            }
            if values.iter().any(|value| value.chars().count() > FILTER_VALUE_CHARS_MAX) {
                return Err(limit(format!("The maximum length of a filter value is {FILTER_VALUE_CHARS_MAX}")));
            }
            clauses.push(Clause { subject, patterns: values.into_iter().map(Pattern::new).collect() });
        }
        Ok(Self { clauses })
    }

    /// Whether a resource passes. `values` pushes what the resource has for one subject.
    pub(crate) fn pass<'a>(&self, mut values: impl FnMut(&Subject<E>, &mut Values<'a>)) -> bool {
        let mut found = Values::new();
        self.clauses.iter().all(|clause| {
            found.clear();
            values(&clause.subject, &mut found);
            found.iter().any(|value| clause.patterns.iter().any(|pattern| pattern.matches(value)))
        })
    }
}

fn limit(message: String) -> Ec2Error {
    Ec2Error::new("FilterLimitExceeded", message)
}
