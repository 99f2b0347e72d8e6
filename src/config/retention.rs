//! The settings of retention.

use std::time::Duration;

use serde::Deserialize;

use super::ConfigError;

/// The most days that records can be kept for and removed after: a hundred years. For ever is not to say.
pub const RETENTION_DAYS_MAX: u32 = 36_500;

/// How long the payloads of records are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Records older than this many days are removed, from 1 to [`RETENTION_DAYS_MAX`]; their hashes stay,
    /// and proofs with them. Absent, as it is by default, removes nothing.
    pub days: Option<u32>,
}

impl RetentionConfig {
    /// How long records are kept; none for ever.
    pub fn keep(&self) -> Option<Duration> {
        self.days.map(|days| Duration::from_hours(24 * u64::from(days)))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self.days {
            Some(days) if !(1..=RETENTION_DAYS_MAX).contains(&days) => {
                let expected = format!("from 1 to {RETENTION_DAYS_MAX}, or absent to keep everything");
                Err(ConfigError::OutOfRange { setting: "retention.days", expected })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_removed_unless_a_number_of_days_says_so() {
        assert_eq!(RetentionConfig::default().keep(), None);
        for (text, keep) in [
            ("", Ok(None)),
            ("days = 90", Ok(Some(Duration::from_hours(90 * 24)))),
            ("days = 36500", Ok(Some(Duration::from_hours(36_500 * 24)))),
            ("days = 0", Err(())),
            ("days = 36501", Err(())),
        ] {
            let config: RetentionConfig = toml::from_str(text).unwrap();
            assert_eq!(config.check().map(|()| config.keep()).map_err(drop), keep, "{text}");
        }
        for text in ["days = -1", "days = '90d'", "day = 90"] {
            assert!(toml::from_str::<RetentionConfig>(text).is_err(), "{text}");
        }
    }
}
