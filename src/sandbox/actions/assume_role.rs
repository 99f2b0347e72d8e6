//! AssumeRole of STS: credentials for a session in an account that the sandbox has.
//!
//! IAM is not part of the sandbox, so every role of its accounts exists and may be assumed by whoever asks, but for
//! what `[account]` says of trust policies. What a request must look like is STS's (STS API Reference, "AssumeRole").

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::identity::validation;
use crate::clock::Timestamp;
use crate::ids::AccountId;
use crate::sandbox::Sandbox;
use crate::sandbox::callers::{Caller, Session};
use crate::sandbox::cloud::Line;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Query;
use crate::sandbox::wire::xml::Xml;

/// Seconds that a session can last, and lasts unless told; roles here have IAM's usual maximum of an hour.
const SECONDS_MIN: i64 = 900;
const SECONDS_MAX: i64 = 43_200;
const SECONDS_OF_ROLE: i64 = 3_600;
/// Characters of an ARN.
const ARN_CHARS: (usize, usize) = (20, 2_048);
/// Characters of a session's name and of a source identity.
const NAME_CHARS: (usize, usize) = (2, 64);
/// Characters of an external id.
const EXTERNAL_ID_CHARS: (usize, usize) = (2, 1_224);

/// Begins the session that a request asks for.
pub(super) fn assume(sandbox: &Sandbox, caller: &Caller, query: &Query) -> Result<Session, Ec2Error> {
    query.allow_only(&["RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId", "SourceIdentity"])?;
    let root = query.root();
    let arn = root.text("RoleArn").ok_or_else(|| absent("roleArn"))?;
    length("roleArn", arn, ARN_CHARS)?;
    let name = root.text("RoleSessionName").ok_or_else(|| absent("roleSessionName"))?;
    text("roleSessionName", name, NAME_CHARS, "+=,.@-")?;
    let external_id = root.text("ExternalId");
    if let Some(id) = external_id {
        text("externalId", id, EXTERNAL_ID_CHARS, "+=,.@:/-")?;
    }
    let asked_identity = root.text("SourceIdentity");
    if let Some(identity) = asked_identity {
        text("sourceIdentity", identity, NAME_CHARS, "+=,.@-")?;
    }
    let seconds = seconds(root.integer("DurationSeconds").map_err(|_| validation("durationSeconds is no number"))?)?;
    let (account_id, role) = role_of(arn).ok_or_else(|| Ec2Error::new("ValidationError", "Request ARN is invalid"))?;
    let denied = |action: &str| {
        let message = format!("User: {} is not authorized to perform: sts:{action} on resource: {arn}", caller.arn());
        Ec2Error::with_status(403, "AccessDenied", message)
    };
    let trust = sandbox.account();
    if !sandbox.has_account(&account_id) || trust.external_id.as_deref().is_some_and(|asked| external_id != Some(asked))
    {
        return Err(denied("AssumeRole"));
    }
    // A session passes its source identity on, and cannot take another (IAM User Guide, "Monitor and control
    // actions taken with assumed roles").
    let inherited = caller.session.as_ref().and_then(|session| session.source_identity.as_deref());
    let is_another = inherited.is_some() && asked_identity.is_some() && inherited != asked_identity;
    let source_identity = asked_identity.or(inherited);
    if is_another || (source_identity.is_some() && !trust.source_identity) {
        return Err(denied("SetSourceIdentity"));
    }
    let now = sandbox.clock().now();
    let lasting = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    let expires = now.checked_add(lasting).unwrap_or(Timestamp::MAX);
    let session = sandbox.begin_session(&account_id, role, name, source_identity, expires);
    sandbox.save(&Line::Session { session: session.clone() })?;
    Ok(session)
}

/// Writes what AssumeRole answers.
pub(super) fn write(xml: &mut Xml, session: &Session) {
    xml.optional("SourceIdentity", session.source_identity.as_deref());
    xml.element("AssumedRoleUser", |xml| {
        xml.text("AssumedRoleId", &session.id());
        xml.text("Arn", &session.arn());
    });
    xml.element("Credentials", |xml| {
        let word = |what: &str| hex::encode(Sha256::digest(format!("{what} {}", session.access_key)));
        xml.text("AccessKeyId", &session.access_key);
        xml.text("SecretAccessKey", &word("secret")[..40]);
        xml.text("SessionToken", &format!("sandbox-{}", word("token")));
        xml.text("Expiration", &session.expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    });
}

fn seconds(asked: Option<i64>) -> Result<i64, Ec2Error> {
    match asked {
        None => Ok(SECONDS_OF_ROLE),
        Some(seconds @ SECONDS_MIN..=SECONDS_OF_ROLE) => Ok(seconds),
        Some(seconds) if (SECONDS_OF_ROLE..=SECONDS_MAX).contains(&seconds) => Err(Ec2Error::new(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )),
        Some(other) => Err(validation(&format!(
            "Value '{other}' at 'durationSeconds' failed to satisfy constraint: Member must have value between \
             {SECONDS_MIN} and {SECONDS_MAX}"
        ))),
    }
}

/// Account and name of a role, of its ARN: `arn:PARTITION:iam::ACCOUNT:role/PATH/NAME`.
fn role_of(arn: &str) -> Option<(AccountId, &str)> {
    let mut parts = arn.splitn(6, ':');
    let named = parts.next() == Some("arn") && parts.next().is_some_and(|partition| partition.starts_with("aws"));
    let service = parts.next() == Some("iam") && parts.next() == Some("");
    let account_id = parts.next()?.parse().ok()?;
    let name = parts.next()?.strip_prefix("role/")?.rsplit('/').next().filter(|name| !name.is_empty())?;
    (named && service).then_some((account_id, name))
}

fn text(field: &str, value: &str, chars: (usize, usize), beside: &str) -> Result<(), Ec2Error> {
    length(field, value, chars)?;
    if value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || beside.contains(c)) {
        return Ok(());
    }
    Err(constraint(field, value, &format!("Member must satisfy regular expression pattern: [\\w{beside}]*")))
}

fn length(field: &str, value: &str, (least, most): (usize, usize)) -> Result<(), Ec2Error> {
    match value.chars().count() {
        short if short < least => {
            Err(constraint(field, value, &format!("Member must have length greater than or equal to {least}")))
        }
        long if most < long => {
            Err(constraint(field, value, &format!("Member must have length less than or equal to {most}")))
        }
        _ => Ok(()),
    }
}

fn absent(field: &str) -> Ec2Error {
    validation(&format!("Value null at '{field}' failed to satisfy constraint: Member must not be null"))
}

fn constraint(field: &str, value: &str, what: &str) -> Ec2Error {
    let shown: String = value.chars().take(100).collect();
    validation(&format!("Value '{shown}' at '{field}' failed to satisfy constraint: {what}"))
}
