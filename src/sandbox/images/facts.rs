//! What an image is: EC2's `Image` as the sandbox holds it, and the closed vocabularies in it.
//!
//! A Region has up to 150,000 of these, so rare facts sit behind one pointer and words are one
//! byte. Nothing here decides whether an image can be launched.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::sandbox::cloud::Fate;

/// Defines an enum whose values are EC2's own words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($variant),+ }

        impl $name {
            /// Every value there is.
            #[allow(dead_code, reason = "not every vocabulary is walked outside tests")]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// EC2's word.
            pub(crate) fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

words!(
    /// `ArchitectureValues`.
    Architecture { I386 = "i386", X86_64 = "x86_64", Arm64 = "arm64", X86_64Mac = "x86_64_mac", Arm64Mac = "arm64_mac" }
);
words!(
    /// `ImageTypeValues`.
    ImageType { Machine = "machine", Kernel = "kernel", Ramdisk = "ramdisk" }
);
words!(
    /// `ImageState`.
    State {
        Pending = "pending",
        Available = "available",
        Invalid = "invalid",
        Deregistered = "deregistered",
        Transient = "transient",
        Failed = "failed",
        Error = "error",
        Disabled = "disabled",
    }
);
words!(
    /// `DeviceType`.
    RootDeviceType { Ebs = "ebs", InstanceStore = "instance-store" }
);
words!(
    /// `VirtualizationType`.
    Virtualization { Hvm = "hvm", Paravirtual = "paravirtual" }
);
words!(
    /// `HypervisorType`. EC2 says xen for Nitro too.
    Hypervisor { Ovm = "ovm", Xen = "xen" }
);
words!(
    /// `BootModeValues`.
    BootMode { LegacyBios = "legacy-bios", Uefi = "uefi", UefiPreferred = "uefi-preferred" }
);
words!(
    /// The owner aliases that Amazon keeps.
    Alias { Amazon = "amazon", BackupVault = "aws-backup-vault", Marketplace = "aws-marketplace" }
);
words!(
    /// `VolumeType`.
    VolumeType {
        Standard = "standard",
        Io1 = "io1",
        Io2 = "io2",
        Gp2 = "gp2",
        Sc1 = "sc1",
        St1 = "st1",
        Gp3 = "gp3",
    }
);
words!(
    /// `ProductCodeValues`.
    ProductCodeType { Devpay = "devpay", Marketplace = "marketplace" }
);
words!(
    /// Inspector's severities.
    Severity {
        Informational = "informational",
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
);
words!(
    /// The billing codes that EC2 documents ("AMI billing information fields"), by usage operation.
    Billing {
        Linux = "RunInstances",
        RedHatByol = "RunInstances:00g0",
        RedHat = "RunInstances:0010",
        RedHatHa = "RunInstances:1010",
        RedHatSqlStandardHa = "RunInstances:1014",
        RedHatSqlEnterpriseHa = "RunInstances:1110",
        RedHatSqlStandard = "RunInstances:0014",
        RedHatSqlWeb = "RunInstances:0210",
        RedHatSqlEnterprise = "RunInstances:0110",
        SqlEnterprise = "RunInstances:0100",
        SqlStandard = "RunInstances:0004",
        SqlWeb = "RunInstances:0200",
        Suse = "RunInstances:000g",
        UbuntuPro = "RunInstances:0g00",
        Windows = "RunInstances:0002",
        WindowsByol = "RunInstances:0800",
        WindowsSqlEnterprise = "RunInstances:0102",
        WindowsSqlStandard = "RunInstances:0006",
        WindowsSqlWeb = "RunInstances:0202",
    }
);

impl Billing {
    /// `platformDetails`.
    pub(crate) fn platform_details(self) -> &'static str {
        match self {
            Self::Linux => "Linux/UNIX",
            Self::RedHatByol => "Red Hat BYOL Linux",
            Self::RedHat => "Red Hat Enterprise Linux",
            Self::RedHatHa => "Red Hat Enterprise Linux with HA",
            Self::RedHatSqlStandardHa => "Red Hat Enterprise Linux with SQL Server Standard and HA",
            Self::RedHatSqlEnterpriseHa => "Red Hat Enterprise Linux with SQL Server Enterprise and HA",
            Self::RedHatSqlStandard => "Red Hat Enterprise Linux with SQL Server Standard",
            Self::RedHatSqlWeb => "Red Hat Enterprise Linux with SQL Server Web",
            Self::RedHatSqlEnterprise => "Red Hat Enterprise Linux with SQL Server Enterprise",
            Self::SqlEnterprise => "SQL Server Enterprise",
            Self::SqlStandard => "SQL Server Standard",
            Self::SqlWeb => "SQL Server Web",
            Self::Suse => "SUSE Linux",
            Self::UbuntuPro => "Ubuntu Pro",
            Self::Windows => "Windows",
            Self::WindowsByol => "Windows BYOL",
            Self::WindowsSqlEnterprise => "Windows with SQL Server Enterprise",
            Self::WindowsSqlStandard => "Windows with SQL Server Standard",
            Self::WindowsSqlWeb => "Windows with SQL Server Web",
        }
    }

    /// Whether it bills Windows, licence included or not.
    pub(crate) fn is_windows(self) -> bool {
        self.platform_details().starts_with("Windows")
    }
}

/// Who besides the owner may launch a private image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// Nobody.
    Nobody,
    /// This account, named itself.
    Account,
    /// This account's organization: EC2 then lists it under `self` only.
    Organization,
}

/// One image.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) id: Box<str>,
    pub(crate) name: Option<Box<str>>,
    pub(crate) description: Option<Box<str>>,
    /// The manifest of an S3-backed image; others are located at owner and name.
    pub(crate) manifest: Option<Box<str>>,
    pub(crate) owner: &'static str,
    pub(crate) alias: Option<Alias>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) deprecated: Option<Timestamp>,
    pub(crate) architecture: Architecture,
    pub(crate) image_type: ImageType,
    /// One record of 2008 lacks even this.
    pub(crate) state: Option<State>,
    pub(crate) root_device_type: RootDeviceType,
    pub(crate) root_device_name: Option<&'static str>,
    pub(crate) virtualization: Option<Virtualization>,
    pub(crate) hypervisor: Hypervisor,
    pub(crate) boot_mode: Option<BootMode>,
    pub(crate) tpm: bool,
    pub(crate) imds_v2: bool,
    /// Absent and `false` both occur, and mean the same.
    pub(crate) ena: Option<bool>,
    pub(crate) sriov: bool,
    pub(crate) kernel: Option<&'static str>,
    pub(crate) ramdisk: Option<&'static str>,
    pub(crate) billing: Option<Billing>,
    pub(crate) public: bool,
    pub(crate) share: Share,
    pub(crate) free_tier: bool,
    pub(crate) mappings: Box<[Mapping]>,
    pub(crate) extras: Option<Box<Extras>>,
}

/// One entry of an image's block device mapping.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mapping {
    pub(crate) device: &'static str,
    pub(crate) target: Target,
}

/// What a device name maps to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Target {
    /// A volume.
    Ebs(EbsVolume),
    /// An instance store disk, `ephemeralN`.
    Ephemeral(u8),
    /// Nothing: suppresses a mapping.
    Nothing,
}

/// A volume that an image asks for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EbsVolume {
    /// The digits of the snapshot id; some real records have none.
    pub(crate) snapshot: Option<u64>,
    pub(crate) size_gib: u32,
    pub(crate) volume_type: VolumeType,
    pub(crate) encrypted: bool,
    pub(crate) delete_on_termination: bool,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput_mibps: Option<u32>,
}

impl EbsVolume {
    /// The snapshot's id as EC2 writes it.
    pub(crate) fn snapshot_id(&self) -> Option<String> {
        self.snapshot.map(|digits| format!("snap-0{digits:016x}"))
    }
}

/// What few images have.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extras {
    pub(crate) state_reason: Option<(&'static str, &'static str)>,
    pub(crate) product_codes: Vec<(String, ProductCodeType)>,
    pub(crate) source_instance: Option<String>,
    pub(crate) source_image: Option<String>,
    pub(crate) source_region: Option<String>,
    pub(crate) watermarks: Vec<Watermark>,
    pub(crate) scan: Option<ScanResults>,
    pub(crate) ssm_parameter: Option<String>,
    /// A parameter that once pointed here: filters still find it, answers do not show it.
    pub(crate) former_ssm_parameter: Option<String>,
    pub(crate) supported_types: Vec<String>,
    pub(crate) unsupported_types: Vec<String>,
    pub(crate) deregistration_protection: Option<&'static str>,
    pub(crate) last_launched: Option<Timestamp>,
    pub(crate) tags: BTreeMap<String, String>,
    /// What becomes of instances of this image.
    pub(crate) fate: Option<Fate>,
    /// A Marketplace product that this account has not subscribed to.
    pub(crate) unsubscribed: bool,
}

/// A mark that an image inherits from the image it was made from.
#[derive(Debug, Clone)]
pub(crate) struct Watermark {
    pub(crate) key: String,
    pub(crate) source_region: String,
    pub(crate) source_image: String,
    pub(crate) source_created: Timestamp,
    pub(crate) marked: Timestamp,
}

/// What Inspector found.
#[derive(Debug, Clone)]
pub(crate) struct ScanResults {
    pub(crate) scanned: Timestamp,
    /// Since when a fix is available, by severity; only severities with findings.
    pub(crate) fixes: Vec<(Severity, Timestamp)>,
}

impl ScanResults {
    /// The worst severity found.
    pub(crate) fn highest(&self) -> Option<Severity> {
        self.fixes.iter().map(|(severity, _)| *severity).max()
    }

    /// Since when a fix is available for findings of `severity`.
    pub(crate) fn fix_since(&self, severity: Severity) -> Option<Timestamp> {
        self.fixes.iter().find(|(found, _)| *found == severity).map(|(_, since)| *since)
    }
}

impl Image {
    /// The rare facts, to write to.
    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }

    /// `imageLocation`: the S3 manifest, or owner and name.
    pub(crate) fn location(&self) -> String {
        match (&self.manifest, &self.name) {
            (Some(manifest), _) => manifest.to_string(),
            (None, name) => {
                let owner = self.alias.map_or(self.owner, Alias::as_str);
                format!("{owner}/{}", name.as_deref().unwrap_or(&self.id))
            }
        }
    }

    /// Whether `account` owns it.
    pub(crate) fn is_owned_by(&self, account: &str) -> bool {
        self.owner == account
    }

    /// `platform`, which EC2 sets for Windows only, in lower case and outside its own enum.
    pub(crate) fn platform(&self) -> Option<&'static str> {
        self.billing.is_some_and(Billing::is_windows).then_some("windows")
    }
}
