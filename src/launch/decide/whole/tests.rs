//! Each contradiction with its code and field, and what is none.

use super::*;
use crate::launch::decide::tests::{facts, in_subnet, in_zone, spec};
use crate::record::Placement;

fn found(spec: &Spec) -> Vec<String> {
    let findings = contradictions(spec, &facts()).into_iter();
    findings.map(|finding| format!("{} {}", finding.code, finding.field)).collect()
}

fn interface(device_index: u32) -> NetworkInterface {
    NetworkInterface { device_index, ..NetworkInterface::default() }
}

fn at_host(tenancy: Option<&str>) -> Placement {
    Placement { tenancy: tenancy.map(str::to_owned), host_id: Some("h-00000001".to_owned()), ..Placement::default() }
}

#[test]
fn every_contradiction_has_its_code_and_field() {
    let in_1b = NetworkInterface { subnet_id: Some("subnet-00000001".parse().unwrap()), ..interface(0) };
    let reserved = Placement { capacity_reservation_id: Some("cr-00000001".to_owned()), ..Placement::default() };
    let existing = NetworkInterface { network_interface_id: Some("eni-00000001".to_owned()), ..interface(0) };
    let public = NetworkInterface { associate_public_ip_address: Some(true), ..interface(0) };
    let groups = vec!["sg-00000001".parse().unwrap()];
    let tags = |count| (0..count).map(|n| (format!("k{n}"), String::new())).collect();
    let spot = Market::Spot { max_price_usd: None };
    let of = |change: &dyn Fn(&mut Spec)| {
        let mut spec = spec(&["m7i.large"]);
        change(&mut spec);
        found(&spec)
    };
    let nothing: [&str; 0] = [];
    assert_eq!(of(&|s| s.tags = tags(49)), ["TAGS_NOT_ALLOWED spec.tags"]);
    assert_eq!(of(&|s| s.volume_tags = tags(50)), nothing);
    assert_eq!(of(&|s| s.tags = [("AWS:x".to_owned(), String::new())].into()), ["TAGS_NOT_ALLOWED spec.tags"]);
    let with_groups = of(&|s| (s.network_interfaces, s.security_group_ids) = (vec![interface(0)], groups.clone()));
    assert_eq!(with_groups, ["NETWORK_CONFLICT spec.security_group_ids"]);
    let both =
        of(&|s| (s.network_interfaces, s.placements) = (vec![in_1b.clone()], vec![in_subnet("subnet-00000001")]));
    assert_eq!(both, ["NETWORK_CONFLICT spec.placements[0].subnet_id"]);
    let placed =
        of(&|s| (s.network_interfaces, s.placements) = (vec![interface(0)], vec![in_subnet("subnet-00000001")]));
    assert_eq!(placed, nothing, "an interface that names no subnet gets the placement's");
    let elsewhere = of(&|s| (s.network_interfaces, s.placements) = (vec![in_1b.clone()], vec![in_zone("sandbox-1a")]));
    assert_eq!(elsewhere, ["NETWORK_CONFLICT spec.network_interfaces[0].subnet_id"]);
    let twice = of(&|s| (s.network_interfaces, s.max_count) = (vec![existing.clone()], 2));
    assert_eq!(twice, ["NETWORK_CONFLICT spec.network_interfaces[0].network_interface_id"]);
    assert_eq!(of(&|s| s.network_interfaces = vec![public.clone()]), nothing);
    let several = of(&|s| s.network_interfaces = vec![public.clone(), interface(1)]);
    assert_eq!(several, ["NETWORK_CONFLICT spec.network_interfaces[0].associate_public_ip_address"]);
    let same = of(&|s| s.network_interfaces = vec![interface(0), interface(0)]);
    assert_eq!(same, ["NETWORK_CONFLICT spec.network_interfaces[1].device_index"]);
    assert_eq!(of(&|s| s.network_interfaces = vec![interface(1)]), ["NETWORK_CONFLICT spec.network_interfaces"]);
    assert_eq!(of(&|s| s.placements = vec![at_host(None)]), ["HOST_WITHOUT_TENANCY spec.placements[0].tenancy"]);
    assert_eq!(of(&|s| s.placements = vec![at_host(Some("host"))]), nothing);
    let spot_host = of(&|s| (s.market, s.placements) = (spot.clone(), vec![at_host(Some("host")), reserved.clone()]));
    let expected =
        ["SPOT_CONFLICT spec.placements[0].tenancy", "SPOT_CONFLICT spec.placements[1].capacity_reservation_id"];
    assert_eq!(spot_host, expected);
    let block = of(&|s| s.market = Market::CapacityBlock);
    assert_eq!(block, ["CAPACITY_BLOCK_WITHOUT_RESERVATION spec.market.capacity_block"]);
    let half =
        of(&|s| (s.market, s.placements) = (Market::CapacityBlock, vec![reserved.clone(), in_zone("sandbox-1a")]));
    assert_eq!(half, ["CAPACITY_BLOCK_WITHOUT_RESERVATION spec.placements[1].capacity_reservation_id"]);
}
