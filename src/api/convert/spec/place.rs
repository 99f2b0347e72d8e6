//! Where instances may go and how they are paid for, on the way in.

use crate::api::convert::violation::{ViolationReason, Violations, quoted};
use crate::api::pb;
use crate::record::{Market, Placement, PlacementStrategy};

/// Placements of one launch.
const PLACEMENTS_MAX: usize = 50;

/// Characters of a placement group's name (EC2 API Reference, CreatePlacementGroup).
const PLACEMENT_GROUP_CHARS_MAX: usize = 255;

/// Characters of a price; EC2 takes five decimals.
const PRICE_CHARS_MAX: usize = 16;

pub(super) fn placements(given: &[pb::Placement], violations: &mut Violations) -> Vec<Placement> {
    if !violations.at_most("spec.placements", given.len(), PLACEMENTS_MAX) {
        return Vec::new();
    }
    let mut placements: Vec<Placement> = Vec::with_capacity(given.len());
    for (index, given) in given.iter().enumerate() {
        let field = format!("spec.placements[{index}]");
        let placement = placement(&field, given, violations);
        // Tried again after it has failed, a place would only fail again.
        if placements.contains(&placement) {
            violations.add(field, ViolationReason::InvalidField, "the same placement is given twice");
        } else {
            placements.push(placement);
        }
    }
    placements
}

fn placement(field: &str, given: &pb::Placement, violations: &mut Violations) -> Placement {
    use pb::placement::Location;
    let pb::Placement { location, tenancy, host_id, placement_group, capacity_reservation_id } = given;
    let (subnet_id, availability_zone) = match location {
        Some(Location::SubnetId(id)) => (violations.required_id(&format!("{field}.subnet_id"), id), None),
        Some(Location::AvailabilityZone(zone)) => {
            (None, violations.required_id(&format!("{field}.availability_zone"), zone))
        }
        None => (None, None),
    };
    if let Some(tenancy) = tenancy {
        violations.one_of(&format!("{field}.tenancy"), tenancy, &["default", "dedicated", "host"]);
    }
    let host_field = format!("{field}.host_id");
    prefixed_id(&host_field, "h-", host_id.as_deref(), violations);
    if host_id.is_some() && tenancy.as_deref() != Some("host") {
        violations.add(host_field, ViolationReason::ConflictingFields, "a host needs the tenancy host");
    }
    if let Some(group) = placement_group {
        let field = format!("{field}.placement_group");
        if group.is_empty() {
            violations.missing(&field);
        }
        violations.text(&field, group, PLACEMENT_GROUP_CHARS_MAX);
    }
    prefixed_id(&format!("{field}.capacity_reservation_id"), "cr-", capacity_reservation_id.as_deref(), violations);
    Placement {
        subnet_id,
        availability_zone,
        tenancy: tenancy.clone(),
        host_id: host_id.clone(),
        placement_group: placement_group.clone(),
        capacity_reservation_id: capacity_reservation_id.clone(),
    }
}

/// Checks an id of a kind that has no type of its own: a prefix, then 8 or 17 hexadecimal digits.
pub(super) fn prefixed_id(field: &str, prefix: &str, id: Option<&str>, violations: &mut Violations) {
    let Some(id) = id else { return };
    let good = id.strip_prefix(prefix).is_some_and(|digits| {
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    });
    if !good {
        violations.add(
            field,
            ViolationReason::InvalidId,
            format!("{} is not valid: expected {prefix} followed by 8 or 17 lower-case hexadecimal digits", quoted(id)),
        );
    }
}

pub(super) fn strategy(number: i32, violations: &mut Violations) -> PlacementStrategy {
    match violations.enumeration("spec.strategy", number) {
        None | Some(pb::PlacementStrategy::Unspecified | pb::PlacementStrategy::InOrder) => PlacementStrategy::InOrder,
        Some(pb::PlacementStrategy::Spread) => PlacementStrategy::Spread,
    }
}

/// How the instances are paid for. Without `placements` they are not known yet, and what they need is looked at later.
pub(super) fn market(
    given: Option<pb::Market>,
    placements: Option<&Vec<Placement>>,
    violations: &mut Violations,
) -> Market {
    use pb::market::Market as Choice;
    match given.and_then(|given| given.market) {
        None | Some(Choice::OnDemand(pb::OnDemandMarket {})) => Market::OnDemand,
        Some(Choice::Spot(pb::SpotMarket { max_price_usd })) => {
            if let Some(price) = &max_price_usd {
                check_price("spec.market.spot.max_price_usd", price, violations);
            }
            Market::Spot { max_price_usd }
        }
        Some(Choice::CapacityBlock(pb::CapacityBlockMarket {})) => {
            let lacks = |placements: &Vec<Placement>| {
                placements.is_empty() || placements.iter().any(|place| place.capacity_reservation_id.is_none())
            };
            if placements.is_some_and(lacks) {
                violations.add(
                    "spec.market.capacity_block",
                    ViolationReason::ConflictingFields,
                    "every placement must name the capacity_reservation_id of the block",
                );
            }
            Market::CapacityBlock
        }
    }
}

fn check_price(field: &str, price: &str, violations: &mut Violations) {
    let good = price.len() <= PRICE_CHARS_MAX
        && price.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && price.parse::<f64>().is_ok_and(|dollars| dollars > 0.0);
    if !good {
        violations.add(
            field,
            ViolationReason::InvalidField,
            format!("{} is not a price in US dollars such as 0.05", quoted(price)),
        );
    }
}
