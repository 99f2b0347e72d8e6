//! The policies that come with the program, and the schema, as they are in `policies/`.

/// The name by which the server is given [`DEFAULT_TEXT`].
pub const DEFAULT_NAME: &str = "default";

/// The default policy.
pub const DEFAULT_TEXT: &str = include_str!("../../policies/default.cedar");

/// What policies can ask about, in Cedar's schema language.
pub const SCHEMA_TEXT: &str = include_str!("../../policies/gantry.cedarschema");

/// Policies to begin with, by the names of their files.
pub const EXAMPLES: [(&str, &str); 6] = [
    ("break-glass", include_str!("../../policies/examples/break-glass.cedar")),
    ("business-hours", include_str!("../../policies/examples/business-hours.cedar")),
    ("encrypted-and-tagged", include_str!("../../policies/examples/encrypted-and-tagged.cedar")),
    ("own-images-in-production", include_str!("../../policies/examples/own-images-in-production.cedar")),
    ("small-and-cheap", include_str!("../../policies/examples/small-and-cheap.cedar")),
    ("who-may-what", include_str!("../../policies/examples/who-may-what.cedar")),
];
