//! Boots in groups, with the percentiles of each. Pure.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Duration;

use super::boots::{Boot, Kind, PHASES};
use super::percentiles::Percentiles;
use crate::ami::classify::{RootDevice, Virtualization};
use crate::ids::{ImageId, InstanceType};
use crate::record::Phase;

/// Groups of one answer; with all four phases they take 2 MB.
pub const GROUPS_MAX: usize = 10_000;

/// What boots are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The image.
    Image,
    /// The instance's type.
    InstanceType,
    /// The kind of root device.
    RootDevice,
    /// The kind of virtualization.
    Virtualization,
}

/// What the boots of a group have in common: none where it is not grouped by that.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// The image.
    pub image_id: Option<ImageId>,
    /// The instance type.
    pub instance_type: Option<InstanceType>,
    /// The kind of root device.
    pub root_device: Option<RootDevice>,
    /// The kind of virtualization.
    pub virtualization: Option<Virtualization>,
}

impl GroupKey {
    fn of(kind: &Kind, by: &[Dimension]) -> Self {
        let mut key = Self::default();
        for dimension in by {
            match dimension {
                Dimension::Image => key.image_id = Some(kind.image_id.clone()),
                Dimension::InstanceType => key.instance_type = Some(kind.instance_type.clone()),
                Dimension::RootDevice => key.root_device = Some(kind.root_device),
                Dimension::Virtualization => key.virtualization = Some(kind.virtualization),
            }
        }
        key
    }
}

/// The boots of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they have in common.
    pub key: GroupKey,
    /// How many there are.
    pub count: u64,
    /// How many of them failed.
    pub failures: u64,
    /// The phases that somebody was seen in, in order.
    pub phases: Vec<PhaseTimes>,
}

/// How long the boots of a group that did not fail took to a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhaseTimes {
    /// The phase.
    pub phase: Phase,
    /// How many were seen in it.
    pub count: u64,
    /// Half of them within this time.
    pub p50: Duration,
    /// Nine of ten within this time.
    pub p90: Duration,
    /// 99 of 100 within this time.
    pub p99: Duration,
}

/// There are more groups than one answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {GROUPS_MAX} groups")]
pub struct TooManyGroups;

/// The groups of some boots, the largest first; of equal ones, by what they have in common.
///
/// # Errors
/// [`TooManyGroups`] above [`GROUPS_MAX`].
pub fn group<B: Borrow<Boot>>(boots: &[B], by: &[Dimension]) -> Result<Vec<Group>, TooManyGroups> {
    let mut groups: HashMap<GroupKey, usize> = HashMap::new();
    // There are few kinds, and most boots share one.
    let mut kinds: HashMap<&Kind, usize> = HashMap::new();
    let mut members: Vec<Vec<&Boot>> = Vec::new();
    for boot in boots.iter().map(Borrow::borrow) {
        let number = match kinds.get(&*boot.kind) {
            Some(number) => *number,
            None => {
                let next = members.len();
                let number = *groups.entry(GroupKey::of(&boot.kind, by)).or_insert(next);
                if number == next {
                    if GROUPS_MAX <= next {
                        return Err(TooManyGroups);
                    }
                    members.push(Vec::new());
                }
                kinds.insert(&boot.kind, number);
                number
            }
        };
        members[number].push(boot);
    }
    let mut percentiles = Percentiles::new();
    let mut groups: Vec<Group> = groups
        .into_iter()
        .map(|(key, number)| {
            let members = &members[number];
            Group {
                key,
                count: members.len() as u64,
                failures: members.iter().filter(|boot| boot.failed).count() as u64,
                phases: (0..PHASES.len()).filter_map(|phase| times(phase, members, &mut percentiles)).collect(),
            }
        })
        .collect();
    groups.sort_by(|one, other| Reverse(one.count).cmp(&Reverse(other.count)).then_with(|| one.key.cmp(&other.key)));
    Ok(groups)
}

fn times(phase: usize, members: &[&Boot], percentiles: &mut Percentiles) -> Option<PhaseTimes> {
    percentiles.clear();
    let reached = members.iter().filter(|boot| !boot.failed).filter_map(|boot| boot.reached[phase]);
    reached.for_each(|millis| percentiles.record(millis));
    (percentiles.count() > 0).then(|| PhaseTimes {
        phase: PHASES[phase],
        count: percentiles.count(),
        p50: percentiles.within(0.5),
        p90: percentiles.within(0.9),
        p99: percentiles.within(0.99),
    })
}
