//! The names of image filters: the 52 that EC2 knows (API Reference, DescribeImages, 2016-11-15),
//! `tag:<key>`, and Gantry's own for what EC2 cannot filter.

use std::fmt;

use super::pattern::Pattern;
use super::table::filter_names;
use super::violation::{FilterProblem, unknown_name};
use crate::ami::classify::{BootPath, Lifecycle, Recommendation, Source};
use crate::ids::InstanceType;

filter_names! {
    /// EC2's fixed names of image filters.
    Ec2FilterName {
        Architecture = "architecture",
        BlockDeviceDeleteOnTermination = "block-device-mapping.delete-on-termination",
        BlockDeviceName = "block-device-mapping.device-name",
        BlockDeviceSnapshotId = "block-device-mapping.snapshot-id",
        BlockDeviceVolumeSize = "block-device-mapping.volume-size",
        BlockDeviceVolumeType = "block-device-mapping.volume-type",
        BlockDeviceEncrypted = "block-device-mapping.encrypted",
        BootMode = "boot-mode",
        CreationDate = "creation-date",
        Description = "description",
        EnaSupport = "ena-support",
        FreeTierEligible = "free-tier-eligible",
        Hypervisor = "hypervisor",
        ImageAllowed = "image-allowed",
        ImageId = "image-id",
        WatermarkSourceImageCreationTime = "image-watermark.source-image-creation-time",
        WatermarkSourceImageId = "image-watermark.source-image-id",
        WatermarkSourceImageRegion = "image-watermark.source-image-region",
        WatermarkCreationTime = "image-watermark.watermark-creation-time",
        WatermarkKey = "image-watermark.watermark-key",
        ImageType = "image-type",
        SupportedInstanceType = "instance-type-specification.supported-instance-type",
        UnsupportedInstanceType = "instance-type-specification.unsupported-instance-type",
        IsPublic = "is-public",
        KernelId = "kernel-id",
        ManifestLocation = "manifest-location",
        Name = "name",
        OwnerAlias = "owner-alias",
        OwnerId = "owner-id",
        Platform = "platform",
        ProductCode = "product-code",
        ProductCodeType = "product-code.type",
        PublicSsmParameterName = "public-ssm-parameter-name",
        RamdiskId = "ramdisk-id",
        RootDeviceName = "root-device-name",
        RootDeviceType = "root-device-type",
        ScanHighestSeverity = "scan-result.highest-finding-severity-label",
        ScanDate = "scan-result.finding-scan-date",
        ScanInformationalFix = "scan-result.informational-fix-available-since",
        ScanLowFix = "scan-result.low-fix-available-since",
        ScanMediumFix = "scan-result.medium-fix-available-since",
        ScanHighFix = "scan-result.high-fix-available-since",
        ScanCriticalFix = "scan-result.critical-fix-available-since",
        SourceImageId = "source-image-id",
        SourceImageRegion = "source-image-region",
        SourceInstanceId = "source-instance-id",
        State = "state",
        StateReasonCode = "state-reason-code",
        StateReasonMessage = "state-reason-message",
        SriovNetSupport = "sriov-net-support",
        TagKey = "tag-key",
        VirtualizationType = "virtualization-type",
    }
}

filter_names! {
    /// Gantry's own names, for what EC2 cannot filter. Where EC2 may leave a fact out, the value
    /// `absent` matches its absence.
    GantryFilterName {
        /// `amazon`, `marketplace`, `backup`, `community`, `shared`, `owned`, `unknown`:
        Source = "gantry:source",
        /// `pv-grub`, `bios-mbr`, `uefi`, `uefi-preferred`, `mac`, `unknown`:
        BootPath = "gantry:boot-path",
        /// `recommended`, `acceptable`, `discouraged`, `unlaunchable`, `unknown`:
        Recommendation = "gantry:recommendation",
        /// `current`, `pending`, `disabled`, `failed`, `deregistered`, `invalid`, `unknown`:
        Lifecycle = "gantry:lifecycle",
        /// `true`, `false`:
        Deprecated = "gantry:deprecated",
        /// EC2's value or `absent`:
        TpmSupport = "gantry:tpm-support",
        /// EC2's value or `absent`:
        ImdsSupport = "gantry:imds-support",
        /// EC2's value or `absent`:
        PlatformDetails = "gantry:platform-details",
        /// EC2's value or `absent`:
        UsageOperation = "gantry:usage-operation",
        /// A family (`linux`), a distribution (`amazon-linux`) or one with its version
        /// (`amazon-linux-2023`), in lower case with hyphens:
        Os = "gantry:os",
        /// An instance type, without wildcards:
        BootableOn = "gantry:bootable-on",
    }
}

/// The prefix of a tag filter; what follows is the tag's key.
const TAG_PREFIX: &str = "tag:";

/// The name of an image filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FilterName {
    /// One that EC2 knows.
    Ec2(Ec2FilterName),
    /// The value of the tag with this key; EC2 knows it too.
    Tag(String),
    /// One of Gantry's own.
    Gantry(GantryFilterName),
}

impl FilterName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`FilterProblem::UnknownName`], with the names most like it.
    pub fn parse(name: &str) -> Result<Self, FilterProblem> {
        if let Some(known) = Ec2FilterName::of_name(name) {
            return Ok(Self::Ec2(known));
        }
        if let Some(known) = GantryFilterName::of_name(name) {
            return Ok(Self::Gantry(known));
        }
        match name.strip_prefix(TAG_PREFIX) {
            Some(key) if !key.is_empty() => Ok(Self::Tag(key.to_owned())),
            _ => Err(unknown_name(name, all_names())),
        }
    }

    /// What is wrong with a value of this filter, if it can never match.
    pub(super) fn problem_with(&self, value: &Pattern) -> Option<FilterProblem> {
        let Self::Gantry(name) = self else { return None };
        let impossible =
            |expected: String| Some(FilterProblem::ImpossibleValue { value: value.as_str().to_owned(), expected });
        if *name == GantryFilterName::BootableOn {
            return match value.as_str().parse::<InstanceType>() {
                Ok(_) => None,
                Err(malformed) => impossible(malformed.expected.to_owned()),
            };
        }
        let words = vocabulary(*name)?;
        if words.iter().any(|word| value.matches(word)) { None } else { impossible(words.join(", ")) }
    }
}

impl fmt::Display for FilterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec2(name) => f.write_str(name.as_str()),
            Self::Tag(key) => write!(f, "{TAG_PREFIX}{key}"),
            Self::Gantry(name) => f.write_str(name.as_str()),
        }
    }
}

fn all_names() -> impl Iterator<Item = &'static str> {
    let ec2 = Ec2FilterName::ALL.iter().map(|name| name.as_str());
    let gantry = GantryFilterName::ALL.iter().map(|name| name.as_str());
    ec2.chain(gantry).chain(["tag:<key>"])
}

/// All the words that a filter's fact can be; none where EC2 sets them.
fn vocabulary(name: GantryFilterName) -> Option<Vec<&'static str>> {
    match name {
        GantryFilterName::Source => Some(Source::ALL.iter().map(|word| word.as_str()).collect()),
        GantryFilterName::BootPath => Some(BootPath::ALL.iter().map(|word| word.as_str()).collect()),
        GantryFilterName::Recommendation => Some(Recommendation::ALL.iter().map(|word| word.as_str()).collect()),
        GantryFilterName::Lifecycle => Some(Lifecycle::ALL.iter().map(|word| word.as_str()).collect()),
        GantryFilterName::Deprecated => Some(vec!["true", "false"]),
        GantryFilterName::TpmSupport
        | GantryFilterName::ImdsSupport
        | GantryFilterName::PlatformDetails
        | GantryFilterName::UsageOperation
        | GantryFilterName::Os
        | GantryFilterName::BootableOn => None,
    }
}
