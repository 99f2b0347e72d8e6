//! One judgement from both sides: the types of an image, and the images of a type.
//!
//! An image that is judged against all types, and a type that is sought for all images, go through
//! the same rules in the same order; there is no second opinion that could differ. What differs is
//! what happens to UNKNOWN. A list of types for an image leaves it in, because a person looks at it
//! and a missing fact is no reason to hide a type. A search for images that boot on a type leaves it
//! out, because a program takes the first that is found.

use super::boot_facts::BootFacts;
use super::{Verdict, Wish, judge, plain_verdict};
use crate::ec2::facts::{Image, InstanceTypeFacts};

/// The types that nothing speaks against: those whose verdict is not INCOMPATIBLE, in the order
/// given. This is ListInstanceTypes with an image.
pub fn types_for<'t>(
    image: &Image,
    types: impl IntoIterator<Item = &'t InstanceTypeFacts>,
    wish: &Wish,
) -> impl Iterator<Item = &'t InstanceTypeFacts> {
    types.into_iter().filter(move |type_facts| judge(image, type_facts, wish) != Verdict::Incompatible)
}

/// Whether every rule holds for a plain boot, on facts that are all there: the verdict is
/// COMPATIBLE. This is `gantry:bootable-on`.
pub fn can_boot(image: &Image, type_facts: &InstanceTypeFacts) -> bool {
    plain_verdict(&BootFacts::of(image), type_facts) == Verdict::Compatible
}
