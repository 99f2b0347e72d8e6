//! How boots end that never get as far as a login, as such consoles read.

use super::Line;
use crate::sandbox::cloud::BootFailure;

/// Whether it happens before the root file system is mounted.
pub(super) fn needs_root(failure: BootFailure) -> bool {
    failure == BootFailure::NoRootDevice
}

/// A boot whose network never comes up, so that the instance check finds nobody.
pub(super) fn no_network() -> Vec<Line> {
    said(&[
        (350, "[   12.334019] systemd-networkd[412]: eth0: Failed to bring up interface: Connection timed out"),
        (
            900,
            "[   72.334880] systemd-networkd-wait-online[466]: Timeout occurred while waiting for network connectivity.",
        ),
        (900, "[FAILED] Failed to start Wait for Network to be Configured."),
    ])
}

/// The lines of a failure, from where it leaves the way of a boot that succeeds.
pub(super) fn of(failure: BootFailure) -> Vec<Line> {
    said(match failure {
        BootFailure::KernelPanic => &[
            (300, "[    3.114820] BUG: kernel NULL pointer dereference, address: 0000000000000018"),
            (300, "[    3.114901] Oops: 0000 [#1] PREEMPT SMP NOPTI"),
            (300, "[    3.115733] CPU: 0 PID: 212 Comm: (udev-worker) Not tainted 6.12.40 #1"),
            (310, "[    3.119004] Call Trace:"),
            (310, "[    3.119311]  <TASK>"),
            (310, "[    3.119877]  do_init_module+0x60/0x240"),
            (310, "[    3.121102]  </TASK>"),
            (320, "[    3.127615] Kernel panic - not syncing: Fatal exception"),
            (320, "[    3.128020] Kernel Offset: 0x1c000000 from 0xffffffff81000000"),
            (320, "[    3.128811] ---[ end Kernel panic - not syncing: Fatal exception ]---"),
        ],
        BootFailure::NoRootDevice => &[
            (120, "Begin: Waiting for root file system ... done."),
            (400, "Gave up waiting for root file system device.  Common problems:"),
            (400, " - Boot args (cat /proc/cmdline)"),
            (400, " - Missing modules (cat /proc/modules; ls /dev)"),
            (400, "ALERT!  /dev/nvme0n1p1 does not exist.  Dropping to a shell!"),
            (400, "(initramfs) "),
        ],
        BootFailure::CloudInit => &[
            (350, "[    4.982113] cloud-init[1101]: Cloud-init v. 24.4 running 'init-local'"),
            (500, "[    6.120944] cloud-init[1118]: Cloud-init v. 24.4 running 'init'"),
            // As `chpasswd` with random passwords does, which nobody should read on a console.
            (600, "Set the following 'random' passwords"),
            (600, "ubuntu:Xk3nVb7QmZ2p"),
            (700, "[    9.551207] cloud-init[1387]: Cloud-init v. 24.4 running 'modules:final'"),
            (
                800,
                "[    9.803114] cloud-init[1387]: 2026-10-01 00:00:24,118 - cc_scripts_user.py[WARNING]: Failed to run module scripts-user (scripts in /var/lib/cloud/instance/scripts)",
            ),
            (820, "[FAILED] Failed to start Cloud-init: Final Stage."),
        ],
        BootFailure::EmergencyMode => &[
            (250, "[ TIME ] Timed out waiting for device /dev/xvdf."),
            (250, "[DEPEND] Dependency failed for /data."),
            (250, "[DEPEND] Dependency failed for Local File Systems."),
            (260, "You are in emergency mode. After logging in, type \"journalctl -xb\" to view"),
            (260, "system logs, \"systemctl reboot\" to reboot, \"systemctl default\" or ^D to"),
            (260, "try again to boot into default mode."),
            (260, "Give root password for maintenance"),
            (260, "(or press Control-D to continue): "),
        ],
    })
}

fn said(lines: &[(u64, &str)]) -> Vec<Line> {
    lines.iter().map(|(at, line)| (*at, (*line).to_owned())).collect()
}
