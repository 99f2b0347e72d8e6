//! Filters on instance types, evaluated on facts.
//!
//! Names are EC2's (API Reference, DescribeInstanceTypes). Those that look at facts which are not
//! kept, such as EBS baseline throughput, are known by name and refused as such, so that nobody
//! takes a filter for misspelt that EC2 has.

use super::ec2_facts::bool_word;
use super::table::filter_names;
use super::violation::{self, FilterProblem, unknown_name};
use super::{FilterViolation, Pattern};
use crate::ec2::facts::InstanceTypeFacts;

filter_names! {
    /// The instance type filters that are evaluated here.
    InstanceTypeFilterName {
        AutoRecoverySupported = "auto-recovery-supported",
        BareMetal = "bare-metal",
        BurstablePerformanceSupported = "burstable-performance-supported",
        CurrentGeneration = "current-generation",
        DedicatedHostsSupported = "dedicated-hosts-supported",
        EbsAttachmentLimitType = "ebs-info.attachment-limit-type",
        EbsOptimizedSupport = "ebs-info.ebs-optimized-support",
        EbsEncryptionSupport = "ebs-info.encryption-support",
        EbsMaximumAttachments = "ebs-info.maximum-ebs-attachments",
        EbsNvmeSupport = "ebs-info.nvme-support",
        FreeTierEligible = "free-tier-eligible",
        HibernationSupported = "hibernation-supported",
        Hypervisor = "hypervisor",
        DiskCount = "instance-storage-info.disk.count",
        DiskSizeInGb = "instance-storage-info.disk.size-in-gb",
        DiskType = "instance-storage-info.disk.type",
        InstanceStorageEncryptionSupport = "instance-storage-info.encryption-support",
        InstanceStorageNvmeSupport = "instance-storage-info.nvme-support",
        InstanceStorageTotalSizeInGb = "instance-storage-info.total-size-in-gb",
        InstanceStorageSupported = "instance-storage-supported",
        InstanceType = "instance-type",
        MemorySizeInMib = "memory-info.size-in-mib",
        EfaSupported = "network-info.efa-supported",
        EnaSupport = "network-info.ena-support",
        Ipv6Supported = "network-info.ipv6-supported",
        MaximumNetworkInterfaces = "network-info.maximum-network-interfaces",
        NetworkPerformance = "network-info.network-performance",
        NitroEnclavesSupport = "nitro-enclaves-support",
        NitroTpmSupport = "nitro-tpm-support",
        NitroTpmSupportedVersions = "nitro-tpm-info.supported-versions",
        SupportedStrategies = "placement-group-info.supported-strategies",
        SupportedArchitecture = "processor-info.supported-architecture",
        SupportedFeatures = "processor-info.supported-features",
        SustainedClockSpeedInGhz = "processor-info.sustained-clock-speed-in-ghz",
        SupportedBootMode = "supported-boot-mode",
        SupportedRootDeviceType = "supported-root-device-type",
        SupportedUsageClass = "supported-usage-class",
        SupportedVirtualizationType = "supported-virtualization-type",
        DefaultCores = "vcpu-info.default-cores",
        DefaultThreadsPerCore = "vcpu-info.default-threads-per-core",
        DefaultVcpus = "vcpu-info.default-vcpus",
        ValidCores = "vcpu-info.valid-cores",
        ValidThreadsPerCore = "vcpu-info.valid-threads-per-core",
    }
}

/// Filters that EC2 has and whose facts are not kept here.
const NOT_KEPT: [&str; 13] = [
    "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
    "ebs-info.ebs-optimized-info.baseline-iops",
    "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
    "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
    "ebs-info.ebs-optimized-info.maximum-iops",
    "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps",
    "network-info.bandwidth-weightings",
    "network-info.efa-info.maximum-efa-interfaces",
    "network-info.encryption-in-transit-supported",
    "network-info.flexible-ena-queues-support",
    "network-info.ipv4-addresses-per-interface",
    "network-info.ipv6-addresses-per-interface",
    "network-info.maximum-network-cards",
];

/// Filters on instance types, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceTypeFilters {
    filters: Vec<(InstanceTypeFilterName, Vec<Pattern>)>,
}

impl InstanceTypeFilters {
    /// Reads name and values of each filter.
    ///
    /// # Errors
    /// Every violation at once, as [`super::Filters::parse`] has them.
    pub fn parse(conditions: &[(String, Vec<String>)]) -> Result<Self, Vec<FilterViolation>> {
        let filters = violation::read(conditions, resolve, |_, _| None)?;
        Ok(Self { filters })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether a type passes every filter.
    pub fn matches(&self, facts: &InstanceTypeFacts) -> bool {
        self.filters
            .iter()
            .all(|(name, values)| any_value(*name, facts, &|value| values.iter().any(|pattern| pattern.matches(value))))
    }
}

fn resolve(name: &str) -> Result<InstanceTypeFilterName, FilterProblem> {
    match InstanceTypeFilterName::of_name(name) {
        Some(known) => Ok(known),
        None if NOT_KEPT.contains(&name) => Err(FilterProblem::FactNotKept { name: name.to_owned() }),
        None => Err(unknown_name(name, InstanceTypeFilterName::ALL.iter().map(|name| name.as_str()))),
    }
}

fn any_value(name: InstanceTypeFilterName, facts: &InstanceTypeFacts, accept: &dyn Fn(&str) -> bool) -> bool {
    use InstanceTypeFilterName as Name;
    let text = |value: &Option<String>| value.as_deref().is_some_and(accept);
    let flag = |value: Option<bool>| value.is_some_and(|value| accept(bool_word(value)));
    let list = |values: &[String]| values.iter().any(|value| accept(value));
    let number = |value: Option<i32>| value.is_some_and(|value| accept(&value.to_string()));
    let large = |value: Option<i64>| value.is_some_and(|value| accept(&value.to_string()));
    let storage = facts.instance_storage.as_ref();
    let mut disks = storage.iter().flat_map(|storage| &storage.disks);
    match name {
        Name::AutoRecoverySupported => flag(facts.auto_recovery_supported),
        Name::BareMetal => flag(facts.bare_metal),
        Name::BurstablePerformanceSupported => flag(facts.burstable_performance_supported),
        Name::CurrentGeneration => flag(facts.current_generation),
        Name::DedicatedHostsSupported => flag(facts.dedicated_hosts_supported),
        Name::EbsAttachmentLimitType => text(&facts.ebs.attachment_limit_type),
        Name::EbsOptimizedSupport => text(&facts.ebs.ebs_optimized_support),
        Name::EbsEncryptionSupport => text(&facts.ebs.encryption_support),
        Name::EbsMaximumAttachments => number(facts.ebs.maximum_ebs_attachments),
        Name::EbsNvmeSupport => text(&facts.ebs.nvme_support),
        Name::FreeTierEligible => flag(facts.free_tier_eligible),
        Name::HibernationSupported => flag(facts.hibernation_supported),
        Name::Hypervisor => text(&facts.hypervisor),
        Name::DiskCount => disks.any(|disk| number(disk.count)),
        Name::DiskSizeInGb => disks.any(|disk| large(disk.size_gb)),
        Name::DiskType => disks.any(|disk| text(&disk.kind)),
        Name::InstanceStorageEncryptionSupport => storage.is_some_and(|storage| text(&storage.encryption_support)),
        Name::InstanceStorageNvmeSupport => storage.is_some_and(|storage| text(&storage.nvme_support)),
        Name::InstanceStorageTotalSizeInGb => storage.is_some_and(|storage| large(storage.total_size_gb)),
        Name::InstanceStorageSupported => flag(facts.instance_storage_supported),
        Name::InstanceType => accept(facts.instance_type.as_str()),
        Name::MemorySizeInMib => large(facts.memory_mib),
        Name::EfaSupported => flag(facts.network.efa_supported),
        Name::EnaSupport => text(&facts.network.ena_support),
        Name::Ipv6Supported => flag(facts.network.ipv6_supported),
        Name::MaximumNetworkInterfaces => number(facts.network.maximum_network_interfaces),
        Name::NetworkPerformance => text(&facts.network.network_performance),
        Name::NitroEnclavesSupport => text(&facts.nitro_enclaves_support),
        Name::NitroTpmSupport => text(&facts.nitro_tpm_support),
        Name::NitroTpmSupportedVersions => list(&facts.nitro_tpm_versions),
        Name::SupportedStrategies => list(&facts.placement_group.supported_strategies),
        Name::SupportedArchitecture => list(&facts.processor.supported_architectures),
        Name::SupportedFeatures => list(&facts.processor.supported_features),
        Name::SustainedClockSpeedInGhz => {
            facts.processor.sustained_clock_speed_ghz.is_some_and(|ghz| accept(&ghz.to_string()))
        }
        Name::SupportedBootMode => list(&facts.supported_boot_modes),
        Name::SupportedRootDeviceType => list(&facts.supported_root_device_types),
        Name::SupportedUsageClass => list(&facts.supported_usage_classes),
        Name::SupportedVirtualizationType => list(&facts.supported_virtualization_types),
        Name::DefaultCores => number(facts.cores),
        Name::DefaultThreadsPerCore => number(facts.threads_per_core),
        Name::DefaultVcpus => number(facts.vcpus),
        Name::ValidCores => facts.valid_cores.iter().any(|count| number(Some(*count))),
        Name::ValidThreadsPerCore => facts.valid_threads_per_core.iter().any(|count| number(Some(*count))),
    }
}
