//! Launch specifications: out with the user data's digest in place of the user data, in with every
//! rule that can be checked without asking EC2.

mod network;
mod options;
mod parse;
mod place;
mod template;
mod volumes;

#[cfg(test)]
mod tests;

pub use parse::{ParsedSpec, parse_spec};

use super::time::{to_duration, to_timestamp};
use crate::api::pb;
use crate::record::{
    BlockDeviceSpec, CpuOptions, EbsSpec, IamInstanceProfile, ImageChoice, Market, MetadataOptions, NetworkInterface,
    OnBootFailure, Placement, PlacementStrategy, Spec,
};

impl From<&Spec> for pb::LaunchSpec {
    fn from(spec: &Spec) -> Self {
        let Spec {
            // Of the request, beside the spec.
            account_id: _,
            region: _,
            image,
            instance_types,
            placements,
            strategy,
            min_count,
            max_count,
            market,
            key_name,
            security_group_ids,
            network_interfaces,
            iam_instance_profile,
            user_data_sha256,
            block_device_mappings,
            metadata_options,
            hibernation,
            enclave,
            cpu_credits,
            cpu_options,
            launch_template,
            tags,
            volume_tags,
            ready_timeout,
            on_boot_failure,
            expire_time,
        } = spec;
        Self {
            image: reference(image),
            instance_types: instance_types.iter().map(ToString::to_string).collect(),
            placements: placements.iter().map(Into::into).collect(),
            strategy: pb::PlacementStrategy::from(*strategy).into(),
            min_count: count(*min_count),
            max_count: count(*max_count),
            market: Some(market.into()),
            key_name: key_name.clone().unwrap_or_default(),
            security_group_ids: security_group_ids.iter().map(ToString::to_string).collect(),
            network_interfaces: network_interfaces.iter().map(Into::into).collect(),
            iam_instance_profile: iam_instance_profile.as_ref().map(Into::into),
            user_data: Vec::new(),
            user_data_sha256: user_data_sha256.map(|digest| digest.to_string()).unwrap_or_default(),
            block_device_mappings: block_device_mappings.iter().map(Into::into).collect(),
            metadata_options: Some(metadata_options.into()),
            hibernation: Some(*hibernation),
            enclave: Some(*enclave),
            cpu_credits: cpu_credits.clone(),
            cpu_options: (*cpu_options != CpuOptions::default()).then(|| cpu_options.into()),
            launch_template: launch_template.as_ref().map(Into::into),
            tags: tags.clone(),
            volume_tags: volume_tags.clone(),
            ready_timeout: Some(to_duration(*ready_timeout)),
            on_boot_failure: pb::OnBootFailure::from(*on_boot_failure).into(),
            expire_time: expire_time.map(to_timestamp),
        }
    }
}

fn count(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The image, or nothing where naming it was left to a launch template.
fn reference(choice: &ImageChoice) -> Option<pb::ImageReference> {
    use pb::image_reference::Reference;
    let reference = match choice {
        ImageChoice::ImageId(id) => Reference::ImageId(id.to_string()),
        ImageChoice::Selector(selector) => Reference::Selector((&**selector).into()),
        ImageChoice::Receipt(receipt) => Reference::Receipt(receipt.into()),
        ImageChoice::LaunchTemplate => return None,
    };
    Some(pb::ImageReference { reference: Some(reference) })
}

/// A placement, or nothing where the place is left to EC2.
pub(super) fn placement(placement: &Placement) -> Option<pb::Placement> {
    (*placement != Placement::default()).then(|| placement.into())
}

impl From<&Placement> for pb::Placement {
    fn from(placement: &Placement) -> Self {
        use pb::placement::Location;
        let Placement { subnet_id, availability_zone, tenancy, host_id, placement_group, capacity_reservation_id } =
            placement;
        let location = match (subnet_id, availability_zone) {
            (Some(subnet), _) => Some(Location::SubnetId(subnet.to_string())),
            (None, Some(zone)) => Some(Location::AvailabilityZone(zone.to_string())),
            (None, None) => None,
        };
        Self {
            location,
            tenancy: tenancy.clone(),
            host_id: host_id.clone(),
            placement_group: placement_group.clone(),
            capacity_reservation_id: capacity_reservation_id.clone(),
        }
    }
}

impl From<PlacementStrategy> for pb::PlacementStrategy {
    fn from(strategy: PlacementStrategy) -> Self {
        match strategy {
            PlacementStrategy::InOrder => Self::InOrder,
            PlacementStrategy::Spread => Self::Spread,
        }
    }
}

impl From<&Market> for pb::Market {
    fn from(market: &Market) -> Self {
        use pb::market::Market as Choice;
        let market = match market {
            Market::OnDemand => Choice::OnDemand(pb::OnDemandMarket {}),
            Market::Spot { max_price_usd } => Choice::Spot(pb::SpotMarket { max_price_usd: max_price_usd.clone() }),
            Market::CapacityBlock => Choice::CapacityBlock(pb::CapacityBlockMarket {}),
        };
        Self { market: Some(market) }
    }
}

impl From<&IamInstanceProfile> for pb::IamInstanceProfile {
    fn from(profile: &IamInstanceProfile) -> Self {
        use pb::iam_instance_profile::Profile;
        let profile = match profile {
            IamInstanceProfile::Name(name) => Profile::Name(name.clone()),
            IamInstanceProfile::Arn(arn) => Profile::Arn(arn.clone()),
        };
        Self { profile: Some(profile) }
    }
}

impl From<&NetworkInterface> for pb::NetworkInterface {
    fn from(interface: &NetworkInterface) -> Self {
        let NetworkInterface {
            device_index,
            network_interface_id,
            subnet_id,
            security_group_ids,
            associate_public_ip_address,
            delete_on_termination,
        } = interface;
        Self {
            device_index: *device_index,
            network_interface_id: network_interface_id.clone(),
            subnet_id: subnet_id.as_ref().map(ToString::to_string),
            security_group_ids: security_group_ids.iter().map(ToString::to_string).collect(),
            associate_public_ip_address: *associate_public_ip_address,
            delete_on_termination: *delete_on_termination,
        }
    }
}

impl From<&BlockDeviceSpec> for pb::BlockDeviceSpec {
    fn from(device: &BlockDeviceSpec) -> Self {
        let BlockDeviceSpec { device_name, virtual_name, no_device, ebs } = device;
        Self {
            device_name: device_name.clone(),
            virtual_name: virtual_name.clone(),
            no_device: *no_device,
            ebs: ebs.as_ref().map(Into::into),
        }
    }
}

impl From<&EbsSpec> for pb::EbsSpec {
    fn from(volume: &EbsSpec) -> Self {
        let EbsSpec {
            volume_size_gib,
            volume_type,
            iops,
            throughput_mibps,
            snapshot_id,
            encrypted,
            kms_key_id,
            delete_on_termination,
        } = volume;
        Self {
            volume_size_gib: *volume_size_gib,
            volume_type: volume_type.clone(),
            iops: *iops,
            throughput_mib_per_second: *throughput_mibps,
            snapshot_id: snapshot_id.clone(),
            encrypted: *encrypted,
            kms_key_id: kms_key_id.clone(),
            delete_on_termination: *delete_on_termination,
        }
    }
}

impl From<&MetadataOptions> for pb::MetadataOptions {
    fn from(options: &MetadataOptions) -> Self {
        let MetadataOptions { tokens_required, hop_limit, endpoint_enabled, instance_tags } = options;
        let switch = |on: bool| if on { "enabled" } else { "disabled" }.to_owned();
        Self {
            http_tokens: Some(if *tokens_required { "required" } else { "optional" }.to_owned()),
            http_put_response_hop_limit: *hop_limit,
            http_endpoint: endpoint_enabled.map(switch),
            instance_metadata_tags: instance_tags.map(switch),
        }
    }
}

impl From<&CpuOptions> for pb::CpuOptions {
    fn from(options: &CpuOptions) -> Self {
        let CpuOptions { core_count, threads_per_core, amd_sev_snp, nested_virtualization } = options;
        Self {
            core_count: *core_count,
            threads_per_core: *threads_per_core,
            amd_sev_snp: *amd_sev_snp,
            nested_virtualization: *nested_virtualization,
        }
    }
}

impl From<OnBootFailure> for pb::OnBootFailure {
    fn from(choice: OnBootFailure) -> Self {
        match choice {
            OnBootFailure::Keep => Self::Keep,
            OnBootFailure::Terminate => Self::Terminate,
        }
    }
}
