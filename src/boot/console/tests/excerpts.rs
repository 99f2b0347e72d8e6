//! Ends of consoles, in the words that public reports have, each with what is to be found in it.

use super::*;

/// A console, what it says, and what is named.
const EXCERPTS: &[(&str, Symptom, Option<&str>)] = &[
    (
        "[    1.542733] VFS: Cannot open root device \"xvda1\" or unknown-block(0,0): error -6\n\
         [    1.551034] Please append a correct \"root=\" boot option; here are the available partitions:\n\
         [    1.563102] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n\
         [    1.571388] CPU: 0 PID: 1 Comm: swapper/0 Not tainted 4.14.33-51.37.amzn1.x86_64 #1",
        Symptom::NoRootDevice,
        Some("xvda1"),
    ),
    (
        "Begin: Waiting for root file system ... done.\n\
         Gave up waiting for root file system device.  Common problems:\n - Boot args (cat /proc/cmdline)\n\
         ALERT!  UUID=fcbf606a-0ac2-4da9-b0c6-ee8612ed5048 does not exist.  Dropping to a shell!\n\n\
         BusyBox v1.30.1 (Ubuntu 1:1.30.1-7ubuntu3) built-in shell (ash)\n(initramfs) ",
        Symptom::NoRootDevice,
        Some("UUID=fcbf606a-0ac2-4da9-b0c6-ee8612ed5048"),
    ),
    ("Kernel panic - not syncing: Out of memory and no killable processes...", Symptom::OutOfMemory, None),
    (
        "FATAL: kernel too old\nKernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00",
        Symptom::NoInit,
        None,
    ),
    (
        "[  185.2] dracut-initqueue[331]: Warning: dracut-initqueue timeout - starting timeout scripts\n\
         [  185.9] dracut-initqueue[331]: Warning: Could not boot.\n\
         Generating \"/run/initramfs/rdsosreport.txt\"\n\n\
         Entering emergency mode. Exit the shell to continue.\ndracut:/#",
        Symptom::InitramfsShell,
        None,
    ),
    (
        "[ TIME ] Timed out waiting for device /dev/xvdf.\n[DEPEND] Dependency failed for /data.\n\
         [DEPEND] Dependency failed for Local File Systems.\n\
         You are in emergency mode. After logging in, type \"journalctl -xb\" to view\n\
         system logs, \"systemctl reboot\" to reboot.\n\
         Cannot open access to console, the root account is locked.\nPress Enter to continue.",
        Symptom::EmergencyMode,
        Some("/dev/xvdf"),
    ),
    (
        "Checking filesystems\n/dev/xvda1: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\n\
         \t(i.e., without -a or -p options)\nGive root password for maintenance\n(or type Control-D to continue):",
        Symptom::FileSystemCheck,
        Some("/dev/xvda1"),
    ),
    ("[    2.1] systemd[1]: Failed to load SELinux policy, freezing.", Symptom::InitFroze, None),
    (
        "error: file '/boot/grub2/i386-pc/normal.mod' not found.\nEntering rescue mode...\ngrub rescue> ",
        Symptom::BootLoader,
        None,
    ),
    ("error: no such partition.\ngrub rescue>", Symptom::BootLoader, None),
    (
        "Xen Minimal OS!\n  Booting 'Linux'\nroot (hd0,0)\n\nError 17: Cannot mount selected partition\n\ngrubdom> ",
        Symptom::ParavirtualBootLoader,
        None,
    ),
    (
        "BdsDxe: failed to load Boot0001 \"UEFI Amazon Elastic Block Store\" from PciRoot(0x0)/Pci(0x4,0x0): Not Found\n\
         BdsDxe: No bootable option or device was found.\nBdsDxe: Press any key to enter the Boot Manager Menu.",
        Symptom::NothingBootableUefi,
        None,
    ),
    (
        "SeaBIOS (version 1.16.3-2.amzn2)\nBooting from Hard Disk...\nBoot failed: not a bootable disk\n\nNo bootable device.",
        Symptom::NothingBootableBios,
        None,
    ),
    (
        "cloud-init[812]: OSError: [Errno 28] No space left on device: '/var/lib/cloud/data/tmp'",
        Symptom::DiskFull,
        None,
    ),
    (
        "Bringing up interface eth0:  Device eth0 has different MAC address than expected, ignoring.\n[FAILED]",
        Symptom::Network,
        None,
    ),
    (
        "2022-11-18 05:40:13,142 - cc_scripts_user.py[WARNING]: Failed to run module scripts-user (scripts in \
         /var/lib/cloud/instance/scripts)\n\
         2022-11-18 05:40:13,142 - util.py[WARNING]: Running module scripts-user (<module 'cloudinit.config.cc_scripts_user' \
         from '/usr/lib/python3/dist-packages/cloudinit/config/cc_scripts_user.py'>) failed",
        Symptom::CloudInit,
        Some("scripts-user"),
    ),
    (
        "2019-02-20 23:26:19,229 - util.py[WARNING]: Failed running /var/lib/cloud/instance/scripts/part-001 [1]",
        Symptom::CloudInit,
        Some("part-001"),
    ),
];

#[test]
fn each_console_tells_how_its_boot_ended() {
    for (console, symptom, what) in EXCERPTS {
        let found = of(console).found.unwrap_or_else(|| panic!("nothing is found in {console}"));
        assert_eq!((found.symptom, found.what.as_deref()), (*symptom, *what), "{console}");
        assert!(!found.cause().is_empty() && found.remedy().ends_with('.'), "{found:?}");
    }
}

#[test]
fn what_is_taken_over_is_a_name_and_no_text() {
    let what = |console: &str| of(console).found.and_then(|found| found.what);
    for device in
        ["/dev/$(reboot)", "the", "/dev/sdcanary", "/dev/xvda1234", "nvme0canary1", "UUID=canary", "LABEL=canary"]
    {
        assert_eq!(what(&format!("ALERT!  {device} does not exist.")), None, "{device}");
    }
    for device in
        ["/dev/xvda1", "/dev/nvme0n1p1", "PARTUUID=0a1b2c3d-01", "LABEL=cloudimg-rootfs", "/dev/disk/by-uuid/AB12-34CD"]
    {
        assert_eq!(what(&format!("ALERT!  {device} does not exist.")).as_deref(), Some(device));
    }
    assert_eq!(what("VFS: Cannot open root device \"password of root\" or unknown-block(0,0)"), None);
    assert_eq!(what("Failed to mount /canary.\nYou are in emergency mode."), None);
    assert_eq!(what("Failed to mount /var/log.\nYou are in emergency mode.").as_deref(), Some("/var/log"));
    assert_eq!(what("Failed to run module canary (x)"), None);
    assert_eq!(what("Failed to run module write_files (x)").as_deref(), Some("write-files"));
    assert_eq!(what("Failed running /var/lib/cloud/instance/scripts/canary [1]"), None);
}
