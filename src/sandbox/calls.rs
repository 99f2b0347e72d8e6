//! The calls that were made: how often, what was answered, and the last ones in full.
//!
//! Every request to EC2 passes through [`Sandbox::ask`], which numbers it, has it answered,
//! remembers it for `GET /sandbox/state`, and writes it down if the sandbox is recording.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

use super::Sandbox;
use super::actions::{self, Answer, Delivery};
use super::callers::{Caller, user_key};
use super::recording::Asked;
use super::wire::auth;
use super::wire::query::Query;
use crate::clock::{Clock as _, Timestamp};
use crate::ids::{AccountId, Region};

/// Calls that are remembered in full; older ones are only counted.
const RECENT_MAX: usize = 1000;
/// Characters of a caller's words that are remembered; EC2's own are all shorter.
const SHOWN_CHARS_MAX: usize = 100;

/// The calls so far.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    /// Of all requests, whatever they asked for.
    number: u64,
    /// By action; only of actions that exist, so that there is an end to them.
    counts: BTreeMap<String, u64>,
    /// By action, and then by what was answered.
    answers: BTreeMap<String, BTreeMap<String, u64>>,
    recent: VecDeque<Recent>,
}

/// One call that was answered.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Recent {
    /// In the order of being asked, from 1.
    pub(crate) number: u64,
    pub(crate) time: Timestamp,
    /// The Region of the credential scope, if there is one.
    pub(crate) region: Option<String>,
    pub(crate) action: String,
    /// `200`, an error code, or what the wire did: `html`, `lost`, `reset`.
    pub(crate) answer: String,
    pub(crate) client_token: Option<String>,
    /// Who called, as far as the access key says it.
    #[serde(flatten)]
    pub(crate) by: By,
}

/// Who made a call, as CloudTrail's `userIdentity` has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct By {
    /// In which account; none where the access key could not be read or is nobody's.
    pub(crate) account_id: Option<AccountId>,
    /// The name of the role's session, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) role_session_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_identity: Option<String>,
}

impl By {
    fn of(caller: Caller) -> Self {
        let (name, identity) = caller.session.map(|session| (session.name, session.source_identity)).unzip();
        Self { account_id: Some(caller.account_id), role_session_name: name, source_identity: identity.flatten() }
    }
}

/// A call as CloudTrail would show it, for tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// In which account it acted.
    pub account_id: Option<AccountId>,
    /// The name of the role's session that made it; none for the account's user.
    pub role_session_name: Option<String>,
    /// The source identity of that session.
    pub source_identity: Option<String>,
    /// `200`, or the code of the error that was answered.
    pub answer: String,
}

impl Calls {
    /// Counts a call of an action that exists.
    pub(crate) fn count(&self, action: &str) {
        *self.log().counts.entry(action.to_owned()).or_default() += 1;
    }

    /// How often each action was asked.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.log().counts.clone()
    }

    /// How often each action was answered in which way.
    pub(crate) fn answers(&self) -> BTreeMap<String, BTreeMap<String, u64>> {
        self.log().answers.clone()
    }

    /// The last calls, oldest first.
    pub(crate) fn recent(&self) -> Vec<Recent> {
        self.log().recent.iter().cloned().collect()
    }

    fn next(&self) -> u64 {
        let mut log = self.log();
        log.number += 1;
        log.number
    }

    fn answered(&self, call: Recent) {
        let mut log = self.log();
        if log.counts.contains_key(&call.action) {
            let answers = log.answers.entry(call.action.clone()).or_default();
            *answers.entry(call.answer.clone()).or_default() += 1;
        }
        if log.recent.len() == RECENT_MAX {
            log.recent.pop_front();
        }
        log.recent.push_back(call);
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        // Counters and a list, each right after every statement.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sandbox {
    /// Answers one request to EC2.
    pub(crate) fn ask(&self, headers: &HeaderMap, form: &[u8], request_id: &str) -> Delivery {
        let turn = self.turn();
        let number = self.shared.calls.next();
        let time = self.shared.clock.now();
        let parsed = Query::parse(form);
        let scope = parsed.as_ref().ok().and_then(|query| auth::scope(headers, query).ok());
        // Before the answer: what it is answered for is who calls now.
        let caller = scope.as_ref().and_then(|scope| self.caller(&scope.access_key).ok());
        let by = caller.map(By::of).unwrap_or_default();
        let delivery = match &parsed {
            Ok(query) => actions::deliver(self, headers, query, request_id),
            Err(error) => Answer::Xml(error.status, error.ec2_body(request_id)).into(),
        };
        if let Some(mut turn) = turn {
            let query = parsed.as_ref().ok();
            turn.call(&Asked { number, time, request_id, headers, form, query, by: &by }, &delivery);
        }
        let shown = |text: &str| text.chars().take(SHOWN_CHARS_MAX).collect::<String>();
        let text = |name| parsed.as_ref().ok().and_then(|query| query.root().text(name)).map(shown);
        self.shared.calls.answered(Recent {
            number,
            time,
            region: scope.map(|scope| shown(&scope.region)),
            action: text("Action").unwrap_or_default(),
            answer: delivery.code().to_owned(),
            client_token: text("ClientToken"),
            by,
        });
        self.compact_if_due();
        delivery
    }
}

impl Sandbox {
    /// Answers a call of the process that the sandbox is in, as if the account had made it: for
    /// tests that change what EC2 says. `form` is as EC2's Query protocol has it; what comes back is
    /// the HTTP status and the body, empty where the call would have none.
    pub fn call(&self, region: &Region, form: &str) -> (u16, String) {
        self.call_as("within", region, form)
    }

    /// The same, as if another account had made it.
    pub fn call_in(&self, account_id: &AccountId, region: &Region, form: &str) -> (u16, String) {
        self.call_as(&user_key(account_id), region, form)
    }

    /// The last calls of an action, oldest first, as far as they are remembered.
    pub fn seen(&self, action: &str) -> Vec<Seen> {
        let recent = self.shared.calls.recent().into_iter().filter(|call| call.action == action);
        let seen = |Recent { answer, by: By { account_id, role_session_name, source_identity }, .. }| Seen {
            account_id,
            role_session_name,
            source_identity,
            answer,
        };
        recent.map(seen).collect()
    }

    fn call_as(&self, access_key: &str, region: &Region, form: &str) -> (u16, String) {
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/00000000/{region}/ec2/aws4_request, SignedHeaders=host, \
             Signature=none"
        );
        let Ok(value) = HeaderValue::from_str(&scope) else { return (400, String::new()) };
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        match self.ask(&headers, form.as_bytes(), "within").answer {
            Answer::Xml(status, body) | Answer::Json(status, body) => (status, body),
            Answer::Html(status) => (status, String::new()),
            Answer::Lost => (0, String::new()),
        }
    }
}

impl Delivery {
    /// What was answered, in a word.
    fn code(&self) -> &str {
        match &self.answer {
            _ if self.reset_after.is_some() => "reset",
            Answer::Xml(200, _) | Answer::Json(200, _) => "200",
            // An error's body is written here, and its code comes first.
            Answer::Xml(_, body) => {
                body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code)
            }
            Answer::Json(_, body) => {
                body.split_once("\"__type\":\"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(code, _)| code)
            }
            Answer::Html(_) => "html",
            Answer::Lost => "lost",
        }
    }
}
