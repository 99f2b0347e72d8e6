//! GetConsoleOutput: base64, late, and empty at first, as in EC2.

mod log;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Call;
use super::instances::named;
use crate::clock::Timestamp;
use crate::sandbox::cloud::{Instance, InstanceState, after};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::time::millis;
use crate::sandbox::wire::xml::Xml;

/// The most that EC2 keeps of a console: its end.
const KEPT_BYTES: usize = 64 * 1024;

/// GetConsoleOutput.
pub(super) fn get(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["InstanceId", "Latest"])?;
    let params = call.params();
    let id = params.required("InstanceId")?;
    let latest = params.boolean("Latest")?.unwrap_or(false);
    let state = call.cloud.state();
    let instance = named(&state, &[id], call, 1)?
        .and_then(|found| found.into_iter().next())
        .ok_or_else(|| Ec2Error::missing("InstanceId"))?;
    if latest && !instance.launch.nitro {
        let message = "This instance type does not support retrieving the latest console logs. Only instances built on the Nitro System do.";
        return Err(Ec2Error::new("UnsupportedOperation", message));
    }
    call.permit()?;
    // Without `Latest`, EC2 shows what it posted last, some time after a transition.
    let seen = if latest { Some(call.now) } else { posted(instance, call.now) };
    xml.text("instanceId", &instance.id);
    xml.text("timestamp", &millis(seen.unwrap_or(call.now)));
    if let Some(seen) = seen {
        let text = log::until(instance, seen);
        if !text.is_empty() {
            let start = (text.len().saturating_sub(KEPT_BYTES)..).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            xml.text("output", &STANDARD.encode(&text[start..]));
        }
    }
    Ok(())
}

/// When the console was last posted: while it boots, when a boot or a restart is over, and when it
/// is down.
fn posted(instance: &Instance, now: Timestamp) -> Option<Timestamp> {
    let standing = instance.standing(now);
    let boot = &instance.boot;
    let early = after(standing.booted, boot.running_ms.midpoint(boot.system_ok_ms));
    let whole = after(standing.booted, boot.instance_ok_ms);
    let restarted = standing.rebooted.map(|rebooted| after(rebooted, boot.restart_ms()));
    let is_down = matches!(standing.state, InstanceState::Stopped | InstanceState::Terminated);
    let down = is_down.then_some(standing.since);
    [Some(early), Some(whole), restarted, down].into_iter().flatten().filter(|time| *time <= now).max()
}
