//! Credentials for the session that one launch's calls are made in, so that CloudTrail leads from a call back to the
//! launch and to who is behind it.
//!
//! They are kept for repeats of the same call, in memory and no longer than they live. A role that could not be
//! assumed means that nothing was sent to EC2.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_ec2::config::Credentials;
use jiff::Timestamp;

use super::accounts::AccountRole;
use super::call::send_unbudgeted;
use super::errors::incomplete;
use super::{Ec2Error, StaticCredentials};
use crate::clock::Clock;
use crate::ids::RoleSession;

/// How long a session is asked for: the shortest that STS gives (STS API Reference, "AssumeRole"). A call that is
/// repeated after it gets another one of the same name.
const SESSION_SECONDS: i32 = 900;
/// Credentials that live no longer than this are not used any more: a call has to end before.
const EXPIRY_MARGIN: Duration = Duration::from_secs(60);
/// Sessions that are kept in each account and Region: launches under way beyond these assume their role once more.
const SESSIONS_KEPT_MAX: usize = 512;

/// The sessions of one role, begun in one Region.
pub(super) struct Sessions {
    sts: aws_sdk_sts::Client,
    role: AccountRole,
    clock: Arc<dyn Clock>,
    /// The oldest is at the front.
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    session: RoleSession,
    credentials: StaticCredentials,
    expires: Timestamp,
}

impl Sessions {
    pub(super) fn new(sts: aws_sdk_sts::Client, role: AccountRole, clock: Arc<dyn Clock>) -> Self {
        Self { sts, role, clock, kept: Mutex::default() }
    }

    /// The role.
    pub(super) fn role(&self) -> &AccountRole {
        &self.role
    }

    /// Credentials of the session, kept or from STS.
    ///
    /// # Errors
    /// [`Ec2Error::NotAssumed`].
    pub(super) async fn credentials(&self, session: &RoleSession) -> Result<Credentials, Ec2Error> {
        if let Some(kept) = self.find(session) {
            return Ok(kept);
        }
        let request = self
            .sts
            .assume_role()
            .role_arn(self.role.role.as_str())
            .role_session_name(session.name.as_str())
            .duration_seconds(SESSION_SECONDS)
            .set_external_id(self.role.external_id.clone())
            .set_source_identity(session.source_identity.as_ref().map(ToString::to_string));
        let not_assumed = |error| Ec2Error::NotAssumed(Box::new(error));
        let answer = send_unbudgeted!(request).map_err(not_assumed)?;
        let given = answer.credentials.ok_or_else(|| not_assumed(incomplete("there are no credentials", None)))?;
        let expires = Timestamp::from_second(given.expiration.secs()).unwrap_or(Timestamp::MIN);
        let credentials = StaticCredentials {
            access_key_id: given.access_key_id,
            secret_access_key: given.secret_access_key,
            session_token: Some(given.session_token),
        };
        let usable = sdk_credentials(&credentials);
        self.keep(Kept { session: session.clone(), credentials, expires });
        Ok(usable)
    }

    fn find(&self, session: &RoleSession) -> Option<Credentials> {
        let until = self.clock.now().saturating_add(EXPIRY_MARGIN).unwrap_or(Timestamp::MAX);
        let mut kept = self.lock();
        kept.retain(|kept| until < kept.expires);
        kept.iter().find(|kept| kept.session == *session).map(|kept| sdk_credentials(&kept.credentials))
    }

    fn keep(&self, new: Kept) {
        let mut kept = self.lock();
        kept.retain(|kept| kept.session != new.session);
        if kept.len() >= SESSIONS_KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(new);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Kept>> {
        // A list that is right after every statement.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Without an expiry: whether they are still good is judged by the server's clock, above.
fn sdk_credentials(from: &StaticCredentials) -> Credentials {
    Credentials::new(&from.access_key_id, &from.secret_access_key, from.session_token.clone(), None, "gantry")
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("role", &self.role).finish_non_exhaustive()
    }
}
