//! The instance types: 1,395 real records, and the facts that launching asks of them.
//!
//! The records are kept as JSON, because their shape is EC2's own and nearly all of it is only
//! passed on. They are the same in every sandbox, so they are read once per process.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::wire::filter::Values;
use super::wire::xml::Xml;

/// One instance type.
#[derive(Debug)]
pub(crate) struct InstanceType {
    name: String,
    record: Value,
}

#[derive(Debug)]
struct Table {
    types: Vec<InstanceType>,
    by_name: HashMap<String, usize>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let types: Vec<InstanceType> = include_str!("../../data/instance-types.jsonl")
        .lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).expect("the embedded records are valid");
            let name = record["InstanceType"].as_str().unwrap_or_default().to_owned();
            InstanceType { name, record }
        })
        .collect();
    let by_name = types.iter().enumerate().map(|(at, found)| (found.name.clone(), at)).collect();
    Table { types, by_name }
});

/// All of them, in the order of paging.
pub(crate) fn all() -> &'static [InstanceType] {
    &TABLE.types
}

/// The type of this name.
pub(crate) fn get(name: &str) -> Option<&'static InstanceType> {
    TABLE.by_name.get(name).map(|at| &TABLE.types[*at])
}

/// Where a type stands in the order of paging.
pub(crate) fn position(name: &str) -> Option<usize> {
    TABLE.by_name.get(name).copied()
}

impl InstanceType {
    /// Its name, such as `m7i.large`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What comes before the point.
    pub(crate) fn family(&self) -> &str {
        self.name.split_once('.').map_or(self.name.as_str(), |(family, _)| family)
    }

    /// `ProcessorInfo.SupportedArchitectures`.
    pub(crate) fn architectures(&self) -> Vec<&str> {
        texts(&self.record["ProcessorInfo"]["SupportedArchitectures"])
    }

    /// `SupportedVirtualizationTypes`.
    pub(crate) fn virtualization_types(&self) -> Vec<&str> {
        texts(&self.record["SupportedVirtualizationTypes"])
    }

    /// `SupportedRootDeviceTypes`.
    pub(crate) fn root_device_types(&self) -> Vec<&str> {
        texts(&self.record["SupportedRootDeviceTypes"])
    }

    /// `SupportedBootModes`.
    pub(crate) fn boot_modes(&self) -> Vec<&str> {
        texts(&self.record["SupportedBootModes"])
    }

    /// `SupportedUsageClasses`.
    pub(crate) fn usage_classes(&self) -> Vec<&str> {
        texts(&self.record["SupportedUsageClasses"])
    }

    /// Whether ENA is `required`.
    pub(crate) fn requires_ena(&self) -> bool {
        self.record["NetworkInfo"]["EnaSupport"] == "required"
    }

    /// Whether it is built on Nitro: virtualized by it, or bare metal, which reports no hypervisor.
    pub(crate) fn is_nitro(&self) -> bool {
        self.record["Hypervisor"] == "nitro" || self.is_bare_metal()
    }

    /// `BareMetal`.
    pub(crate) fn is_bare_metal(&self) -> bool {
        self.record["BareMetal"] == true
    }

    /// Whether it runs macOS, which needs a dedicated host.
    pub(crate) fn is_mac(&self) -> bool {
        self.architectures().iter().any(|architecture| architecture.ends_with("_mac"))
    }

    /// `NitroTpmSupport`.
    pub(crate) fn supports_tpm(&self) -> bool {
        self.record["NitroTpmSupport"] == "supported"
    }

    /// `NitroEnclavesSupport`.
    pub(crate) fn supports_enclaves(&self) -> bool {
        self.record["NitroEnclavesSupport"] == "supported"
    }

    /// `HibernationSupported`.
    pub(crate) fn supports_hibernation(&self) -> bool {
        self.record["HibernationSupported"] == true
    }

    /// `MemoryInfo.SizeInMiB`.
    pub(crate) fn memory_mib(&self) -> u64 {
        self.record["MemoryInfo"]["SizeInMiB"].as_u64().unwrap_or(0)
    }

    /// `VCpuInfo.DefaultCores` and `DefaultThreadsPerCore`.
    pub(crate) fn cores(&self) -> (u64, u64) {
        let vcpu = &self.record["VCpuInfo"];
        (vcpu["DefaultCores"].as_u64().unwrap_or(1), vcpu["DefaultThreadsPerCore"].as_u64().unwrap_or(1))
    }

    /// `EbsInfo.EbsOptimizedSupport` is `default`.
    pub(crate) fn is_ebs_optimized_by_default(&self) -> bool {
        self.record["EbsInfo"]["EbsOptimizedSupport"] == "default"
    }

    /// Writes the record as EC2 does. The wire names are the record's own in lower camel case,
    /// with one exception.
    pub(crate) fn write(&self, xml: &mut Xml) {
        write_members(xml, &self.record);
    }

    /// Pushes what the record holds at `path`, through every list on the way.
    pub(crate) fn values<'a>(&'a self, path: Path, values: &mut Values<'a>) {
        collect(&self.record, path, values);
    }
}

/// The way to a fact in a record.
pub(crate) type Path = &'static [&'static str];

/// The way to what a filter of DescribeInstanceTypes looks at. Facts that the embedded records do
/// not carry (EBS bandwidth and the like) have their filter, which then matches nothing.
pub(crate) fn filter_path(name: &str) -> Option<Path> {
    FILTERS.iter().find(|(known, _)| *known == name).map(|(_, path)| *path)
}

const FILTERS: &[(&str, Path)] = &[
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

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn collect<'a>(value: &'a Value, path: Path, values: &mut Values<'a>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, path, values)),
        Value::Object(members) => {
            if let Some((first, rest)) = path.split_first()
                && let Some(member) = members.get(*first)
            {
                collect(member, rest, values);
            }
        }
        Value::String(text) => values.push(Cow::Borrowed(text)),
        Value::Number(number) => values.push(Cow::Owned(number.to_string())),
        Value::Bool(flag) => values.push(Cow::Borrowed(if *flag { "true" } else { "false" })),
        Value::Null => {}
    }
}

fn write_members(xml: &mut Xml, record: &Value) {
    for (name, value) in record.as_object().into_iter().flatten() {
        write_value(xml, &wire_name(name), value);
    }
}

fn write_value(xml: &mut Xml, name: &str, value: &Value) {
    match value {
        Value::Object(_) => xml.element(name, |xml| write_members(xml, value)),
        Value::Array(items) => xml.element(name, |xml| {
            for item in items {
                write_value(xml, "item", item);
            }
        }),
        Value::String(text) => xml.text(name, text),
        Value::Number(number) => xml.value(name, number),
        Value::Bool(flag) => xml.value(name, flag),
        Value::Null => {}
    }
}

fn wire_name(name: &str) -> String {
    if name == "Workloads" {
        return "workloadSet".to_owned();
    }
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_records_give_the_matrix_of_the_documentation() {
        let count = |has: &dyn Fn(&InstanceType) -> bool| all().iter().filter(|found| has(found)).count();
        assert_eq!(all().len(), 1_395);
        assert_eq!(count(&|t| t.virtualization_types().contains(&"paravirtual")), 19);
        assert_eq!(count(&|t| t.root_device_types().contains(&"instance-store")), 33);
        assert_eq!(count(&InstanceType::requires_ena), 1_321);
        assert_eq!(count(&InstanceType::supports_tpm), 1_116);
        assert_eq!(count(&InstanceType::is_mac), 9);
    }

    #[test]
    fn filters_reach_through_lists() {
        let mut values = Values::new();
        let path = filter_path("processor-info.supported-architecture").unwrap();
        get("t2.micro").unwrap().values(path, &mut values);
        assert_eq!(values, ["i386", "x86_64"]);
    }
}
