//! How much of EC2's request rates the server takes.

use serde::Deserialize;

use super::ConfigError;

/// Half of each rate: the company's other tools share the account.
pub const BUDGET_SHARE_DEFAULT: f64 = 0.5;
/// The smallest share: less is a typing error.
pub const BUDGET_SHARE_MIN: f64 = 0.01;
/// The rates that EC2 documents.
pub const BUDGET_SCALE_DEFAULT: f64 = 1.0;
/// The smallest and the largest factor between an account's rates and those that EC2 documents.
pub const BUDGET_SCALE_MIN: f64 = 0.001;
/// See [`BUDGET_SCALE_MIN`].
pub const BUDGET_SCALE_MAX: f64 = 1_000_000.0;

/// The share of EC2's request rates that the server takes, in each account and Region and of each API.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetConfig {
    /// The part of each rate, from [`BUDGET_SHARE_MIN`] to 1.
    pub share: f64,
    /// The account's rates as a multiple of those that EC2 documents, from [`BUDGET_SCALE_MIN`] to
    /// [`BUDGET_SCALE_MAX`]: AWS raises them on request, and shows them in Service Quotas. Where they
    /// are not raised alike, the smallest multiple.
    pub scale: f64,
}

impl BudgetConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let out_of_range = |setting, expected: String| Err(ConfigError::OutOfRange { setting, expected });
        let Self { share, scale } = *self;
        // A range does not contain NaN.
        if !(BUDGET_SHARE_MIN..=1.0).contains(&share) {
            return out_of_range("budget.share", format!("from {BUDGET_SHARE_MIN} to 1, not {share}"));
        }
        if !(BUDGET_SCALE_MIN..=BUDGET_SCALE_MAX).contains(&scale) {
            let expected = format!("from {BUDGET_SCALE_MIN} to {BUDGET_SCALE_MAX}, not {scale}");
            return out_of_range("budget.scale", expected);
        }
        Ok(())
    }
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self { share: BUDGET_SHARE_DEFAULT, scale: BUDGET_SCALE_DEFAULT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_part_of_something() {
        for (share, scale, accepted) in [
            (0.5, 1.0, true),
            (1.0, BUDGET_SCALE_MAX, true),
            (BUDGET_SHARE_MIN, BUDGET_SCALE_MIN, true),
            (0.0, 1.0, false),
            (f64::MIN_POSITIVE, 1.0, false),
            (-0.5, 1.0, false),
            (1.01, 1.0, false),
            (f64::NAN, 1.0, false),
            (0.5, 0.0, false),
            (0.5, f64::NAN, false),
            (0.5, f64::INFINITY, false),
        ] {
            assert_eq!(BudgetConfig { share, scale }.check().is_ok(), accepted, "{share} {scale}");
        }
        assert!(toml::from_str::<BudgetConfig>("shares = 1.0").is_err());
    }
}
