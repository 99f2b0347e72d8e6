//! Every finding of classification, as a table: what there is to know about an image or to do.
//!
//! A conclusion that meets a rule records a reference to it and what it saw, nothing else. The
//! groups are the chapters of `docs/findings.md`.

mod cost;
mod hardware;
mod kind;
mod life;
mod origin;
mod security;

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use super::observed::Observed;
use crate::ami::finding_rule::{FindingGroup, FindingRule};
use crate::record::Finding;

pub(super) use cost::*;
pub(super) use hardware::*;
pub(super) use kind::*;
pub(super) use life::*;
pub(super) use origin::*;
pub(super) use security::*;

/// All rules of classification, by subject.
pub static FINDING_GROUPS: [FindingGroup; 6] =
    [kind::GROUP, hardware::GROUP, origin::GROUP, life::GROUP, security::GROUP, cost::GROUP];

/// A rule that an image met, and what was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The rule.
    pub rule: &'static FindingRule,
    /// What was there.
    pub observed: Observed,
}

impl Found {
    /// It as a finding.
    pub fn finding(&self) -> Finding {
        self.rule.finding(self.observed.to_string())
    }

    /// What was there, in words.
    pub fn observed(&self) -> Cow<'_, str> {
        self.observed.words()
    }
}

impl Serialize for Found {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.finding().serialize(serializer)
    }
}
