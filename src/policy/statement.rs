//! One policy of a text, ready to be evaluated.
//!
//! Cedar's own authorizer puts a policy's condition together again for each question, which takes as long as evaluating
//! it. Here that is done once, what is about other actions is left out, and what does not look at the instance type is
//! evaluated once for all types of a launch. A test compares every answer with the authorizer's.

use cedar_policy::{
    ActionConstraint, Effect, Entities, EvalResult, Expression, Policy as CedarPolicy, PrincipalConstraint, Request,
    ResourceConstraint, eval_expression,
};

use super::action::Action;
use super::statements::{Piece, pieces};

/// The attribute of the context that differs between the questions about one launch.
const VARYING: &str = "instance_type";

/// A policy.
#[derive(Debug)]
pub(super) struct Statement {
    /// Its `@id`.
    pub(super) id: String,
    /// Whether it forbids; otherwise it permits.
    pub(super) forbids: bool,
    /// Why; empty for a permit without `@reason`.
    pub(super) reason: String,
    /// What would satisfy it.
    pub(super) remedy: String,
    /// Whether the answer may differ between the types of one launch.
    pub(super) varies: bool,
    actions: ActionConstraint,
    condition: Expression,
}

impl Statement {
    /// A policy that Cedar has read from `source`.
    pub(super) fn new(policy: &CedarPolicy, source: &str) -> Self {
        let annotation = |key| policy.annotation(key).unwrap_or_default().to_owned();
        Self {
            id: annotation("id"),
            forbids: policy.effect() == Effect::Forbid,
            reason: annotation("reason"),
            remedy: annotation("remedy"),
            varies: may_vary(source),
            actions: policy.action_constraint(),
            condition: condition(policy),
        }
    }

    /// Whether it has anything to say about an action. The schema has no groups of actions.
    pub(super) fn is_about(&self, action: Action) -> bool {
        match &self.actions {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => *uid == action.uid(),
            ActionConstraint::In(uids) => uids.contains(&action.uid()),
        }
    }

    /// Whether it applies, or why that cannot be told.
    pub(super) fn applies(&self, request: &Request, entities: &Entities) -> Result<bool, String> {
        match eval_expression(request, entities, &self.condition) {
            Ok(EvalResult::Bool(applies)) => Ok(applies),
            Ok(other) => Err(format!("it is {other} and neither true nor false")),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What must be true for a policy to apply, once it is about the action. How it is taken out of Cedar's policy is public
/// and not documented: should a later version take it away, this does not compile.
fn condition(policy: &CedarPolicy) -> Expression {
    let is_about_all = policy.principal_constraint() == PrincipalConstraint::Any
        && policy.resource_constraint() == ResourceConstraint::Any;
    let parsed = policy.as_ref();
    match parsed.non_scope_constraints() {
        Some(conditions) if is_about_all => Expression::from(conditions.clone()),
        // The authorizer's own: the scope, and then the conditions.
        Some(_) | None => Expression::from(parsed.condition()),
    }
}

/// Whether a text may look at what varies. It does not if it looks at the context by the names of other attributes
/// only; whatever else it does with the context is taken for a look.
fn may_vary(source: &str) -> bool {
    let pieces: Vec<(Piece, &str)> = pieces(source).map(|(piece, place)| (piece, &source[place])).collect();
    (0..pieces.len()).filter(|at| pieces[*at] == (Piece::Word, "context")).any(|at| {
        let reads = match pieces.get(at + 1) {
            Some((Piece::Sign(b'.'), _) | (Piece::Word, "has")) => pieces.get(at + 2),
            _ => None,
        };
        !matches!(reads, Some((Piece::Word, name)) if *name != VARYING)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_look_at_the_type_is_told_from_what_cannot() {
        for (source, varies) in [
            ("context.spec.max_count > 1", false),
            ("context has spec && principal.name == \"context.instance_type\"", false),
            ("context.instance_type.vcpus > 1", true),
            ("context . instance_type.vcpus > 1", true),
            ("context.region == \"a\" || context // x\n .instance_type.vcpus > 1", true),
            ("context has instance_type", true),
            ("context[\"instance_type\"].vcpus > 1", true),
            ("context[\"reg\\u{69}on\"] == \"a\"", true),
            ("context has \"region\"", true),
            ("(context).instance_type.vcpus > 1", true),
            ("[context].contains(context)", true),
            ("true", false),
        ] {
            assert_eq!(may_vary(source), varies, "{source}");
        }
    }
}
