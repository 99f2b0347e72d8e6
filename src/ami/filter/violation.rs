//! What can be wrong with filters, and reading them with every violation reported.

use super::{FILTER_CHARS_MAX, FILTER_VALUES_MAX, FILTERS_MAX, Pattern};

/// How many near names are offered for one that does not exist.
const NEAREST_NAMES_MAX: usize = 3;

/// Names less alike than this (Jaro-Winkler, 0 to 1) are not offered.
const LIKENESS_MIN: f64 = 0.75;

/// One thing that is wrong with one filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterViolation {
    /// Which filter, counted from 0; none where it is about all of them.
    pub filter: Option<usize>,
    /// Which of its values, counted from 0; none where it is about the filter.
    pub value: Option<usize>,
    /// What is wrong.
    pub problem: FilterProblem,
}

impl FilterViolation {
    /// The field of the request: `filters[2].values[0]`.
    pub fn field(&self) -> String {
        match (self.filter, self.value) {
            (None, _) => "filters".to_owned(),
            (Some(filter), Some(value)) => format!("filters[{filter}].values[{value}]"),
            (Some(filter), None) => match self.problem {
                FilterProblem::NoValues | FilterProblem::TooManyValues { .. } => format!("filters[{filter}].values"),
                _ => format!("filters[{filter}].name"),
            },
        }
    }
}

/// What can be wrong with a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterProblem {
    /// More than [`FILTERS_MAX`].
    #[error("{count} filters, at most {FILTERS_MAX} are allowed")]
    TooManyFilters {
        /// How many there are.
        count: usize,
    },
    /// More than [`FILTER_VALUES_MAX`].
    #[error("{count} values, at most {FILTER_VALUES_MAX} are allowed")]
    TooManyValues {
        /// How many there are.
        count: usize,
    },
    /// A filter without values would match nothing.
    #[error("a filter needs at least one value")]
    NoValues,
    /// A name or value of more than [`FILTER_CHARS_MAX`] characters.
    #[error("{characters} characters, at most {FILTER_CHARS_MAX} are allowed")]
    TooLong {
        /// How many there are.
        characters: usize,
    },
    /// There is no such filter.
    #[error("there is no filter {name:?}{}", did_you_mean(nearest))]
    UnknownName {
        /// The name.
        name: String,
        /// The names most like it, best first.
        nearest: Vec<String>,
    },
    /// EC2 has the filter; the facts that it looks at are not kept here.
    #[error("EC2 has a filter {name:?}, and Gantry does not keep the fact it looks at")]
    FactNotKept {
        /// The name.
        name: String,
    },
    /// A value that the filter can never have.
    #[error("{value:?} is no value of this filter; expected {expected}")]
    ImpossibleValue {
        /// The value.
        value: String,
        /// What would do.
        expected: String,
    },
}

fn did_you_mean(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; did you mean {}?", nearest.join(", ")) }
}

/// Reads filters of any kind: `resolve` knows the names, `check` the values.
pub(super) fn read<N>(
    conditions: &[(String, Vec<String>)],
    resolve: impl Fn(&str) -> Result<N, FilterProblem>,
    check: impl Fn(&N, &Pattern) -> Option<FilterProblem>,
) -> Result<Vec<(N, Vec<Pattern>)>, Vec<FilterViolation>> {
    let mut read = Vec::new();
    let mut violations = Vec::new();
    if conditions.len() > FILTERS_MAX {
        let problem = FilterProblem::TooManyFilters { count: conditions.len() };
        violations.push(FilterViolation { filter: None, value: None, problem });
    }
    // What is beyond the limit is not looked at: it may be of any size.
    for (index, (name, values)) in conditions.iter().take(FILTERS_MAX).enumerate() {
        let mut violate = |value, problem| violations.push(FilterViolation { filter: Some(index), value, problem });
        let resolved = match too_long(name) {
            Some(problem) => Err(problem),
            None => resolve(name),
        };
        if values.is_empty() {
            violate(None, FilterProblem::NoValues);
        }
        if values.len() > FILTER_VALUES_MAX {
            violate(None, FilterProblem::TooManyValues { count: values.len() });
        }
        let mut patterns = Vec::with_capacity(values.len().min(FILTER_VALUES_MAX));
        for (position, value) in values.iter().take(FILTER_VALUES_MAX).enumerate() {
            if let Some(problem) = too_long(value) {
                violate(Some(position), problem);
                continue;
            }
            let pattern = Pattern::new(value);
            if let Some(problem) = resolved.as_ref().ok().and_then(|name| check(name, &pattern)) {
                violate(Some(position), problem);
            }
            patterns.push(pattern);
        }
        match resolved {
            Ok(name) => read.push((name, patterns)),
            Err(problem) => violate(None, problem),
        }
    }
    if violations.is_empty() { Ok(read) } else { Err(violations) }
}

fn too_long(text: &str) -> Option<FilterProblem> {
    let characters = text.chars().count();
    (characters > FILTER_CHARS_MAX).then_some(FilterProblem::TooLong { characters })
}

/// The problem of a name that does not exist.
pub(super) fn unknown_name<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> FilterProblem {
    let lowered = name.to_lowercase().replace('_', "-");
    let mut alike: Vec<(f64, &str)> = known
        .map(|candidate| {
            let word = candidate.rsplit([':', '.']).next().unwrap_or(candidate);
            let likeness = strsim::jaro_winkler(&lowered, candidate).max(strsim::jaro_winkler(&lowered, word) * 0.98);
            (likeness, candidate)
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .collect();
    alike.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(right.1)));
    let nearest = alike.into_iter().take(NEAREST_NAMES_MAX).map(|(_, name)| name.to_owned()).collect();
    FilterProblem::UnknownName { name: name.to_owned(), nearest }
}
