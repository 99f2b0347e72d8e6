//! Which policy governs launches.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// The word for the policy that comes with the program. A file of this name is `./default`.
const BUILT_IN: &str = "default";

/// Where the policy is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum PolicySource {
    /// The one that comes with the program: `"default"`.
    BuiltIn,
    /// A file in Cedar. It is read again when its content changes, and on SIGHUP.
    File(PathBuf),
}

impl From<String> for PolicySource {
    fn from(text: String) -> Self {
        if text == BUILT_IN { Self::BuiltIn } else { Self::File(text.into()) }
    }
}

impl FromStr for PolicySource {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text.to_owned()))
    }
}

impl fmt::Display for PolicySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str(BUILT_IN),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}
