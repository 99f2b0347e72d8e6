//! Filters: EC2's own for images, Gantry's own beside them, and EC2's for instance types.
//!
//! Names are joined by AND and the values of one name by OR; names and values are case-sensitive
//! (EC2 API Reference, DescribeImages, `Filter`). Filters are parsed once, with every violation
//! reported, and then split into what EC2 can answer and what has to be judged here, or evaluated
//! on facts altogether. A field that EC2 left out matches no value of EC2's filters, because EC2
//! has no value for "absent"; Gantry's own filters have one.

mod ec2_facts;
mod gantry_facts;
mod instance_type;
mod name;
mod pattern;
mod table;
mod violation;

use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::ids::InstanceType;

use super::classify::Classification;

pub use instance_type::{InstanceTypeFilterName, InstanceTypeFilters};
pub use name::{Ec2FilterName, FilterName, GantryFilterName};
pub use pattern::Pattern;
pub use violation::{FilterProblem, FilterViolation};

pub(super) use ec2_facts::{times as ec2_times, values as ec2_values};
pub(super) use gantry_facts::values as gantry_values;
pub(super) use pattern::Signature;

/// Most filters in one request (EC2 API Reference, DescribeImages).
pub const FILTERS_MAX: usize = 50;

/// Most values of one filter.
pub const FILTER_VALUES_MAX: usize = 200;

/// Longest filter name or value, in characters.
pub const FILTER_CHARS_MAX: usize = 255;

/// One filter: the image passes if any of the values matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    name: FilterName,
    values: Vec<Pattern>,
}

impl Filter {
    /// What is looked at.
    pub fn name(&self) -> &FilterName {
        &self.name
    }

    /// What it may hold.
    pub fn values(&self) -> &[Pattern] {
        &self.values
    }

    fn matches(&self, image: &Image, classification: &Classification, types: &[InstanceTypeFacts]) -> bool {
        match &self.name {
            FilterName::Gantry(name) => {
                gantry_facts::any_value(*name, image, classification, types, &mut |value| self.accepts(value))
            }
            FilterName::Ec2(_) | FilterName::Tag(_) => self.matches_facts(image),
        }
    }

    /// The same for filters that EC2 has; no image passes one of Gantry's own.
    pub(in crate::ami) fn matches_facts(&self, image: &Image) -> bool {
        match &self.name {
            FilterName::Ec2(name) => ec2_facts::any_value(*name, image, &mut |value| self.accepts(value)),
            FilterName::Tag(key) => image.tags.get(key).is_some_and(|value| self.accepts(value)),
            FilterName::Gantry(_) => false,
        }
    }

    /// Whether a text is what is asked for.
    pub(in crate::ami) fn accepts(&self, value: &str) -> bool {
        self.values.iter().any(|pattern| pattern.matches(value))
    }
}

/// Filters on images, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    filters: Vec<Filter>,
}

/// Filters, parted by who can answer them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SplitFilters {
    /// For EC2, name and values as the caller wrote them.
    pub ec2: Vec<(String, Vec<String>)>,
    /// For [`Filters::matches`], because EC2 has no such filter.
    pub local: Filters,
}

impl Filters {
    /// Reads name and values of each filter.
    ///
    /// # Errors
    /// Every violation at once: too many filters or values, a name or value that is too long, a
    /// name that does not exist (with the nearest ones), a filter without values, and a value that
    /// one of Gantry's own filters can never have.
    pub fn parse(conditions: &[(String, Vec<String>)]) -> Result<Self, Vec<FilterViolation>> {
        let filters = violation::read(conditions, FilterName::parse, |name, value| name.problem_with(value))?
            .into_iter()
            .map(|(name, values)| Filter { name, values })
            .collect();
        Ok(Self { filters })
    }

    /// The filters, in the caller's order.
    pub fn iter(&self) -> impl Iterator<Item = &Filter> {
        self.filters.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Why only EC2 can evaluate these filters, if that is so: `public-ssm-parameter-name` also finds
    /// images that were behind the parameter before, which no fact of an image tells (EC2 API
    /// Reference, DescribeImages).
    pub fn only_ec2_knows(&self) -> Option<&'static str> {
        let former = FilterName::Ec2(Ec2FilterName::PublicSsmParameterName);
        let asked = self.filters.iter().any(|filter| filter.name == former);
        asked.then_some("only EC2 knows which images were behind a public parameter before")
    }

    /// Whether there are at most so many values, and each is a text or the beginning of one: those
    /// are looked up in an index, where others have to be compared with all that there is.
    pub fn can_be_looked_up(&self, values_max: usize) -> bool {
        let mut values = self.filters.iter().flat_map(|filter| &filter.values);
        values.clone().count() <= values_max
            && values.all(|pattern| pattern.exact().is_some() || pattern.is_prefix_only())
    }

    /// Parts the filters into what EC2 answers and what is judged here.
    pub fn split(&self) -> SplitFilters {
        let mut split = SplitFilters::default();
        for filter in &self.filters {
            if matches!(filter.name, FilterName::Gantry(_)) {
                split.local.filters.push(filter.clone());
            } else {
                let values = filter.values.iter().map(|pattern| pattern.as_str().to_owned()).collect();
                split.ec2.push((filter.name.to_string(), values));
            }
        }
        split
    }

    /// The types that `gantry:bootable-on` names, whose facts [`Filters::matches`] needs.
    pub fn instance_types(&self) -> Vec<InstanceType> {
        let bootable_on = FilterName::Gantry(GantryFilterName::BootableOn);
        let named = self.filters.iter().filter(|filter| filter.name == bootable_on);
        named.flat_map(|filter| &filter.values).filter_map(|pattern| pattern.as_str().parse().ok()).collect()
    }

    /// Whether an image passes every filter. `types` are the facts of
    /// [`Filters::instance_types`]; no image is bootable on a type that is not among them.
    pub fn matches(&self, image: &Image, classification: &Classification, types: &[InstanceTypeFacts]) -> bool {
        self.filters.iter().all(|filter| filter.matches(image, classification, types))
    }
}

#[cfg(test)]
mod tests;
