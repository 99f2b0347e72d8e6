//! What the Region's instance types say about an image: whether any boots it, and whether one of
//! them is of the current generation. Not judged where the types are not known.

use super::Viewer;
use super::basis::Notes;
use super::findings;
use super::observed::{Observed, fixed};
use crate::ec2::facts::Image;

pub(super) fn advise(image: &Image, viewer: &Viewer, notes: &mut Notes) {
    let Some(bootable) = viewer.fleet.as_ref().and_then(|fleet| fleet.bootable(image)) else { return };
    // A type of which a fact is missing might boot it, and might be of the current generation.
    if bootable.undecided > 0 {
        return;
    }
    let seen = Observed::Types { types: bootable.types, current_generation: bootable.current_generation };
    match (bootable.types, bootable.current_generation) {
        (0, _) => notes.find(&findings::NO_TYPE_BOOTS, fixed("0 types")),
        (_, 0) => notes.find(&findings::PREVIOUS_GENERATION_ONLY, seen),
        _ => {}
    }
}
