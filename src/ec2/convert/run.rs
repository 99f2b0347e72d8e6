//! From our RunInstances to the SDK's input.

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types as sdk;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::ec2::Ec2Error;
use crate::ec2::run::{
    RunBlockDevice, RunCpuOptions, RunEbsVolume, RunInstanceProfile, RunInstances, RunMarket, RunMetadataOptions,
    RunNetworkInterface, RunPlacement,
};
use crate::ids::{SecurityGroupId, Sha256Digest};

/// Fills `request` from `from`, with `user_data` encoded in base64: the SDK sends it as it gets it.
///
/// # Errors
/// [`Ec2Error::NotSent`] if the user data is not the one whose hash was frozen, or if a number does
/// not fit into EC2's.
pub(in crate::ec2) fn run_instances(
    request: RunInstancesFluentBuilder,
    from: &RunInstances,
    user_data: Option<&[u8]>,
    dry_run: bool,
) -> Result<RunInstancesFluentBuilder, Ec2Error> {
    if user_data.map(Sha256Digest::of) != from.user_data_sha256 {
        return Err(Ec2Error::NotSent(
            "the user data is not the data whose SHA-256 was frozen with the request".into(),
        ));
    }
    let reservation = from.capacity_reservation_id.as_ref().map(|id| {
        let target = sdk::CapacityReservationTarget::builder().capacity_reservation_id(id).build();
        sdk::CapacityReservationSpecification::builder().capacity_reservation_target(target).build()
    });
    let input = request
        .client_token(from.client_token.as_str())
        .image_id(from.image_id.as_str())
        .instance_type(from.instance_type.as_str().into())
        .min_count(number(from.min_count)?)
        .max_count(number(from.max_count)?)
        .set_subnet_id(from.subnet_id.as_ref().map(|id| id.as_str().to_owned()))
        .set_placement(present(&from.placement, placement)?)
        .set_capacity_reservation_specification(reservation)
        .set_instance_market_options(from.market.as_ref().map(market))
        .set_key_name(from.key_name.clone())
        .set_security_group_ids(groups(&from.security_group_ids))
        .set_network_interfaces(list(&from.network_interfaces, network_interface)?)
        .set_iam_instance_profile(from.iam_instance_profile.as_ref().map(instance_profile))
        .set_user_data(user_data.map(|bytes| STANDARD.encode(bytes)))
        .set_block_device_mappings(list(&from.block_device_mappings, block_device)?)
        .set_metadata_options(present(&from.metadata_options, metadata_options)?)
        .set_hibernation_options(
            from.hibernation.map(|on| sdk::HibernationOptionsRequest::builder().configured(on).build()),
        )
        .set_enclave_options(from.enclave.map(|on| sdk::EnclaveOptionsRequest::builder().enabled(on).build()))
        .set_cpu_options(present(&from.cpu_options, cpu_options)?)
        .set_tag_specifications(tag_specifications(from))
        .set_dry_run(dry_run.then_some(true));
    Ok(match &from.cpu_credits {
        Some(credits) => {
            input.credit_specification(sdk::CreditSpecificationRequest::builder().cpu_credits(credits).build())
        }
        None => input,
    })
}

/// EC2's integers are signed.
fn number(value: u32) -> Result<i32, Ec2Error> {
    i32::try_from(value).map_err(|_| Ec2Error::NotSent(format!("{value} is more than EC2 can be asked for")))
}

fn optional_number(value: Option<u32>) -> Result<Option<i32>, Ec2Error> {
    value.map(number).transpose()
}

/// A group of options, left out when nothing in it is set.
fn present<T: Default + PartialEq, U>(
    value: &T,
    convert: impl FnOnce(&T) -> Result<U, Ec2Error>,
) -> Result<Option<U>, Ec2Error> {
    if *value == T::default() { Ok(None) } else { convert(value).map(Some) }
}

fn list<T, U>(values: &[T], convert: impl FnMut(&T) -> Result<U, Ec2Error>) -> Result<Option<Vec<U>>, Ec2Error> {
    if values.is_empty() { Ok(None) } else { values.iter().map(convert).collect::<Result<_, _>>().map(Some) }
}

fn groups(ids: &[SecurityGroupId]) -> Option<Vec<String>> {
    (!ids.is_empty()).then(|| ids.iter().map(|id| id.as_str().to_owned()).collect())
}

fn placement(from: &RunPlacement) -> Result<sdk::Placement, Ec2Error> {
    Ok(sdk::Placement::builder()
        .set_availability_zone(from.availability_zone.as_ref().map(|zone| zone.as_str().to_owned()))
        .set_tenancy(from.tenancy.as_deref().map(Into::into))
        .set_host_id(from.host_id.clone())
        .set_group_name(from.group_name.clone())
        .build())
}

fn market(from: &RunMarket) -> sdk::InstanceMarketOptionsRequest {
    let spot = from.max_price.as_ref().map(|price| sdk::SpotMarketOptions::builder().max_price(price).build());
    sdk::InstanceMarketOptionsRequest::builder()
        .market_type(from.market_type.as_str().into())
        .set_spot_options(spot)
        .build()
}

fn network_interface(from: &RunNetworkInterface) -> Result<sdk::InstanceNetworkInterfaceSpecification, Ec2Error> {
    Ok(sdk::InstanceNetworkInterfaceSpecification::builder()
        .device_index(number(from.device_index)?)
        .set_network_interface_id(from.network_interface_id.clone())
        .set_subnet_id(from.subnet_id.as_ref().map(|id| id.as_str().to_owned()))
        .set_groups(groups(&from.security_group_ids))
        .set_associate_public_ip_address(from.associate_public_ip_address)
        .set_delete_on_termination(from.delete_on_termination)
        .build())
}

fn instance_profile(from: &RunInstanceProfile) -> sdk::IamInstanceProfileSpecification {
    let profile = sdk::IamInstanceProfileSpecification::builder();
    match from {
        RunInstanceProfile::Name(name) => profile.name(name),
        RunInstanceProfile::Arn(arn) => profile.arn(arn),
    }
    .build()
}

fn block_device(from: &RunBlockDevice) -> Result<sdk::BlockDeviceMapping, Ec2Error> {
    Ok(sdk::BlockDeviceMapping::builder()
        .device_name(&from.device_name)
        .set_virtual_name(from.virtual_name.clone())
        .set_no_device(from.no_device.then(String::new))
        .set_ebs(from.ebs.as_ref().map(ebs).transpose()?)
        .build())
}

fn ebs(from: &RunEbsVolume) -> Result<sdk::EbsBlockDevice, Ec2Error> {
    Ok(sdk::EbsBlockDevice::builder()
        .set_volume_size(optional_number(from.volume_size_gib)?)
        .set_volume_type(from.volume_type.as_deref().map(Into::into))
        .set_iops(optional_number(from.iops)?)
        .set_throughput(optional_number(from.throughput_mibps)?)
        .set_snapshot_id(from.snapshot_id.clone())
        .set_encrypted(from.encrypted)
        .set_kms_key_id(from.kms_key_id.clone())
        .set_delete_on_termination(from.delete_on_termination)
        .build())
}

fn metadata_options(from: &RunMetadataOptions) -> Result<sdk::InstanceMetadataOptionsRequest, Ec2Error> {
    Ok(sdk::InstanceMetadataOptionsRequest::builder()
        .set_http_tokens(from.http_tokens.as_deref().map(Into::into))
        .set_http_put_response_hop_limit(optional_number(from.http_put_response_hop_limit)?)
        .set_http_endpoint(from.http_endpoint.as_deref().map(Into::into))
        .set_instance_metadata_tags(from.instance_metadata_tags.as_deref().map(Into::into))
        .build())
}

fn cpu_options(from: &RunCpuOptions) -> Result<sdk::CpuOptionsRequest, Ec2Error> {
    Ok(sdk::CpuOptionsRequest::builder()
        .set_core_count(optional_number(from.core_count)?)
        .set_threads_per_core(optional_number(from.threads_per_core)?)
        .set_amd_sev_snp(from.amd_sev_snp.as_deref().map(Into::into))
        .set_nested_virtualization(from.nested_virtualization.as_deref().map(Into::into))
        .build())
}

fn tag_specifications(from: &RunInstances) -> Option<Vec<sdk::TagSpecification>> {
    let specification = |kind: sdk::ResourceType, tags: &BTreeMap<String, String>| {
        (!tags.is_empty())
            .then(|| sdk::TagSpecification::builder().resource_type(kind).set_tags(Some(sdk_tags(tags))).build())
    };
    let specifications: Vec<_> = [
        specification(sdk::ResourceType::Instance, &from.instance_tags),
        specification(sdk::ResourceType::Volume, &from.volume_tags),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!specifications.is_empty()).then_some(specifications)
}

/// Tags in the order of their keys, so that the same input is the same bytes on the wire.
pub(in crate::ec2) fn sdk_tags(tags: &BTreeMap<String, String>) -> Vec<sdk::Tag> {
    tags.iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build()).collect()
}
