//! A finding: one rule's conclusion about one field.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// How a rule came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The rule holds.
    Pass,
    /// The rule holds, and somebody should know something.
    Warn,
    /// A fact that the rule needs is missing.
    Unknown,
    /// The rule does not hold.
    Fail,
}

/// What one rule concluded, the fact it rests on, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable, UPPER_SNAKE.
    pub code: Cow<'static, str>,
    /// How the rule came out.
    pub outcome: Outcome,
    /// The field of the image, type or request that was judged, in the contract's names.
    pub field: String,
    /// What was there; `absent` where EC2 sent nothing.
    pub observed: String,
    /// What the rule wants.
    pub expected: String,
    /// One sentence for people.
    pub message: String,
    /// What to do; empty where there is nothing to do.
    pub remedy: String,
    /// The code EC2 answers RunInstances with because of this, where it is known for certain
    /// (`InvalidParameterValue`); none where the rule holds, or where EC2's code is not confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ec2_error_code: Option<Cow<'static, str>>,
}
