//! Lines that say how a boot went wrong, and which of them counts.
//!
//! Of several boots the last one counts, and in it the last line that says why it ended, else the last that says that
//! it did, else the last trouble that a boot survives. The texts are those of the kernel, initramfs-tools, dracut,
//! systemd, GRUB, EDK II, SeaBIOS, Xen and cloud-init, as consoles in public reports have them.

use super::finding::{ConsoleFinding, Symptom};
use super::named;

/// A text on a line and what it says. Compared in lower case; the first that fits counts.
const SIGNS: &[(&str, Symptom)] = &[
    // Linux: init/do_mounts.c, kernel/panic.c, mm/oom_kill.c, kernel/exit.c, init/main.c
    ("vfs: unable to mount root fs", Symptom::NoRootDevice),
    ("vfs: cannot open root device", Symptom::NoRootDevice),
    ("kernel panic - not syncing: out of memory", Symptom::OutOfMemory),
    ("kernel panic - not syncing: system is deadlocked on memory", Symptom::OutOfMemory),
    ("not syncing: attempted to kill init", Symptom::NoInit),
    ("not syncing: no working init found", Symptom::NoInit),
    ("not syncing: no init found", Symptom::NoInit),
    ("kernel panic - not syncing", Symptom::KernelPanic),
    // initramfs-tools: "ALERT!  UUID=… does not exist.  Dropping to a shell!"; mkinitcpio
    ("gave up waiting for root", Symptom::NoRootDevice),
    ("you are now being dropped into an emergency shell", Symptom::InitramfsShell),
    ("(initramfs)", Symptom::InitramfsShell),
    // dracut
    ("warning: could not boot.", Symptom::InitramfsShell),
    ("entering emergency mode. exit the shell to continue", Symptom::InitramfsShell),
    ("dracut:/#", Symptom::InitramfsShell),
    // e2fsck, and systemd-fsck
    ("unexpected inconsistency; run fsck manually", Symptom::FileSystemCheck),
    ("run fsck manually", Symptom::FileSystemCheck),
    ("fsck failed with exit status 4", Symptom::FileSystemCheck),
    ("fsck died with exit status 4", Symptom::FileSystemCheck),
    ("failed to start file system check on ", Symptom::FileSystemCheck),
    // systemd, sulogin
    ("you are in emergency mode", Symptom::EmergencyMode),
    ("welcome to emergency mode", Symptom::EmergencyMode),
    ("give root password for maintenance", Symptom::EmergencyMode),
    ("cannot open access to console, the root account is locked", Symptom::EmergencyMode),
    ("reached target emergency mode", Symptom::EmergencyMode),
    ("systemd[1]: freezing execution", Symptom::InitFroze),
    ("failed to load selinux policy, freezing", Symptom::InitFroze),
    // GRUB 2
    ("grub rescue>", Symptom::BootLoader),
    ("entering rescue mode...", Symptom::BootLoader),
    ("error: no such partition", Symptom::BootLoader),
    ("error: no such device", Symptom::BootLoader),
    ("error: unknown filesystem", Symptom::BootLoader),
    ("error: you need to load the kernel first", Symptom::BootLoader),
    ("minimal bash-like line editing is supported", Symptom::BootLoader),
    // PV-GRUB (GRUB legacy) and Xen's domain builder
    ("grubdom>", Symptom::ParavirtualBootLoader),
    ("invalid kernel: xc_dom", Symptom::ParavirtualBootLoader),
    ("xc_dom_boot_image", Symptom::ParavirtualBootLoader),
    ("error 15: file not found", Symptom::ParavirtualBootLoader),
    ("error 17: cannot mount selected partition", Symptom::ParavirtualBootLoader),
    // EDK II and SeaBIOS
    ("bdsdxe: no bootable option or device was found", Symptom::NothingBootableUefi),
    ("uefi interactive shell", Symptom::NothingBootableUefi),
    ("no bootable device", Symptom::NothingBootableBios),
    ("boot failed: not a bootable disk", Symptom::NothingBootableBios),
    ("missing operating system", Symptom::NothingBootableBios),
    // Full disks
    ("no space left on device", Symptom::DiskFull),
    // systemd-networkd, NetworkManager, dhclient, network-scripts, cloud-init's look for its metadata
    ("failed to start wait for network to be configured", Symptom::Network),
    ("failed to start network manager wait online", Symptom::Network),
    ("timeout occurred while waiting for network connectivity", Symptom::Network),
    ("failed to bring up interface", Symptom::Network),
    ("no dhcpoffers received", Symptom::Network),
    ("has different mac address than expected", Symptom::Network),
    ("failed to start raise network interfaces", Symptom::Network),
    // cloud-init
    ("failed running /var/lib/cloud/", Symptom::CloudInit),
    ("failed to run module ", Symptom::CloudInit),
    ("cloudinit.util.processexecutionerror", Symptom::CloudInit),
    ("unhandled non-multipart", Symptom::CloudInit),
    ("unhandled unknown content-type", Symptom::CloudInit),
    ("failed to start cloud-init", Symptom::CloudInit),
    ("failed to start initial cloud-init job", Symptom::CloudInit),
    ("failed to start execute cloud user/final scripts", Symptom::CloudInit),
    ("failed to start apply the settings specified in cloud-config", Symptom::CloudInit),
    ("failed loading yaml blob", Symptom::CloudInit),
];

/// Texts with which a boot begins: the firmware's, the kernel's, and the end of the boot before.
const BEGINNINGS: &[&str] = &[
    "] linux version ",
    "seabios (version",
    "uefi firmware starting",
    "bdsdxe: loading boot",
    "xen minimal os!",
    "reboot: restarting system",
];

/// Texts after which what was seen before did not end the boot.
const WENT_ON: &[&str] = &[" login:", "reached target multi-user system", "reached target cloud-init target"];

/// What is known of a boot so far.
#[derive(Debug, Clone, Default)]
struct Boot {
    /// What ended it.
    end: Option<ConsoleFinding>,
    /// What went wrong and did not end it.
    trouble: Option<ConsoleFinding>,
    /// What failed before an emergency mode, which does not say why.
    failed: Option<String>,
}

/// What the last boot on a console ended in; none if nothing tells.
pub(super) fn read(text: &str) -> Option<ConsoleFinding> {
    let mut boot = Boot::default();
    let mut before = Boot::default();
    for line in text.lines() {
        let lower = line.to_ascii_lowercase();
        if BEGINNINGS.iter().any(|beginning| lower.contains(beginning)) || lower.starts_with("linux version ") {
            before = std::mem::take(&mut boot);
        } else if lower.contains("elfcorehdr=") {
            // The kernel that writes the dump of one that panicked is no boot of its own (Linux, "Documentation for Kdump").
            boot = std::mem::take(&mut before);
        } else {
            boot.read(line, &lower);
        }
    }
    boot.end.or(boot.trouble)
}

impl Boot {
    fn read(&mut self, line: &str, lower: &str) {
        if WENT_ON.iter().any(|text| lower.contains(text)) {
            self.end = None;
            self.failed = None;
        }
        for before in ["failed to mount ", "timed out waiting for device ", "dependency failed for "] {
            let found = word_after(line, lower, before).and_then(named::device_or_mount_point);
            if found.is_some() && (self.failed.is_none() || before != "dependency failed for ") {
                self.failed = found;
            }
        }
        let alert = lower.contains("alert!") && lower.contains("does not exist");
        let module = lower.contains("running module ") && lower.ends_with(") failed");
        let sign = SIGNS.iter().find(|(text, _)| lower.contains(text)).map(|(_, symptom)| *symptom);
        let known = [(alert, Symptom::NoRootDevice), (module, Symptom::CloudInit)];
        let known = known.into_iter().find(|(is_there, _)| *is_there).map(|(_, symptom)| symptom);
        let Some(symptom) = known.or(sign) else { return };
        let what = match symptom {
            Symptom::NoRootDevice => {
                let words = ["alert!", "root device "].into_iter().filter_map(|before| word_after(line, lower, before));
                words.filter_map(named::device).next()
            }
            Symptom::FileSystemCheck => device_at_start(line),
            Symptom::EmergencyMode => self.failed.clone(),
            Symptom::CloudInit => {
                let words = ["failed to run module ", "running module "].into_iter();
                let module =
                    words.filter_map(|before| word_after(line, lower, before)).filter_map(named::module).next();
                let script = || word_after(line, lower, "failed running /var/lib/cloud/instance/scripts/");
                module.or_else(|| script().and_then(named::script))
            }
            _ => None,
        };
        let place = if symptom.is_end_of_boot() { &mut self.end } else { &mut self.trouble };
        match place {
            // What follows from it, or says the same again with less.
            Some(known) if known.symptom.is_specific() && !symptom.is_specific() => {}
            Some(known) if known.symptom == symptom && what.is_none() => {}
            _ => *place = Some(ConsoleFinding { symptom, what }),
        }
    }
}

/// The word behind `before`, without quotes and points around it.
fn word_after<'a>(line: &'a str, lower: &str, before: &str) -> Option<&'a str> {
    let at = lower.find(before)? + before.len();
    let word = line[at..].split_whitespace().next()?;
    Some(word.trim_matches(['"', '\'', '.', ',', ':', '(', ')']))
}

/// The device that a line of e2fsck begins with, behind whatever a log put before it.
fn device_at_start(line: &str) -> Option<String> {
    let words = line.split_whitespace().map(|word| word.trim_end_matches(':'));
    words.filter(|word| word.starts_with("/dev/")).find_map(named::device)
}
