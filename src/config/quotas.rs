//! How much may be launched.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ConfigError;
use crate::ids::Principal;

/// The largest limit; more is a typing error. Absent means that there is none.
pub const QUOTA_MAX: u32 = 10_000_000;
/// The most principals that have limits of their own.
pub const QUOTA_PRINCIPALS_MAX: usize = 10_000;

/// Limits of what is launched, over all accounts and Regions. What is absent is not limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotasConfig {
    /// For all principals together.
    pub total: QuotaConfig,
    /// For each principal.
    pub each: QuotaConfig,
    /// For one principal, by name, in place of `each`.
    pub principals: BTreeMap<Principal, QuotaConfig>,
}

/// The limits of one principal or of all together, each from 0, which is nothing at all, to [`QUOTA_MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuotaConfig {
    /// Launches that are admitted within any hour.
    pub launches_per_hour: Option<u32>,
    /// Instances of launches that are admitted within any hour; a launch counts for as many as it may get until it
    /// has got what it gets.
    pub instances_per_hour: Option<u32>,
    /// Instances at once that have not ended, stopped ones among them, and those that launches may yet get.
    pub running_instances: Option<u32>,
}

impl QuotasConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if QUOTA_PRINCIPALS_MAX < self.principals.len() {
            let expected = format!("at most {QUOTA_PRINCIPALS_MAX} principals");
            return Err(ConfigError::OutOfRange { setting: "quotas.principals", expected });
        }
        for limits in [&self.total, &self.each].into_iter().chain(self.principals.values()) {
            for (setting, limit) in [
                ("quotas launches_per_hour", limits.launches_per_hour),
                ("quotas instances_per_hour", limits.instances_per_hour),
                ("quotas running_instances", limits.running_instances),
            ] {
                if let Some(limit) = limit.filter(|limit| QUOTA_MAX < *limit) {
                    let expected = format!("from 0 to {QUOTA_MAX}, or absent, not {limit}");
                    return Err(ConfigError::OutOfRange { setting, expected });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_written_as_toml() {
        let text = "total = { running_instances = 500 }\neach = { launches_per_hour = 10, instances_per_hour = 0 }\n\
                    [principals.'spiffe://corp/ci']\nlaunches_per_hour = 1000\n";
        let quotas: QuotasConfig = toml::from_str(text).unwrap();
        quotas.check().unwrap();
        assert_eq!((quotas.total.running_instances, quotas.each.instances_per_hour), (Some(500), Some(0)));
        assert_eq!(quotas.principals.values().next().unwrap().launches_per_hour, Some(1_000));
        assert_eq!(toml::from_str::<QuotasConfig>("").unwrap(), QuotasConfig::default());
        for wrong in ["total = 5", "each = { launches = 1 }", "[principals.'']", "each = { running_instances = -1 }"] {
            assert!(toml::from_str::<QuotasConfig>(wrong).is_err(), "{wrong}");
        }
        let beyond: QuotasConfig = toml::from_str("each = { running_instances = 10000001 }").unwrap();
        assert!(beyond.check().is_err());
    }
}
