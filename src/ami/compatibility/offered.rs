//! Where the types of a Region are offered, and the rule about it.
//!
//! Source: EC2 API Reference, DescribeInstanceTypeOfferings, asked by zone for the whole Region.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::Wish;
use super::answer::{Answer, Rule};
use super::rule_doc::{NOT_OFFERED_IN_REGION, NOT_OFFERED_IN_ZONE};
use crate::ec2::facts::{InstanceTypeFacts, Offering};
use crate::ids::InstanceType;

/// The zones in which types of a Region are offered to an account. All that were asked about, or
/// none: a type that is missing here is offered nowhere.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Offerings {
    types: BTreeMap<InstanceType, BTreeSet<String>>,
    zones: BTreeSet<String>,
}

impl fmt::Debug for Offerings {
    /// The numbers only: a Region has thousands of rows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Offerings of {} types in {} zones", self.types.len(), self.zones.len())
    }
}

impl Offerings {
    /// Every row of the Region, by zone name.
    pub fn new(rows: impl IntoIterator<Item = Offering>) -> Self {
        let mut all = Self::default();
        for Offering { instance_type, location } in rows {
            if !all.zones.contains(&location) {
                all.zones.insert(location.clone());
            }
            all.types.entry(instance_type).or_default().insert(location);
        }
        all
    }

    /// The same, of a Region that has these zones, whether one of them offers anything or not.
    pub fn in_zones(rows: impl IntoIterator<Item = Offering>, zones: impl IntoIterator<Item = String>) -> Self {
        let mut all = Self::new(rows);
        all.zones.extend(zones);
        all
    }

    /// The zones that offer the type, by name.
    pub fn zones_of(&self, instance_type: &InstanceType) -> impl Iterator<Item = &str> {
        self.types.get(instance_type).into_iter().flatten().map(String::as_str)
    }

    /// The zones that offer anything, by name.
    pub fn zones(&self) -> impl Iterator<Item = &str> {
        self.zones.iter().map(String::as_str)
    }

    /// Whether the zone offers anything.
    pub fn has_zone(&self, zone: &str) -> bool {
        self.zones.contains(zone)
    }
}

/// What is known about where types are offered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Offered {
    /// It is not asked, so it is not judged, whatever the zone.
    #[default]
    NotAsked,
    /// It was asked, and EC2 did not say: an account may be allowed to read the types and not this.
    Unknown,
    /// EC2 said this.
    Known(Arc<Offerings>),
}

impl Offered {
    /// What EC2 said.
    pub fn known(&self) -> Option<&Offerings> {
        match self {
            Self::Known(offerings) => Some(offerings),
            Self::NotAsked | Self::Unknown => None,
        }
    }
}

/// Whether the Region offers the type, and the zone if one is asked for. EC2 answers Unsupported.
pub(super) fn offered<A: Answer>(type_facts: &InstanceTypeFacts, wish: &Wish) -> Option<A> {
    let name = &type_facts.instance_type;
    let zone = wish.availability_zone.as_deref();
    let everywhere = Rule::of(&NOT_OFFERED_IN_REGION, None::<&str>);
    let offerings = match &wish.offered {
        Offered::NotAsked => return None,
        Offered::Unknown => {
            let rule = zone.map_or(everywhere, |zone| Rule::of(&NOT_OFFERED_IN_ZONE, zone));
            return Some(rule.unknown(|| ("", "EC2 did not say where the type is offered.")));
        }
        Offered::Known(offerings) => &**offerings,
    };
    let listed = || offerings.zones_of(name).collect::<Vec<_>>().join(" or ");
    if offerings.zones.is_empty() {
        return Some(everywhere.unknown(|| ("", "EC2 lists no offering at all by zone.")));
    }
    let Some(zones) = offerings.types.get(name) else {
        return Some(everywhere.fail(|| ("a zone", format!("No zone of the Region offers {name}."))));
    };
    Some(match zone {
        Some(zone) if zones.contains(zone) => {
            Rule::of(&NOT_OFFERED_IN_ZONE, zone).pass(|| (listed(), format!("{zone} offers {name}.")))
        }
        Some(zone) => {
            Rule::of(&NOT_OFFERED_IN_ZONE, zone).fail(|| (listed(), format!("{name} is not offered in {zone}.")))
        }
        None => everywhere.pass(|| (listed(), format!("The Region offers {name}."))),
    })
}
