//! What was asked, laid over what a launch template asks for. Pure.
//!
//! A field that the request gives wins, option by option where there are several; one that it does not
//! give is the template's; one that neither gives is Gantry's default. Lists of groups, interfaces and
//! types are replaced as a whole, as RunInstances does. Tags are merged by their keys. A mapping changes the
//! template's mapping of the same device as the template's changes the image's, so that to ask for a
//! larger volume does not lose its encryption. What a placement does not say, tenancy and host among
//! it, is the template's.

mod volumes;

use std::collections::BTreeMap;

use crate::ec2::PUBLIC_PARAMETERS;
use crate::ec2::run::{RunCpuOptions, RunInstanceProfile, RunMarket, RunMetadataOptions, RunNetworkInterface};
use crate::ec2::template::{LaunchTemplate, RESOLVE_SSM, TemplateData, Uncarried};
use crate::ids::Sha256Digest;
use crate::record::{
    CpuOptions, GivenField, IamInstanceProfile, ImageChoice, ImageSelector, Market, MetadataOptions, NetworkInterface,
    Placement, Spec, TemplateChoice, TemplateReference,
};

/// What came of merging.
#[derive(Debug, PartialEq)]
pub(super) struct Merged {
    /// The spec; its template is pinned to the number of its version.
    pub(super) spec: Spec,
    /// The template's user data, if the request has none.
    pub(super) user_data: Option<Vec<u8>>,
    /// What the template asks for, the request does not replace, and a spec cannot say.
    pub(super) uncarried: Vec<Uncarried>,
}

impl Merged {
    /// What was asked, where there is nothing to lay it over.
    pub(super) fn nothing(asked: &Spec) -> Self {
        Self { spec: asked.clone(), user_data: None, uncarried: Vec::new() }
    }
}

/// `asked` laid over `template`, which it names by `choice`.
pub(super) fn merge(asked: &Spec, choice: &TemplateChoice, template: &LaunchTemplate) -> Merged {
    let data = &template.data;
    let given = |field: GivenField| choice.given.contains(&field);
    let mut uncarried = template.uncarried.clone();
    let image = match (&asked.image, &data.image_id) {
        (ImageChoice::LaunchTemplate, Some(image_id)) => image_of(image_id, &mut uncarried),
        (named, _) => named.clone(),
    };
    let user_data = data.user_data.as_ref().filter(|_| asked.user_data_sha256.is_none()).map(|data| data.0.clone());
    let mut instance_types = asked.instance_types.clone();
    if let (true, Some(name)) = (instance_types.is_empty(), &data.instance_type) {
        match name.parse() {
            Ok(instance_type) => instance_types.push(instance_type),
            Err(_) => uncarried.push(Uncarried { field: "instance_type".to_owned(), observed: name.clone() }),
        }
    }
    let tokens_given = given(GivenField::HttpTokens);
    let metadata_options =
        metadata_options(&asked.metadata_options, tokens_given, &data.metadata_options, &mut uncarried);
    let cpu_options = cpu_options(&asked.cpu_options, &data.cpu_options, &mut uncarried);
    uncarried.retain(|uncarried| !is_replaced(uncarried, asked, choice));
    let spec = Spec {
        image,
        instance_types,
        placements: placements(&asked.placements, data),
        market: if given(GivenField::Market) { asked.market.clone() } else { market(data.market.as_ref()) },
        key_name: asked.key_name.clone().or_else(|| data.key_name.clone()),
        security_group_ids: either(&asked.security_group_ids, || data.security_group_ids.clone()),
        network_interfaces: either(&asked.network_interfaces, || {
            data.network_interfaces.iter().map(network_interface).collect()
        }),
        iam_instance_profile: asked
            .iam_instance_profile
            .clone()
            .or_else(|| data.iam_instance_profile.as_ref().map(instance_profile)),
        user_data_sha256: asked.user_data_sha256.or_else(|| user_data.as_deref().map(Sha256Digest::of)),
        block_device_mappings: volumes::merge(&asked.block_device_mappings, &data.block_device_mappings),
        metadata_options,
        hibernation: if given(GivenField::Hibernation) {
            asked.hibernation
        } else {
            data.hibernation.unwrap_or(asked.hibernation)
        },
        enclave: if given(GivenField::Enclave) { asked.enclave } else { data.enclave.unwrap_or(asked.enclave) },
        cpu_credits: asked.cpu_credits.clone().or_else(|| data.cpu_credits.clone()),
        cpu_options,
        launch_template: Some(TemplateChoice {
            // Its name may come to be another template's.
            template: TemplateReference::Id(template.launch_template_id.clone()),
            version: template.version_number.to_string(),
            given: Default::default(),
        }),
        tags: tags(&asked.tags, &data.instance_tags),
        volume_tags: tags(&asked.volume_tags, &data.volume_tags),
        ..asked.clone()
    };
    Merged { spec, user_data, uncarried }
}

/// Whether the request itself gives what a part of the template that cannot be carried is about.
fn is_replaced(uncarried: &Uncarried, asked: &Spec, choice: &TemplateChoice) -> bool {
    let each = |says: fn(&Placement) -> bool| !asked.placements.is_empty() && asked.placements.iter().all(says);
    let has_location = |place: &Placement| place.subnet_id.is_some() || place.availability_zone.is_some();
    match uncarried.parameter() {
        "image_id" => asked.image != ImageChoice::LaunchTemplate,
        "instance_type" | "instance_requirements" => !asked.instance_types.is_empty(),
        "security_group_ids" | "security_groups" => !asked.security_group_ids.is_empty(),
        "network_interfaces" => !asked.network_interfaces.is_empty(),
        "iam_instance_profile" => asked.iam_instance_profile.is_some(),
        "user_data" => asked.user_data_sha256.is_some(),
        "instance_market_options" => choice.given.contains(&GivenField::Market),
        "capacity_reservation_specification" => each(|place| place.capacity_reservation_id.is_some()),
        "placement" => match uncarried.field.as_str() {
            "placement.availability_zone" | "placement.availability_zone_id" => each(has_location),
            "placement.group_id" => each(|place| place.placement_group.is_some()),
            "placement.host_resource_group_arn" => each(|place| place.host_id.is_some()),
            _ => false,
        },
        _ => false,
    }
}

/// The image that a template names: by id, or by a public parameter, which is resolved as a selector's is.
fn image_of(image_id: &str, uncarried: &mut Vec<Uncarried>) -> ImageChoice {
    let parameter = image_id.strip_prefix(RESOLVE_SSM);
    // A parameter of the account's own is not read, and a version or label of one cannot be asked for.
    let is_public = |name: &&str| name.starts_with(PUBLIC_PARAMETERS) && !name.contains(':');
    if let Some(name) = parameter.filter(is_public) {
        let selector = ImageSelector { ssm_parameter: Some(name.to_owned()), ..ImageSelector::default() };
        return ImageChoice::Selector(Box::new(selector));
    }
    if let Ok(image_id) = image_id.parse() {
        return ImageChoice::ImageId(image_id);
    }
    uncarried.push(Uncarried { field: "image_id".to_owned(), observed: image_id.to_owned() });
    ImageChoice::LaunchTemplate
}

fn either<T: Clone>(asked: &[T], template: impl FnOnce() -> Vec<T>) -> Vec<T> {
    if asked.is_empty() { template() } else { asked.to_vec() }
}

fn tags(asked: &BTreeMap<String, String>, template: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    template.iter().chain(asked).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Each placement with what it does not say itself. Two that become the same are one.
fn placements(asked: &[Placement], data: &TemplateData) -> Vec<Placement> {
    let template = Placement {
        subnet_id: None,
        availability_zone: data.placement.availability_zone.clone(),
        tenancy: data.placement.tenancy.clone(),
        host_id: data.placement.host_id.clone(),
        placement_group: data.placement.group_name.clone(),
        capacity_reservation_id: data.capacity_reservation_id.clone(),
    };
    if asked.is_empty() {
        return if template == Placement::default() { Vec::new() } else { vec![template] };
    }
    let mut merged: Vec<Placement> = Vec::with_capacity(asked.len());
    for place in asked {
        // A host goes with the tenancy that the template has it for.
        let host_may = place.tenancy.as_deref().is_none_or(|tenancy| tenancy == "host");
        let place = Placement {
            subnet_id: place.subnet_id.clone(),
            availability_zone: place
                .availability_zone
                .clone()
                .or_else(|| template.availability_zone.clone().filter(|_| place.subnet_id.is_none())),
            tenancy: place.tenancy.clone().or_else(|| template.tenancy.clone()),
            host_id: place.host_id.clone().or_else(|| template.host_id.clone().filter(|_| host_may)),
            placement_group: place.placement_group.clone().or_else(|| template.placement_group.clone()),
            capacity_reservation_id: place
                .capacity_reservation_id
                .clone()
                .or_else(|| template.capacity_reservation_id.clone()),
        };
        if !merged.contains(&place) {
            merged.push(place);
        }
    }
    merged
}

fn market(template: Option<&RunMarket>) -> Market {
    match template.map(|market| (market.market_type.as_str(), &market.max_price)) {
        Some(("spot", max_price)) => Market::Spot { max_price_usd: max_price.clone() },
        Some(("capacity-block", _)) => Market::CapacityBlock,
        // Another word was noted when the template was read.
        _ => Market::OnDemand,
    }
}

fn instance_profile(template: &RunInstanceProfile) -> IamInstanceProfile {
    match template {
        RunInstanceProfile::Name(name) => IamInstanceProfile::Name(name.clone()),
        RunInstanceProfile::Arn(arn) => IamInstanceProfile::Arn(arn.clone()),
    }
}

fn network_interface(template: &RunNetworkInterface) -> NetworkInterface {
    NetworkInterface {
        device_index: template.device_index,
        network_interface_id: template.network_interface_id.clone(),
        subnet_id: template.subnet_id.clone(),
        security_group_ids: template.security_group_ids.clone(),
        associate_public_ip_address: template.associate_public_ip_address,
        delete_on_termination: template.delete_on_termination,
    }
}

fn metadata_options(
    asked: &MetadataOptions,
    tokens_given: bool,
    template: &RunMetadataOptions,
    uncarried: &mut Vec<Uncarried>,
) -> MetadataOptions {
    let mut switch = |name: &str, own: Option<bool>, word: &Option<String>, words: [&str; 2]| {
        own.or_else(|| flag(&format!("metadata_options.{name}"), word.as_deref()?, words, uncarried))
    };
    let own_tokens = tokens_given.then_some(asked.tokens_required);
    let tokens = switch("http_tokens", own_tokens, &template.http_tokens, ["required", "optional"]);
    MetadataOptions {
        tokens_required: tokens.unwrap_or(asked.tokens_required),
        hop_limit: asked.hop_limit.or(template.http_put_response_hop_limit),
        endpoint_enabled: switch("http_endpoint", asked.endpoint_enabled, &template.http_endpoint, SWITCH),
        instance_tags: switch("instance_metadata_tags", asked.instance_tags, &template.instance_metadata_tags, SWITCH),
    }
}

fn cpu_options(asked: &CpuOptions, template: &RunCpuOptions, uncarried: &mut Vec<Uncarried>) -> CpuOptions {
    let mut switch = |name: &str, own: Option<bool>, word: &Option<String>| {
        own.or_else(|| flag(&format!("cpu_options.{name}"), word.as_deref()?, SWITCH, uncarried))
    };
    CpuOptions {
        core_count: asked.core_count.or(template.core_count),
        threads_per_core: asked.threads_per_core.or(template.threads_per_core),
        amd_sev_snp: switch("amd_sev_snp", asked.amd_sev_snp, &template.amd_sev_snp),
        nested_virtualization: switch(
            "nested_virtualization",
            asked.nested_virtualization,
            &template.nested_virtualization,
        ),
    }
}

/// EC2's words for on and off.
const SWITCH: [&str; 2] = ["enabled", "disabled"];

/// Which of the two words it is. A word that is born later is not taken for either.
fn flag(field: &str, word: &str, [on, off]: [&str; 2], uncarried: &mut Vec<Uncarried>) -> Option<bool> {
    match word {
        _ if word == on => Some(true),
        _ if word == off => Some(false),
        _ => {
            uncarried.push(Uncarried { field: field.to_owned(), observed: word.to_owned() });
            None
        }
    }
}

#[cfg(test)]
mod tests;
