//! What an instance says on its console while it boots, line by line on the clock: the firmware,
//! the kernel, and how it ends. It is made up, and reads as such consoles read.

mod failures;

use crate::clock::Timestamp;
use crate::sandbox::cloud::{Fate, Instance, InstanceState, Launched, after};
use crate::sandbox::wire::time::millis;

/// A line, and when it is said, in thousandths of the way from running to the end of the boot.
type Line = (u64, String);

/// When the root file system is mounted, and nothing of what comes from there on without one.
const ROOT_MOUNTED: u64 = 120;

/// What the console holds at `seen`, from the last boot on.
pub(super) fn until(instance: &Instance, seen: Timestamp) -> String {
    let standing = instance.standing(seen);
    let length = instance.boot.restart_ms();
    let begun = after(standing.booted, instance.boot.running_ms);
    let said = |from: Timestamp, until: Timestamp| {
        let mut lines = lines(instance);
        lines.retain(|(at, _)| after(from, length.saturating_mul(*at) / 1000) <= until);
        lines.into_iter().map(|(_, line)| line)
    };
    let mut console: Vec<String> = said(begun, standing.rebooted.unwrap_or(seen)).collect();
    // Windows says nothing of its end.
    let speaks = instance.launch.platform.is_none() && !console.is_empty();
    if let Some(rebooted) = standing.rebooted {
        console.extend(speaks.then(|| "reboot: Restarting system".to_owned()));
        console.extend(said(rebooted, seen));
    }
    if speaks && !matches!(standing.state, InstanceState::Pending | InstanceState::Running) {
        console.extend(["[  OK  ] Reached target System Power Off.", "reboot: Power down"].map(str::to_owned));
    }
    console.join("\r\n")
}

fn lines(instance: &Instance) -> Vec<Line> {
    if matches!(instance.fate, Fate::ImmediateTermination { .. }) {
        return Vec::new();
    }
    let mut lines = firmware(&instance.launch);
    if instance.fate == Fate::NothingToBoot {
        lines.extend(nothing_to_boot(&instance.launch));
        return lines;
    }
    if instance.launch.platform.is_some() {
        // Windows keeps its log elsewhere; EC2 shows the last messages of its launch agent.
        return windows(instance);
    }
    lines.extend(kernel(&instance.launch));
    let end = match &instance.fate {
        Fate::ChecksFail => failures::no_network(),
        Fate::BootFails(failure) => {
            // The kernel gets no further than to where it looks for its root.
            let root = failures::needs_root(*failure).then_some(ROOT_MOUNTED);
            lines.retain(|(at, _)| root.is_none_or(|root| *at < root));
            failures::of(*failure)
        }
        Fate::Healthy | Fate::NothingToBoot | Fate::ImmediateTermination { .. } => ready(instance),
    };
    lines.extend(end);
    lines
}

/// What starts the kernel: PV-GRUB, UEFI firmware, or a BIOS, which says nothing.
fn firmware(launch: &Launched) -> Vec<Line> {
    let lines: &[&str] = match (launch.virtualization.as_str(), launch.current_boot_mode.as_deref()) {
        ("paravirtual", _) => &[
            "Xen Minimal OS!",
            "  Booting 'Linux (PV-GRUB)'",
            "root (hd0)",
            " Filesystem type is ext2fs, using whole disk",
            "kernel /boot/vmlinuz root=LABEL=/ console=hvc0",
        ],
        (_, Some("uefi")) => &[
            "UEFI firmware starting.",
            "BdsDxe: loading Boot0001 \"UEFI Amazon Elastic Block Store\" from PciRoot(0x0)/Pci(0x4,0x0)/NVMe(0x1)",
            "BdsDxe: starting Boot0001 \"UEFI Amazon Elastic Block Store\" from PciRoot(0x0)/Pci(0x4,0x0)/NVMe(0x1)",
        ],
        _ => &["SeaBIOS (version 1.16)", "Booting from Hard Disk 0..."],
    };
    lines.iter().map(|line| (0, (*line).to_owned())).collect()
}

/// The firmware of one mode before a disk that was made for the other.
fn nothing_to_boot(launch: &Launched) -> Vec<Line> {
    let lines: &[&str] = if launch.current_boot_mode.as_deref() == Some("uefi") {
        &[
            "BdsDxe: failed to load Boot0001 \"UEFI Amazon Elastic Block Store\": Not Found",
            "BdsDxe: No bootable option or device was found.",
        ]
    } else {
        &["Boot failed: not a bootable disk", "", "No bootable device."]
    };
    lines.iter().map(|line| (20, (*line).to_owned())).collect()
}

fn kernel(launch: &Launched) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut say = |at: u64, line: String| lines.push((at, line));
    say(30, format!("[    0.000000] Linux version 6.12.40 ({}) #1 SMP PREEMPT_DYNAMIC", launch.architecture));
    say(
        30,
        "[    0.000000] Command line: root=LABEL=/ console=tty0 console=ttyS0,115200n8 nvme_core.io_timeout=4294967295"
            .to_owned(),
    );
    say(40, format!("[    0.000000] DMI: Amazon EC2 {}/, BIOS 1.0 10/16/2017", launch.instance_type));
    let cpus = launch.cores * launch.threads_per_core;
    say(60, format!("[    0.082114] smp: Brought up 1 node, {cpus} CPUs"));
    if launch.nitro {
        say(90, "[    0.713329] nvme nvme0: pci function 0000:00:04.0".to_owned());
    } else {
        say(90, "[    0.713329] blkfront: xvda: barrier or flush: disabled; persistent grants: disabled".to_owned());
    }
    if launch.root_device_type == "instance-store" {
        say(ROOT_MOUNTED, "[    1.204113] EXT4-fs (xvda1): mounted filesystem of the instance store root".to_owned());
    } else {
        say(
            ROOT_MOUNTED,
            "[    1.204113] EXT4-fs: mounted filesystem with ordered data mode. Quota mode: none.".to_owned(),
        );
    }
    if launch.ena {
        say(160, "[    2.118722] ena 0000:00:05.0: Elastic Network Adapter (ENA) v2.13.0g".to_owned());
    }
    say(200, "[    2.401733] systemd[1]: Detected virtualization amazon.".to_owned());
    lines
}

fn ready(instance: &Instance) -> Vec<Line> {
    let host = format!("ip-172-31-{}-{}", instance.address / 256 % 256, instance.address % 256);
    [
        (350, "[    4.982113] cloud-init[1101]: Cloud-init v. 24.4 running 'init-local'".to_owned()),
        (500, "[    6.120944] cloud-init[1118]: Cloud-init v. 24.4 running 'init'".to_owned()),
        (700, "[    9.551207] cloud-init[1387]: Cloud-init v. 24.4 running 'modules:final'".to_owned()),
        (
            900,
            "[   10.004311] cloud-init[1387]: Cloud-init v. 24.4 finished. Datasource DataSourceEc2Local. Up 10.00 seconds"
                .to_owned(),
        ),
        (950, String::new()),
        (950, format!("{host} login: ")),
    ]
    .to_vec()
}

fn windows(instance: &Instance) -> Vec<Line> {
    let at = |ms: u64| millis(after(instance.launched, ms));
    let boot = &instance.boot;
    let mut lines = vec![
        (300, format!("{}: Windows sysprep configuration complete.", at(boot.running_ms))),
        (500, format!("{}: Instance-ID: {}", at(boot.system_ok_ms), instance.id)),
    ];
    if instance.fate == Fate::Healthy {
        lines.push((1000, format!("{}: Message: Windows is Ready to use", at(boot.instance_ok_ms))));
    }
    lines
}
