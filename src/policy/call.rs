//! Questions about calls that launch nothing.

use cedar_policy::RestrictedExpression;
use jiff::Timestamp;

use super::action::Action;
use super::attributes::{Attributes, moment, tags};
use super::entity::{Kind, uid};
use super::launch_case::{make, principal_entity, store};
use super::question::Question;
use crate::ids::Principal;
use crate::record::Launch;

/// Whether `principal` may call `method` of `service`, as `action`.
pub fn service_call(principal: &Principal, action: Action, service: &str, method: &str, time: Timestamp) -> Question {
    let resource = uid(Kind::Service, service);
    let entities = store([principal_entity(principal), make(resource.clone(), Attributes::default(), [])]);
    Question::new(uid(Kind::Principal, principal.as_str()), action, resource, context(method, time), entities)
}

/// Whether `principal` may call `method`, which ends `launch`, as `action`. Redacted tags of the launch read as
/// such.
pub fn launch_call(principal: &Principal, action: Action, launch: &Launch, method: &str, time: Timestamp) -> Question {
    let resource = uid(Kind::Launch, &launch.launch_id.to_string());
    let owner = &launch.principal;
    let mut about = Attributes::default();
    about.add("owner", RestrictedExpression::new_entity_uid(uid(Kind::Principal, owner.as_str())));
    about.text("account_id", launch.account_id.as_str());
    about.text("region", launch.region.as_str());
    about.some_text("image_id", launch.image_id().map(|id| id.as_str()));
    about.number("max_count", launch.spec.max_count);
    about.text("reason", launch.reason.as_str());
    about.some_time("create_time", Some(launch.create_time));
    let mut made = vec![principal_entity(principal), make(resource.clone(), about, tags(&launch.spec.tags))];
    if owner != principal {
        made.push(principal_entity(owner));
    }
    Question::new(uid(Kind::Principal, principal.as_str()), action, resource, context(method, time), store(made))
}

fn context(method: &str, time: Timestamp) -> Attributes {
    let mut context = Attributes::default();
    context.text("method", method);
    moment(&mut context, time);
    context
}
