//! Launch templates, as requests name them and as decisions remember them.
//!
//! What a template holds is not here: a decision's spec is what came of merging, and a version never
//! changes, so that its number says the rest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::spec::Spec;
use crate::ids::Sha256Digest;

/// A launch template that a spec starts from. The fields that the spec does not give are the template's. In a
/// merged spec it is the template's id and the version's number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateChoice {
    /// Which one.
    pub template: TemplateReference,
    /// `$Default`, `$Latest` or a number.
    pub version: String,
    /// Fields that the request gives although they may be left out, and whose value does not show it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub given: BTreeSet<GivenField>,
}

/// How a launch template is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateReference {
    /// By its id, `lt-…`.
    Id(String),
    /// By its name.
    Name(String),
}

/// A field whose default is also a value that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenField {
    /// `market`.
    Market,
    /// `metadata_options.http_tokens`.
    HttpTokens,
    /// `hibernation`.
    Hibernation,
    /// `enclave`.
    Enclave,
}

/// What a decision about a spec with a template remembers beside the merged spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TemplateSource {
    /// The spec as it was asked for. The hash of the request's body is over this one.
    pub asked: Box<Spec>,
    /// The template's id. None if there is no such template or version; then nothing was merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_template_id: Option<String>,
    /// The template's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_template_name: Option<String>,
    /// The number of the version that was merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_number: Option<u64>,
    /// As the decision's `body_sha256`, over the merged spec: whether what is kept for an attempt belongs
    /// to it.
    pub merged_sha256: Sha256Digest,
}
