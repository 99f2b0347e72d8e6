//! Where instances can be: Availability Zones, the default VPC with its subnets and security
//! group, and which instance types each zone offers.
//!
//! Everything follows from the names of account and Region, so nothing of it needs saving.

use std::net::Ipv4Addr;

use sha2::{Digest, Sha256};

use super::instance_types::InstanceType;
use crate::ids::{AccountId, Region};
use crate::sandbox::ACCOUNT_ID;

/// Zones of every Region, by their letter.
const LETTERS: [char; 3] = ['a', 'b', 'c'];
/// Addresses that AWS keeps in every subnet: the first four and the last.
const RESERVED_ADDRESSES: u32 = 5;
/// How many of them come first.
const RESERVED_FIRST: u32 = 4;
/// Addresses of a /20.
const SUBNET_ADDRESSES: u32 = 4096;
/// Addresses that instances of one subnet can have.
pub(crate) const USABLE_ADDRESSES: u32 = SUBNET_ADDRESSES - RESERVED_ADDRESSES;

/// An address that AWS keeps in every subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reserved;

/// One Availability Zone with its default subnet.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) subnet_id: String,
    /// Third octet of the subnet, 172.31.N.0/20.
    pub(crate) third_octet: u8,
}

/// The network of one Region of one account.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) account_id: AccountId,
    pub(crate) region: Region,
    pub(crate) vpc_id: String,
    pub(crate) dhcp_options_id: String,
    pub(crate) security_group_id: String,
    pub(crate) zones: Vec<Zone>,
}

/// An account's part of a Region in one word: what ids are drawn from, and what saved changes belong to. The
/// Region alone is the sandbox's own account's.
pub(crate) fn place(account_id: &AccountId, region: &Region) -> String {
    if account_id.as_str() == ACCOUNT_ID { region.to_string() } else { format!("{account_id}/{region}") }
}

impl Network {
    /// The network of an account in `region`.
    pub(crate) fn new(account_id: &AccountId, region: &Region) -> Self {
        let name = region.as_str();
        let place = place(account_id, region);
        let zones = LETTERS
            .iter()
            .zip(0u8..)
            .map(|(letter, nth)| Zone {
                name: format!("{name}{letter}"),
                id: format!("{}-az{}", short(name), nth + 1),
                subnet_id: derived("subnet", &place, u64::from(nth)),
                third_octet: nth * 16,
            })
            .collect();
        Self {
            vpc_id: derived("vpc", &place, 0),
            dhcp_options_id: derived("dopt", &place, 0),
            security_group_id: derived("sg", &place, 0),
            account_id: account_id.clone(),
            region: region.clone(),
            zones,
        }
    }

    /// The place that this is the network of; see [`place`].
    pub(crate) fn place(&self) -> String {
        place(&self.account_id, &self.region)
    }

    /// The zone of this name.
    pub(crate) fn zone(&self, name: &str) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.name == name)
    }

    /// The zone of this id.
    pub(crate) fn zone_by_id(&self, id: &str) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.id == id)
    }

    /// The zone whose default subnet this is.
    pub(crate) fn zone_of_subnet(&self, subnet_id: &str) -> Option<&Zone> {
        self.zones.iter().find(|zone| zone.subnet_id == subnet_id)
    }

    /// The zones that offer `instance_type`; at least one does.
    pub(crate) fn offering(&self, instance_type: &InstanceType) -> Vec<&Zone> {
        self.zones.iter().filter(|zone| is_offered(instance_type, &zone.name, self)).collect()
    }
}

impl Zone {
    /// Whether this zone offers `instance_type`.
    pub(crate) fn offers(&self, instance_type: &InstanceType, network: &Network) -> bool {
        is_offered(instance_type, &self.name, network)
    }

    /// The `nth` usable address of the subnet, counted from 0.
    pub(crate) fn address(&self, nth: u32) -> String {
        let offset = nth % USABLE_ADDRESSES + RESERVED_FIRST;
        format!("172.31.{}.{}", u32::from(self.third_octet) + offset / 256, offset % 256)
    }

    /// The number of an address within the subnet, counted from 0; `None` for one outside it, and an
    /// error for one that AWS keeps to itself.
    pub(crate) fn number_of(&self, address: Ipv4Addr) -> Option<Result<u32, Reserved>> {
        let [a, b, third, fourth] = address.octets();
        let third = u32::from(third.checked_sub(self.third_octet).filter(|_| (a, b) == (172, 31))?);
        let offset = third * 256 + u32::from(fourth);
        if offset >= SUBNET_ADDRESSES {
            return None;
        }
        Some(offset.checked_sub(RESERVED_FIRST).filter(|number| *number < USABLE_ADDRESSES).ok_or(Reserved))
    }

    /// The subnet's block.
    pub(crate) fn cidr(&self) -> String {
        format!("172.31.{}.0/20", self.third_octet)
    }
}

/// Families that every zone has, as in any real Region: what people launch first must not fail.
const EVERYWHERE: [&str; 17] =
    ["t1", "t2", "t3", "t3a", "t4g", "m1", "m3", "m5", "m6i", "m7g", "m7i", "c3", "c5", "c7g", "c7i", "r5", "r7i"];
/// Out of a hundred pairs of zone and other type, so many are missing.
const MISSING_PERCENT: u8 = 18;

fn is_offered(instance_type: &InstanceType, zone: &str, network: &Network) -> bool {
    if EVERYWHERE.contains(&instance_type.family()) {
        return true;
    }
    // Drawn once per type which zone has it whatever the other draws say.
    let anchor = usize::from(digest("anchor", &network.region, instance_type.name())) % network.zones.len();
    network.zones[anchor].name == zone || digest(zone, &network.region, instance_type.name()) % 100 >= MISSING_PERCENT
}

fn digest(what: &str, region: &Region, instance_type: &str) -> u8 {
    Sha256::digest(format!("{what} {} {instance_type}", region.as_str()))[0]
}

/// A long EC2 id that follows from a place.
fn derived(prefix: &str, place: &str, nth: u64) -> String {
    let digest = hex::encode(Sha256::digest(format!("{prefix} {place} {nth}")));
    format!("{prefix}-0{}", &digest[..16])
}

/// A Region's short name for zone ids, as `use1` is for `us-east-1`: the first letters and the
/// number.
fn short(region: &str) -> String {
    let mut parts = region.split('-');
    let first = parts.next().unwrap_or_default();
    let mut short: String = first.chars().take(3).collect();
    for part in parts {
        short.extend(if part.bytes().all(|b| b.is_ascii_digit()) {
            part.chars().take(3)
        } else {
            part.chars().take(1)
        });
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::instance_types;

    #[test]
    fn every_type_is_somewhere_and_some_are_not_everywhere() {
        let network = Network::new(&ACCOUNT_ID.parse().unwrap(), &"sandbox-1".parse().unwrap());
        assert_eq!(network.zones[0].name, "sandbox-1a");
        assert_eq!(network.zones[0].id, "san1-az1");
        let counts: Vec<_> = instance_types::all().iter().map(|t| network.offering(t).len()).collect();
        assert!(counts.iter().all(|count| *count >= 1));
        assert!(counts.iter().filter(|count| **count < 3).count() > 100);
        assert_eq!(network.offering(instance_types::get("m5.large").unwrap()).len(), 3);
    }

    #[test]
    fn addresses_stay_in_their_subnet() {
        let network = Network::new(&ACCOUNT_ID.parse().unwrap(), &"sandbox-1".parse().unwrap());
        assert_eq!(network.zones[1].address(0), "172.31.16.4");
        assert_eq!(network.zones[1].address(USABLE_ADDRESSES - 1), "172.31.31.254");
        for (address, number) in [
            ("172.31.16.4", Some(Ok(0))),
            ("172.31.31.254", Some(Ok(USABLE_ADDRESSES - 1))),
            ("172.31.31.255", Some(Err(Reserved))),
            ("172.31.16.3", Some(Err(Reserved))),
            ("172.31.32.4", None),
            ("172.31.0.4", None),
            ("10.0.16.4", None),
        ] {
            assert_eq!(network.zones[1].number_of(address.parse().unwrap()), number, "{address}");
        }
    }
}
