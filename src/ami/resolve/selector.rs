//! A selector that has been read, and what meets it.

use crate::ami::classify::Classification;
use crate::ami::filter::{FilterViolation, Filters};
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::ids::{AccountId, InstanceType};
use crate::record::ImageSelector;

/// A selector whose filters have been read. What its fields may hold beside each other is checked
/// where requests are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// Whose; none for anybody's.
    owner: Option<String>,
    ssm_parameter: Option<String>,
    /// The caller's filters, and then the name and the architecture as filters.
    conditions: Vec<(String, Vec<String>)>,
    filters: Filters,
}

impl Selector {
    /// Reads the filters, the name and the architecture.
    ///
    /// # Errors
    /// What is wrong with the filters, numbered as in the selector. Name and architecture count as
    /// filters too, and come after them.
    pub fn read(from: &ImageSelector) -> Result<Self, Vec<FilterViolation>> {
        let ImageSelector { owner, name_pattern, architecture, ssm_parameter, filters, any_owner: _ } = from;
        let mut conditions: Vec<(String, Vec<String>)> =
            filters.iter().map(|filter| (filter.name.clone(), filter.values.clone())).collect();
        for (name, value) in [("name", name_pattern), ("architecture", architecture)] {
            conditions.extend(value.iter().map(|value| (name.to_owned(), vec![value.clone()])));
        }
        let filters = Filters::parse(&conditions)?;
        Ok(Self { owner: owner.clone(), ssm_parameter: ssm_parameter.clone(), conditions, filters })
    }

    /// Whose images they must be, in EC2's words; none for anybody's.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The public parameter that names the image.
    pub fn ssm_parameter(&self) -> Option<&str> {
        self.ssm_parameter.as_deref()
    }

    /// Everything that is asked of an image beside its owner.
    pub fn filters(&self) -> &Filters {
        &self.filters
    }

    /// The types whose facts [`Selector::accepts`] needs.
    pub fn instance_types(&self) -> Vec<InstanceType> {
        self.filters.instance_types()
    }

    /// Whether an image, seen from `account`, is what the selector asks for.
    pub fn accepts(
        &self,
        image: &Image,
        classification: &Classification,
        types: &[InstanceTypeFacts],
        account: &AccountId,
    ) -> bool {
        self.is_owners(image, account) && self.filters.matches(image, classification, types)
    }

    /// The conditions that an image does not meet, by the names of their filters.
    pub fn unmet(&self, image: &Image, classification: &Classification, types: &[InstanceTypeFacts]) -> Vec<&str> {
        let fails = |condition: &&(String, Vec<String>)| {
            !Filters::parse(std::slice::from_ref(*condition))
                .is_ok_and(|filter| filter.matches(image, classification, types))
        };
        self.conditions.iter().filter(fails).map(|(name, _)| name.as_str()).collect()
    }

    /// Whether the image is the owner's. An owner's name is an alias from Amazon's own list, or an
    /// account id; `self` is the viewer.
    fn is_owners(&self, image: &Image, account: &AccountId) -> bool {
        match self.owner.as_deref() {
            None => true,
            Some("self") => image.owner_id.as_deref() == Some(account.as_str()),
            Some(alias @ ("amazon" | "aws-marketplace" | "aws-backup-vault")) => {
                image.image_owner_alias.as_deref() == Some(alias)
            }
            Some(id) => image.owner_id.as_deref() == Some(id),
        }
    }
}
