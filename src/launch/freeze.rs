//! Freezing an attempt: the whole RunInstances input, from the spec and one candidate.

use super::tag::{ATTEMPT_TAG, LOG_TAG};
use crate::ec2::run::{
    RunBlockDevice, RunCpuOptions, RunEbsVolume, RunInstanceProfile, RunInstances, RunMarket, RunMetadataOptions,
    RunNetworkInterface, RunPlacement,
};
use crate::ids::{AttemptId, ImageId};
use crate::record::{
    BlockDeviceSpec, Candidate, CpuOptions, EbsSpec, IamInstanceProfile, Market, MetadataOptions, NetworkInterface,
    Spec,
};

/// The input of one attempt, of the image that the decision came to. It is made once and then read back from the log: made again by a
/// later version it might differ, and EC2 would see another request under the same token.
pub(super) fn freeze(
    spec: &Spec,
    image_id: &ImageId,
    candidate: &Candidate,
    (log_id, attempt_id): (&str, AttemptId),
) -> RunInstances {
    let Candidate { instance_type, placement, .. } = candidate;
    let mut instance_tags = spec.tags.clone();
    instance_tags.insert(ATTEMPT_TAG.to_owned(), attempt_id.to_string());
    instance_tags.insert(LOG_TAG.to_owned(), log_id.to_owned());
    // With network interfaces EC2 wants subnet and groups on them (API Reference, RunInstances).
    let on_interfaces = !spec.network_interfaces.is_empty();
    let mut network_interfaces: Vec<_> = spec.network_interfaces.iter().map(network_interface).collect();
    for interface in &mut network_interfaces {
        if interface.subnet_id.is_none() && interface.network_interface_id.is_none() {
            interface.subnet_id.clone_from(&placement.subnet_id);
        }
    }
    RunInstances {
        client_token: attempt_id.client_token(),
        image_id: image_id.clone(),
        instance_type: instance_type.clone(),
        min_count: spec.min_count,
        max_count: spec.max_count,
        subnet_id: placement.subnet_id.clone().filter(|_| !on_interfaces),
        placement: RunPlacement {
            availability_zone: placement.availability_zone.clone(),
            tenancy: placement.tenancy.clone(),
            host_id: placement.host_id.clone(),
            group_name: placement.placement_group.clone(),
        },
        capacity_reservation_id: placement.capacity_reservation_id.clone(),
        market: market(&spec.market),
        key_name: spec.key_name.clone(),
        security_group_ids: spec.security_group_ids.clone(),
        network_interfaces,
        iam_instance_profile: spec.iam_instance_profile.as_ref().map(|profile| match profile {
            IamInstanceProfile::Name(name) => RunInstanceProfile::Name(name.clone()),
            IamInstanceProfile::Arn(arn) => RunInstanceProfile::Arn(arn.clone()),
        }),
        user_data_sha256: spec.user_data_sha256,
        block_device_mappings: spec.block_device_mappings.iter().map(block_device).collect(),
        metadata_options: metadata_options(&spec.metadata_options),
        hibernation: spec.hibernation.then_some(true),
        enclave: spec.enclave.then_some(true),
        cpu_credits: spec.cpu_credits.clone(),
        cpu_options: cpu_options(&spec.cpu_options),
        instance_tags,
        volume_tags: spec.volume_tags.clone(),
    }
}

fn market(market: &Market) -> Option<RunMarket> {
    match market {
        Market::OnDemand => None,
        Market::Spot { max_price_usd } => {
            Some(RunMarket { market_type: "spot".to_owned(), max_price: max_price_usd.clone() })
        }
        Market::CapacityBlock => Some(RunMarket { market_type: "capacity-block".to_owned(), max_price: None }),
    }
}

fn network_interface(interface: &NetworkInterface) -> RunNetworkInterface {
    RunNetworkInterface {
        device_index: interface.device_index,
        network_interface_id: interface.network_interface_id.clone(),
        subnet_id: interface.subnet_id.clone(),
        security_group_ids: interface.security_group_ids.clone(),
        associate_public_ip_address: interface.associate_public_ip_address,
        delete_on_termination: interface.delete_on_termination,
    }
}

fn block_device(change: &BlockDeviceSpec) -> RunBlockDevice {
    RunBlockDevice {
        device_name: change.device_name.clone(),
        virtual_name: change.virtual_name.clone(),
        no_device: change.no_device,
        ebs: change.ebs.as_ref().map(|ebs: &EbsSpec| RunEbsVolume {
            volume_size_gib: ebs.volume_size_gib,
            volume_type: ebs.volume_type.clone(),
            iops: ebs.iops,
            throughput_mibps: ebs.throughput_mibps,
            snapshot_id: ebs.snapshot_id.clone(),
            encrypted: ebs.encrypted,
            kms_key_id: ebs.kms_key_id.clone(),
            delete_on_termination: ebs.delete_on_termination,
        }),
    }
}

fn metadata_options(options: &MetadataOptions) -> RunMetadataOptions {
    let enabled = |on: bool| if on { "enabled" } else { "disabled" }.to_owned();
    RunMetadataOptions {
        http_tokens: Some(if options.tokens_required { "required" } else { "optional" }.to_owned()),
        http_put_response_hop_limit: options.hop_limit,
        http_endpoint: options.endpoint_enabled.map(enabled),
        instance_metadata_tags: options.instance_tags.map(enabled),
    }
}

fn cpu_options(options: &CpuOptions) -> RunCpuOptions {
    let enabled = |on: bool| if on { "enabled" } else { "disabled" }.to_owned();
    RunCpuOptions {
        core_count: options.core_count,
        threads_per_core: options.threads_per_core,
        amd_sev_snp: options.amd_sev_snp.map(enabled),
        nested_virtualization: options.nested_virtualization.map(enabled),
    }
}
