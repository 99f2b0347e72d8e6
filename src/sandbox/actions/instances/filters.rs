//! The filters of DescribeInstances. Those on facts that no instance here has (Outposts, IPv6,
//! capacity reservations, hosts) exist and match nothing.

use std::borrow::Cow;

use super::answer::{View, spot_request_id};
use crate::sandbox::ACCOUNT_ID;
use crate::sandbox::cloud::Volume;
use crate::sandbox::images::seconds;
use crate::sandbox::wire::filter::{Subject, Values};

/// How the values of one filter are found.
pub(super) type Fact = for<'a> fn(&View<'a>, &mut Values<'a>);

/// The lookup for a filter name.
pub(super) fn fact(name: &str) -> Option<Fact> {
    let nothing: Fact = |_, _| {};
    FACTS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, fact)| *fact)
        .or_else(|| ABSENT.contains(&name).then_some(nothing))
}

/// Pushes an instance's values for one subject.
pub(super) fn values<'a>(view: &View<'a>, subject: &Subject<Fact>, values: &mut Values<'a>) {
    match subject {
        Subject::Fact(fact) => fact(view, values),
        Subject::Tag(key) => {
            values.extend(view.tags.and_then(|tags| tags.get(key)).map(|value| Cow::Borrowed(value.as_str())));
        }
        Subject::TagKeys => {
            values.extend(view.tags.into_iter().flatten().map(|(key, _)| Cow::Borrowed(key.as_str())));
        }
    }
}

const FACTS: &[(&str, Fact)] = &[
    ("architecture", |i, v| text(v, &i.instance.launch.architecture)),
    ("availability-zone", |i, v| text(v, &i.instance.zone)),
    ("availability-zone-id", |i, v| maybe(v, i.zone.map(|zone| zone.id.as_str()))),
    ("block-device-mapping.attach-time", |i, v| {
        let attached = seconds(i.instance.launched);
        volumes(i, v, |_| Cow::Owned(attached.clone()));
    }),
    ("block-device-mapping.delete-on-termination", |i, v| {
        volumes(i, v, |volume| Cow::Borrowed(word(volume.delete_on_termination)));
    }),
    ("block-device-mapping.device-name", |i, v| volumes(i, v, |volume| Cow::Borrowed(&volume.device))),
    ("block-device-mapping.status", |i, v| volumes(i, v, |_| Cow::Borrowed("attached"))),
    ("block-device-mapping.volume-id", |i, v| volumes(i, v, |volume| Cow::Borrowed(&volume.id))),
    ("boot-mode", |i, v| maybe(v, i.instance.launch.boot_mode.as_deref())),
    ("capacity-reservation-specification.capacity-reservation-preference", |_, v| text(v, "open")),
    ("client-token", |i, v| maybe(v, i.instance.launch.client_token.as_deref())),
    ("current-instance-boot-mode", |i, v| maybe(v, i.instance.launch.current_boot_mode.as_deref())),
    ("dns-name", |i, v| v.extend(i.public_name().map(Cow::Owned))),
    ("ebs-optimized", |i, v| text(v, word(i.instance.launch.ebs_optimized))),
    ("ena-support", |i, v| text(v, word(i.instance.launch.ena))),
    ("enclave-options.enabled", |i, v| text(v, word(i.instance.launch.enclave))),
    ("hibernation-options.configured", |i, v| text(v, word(i.instance.launch.hibernation))),
    ("hypervisor", |_, v| text(v, "xen")),
    ("iam-instance-profile.arn", |i, v| maybe(v, i.instance.launch.iam_profile.as_deref())),
    ("image-id", |i, v| text(v, &i.instance.launch.image_id)),
    ("instance-id", |i, v| text(v, &i.instance.id)),
    ("instance-lifecycle", |i, v| maybe(v, i.instance.launch.spot.then_some("spot"))),
    ("instance-state-code", |i, v| v.push(Cow::Owned(i.standing.state.code().to_string()))),
    ("instance-state-name", |i, v| text(v, i.standing.state.as_str())),
    ("instance-type", |i, v| text(v, &i.instance.launch.instance_type)),
    ("instance.group-id", groups),
    ("instance.group-name", group_names),
    ("ip-address", |i, v| v.extend(i.public_address().map(Cow::Owned))),
    ("kernel-id", |i, v| maybe(v, i.instance.launch.kernel.as_deref())),
    ("key-name", |i, v| maybe(v, i.instance.launch.key_name.as_deref())),
    ("launch-index", |i, v| v.push(Cow::Owned(i.instance.launch_index.to_string()))),
    ("launch-time", |i, v| v.push(Cow::Owned(seconds(i.instance.launched)))),
    ("maintenance-options.auto-recovery", |_, v| text(v, "default")),
    ("metadata-options.http-endpoint", |i, v| text(v, &i.instance.launch.metadata.http_endpoint)),
    ("metadata-options.http-protocol-ipv4", |_, v| text(v, "enabled")),
    ("metadata-options.http-protocol-ipv6", |i, v| text(v, &i.instance.launch.metadata.http_protocol_ipv6)),
    ("metadata-options.http-put-response-hop-limit", |i, v| {
        v.push(Cow::Owned(i.instance.launch.metadata.hop_limit.to_string()));
    }),
    ("metadata-options.http-tokens", |i, v| text(v, &i.instance.launch.metadata.http_tokens)),
    ("metadata-options.instance-metadata-tags", |i, v| {
        text(v, &i.instance.launch.metadata.instance_metadata_tags);
    }),
    ("monitoring-state", |i, v| text(v, if i.instance.launch.monitoring { "enabled" } else { "disabled" })),
    ("network-interface.addresses.private-ip-address", |i, v| v.extend(i.private_address().map(Cow::Owned))),
    ("network-interface.availability-zone", |i, v| {
        maybe(v, i.zone.filter(|_| i.is_attached()).map(|zone| zone.name.as_str()));
    }),
    ("network-interface.group-id", groups),
    ("network-interface.group-name", group_names),
    ("network-interface.mac-address", |i, v| v.extend(i.interface().map(|found| Cow::Owned(found.mac)))),
    ("network-interface.network-interface-id", |i, v| v.extend(i.interface().map(|found| Cow::Owned(found.id)))),
    ("network-interface.owner-id", |_, v| text(v, ACCOUNT_ID)),
    ("network-interface.private-dns-name", |i, v| v.extend(i.private_name().map(Cow::Owned))),
    ("network-interface.private-ip-address", |i, v| v.extend(i.private_address().map(Cow::Owned))),
    ("network-interface.subnet-id", subnet),
    ("network-interface.vpc-id", vpc),
    ("owner-id", |_, v| text(v, ACCOUNT_ID)),
    ("platform", |i, v| maybe(v, i.instance.launch.platform.as_deref())),
    ("platform-details", |i, v| maybe(v, i.instance.launch.platform_details.as_deref())),
    ("private-dns-name", |i, v| v.extend(i.private_name().map(Cow::Owned))),
    ("private-dns-name-options.enable-resource-name-dns-a-record", |_, v| text(v, "false")),
    ("private-dns-name-options.enable-resource-name-dns-aaaa-record", |_, v| text(v, "false")),
    ("private-dns-name-options.hostname-type", |_, v| text(v, "ip-name")),
    ("private-ip-address", |i, v| v.extend(i.private_address().map(Cow::Owned))),
    ("product-code", |i, v| {
        v.extend(i.instance.launch.product_codes.iter().map(|(code, _)| Cow::Borrowed(code.as_str())));
    }),
    ("product-code.type", |i, v| {
        v.extend(i.instance.launch.product_codes.iter().map(|(_, kind)| Cow::Borrowed(kind.as_str())));
    }),
    ("ramdisk-id", |i, v| maybe(v, i.instance.launch.ramdisk.as_deref())),
    ("reason", |i, v| v.push(Cow::Owned(i.standing.transition_reason.clone()))),
    ("reservation-id", |i, v| text(v, &i.instance.reservation_id)),
    ("root-device-name", |i, v| maybe(v, i.instance.launch.root_device_name.as_deref())),
    ("root-device-type", |i, v| text(v, &i.instance.launch.root_device_type)),
    ("source-dest-check", |_, v| text(v, "true")),
    ("spot-instance-request-id", |i, v| {
        v.extend(i.instance.launch.spot.then(|| Cow::Owned(spot_request_id(i.instance))));
    }),
    ("state-reason-code", |i, v| v.extend(i.standing.reason.clone().map(|(code, _)| Cow::Owned(code)))),
    ("state-reason-message", |i, v| v.extend(i.standing.reason.clone().map(|(_, message)| Cow::Owned(message)))),
    ("subnet-id", subnet),
    ("tenancy", |i, v| text(v, &i.instance.launch.tenancy)),
    ("tpm-support", |i, v| maybe(v, i.instance.launch.tpm.then_some("v2.0"))),
    ("usage-operation", |i, v| maybe(v, i.instance.launch.usage_operation.as_deref())),
    ("usage-operation-update-time", |i, v| v.push(Cow::Owned(seconds(i.instance.launched)))),
    ("virtualization-type", |i, v| text(v, &i.instance.launch.virtualization)),
    ("vpc-id", vpc),
];

/// Filters on what no instance here has.
const ABSENT: &[&str] = &[
    "affinity",
    "capacity-reservation-id",
    "host-id",
    "iam-instance-profile.id",
    "iam-instance-profile.name",
    "ipv6-address",
    "network-interface.ipv6-address",
    "network-interface.outpost-arn",
    "operator.managed",
    "operator.principal",
    "outpost-arn",
    "placement-group-name",
    "placement-partition-number",
    "requester-id",
];

fn word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn text<'a>(values: &mut Values<'a>, value: &'a str) {
    values.push(Cow::Borrowed(value));
}

fn maybe<'a>(values: &mut Values<'a>, value: Option<&'a str>) {
    values.extend(value.map(Cow::Borrowed));
}

fn volumes<'a>(view: &View<'a>, values: &mut Values<'a>, value: impl Fn(&'a Volume) -> Cow<'a, str>) {
    if view.is_attached() {
        values.extend(view.instance.volumes.iter().map(value));
    }
}

fn groups<'a>(view: &View<'a>, values: &mut Values<'a>) {
    if view.is_attached() {
        values.extend(view.instance.launch.security_groups.iter().map(|group| Cow::Borrowed(group.as_str())));
    }
}

fn group_names<'a>(view: &View<'a>, values: &mut Values<'a>) {
    if view.is_attached() && !view.instance.launch.security_groups.is_empty() {
        text(values, "default");
    }
}

fn subnet<'a>(view: &View<'a>, values: &mut Values<'a>) {
    maybe(values, view.zone.filter(|_| view.is_attached()).map(|zone| zone.subnet_id.as_str()));
}

fn vpc<'a>(view: &View<'a>, values: &mut Values<'a>) {
    if view.is_attached() {
        text(values, &view.network.vpc_id);
    }
}
