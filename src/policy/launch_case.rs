//! A launch as a policy sees it: the facts about its image, its types and what it asks for.
//!
//! Everything here is in the record of a decision as well, so that the same question can be put again later: see
//! `rerule`. What is not in the record must not be asked about.

mod image;
mod instance_type;
mod spec;

use std::sync::Arc;

use cedar_policy::{Entities, Entity, EntityUid, RestrictedExpression};
use jiff::Timestamp;

use super::action::Action;
use super::attributes::{Attributes, moment};
use super::entity::{Kind, uid};
use super::question::{Memo, Question};
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::ids::{InstanceType, Principal};
use crate::record::Spec;

/// What a launch is judged by.
#[derive(Debug, Clone, Copy)]
pub struct LaunchFacts<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// What for.
    pub spec: &'a Spec,
    /// Why.
    pub reason: &'a str,
    /// The image that was chosen.
    pub image: &'a Image,
    /// The types among which there are all that will be asked about.
    pub types: &'a [InstanceTypeFacts],
    /// When it is decided.
    pub time: Timestamp,
}

/// A launch, ready to be asked about, one type at a time. What does not depend on the type is made once.
#[derive(Debug, Clone)]
pub struct LaunchCase {
    principal: EntityUid,
    image: EntityUid,
    context: Attributes,
    entities: Result<Arc<Entities>, String>,
    memo: Arc<Memo>,
}

impl LaunchCase {
    /// The case of a launch.
    pub fn new(facts: &LaunchFacts<'_>) -> Self {
        let LaunchFacts { principal, spec, reason, image: about_image, types, time } = *facts;
        let image = uid(Kind::Image, about_image.image_id.as_str());
        let asked = uid(Kind::LaunchSpec, "spec");
        let mut context = Attributes::default();
        context.text("account_id", spec.account_id.as_str());
        context.text("region", spec.region.as_str());
        context.add("spec", RestrictedExpression::new_entity_uid(asked.clone()));
        context.text("reason", reason);
        moment(&mut context, time);
        let made = [
            principal_entity(principal),
            image::entity(image.clone(), about_image, &spec.account_id, time),
            spec::entity(asked, spec, about_image),
        ];
        let entities = made.into_iter().chain(types.iter().map(instance_type::entity));
        Self {
            principal: uid(Kind::Principal, principal.as_str()),
            image,
            context,
            entities: store(entities),
            memo: Arc::default(),
        }
    }

    /// Whether it may be launched as this type.
    pub fn launch(&self, instance_type: &InstanceType) -> Question {
        self.ask(Action::Launch, instance_type)
    }

    /// Whether policy may be overridden for it.
    pub fn break_glass(&self, instance_type: &InstanceType) -> Question {
        self.ask(Action::BreakGlass, instance_type)
    }

    fn ask(&self, action: Action, instance_type: &InstanceType) -> Question {
        let mut context = self.context.clone();
        let candidate = uid(Kind::InstanceType, instance_type.as_str());
        context.add("instance_type", RestrictedExpression::new_entity_uid(candidate));
        Question::new(self.principal.clone(), action, self.image.clone(), context, self.entities.clone())
            .of_case(&self.memo)
    }
}

/// The entity of a principal.
pub(super) fn principal_entity(principal: &Principal) -> Result<Entity, String> {
    let mut about = Attributes::default();
    about.text("name", principal.as_str());
    make(uid(Kind::Principal, principal.as_str()), about, [])
}

/// An entity, or why it is none: a value that Cedar does not take.
pub(super) fn make(
    uid: EntityUid,
    about: Attributes,
    tags: impl IntoIterator<Item = (String, RestrictedExpression)>,
) -> Result<Entity, String> {
    Entity::new_with_tags(uid, about.into_pairs(), [], tags).map_err(|error| error.to_string())
}

/// All entities of a question.
pub(super) fn store(entities: impl IntoIterator<Item = Result<Entity, String>>) -> Result<Arc<Entities>, String> {
    let made: Vec<Entity> = entities.into_iter().collect::<Result<_, _>>()?;
    Entities::from_entities(made, None).map(Arc::new).map_err(|error| error.to_string())
}
