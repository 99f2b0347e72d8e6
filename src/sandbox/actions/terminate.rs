//! TerminateInstances. Terminating twice is no error. A protected instance saves those that are
//! named with it and live in its zone; the others are terminated although the call fails (API
//! Reference, "TerminateInstances").

use super::Call;
use super::instances::change;
use crate::sandbox::cloud::{Cause, DeedKind, Instance, InstanceState};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;

/// TerminateInstances.
pub(super) fn terminate(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["InstanceId", "Force", "SkipOsShutdown"])?;
    call.params().boolean("Force")?;
    call.params().boolean("SkipOsShutdown")?;
    let mut state = call.cloud.state();
    let instances = change::chosen(call, &state)?;
    let ended =
        |i: &Instance| matches!(i.standing(call.now).state, InstanceState::ShuttingDown | InstanceState::Terminated);
    let protected: Vec<&Instance> = instances.iter().filter(|i| i.launch.termination_protected && !ended(i)).collect();
    let zones: Vec<String> = protected.iter().map(|instance| instance.zone.clone()).collect();
    let refusal = protected.first().map(|first| {
        let message = format!(
            "The instance '{}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
            first.id
        );
        Ec2Error::new("OperationNotPermitted", message)
    });
    if let Some(refusal) = &refusal
        && call.permit().is_err()
    {
        return Err(refusal.clone());
    }
    call.permit()?;
    let spared = instances.into_iter().filter(|instance| !zones.contains(&instance.zone)).collect();
    let decided = change::decide(call, spared, |instance, _| {
        Ok((!ended(instance)).then_some(DeedKind::Terminate { by: Cause::User }))
    })?;
    let changes = change::apply(call, &mut state, decided)?;
    match refusal {
        Some(refusal) => Err(refusal),
        None => {
            change::write(xml, &changes);
            Ok(())
        }
    }
}
