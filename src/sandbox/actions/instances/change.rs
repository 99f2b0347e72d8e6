//! What StartInstances, StopInstances, RebootInstances and TerminateInstances have in common: all
//! instances named meet a deed, or none does, and the answer tells their states before and after.

use super::answer::write_state;
use super::named;
use crate::sandbox::actions::Call;
use crate::sandbox::cloud::{Deed, DeedKind, Instance, InstanceState, Line, Standing, State};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;

/// Ids in one request.
const IDS_MAX: usize = 1000;

/// Two states of an instance: before a change, and after it.
#[derive(Debug)]
pub(in crate::sandbox::actions) struct Change {
    instance_id: String,
    before: InstanceState,
    after: InstanceState,
}

/// The instances that the request names, as copies that may be changed.
pub(in crate::sandbox::actions) fn chosen(call: &Call<'_>, state: &State) -> Result<Vec<Instance>, Ec2Error> {
    let ids = call.params().texts("InstanceId");
    let named = named(state, &ids, call, IDS_MAX)?.ok_or_else(|| Ec2Error::missing("InstanceId"))?;
    Ok(named.into_iter().cloned().collect())
}

/// What each instance is to meet: nothing if it is there already, or an error for the whole call.
pub(in crate::sandbox::actions) fn decide(
    call: &Call<'_>,
    instances: Vec<Instance>,
    deed: impl Fn(&Instance, &Standing) -> Result<Option<DeedKind>, Ec2Error>,
) -> Result<Vec<(Instance, Option<DeedKind>)>, Ec2Error> {
    instances
        .into_iter()
        .map(|instance| {
            let deed = deed(&instance, &instance.standing(call.now))?;
            Ok((instance, deed))
        })
        .collect()
}

/// Makes the changes in one line, so that all or none survive.
pub(in crate::sandbox::actions) fn apply(
    call: &Call<'_>,
    state: &mut State,
    decided: Vec<(Instance, Option<DeedKind>)>,
) -> Result<Vec<Change>, Ec2Error> {
    let mut changes = Vec::with_capacity(decided.len());
    let mut changed = Vec::new();
    for (mut instance, deed) in decided {
        let before = instance.standing(call.now).state;
        let moved = deed.is_some();
        if let Some(kind) = deed {
            instance.meet(Deed { at: call.now, kind });
        }
        changes.push(Change { instance_id: instance.id.clone(), before, after: instance.standing(call.now).state });
        if moved {
            changed.push(instance);
        }
    }
    if !changed.is_empty() {
        let region = call.place();
        call.change(state, Line::Instances { region, instances: changed })?;
    }
    Ok(changes)
}

/// Writes the list of `InstanceStateChange`.
pub(in crate::sandbox::actions) fn write(xml: &mut Xml, changes: &[Change]) {
    xml.list("instancesSet", changes, |xml, change| {
        xml.text("instanceId", &change.instance_id);
        write_state(xml, "currentState", change.after);
        write_state(xml, "previousState", change.before);
    });
}

/// `IncorrectInstanceState`, in EC2's words.
pub(in crate::sandbox::actions) fn wrong_state(instance: &Instance, done: &str) -> Ec2Error {
    let message = format!("The instance '{}' is not in a state from which it can be {done}.", instance.id);
    Ec2Error::new("IncorrectInstanceState", message)
}
