//! What an image is: EC2's `Image` as the sandbox holds it.
//!
//! A Region has up to 150,000 of these, so rare facts sit behind one pointer and words are one
//! byte. Nothing here decides whether an image can be launched.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::permissions::Permissions;
use crate::clock::Timestamp;
use crate::sandbox::cloud::Fate;

pub(crate) use super::words::{
    Alias, Architecture, Billing, BootMode, Hypervisor, ImageType, ProductCodeType, RootDeviceType, Severity, State,
    Virtualization, VolumeType,
};

/// How this account comes by a private image of somebody else. Whom the owners of such images let
/// launch them besides is their secret; for images of this account see [`Permissions`].
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
    pub(crate) owner: Cow<'static, str>,
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
    /// The only boot mode that its operating system is prepared for, where the image does not say.
    pub(crate) boots_by: Option<BootMode>,
    /// Explicit launch permissions; only for images of this account.
    pub(crate) permissions: Permissions,
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
                let alias: Option<&str> = self.alias.map(Alias::as_str);
                let owner = alias.unwrap_or(&self.owner);
                format!("{owner}/{}", name.as_deref().unwrap_or(&self.id))
            }
        }
    }

    /// Whether `account` owns it.
    pub(crate) fn is_owned_by(&self, account: &str) -> bool {
        self.owner == account
    }

    /// Whom its owner lets launch it besides everybody, if anyone.
    pub(crate) fn permissions(&self) -> Option<&Permissions> {
        self.extras.as_ref().map(|extras| &extras.permissions)
    }

    /// The volumes that it asks for.
    pub(crate) fn volumes(&self) -> impl Iterator<Item = &EbsVolume> {
        self.mappings.iter().filter_map(|mapping| match &mapping.target {
            Target::Ebs(volume) => Some(volume),
            Target::Ephemeral(_) | Target::Nothing => None,
        })
    }

    /// `platform`, which EC2 sets for Windows only, in lower case and outside its own enum.
    pub(crate) fn platform(&self) -> Option<&'static str> {
        self.billing.is_some_and(Billing::is_windows).then_some("windows")
    }
}
