//! Instance types, on their way out.

use crate::ami::compatibility::Offerings;
use crate::api::pb;
use crate::ec2::facts::{
    AcceleratorFacts, DiskFacts, EbsFacts, EbsOptimizedFacts, GpuFacts, InstanceStorageFacts, InstanceTypeFacts,
    NetworkFacts, PlacementGroupFacts, ProcessorFacts,
};
use crate::ids::{AccountId, InstanceType, Region};

/// A type as EC2 describes it to an account in a Region, and where it is offered, as far as that is
/// known.
pub fn instance_type(
    facts: &InstanceTypeFacts,
    offerings: Option<&Offerings>,
    region: &Region,
    account_id: &AccountId,
) -> pb::InstanceType {
    let InstanceTypeFacts {
        instance_type,
        current_generation,
        bare_metal,
        hypervisor,
        free_tier_eligible,
        supported_usage_classes,
        supported_root_device_types,
        supported_virtualization_types,
        supported_boot_modes,
        processor,
        vcpus,
        cores,
        threads_per_core,
        valid_cores,
        valid_threads_per_core,
        memory_mib,
        instance_storage_supported,
        instance_storage,
        ebs,
        network,
        gpus,
        accelerators,
        placement_group: PlacementGroupFacts { supported_strategies },
        hibernation_supported,
        burstable_performance_supported,
        dedicated_hosts_supported,
        auto_recovery_supported,
        nitro_enclaves_support,
        nitro_tpm_support,
        nitro_tpm_versions,
    } = facts;
    pb::InstanceType {
        instance_type: instance_type.to_string(),
        region: region.to_string(),
        account_id: account_id.to_string(),
        current_generation: *current_generation,
        bare_metal: *bare_metal,
        hypervisor: hypervisor.clone(),
        free_tier_eligible: *free_tier_eligible,
        supported_usage_classes: supported_usage_classes.clone(),
        supported_root_device_types: supported_root_device_types.clone(),
        supported_virtualization_types: supported_virtualization_types.clone(),
        supported_boot_modes: supported_boot_modes.clone(),
        processor: Some(processor.into()),
        vcpus: *vcpus,
        cores: *cores,
        threads_per_core: *threads_per_core,
        valid_cores: valid_cores.clone(),
        valid_threads_per_core: valid_threads_per_core.clone(),
        memory_mib: *memory_mib,
        instance_storage_supported: *instance_storage_supported,
        instance_storage: instance_storage.as_ref().map(Into::into),
        ebs: Some(ebs.into()),
        network: Some(network.into()),
        gpus: gpus.iter().map(Into::into).collect(),
        accelerators: accelerators.iter().map(Into::into).collect(),
        availability_zones: zones(offerings, instance_type),
        supported_placement_group_strategies: supported_strategies.clone(),
        hibernation_supported: *hibernation_supported,
        burstable_performance_supported: *burstable_performance_supported,
        dedicated_hosts_supported: *dedicated_hosts_supported,
        auto_recovery_supported: *auto_recovery_supported,
        nitro_enclaves_support: nitro_enclaves_support.clone(),
        nitro_tpm_support: nitro_tpm_support.clone(),
        nitro_tpm_versions: nitro_tpm_versions.clone(),
    }
}

/// The zones that offer a type, by name; empty where that is not known.
pub fn zones(offerings: Option<&Offerings>, instance_type: &InstanceType) -> Vec<String> {
    offerings.into_iter().flat_map(|offerings| offerings.zones_of(instance_type)).map(str::to_owned).collect()
}

impl From<&ProcessorFacts> for pb::ProcessorFacts {
    fn from(facts: &ProcessorFacts) -> Self {
        let ProcessorFacts { supported_architectures, supported_features, manufacturer, sustained_clock_speed_ghz } =
            facts;
        Self {
            supported_architectures: supported_architectures.clone(),
            supported_features: supported_features.clone(),
            manufacturer: manufacturer.clone(),
            sustained_clock_speed_ghz: *sustained_clock_speed_ghz,
        }
    }
}

impl From<&InstanceStorageFacts> for pb::InstanceStorageFacts {
    fn from(facts: &InstanceStorageFacts) -> Self {
        let InstanceStorageFacts { total_size_gb, disks, nvme_support, encryption_support } = facts;
        Self {
            total_size_gb: *total_size_gb,
            disks: disks.iter().map(Into::into).collect(),
            nvme_support: nvme_support.clone(),
            encryption_support: encryption_support.clone(),
        }
    }
}

impl From<&DiskFacts> for pb::DiskFacts {
    fn from(facts: &DiskFacts) -> Self {
        let DiskFacts { size_gb, count, kind } = facts;
        Self { size_gb: *size_gb, count: *count, disk_type: kind.clone() }
    }
}

impl From<&EbsFacts> for pb::EbsFacts {
    fn from(facts: &EbsFacts) -> Self {
        let EbsFacts {
            ebs_optimized_support,
            encryption_support,
            nvme_support,
            maximum_ebs_attachments,
            attachment_limit_type,
            optimized,
        } = facts;
        Self {
            ebs_optimized_support: ebs_optimized_support.clone(),
            encryption_support: encryption_support.clone(),
            nvme_support: nvme_support.clone(),
            maximum_ebs_attachments: *maximum_ebs_attachments,
            attachment_limit_type: attachment_limit_type.clone(),
            optimized: optimized.as_ref().map(Into::into),
        }
    }
}

impl From<&EbsOptimizedFacts> for pb::EbsOptimizedFacts {
    fn from(facts: &EbsOptimizedFacts) -> Self {
        let &EbsOptimizedFacts { baseline_bandwidth_mbps, baseline_iops, maximum_bandwidth_mbps, maximum_iops } = facts;
        Self { baseline_bandwidth_mbps, baseline_iops, maximum_bandwidth_mbps, maximum_iops }
    }
}

impl From<&NetworkFacts> for pb::NetworkFacts {
    fn from(facts: &NetworkFacts) -> Self {
        let NetworkFacts {
            ena_support,
            efa_supported,
            ipv6_supported,
            maximum_network_interfaces,
            network_performance,
            maximum_network_cards,
            ipv4_addresses_per_interface,
            ipv6_addresses_per_interface,
            encryption_in_transit_supported,
        } = facts;
        Self {
            ena_support: ena_support.clone(),
            efa_supported: *efa_supported,
            ipv6_supported: *ipv6_supported,
            maximum_network_interfaces: *maximum_network_interfaces,
            network_performance: network_performance.clone(),
            maximum_network_cards: *maximum_network_cards,
            ipv4_addresses_per_interface: *ipv4_addresses_per_interface,
            ipv6_addresses_per_interface: *ipv6_addresses_per_interface,
            encryption_in_transit_supported: *encryption_in_transit_supported,
        }
    }
}

impl From<&GpuFacts> for pb::GpuFacts {
    fn from(facts: &GpuFacts) -> Self {
        let GpuFacts { name, manufacturer, count, memory_mib } = facts;
        Self { name: name.clone(), manufacturer: manufacturer.clone(), count: *count, memory_mib: *memory_mib }
    }
}

impl From<&AcceleratorFacts> for pb::AcceleratorFacts {
    fn from(facts: &AcceleratorFacts) -> Self {
        let AcceleratorFacts { kind, name, manufacturer, count, memory_mib } = facts;
        Self {
            kind: kind.clone(),
            name: name.clone(),
            manufacturer: manufacturer.clone(),
            count: *count,
            memory_mib: *memory_mib,
        }
    }
}
