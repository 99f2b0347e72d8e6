//! READY boots by what they have in common with the next one, each list in the order in which they came out. Pure.
//!
//! So that what is expected of a boot is found by looking at those boots only that it rests on, and not at all of them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::boots::{Boot, Kind};
use super::expectation::{Level, MEASURED, SAMPLE_BOOTS_MAX};
use crate::ami::classify::RootDevice;
use crate::ids::{ImageId, InstanceType};

/// What boots of a level have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Common {
    ImageAndType(ImageId, InstanceType),
    Image(ImageId),
    TypeAndRootDevice(InstanceType, RootDevice),
    RootDevice(RootDevice),
}

impl Common {
    /// None of the level that rests on no boots.
    fn of(level: Level, kind: &Kind) -> Option<Self> {
        match level {
            Level::ImageAndType => Some(Self::ImageAndType(kind.image_id.clone(), kind.instance_type.clone())),
            Level::Image => Some(Self::Image(kind.image_id.clone())),
            Level::TypeAndRootDevice => Some(Self::TypeAndRootDevice(kind.instance_type.clone(), kind.root_device)),
            Level::RootDevice => Some(Self::RootDevice(kind.root_device)),
            Level::Documented => None,
        }
    }
}

/// The READY boots at each level.
#[derive(Debug, Default)]
pub(super) struct Levels(HashMap<Common, Vec<Arc<Boot>>>);

impl Levels {
    /// Takes in a boot; one that failed says nothing about how long others take.
    pub(super) fn add(&mut self, boot: &Arc<Boot>) {
        if boot.failed {
            return;
        }
        for common in MEASURED.into_iter().filter_map(|level| Common::of(level, &boot.kind)) {
            insert(self.0.entry(common).or_default(), Arc::clone(boot));
        }
    }

    /// The newest boots of a level that had come out before a time, [`SAMPLE_BOOTS_MAX`] at most.
    pub(super) fn newest(&self, level: Level, kind: &Kind, before: Timestamp) -> &[Arc<Boot>] {
        let Some(boots) = Common::of(level, kind).and_then(|common| self.0.get(&common)) else { return &[] };
        let end = boots.partition_point(|boot| boot.settled < before);
        &boots[end.saturating_sub(SAMPLE_BOOTS_MAX)..end]
    }

    /// Takes out all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Puts a boot where it belongs by when it came out: nearly always the last place. Of two that came out at once the id
/// decides, so that the order is the same whenever they are read.
pub(super) fn insert(boots: &mut Vec<Arc<Boot>>, boot: Arc<Boot>) {
    let place = boots.partition_point(|held| (held.settled, &held.instance_id) <= (boot.settled, &boot.instance_id));
    boots.insert(place, boot);
}
