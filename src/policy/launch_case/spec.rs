//! What a launch asks for, as a policy sees it.

use std::collections::BTreeSet;

use cedar_policy::{Entity, EntityUid};

use super::make;
use crate::ami::classify::root_volume;
use crate::ec2::facts::Image;
use crate::policy::attributes::{Attributes, tags};
use crate::record::{EbsSpec, IamInstanceProfile, ImageChoice, Market, OnBootFailure, Spec};

pub(super) fn entity(uid: EntityUid, spec: &Spec, image: &Image) -> Result<Entity, String> {
    let mut about = Attributes::default();
    about.number("min_count", spec.min_count);
    about.number("max_count", spec.max_count);
    about.text(
        "market",
        match spec.market {
            Market::OnDemand => "on-demand",
            Market::Spot { .. } => "spot",
            Market::CapacityBlock => "capacity-block",
        },
    );
    about.text(
        "image_chosen_by",
        match spec.image {
            ImageChoice::ImageId(_) => "image_id",
            ImageChoice::Selector(_) => "selector",
            ImageChoice::Receipt(_) => "receipt",
            ImageChoice::LaunchTemplate => "launch_template",
        },
    );
    about.some_text("key_name", spec.key_name.as_deref());
    let profile = spec.iam_instance_profile.as_ref().map(|profile| match profile {
        IamInstanceProfile::Name(name) | IamInstanceProfile::Arn(name) => name.as_str(),
    });
    about.some_text("iam_instance_profile", profile);
    places(&mut about, spec);
    about.flag("user_data", spec.user_data_sha256.is_some());
    about.flag("imdsv2_required", spec.metadata_options.tokens_required);
    about.some_number("imds_hop_limit", spec.metadata_options.hop_limit);
    about.some_flag("imds_endpoint_enabled", spec.metadata_options.endpoint_enabled);
    root(&mut about, spec, image);
    about.flag("hibernation", spec.hibernation);
    about.flag("enclave", spec.enclave);
    about.text(
        "on_boot_failure",
        match spec.on_boot_failure {
            OnBootFailure::Keep => "keep",
            OnBootFailure::Terminate => "terminate",
        },
    );
    make(uid, about, tags(&spec.tags))
}

fn places(about: &mut Attributes, spec: &Spec) {
    let (interfaces, placements) = (&spec.network_interfaces, &spec.placements);
    let of_interfaces = interfaces.iter().flat_map(|interface| &interface.security_group_ids);
    let groups: BTreeSet<&str> =
        spec.security_group_ids.iter().chain(of_interfaces).map(|group| group.as_str()).collect();
    about.set("security_group_ids", groups);
    let of_interfaces = interfaces.iter().filter_map(|interface| interface.subnet_id.as_ref());
    let subnets: BTreeSet<&str> = placements
        .iter()
        .filter_map(|placement| placement.subnet_id.as_ref())
        .chain(of_interfaces)
        .map(|subnet| subnet.as_str())
        .collect();
    about.set("subnet_ids", subnets);
    let zones: BTreeSet<&str> =
        placements.iter().filter_map(|placement| Some(placement.availability_zone.as_ref()?.as_str())).collect();
    about.set("availability_zones", zones);
    let tenancies: BTreeSet<&str> = placements.iter().filter_map(|placement| placement.tenancy.as_deref()).collect();
    about.set("tenancies", tenancies);
    about.flag("public_ip", interfaces.iter().any(|interface| interface.associate_public_ip_address == Some(true)));
}

/// The root volume: the image's, with what the launch says of it laid over.
fn root(about: &mut Attributes, spec: &Spec, image: &Image) {
    let of_image = root_volume(image);
    let device = image.root_device_name.as_deref();
    let changes = &spec.block_device_mappings;
    let change: Option<&EbsSpec> = changes
        .iter()
        .find(|change| Some(change.device_name.as_str()) == device)
        .and_then(|change| change.ebs.as_ref());
    let said = [change.and_then(|ebs| ebs.encrypted), of_image.and_then(|ebs| ebs.encrypted)];
    // What is made from an encrypted snapshot is encrypted, whatever the launch says (EC2 User Guide, "Use
    // encryption with EBS-backed AMIs").
    about.some_flag("root_encrypted", said.into_iter().flatten().max());
    let size = change.and_then(|ebs| ebs.volume_size_gib).map(i64::from);
    about.some_number("root_volume_gib", size.or_else(|| Some(i64::from(of_image?.volume_size_gib?))));
}
