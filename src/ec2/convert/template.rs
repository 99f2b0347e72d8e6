//! From a version of a launch template to ours, with the name of everything that ours has no place for.
//!
//! Of every structure the members that are carried are taken out, those that are known and not carried
//! are noted, and what is left over must be nothing: so a member that a later SDK knows is noticed too.
//! A member that asks for what RunInstances does anyway is no wish and is passed over.

mod interface;
mod rest;

use aws_sdk_ec2::types as sdk;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::word;
use crate::ec2::run::{
    RunBlockDevice, RunCpuOptions, RunEbsVolume, RunInstanceProfile, RunMarket, RunMetadataOptions, RunPlacement,
};
use crate::ec2::template::{LaunchTemplate, TemplateData, UserData};
use rest::Rest;

/// The version, or none if EC2 left out which it is.
pub(in crate::ec2) fn launch_template(from: sdk::LaunchTemplateVersion) -> Option<LaunchTemplate> {
    let mut rest = Rest::default();
    let data = data(from.launch_template_data?, &mut rest);
    Some(LaunchTemplate {
        launch_template_id: from.launch_template_id?,
        launch_template_name: from.launch_template_name,
        version_number: u64::try_from(from.version_number?).ok()?,
        data,
        uncarried: rest.into_fields(),
    })
}

fn data(mut from: sdk::ResponseLaunchTemplateData, rest: &mut Rest) -> TemplateData {
    let mut data = TemplateData {
        image_id: text(from.image_id.take()),
        instance_type: word(from.instance_type.take()),
        key_name: text(from.key_name.take()),
        security_group_ids: rest.ids("security_group_ids", from.security_group_ids.take()),
        network_interfaces: interface::list(from.network_interfaces.take(), rest),
        iam_instance_profile: from.iam_instance_profile.take().and_then(|profile| instance_profile(profile, rest)),
        user_data: from.user_data.take().and_then(|encoded| user_data(&encoded, rest)),
        block_device_mappings: block_devices(from.block_device_mappings.take(), rest),
        hibernation: from.hibernation_options.take().and_then(|options| options.configured),
        enclave: from.enclave_options.take().and_then(|options| options.enabled),
        cpu_credits: from.credit_specification.take().and_then(|credits| text(credits.cpu_credits)),
        placement: from.placement.take().map(|placement| self::placement(placement, rest)).unwrap_or_default(),
        market: from.instance_market_options.take().and_then(|market| self::market(market, rest)),
        metadata_options: from.metadata_options.take().map(|o| metadata_options(o, rest)).unwrap_or_default(),
        cpu_options: from.cpu_options.take().map(|options| cpu_options(options, rest)).unwrap_or_default(),
        capacity_reservation_id: from
            .capacity_reservation_specification
            .take()
            .and_then(|reservation| capacity_reservation(reservation, rest)),
        ..TemplateData::default()
    };
    for specification in from.tag_specifications.take().unwrap_or_default() {
        let tags = super::tags(specification.tags);
        match specification.resource_type {
            Some(sdk::ResourceType::Instance) => data.instance_tags.extend(tags),
            Some(sdk::ResourceType::Volume) => data.volume_tags.extend(tags),
            _ if tags.is_empty() => {}
            other => rest.note("tag_specifications", word(other).unwrap_or_default()),
        }
    }
    uncarried(from, rest);
    data
}

/// Notes the parameters that are not carried at all.
fn uncarried(mut from: sdk::ResponseLaunchTemplateData, rest: &mut Rest) {
    rest.text("kernel_id", from.kernel_id.take());
    rest.text("ram_disk_id", from.ram_disk_id.take());
    rest.flag("ebs_optimized", from.ebs_optimized.take());
    rest.flag("monitoring.enabled", from.monitoring.take().and_then(|monitoring| monitoring.enabled));
    rest.flag("disable_api_termination", from.disable_api_termination.take());
    rest.flag("disable_api_stop", from.disable_api_stop.take());
    rest.unless("instance_initiated_shutdown_behavior", word(from.instance_initiated_shutdown_behavior.take()), "stop");
    // Names of groups mean something in a default VPC only, and there they have ids too.
    rest.list("security_groups", from.security_groups.take());
    rest.list("elastic_gpu_specifications", from.elastic_gpu_specifications.take());
    rest.list("elastic_inference_accelerators", from.elastic_inference_accelerators.take());
    rest.list("license_specifications", from.license_specifications.take());
    rest.list("secondary_interfaces", from.secondary_interfaces.take());
    if from.instance_requirements.take().is_some() {
        rest.note("instance_requirements", "attributes instead of an instance type");
    }
    if let Some(mut options) = from.private_dns_name_options.take() {
        rest.text("private_dns_name_options.hostname_type", word(options.hostname_type.take()));
        let a = options.enable_resource_name_dns_a_record.take();
        rest.text("private_dns_name_options.enable_resource_name_dns_a_record", a);
        let aaaa = options.enable_resource_name_dns_aaaa_record.take();
        rest.text("private_dns_name_options.enable_resource_name_dns_aaaa_record", aaaa);
        rest.nothing_left(
            "private_dns_name_options",
            &options,
            &sdk::LaunchTemplatePrivateDnsNameOptions::builder().build(),
        );
    }
    let recovery = from.maintenance_options.take().and_then(|options| options.auto_recovery);
    rest.unless("maintenance_options.auto_recovery", word(recovery), "default");
    let weighting = from.network_performance_options.take().and_then(|options| options.bandwidth_weighting);
    rest.unless("network_performance_options.bandwidth_weighting", word(weighting), "default");
    // Who manages the template, which is about the template and not about a launch.
    from.operator = None;
    rest.nothing_left("launch_template_data", &from, &sdk::ResponseLaunchTemplateData::builder().build());
}

/// EC2 writes some texts that were left empty.
fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn instance_profile(
    from: sdk::LaunchTemplateIamInstanceProfileSpecification,
    rest: &mut Rest,
) -> Option<RunInstanceProfile> {
    match (text(from.arn), text(from.name)) {
        (Some(_), Some(name)) => {
            rest.note("iam_instance_profile.name", format!("{name}, beside an ARN"));
            None
        }
        (Some(arn), None) => Some(RunInstanceProfile::Arn(arn)),
        (None, name) => name.map(RunInstanceProfile::Name),
    }
}

/// User data comes encoded; line breaks within are of whoever encoded it.
fn user_data(encoded: &str, rest: &mut Rest) -> Option<UserData> {
    let compact: String = encoded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    match STANDARD.decode(compact) {
        Ok(bytes) if bytes.is_empty() => None,
        Ok(bytes) => Some(UserData(bytes)),
        Err(_) => {
            rest.note("user_data", "no base64");
            None
        }
    }
}

fn block_devices(from: Option<Vec<sdk::LaunchTemplateBlockDeviceMapping>>, rest: &mut Rest) -> Vec<RunBlockDevice> {
    let devices = from.unwrap_or_default().into_iter().enumerate();
    devices
        .map(|(index, mut from)| {
            let field = format!("block_device_mappings[{index}]");
            let device = RunBlockDevice {
                device_name: from.device_name.take().unwrap_or_default(),
                virtual_name: text(from.virtual_name.take()),
                // An empty text is the wish itself.
                no_device: from.no_device.take().is_some(),
                ebs: from.ebs.take().map(|ebs| volume(&field, ebs, rest)),
            };
            rest.nothing_left(&field, &from, &sdk::LaunchTemplateBlockDeviceMapping::builder().build());
            device
        })
        .collect()
}

fn volume(device: &str, mut from: sdk::LaunchTemplateEbsBlockDevice, rest: &mut Rest) -> RunEbsVolume {
    let field = |name: &str| format!("{device}.ebs.{name}");
    let volume = RunEbsVolume {
        volume_size_gib: rest.count(&field("volume_size"), from.volume_size.take()),
        volume_type: word(from.volume_type.take()),
        iops: rest.count(&field("iops"), from.iops.take()),
        throughput_mibps: rest.count(&field("throughput"), from.throughput.take()),
        snapshot_id: text(from.snapshot_id.take()),
        encrypted: from.encrypted.take(),
        kms_key_id: text(from.kms_key_id.take()),
        delete_on_termination: from.delete_on_termination.take(),
    };
    rest.number(&field("volume_initialization_rate"), from.volume_initialization_rate.take());
    rest.number(&field("ebs_card_index"), from.ebs_card_index.take());
    rest.nothing_left(&field("*"), &from, &sdk::LaunchTemplateEbsBlockDevice::builder().build());
    volume
}

fn placement(mut from: sdk::LaunchTemplatePlacement, rest: &mut Rest) -> RunPlacement {
    let placement = RunPlacement {
        availability_zone: rest.id("placement.availability_zone", text(from.availability_zone.take())),
        tenancy: word(from.tenancy.take()),
        host_id: text(from.host_id.take()),
        group_name: text(from.group_name.take()),
    };
    rest.text("placement.availability_zone_id", from.availability_zone_id.take());
    rest.unless("placement.affinity", from.affinity.take(), "default");
    rest.text("placement.spread_domain", from.spread_domain.take());
    rest.text("placement.host_resource_group_arn", from.host_resource_group_arn.take());
    rest.number("placement.partition_number", from.partition_number.take());
    rest.text("placement.group_id", from.group_id.take());
    rest.nothing_left("placement", &from, &sdk::LaunchTemplatePlacement::builder().build());
    placement
}

fn market(mut from: sdk::LaunchTemplateInstanceMarketOptions, rest: &mut Rest) -> Option<RunMarket> {
    let field = "instance_market_options.spot_options";
    let mut max_price = None;
    if let Some(mut spot) = from.spot_options.take() {
        max_price = text(spot.max_price.take());
        rest.unless(&format!("{field}.spot_instance_type"), word(spot.spot_instance_type.take()), "one-time");
        let behavior = word(spot.instance_interruption_behavior.take());
        rest.unless(&format!("{field}.instance_interruption_behavior"), behavior, "terminate");
        rest.number(&format!("{field}.block_duration_minutes"), spot.block_duration_minutes.take());
        rest.text(&format!("{field}.valid_until"), spot.valid_until.take().map(|time| time.secs()));
        rest.nothing_left(field, &spot, &sdk::LaunchTemplateSpotMarketOptions::builder().build());
    }
    let market_type = word(from.market_type.take());
    rest.nothing_left("instance_market_options", &from, &sdk::LaunchTemplateInstanceMarketOptions::builder().build());
    match market_type.as_deref() {
        Some("spot" | "capacity-block" | "on-demand") => {}
        None if max_price.is_none() => return None,
        other => rest.note("instance_market_options.market_type", other.unwrap_or("absent, beside Spot options")),
    }
    market_type.map(|market_type| RunMarket { market_type, max_price })
}

fn capacity_reservation(
    from: sdk::LaunchTemplateCapacityReservationSpecificationResponse,
    rest: &mut Rest,
) -> Option<String> {
    let field = "capacity_reservation_specification";
    let preference = word(from.capacity_reservation_preference);
    rest.unless(&format!("{field}.capacity_reservation_preference"), preference, "open");
    let target = from.capacity_reservation_target?;
    let group = target.capacity_reservation_resource_group_arn;
    rest.text(&format!("{field}.capacity_reservation_target.capacity_reservation_resource_group_arn"), group);
    text(target.capacity_reservation_id)
}

fn metadata_options(mut from: sdk::LaunchTemplateInstanceMetadataOptions, rest: &mut Rest) -> RunMetadataOptions {
    // How far a change of an instance has come, which a template does not ask for.
    from.state = None;
    let options = RunMetadataOptions {
        http_tokens: word(from.http_tokens.take()),
        http_put_response_hop_limit: rest
            .count("metadata_options.http_put_response_hop_limit", from.http_put_response_hop_limit.take()),
        http_endpoint: word(from.http_endpoint.take()),
        instance_metadata_tags: word(from.instance_metadata_tags.take()),
    };
    rest.unless("metadata_options.http_protocol_ipv6", word(from.http_protocol_ipv6.take()), "disabled");
    rest.nothing_left("metadata_options", &from, &sdk::LaunchTemplateInstanceMetadataOptions::builder().build());
    options
}

fn cpu_options(mut from: sdk::LaunchTemplateCpuOptions, rest: &mut Rest) -> RunCpuOptions {
    let options = RunCpuOptions {
        core_count: rest.count("cpu_options.core_count", from.core_count.take()),
        threads_per_core: rest.count("cpu_options.threads_per_core", from.threads_per_core.take()),
        amd_sev_snp: word(from.amd_sev_snp.take()),
        nested_virtualization: word(from.nested_virtualization.take()),
    };
    rest.nothing_left("cpu_options", &from, &sdk::LaunchTemplateCpuOptions::builder().build());
    options
}

#[cfg(test)]
mod tests;
