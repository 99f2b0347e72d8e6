//! The filters of DescribeInstanceTypes: all 56 names of the service model (version 2016-11-15), each
//! with the way to what it looks at in a record.

use crate::sandbox::wire::filter::Table;

/// The way to a fact in a record.
pub(crate) type Path = &'static [&'static str];

/// The filters of DescribeInstanceTypes, each with the way to what it looks at.
pub(crate) const FILTERS: &Table<Path> = &[
    ("auto-recovery-supported", &["AutoRecoverySupported"]),
    ("bare-metal", &["BareMetal"]),
    ("burstable-performance-supported", &["BurstablePerformanceSupported"]),
    ("current-generation", &["CurrentGeneration"]),
    ("dedicated-hosts-supported", &["DedicatedHostsSupported"]),
    ("ebs-info.attachment-limit-type", &["EbsInfo", "AttachmentLimitType"]),
    ("ebs-info.maximum-ebs-attachments", &["EbsInfo", "MaximumEbsAttachments"]),
    (
        "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
        &["EbsInfo", "EbsOptimizedInfo", "BaselineBandwidthInMbps"],
    ),
    ("ebs-info.ebs-optimized-info.baseline-iops", &["EbsInfo", "EbsOptimizedInfo", "BaselineIops"]),
    (
        "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
        &["EbsInfo", "EbsOptimizedInfo", "BaselineThroughputInMBps"],
    ),
    (
        "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
        &["EbsInfo", "EbsOptimizedInfo", "MaximumBandwidthInMbps"],
    ),
    ("ebs-info.ebs-optimized-info.maximum-iops", &["EbsInfo", "EbsOptimizedInfo", "MaximumIops"]),
    (
        "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps",
        &["EbsInfo", "EbsOptimizedInfo", "MaximumThroughputInMBps"],
    ),
    ("ebs-info.ebs-optimized-support", &["EbsInfo", "EbsOptimizedSupport"]),
    ("ebs-info.encryption-support", &["EbsInfo", "EncryptionSupport"]),
    ("ebs-info.nvme-support", &["EbsInfo", "NvmeSupport"]),
    ("free-tier-eligible", &["FreeTierEligible"]),
    ("hibernation-supported", &["HibernationSupported"]),
    ("hypervisor", &["Hypervisor"]),
    ("instance-storage-info.disk.count", &["InstanceStorageInfo", "Disks", "Count"]),
    ("instance-storage-info.disk.size-in-gb", &["InstanceStorageInfo", "Disks", "SizeInGB"]),
    ("instance-storage-info.disk.type", &["InstanceStorageInfo", "Disks", "Type"]),
    ("instance-storage-info.encryption-support", &["InstanceStorageInfo", "EncryptionSupport"]),
    ("instance-storage-info.nvme-support", &["InstanceStorageInfo", "NvmeSupport"]),
    ("instance-storage-info.total-size-in-gb", &["InstanceStorageInfo", "TotalSizeInGB"]),
    ("instance-storage-supported", &["InstanceStorageSupported"]),
    ("instance-type", &["InstanceType"]),
    ("memory-info.size-in-mib", &["MemoryInfo", "SizeInMiB"]),
    ("network-info.bandwidth-weightings", &["NetworkInfo", "BandwidthWeightings"]),
    ("network-info.efa-info.maximum-efa-interfaces", &["NetworkInfo", "EfaInfo", "MaximumEfaInterfaces"]),
    ("network-info.efa-supported", &["NetworkInfo", "EfaSupported"]),
    ("network-info.ena-support", &["NetworkInfo", "EnaSupport"]),
    ("network-info.flexible-ena-queues-support", &["NetworkInfo", "FlexibleEnaQueuesSupport"]),
    ("network-info.encryption-in-transit-supported", &["NetworkInfo", "EncryptionInTransitSupported"]),
    ("network-info.ipv4-addresses-per-interface", &["NetworkInfo", "Ipv4AddressesPerInterface"]),
    ("network-info.ipv6-addresses-per-interface", &["NetworkInfo", "Ipv6AddressesPerInterface"]),
    ("network-info.ipv6-supported", &["NetworkInfo", "Ipv6Supported"]),
    ("network-info.maximum-network-cards", &["NetworkInfo", "MaximumNetworkCards"]),
    ("network-info.maximum-network-interfaces", &["NetworkInfo", "MaximumNetworkInterfaces"]),
    ("network-info.network-performance", &["NetworkInfo", "NetworkPerformance"]),
    ("nitro-enclaves-support", &["NitroEnclavesSupport"]),
    ("nitro-tpm-support", &["NitroTpmSupport"]),
    ("nitro-tpm-info.supported-versions", &["NitroTpmInfo", "SupportedVersions"]),
    ("processor-info.supported-architecture", &["ProcessorInfo", "SupportedArchitectures"]),
    ("processor-info.sustained-clock-speed-in-ghz", &["ProcessorInfo", "SustainedClockSpeedInGhz"]),
    ("processor-info.supported-features", &["ProcessorInfo", "SupportedFeatures"]),
    ("reboot-migration-support", &["RebootMigrationSupport"]),
    ("supported-boot-mode", &["SupportedBootModes"]),
    ("supported-root-device-type", &["SupportedRootDeviceTypes"]),
    ("supported-usage-class", &["SupportedUsageClasses"]),
    ("supported-virtualization-type", &["SupportedVirtualizationTypes"]),
    ("vcpu-info.default-cores", &["VCpuInfo", "DefaultCores"]),
    ("vcpu-info.default-threads-per-core", &["VCpuInfo", "DefaultThreadsPerCore"]),
    ("vcpu-info.default-vcpus", &["VCpuInfo", "DefaultVCpus"]),
    ("vcpu-info.valid-cores", &["VCpuInfo", "ValidCores"]),
    ("vcpu-info.valid-threads-per-core", &["VCpuInfo", "ValidThreadsPerCore"]),
];
