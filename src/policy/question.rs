//! A question to a policy, ready to be asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cedar_policy::{Context, Entities, EntityUid, Request};

use super::action::Action;
use super::attributes::Attributes;
use super::ruling::Applied;
use crate::ids::Sha256Digest;

/// What policies have said about the part of a case that its questions have in common.
#[derive(Debug, Default)]
pub(super) struct Memo {
    said: Mutex<HashMap<Asked, Arc<Vec<Applied>>>>,
}

/// A policy, by its hash, and what it was asked about.
type Asked = (Sha256Digest, Action);

/// Whether somebody may do something. The same question can be put to any policy.
#[derive(Debug, Clone)]
pub struct Question {
    /// Or why it cannot be put.
    request: Result<Request, String>,
    entities: Arc<Entities>,
    action: Action,
    /// Of the case that the question is about, if others are about it too.
    memo: Option<Arc<Memo>>,
}

impl Question {
    /// A question about entities that were made before, or the reason why they could not be.
    pub(super) fn new(
        principal: EntityUid,
        action: Action,
        resource: EntityUid,
        context: Attributes,
        entities: Result<Arc<Entities>, String>,
    ) -> Self {
        let (entities, missing) = match entities {
            Ok(entities) => (entities, None),
            Err(why) => (Arc::default(), Some(why)),
        };
        let request = match missing {
            Some(why) => Err(why),
            None => Context::from_pairs(context.into_pairs()).map_err(|error| error.to_string()).and_then(|context| {
                // The schema is not looked at again for each question; the tests do that.
                Request::new(principal, action.uid(), resource, context, None).map_err(|error| error.to_string())
            }),
        };
        Self { request, entities, action, memo: None }
    }

    /// The question as one of several about the same case.
    pub(super) fn of_case(self, memo: &Arc<Memo>) -> Self {
        Self { memo: Some(Arc::clone(memo)), ..self }
    }

    pub(super) fn action(&self) -> Action {
        self.action
    }

    /// What a policy has said about the case before; found out now if it has said nothing.
    pub(super) fn remembered(
        &self,
        policy: Sha256Digest,
        find_out: impl FnOnce() -> Arc<Vec<Applied>>,
    ) -> Arc<Vec<Applied>> {
        let Some(Memo { said }) = self.memo.as_deref() else { return find_out() };
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(said.entry((policy, self.action)).or_insert_with(find_out))
    }

    pub(super) fn parts(&self) -> Result<(&Request, &Entities), &str> {
        match &self.request {
            Ok(request) => Ok((request, &self.entities)),
            Err(why) => Err(why),
        }
    }
}
