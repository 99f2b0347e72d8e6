//! A question to a policy, ready to be asked.

use std::sync::Arc;

use cedar_policy::{Context, Entities, EntityUid, Request};

use super::action::Action;
use super::attributes::Attributes;

/// Whether somebody may do something. The same question can be put to any policy.
#[derive(Debug, Clone)]
pub struct Question {
    /// Or why it cannot be put.
    request: Result<Request, String>,
    entities: Arc<Entities>,
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
        Self { request, entities }
    }

    pub(super) fn parts(&self) -> Result<(&Request, &Entities), &str> {
        match &self.request {
            Ok(request) => Ok((request, &self.entities)),
            Err(why) => Err(why),
        }
    }
}
