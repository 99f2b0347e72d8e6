//! Names that may come from a console into the log, and no others.
//!
//! Who owns an instance writes its console. What looks like a name may be any word of theirs, so each is compared with
//! what kernels, systemd and cloud-init themselves call things, and is otherwise left out.

/// Beginnings of the names that Linux gives to disks: Xen, SCSI, IDE, virtio, each followed by letters.
const DISKS: &[&str] = &["xvd", "sd", "hd", "vd"];
/// Tags by which a file system is named, whose value is a UUID.
const UUID_TAGS: &[&str] = &["UUID=", "PARTUUID=", "/dev/disk/by-uuid/", "/dev/disk/by-partuuid/"];
/// Tags whose value is a label.
const LABEL_TAGS: &[&str] = &["LABEL=", "PARTLABEL=", "/dev/disk/by-label/"];
/// Labels that distributions give to the file systems of their images.
const LABELS: &[&str] = &["/", "BIOS", "BOOT", "EFI", "UEFI", "boot", "cloudimg-rootfs", "efi", "root", "rootfs"];
/// Bytes of the hexadecimal groups of UUIDs: of ext4 and XFS, of FAT, and of partitions of an MBR.
const UUID_GROUPS: &[&[usize]] = &[&[8, 4, 4, 4, 12], &[4, 4], &[8, 2]];
/// Where file systems are mounted by custom (Filesystem Hierarchy Standard, and what AMIs make).
const MOUNT_POINTS: &[&str] = &[
    "/",
    "/boot",
    "/boot/efi",
    "/data",
    "/efi",
    "/home",
    "/media",
    "/mnt",
    "/mnt/data",
    "/opt",
    "/srv",
    "/tmp",
    "/usr",
    "/usr/local",
    "/var",
    "/var/lib",
    "/var/lib/docker",
    "/var/log",
    "/var/tmp",
];
/// The modules of cloud-init (its reference, "Module reference"), also of earlier versions and of Amazon Linux.
const CLOUD_INIT_MODULES: &[&str] = &[
    "ansible",
    "apk-configure",
    "apt-configure",
    "apt-pipelining",
    "bootcmd",
    "byobu",
    "ca-certs",
    "chef",
    "disable-ec2-metadata",
    "disk-setup",
    "emit-upstart",
    "fan",
    "final-message",
    "growpart",
    "grub-dpkg",
    "install-hotplug",
    "keyboard",
    "keys-to-console",
    "landscape",
    "locale",
    "lxd",
    "mcollective",
    "migrator",
    "mounts",
    "ntp",
    "package-update-upgrade-install",
    "phone-home",
    "power-state-change",
    "puppet",
    "raspberry-pi",
    "reset-rmc",
    "resizefs",
    "resolv-conf",
    "rh-subscription",
    "rightscale-userdata",
    "rsyslog",
    "runcmd",
    "salt-minion",
    "scripts-per-boot",
    "scripts-per-instance",
    "scripts-per-once",
    "scripts-user",
    "scripts-vendor",
    "seed-random",
    "selinux",
    "set-hostname",
    "set-passwords",
    "snap",
    "snappy",
    "spacewalk",
    "ssh",
    "ssh-authkey-fingerprints",
    "ssh-import-id",
    "timezone",
    "ubuntu-advantage",
    "ubuntu-autoinstall",
    "ubuntu-drivers",
    "ubuntu-pro",
    "update-etc-hosts",
    "update-hostname",
    "users-groups",
    "wireguard",
    "write-files",
    "write-files-deferred",
    "yum-add-repo",
    "yum-configure",
    "yum-variables",
    "zypper-add-repo",
];
/// How cloud-init names the parts of user data that it runs, before a number of three digits.
const SCRIPT: &str = "part-";

/// A disk or a partition, by the kernel's own name, by UUID, or by the label of an image.
pub(super) fn device(word: &str) -> Option<String> {
    let by = |tags: &'static [&str]| tags.iter().find_map(|tag| word.strip_prefix(tag));
    let is_device = match (by(UUID_TAGS), by(LABEL_TAGS)) {
        (Some(uuid), _) => is_uuid(uuid),
        (_, Some(label)) => LABELS.contains(&label),
        _ => is_disk(word.strip_prefix("/dev/").unwrap_or(word)),
    };
    is_device.then(|| word.to_owned())
}

/// A device with a path, or a usual mount point.
pub(super) fn device_or_mount_point(word: &str) -> Option<String> {
    device(word).filter(|word| word.starts_with('/')).or_else(|| known(MOUNT_POINTS, word))
}

/// A module of cloud-init, written with dashes.
pub(super) fn module(word: &str) -> Option<String> {
    known(CLOUD_INIT_MODULES, &word.replace('_', "-"))
}

/// A part of user data: `part-001`.
pub(super) fn script(word: &str) -> Option<String> {
    word.strip_prefix(SCRIPT).filter(|number| number.len() == 3 && are_digits(number)).map(|_| word.to_owned())
}

fn known(names: &[&str], word: &str) -> Option<String> {
    names.contains(&word).then(|| word.to_owned())
}

fn is_uuid(text: &str) -> bool {
    UUID_GROUPS.iter().any(|lengths| text.split('-').map(str::len).eq(lengths.iter().copied()))
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// `xvda1`, `sdf`, `nvme0n1p1`, `md0`, `dm-0`.
fn is_disk(name: &str) -> bool {
    let of_letters = DISKS.iter().filter_map(|start| name.strip_prefix(start)).any(|rest| {
        let partition = rest.trim_start_matches(|char: char| char.is_ascii_lowercase());
        (1..=2).contains(&(rest.len() - partition.len())) && (partition.is_empty() || is_number(partition))
    });
    let of_numbers = || ["md", "dm-"].iter().filter_map(|start| name.strip_prefix(start)).any(is_number);
    of_letters || of_numbers() || is_nvme(name).unwrap_or(false)
}

fn is_nvme(name: &str) -> Option<bool> {
    let (controller, namespace) = name.strip_prefix("nvme")?.split_once('n')?;
    let (namespace, partition) = namespace.split_once('p').unwrap_or((namespace, "1"));
    Some([controller, namespace, partition].into_iter().all(is_number))
}

/// A number as devices have them: at most three digits.
fn is_number(text: &str) -> bool {
    (1..=3).contains(&text.len()) && are_digits(text)
}

fn are_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
