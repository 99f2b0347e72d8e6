//! `Filter.N.Name` and `Filter.N.Value.M`: names AND, values OR (EC2 User Guide, "Filtering").
//!
//! Each kind of resource brings a table from filter name to the values a resource has for it; this
//! file knows the limits and the matching, and how facts become values. `tag:<key>` and `tag-key`
//! are the same for all.

use std::borrow::Cow;

use super::errors::Ec2Error;
use super::pattern::Pattern;
use super::query::Node;

/// Filters in one request.
pub(crate) const FILTERS_MAX: usize = 50;
/// Values of one filter.
pub(crate) const FILTER_VALUES_MAX: usize = 200;
/// Characters of one name or value.
pub(crate) const FILTER_VALUE_CHARS_MAX: usize = 255;

/// The values that a resource has for one filter; none means that the fact is absent.
pub(crate) type Values<'a> = Vec<Cow<'a, str>>;

/// Every filter of one kind of resource, by name. `F` is how its values are found.
pub(crate) type Table<F> = [(&'static str, F)];

/// The filters of one request.
#[derive(Debug)]
pub(crate) struct Filters<F> {
    clauses: Vec<Clause<F>>,
}

#[derive(Debug)]
struct Clause<F> {
    subject: Subject<F>,
    /// Values without wildcards, in order: two hundred ids are then found by halving.
    literals: Vec<String>,
    patterns: Vec<Pattern>,
}

/// What one filter looks at.
#[derive(Debug)]
enum Subject<F> {
    /// A fact from the resource's own table.
    Fact(F),
    /// The value of the tag with this key.
    Tag(String),
    /// The keys of all tags.
    TagKeys,
}

impl<F: Copy> Filters<F> {
    /// Reads the filters below `node`, of a resource that is not found by its tags.
    pub(crate) fn read(node: &Node, table: &Table<F>) -> Result<Self, Ec2Error> {
        Self::read_each(node, table, false)
    }

    /// Reads the filters below `node`, of a resource that is found by its tags too.
    pub(crate) fn read_with_tags(node: &Node, table: &Table<F>) -> Result<Self, Ec2Error> {
        Self::read_each(node, table, true)
    }

    fn read_each(node: &Node, table: &Table<F>, taggable: bool) -> Result<Self, Ec2Error> {
        let mut clauses = Vec::new();
        for filter in node.list("Filter") {
            if clauses.len() == FILTERS_MAX {
                return Err(limit(format!("The maximum number of filters in a request is {FILTERS_MAX}")));
            }
            if let Some(unknown) = filter.member_names().find(|member| !matches!(*member, "Name" | "Value")) {
                let message = format!("The parameter {}.{unknown} is not recognized", filter.path());
                return Err(Ec2Error::new("UnknownParameter", message));
            }
            let name = filter.required("Name")?;
            if name.chars().count() > FILTER_VALUE_CHARS_MAX {
                return Err(limit(format!("The maximum length of a filter name is {FILTER_VALUE_CHARS_MAX}")));
            }
            let subject = if let Some((_, fact)) = table.iter().find(|(known, _)| *known == name) {
                Subject::Fact(*fact)
            } else if let (true, Some(key)) = (taggable, name.strip_prefix("tag:")) {
                Subject::Tag(key.to_owned())
            } else if taggable && name == "tag-key" {
                Subject::TagKeys
            } else {
                return Err(Ec2Error::new("InvalidParameterValue", format!("The filter '{name}' is invalid")));
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
            let (mut literals, mut patterns) = (Vec::new(), Vec::new());
            for pattern in values.into_iter().map(Pattern::new) {
                match pattern {
                    Pattern::Literal(literal) => literals.push(literal),
                    wild @ Pattern::Wild(_) => patterns.push(wild),
                }
            }
            literals.sort_unstable();
            clauses.push(Clause { subject, literals, patterns });
        }
        Ok(Self { clauses })
    }

    /// Whether a resource without tags passes. `values` pushes what it has for one entry of its
    /// table.
    pub(crate) fn pass<'a>(&self, values: impl FnMut(F, &mut Values<'a>)) -> bool {
        self.pass_with_tags(std::iter::empty::<(&str, &str)>, values)
    }

    /// Whether a resource passes, which has `tags` if they are asked for.
    pub(crate) fn pass_with_tags<'a, T, S>(
        &self,
        tags: impl Fn() -> T,
        mut values: impl FnMut(F, &mut Values<'a>),
    ) -> bool
    where
        T: IntoIterator<Item = (&'a S, &'a S)>,
        S: AsRef<str> + ?Sized + 'a,
    {
        let mut found = Values::new();
        self.clauses.iter().all(|clause| {
            found.clear();
            match &clause.subject {
                Subject::Fact(fact) => values(*fact, &mut found),
                Subject::Tag(key) => {
                    let tag = tags().into_iter().find(|(own, _)| own.as_ref() == key);
                    maybe(&mut found, tag.map(|(_, value)| value.as_ref()));
                }
                Subject::TagKeys => found.extend(tags().into_iter().map(|(key, _)| Cow::Borrowed(key.as_ref()))),
            }
            found.iter().any(|value| {
                clause.literals.binary_search_by(|literal| literal.as_str().cmp(value)).is_ok()
                    || clause.patterns.iter().any(|pattern| pattern.matches(value))
            })
        })
    }
}

/// A text that every such resource has.
pub(crate) fn text<'a>(values: &mut Values<'a>, value: &'a str) {
    values.push(Cow::Borrowed(value));
}

/// A text that a resource may lack.
pub(crate) fn maybe<'a>(values: &mut Values<'a>, value: Option<&'a str>) {
    values.extend(value.map(Cow::Borrowed));
}

/// A boolean.
pub(crate) fn flag(values: &mut Values<'_>, value: bool) {
    values.push(Cow::Borrowed(if value { "true" } else { "false" }));
}

/// What is made for the occasion: a number, a time, an ARN.
pub(crate) fn made(values: &mut Values<'_>, value: impl ToString) {
    values.push(Cow::Owned(value.to_string()));
}

fn limit(message: String) -> Ec2Error {
    Ec2Error::new("FilterLimitExceeded", message)
}
