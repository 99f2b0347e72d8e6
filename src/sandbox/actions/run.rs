//! RunInstances: read, check, and launch as many as there is capacity for.
//!
//! The order is EC2's as far as clients can tell: parameters, then the client token, then what
//! image and type say to each other, then the dry run, then capacity. A call that failed left
//! nothing behind.

mod fit;
mod mappings;
mod placement;
mod request;

use std::collections::BTreeMap;

use super::Call;
use super::instances::answer::View;
use super::instances::write_reservation;
use crate::sandbox::cloud::{
    BootTimes, Fate, Instance, InstanceState, LIVE_INSTANCES_MAX, Launched, Line, State, Tags, Token, TokenKey, Volume,
};
use crate::sandbox::images::facts::{Alias, Image};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;
use crate::sandbox::zones::Zone;
use mappings::VolumeRequest;
use request::Request;

/// RunInstances.
pub(super) fn run(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    let request = Request::read(call)?;
    let key = request.client_token.clone().map(|token| TokenKey { token, zone: request.named_zone() });
    let fingerprint = crate::ids::Sha256Digest::of(call.query.canonical(&["DryRun"]).as_bytes()).to_string();
    let mut state = call.cloud.state();
    if let Some(known) = key.as_ref().and_then(|key| state.token(key)) {
        repeat(call, &state, known, &fingerprint)?.write(call, &state, xml);
        return Ok(());
    }
    let image = fit::image(call, &request)?;
    fit::check(image, &request)?;
    let volumes = mappings::resolve(image, &request)?;
    call.permit()?;
    state.forget_gone(call.now);
    let (zone, count) = capacity(call, &state, &request)?;
    let token = key.map(|key| (key, fingerprint));
    let launched = launch(call, &mut state, &request, image, &volumes, zone, count, token)?;
    launched.write(call, &state, xml);
    Ok(())
}

/// What a launch answers: a reservation's instances.
#[derive(Debug)]
struct Reservation {
    instance_ids: Vec<String>,
}

impl Reservation {
    fn write(&self, call: &Call<'_>, state: &State, xml: &mut Xml) {
        // Also those that Describe calls do not find yet: RunInstances knows what it did.
        let instances = self.instance_ids.iter().filter_map(|id| state.launched_instance(id));
        let views: Vec<View<'_>> = instances.map(|instance| View::new(instance, state, call)).collect();
        write_reservation(xml, &views);
    }
}

/// The answer to a token that was used before.
fn repeat(call: &Call<'_>, state: &State, known: &Token, fingerprint: &str) -> Result<Reservation, Ec2Error> {
    if known.request != fingerprint {
        return Err(Ec2Error::new(
            "IdempotentParameterMismatch",
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        ));
    }
    call.permit()?;
    let over = known.instance_ids.iter().all(|id| {
        state.launched_instance(id).is_none_or(|instance| {
            instance.is_gone(call.now) || instance.standing(call.now).state == InstanceState::Terminated
        })
    });
    if over {
        return Err(Ec2Error::new(
            "IdempotentInstanceTerminated",
            "The client token was used by a previous request whose instances have been terminated.",
        ));
    }
    Ok(Reservation { instance_ids: known.instance_ids.clone() })
}

/// Where to launch, and how many: everything asked for unless capacity is short.
fn capacity<'a>(call: &Call<'a>, state: &State, request: &Request<'a>) -> Result<(&'a Zone, u32), Ec2Error> {
    let network = &call.cloud.network;
    let name = request.instance_type.name();
    let offering = network.offering(request.instance_type);
    let zone_names = |zones: &[&Zone]| zones.iter().map(|zone| zone.name.clone()).collect::<Vec<_>>().join(", ");
    let zone = match request.zone {
        Some(zone) if zone.offers(request.instance_type, network) => zone,
        Some(zone) => {
            let message = format!(
                "Your requested instance type ({name}) is not supported in your requested Availability Zone ({}). \
                 Please retry your request by not specifying an Availability Zone or choosing {}.",
                zone.name,
                zone_names(&offering)
            );
            return Err(Ec2Error::new("Unsupported", message));
        }
        None => {
            let turn = usize::try_from(state.next_launch()).unwrap_or(0);
            offering.get(turn % offering.len().max(1)).copied().unwrap_or(&network.zones[0])
        }
    };
    let available = call.conditions.available.unwrap_or(u32::MAX);
    if available < request.min_count {
        let others: Vec<&Zone> = offering.into_iter().filter(|other| other.name != zone.name).collect();
        let message = format!(
            "We currently do not have sufficient {name} capacity in the Availability Zone you requested ({}). Our \
             system will be working on provisioning additional capacity. You can currently get {name} capacity by not \
             specifying an Availability Zone in your request or choosing {}.",
            zone.name,
            zone_names(&others)
        );
        return Err(Ec2Error::with_status(500, "InsufficientInstanceCapacity", message));
    }
    let count = request.max_count.min(available);
    if state.live(call.now) + usize::try_from(count).unwrap_or(usize::MAX) > LIVE_INSTANCES_MAX {
        let message =
            format!("You have requested more instances than your current limit of {LIVE_INSTANCES_MAX} allows.");
        return Err(Ec2Error::new("InstanceLimitExceeded", message));
    }
    Ok((zone, count))
}

#[expect(clippy::too_many_arguments, reason = "called once; everything a launch is made of")]
fn launch(
    call: &Call<'_>,
    state: &mut State,
    request: &Request<'_>,
    image: &Image,
    volumes: &[VolumeRequest],
    zone: &Zone,
    count: u32,
    token: Option<(TokenKey, String)>,
) -> Result<Reservation, Ec2Error> {
    let addresses =
        state.free_addresses(zone, usize::try_from(count).unwrap_or(usize::MAX), call.now).ok_or_else(|| {
            let message = format!("Not enough free addresses in subnet '{}'.", zone.subnet_id);
            Ec2Error::new("InsufficientFreeAddressesInSubnet", message)
        })?;
    let cloud = call.cloud;
    let number = state.next_launch();
    let reservation_id = cloud.derived_id("r", "reservation", number);
    let facts = facts(request, image);
    let fate = image.extras.as_ref().and_then(|extras| extras.fate.clone()).unwrap_or(Fate::Healthy);
    let mut tags: BTreeMap<String, Tags> = BTreeMap::new();
    let mut instances = Vec::with_capacity(addresses.len());
    for ((sequence, launch_index), address) in (state.next_sequence()..).zip(0..).zip(addresses) {
        let id = cloud.derived_id("i", "instance", sequence);
        let volumes: Vec<Volume> = (1..)
            .zip(volumes)
            .map(|(nth, volume)| Volume {
                id: cloud.derived_id("vol", &id, nth),
                device: volume.device.clone(),
                delete_on_termination: volume.delete_on_termination,
                size_gib: volume.size_gib,
                volume_type: volume.volume_type.as_str().to_owned(),
                encrypted: volume.encrypted,
            })
            .collect();
        for volume in volumes.iter().filter(|_| !request.volume_tags.is_empty()) {
            tags.insert(volume.id.clone(), request.volume_tags.clone());
        }
        if !request.interface_tags.is_empty() {
            tags.insert(id.replacen("i-", "eni-", 1), request.interface_tags.clone());
        }
        if !request.instance_tags.is_empty() {
            tags.insert(id.clone(), request.instance_tags.clone());
        }
        let instance_store = facts.root_device_type == "instance-store";
        instances.push(Instance {
            boot: BootTimes::draw(&id, cloud.seed, instance_store, cloud.speed),
            id,
            sequence,
            reservation_id: reservation_id.clone(),
            launch_index,
            launched: call.now,
            zone: zone.name.clone(),
            address,
            fate: fate.clone(),
            terminated: None,
            visible_from: call.conditions.invisible_for.and_then(|wait| call.now.checked_add(wait).ok()),
            volumes,
            launch: facts.clone(),
        });
    }
    let instance_ids: Vec<String> = instances.iter().map(|instance| instance.id.clone()).collect();
    let token = token.map(|(key, fingerprint)| {
        let instance_ids = instance_ids.clone();
        (key, Token { request: fingerprint, reservation_id, instance_ids, used: call.now })
    });
    let region = call.region().to_owned();
    call.change(state, Line::Launch { region, token, instances, tags, launches: number })?;
    Ok(Reservation { instance_ids })
}

/// What every instance of the launch has in common.
fn facts(request: &Request<'_>, image: &Image) -> Launched {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let (cores, threads) = request.cpu.unwrap_or_else(|| request.instance_type.cores());
    let extras = image.extras.as_deref();
    Launched {
        image_id: image.id.to_string(),
        instance_type: request.instance_type.name().to_owned(),
        client_token: request.client_token.clone(),
        architecture: image.architecture.as_str().to_owned(),
        root_device_type: image.root_device_type.as_str().to_owned(),
        root_device_name: owned(image.root_device_name),
        virtualization: fit::virtualization(image).as_str().to_owned(),
        platform: owned(image.platform()),
        platform_details: owned(image.billing.map(|billing| billing.platform_details())),
        usage_operation: owned(image.billing.map(|billing| billing.as_str())),
        boot_mode: owned(image.boot_mode.map(|mode| mode.as_str())),
        current_boot_mode: owned(fit::current_boot_mode(image, request.instance_type)),
        tpm: image.tpm,
        ena: image.ena == Some(true),
        sriov: image.sriov,
        kernel: owned(image.kernel),
        ramdisk: owned(image.ramdisk),
        product_codes: extras
            .into_iter()
            .flat_map(|extras| &extras.product_codes)
            .map(|(code, kind)| (code.clone(), kind.as_str().to_owned()))
            .collect(),
        cores,
        threads_per_core: threads,
        nitro: request.instance_type.is_nitro(),
        key_name: owned(request.key_name),
        security_groups: request.security_groups.clone(),
        public_address: request.public_address,
        metadata: request.metadata.resolve(image.imds_v2),
        monitoring: request.monitoring,
        ebs_optimized: request.ebs_optimized || request.instance_type.is_ebs_optimized_by_default(),
        enclave: request.enclave,
        hibernation: request.hibernation,
        spot: request.spot,
        tenancy: request.tenancy.to_owned(),
        iam_profile: request.iam_profile.clone(),
        shutdown_behavior: request.shutdown_behavior.unwrap_or("stop").to_owned(),
        termination_protected: request.termination_protected,
    }
}

/// Whether the account may launch what an image's owner sells.
fn needs_subscription(image: &Image) -> bool {
    image.alias == Some(Alias::Marketplace) && image.extras.as_ref().is_some_and(|extras| extras.unsubscribed)
}

#[cfg(test)]
mod tests;
