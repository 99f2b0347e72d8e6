//! An instance type as DescribeInstanceTypes describes it, and where it is offered.

use serde::{Deserialize, Serialize};

use crate::ids::InstanceType;

/// One instance type. An absent list or flag is a fact that EC2 did not give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceTypeFacts {
    /// The type's name.
    pub instance_type: InstanceType,
    /// Whether AWS counts it as current generation.
    pub current_generation: Option<bool>,
    /// Whether it is a physical machine.
    pub bare_metal: Option<bool>,
    /// `nitro` or `xen`; absent on bare metal.
    pub hypervisor: Option<String>,
    /// Eligible for the free tier.
    pub free_tier_eligible: Option<bool>,
    /// Of `on-demand`, `spot` and `capacity-block`.
    #[serde(default)]
    pub supported_usage_classes: Vec<String>,
    /// Of `ebs` and `instance-store`.
    #[serde(default)]
    pub supported_root_device_types: Vec<String>,
    /// Of `hvm` and `paravirtual`.
    #[serde(default)]
    pub supported_virtualization_types: Vec<String>,
    /// Of `legacy-bios` and `uefi`; never `uefi-preferred`.
    #[serde(default)]
    pub supported_boot_modes: Vec<String>,
    /// Processor.
    #[serde(default)]
    pub processor: ProcessorFacts,
    /// Default number of vCPUs.
    pub vcpus: Option<i32>,
    /// Default number of cores.
    pub cores: Option<i32>,
    /// Default threads per core.
    pub threads_per_core: Option<i32>,
    /// Numbers of cores that a launch may ask for; empty where there is no choice.
    #[serde(default)]
    pub valid_cores: Vec<i32>,
    /// Threads per core that a launch may ask for.
    #[serde(default)]
    pub valid_threads_per_core: Vec<i32>,
    /// Memory in MiB.
    pub memory_mib: Option<i64>,
    /// Whether instance store volumes exist.
    pub instance_storage_supported: Option<bool>,
    /// The instance store volumes.
    pub instance_storage: Option<InstanceStorageFacts>,
    /// EBS.
    #[serde(default)]
    pub ebs: EbsFacts,
    /// Network.
    #[serde(default)]
    pub network: NetworkFacts,
    /// GPUs.
    #[serde(default)]
    pub gpus: Vec<GpuFacts>,
    /// Other accelerators: Inferentia and Trainium, FPGAs, media accelerators.
    #[serde(default)]
    pub accelerators: Vec<AcceleratorFacts>,
    /// Placement groups.
    #[serde(default)]
    pub placement_group: PlacementGroupFacts,
    /// Whether hibernation is supported; necessary, not sufficient.
    pub hibernation_supported: Option<bool>,
    /// Whether CPU credits exist.
    pub burstable_performance_supported: Option<bool>,
    /// Whether it runs on Dedicated Hosts.
    pub dedicated_hosts_supported: Option<bool>,
    /// Whether simplified automatic recovery works.
    pub auto_recovery_supported: Option<bool>,
    /// `supported` or `unsupported`.
    pub nitro_enclaves_support: Option<String>,
    /// `supported` or `unsupported`.
    pub nitro_tpm_support: Option<String>,
    /// Versions such as `2.0`, where an AMI says `v2.0`.
    #[serde(default)]
    pub nitro_tpm_versions: Vec<String>,
}

/// The processor of an instance type.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ProcessorFacts {
    /// Of `i386`, `x86_64`, `arm64`, `x86_64_mac` and `arm64_mac`.
    #[serde(default)]
    pub supported_architectures: Vec<String>,
    /// Such as `amd-sev-snp`; live data holds names outside the documented ones.
    #[serde(default)]
    pub supported_features: Vec<String>,
    /// `Intel`, `AMD`, `AWS`, `Apple`.
    pub manufacturer: Option<String>,
    /// Sustained clock speed in GHz.
    pub sustained_clock_speed_ghz: Option<f64>,
}

/// The instance store volumes of a type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct InstanceStorageFacts {
    /// Total size in GB.
    pub total_size_gb: Option<i64>,
    /// The disks.
    #[serde(default)]
    pub disks: Vec<DiskFacts>,
    /// `required` means NVMe: all disks are attached whatever the AMI maps.
    pub nvme_support: Option<String>,
    /// `required` or `unsupported`.
    pub encryption_support: Option<String>,
}

/// A group of equal instance store disks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskFacts {
    /// Size of one disk in GB.
    pub size_gb: Option<i64>,
    /// How many.
    pub count: Option<i32>,
    /// `hdd` or `ssd`.
    pub kind: Option<String>,
}

/// What a type can do with EBS.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EbsFacts {
    /// `default`, `supported` or `unsupported`.
    pub ebs_optimized_support: Option<String>,
    /// `supported` or `unsupported`.
    pub encryption_support: Option<String>,
    /// `required`, `supported` or `unsupported`.
    pub nvme_support: Option<String>,
    /// How many volumes can be attached.
    pub maximum_ebs_attachments: Option<i32>,
    /// `shared` (with network interfaces) or `dedicated`.
    pub attachment_limit_type: Option<String>,
    /// How fast it is, on a type that is or can be EBS-optimized.
    #[serde(default)]
    pub optimized: Option<EbsOptimizedFacts>,
}

/// The EBS speed of a type. Small types reach the maximum for 30 minutes a day.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EbsOptimizedFacts {
    /// Bandwidth at all times, in Mbit/s.
    pub baseline_bandwidth_mbps: Option<i32>,
    /// I/O operations a second at all times.
    pub baseline_iops: Option<i32>,
    /// The most bandwidth, in Mbit/s.
    pub maximum_bandwidth_mbps: Option<i32>,
    /// The most I/O operations a second.
    pub maximum_iops: Option<i32>,
}

/// The network of a type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NetworkFacts {
    /// `required`, `supported` or `unsupported`.
    pub ena_support: Option<String>,
    /// Whether EFA exists.
    pub efa_supported: Option<bool>,
    /// Whether IPv6 works.
    pub ipv6_supported: Option<bool>,
    /// How many network interfaces can be attached.
    pub maximum_network_interfaces: Option<i32>,
    /// EC2's words, such as `Up to 10 Gigabit`.
    pub network_performance: Option<String>,
    /// How many network cards there are.
    #[serde(default)]
    pub maximum_network_cards: Option<i32>,
    /// Private IPv4 addresses of one network interface.
    #[serde(default)]
    pub ipv4_addresses_per_interface: Option<i32>,
    /// IPv6 addresses of one network interface.
    #[serde(default)]
    pub ipv6_addresses_per_interface: Option<i32>,
    /// Whether traffic between instances that support it is encrypted.
    #[serde(default)]
    pub encryption_in_transit_supported: Option<bool>,
}

/// A group of equal GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuFacts {
    /// Such as `T4`.
    pub name: Option<String>,
    /// Such as `NVIDIA`.
    pub manufacturer: Option<String>,
    /// How many.
    pub count: Option<i32>,
    /// Memory of one in MiB.
    pub memory_mib: Option<i32>,
}

/// A group of equal accelerators that are not GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceleratorFacts {
    /// `inference`, `neuron`, `fpga` or `media`: the part of EC2's answer it stands in.
    pub kind: String,
    /// Such as `Trainium2`.
    pub name: Option<String>,
    /// Such as `AWS`; EC2 gives none for `neuron`.
    pub manufacturer: Option<String>,
    /// How many.
    pub count: Option<i32>,
    /// Memory of one in MiB.
    pub memory_mib: Option<i32>,
}

/// Placement group strategies of a type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlacementGroupFacts {
    /// Of `cluster`, `partition` and `spread`.
    #[serde(default)]
    pub supported_strategies: Vec<String>,
}

/// One row of DescribeInstanceTypeOfferings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Offering {
    /// The type.
    pub instance_type: InstanceType,
    /// The Region, zone name or zone id, as was asked for.
    pub location: String,
}
