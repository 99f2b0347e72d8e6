//! Network interfaces of a launch template.

use aws_sdk_ec2::types as sdk;

use super::rest::Rest;
use super::text;
use crate::ec2::run::RunNetworkInterface;

pub(super) fn list(
    from: Option<Vec<sdk::LaunchTemplateInstanceNetworkInterfaceSpecification>>,
    rest: &mut Rest,
) -> Vec<RunNetworkInterface> {
    let interfaces = from.unwrap_or_default().into_iter().enumerate();
    interfaces.map(|(index, from)| interface(&format!("network_interfaces[{index}]"), from, rest)).collect()
}

fn interface(
    place: &str,
    mut from: sdk::LaunchTemplateInstanceNetworkInterfaceSpecification,
    rest: &mut Rest,
) -> RunNetworkInterface {
    let field = |name: &str| format!("{place}.{name}");
    let interface = RunNetworkInterface {
        device_index: rest.count(&field("device_index"), from.device_index.take()).unwrap_or_default(),
        network_interface_id: text(from.network_interface_id.take()),
        subnet_id: rest.id(&field("subnet_id"), text(from.subnet_id.take())),
        security_group_ids: rest.ids(&field("groups"), from.groups.take()),
        associate_public_ip_address: from.associate_public_ip_address.take(),
        delete_on_termination: from.delete_on_termination.take(),
    };
    rest.flag(&field("associate_carrier_ip_address"), from.associate_carrier_ip_address.take());
    rest.text(&field("description"), from.description.take());
    rest.unless(&field("interface_type"), from.interface_type.take(), "interface");
    rest.number(&field("network_card_index"), from.network_card_index.take());
    rest.number(&field("ipv6_address_count"), from.ipv6_address_count.take());
    rest.list(&field("ipv6_addresses"), from.ipv6_addresses.take());
    rest.text(&field("private_ip_address"), from.private_ip_address.take());
    rest.list(&field("private_ip_addresses"), from.private_ip_addresses.take());
    rest.number(&field("secondary_private_ip_address_count"), from.secondary_private_ip_address_count.take());
    rest.list(&field("ipv4_prefixes"), from.ipv4_prefixes.take());
    rest.number(&field("ipv4_prefix_count"), from.ipv4_prefix_count.take());
    rest.list(&field("ipv6_prefixes"), from.ipv6_prefixes.take());
    rest.number(&field("ipv6_prefix_count"), from.ipv6_prefix_count.take());
    rest.flag(&field("primary_ipv6"), from.primary_ipv6.take());
    rest.number(&field("ena_queue_count"), from.ena_queue_count.take());
    if from.ena_srd_specification.take().is_some() {
        rest.note(&field("ena_srd_specification"), "given");
    }
    if from.connection_tracking_specification.take().is_some() {
        rest.note(&field("connection_tracking_specification"), "given");
    }
    let empty = sdk::LaunchTemplateInstanceNetworkInterfaceSpecification::builder().build();
    rest.nothing_left(place, &from, &empty);
    interface
}
