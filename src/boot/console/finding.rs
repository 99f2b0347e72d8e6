//! What a console can say of a boot that failed, in words for people.
//!
//! The words are this program's own: of the console only names of devices, mount points and modules are taken over that
//! the operating system itself gives (`named`). So a record that holds them holds nothing that somebody else wrote.

use crate::record::BootStage;

/// How a boot went wrong, as its console shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Symptom {
    /// The kernel or its initial file system found no root device.
    NoRootDevice,
    /// The initial file system gave up and waits at a shell.
    InitramfsShell,
    /// The kernel had no memory left.
    OutOfMemory,
    /// The first process ended, or could not be started.
    NoInit,
    /// The kernel panicked for another reason.
    KernelPanic,
    /// systemd stopped itself.
    InitFroze,
    /// A file system has to be checked by a person.
    FileSystemCheck,
    /// The boot ended in emergency mode, because something in `/etc/fstab` is not there, for instance.
    EmergencyMode,
    /// GRUB found no partition, no file system or no file.
    BootLoader,
    /// PV-GRUB or Xen could not start a kernel.
    ParavirtualBootLoader,
    /// UEFI firmware found nothing to start.
    NothingBootableUefi,
    /// A BIOS found nothing to start.
    NothingBootableBios,
    /// The root file system is full.
    DiskFull,
    /// The network was not configured.
    Network,
    /// cloud-init, and with it user data, failed; the instance itself runs.
    CloudInit,
}

impl Symptom {
    /// Whether the boot ends there: nothing of the operating system follows.
    pub fn is_end_of_boot(self) -> bool {
        !matches!(self, Self::DiskFull | Self::Network | Self::CloudInit)
    }

    /// Whether it says why, and not only that it ended. What is more general may follow from it.
    pub(super) fn is_specific(self) -> bool {
        !matches!(
            self,
            Self::InitramfsShell
                | Self::NoInit
                | Self::KernelPanic
                | Self::InitFroze
                | Self::EmergencyMode
                | Self::CloudInit
        )
    }
}

/// What the last boot on a console ended in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleFinding {
    /// How it went wrong.
    pub symptom: Symptom,
    /// The device, mount point or module that is named, where it is one that this program knows.
    pub what: Option<String>,
}

impl ConsoleFinding {
    /// What happened: a clause that follows a colon.
    pub fn cause(&self) -> String {
        let what = self.what.as_deref();
        let named = |of: &str| what.map(|what| format!(" ({of}{what})")).unwrap_or_default();
        match self.symptom {
            Symptom::NoRootDevice => format!("the kernel found no root device{}", named("")),
            Symptom::InitramfsShell => "the initial file system gave up and waits at an emergency shell".to_owned(),
            Symptom::OutOfMemory => "the kernel panicked because it ran out of memory".to_owned(),
            Symptom::NoInit => "the kernel panicked because its first process ended or could not be started".to_owned(),
            Symptom::KernelPanic => "the kernel panicked".to_owned(),
            Symptom::InitFroze => "systemd failed and stopped the boot".to_owned(),
            Symptom::FileSystemCheck => format!("a file system is damaged and needs a check by hand{}", named("")),
            Symptom::EmergencyMode => format!("the boot ended in emergency mode{}", named("after a failure of ")),
            Symptom::BootLoader => "GRUB did not find what it is to start".to_owned(),
            Symptom::ParavirtualBootLoader => "PV-GRUB or Xen could not start the AMI's kernel".to_owned(),
            Symptom::NothingBootableUefi => "the UEFI firmware found nothing to boot on the root volume".to_owned(),
            Symptom::NothingBootableBios => "the BIOS found nothing to boot on the root volume".to_owned(),
            Symptom::DiskFull => "a file system is full".to_owned(),
            Symptom::Network => "the operating system did not get its network configured".to_owned(),
            Symptom::CloudInit => format!("cloud-init failed{}", named("")),
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self.symptom {
            Symptom::NoRootDevice => {
                "Make the AMI anew so that its initramfs has the drivers of this instance type (nvme and ena for Nitro) and \
                 root= and /etc/fstab name the root by UUID or LABEL; or use an instance type of the generation that the AMI \
                 was made on."
            }
            Symptom::InitramfsShell => {
                "Look in the console's tail for what was waited for, usually a device; mend it on another instance, or use an \
                 earlier AMI."
            }
            Symptom::OutOfMemory => "Use an instance type with more memory, or an AMI that needs less to boot.",
            Symptom::NoInit => {
                "The AMI's root file system lacks /sbin/init or its libraries, or was made for another architecture; make the \
                 AMI anew or use an earlier one."
            }
            Symptom::KernelPanic => {
                "Look in the console's tail for the reason of the panic; boot an earlier kernel or an earlier AMI, or another \
                 instance type."
            }
            Symptom::InitFroze => "Look in the console's tail for what systemd could not load; use an earlier AMI.",
            Symptom::FileSystemCheck => {
                "Attach the volume to another instance and run fsck on it, or launch from an AMI that was made of a stopped \
                 instance."
            }
            Symptom::EmergencyMode => {
                "Take what does not exist out of /etc/fstab, or give it the option nofail; volumes that the entry names must be \
                 in the launch's block device mappings."
            }
            Symptom::BootLoader => {
                "Install GRUB anew on the AMI's root volume and make its configuration anew, or use an earlier AMI."
            }
            Symptom::ParavirtualBootLoader => {
                "The AMI's menu.lst must name a kernel that Xen can start, and its aki must fit how the disk is partitioned; \
                 better use an HVM AMI."
            }
            Symptom::NothingBootableUefi => {
                "Register the AMI with the boot mode that its disk is made for, or use an instance type that boots by legacy \
                 BIOS; a UEFI disk needs an EFI system partition with a boot loader."
            }
            Symptom::NothingBootableBios => {
                "Register the AMI with the boot mode that its disk is made for (uefi or uefi-preferred), use an instance type \
                 that boots by UEFI, or install a boot loader."
            }
            Symptom::DiskFull => "Give the root volume a greater size in the launch's block device mappings.",
            Symptom::Network => {
                "Check that the AMI has the driver of the network interface (ena for Nitro), that its configuration is not \
                 bound to the MAC address of the instance it was made on, and that DHCP is on."
            }
            Symptom::CloudInit => {
                "Look in the console's tail and in /var/log/cloud-init-output.log for the command that failed, mend the user \
                 data and launch again."
            }
        }
    }

    /// Where it belongs. What firmware can boot is a matter of the boot mode unless the AMI says that it has it.
    pub(in crate::boot) fn stage(&self, is_mode_declared: bool) -> BootStage {
        match self.symptom {
            Symptom::NothingBootableUefi | Symptom::NothingBootableBios if !is_mode_declared => BootStage::BootMode,
            _ => BootStage::Instance,
        }
    }
}
