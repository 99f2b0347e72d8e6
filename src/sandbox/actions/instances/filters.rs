//! The filters of DescribeInstances. Nothing passes those on facts that no instance here has
//! (Outposts, IPv6, capacity reservations, hosts, Elastic IPs).

use std::borrow::Cow;

use super::answer::{PROFILE_ID, View};
use super::interface::{DEFAULT_GROUP, IP_OWNER, Interface};
use crate::sandbox::cloud::Volume;
use crate::sandbox::wire::filter::{Table, Values, flag, made, maybe, text};
use crate::sandbox::wire::time::seconds;

/// Pushes the values of one filter.
pub(crate) type Fact = for<'a> fn(&View<'a>, &mut Values<'a>);

/// Every filter.
pub(crate) const FILTERS: &Table<Fact> = &[
    ("affinity", |_, _| {}),
    ("architecture", |i, v| text(v, &i.instance.launch.architecture)),
    ("availability-zone", |i, v| text(v, &i.instance.zone)),
    ("availability-zone-id", |i, v| maybe(v, i.zone.map(|zone| zone.id.as_str()))),
    ("block-device-mapping.attach-time", |i, v| volumes(i, |_| made(v, seconds(i.instance.launched)))),
    ("block-device-mapping.delete-on-termination", |i, v| volumes(i, |volume| flag(v, volume.delete_on_termination))),
    ("block-device-mapping.device-name", |i, v| volumes(i, |volume| text(v, &volume.device))),
    ("block-device-mapping.status", |i, v| volumes(i, |_| text(v, i.attachment_status()))),
    ("block-device-mapping.volume-id", |i, v| volumes(i, |volume| text(v, &volume.id))),
    ("boot-mode", |i, v| maybe(v, i.instance.launch.boot_mode.as_deref())),
    ("capacity-reservation-id", |_, _| {}),
    ("capacity-reservation-specification.capacity-reservation-preference", |i, v| {
        text(v, i.instance.launch.options.capacity_reservations.as_deref().unwrap_or("open"));
    }),
    ("capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id", |_, _| {}),
    (
        "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
        |_, _| {},
    ),
    ("client-token", |i, v| maybe(v, i.instance.launch.client_token.as_deref())),
    ("current-instance-boot-mode", |i, v| maybe(v, i.instance.launch.current_boot_mode.as_deref())),
    ("dns-name", |i, v| v.extend(i.public_name().map(Cow::Owned))),
    ("ebs-optimized", |i, v| flag(v, i.instance.launch.ebs_optimized)),
    ("ena-support", |i, v| flag(v, i.instance.launch.ena)),
    ("enclave-options.enabled", |i, v| flag(v, i.instance.launch.enclave)),
    ("hibernation-options.configured", |i, v| flag(v, i.instance.launch.hibernation)),
    ("host-id", |_, _| {}),
    ("hypervisor", |_, v| text(v, "xen")),
    ("iam-instance-profile.arn", |i, v| maybe(v, i.instance.launch.iam_profile.as_deref())),
    ("iam-instance-profile.id", |i, v| maybe(v, i.instance.launch.iam_profile.as_ref().map(|_| PROFILE_ID))),
    ("iam-instance-profile.name", |i, v| {
        maybe(v, i.instance.launch.iam_profile.as_deref().and_then(|arn| arn.rsplit('/').next()));
    }),
    ("image-id", |i, v| text(v, &i.instance.launch.image_id)),
    ("instance-id", |i, v| text(v, &i.instance.id)),
    ("instance-lifecycle", |i, v| maybe(v, i.instance.launch.spot.then_some("spot"))),
    ("instance-state-code", |i, v| made(v, i.standing.state.code())),
    ("instance-state-name", |i, v| text(v, i.standing.state.as_str())),
    ("instance-type", |i, v| text(v, &i.instance.launch.instance_type)),
    ("instance.group-id", groups),
    ("instance.group-name", group_names),
    ("ip-address", |i, v| v.extend(i.public_address().map(Cow::Owned))),
    ("ipv6-address", |_, _| {}),
    ("kernel-id", |i, v| maybe(v, i.instance.launch.kernel.as_deref())),
    ("key-name", |i, v| maybe(v, i.instance.launch.key_name.as_deref())),
    ("launch-index", |i, v| made(v, i.instance.launch_index)),
    ("launch-time", |i, v| made(v, seconds(i.standing.booted))),
    ("maintenance-options.auto-recovery", |i, v| {
        text(v, i.instance.launch.options.auto_recovery.as_deref().unwrap_or("default"));
    }),
    ("metadata-options.http-endpoint", |i, v| text(v, &i.instance.launch.metadata.http_endpoint)),
    ("metadata-options.http-protocol-ipv4", |_, v| text(v, "enabled")),
    ("metadata-options.http-protocol-ipv6", |i, v| text(v, &i.instance.launch.metadata.http_protocol_ipv6)),
    ("metadata-options.http-put-response-hop-limit", |i, v| {
        made(v, i.instance.launch.metadata.hop_limit);
    }),
    ("metadata-options.http-tokens", |i, v| text(v, &i.instance.launch.metadata.http_tokens)),
    ("metadata-options.instance-metadata-tags", |i, v| {
        text(v, &i.instance.launch.metadata.instance_metadata_tags);
    }),
    ("metadata-options.state", |i, v| text(v, i.metadata_state())),
    ("monitoring-state", |i, v| text(v, if i.instance.launch.monitoring { "enabled" } else { "disabled" })),
    ("network-interface.addresses.association.allocation-id", |_, _| {}),
    ("network-interface.addresses.association.association-id", |_, _| {}),
    ("network-interface.addresses.association.carrier-ip", |_, _| {}),
    ("network-interface.addresses.association.customer-owned-ip", |_, _| {}),
    ("network-interface.addresses.association.ip-owner-id", ip_owner),
    ("network-interface.addresses.association.public-dns-name", public_name),
    ("network-interface.addresses.association.public-ip", public_address),
    ("network-interface.addresses.primary", |i, v| addresses(i, |_| flag(v, true))),
    ("network-interface.addresses.private-dns-name", |i, v| addresses(i, |address| made(v, i.name_of(address)))),
    ("network-interface.addresses.private-ip-address", |i, v| addresses(i, |address| made(v, address))),
    ("network-interface.association.allocation-id", |_, _| {}),
    ("network-interface.association.association-id", |_, _| {}),
    ("network-interface.association.carrier-ip", |_, _| {}),
    ("network-interface.association.customer-owned-ip", |_, _| {}),
    ("network-interface.association.ip-owner-id", ip_owner),
    ("network-interface.association.public-dns-name", public_name),
    ("network-interface.association.public-ip", public_address),
    ("network-interface.attachment.attach-time", |i, v| interfaces(i, |_| made(v, seconds(i.instance.launched)))),
    ("network-interface.attachment.attachment-id", |i, v| interfaces(i, |found| made(v, found.attachment_id()))),
    ("network-interface.attachment.delete-on-termination", |i, v| {
        interfaces(i, |found| flag(v, found.delete_on_termination));
    }),
    ("network-interface.attachment.device-index", |i, v| interfaces(i, |found| made(v, found.device_index))),
    ("network-interface.attachment.instance-id", |i, v| interfaces(i, |_| text(v, &i.instance.id))),
    ("network-interface.attachment.instance-owner-id", |i, v| {
        interfaces(i, |_| text(v, i.network.account_id.as_str()))
    }),
    ("network-interface.attachment.network-card-index", |i, v| interfaces(i, |found| made(v, found.network_card))),
    ("network-interface.attachment.status", |i, v| interfaces(i, |_| text(v, i.attachment_status()))),
    ("network-interface.availability-zone", |i, v| interfaces(i, |_| text(v, &i.instance.zone))),
    ("network-interface.deny-all-igw-traffic", |_, _| {}),
    ("network-interface.description", |i, v| interfaces(i, |found| filled(v, found.description))),
    ("network-interface.group-id", |i, v| interfaces(i, |found| found.groups.iter().for_each(|group| text(v, group)))),
    ("network-interface.group-name", |i, v| interfaces(i, |_| text(v, DEFAULT_GROUP))),
    ("network-interface.ipv4-prefixes.ipv4-prefix", |_, _| {}),
    ("network-interface.ipv6-address", |_, _| {}),
    ("network-interface.ipv6-addresses.ipv6-address", |_, _| {}),
    ("network-interface.ipv6-addresses.is-primary-ipv6", |_, _| {}),
    ("network-interface.ipv6-native", |_, _| {}),
    ("network-interface.ipv6-prefixes.ipv6-prefix", |_, _| {}),
    ("network-interface.mac-address", |i, v| interfaces(i, |found| made(v, &found.mac))),
    ("network-interface.network-interface-id", |i, v| interfaces(i, |found| made(v, &found.id))),
    ("network-interface.operator.managed", |i, v| interfaces(i, |_| flag(v, false))),
    ("network-interface.operator.principal", |_, _| {}),
    ("network-interface.outpost-arn", |_, _| {}),
    ("network-interface.owner-id", |i, v| interfaces(i, |_| text(v, i.network.account_id.as_str()))),
    ("network-interface.private-dns-name", |i, v| addresses(i, |address| made(v, i.name_of(address)))),
    ("network-interface.private-ip-address", |i, v| addresses(i, |address| made(v, address))),
    ("network-interface.public-dns-name", public_name),
    ("network-interface.requester-id", |_, _| {}),
    ("network-interface.requester-managed", |i, v| interfaces(i, |_| flag(v, false))),
    ("network-interface.source-dest-check", |i, v| interfaces(i, |found| flag(v, found.source_dest_check))),
    ("network-interface.status", |i, v| interfaces(i, |_| text(v, "in-use"))),
    ("network-interface.subnet-id", subnet),
    ("network-interface.tag-key", |i, v| interface_tags(i, |key, _| text(v, key))),
    ("network-interface.tag-value", |i, v| interface_tags(i, |_, value| text(v, value))),
    ("network-interface.vpc-id", vpc),
    ("network-performance-options.bandwidth-weighting", |i, v| {
        maybe(v, i.instance.launch.options.bandwidth_weighting.as_deref());
    }),
    ("operator.managed", |_, v| flag(v, false)),
    ("operator.principal", |_, _| {}),
    ("outpost-arn", |_, _| {}),
    ("owner-id", |i, v| text(v, i.network.account_id.as_str())),
    ("placement-group-name", |_, _| {}),
    ("placement-partition-number", |_, _| {}),
    ("platform", |i, v| maybe(v, i.instance.launch.platform.as_deref())),
    ("platform-details", |i, v| maybe(v, i.instance.launch.platform_details.as_deref())),
    ("private-dns-name", |i, v| v.extend(i.private_name().map(Cow::Owned))),
    ("private-dns-name-options.enable-resource-name-dns-a-record", |i, v| {
        flag(v, i.instance.launch.options.private_dns.a_record);
    }),
    ("private-dns-name-options.enable-resource-name-dns-aaaa-record", |i, v| {
        flag(v, i.instance.launch.options.private_dns.aaaa_record);
    }),
    ("private-dns-name-options.hostname-type", |i, v| {
        text(v, i.instance.launch.options.private_dns.hostname_type());
    }),
    ("private-ip-address", |i, v| v.extend(i.private_address().map(Cow::Owned))),
    ("product-code", |i, v| {
        v.extend(i.instance.launch.product_codes.iter().map(|(code, _)| Cow::Borrowed(code.as_str())));
    }),
    ("product-code.type", |i, v| {
        v.extend(i.instance.launch.product_codes.iter().map(|(_, kind)| Cow::Borrowed(kind.as_str())));
    }),
    ("ramdisk-id", |i, v| maybe(v, i.instance.launch.ramdisk.as_deref())),
    ("reason", |i, v| {
        v.extend(Some(i.standing.transition_reason.clone()).filter(|reason| !reason.is_empty()).map(Cow::Owned))
    }),
    ("requester-id", |_, _| {}),
    ("reservation-id", |i, v| text(v, &i.instance.reservation_id)),
    ("root-device-name", |i, v| maybe(v, i.instance.launch.root_device_name.as_deref())),
    ("root-device-type", |i, v| text(v, &i.instance.launch.root_device_type)),
    ("source-dest-check", |i, v| {
        i.interfaces().first().into_iter().for_each(|primary| flag(v, primary.source_dest_check));
    }),
    ("spot-instance-request-id", |i, v| {
        v.extend(i.instance.launch.spot.then(|| Cow::Owned(i.instance.spot_request_id())));
    }),
    ("state-reason-code", |i, v| v.extend(i.standing.reason.clone().map(|(code, _)| Cow::Owned(code)))),
    ("state-reason-message", |i, v| v.extend(i.standing.reason.clone().map(|(_, message)| Cow::Owned(message)))),
    ("subnet-id", subnet),
    ("tenancy", |i, v| text(v, &i.instance.launch.tenancy)),
    ("tpm-support", |i, v| maybe(v, i.instance.launch.tpm.then_some("v2.0"))),
    ("usage-operation", |i, v| maybe(v, i.instance.launch.usage_operation.as_deref())),
    ("usage-operation-update-time", |i, v| made(v, seconds(i.instance.launched))),
    ("virtualization-type", |i, v| text(v, &i.instance.launch.virtualization)),
    ("vpc-id", vpc),
];

fn volumes<'a>(view: &View<'a>, push: impl FnMut(&'a Volume)) {
    if view.is_attached() {
        view.instance.volumes.iter().for_each(push);
    }
}

fn groups<'a>(view: &View<'a>, values: &mut Values<'a>) {
    if view.is_attached() {
        view.instance.launch.security_groups.iter().for_each(|group| text(values, group));
    }
}

fn group_names<'a>(view: &View<'a>, values: &mut Values<'a>) {
    if view.is_attached() && !view.instance.launch.security_groups.is_empty() {
        text(values, DEFAULT_GROUP);
    }
}

fn interfaces<'a>(view: &View<'a>, push: impl FnMut(&Interface<'a>)) {
    view.interfaces().iter().for_each(push);
}

/// The private addresses; each interface has one at most.
fn addresses(view: &View<'_>, push: impl FnMut(&str)) {
    view.interfaces().iter().filter_map(|interface| interface.private_address.as_deref()).for_each(push);
}

/// Pushes a text that EC2 answers empty where there is none.
fn filled<'a>(values: &mut Values<'a>, value: &'a str) {
    maybe(values, Some(value).filter(|value| !value.is_empty()));
}

fn interface_tags<'a>(view: &View<'a>, mut push: impl FnMut(&'a str, &'a str)) {
    let interfaces = view.interfaces();
    let tags = interfaces.iter().filter_map(|interface| view.state.tags(&interface.id)).flatten();
    tags.for_each(|(key, value)| push(key, value));
}

fn ip_owner<'a>(view: &View<'a>, values: &mut Values<'a>) {
    maybe(values, view.public_address().map(|_| IP_OWNER));
}

fn public_name<'a>(view: &View<'a>, values: &mut Values<'a>) {
    values.extend(view.public_name().map(Cow::Owned));
}

fn public_address<'a>(view: &View<'a>, values: &mut Values<'a>) {
    values.extend(view.public_address().map(Cow::Owned));
}

fn subnet<'a>(view: &View<'a>, values: &mut Values<'a>) {
    maybe(values, view.zone.filter(|_| view.is_attached()).map(|zone| zone.subnet_id.as_str()));
}

fn vpc<'a>(view: &View<'a>, values: &mut Values<'a>) {
    if view.is_attached() {
        text(values, &view.network.vpc_id);
    }
}
