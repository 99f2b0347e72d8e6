//! What fails while a planned outage of an Availability Zone lasts.

use super::Call;
use crate::sandbox::cloud::Instance;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::zones::Zone;

fn unavailable(zone: &Zone) -> Ec2Error {
    let message = format!("The service is unavailable in the Availability Zone {}. Please try again.", zone.name);
    Ec2Error::with_status(503, "Unavailable", message)
}

/// Fails what one zone has to do.
pub(super) fn refuse_in(call: &Call<'_>, zone: &Zone) -> Result<(), Ec2Error> {
    if call.sandbox.faults().outage_refuses(&zone.name, call.now) { Err(unavailable(zone)) } else { Ok(()) }
}

/// Fails what all zones have to do together: a launch under a regional client token (EC2 API
/// Reference, "Ensuring idempotency"), and a call that asks for instances wherever they are.
pub(super) fn refuse_anywhere(call: &Call<'_>) -> Result<(), Ec2Error> {
    call.cloud.network.zones.iter().try_for_each(|zone| refuse_in(call, zone))
}

/// Fails DescribeInstances as EC2 does: "if you specify instance IDs that are in the affected
/// zone, or do not specify any instance IDs at all, the call fails. If you specify only instance
/// IDs that are in an unaffected zone, the call works normally" (EC2 API Reference).
pub(super) fn refuse_describe(call: &Call<'_>, named: Option<&[&Instance]>) -> Result<(), Ec2Error> {
    let Some(named) = named else { return refuse_anywhere(call) };
    let network = &call.cloud.network;
    let meant = |zone: &&Zone| named.iter().any(|instance| instance.zone == zone.name);
    network.zones.iter().filter(meant).try_for_each(|zone| refuse_in(call, zone))
}
