//! All 1,395 real instance types, read from the AWS CLI's own form.

use std::sync::LazyLock;

use serde_json::Value;

use crate::ec2::facts::{
    DiskFacts, EbsFacts, GpuFacts, InstanceStorageFacts, InstanceTypeFacts, NetworkFacts, PlacementGroupFacts,
    ProcessorFacts,
};

const TYPES: &str = include_str!("../../../../data/instance-types.jsonl");

/// The facts of every type, read once.
pub(in crate::ami) fn instance_types() -> &'static [InstanceTypeFacts] {
    static READ: LazyLock<Vec<InstanceTypeFacts>> =
        LazyLock::new(|| TYPES.lines().map(|line| facts(&serde_json::from_str(line).unwrap())).collect());
    &READ
}

/// The lines themselves, for an opinion that does not pass through our facts.
pub(super) fn raw_types() -> Vec<Value> {
    TYPES.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(text).collect()
}

fn int(value: &Value) -> Option<i32> {
    value.as_i64().map(|number| i32::try_from(number).unwrap())
}

fn facts(json: &Value) -> InstanceTypeFacts {
    let (ebs, network, processor, cpus) =
        (&json["EbsInfo"], &json["NetworkInfo"], &json["ProcessorInfo"], &json["VCpuInfo"]);
    InstanceTypeFacts {
        instance_type: json["InstanceType"].as_str().unwrap().parse().unwrap(),
        current_generation: json["CurrentGeneration"].as_bool(),
        bare_metal: json["BareMetal"].as_bool(),
        hypervisor: text(&json["Hypervisor"]),
        free_tier_eligible: json["FreeTierEligible"].as_bool(),
        supported_usage_classes: list(&json["SupportedUsageClasses"]),
        supported_root_device_types: list(&json["SupportedRootDeviceTypes"]),
        supported_virtualization_types: list(&json["SupportedVirtualizationTypes"]),
        supported_boot_modes: list(&json["SupportedBootModes"]),
        processor: ProcessorFacts {
            supported_architectures: list(&processor["SupportedArchitectures"]),
            supported_features: list(&processor["SupportedFeatures"]),
            manufacturer: text(&processor["Manufacturer"]),
            sustained_clock_speed_ghz: processor["SustainedClockSpeedInGhz"].as_f64(),
        },
        vcpus: int(&cpus["DefaultVCpus"]),
        cores: int(&cpus["DefaultCores"]),
        threads_per_core: int(&cpus["DefaultThreadsPerCore"]),
        valid_cores: Vec::new(),
        valid_threads_per_core: Vec::new(),
        memory_mib: json["MemoryInfo"]["SizeInMiB"].as_i64(),
        instance_storage_supported: json["InstanceStorageSupported"].as_bool(),
        instance_storage: json.get("InstanceStorageInfo").map(instance_storage),
        ebs: EbsFacts {
            ebs_optimized_support: text(&ebs["EbsOptimizedSupport"]),
            encryption_support: text(&ebs["EncryptionSupport"]),
            nvme_support: text(&ebs["NvmeSupport"]),
            maximum_ebs_attachments: int(&ebs["MaximumEbsAttachments"]),
            attachment_limit_type: text(&ebs["AttachmentLimitType"]),
            optimized: None,
        },
        network: NetworkFacts {
            ena_support: text(&network["EnaSupport"]),
            efa_supported: network["EfaSupported"].as_bool(),
            ipv6_supported: network["Ipv6Supported"].as_bool(),
            maximum_network_interfaces: int(&network["MaximumNetworkInterfaces"]),
            network_performance: text(&network["NetworkPerformance"]),
            ..NetworkFacts::default()
        },
        gpus: json["GpuInfo"]["Gpus"].as_array().into_iter().flatten().map(gpu).collect(),
        accelerators: Vec::new(),
        placement_group: PlacementGroupFacts {
            supported_strategies: list(&json["PlacementGroupInfo"]["SupportedStrategies"]),
        },
        hibernation_supported: json["HibernationSupported"].as_bool(),
        burstable_performance_supported: json["BurstablePerformanceSupported"].as_bool(),
        dedicated_hosts_supported: json["DedicatedHostsSupported"].as_bool(),
        auto_recovery_supported: json["AutoRecoverySupported"].as_bool(),
        nitro_enclaves_support: text(&json["NitroEnclavesSupport"]),
        nitro_tpm_support: text(&json["NitroTpmSupport"]),
        nitro_tpm_versions: list(&json["NitroTpmInfo"]["SupportedVersions"]),
    }
}

fn instance_storage(json: &Value) -> InstanceStorageFacts {
    let disk = |disk: &Value| DiskFacts {
        size_gb: disk["SizeInGB"].as_i64(),
        count: int(&disk["Count"]),
        kind: text(&disk["Type"]),
    };
    InstanceStorageFacts {
        total_size_gb: json["TotalSizeInGB"].as_i64(),
        disks: json["Disks"].as_array().into_iter().flatten().map(disk).collect(),
        nvme_support: text(&json["NvmeSupport"]),
        encryption_support: text(&json["EncryptionSupport"]),
    }
}

fn gpu(json: &Value) -> GpuFacts {
    GpuFacts {
        name: text(&json["Name"]),
        manufacturer: text(&json["Manufacturer"]),
        count: int(&json["Count"]),
        memory_mib: int(&json["MemoryInfo"]["SizeInMiB"]),
    }
}
