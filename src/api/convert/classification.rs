//! Classifications, on their way out.

use super::time::to_timestamp;
use crate::ami::classify::{
    Basis, BootPath, BootSpeed, Classification, Found, HardwareExtension, HardwareExtensions, ImageStorage, ImageStore,
    LaunchPermissions, Licensing, Lifecycle, OperatingSystem, OsFamily, Persistence, Reachability, Recommendation,
    RootDevice, Source, Virtualization,
};
use crate::ami::finding_rule::FindingRule;
use crate::api::pb;
use crate::ec2::facts::LaunchPermission;

impl From<&Classification> for pb::Classification {
    fn from(classification: &Classification) -> Self {
        let Classification {
            root_device,
            virtualization,
            source,
            boot_path,
            hardware_extensions,
            persistence,
            storage,
            os,
            lifecycle,
            deprecated,
            deprecation_time,
            licensing,
            launch_permissions,
            boot_speed,
            recommendation,
            // The bases go out as findings, which is what the contract has for them.
            basis,
            found,
        } = classification;
        let mut findings = Vec::with_capacity(found.len() + basis.len());
        findings.extend(found.iter().map(pb::Finding::from));
        findings.extend(basis.iter().map(pb::Finding::from));
        Self {
            root_device: pb::RootDevice::from(*root_device).into(),
            virtualization: pb::Virtualization::from(*virtualization).into(),
            source: pb::ImageSource::from(*source).into(),
            boot_path: pb::BootPath::from(*boot_path).into(),
            hardware_extensions: Some(hardware_extensions.into()),
            persistence: Some(persistence.into()),
            storage: Some(storage.into()),
            os: Some(os.into()),
            lifecycle: pb::ImageLifecycle::from(*lifecycle).into(),
            deprecated: *deprecated,
            deprecation_time: deprecation_time.map(to_timestamp),
            licensing: Some(licensing.into()),
            launch_permissions: Some(launch_permissions.into()),
            boot_speed: pb::BootSpeed::from(*boot_speed).into(),
            boot_speed_reason: boot_speed.reason().to_owned(),
            // Another room measures boots; whoever has both puts them together.
            measured_boots: None,
            recommendation: pb::Recommendation::from(*recommendation).into(),
            findings,
        }
    }
}

/// Straight from the table, and not by way of a record's finding: a whole catalogue goes out like
/// this, at the price of copying each text once.
impl From<&Found> for pb::Finding {
    fn from(found: &Found) -> Self {
        let FindingRule { code, outcome, field, expected, means, remedy, source: _ } = found.rule;
        Self {
            code: (*code).to_owned(),
            outcome: pb::Outcome::from(*outcome).into(),
            field: (*field).to_owned(),
            observed: found.observed().into_owned(),
            expected: (*expected).to_owned(),
            message: (*means).to_owned(),
            remedy: (*remedy).to_owned(),
            ec2_error_code: String::new(),
        }
    }
}

impl From<&Basis> for pb::Finding {
    fn from(basis: &Basis) -> Self {
        Self {
            code: basis.conclusion().code().to_owned(),
            outcome: pb::Outcome::from(basis.outcome()).into(),
            field: basis.field().to_owned(),
            observed: basis.observed().words().into_owned(),
            expected: String::new(),
            message: basis.meaning().to_owned(),
            remedy: String::new(),
            ec2_error_code: String::new(),
        }
    }
}

impl From<RootDevice> for pb::RootDevice {
    fn from(root_device: RootDevice) -> Self {
        match root_device {
            RootDevice::EbsBacked => Self::EbsBacked,
            RootDevice::InstanceStoreBacked => Self::InstanceStoreBacked,
            RootDevice::Unknown => Self::Unknown,
        }
    }
}

impl From<Virtualization> for pb::Virtualization {
    fn from(virtualization: Virtualization) -> Self {
        match virtualization {
            Virtualization::Hvm => Self::Hvm,
            Virtualization::Paravirtual => Self::Paravirtual,
            Virtualization::Unknown => Self::Unknown,
        }
    }
}

impl From<Source> for pb::ImageSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Amazon => Self::Amazon,
            Source::Marketplace => Self::Marketplace,
            Source::Backup => Self::Backup,
            Source::Community => Self::Community,
            Source::Shared => Self::Shared,
            Source::Owned => Self::Owned,
            Source::Unknown => Self::Unknown,
        }
    }
}

impl From<BootPath> for pb::BootPath {
    fn from(path: BootPath) -> Self {
        match path {
            BootPath::PvGrub => Self::PvGrub,
            BootPath::BiosMbr => Self::BiosMbr,
            BootPath::Uefi => Self::Uefi,
            BootPath::UefiPreferred => Self::UefiPreferred,
            BootPath::Mac => Self::Mac,
            BootPath::Unknown => Self::Unknown,
        }
    }
}

impl From<&HardwareExtensions> for pb::HardwareExtensions {
    fn from(extensions: &HardwareExtensions) -> Self {
        let HardwareExtensions {
            enhanced_networking_ena,
            enhanced_networking_intel_82599,
            nvme,
            gpu,
            cpu_extensions,
            tpm,
        } = extensions;
        Self {
            enhanced_networking_ena: Some(enhanced_networking_ena.into()),
            enhanced_networking_intel_82599: Some(enhanced_networking_intel_82599.into()),
            nvme: Some(nvme.into()),
            gpu: Some(gpu.into()),
            cpu_extensions: Some(cpu_extensions.into()),
            tpm: Some(tpm.into()),
        }
    }
}

impl From<&HardwareExtension> for pb::HardwareExtension {
    fn from(extension: &HardwareExtension) -> Self {
        let HardwareExtension { reachability, reason } = extension;
        let reachability = match reachability {
            Reachability::Reachable => pb::Reachability::Reachable,
            Reachability::Unreachable => pb::Reachability::Unreachable,
            Reachability::Unknown => pb::Reachability::Unknown,
        };
        Self { reachability: reachability.into(), reason: (*reason).to_owned() }
    }
}

impl From<&Persistence> for pb::Persistence {
    fn from(persistence: &Persistence) -> Self {
        let Persistence {
            stoppable,
            root_survives_stop,
            root_deleted_on_terminate,
            root_survives_reboot,
            ephemeral_lost_on_stop,
        } = persistence;
        Self {
            stoppable: *stoppable,
            root_survives_stop: *root_survives_stop,
            root_deleted_on_terminate: *root_deleted_on_terminate,
            root_survives_reboot: *root_survives_reboot,
            ephemeral_lost_on_stop: *ephemeral_lost_on_stop,
        }
    }
}

impl From<&ImageStorage> for pb::ImageStorage {
    fn from(storage: &ImageStorage) -> Self {
        let ImageStorage { volume_count, total_gib, encrypted, ephemeral_count, image_store } = storage;
        let image_store = match image_store {
            ImageStore::EbsSnapshot => pb::ImageStore::EbsSnapshot,
            ImageStore::S3 => pb::ImageStore::S3,
            ImageStore::Unknown => pb::ImageStore::Unknown,
        };
        Self {
            volume_count: *volume_count,
            total_gib: *total_gib,
            encrypted: *encrypted,
            ephemeral_count: *ephemeral_count,
            image_store: image_store.into(),
        }
    }
}

impl From<&OperatingSystem> for pb::OperatingSystem {
    fn from(os: &OperatingSystem) -> Self {
        let OperatingSystem { family, distribution, version, software, evidence } = os;
        let family = match family {
            OsFamily::Linux => pb::OsFamily::Linux,
            OsFamily::Windows => pb::OsFamily::Windows,
            OsFamily::Macos => pb::OsFamily::Macos,
            OsFamily::Bsd => pb::OsFamily::Bsd,
            OsFamily::Unknown => pb::OsFamily::Unknown,
        };
        Self {
            family: family.into(),
            distribution: distribution.unwrap_or_default().to_owned(),
            version: version.as_deref().unwrap_or_default().to_owned(),
            evidence: evidence.iter().map(ToString::to_string).collect(),
            software: software.iter().map(|name| (*name).to_owned()).collect(),
        }
    }
}

impl From<Lifecycle> for pb::ImageLifecycle {
    fn from(lifecycle: Lifecycle) -> Self {
        match lifecycle {
            Lifecycle::Current => Self::Current,
            Lifecycle::Pending => Self::Pending,
            Lifecycle::Disabled => Self::Disabled,
            Lifecycle::Failed => Self::Failed,
            Lifecycle::Deregistered => Self::Deregistered,
            Lifecycle::Invalid => Self::Invalid,
            Lifecycle::Unknown => Self::Unknown,
        }
    }
}

impl From<&Licensing> for pb::Licensing {
    fn from(licensing: &Licensing) -> Self {
        let Licensing { platform_details, usage_operation, meaning, billed } = licensing;
        Self {
            platform_details: String::from(&**platform_details),
            usage_operation: String::from(&**usage_operation),
            meaning: (*meaning).to_owned(),
            billed: *billed,
        }
    }
}

impl From<&LaunchPermissions> for pb::LaunchPermissions {
    fn from(permissions: &LaunchPermissions) -> Self {
        let LaunchPermissions { public, explicit, implicit, entries, entries_known } = permissions;
        Self {
            public: *public,
            explicit: *explicit,
            // The contract has no third value; the findings say when it is not known.
            implicit: implicit.unwrap_or_default(),
            entries: entries.iter().map(Into::into).collect(),
            entries_known: *entries_known,
        }
    }
}

impl From<&LaunchPermission> for pb::LaunchPermission {
    fn from(permission: &LaunchPermission) -> Self {
        use pb::launch_permission::Grantee;
        let grantee = match permission {
            LaunchPermission::Public => Grantee::Group("all".to_owned()),
            LaunchPermission::Account(id) => Grantee::UserId(id.clone()),
            LaunchPermission::Organization(arn) => Grantee::OrganizationArn(arn.clone()),
            LaunchPermission::OrganizationalUnit(arn) => Grantee::OrganizationalUnitArn(arn.clone()),
        };
        Self { grantee: Some(grantee) }
    }
}

impl From<BootSpeed> for pb::BootSpeed {
    fn from(speed: BootSpeed) -> Self {
        match speed {
            BootSpeed::Fast => Self::Fast,
            BootSpeed::Slow => Self::Slow,
            BootSpeed::Unknown => Self::Unknown,
        }
    }
}

impl From<Recommendation> for pb::Recommendation {
    fn from(recommendation: Recommendation) -> Self {
        match recommendation {
            Recommendation::Recommended => Self::Recommended,
            Recommendation::Acceptable => Self::Acceptable,
            Recommendation::Discouraged => Self::Discouraged,
            Recommendation::Unlaunchable => Self::Unlaunchable,
            Recommendation::Unknown => Self::Unknown,
        }
    }
}
