//! What a conclusion or a finding saw, kept as it was and put into words when somebody asks.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::text::Text;

/// What is written where EC2 sent nothing.
pub const ABSENT: &str = "absent";

/// An observed value. `Display` writes it as findings show it.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// A word or a sentence.
    Text(Text),
    /// A moment.
    Time(Timestamp),
    /// How many volumes an image maps.
    Volumes {
        /// EBS volumes.
        ebs: u32,
        /// Instance store volumes.
        instance_store: u32,
    },
    /// How many instance types boot an image.
    Types {
        /// All of them.
        types: u32,
        /// Those of the current generation.
        current_generation: u32,
    },
    /// How many launch permissions an image has.
    Entries(u32),
}

impl Observed {
    /// The value in words.
    pub fn words(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Time(_) | Self::Volumes { .. } | Self::Types { .. } | Self::Entries(_) => {
                Cow::Owned(self.to_string())
            }
        }
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => fmt::Display::fmt(text, f),
            Self::Time(time) => fmt::Display::fmt(time, f),
            Self::Volumes { ebs: 1, instance_store: 0 } => f.write_str("1 EBS volume"),
            Self::Volumes { ebs, instance_store } => {
                write!(f, "{ebs} EBS volumes, {instance_store} instance store volumes")
            }
            Self::Types { types, current_generation } => {
                write!(f, "{types} types, {current_generation} current generation")
            }
            Self::Entries(count) => write!(f, "{count} entries"),
        }
    }
}

impl Serialize for Observed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A word of ours.
pub(super) const fn fixed(word: &'static str) -> Observed {
    Observed::Text(Text::fixed(word))
}

/// EC2's value, and [`ABSENT`] for none.
pub(super) fn observed(value: Option<&str>) -> Observed {
    match value {
        Some(value) => Observed::Text(Text::new(value)),
        None => fixed(ABSENT),
    }
}

/// A flag, and [`ABSENT`] for none.
pub(super) fn observed_flag(value: Option<bool>) -> Observed {
    fixed(match value {
        Some(true) => "true",
        Some(false) => "false",
        None => ABSENT,
    })
}
