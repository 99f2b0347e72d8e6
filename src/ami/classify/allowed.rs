//! Whether the account's Allowed AMIs let the image be used, which EC2 says itself, and why not,
//! which it does not say.

use jiff::Timestamp;

use super::Viewer;
use super::basis::Notes;
use super::findings;
use super::observed::{Observed, fixed};
use crate::ami::allowed_images;
use crate::ec2::facts::Image;

pub(super) fn advise(image: &Image, viewer: &Viewer, now: Timestamp, notes: &mut Notes) {
    if image.image_allowed != Some(false) {
        return;
    }
    let seen = match &viewer.allowed_images {
        Some(settings) => Observed::Text(format!("false; {}", allowed_images::why_not(image, settings, now)).into()),
        None => fixed("false"),
    };
    notes.find(&findings::NOT_ALLOWED, seen);
}
