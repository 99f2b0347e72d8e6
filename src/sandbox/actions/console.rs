//! GetConsoleOutput: base64, late, and empty at first, as in EC2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Call;
use super::instances::named;
use crate::sandbox::cloud::{Fate, Instance};
use crate::sandbox::images::millis;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;

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
    xml.text("instanceId", &instance.id);
    let posted = instance.console_from();
    if posted <= call.now {
        xml.text("timestamp", &millis(posted));
        xml.text("output", &STANDARD.encode(log(instance)));
    } else {
        xml.text("timestamp", &millis(call.now));
    }
    Ok(())
}

/// What the console shows once the instance has booted.
fn log(instance: &Instance) -> String {
    let launch = &instance.launch;
    if launch.platform.is_some() {
        return windows_log(instance);
    }
    let mut lines: Vec<String> = Vec::new();
    let mut say = |line: &str| lines.push(line.to_owned());
    if launch.virtualization == "paravirtual" {
        say("Xen Minimal OS!");
        say("  Booting 'Linux (PV-GRUB)'");
        say("root (hd0)");
        say(" Filesystem type is ext2fs, using whole disk");
    } else if launch.current_boot_mode.as_deref() == Some("uefi") {
        say("BdsDxe: loading Boot0001 \"UEFI\" from PciRoot(0x0)/Pci(0x4,0x0)/NVMe(0x1)");
        say("BdsDxe: starting Boot0001 \"UEFI\" from PciRoot(0x0)/Pci(0x4,0x0)/NVMe(0x1)");
    }
    say(&format!("[    0.000000] Linux version 6.12.0 ({})", launch.architecture));
    say(&format!("[    0.000000] DMI: Amazon EC2 {}/, BIOS 1.0 10/16/2017", launch.instance_type));
    if launch.root_device_type == "instance-store" {
        say("[    1.204113] blkfront: sda1: root file system from instance store");
    } else {
        say("[    1.204113] EXT4-fs: mounted filesystem with ordered data mode");
    }
    if launch.ena {
        say("[    2.118722] ena 0000:00:05.0: Elastic Network Adapter (ENA) found");
    }
    if instance.fate == Fate::ChecksFail {
        say("[   12.334019] systemd-networkd[412]: eth0: Failed to bring up interface: Connection timed out");
        say(
            "[   72.334880] systemd-networkd-wait-online[466]: Timeout occurred while waiting for network connectivity.",
        );
        say("[FAILED] Failed to start Wait for Network to be Configured.");
    } else {
        say("cloud-init[1387]: Cloud-init v. 24.4 running 'modules:final'");
        say("cloud-init[1387]: Cloud-init v. 24.4 finished. Datasource DataSourceEc2Local");
        say("login: ");
    }
    lines.join("\r\n")
}

fn windows_log(instance: &Instance) -> String {
    let at = millis(instance.console_from());
    [
        format!("{at}: Windows sysprep configuration complete."),
        format!("{at}: Instance-ID: {}", instance.id),
        format!("{at}: Message: Windows is Ready to use"),
    ]
    .join("\r\n")
}
