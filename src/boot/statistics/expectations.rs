//! Expectations that were worked out, so that the boots of a minute share them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::boots::Kind;
use super::expectation::Expectation;

/// Expectations that are kept, the newest; each takes 3 KB at most.
const EXPECTATIONS_MAX: usize = 4_096;

/// Of boots of this kind, by those that had come out before this time.
type Key = (Arc<Kind>, Timestamp);

/// Worked out by whoever comes first while the others wait; none inside where boots are too few.
pub(super) type Cell = Arc<OnceCell<Option<Arc<Expectation>>>>;

/// The expectations. Pure: whoever gets a cell fills it.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    cells: HashMap<Key, Cell>,
    /// The keys, the oldest first.
    order: VecDeque<Key>,
}

impl Expectations {
    /// The place of an expectation. The oldest makes room for a new one.
    pub(super) fn cell(&mut self, kind: &Arc<Kind>, before: Timestamp) -> Cell {
        let key = (Arc::clone(kind), before);
        if let Some(cell) = self.cells.get(&key) {
            return Arc::clone(cell);
        }
        if EXPECTATIONS_MAX <= self.order.len()
            && let Some(oldest) = self.order.pop_front()
        {
            self.cells.remove(&oldest);
        }
        let cell = Cell::default();
        self.cells.insert(key.clone(), Arc::clone(&cell));
        self.order.push_back(key);
        cell
    }

    /// Forgets all, since some of the boots they rest on are gone. One that is being worked out goes to those only who
    /// wait for it now.
    pub(super) fn clear(&mut self) {
        self.cells.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ami::classify::{RootDevice, Virtualization};

    #[test]
    fn the_oldest_makes_room_and_the_others_stay() {
        let kind = Arc::new(Kind {
            account_id: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            image_id: "ami-00000001".parse().unwrap(),
            instance_type: "m7i.large".parse().unwrap(),
            root_device: RootDevice::EbsBacked,
            virtualization: Virtualization::Hvm,
        });
        let minute = |number: usize| Timestamp::from_second(60 * number as i64).unwrap();
        let mut expectations = Expectations::default();
        let cells: Vec<Cell> = (0..=EXPECTATIONS_MAX).map(|number| expectations.cell(&kind, minute(number))).collect();
        for (number, cell) in cells.iter().enumerate().skip(1) {
            assert!(Arc::ptr_eq(&expectations.cell(&kind, minute(number)), cell), "{number} is gone");
        }
        assert!(!Arc::ptr_eq(&expectations.cell(&kind, minute(0)), &cells[0]), "the oldest is still there");
        assert_eq!((expectations.cells.len(), expectations.order.len()), (EXPECTATIONS_MAX, EXPECTATIONS_MAX));
    }
}
