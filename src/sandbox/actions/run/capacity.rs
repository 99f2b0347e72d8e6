//! Where a launch goes and for how many instances there is room: a zone that offers the type, that
//! is not out, that has capacity as far as the plan of faults limits it, and addresses.

use super::quotas;
use super::request::Request;
use crate::sandbox::actions::{Call, outage};
use crate::sandbox::cloud::State;
use crate::sandbox::faults::Subject;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::zones::Zone;

/// Where to launch, and how many: everything asked for unless capacity is short.
pub(super) fn capacity<'a>(call: &Call<'a>, state: &State, request: &Request<'a>) -> Result<(&'a Zone, u32), Ec2Error> {
    let network = &call.cloud.network;
    let faults = call.sandbox.faults();
    let offering = network.offering(request.instance_type);
    let has_room = |zone: &Zone| {
        let available = faults.capacity_ahead(&subject(call, request, zone), call.now).unwrap_or(u32::MAX);
        available >= request.min_count && faults.outage(&zone.name, call.now).is_none()
    };
    let zone = match request.zone {
        Some(zone) if zone.offers(request.instance_type, network) => zone,
        Some(zone) => return Err(not_offered(request, zone, &offering)),
        // EC2 goes where there is room.
        None => {
            let turn = usize::try_from(state.next_launch()).unwrap_or(0);
            let turns = || (0..offering.len()).map(|step| offering[(turn + step) % offering.len()]);
            let fits = |zone: &Zone, count| has_room(zone) && addressable(call, state, request, zone) >= count;
            turns()
                .find(|zone| fits(zone, request.max_count))
                .or_else(|| turns().find(|zone| fits(zone, request.min_count)))
                .or_else(|| turns().find(|zone| has_room(zone)))
                .or_else(|| turns().next())
                .unwrap_or(&network.zones[0])
        }
    };
    outage::refuse_in(call, zone)?;
    let room = quotas::room(&call.account(), state, request, call.now)?;
    let injected = call.conditions.available;
    let available = injected.or_else(|| faults.capacity(&subject(call, request, zone), call.now)).unwrap_or(u32::MAX);
    if available < request.min_count {
        let others = offering.into_iter().filter(|other| other.name != zone.name && has_room(other)).collect();
        return Err(insufficient(request, zone, others));
    }
    let addressable = addressable(call, state, request, zone);
    if addressable < request.min_count {
        return Err(no_addresses(zone));
    }
    Ok((zone, request.max_count.min(available).min(room).min(addressable)))
}

/// For how many instances a zone's subnet has addresses.
fn addressable(call: &Call<'_>, state: &State, request: &Request<'_>, zone: &Zone) -> u32 {
    u32::try_from(state.addresses_left(zone, call.now) / request.addresses_each()).unwrap_or(u32::MAX)
}

/// `InsufficientFreeAddressesInSubnet`, in EC2's words.
pub(super) fn no_addresses(zone: &Zone) -> Ec2Error {
    let message = format!(
        "There are not enough free addresses in subnet '{}' to satisfy the requested number of instances.",
        zone.subnet_id
    );
    Ec2Error::new("InsufficientFreeAddressesInSubnet", message)
}

/// The launch as the plan of faults looks at it.
pub(super) fn subject<'s>(call: &'s Call<'_>, request: &Request<'s>, zone: &'s Zone) -> Subject<'s> {
    Subject {
        action: "RunInstances",
        region: call.region(),
        zone: Some(&zone.name),
        instance_type: Some(request.instance_type.name()),
        image_id: Some(request.image_id),
        spot: request.is_spot(),
    }
}

fn names(zones: &[&Zone]) -> String {
    zones.iter().map(|zone| zone.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn not_offered(request: &Request<'_>, zone: &Zone, offering: &[&Zone]) -> Ec2Error {
    let message = format!(
        "Your requested instance type ({}) is not supported in your requested Availability Zone ({}). Please retry \
         your request by not specifying an Availability Zone or choosing {}.",
        request.instance_type.name(),
        zone.name,
        names(offering)
    );
    Ec2Error::new("Unsupported", message)
}

/// `others` are the zones where there is room.
fn insufficient(request: &Request<'_>, zone: &Zone, others: Vec<&Zone>) -> Ec2Error {
    let name = request.instance_type.name();
    let mut message = format!(
        "We currently do not have sufficient {name} capacity in the Availability Zone you requested ({}). Our system \
         will be working on provisioning additional capacity.",
        zone.name
    );
    if request.is_spot() {
        message = "There is no Spot capacity available that matches your request.".to_owned();
    } else if !others.is_empty() {
        message.push_str(&format!(
            " You can currently get {name} capacity by not specifying an Availability Zone in your request or \
             choosing {}.",
            names(&others)
        ));
    }
    Ec2Error::with_status(500, "InsufficientInstanceCapacity", message)
}
