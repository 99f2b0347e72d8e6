//! The settings of accounts that are reached by assuming a role.

use serde::Deserialize;

use super::ConfigError;
use crate::ids::{AccountId, RoleArn};

/// The most accounts beside that of the server's own credentials: each has its catalogue of images in memory.
pub const ACCOUNTS_MAX: usize = 100;
/// The fewest and the most characters of an external id (STS API Reference, "AssumeRole").
pub const EXTERNAL_ID_CHARS: std::ops::RangeInclusive<usize> = 2..=1_224;

/// One account that is reached by assuming a role in it. The account of the server's own credentials is served
/// without one; if it is listed, launches and terminations there go through its role too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    /// The account, by which callers name it.
    pub id: AccountId,
    /// The role, which is one of this account.
    pub role: RoleArn,
    /// What the role's trust policy asks for as `sts:ExternalId`, if it does.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Whether launches and terminations carry their principal as source identity, which the role's trust policy must
    /// allow by `sts:SetSourceIdentity`.
    #[serde(default = "by_default")]
    pub source_identity: bool,
}

fn by_default() -> bool {
    true
}

/// Whether these accounts can be meant.
pub(super) fn check(accounts: &[AccountConfig]) -> Result<(), ConfigError> {
    let out_of_range = |setting, expected: String| Err(ConfigError::OutOfRange { setting, expected });
    if accounts.len() > ACCOUNTS_MAX {
        return out_of_range("accounts", format!("at most {ACCOUNTS_MAX}, not {}", accounts.len()));
    }
    for (place, AccountConfig { id, role, external_id, source_identity: _ }) in accounts.iter().enumerate() {
        if accounts[..place].iter().any(|before| before.id == *id) {
            return out_of_range("accounts.id", format!("another for each of them, and {id} is there twice"));
        }
        if role.account_id() != *id {
            return out_of_range("accounts.role", format!("a role of account {id}, which {role} is not"));
        }
        let is_external_id = |text: &String| {
            let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
            EXTERNAL_ID_CHARS.contains(&text.len()) && text.chars().all(fits)
        };
        if external_id.as_ref().is_some_and(|text| !is_external_id(text)) {
            let (least, most) = (EXTERNAL_ID_CHARS.start(), EXTERNAL_ID_CHARS.end());
            let expected = format!("{least} to {most} of the letters, digits and _+=,.@:/-, for account {id}");
            return out_of_range("accounts.external_id", expected);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn text(id: &str, role: &str, more: &str) -> String {
        format!("[[accounts]]\nid = '{id}'\nrole = '{role}'\n{more}\n")
    }

    #[test]
    fn an_account_has_one_role_of_its_own() {
        let (id, role) = ("111122223333", "arn:aws:iam::111122223333:role/gantry");
        let plain = text(id, role, "");
        let config: Config = toml::from_str(&plain).unwrap();
        config.check().unwrap();
        assert!(config.accounts[0].source_identity && config.accounts[0].external_id.is_none());
        let told = text(id, role, "external_id = 'gantry/prod'\nsource_identity = false");
        toml::from_str::<Config>(&told).unwrap().check().unwrap();

        for wrong in [
            text(id, role, "region = 'us-east-1'"),
            text("1", role, ""),
            text(id, "gantry", ""),
            "[[accounts]]\nid = '111122223333'".to_owned(),
        ] {
            assert!(toml::from_str::<Config>(&wrong).is_err(), "{wrong}");
        }
        let many: String = (0..=ACCOUNTS_MAX)
            .map(|n| text(&format!("{n:012}"), &format!("arn:aws:iam::{n:012}:role/gantry"), ""))
            .collect();
        for (wrong, said) in [
            (plain.repeat(2), "111122223333 is there twice"),
            (text("444455556666", role, ""), "a role of account 444455556666"),
            (text(id, role, "external_id = 'a b'"), "accounts.external_id must be 2 to 1224"),
            (many, "at most 100, not 101"),
        ] {
            let error = toml::from_str::<Config>(&wrong).unwrap().check().unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
