//! Which private addresses of a subnet are in use, and which are free.

use super::{Instance, State};
use crate::clock::Timestamp;
use crate::sandbox::zones::{USABLE_ADDRESSES, Zone};

impl Instance {
    /// The private addresses of its network interfaces, by number, the first one's first.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = u32> {
        // A state that was saved without interfaces knows the first one's address only.
        let only = self.interfaces.is_empty().then_some(self.address);
        only.into_iter().chain(self.interfaces.iter().filter_map(|interface| interface.address))
    }
}

impl State {
    /// How many addresses of a zone's subnet are free.
    pub(crate) fn addresses_left(&self, zone: &Zone, now: Timestamp) -> usize {
        let held = self.census.held(&zone.name, now, &self.instances);
        usize::try_from(USABLE_ADDRESSES).unwrap_or(0).saturating_sub(held)
    }

    /// Whether an address of a zone's subnet is in use.
    pub(crate) fn is_address_used(&self, zone: &Zone, address: u32, now: Timestamp) -> bool {
        self.census.is_held(&zone.name, address, now, &self.instances)
    }

    /// `count` free addresses of a zone's subnet, by number, without those `taken`, or `None` if
    /// there are too few.
    pub(crate) fn free_addresses(&self, zone: &Zone, count: usize, taken: &[u32], now: Timestamp) -> Option<Vec<u32>> {
        // Starting after the last one keeps an address from being reused at once.
        let start = u32::try_from(self.launched % u64::from(USABLE_ADDRESSES)).unwrap_or(0);
        self.census.free(&zone.name, start, count, taken, now, &self.instances)
    }
}
