//! StopInstances, hibernation included. Only instances with an EBS root can be stopped.

use super::Call;
use super::instances::change;
use crate::sandbox::cloud::{Cause, DeedKind, Instance, InstanceState, Standing};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;

/// StopInstances.
pub(super) fn stop(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["InstanceId", "Hibernate", "Force", "SkipOsShutdown"])?;
    let params = call.params();
    let hibernate = params.boolean("Hibernate")?.unwrap_or(false);
    let force = params.boolean("Force")?.unwrap_or(false);
    params.boolean("SkipOsShutdown")?;
    let mut state = call.cloud.state();
    let instances = change::chosen(call, &state)?;
    let decided = change::decide(call, instances, |instance, standing| deed(instance, standing, hibernate, force))?;
    call.permit()?;
    let changes = change::apply(call, &mut state, decided)?;
    change::write(xml, &changes);
    Ok(())
}

/// EC2's rules (User Guide, "Stop and start Amazon EC2 instances", "Manage your Spot
/// Instances" and "Hibernate your instance").
fn deed(instance: &Instance, standing: &Standing, hibernate: bool, force: bool) -> Result<Option<DeedKind>, Ec2Error> {
    if !instance.has_ebs_root() {
        let message =
            format!("The instance '{}' does not have an 'ebs' root device type and cannot be stopped", instance.id);
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    if instance.launch.stop_protected {
        let message = format!(
            "The instance '{}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.",
            instance.id
        );
        return Err(Ec2Error::new("OperationNotPermitted", message));
    }
    if instance.launch.options.spot.as_ref().is_some_and(|spot| !spot.persistent) {
        let message = format!(
            "You can't stop the Spot Instance '{}' because it is associated with a one-time Spot Instance request. You \
             can only stop Spot Instances associated with persistent Spot Instance requests.",
            instance.id
        );
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    if hibernate && !instance.launch.hibernation {
        let message = format!("Instance {} is not configured for hibernation.", instance.id);
        return Err(Ec2Error::new("UnsupportedHibernationConfiguration", message));
    }
    match standing.state {
        InstanceState::Stopping | InstanceState::Stopped => Ok(None),
        InstanceState::Running => Ok(Some(DeedKind::Stop { hibernate, force, by: Cause::User })),
        InstanceState::Pending | InstanceState::ShuttingDown | InstanceState::Terminated => {
            Err(change::wrong_state(instance, "stopped"))
        }
    }
}
