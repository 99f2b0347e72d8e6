//! What boots of an image took on this server, put beside what its classification says.

use super::Images;
use crate::api::convert::{to_duration, to_timestamp};
use crate::api::pb;
use crate::boot::statistics::{ImageBoots, Measured};

impl Images {
    /// The images with what was measured of them.
    pub(super) fn with_boots(&self, mut images: Vec<pb::Image>) -> Vec<pb::Image> {
        let measured = self.services.measured.of_images(images.iter().map(|image| image.image_id.as_str()));
        for (image, boots) in images.iter_mut().zip(measured) {
            if let (Some(classification), Some(boots)) = (&mut image.classification, boots) {
                classification.measured_boots = Some(message(boots));
            }
        }
        images
    }

    /// The image with what was measured of it.
    pub(super) fn with_its_boots(&self, mut image: pb::Image) -> pb::Image {
        if let Some(classification) = &mut image.classification {
            classification.measured_boots = boots_of(&self.services.measured, &image.image_id);
        }
        image
    }
}

/// What was measured of an image; none if there is nothing.
pub(super) fn boots_of(measured: &Measured, image_id: &str) -> Option<pb::MeasuredBoots> {
    measured.of_images([image_id].into_iter()).pop().flatten().map(message)
}

fn message(boots: ImageBoots) -> pb::MeasuredBoots {
    let ImageBoots { count, p50, p90, since } = boots;
    pb::MeasuredBoots {
        count: i64::try_from(count).unwrap_or(i64::MAX),
        p50: Some(to_duration(p50)),
        p90: Some(to_duration(p90)),
        since: Some(to_timestamp(since)),
    }
}
