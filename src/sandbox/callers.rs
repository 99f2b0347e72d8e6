//! Who calls: the user of an account, or a session of a role that was assumed.
//!
//! The access key says it. One that AssumeRole gave leads to its session, with the account, the role, the session's
//! name and its source identity; `AKIA0` and an account's id is the user of that account; every other one is the
//! user of the sandbox's own account. A `0` is in no access key of AWS's. Secrets and session tokens are not looked
//! at, as signatures are not.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::wire::errors::Ec2Error;
use super::{ACCOUNT_ID, Sandbox, lock};
use crate::clock::{Clock as _, Timestamp};
use crate::ids::AccountId;

/// Sessions that are remembered; of more the oldest are forgotten, as if they had expired.
const SESSIONS_MAX: usize = 10_000;
/// What the access key of a session begins with.
const SESSION_KEY: &str = "ASIA0";
/// What the access key of an account's user begins with.
const USER_KEY: &str = "AKIA0";
/// The id of every account's user.
const USER_ID: &str = "AIDASANDBOXSANDBOXSAN";
/// The id of every role.
const ROLE_ID: &str = "AROASANDBOXSANDBOXSAN";

/// One session of a role, as AssumeRole began it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// In the order of being assumed, from 1.
    pub(crate) number: u64,
    pub(crate) access_key: String,
    pub(crate) account_id: AccountId,
    /// The role's name, without its path.
    pub(crate) role: String,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_identity: Option<String>,
    pub(crate) expires: Timestamp,
}

impl Session {
    /// `AssumedRoleUser`'s ARN (STS API Reference, "AssumedRoleUser").
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:sts::{}:assumed-role/{}/{}", self.account_id, self.role, self.name)
    }

    /// `AssumedRoleId`.
    pub(crate) fn id(&self) -> String {
        format!("{ROLE_ID}:{}", self.name)
    }
}

/// Who made a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// In whose account the call acts.
    pub(crate) account_id: AccountId,
    /// The session, unless it is the account's user.
    pub(crate) session: Option<Session>,
}

impl Caller {
    /// The user of an account.
    pub(crate) fn user(account_id: AccountId) -> Self {
        Self { account_id, session: None }
    }

    pub(crate) fn arn(&self) -> String {
        self.session.as_ref().map_or_else(|| user_arn(&self.account_id), Session::arn)
    }

    pub(crate) fn user_id(&self) -> String {
        self.session.as_ref().map_or_else(|| USER_ID.to_owned(), Session::id)
    }
}

/// The user that every access key of an account belongs to.
pub(crate) fn user_arn(account_id: &AccountId) -> String {
    format!("arn:aws:iam::{account_id}:user/sandbox")
}

/// The access key of an account's user; of the sandbox's own account every other one does as well.
pub(crate) fn user_key(account_id: &AccountId) -> String {
    format!("{USER_KEY}{account_id}")
}

/// The sandbox's own account.
pub(crate) fn home() -> AccountId {
    ACCOUNT_ID.parse().expect("twelve zeros are an account id")
}

/// The sessions that have not expired.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    begun: Mutex<Begun>,
}

#[derive(Debug, Default)]
struct Begun {
    /// Sessions ever begun.
    number: u64,
    /// By number, so that the first is the oldest.
    sessions: BTreeMap<u64, Session>,
    by_key: BTreeMap<String, u64>,
}

impl Sessions {
    /// Takes up a session that was saved.
    pub(crate) fn put(&self, session: Session) {
        lock(&self.begun).put(session);
    }

    /// The sessions that have not expired at `now`, oldest first.
    pub(crate) fn kept(&self, now: Timestamp) -> Vec<Session> {
        lock(&self.begun).sessions.values().filter(|session| now < session.expires).cloned().collect()
    }

    fn next(&self, seed: u64, make: impl FnOnce(u64, String) -> Session) -> Session {
        let mut begun = lock(&self.begun);
        let number = begun.number + 1;
        let session = make(number, access_key(seed, number));
        begun.put(session.clone());
        session
    }

    fn find(&self, access_key: &str) -> Option<Session> {
        let begun = lock(&self.begun);
        begun.by_key.get(access_key).and_then(|number| begun.sessions.get(number)).cloned()
    }
}

impl Begun {
    fn put(&mut self, session: Session) {
        self.number = self.number.max(session.number);
        self.by_key.insert(session.access_key.clone(), session.number);
        self.sessions.insert(session.number, session);
        while self.sessions.len() > SESSIONS_MAX
            && let Some((_, oldest)) = self.sessions.pop_first()
        {
            self.by_key.remove(&oldest.access_key);
        }
    }
}

impl Sandbox {
    /// Whom an access key belongs to.
    ///
    /// # Errors
    /// `AuthFailure` for the key of a session that is not known, or of the user of an account that is not served;
    /// `RequestExpired` for one that has expired (EC2 API Reference, "Error codes").
    pub(crate) fn caller(&self, access_key: &str) -> Result<Caller, Ec2Error> {
        let unknown = || {
            Ec2Error::with_status(401, "AuthFailure", "AWS was not able to validate the provided access credentials")
        };
        if access_key.starts_with(SESSION_KEY) {
            let session = self.shared.sessions.find(access_key).ok_or_else(unknown)?;
            if session.expires <= self.shared.clock.now() {
                return Err(Ec2Error::new("RequestExpired", "Request has expired."));
            }
            return Ok(Caller { account_id: session.account_id.clone(), session: Some(session) });
        }
        let account_id = match access_key.strip_prefix(USER_KEY) {
            Some(account_id) => account_id.parse().ok().filter(|id| self.has_account(id)).ok_or_else(unknown)?,
            None => home(),
        };
        Ok(Caller::user(account_id))
    }

    /// Begins a session of a role.
    pub(crate) fn begin_session(
        &self,
        account_id: &AccountId,
        role: &str,
        name: &str,
        source_identity: Option<&str>,
        expires: Timestamp,
    ) -> Session {
        self.shared.sessions.next(self.seed(), |number, access_key| Session {
            number,
            access_key,
            account_id: account_id.clone(),
            role: role.to_owned(),
            name: name.to_owned(),
            source_identity: source_identity.map(str::to_owned),
            expires,
        })
    }
}

/// Twenty characters, as an access key of AWS's has.
fn access_key(seed: u64, number: u64) -> String {
    let digest = hex::encode_upper(Sha256::digest(format!("session {seed} {number}")));
    format!("{SESSION_KEY}{}", &digest[..15])
}
