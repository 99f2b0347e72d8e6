//! StartInstances: a stopped instance boots again, on another host.

use std::collections::BTreeMap;

use super::instances::change;
use super::run::quotas;
use super::{Call, outage};
use crate::sandbox::cloud::{DeedKind, Instance, InstanceState, Standing};
use crate::sandbox::faults::Subject;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;

/// StartInstances.
pub(super) fn start(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.params().refuse(&["AdditionalInfo"])?;
    call.query.allow_only(&["AdditionalInfo", "InstanceId"])?;
    let mut state = call.cloud.state();
    let instances = change::chosen(call, &state)?;
    let decided = change::decide(call, instances, deed)?;
    call.permit()?;
    let starting = decided.iter().filter(|(_, deed)| deed.is_some()).map(|(instance, _)| instance);
    quotas::refuse_start(&call.account(), &state, starting, call.now)?;
    room(call, &decided)?;
    let changes = change::apply(call, &mut state, decided)?;
    change::write(xml, &changes);
    Ok(())
}

fn deed(instance: &Instance, standing: &Standing) -> Result<Option<DeedKind>, Ec2Error> {
    match standing.state {
        InstanceState::Pending | InstanceState::Running => Ok(None),
        InstanceState::Stopped => Ok(Some(DeedKind::Start)),
        InstanceState::Stopping | InstanceState::ShuttingDown | InstanceState::Terminated => {
            Err(change::wrong_state(instance, "started"))
        }
    }
}

/// Fails the call if a plan of faults leaves too little capacity where the instances are: a stopped
/// instance keeps its zone and not its place there.
fn room(call: &Call<'_>, decided: &[(Instance, Option<DeedKind>)]) -> Result<(), Ec2Error> {
    let mut wanted: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for (instance, _) in decided.iter().filter(|(_, deed)| deed.is_some()) {
        *wanted.entry((&instance.zone, &instance.launch.instance_type)).or_default() += 1;
    }
    for ((zone, instance_type), count) in wanted {
        if let Some(zone) = call.cloud.network.zone(zone) {
            outage::refuse_in(call, zone)?;
        }
        let subject = Subject {
            action: "StartInstances",
            region: call.region(),
            zone: Some(zone),
            instance_type: Some(instance_type),
            ..Subject::default()
        };
        if call.sandbox.faults().capacity(&subject, call.now).is_some_and(|available| available < count) {
            return Err(Ec2Error::with_status(500, "InsufficientInstanceCapacity", "Insufficient capacity."));
        }
    }
    Ok(())
}
