//! A list of different values, each known by its place in it.

use std::hash::{BuildHasher as _, Hash, RandomState};

use super::chunked::Chunked;

const FREE: u32 = u32::MAX;

/// Takes values and tells their places; at rest only the list is kept.
#[derive(Debug)]
pub(super) struct Distinct<T> {
    values: Chunked<T>,
    /// Open addressing, at most three quarters full.
    table: Vec<u32>,
    hasher: RandomState,
}

impl<T: Copy + Eq + Hash> Distinct<T> {
    pub(super) fn new() -> Self {
        Self { values: Chunked::with_room(0), table: vec![FREE; 64], hasher: RandomState::new() }
    }

    /// The place of a value, which is added if it is new.
    pub(super) fn place(&mut self, value: T) -> u32 {
        let free = match self.find(&value) {
            Ok(place) => return place,
            Err(free) => free,
        };
        let place = self.values.len() as u32;
        self.values.push(value);
        self.table[free] = place;
        if self.values.len() * 4 > self.table.len() * 3 {
            self.grow();
        }
        place
    }

    pub(super) fn values(&self) -> &Chunked<T> {
        &self.values
    }

    pub(super) fn finish(mut self) -> Chunked<T> {
        self.values.shrink();
        self.values
    }

    fn find(&self, value: &T) -> Result<u32, usize> {
        let mask = self.table.len() - 1;
        let mut at = self.hasher.hash_one(value) as usize & mask;
        loop {
            match self.table[at] {
                FREE => return Err(at),
                place if self.values.get(place as usize) == value => return Ok(place),
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        self.table = vec![FREE; self.table.len() * 2];
        for place in 0..self.values.len() {
            if let Err(free) = self.find(self.values.get(place)) {
                self.table[free] = place as u32;
            }
        }
    }
}
