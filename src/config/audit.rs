//! The settings of the audit log.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;

/// MiB of disk that are left free: the store writes segments of 4 MiB, and ends with its first write that
/// does not fit.
pub const FREE_SPACE_RESERVE_MIB_DEFAULT: u64 = 64;
/// The most that can be asked to be left free, in MiB: a TiB.
pub const FREE_SPACE_RESERVE_MIB_MAX: u64 = 1 << 20;

/// The size of a journal segment, in KiB: 64 MiB.
pub const SEGMENT_KIB_DEFAULT: u32 = 64 << 10;
/// The smallest segment, in KiB: it must hold the longest record.
pub const SEGMENT_KIB_MIN: u32 = 64;
/// The largest segment, in KiB: a GiB. A start reads the last one.
pub const SEGMENT_KIB_MAX: u32 = 1 << 20;

/// The most witnesses: a checkpoint carries at most sixteen signatures, one of them the log's.
pub const WITNESSES_MAX: usize = 15;

/// The most keys or patterns of tags to redact.
pub const REDACT_TAGS_MAX: usize = 100;
/// The most characters of one: those of a tag's key (EC2 User Guide, "Tag restrictions").
pub const REDACT_TAG_CHARS_MAX: usize = 128;

/// The audit log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditConfig {
    /// MiB of disk that are left free. With fewer, launches are refused with AUDIT_UNAVAILABLE while
    /// reads go on; 0 to use the disk to its end, which the store does not survive without a restart.
    pub free_space_reserve_mib: u64,
    /// A segment of the journal is followed by the next before it grows beyond this many KiB, from
    /// [`SEGMENT_KIB_MIN`] to [`SEGMENT_KIB_MAX`]. Smaller ones make starts shorter and searches longer.
    pub segment_kib: u32,
    /// Who is asked to cosign the log's checkpoints (c2sp.org/tlog-witness).
    pub witnesses: Vec<WitnessConfig>,
    /// Keys of tags whose values never enter the log, case-sensitive, with EC2's wildcards: `*` stands
    /// for any number of characters and `?` for none or one. `["email", "owner*"]`. It holds for what is
    /// recorded from then on: nothing is taken out of a log.
    pub redact_tags: Vec<String>,
    /// A file in which the log's latest checkpoint is kept, once a second at most; best on another disk,
    /// and never in the data directory. A start on a log that has less than the file states launches
    /// nothing. Absent means that none is kept.
    pub checkpoint_copy: Option<PathBuf>,
}

/// A witness.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Its address, before `/add-checkpoint`: `"https://witness.example.com"`.
    pub url: String,
    /// Its verifier key, of a cosigner: `"witness.example.com+1234abcd+B…"`.
    pub key: String,
}

impl AuditConfig {
    /// [`AuditConfig::free_space_reserve_mib`] in bytes.
    pub fn free_space_reserve(&self) -> u64 {
        self.free_space_reserve_mib << 20
    }

    /// [`AuditConfig::segment_kib`] in bytes.
    pub fn segment_bytes(&self) -> u64 {
        u64::from(self.segment_kib) << 10
    }

    pub(super) fn check(&self, data_dir: &Path) -> Result<(), ConfigError> {
        if FREE_SPACE_RESERVE_MIB_MAX < self.free_space_reserve_mib {
            let expected = format!("at most {FREE_SPACE_RESERVE_MIB_MAX}");
            return Err(ConfigError::OutOfRange { setting: "audit.free_space_reserve_mib", expected });
        }
        if !(SEGMENT_KIB_MIN..=SEGMENT_KIB_MAX).contains(&self.segment_kib) {
            let expected = format!("from {SEGMENT_KIB_MIN} to {SEGMENT_KIB_MAX}");
            return Err(ConfigError::OutOfRange { setting: "audit.segment_kib", expected });
        }
        if self.checkpoint_copy.as_ref().is_some_and(|path| path.starts_with(data_dir)) {
            let expected = "outside of the data directory, with which it would be put back".to_owned();
            return Err(ConfigError::OutOfRange { setting: "audit.checkpoint_copy", expected });
        }
        if WITNESSES_MAX < self.witnesses.len() {
            let expected = format!("at most {WITNESSES_MAX}");
            return Err(ConfigError::OutOfRange { setting: "audit.witnesses", expected });
        }
        if REDACT_TAGS_MAX < self.redact_tags.len() {
            let expected = format!("at most {REDACT_TAGS_MAX} keys");
            return Err(ConfigError::OutOfRange { setting: "audit.redact_tags", expected });
        }
        for key in &self.redact_tags {
            if !(1..=REDACT_TAG_CHARS_MAX).contains(&key.chars().count()) {
                let expected = format!("keys of 1 to {REDACT_TAG_CHARS_MAX} characters, and {key:?} is not");
                return Err(ConfigError::OutOfRange { setting: "audit.redact_tags", expected });
            }
        }
        Ok(())
    }
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self {
            free_space_reserve_mib: FREE_SPACE_RESERVE_MIB_DEFAULT,
            segment_kib: SEGMENT_KIB_DEFAULT,
            witnesses: Vec::new(),
            redact_tags: Vec::new(),
            checkpoint_copy: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_to_redact_are_keys_that_a_tag_can_have() {
        let dir = Path::new("/var/lib/gantry");
        let check = |redact_tags: Vec<String>| AuditConfig { redact_tags, ..AuditConfig::default() }.check(dir);
        let key = |chars| "ä".repeat(chars);
        assert!(check(vec![key(REDACT_TAG_CHARS_MAX); REDACT_TAGS_MAX]).is_ok());
        for bad in [vec![key(1); REDACT_TAGS_MAX + 1], vec![key(REDACT_TAG_CHARS_MAX + 1)], vec![String::new()]] {
            let error = check(bad).unwrap_err().to_string();
            assert!(error.starts_with("audit.redact_tags must be"), "{error}");
        }
        let config: AuditConfig = toml::from_str("redact_tags = ['email', 'owner*']").unwrap();
        assert_eq!(config.redact_tags, ["email", "owner*"]);
    }
}
