//! The instance types: 1,395 real records, and the facts that launching asks of them.
//!
//! The records are kept as JSON, because their shape is EC2's own and nearly all of it is only
//! passed on. They are the same in every sandbox, so they are read once per process.

pub(crate) mod filters;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::wire::filter::{Values, flag, made, text};
use super::wire::xml::Xml;

pub(crate) use filters::{FILTERS, Path};

/// One instance type.
#[derive(Debug)]
pub(crate) struct InstanceType {
    name: String,
    record: Value,
}

#[derive(Debug)]
struct Records {
    types: Vec<InstanceType>,
    by_name: HashMap<String, usize>,
}

static RECORDS: LazyLock<Records> = LazyLock::new(|| {
    let types: Vec<InstanceType> = include_str!("../../data/instance-types.jsonl")
        .lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).expect("the embedded records are valid");
            let name = record["InstanceType"].as_str().unwrap_or_default().to_owned();
            InstanceType { name, record }
        })
        .collect();
    let by_name = types.iter().enumerate().map(|(at, found)| (found.name.clone(), at)).collect();
    Records { types, by_name }
});

/// All of them, in the order of paging.
pub(crate) fn all() -> &'static [InstanceType] {
    &RECORDS.types
}

/// The type of this name.
pub(crate) fn get(name: &str) -> Option<&'static InstanceType> {
    RECORDS.by_name.get(name).map(|at| &RECORDS.types[*at])
}

/// Where a type stands in the order of paging.
pub(crate) fn position(name: &str) -> Option<usize> {
    RECORDS.by_name.get(name).copied()
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

    /// `VCpuInfo.ValidCores` and `ValidThreadsPerCore`; empty where there is no choice.
    pub(crate) fn valid_cores(&self) -> (Vec<u64>, Vec<u64>) {
        let vcpu = &self.record["VCpuInfo"];
        let numbers = |list: &Value| list.as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        (numbers(&vcpu["ValidCores"]), numbers(&vcpu["ValidThreadsPerCore"]))
    }

    /// `VCpuInfo.DefaultVCpus`.
    pub(crate) fn vcpus(&self) -> u64 {
        self.record["VCpuInfo"]["DefaultVCpus"].as_u64().unwrap_or(1)
    }

    /// `BurstablePerformanceSupported`.
    pub(crate) fn is_burstable(&self) -> bool {
        self.record["BurstablePerformanceSupported"] == true
    }

    /// `CurrentGeneration`.
    pub(crate) fn is_current_generation(&self) -> bool {
        self.record["CurrentGeneration"] == true
    }

    /// Whether `ProcessorInfo.SupportedFeatures` lists `feature`.
    pub(crate) fn has_feature(&self, feature: &str) -> bool {
        texts(&self.record["ProcessorInfo"]["SupportedFeatures"]).contains(&feature)
    }

    /// `NetworkInfo.EfaSupported`.
    pub(crate) fn supports_efa(&self) -> bool {
        self.record["NetworkInfo"]["EfaSupported"] == true
    }

    /// `NetworkInfo.MaximumNetworkInterfaces`.
    pub(crate) fn network_interfaces(&self) -> usize {
        let most = self.record["NetworkInfo"]["MaximumNetworkInterfaces"].as_u64();
        most.and_then(|most| usize::try_from(most).ok()).unwrap_or(1)
    }

    /// `NetworkInfo.MaximumNetworkCards`.
    pub(crate) fn network_cards(&self) -> u32 {
        let most = self.record["NetworkInfo"]["MaximumNetworkCards"].as_u64();
        most.and_then(|most| u32::try_from(most).ok()).unwrap_or(1)
    }

    /// `NetworkInfo.BandwidthWeightings`; empty where there is no choice.
    pub(crate) fn bandwidth_weightings(&self) -> Vec<&str> {
        texts(&self.record["NetworkInfo"]["BandwidthWeightings"])
    }

    /// `EbsInfo.MaximumEbsAttachments`, which takes one network interface into account where the
    /// limit is shared with them.
    pub(crate) fn ebs_attachments(&self, interfaces: usize) -> usize {
        let info = &self.record["EbsInfo"];
        let most = info["MaximumEbsAttachments"].as_u64().and_then(|most| usize::try_from(most).ok());
        let shared = if info["AttachmentLimitType"] == "shared" { interfaces.saturating_sub(1) } else { 0 };
        most.unwrap_or(usize::MAX).saturating_sub(shared)
    }

    /// `EbsInfo.EbsOptimizedSupport` is `default`.
    pub(crate) fn is_ebs_optimized_by_default(&self) -> bool {
        self.record["EbsInfo"]["EbsOptimizedSupport"] == "default"
    }

    /// Writes the record as EC2 does. The wire names are the record's own in lower camel case,
    /// with one exception.
    pub(crate) fn write(&self, xml: &mut Xml) {
        write_members(xml, "", &self.record);
    }

    /// Pushes what the record holds at `path`, through every list on the way.
    pub(crate) fn values<'a>(&'a self, path: Path, values: &mut Values<'a>) {
        collect(&self.record, path, values);
    }
}

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
        Value::String(words) => text(values, words),
        Value::Number(number) => made(values, number),
        Value::Bool(on) => flag(values, *on),
        Value::Null => {}
    }
}

/// Writes the members of the structure called `of`.
fn write_members(xml: &mut Xml, of: &str, record: &Value) {
    for (name, value) in record.as_object().into_iter().flatten() {
        match (of, value) {
            // The one list of the model whose items have another name than all others.
            ("inferenceAcceleratorInfo", Value::Array(items)) => write_list(xml, &wire_name(name), "member", items),
            _ => write_value(xml, &wire_name(name), value),
        }
    }
}

fn write_value(xml: &mut Xml, name: &str, value: &Value) {
    match value {
        Value::Object(_) => xml.element(name, |xml| write_members(xml, name, value)),
        Value::Array(items) => write_list(xml, name, "item", items),
        Value::String(text) => xml.text(name, text),
        Value::Number(number) => xml.value(name, number),
        Value::Bool(flag) => xml.value(name, flag),
        Value::Null => {}
    }
}

fn write_list(xml: &mut Xml, name: &str, item: &str, items: &[Value]) {
    xml.element(name, |xml| {
        for value in items {
            write_value(xml, item, value);
        }
    });
}

/// The record's name in lower camel case; the model has its own names for three lists.
fn wire_name(name: &str) -> String {
    match name {
        "EbsCards" => "ebsCardSet".to_owned(),
        "InterfaceTypes" => "interfaceTypeSet".to_owned(),
        "Workloads" => "workloadSet".to_owned(),
        _ => {
            let mut chars = name.chars();
            chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
        }
    }
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
        get("t2.micro").unwrap().values(&["ProcessorInfo", "SupportedArchitectures"], &mut values);
        assert_eq!(values, ["i386", "x86_64"]);
    }
}
