//! RebootInstances: the operating system restarts; the instance stays where it is and `running`.

use super::Call;
use super::instances::change;
use crate::sandbox::cloud::{DeedKind, InstanceState};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;

/// RebootInstances.
pub(super) fn reboot(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["InstanceId"])?;
    let mut state = call.cloud.state();
    let instances = change::chosen(call, &state)?;
    let decided = change::decide(call, instances, |instance, standing| match standing.state {
        InstanceState::Running => Ok(Some(DeedKind::Reboot)),
        _ => Err(change::wrong_state(instance, "rebooted")),
    })?;
    call.permit()?;
    change::apply(call, &mut state, decided)?;
    xml.value("return", true);
    Ok(())
}
