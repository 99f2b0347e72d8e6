//! Options against types: passes, fails, unknown.

use super::*;
use crate::launch::decide::tests::{image, instance_type, spec};
use crate::record::{BlockDeviceSpec, EbsSpec, NetworkInterface};

fn found(spec: &Spec, change: impl FnOnce(&mut InstanceTypeFacts)) -> Vec<(Outcome, String)> {
    let mut type_facts = instance_type("m7i.large", "x86_64");
    change(&mut type_facts);
    let launched = crate::launch::decide::volumes::launched(spec, &image());
    let findings = about_type(spec, &launched, &type_facts).into_iter();
    findings.map(|finding| (finding.outcome, format!("{} {}", finding.code, finding.observed))).collect()
}

#[test]
fn options_are_judged_by_what_the_type_has() {
    use Outcome::{Fail, Unknown, Warn};
    type Row = (fn(&mut Spec), fn(&mut InstanceTypeFacts), Option<(Outcome, &'static str)>);
    #[rustfmt::skip]
    let table: Vec<Row> = vec![
        (|_| {}, |_| {}, None),
        (|s| s.cpu_options.core_count = Some(1), |_| {}, None),
        (|s| s.cpu_options.core_count = Some(3), |_| {}, Some((Unknown, "CPU_OPTIONS_NOT_SUPPORTED 3"))),
        (|s| s.cpu_options.core_count = Some(3), |t| t.valid_cores = vec![1, 2], Some((Fail, "CPU_OPTIONS_NOT_SUPPORTED 3"))),
        (|s| s.cpu_options.threads_per_core = Some(1), |t| t.valid_threads_per_core = vec![1, 2], None),
        (|s| s.cpu_options.threads_per_core = Some(1), |t| t.valid_threads_per_core = vec![2], Some((Fail, "CPU_OPTIONS_NOT_SUPPORTED 1"))),
        (|s| s.cpu_options.amd_sev_snp = Some(true), |_| {}, Some((Fail, "CPU_OPTIONS_NOT_SUPPORTED true"))),
        (|s| s.cpu_options.amd_sev_snp = Some(true), |t| t.processor.supported_features = vec!["amd-sev-snp".to_owned()], None),
        (|s| s.cpu_options.nested_virtualization = Some(true), |_| {}, Some((Fail, "CPU_OPTIONS_NOT_SUPPORTED true"))),
        (|s| s.cpu_options.nested_virtualization = Some(false), |_| {}, None),
        (|s| s.cpu_credits = Some("unlimited".to_owned()), |_| {}, Some((Fail, "CPU_CREDITS_NOT_SUPPORTED unlimited"))),
        (|s| s.cpu_credits = Some("standard".to_owned()), |_| {}, Some((Warn, "CPU_CREDITS_NOT_SUPPORTED standard"))),
        (|s| s.cpu_credits = Some("unlimited".to_owned()), |t| t.burstable_performance_supported = Some(true), None),
        (|s| s.cpu_credits = Some("unlimited".to_owned()), |t| t.burstable_performance_supported = None, Some((Unknown, "CPU_CREDITS_NOT_SUPPORTED unlimited"))),
        (|s| s.network_interfaces = vec![NetworkInterface::default(); 3], |t| t.network.maximum_network_interfaces = Some(3), None),
        (|s| s.network_interfaces = vec![NetworkInterface::default(); 3], |t| t.network.maximum_network_interfaces = Some(2), Some((Fail, "NETWORK_INTERFACE_LIMIT 3"))),
        (|s| s.network_interfaces = vec![NetworkInterface::default(); 3], |_| {}, Some((Unknown, "NETWORK_INTERFACE_LIMIT 3"))),
        (|s| s.hibernation = true, |_| {}, None),
        (|s| s.hibernation = true, |t| t.memory_mib = Some(9 * 1024), Some((Fail, "HIBERNATION_VOLUME_REFUSED 8 GiB"))),
        (|s| (s.hibernation, s.block_device_mappings) = (true, vec![root("gp3", 20)]), |t| t.memory_mib = Some(16 * 1024), None),
        (|s| (s.hibernation, s.block_device_mappings) = (true, vec![root("standard", 20)]), |_| {}, Some((Fail, "HIBERNATION_VOLUME_REFUSED standard"))),
    ];
    for (ask, know, expected) in table {
        let mut spec = spec(&["m7i.large"]);
        ask(&mut spec);
        let expected: Vec<_> = expected.into_iter().map(|(outcome, text)| (outcome, text.to_owned())).collect();
        assert_eq!(found(&spec, know), expected, "{spec:?}");
    }
}

fn root(volume_type: &str, size_gib: u32) -> BlockDeviceSpec {
    let ebs =
        EbsSpec { volume_size_gib: Some(size_gib), volume_type: Some(volume_type.to_owned()), ..EbsSpec::default() };
    BlockDeviceSpec { device_name: "/dev/xvda".to_owned(), virtual_name: None, no_device: false, ebs: Some(ebs) }
}

#[test]
fn sev_snp_needs_uefi() {
    let mut spec = spec(&["m7i.large"]);
    spec.cpu_options.amd_sev_snp = Some(true);
    let mut type_facts = instance_type("m7i.large", "x86_64");
    type_facts.processor.supported_features = vec!["amd-sev-snp".to_owned()];
    let legacy = Image { boot_mode: None, ..image() };
    let findings = about_type(&spec, &legacy, &type_facts);
    assert_eq!((findings.len(), findings[0].field.as_str()), (1, "image.boot_mode"));
}
