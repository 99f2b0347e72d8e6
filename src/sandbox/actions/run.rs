//! RunInstances: read, check, and launch as many as there is capacity for.
//!
//! The order is EC2's as far as clients can tell: parameters, then the client token, then what
//! image and type say to each other, then the dry run, then capacity. A call that failed left
//! nothing behind.

mod capacity;
mod facts;
pub(super) mod fit;
mod interfaces;
mod mappings;
pub(super) mod options;
mod placement;
pub(super) mod quotas;
mod request;
mod spot;
mod volumes;

use std::collections::BTreeMap;

use super::instances::answer::View;
use super::instances::write_reservation;
use super::{Call, launch_templates, outage};
use crate::sandbox::cloud::{
    BootTimes, Instance, InstanceState, Line, NetworkInterface, State, Tags, Token, TokenKey, Volume,
};
use crate::sandbox::images::facts::Image;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::xml::Xml;
use crate::sandbox::zones::Zone;
use facts::{facts, fate};
use request::Request;
use volumes::VolumeRequest;

/// RunInstances.
pub(super) fn run(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    // The request itself decides whether two calls ask the same, whatever its template, its key pair
    // or the account say by now: who repeats a call gets what it launched.
    let fingerprint = crate::ids::Sha256Digest::of(call.query.canonical(&["DryRun"]).as_bytes()).to_string();
    if let Some(token) = request::client_token(call.params())? {
        let state = call.cloud.state();
        if let Some((key, known)) = asked_before(call, &state, &token, &fingerprint) {
            if key.zone.is_none() {
                outage::refuse_anywhere(call)?;
            }
            repeat(call, &state, known, &fingerprint)?.write(call, &state, xml);
            return Ok(());
        }
    }
    let template = launch_templates::launch(call)?;
    let query = template.as_ref().map_or(call.query, |template| &template.query);
    let mut request = Request::read(call, query)?;
    if let Some(template) = &template {
        request.tags.instance.extend(template.tags.clone());
    }
    let key = request.client_token.clone().map(|token| TokenKey { token, zone: request.named_zone() });
    if key.as_ref().is_some_and(|key| key.zone.is_none()) {
        outage::refuse_anywhere(call)?;
    }
    let mut state = call.cloud.state();
    let same = key.as_ref().and_then(|key| asked_before(call, &state, &key.token, &fingerprint));
    if let Some(known) = same.map(|(_, known)| known).or(key.as_ref().and_then(|key| state.token(key, call.now))) {
        repeat(call, &state, known, &fingerprint)?.write(call, &state, xml);
        return Ok(());
    }
    let image = &*fit::image(call, &state, &request)?;
    fit::check(image, &request, &call.account())?;
    let volumes = mappings::resolve(call, &state, image, &request)?;
    check_addresses(&state, &request, call)?;
    call.permit()?;
    state.forget_gone(call.now);
    let (zone, count) = capacity::capacity(call, &state, &request)?;
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

/// What this very request launched, in whichever zone: the one that it was scoped to may have come
/// from a template that has changed since.
fn asked_before<'s>(
    call: &Call<'_>,
    state: &'s State,
    token: &str,
    fingerprint: &str,
) -> Option<(TokenKey, &'s Token)> {
    let zones = call.cloud.network.zones.iter().map(|zone| Some(zone.name.clone()));
    zones.chain([None]).find_map(|zone| {
        let key = TokenKey { token: token.to_owned(), zone };
        let known = state.token(&key, call.now).filter(|known| known.request == fingerprint)?;
        Some((key, known))
    })
}

/// The answer to a token that was used before.
fn repeat(call: &Call<'_>, state: &State, known: &Token, fingerprint: &str) -> Result<Reservation, Ec2Error> {
    if known.request != fingerprint {
        return Err(Ec2Error::idempotent_mismatch());
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
            "The client token you have provided is associated with a resource that has been deleted. Please use a \
             different client token.",
        ));
    }
    Ok(Reservation { instance_ids: known.instance_ids.clone() })
}

/// Refuses private addresses that are in use already.
fn check_addresses(state: &State, request: &Request<'_>, call: &Call<'_>) -> Result<(), Ec2Error> {
    let Some(zone) = request.zone else { return Ok(()) };
    let mut named = request.private_addresses.iter().flatten();
    match named.find(|number| state.is_address_used(zone, **number, call.now)) {
        Some(used) => Err(interfaces::in_use(&zone.address(*used))),
        None => Ok(()),
    }
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
    let instances_count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut addresses = addresses(state, request, zone, instances_count, call)?.into_iter();
    let cloud = call.cloud;
    let number = state.next_launch();
    let reservation_id = cloud.derived_id("r", "reservation", number);
    let facts = facts(request, image, &cloud.network.security_group_id);
    let fate = fate(image, &facts);
    let mut tags: BTreeMap<String, Tags> = BTreeMap::new();
    let mut instances = Vec::with_capacity(instances_count);
    for (sequence, launch_index) in (state.next_sequence()..).zip(0..count) {
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
                iops: volume.iops,
                throughput: volume.throughput,
                snapshot_id: volume.snapshot_id.clone(),
                kms_key_id: volume.kms_key_id.clone(),
                initialization_rate: volume.initialization_rate,
            })
            .collect();
        let interfaces = attached(call, &id, request, &mut addresses);
        let destiny = call.sandbox.faults().destiny(&capacity::subject(call, request, zone), call.now);
        let slowness = destiny.slowness.unwrap_or(1.0);
        let mut instance = Instance {
            boot: BootTimes::draw(&id, cloud.seed, &facts, slowness, cloud.speed),
            id,
            sequence,
            reservation_id: reservation_id.clone(),
            launch_index,
            launched: call.now,
            zone: zone.name.clone(),
            address: interfaces.first().and_then(|primary| primary.address).unwrap_or_default(),
            fate: fate.clone(),
            deeds: Vec::new(),
            starts_forgotten: 0,
            events: Vec::new(),
            visible_from: None,
            volumes,
            interfaces,
            launch: facts.clone(),
        };
        instance.foretell(destiny, cloud.speed);
        if let Some(wait) = call.conditions.invisible_for {
            instance.visible_from = call.now.checked_add(wait).ok();
        }
        tag(&mut tags, &instance, request);
        instances.push(instance);
    }
    let instance_ids: Vec<String> = instances.iter().map(|instance| instance.id.clone()).collect();
    let token = token.map(|(key, fingerprint)| {
        let instance_ids = instance_ids.clone();
        (key, Token { request: fingerprint, reservation_id, instance_ids, used: call.now })
    });
    let region = call.place();
    call.change(state, Line::Launch { region, token, instances, tags, launches: number })?;
    call.has_launched(count);
    Ok(Reservation { instance_ids })
}

/// Free private addresses for all interfaces of all instances, those that the request names at
/// their places.
fn addresses(
    state: &State,
    request: &Request<'_>,
    zone: &Zone,
    count: usize,
    call: &Call<'_>,
) -> Result<Vec<u32>, Ec2Error> {
    let slots = request.interfaces.iter().zip(&request.private_addresses);
    let wanted: Vec<Option<u32>> =
        slots.filter(|(interface, _)| interface.has_address()).map(|(_, address)| *address).collect();
    let named: Vec<u32> = wanted.iter().flatten().copied().collect();
    let free = (wanted.len() - named.len()) * count;
    let free = state.free_addresses(zone, free, &named, call.now).ok_or_else(|| capacity::no_addresses(zone))?;
    let mut free = free.into_iter();
    Ok((0..count).flat_map(|_| &wanted).filter_map(|address| address.or_else(|| free.next())).collect())
}

/// The interfaces of one instance, with the next of `addresses`.
fn attached(
    call: &Call<'_>,
    instance_id: &str,
    request: &Request<'_>,
    addresses: &mut impl Iterator<Item = u32>,
) -> Vec<NetworkInterface> {
    let interfaces = (0..).zip(&request.interfaces);
    interfaces
        .map(|(nth, interface)| NetworkInterface {
            id: match nth {
                0 => instance_id.replacen("i-", "eni-", 1),
                nth => call.cloud.derived_id("eni", instance_id, nth),
            },
            device_index: interface.device_index,
            network_card: interface.network_card,
            address: interface.has_address().then(|| addresses.next()).flatten(),
            description: interface.description.to_owned(),
            // The VPC has no other group.
            security_groups: vec![call.cloud.network.security_group_id.clone()],
            interface_type: interface.interface_type.to_owned(),
            delete_on_termination: interface.delete_on_termination,
            source_dest_check: true,
        })
        .collect()
}

/// Gives an instance and what belongs to it the tags that the request asks for.
fn tag(tags: &mut BTreeMap<String, Tags>, instance: &Instance, request: &Request<'_>) {
    let asked = &request.tags;
    let mut put = |resource: &str, given: &Tags| {
        if !given.is_empty() {
            tags.insert(resource.to_owned(), given.clone());
        }
    };
    put(&instance.id, &asked.instance);
    instance.volumes.iter().for_each(|volume| put(&volume.id, &asked.volume));
    instance.interfaces.iter().for_each(|interface| put(&interface.id, &asked.interface));
    put(&instance.spot_request_id(), &asked.spot_request);
}

#[cfg(test)]
mod tests;
