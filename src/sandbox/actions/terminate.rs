//! TerminateInstances: all of them or none. Terminating twice is no error.

use super::Call;
use super::instances::answer::write_state;
use super::instances::named;
use crate::sandbox::cloud::{Instance, InstanceState, Line};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;

/// Ids in one request.
const IDS_MAX: usize = 1000;

/// TerminateInstances.
pub(super) fn terminate(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["InstanceId", "Force", "SkipOsShutdown"])?;
    let ids = call.params().texts("InstanceId");
    let mut state = call.cloud.state();
    let instances: Vec<Instance> = named(&state, &ids, call, IDS_MAX)?
        .ok_or_else(|| Ec2Error::missing("InstanceId"))?
        .into_iter()
        .cloned()
        .collect();
    if let Some(protected) = instances.iter().find(|instance| instance.launch.termination_protected) {
        let message = format!(
            "The instance '{}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
            protected.id
        );
        return Err(Ec2Error::new("OperationNotPermitted", message));
    }
    call.permit()?;
    let mut changes: Vec<(String, InstanceState, InstanceState)> = Vec::with_capacity(instances.len());
    let mut terminated = Vec::with_capacity(instances.len());
    for mut instance in instances {
        let before = instance.standing(call.now).state;
        if !matches!(before, InstanceState::ShuttingDown | InstanceState::Terminated) {
            instance.terminated = Some(call.now);
        }
        changes.push((instance.id.clone(), before, instance.standing(call.now).state));
        terminated.push(instance);
    }
    let region = call.region().to_owned();
    call.change(&mut state, Line::Instances { region, instances: terminated })?;
    xml.list("instancesSet", changes, |xml, (id, before, now)| {
        xml.text("instanceId", &id);
        write_state(xml, "currentState", now);
        write_state(xml, "previousState", before);
    });
    Ok(())
}
