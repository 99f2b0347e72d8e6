//! Roles that are assumed, and what CloudTrail shows of their sessions.
//!
//! What a name may consist of is STS's (STS API Reference, "AssumeRole"); what Gantry makes of its own ids and of a
//! principal is here, so that whoever reads CloudTrail can be told one rule.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{AccountId, AttemptId, LaunchId, MalformedId, Principal, Sha256Digest};

/// Characters of a role's ARN.
const ARN_CHARS_MAX: usize = 2_048;
/// The fewest and the most characters of a session's name and of a source identity.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=64;
/// Hexadecimal digits of a principal's digest, behind as much of the principal as fits.
const DIGEST_CHARS: usize = 12;

string_id!(
    /// The ARN of an IAM role, such as `arn:aws:iam::111122223333:role/gantry`.
    RoleArn, "role ARN", "the ARN of a role, such as arn:aws:iam::111122223333:role/gantry",
    |text| text.len() <= ARN_CHARS_MAX && account_of(text).is_some()
);
string_id!(
    /// The name of a role's session: 2 to 64 of the letters, digits and `_+=,.@-`.
    RoleSessionName, "role session name", "2 to 64 of the letters, digits and _+=,.@-",
    |text| NAME_CHARS.contains(&text.len()) && text.chars().all(is_in_a_name)
);
string_id!(
    /// The source identity of a role's session: 2 to 64 of the letters, digits and `_+=,.@-`. Whatever the session
    /// does, and whatever role is assumed from it, CloudTrail shows it.
    SourceIdentity, "source identity", "2 to 64 of the letters, digits and _+=,.@-",
    |text| NAME_CHARS.contains(&text.len()) && text.chars().all(is_in_a_name)
);

impl RoleArn {
    /// The account that the role is in.
    pub fn account_id(&self) -> AccountId {
        account_of(&self.0).expect("a role's ARN was checked to name its account")
    }
}

impl RoleSessionName {
    /// The session in which what nobody asked for in particular is read.
    pub fn of_reads() -> Self {
        Self("gantry".to_owned())
    }

    /// The session in which an attempt calls RunInstances: `gantry-` and its id.
    pub fn of_attempt(attempt_id: AttemptId) -> Self {
        Self(format!("gantry-{attempt_id}"))
    }

    /// The session in which what a launch made is terminated: `gantry-` and its id.
    pub fn of_launch(launch_id: LaunchId) -> Self {
        Self(format!("gantry-{launch_id}"))
    }
}

impl SourceIdentity {
    /// The source identity of what `principal` asks for. A principal that can be one is one, unless it looks like one
    /// that was made. Of every other one each character that cannot stand in one becomes `-`, no more than the first 51
    /// characters are kept, and `-` and the first 12 hexadecimal digits of the SHA-256 of the whole principal follow, by
    /// which those that look alike are told apart.
    pub fn of(principal: &Principal) -> Self {
        if let Ok(fitting) = principal.as_str().parse()
            && !looks_made(principal.as_str())
        {
            return fitting;
        }
        let kept = NAME_CHARS.end() - DIGEST_CHARS - 1;
        let fitted = principal.as_str().chars().map(|c| if is_in_a_name(c) { c } else { '-' }).take(kept);
        let digest = Sha256Digest::of(principal.as_str().as_bytes()).to_string();
        Self(fitted.chain(std::iter::once('-')).chain(digest.chars().take(DIGEST_CHARS)).collect())
    }
}

/// A session of a role that one launch's calls are made in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoleSession {
    /// Its name.
    pub name: RoleSessionName,
    /// Who is behind it; none if the settings say that the role's trust policy does not allow one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<SourceIdentity>,
}

/// Whether a text ends as source identities do that were made.
fn looks_made(text: &str) -> bool {
    let digits = text.rsplit_once('-').map_or("", |(_, last)| last);
    digits.len() == DIGEST_CHARS && digits.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

/// The `\w` of AWS's patterns, which is ASCII's, and what may stand beside it.
fn is_in_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

/// The account in `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`.
fn account_of(arn: &str) -> Option<AccountId> {
    let mut parts = arn.splitn(6, ':');
    let named = parts.next() == Some("arn") && parts.next().is_some_and(|partition| partition.starts_with("aws"));
    let iam = parts.next() == Some("iam") && parts.next() == Some("");
    let account_id = parts.next()?.parse().ok()?;
    let name = parts.next()?.strip_prefix("role/")?.rsplit('/').next()?;
    let well_named = (1..=64).contains(&name.len()) && name.chars().all(is_in_a_name);
    let printable = arn.bytes().all(|b| b.is_ascii_graphic());
    (named && iam && well_named && printable).then_some(account_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_its_account_and_name() {
        let arn: RoleArn = "arn:aws-us-gov:iam::111122223333:role/teams/web/gantry".parse().unwrap();
        assert_eq!(arn.account_id().as_str(), "111122223333");
        for bad in [
            "",
            "gantry",
            "arn:aws:iam::111122223333:user/gantry",
            "arn:aws:iam::1111:role/gantry",
            "arn:aws:sts::111122223333:assumed-role/gantry/x",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/a b",
            "arn:aws:iam:us-east-1:111122223333:role/gantry",
        ] {
            assert!(bad.parse::<RoleArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn every_principal_has_a_source_identity_of_its_own() {
        let of = |principal: &str| SourceIdentity::of(&principal.parse().unwrap()).to_string();
        assert_eq!(of("local"), "local");
        assert_eq!(of("Ada.Lovelace+ci@example.com"), "Ada.Lovelace+ci@example.com");
        assert_eq!(of("spiffe://prod/web"), "spiffe---prod-web-f28d95477666");
        assert_ne!(of("spiffe://prod/web"), of("spiffe:--prod/web"), "what looks alike is told apart");
        assert_ne!(of("spiffe---prod-web-f28d95477666"), of("spiffe://prod/web"), "nobody can be named like another");
        assert_ne!(of("x"), of("y"));
        let long = "a".repeat(256);
        assert_eq!(of(&long).len(), 64);
        for principal in ["x", "é", &long, "CN=web, O=Example (prod)"] {
            assert!(of(principal).parse::<SourceIdentity>().is_ok(), "{principal}: {}", of(principal));
        }
    }

    #[test]
    fn sessions_are_named_as_sts_takes_names() {
        let now = jiff::Timestamp::UNIX_EPOCH;
        for name in [
            RoleSessionName::of_reads(),
            RoleSessionName::of_attempt(AttemptId::new(now)),
            RoleSessionName::of_launch(LaunchId::new(now)),
        ] {
            assert_eq!(name.as_str().parse::<RoleSessionName>().unwrap(), name);
        }
    }
}
