//! Launch templates and their versions.
//!
//! A version is never changed once it is made. Its data is kept as the parameters that were sent,
//! because what they mean is decided when something is launched from them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::State;
use crate::clock::Timestamp;

/// A launch template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaunchTemplate {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Its number in order of creation; ids follow from it.
    pub(crate) number: u64,
    pub(crate) created: Timestamp,
    pub(crate) default_version: u64,
    /// How far version numbers have been given out; none is given twice.
    pub(crate) numbered: u64,
    /// Saved beside the template, so that a new version does not save the old ones again.
    #[serde(skip)]
    pub(crate) versions: BTreeMap<u64, TemplateVersion>,
}

/// One version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TemplateVersion {
    pub(crate) number: u64,
    pub(crate) description: Option<String>,
    pub(crate) created: Timestamp,
    /// `LaunchTemplateData`: parameters by their names below it.
    pub(crate) data: BTreeMap<String, String>,
    /// The client token that it was made with, and the digest of that request.
    pub(crate) token: Option<(String, String)>,
}

impl LaunchTemplate {
    /// The template without its versions, which are many and are not saved with it.
    pub(crate) fn head(&self) -> Self {
        Self { id: self.id.clone(), name: self.name.clone(), versions: BTreeMap::new(), ..*self }
    }

    /// The number of `$Latest`.
    pub(crate) fn latest_version(&self) -> u64 {
        self.versions.last_key_value().map_or(self.numbered, |(number, _)| *number)
    }
}

impl State {
    /// Puts a template in place, with new versions and without those deleted.
    pub(super) fn put_template(&mut self, mut template: LaunchTemplate, new: Vec<TemplateVersion>, deleted: &[u64]) {
        self.templates_made = self.templates_made.max(template.number);
        if let Some(known) = self.templates.remove(&template.id) {
            template.versions = known.versions;
        }
        template.versions.extend(new.into_iter().map(|version| (version.number, version)));
        template.versions.retain(|number, _| !deleted.contains(number));
        self.templates.insert(template.id.clone(), template);
    }

    /// Takes a template away with its tags.
    pub(super) fn remove_template(&mut self, id: &str) {
        self.templates.remove(id);
        self.tags.remove(id);
    }

    /// The template of this id.
    pub(crate) fn template(&self, id: &str) -> Option<&LaunchTemplate> {
        self.templates.get(id)
    }

    /// The template of this name; names are unique in a Region.
    pub(crate) fn template_named(&self, name: &str) -> Option<&LaunchTemplate> {
        self.templates.values().find(|template| template.name == name)
    }

    /// All templates, by id.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &LaunchTemplate> {
        self.templates.values()
    }

    /// The number that the next template gets.
    pub(crate) fn next_template(&self) -> u64 {
        self.templates_made + 1
    }
}
