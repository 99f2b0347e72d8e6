//! Instance types and where they are offered.

use aws_sdk_ec2::types as sdk;

use super::{word, words};
use crate::ec2::facts::{
    AcceleratorFacts, DiskFacts, EbsFacts, EbsOptimizedFacts, GpuFacts, InstanceStorageFacts, InstanceTypeFacts,
    NetworkFacts, Offering, PlacementGroupFacts, ProcessorFacts,
};

/// The type, or none if its name is not one.
pub(in crate::ec2) fn instance_type(from: sdk::InstanceTypeInfo) -> Option<InstanceTypeFacts> {
    let accelerators = accelerators(&from);
    let cpu = from.v_cpu_info;
    let cpu = cpu.as_ref();
    Some(InstanceTypeFacts {
        instance_type: from.instance_type?.as_str().parse().ok()?,
        current_generation: from.current_generation,
        bare_metal: from.bare_metal,
        hypervisor: word(from.hypervisor),
        free_tier_eligible: from.free_tier_eligible,
        supported_usage_classes: words(from.supported_usage_classes),
        supported_root_device_types: words(from.supported_root_device_types),
        supported_virtualization_types: words(from.supported_virtualization_types),
        supported_boot_modes: words(from.supported_boot_modes),
        processor: from.processor_info.map(processor).unwrap_or_default(),
        vcpus: cpu.and_then(|cpu| cpu.default_v_cpus),
        cores: cpu.and_then(|cpu| cpu.default_cores),
        threads_per_core: cpu.and_then(|cpu| cpu.default_threads_per_core),
        valid_cores: cpu.and_then(|cpu| cpu.valid_cores.clone()).unwrap_or_default(),
        valid_threads_per_core: cpu.and_then(|cpu| cpu.valid_threads_per_core.clone()).unwrap_or_default(),
        memory_mib: from.memory_info.and_then(|memory| memory.size_in_mib),
        instance_storage_supported: from.instance_storage_supported,
        instance_storage: from.instance_storage_info.map(instance_storage),
        ebs: from.ebs_info.map(ebs).unwrap_or_default(),
        network: from.network_info.map(network).unwrap_or_default(),
        gpus: from.gpu_info.and_then(|gpu| gpu.gpus).unwrap_or_default().into_iter().map(gpu).collect(),
        accelerators,
        placement_group: PlacementGroupFacts {
            supported_strategies: words(from.placement_group_info.and_then(|info| info.supported_strategies)),
        },
        hibernation_supported: from.hibernation_supported,
        burstable_performance_supported: from.burstable_performance_supported,
        dedicated_hosts_supported: from.dedicated_hosts_supported,
        auto_recovery_supported: from.auto_recovery_supported,
        nitro_enclaves_support: word(from.nitro_enclaves_support),
        nitro_tpm_support: word(from.nitro_tpm_support),
        nitro_tpm_versions: from.nitro_tpm_info.and_then(|info| info.supported_versions).unwrap_or_default(),
    })
}

fn processor(from: sdk::ProcessorInfo) -> ProcessorFacts {
    ProcessorFacts {
        supported_architectures: words(from.supported_architectures),
        supported_features: words(from.supported_features),
        manufacturer: from.manufacturer,
        sustained_clock_speed_ghz: from.sustained_clock_speed_in_ghz,
    }
}

fn instance_storage(from: sdk::InstanceStorageInfo) -> InstanceStorageFacts {
    let disk = |disk: sdk::DiskInfo| DiskFacts { size_gb: disk.size_in_gb, count: disk.count, kind: word(disk.r#type) };
    InstanceStorageFacts {
        total_size_gb: from.total_size_in_gb,
        disks: from.disks.unwrap_or_default().into_iter().map(disk).collect(),
        nvme_support: word(from.nvme_support),
        encryption_support: word(from.encryption_support),
    }
}

fn ebs(from: sdk::EbsInfo) -> EbsFacts {
    EbsFacts {
        ebs_optimized_support: word(from.ebs_optimized_support),
        encryption_support: word(from.encryption_support),
        nvme_support: word(from.nvme_support),
        maximum_ebs_attachments: from.maximum_ebs_attachments,
        attachment_limit_type: word(from.attachment_limit_type),
        optimized: from.ebs_optimized_info.map(|info| EbsOptimizedFacts {
            baseline_bandwidth_mbps: info.baseline_bandwidth_in_mbps,
            baseline_iops: info.baseline_iops,
            maximum_bandwidth_mbps: info.maximum_bandwidth_in_mbps,
            maximum_iops: info.maximum_iops,
        }),
    }
}

fn network(from: sdk::NetworkInfo) -> NetworkFacts {
    NetworkFacts {
        ena_support: word(from.ena_support),
        efa_supported: from.efa_supported,
        ipv6_supported: from.ipv6_supported,
        maximum_network_interfaces: from.maximum_network_interfaces,
        network_performance: from.network_performance,
        maximum_network_cards: from.maximum_network_cards,
        ipv4_addresses_per_interface: from.ipv4_addresses_per_interface,
        ipv6_addresses_per_interface: from.ipv6_addresses_per_interface,
        encryption_in_transit_supported: from.encryption_in_transit_supported,
    }
}

fn gpu(from: sdk::GpuDeviceInfo) -> GpuFacts {
    GpuFacts {
        name: from.name,
        manufacturer: from.manufacturer,
        count: from.count,
        memory_mib: from.memory_info.and_then(|memory| memory.size_in_mib),
    }
}

/// EC2 describes each kind in a shape of its own, with the same members.
fn accelerators(from: &sdk::InstanceTypeInfo) -> Vec<AcceleratorFacts> {
    macro_rules! devices {
        ($kind:literal, $devices:expr, $manufacturer:expr) => {
            $devices.into_iter().flatten().map(|device| AcceleratorFacts {
                kind: $kind.to_owned(),
                name: device.name.clone(),
                manufacturer: $manufacturer(device),
                count: device.count,
                memory_mib: device.memory_info.as_ref().and_then(|memory| memory.size_in_mib),
            })
        };
    }
    let inference = from.inference_accelerator_info.as_ref().and_then(|info| info.accelerators.as_ref());
    let neuron = from.neuron_info.as_ref().and_then(|info| info.neuron_devices.as_ref());
    let fpga = from.fpga_info.as_ref().and_then(|info| info.fpgas.as_ref());
    let media = from.media_accelerator_info.as_ref().and_then(|info| info.accelerators.as_ref());
    devices!("inference", inference, |device: &sdk::InferenceDeviceInfo| device.manufacturer.clone())
        .chain(devices!("neuron", neuron, |_: &sdk::NeuronDeviceInfo| None))
        .chain(devices!("fpga", fpga, |device: &sdk::FpgaDeviceInfo| device.manufacturer.clone()))
        .chain(devices!("media", media, |device: &sdk::MediaDeviceInfo| device.manufacturer.clone()))
        .collect()
}

/// One offering, or none if it names no type or no place.
pub(in crate::ec2) fn offering(from: sdk::InstanceTypeOffering) -> Option<Offering> {
    Some(Offering { instance_type: from.instance_type?.as_str().parse().ok()?, location: from.location? })
}
