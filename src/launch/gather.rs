//! Asking EC2 for everything a decision needs.

use super::decide::Facts;
use super::{LaunchError, Shared};
use crate::ec2::facts::Offering;
use crate::ids::SubnetId;
use crate::record::{ImageChoice, Placement, Spec};

impl Shared {
    /// The facts about what `spec` names. What EC2 does not know is absent; only a failure to ask
    /// is an error.
    pub(super) async fn gather(&self, spec: &Spec) -> Result<Facts, LaunchError> {
        let client = self.client(&spec.region)?;
        let ImageChoice::ImageId(image_id) = &spec.image;
        let time = self.clock.now();
        let subnet_ids: Vec<SubnetId> =
            spec.placements.iter().filter_map(|placement| placement.subnet_id.clone()).collect();
        let placed = spec.placements.iter().any(names_a_zone);
        let image = async { self.catalog.image(&spec.region, image_id).await.map_err(LaunchError::from) };
        let types =
            async { self.catalog.types_named(&spec.region, &spec.instance_types).await.map_err(LaunchError::from) };
        let offerings = async {
            if placed {
                self.catalog.zone_offerings(&spec.region, &spec.instance_types).await.map_err(LaunchError::from)
            } else {
                Ok(Vec::<Offering>::new())
            }
        };
        let subnets = async { client.subnets(&subnet_ids).await.map_err(LaunchError::Facts) };
        let zones = async {
            if placed { client.availability_zones().await.map_err(LaunchError::Facts) } else { Ok(Vec::new()) }
        };
        let (image, types, offerings, subnets, zones) = tokio::try_join!(image, types, offerings, subnets, zones)?;
        Ok(Facts { image, types, offerings, subnets, zones, time })
    }
}

fn names_a_zone(placement: &Placement) -> bool {
    placement.subnet_id.is_some() || placement.availability_zone.is_some()
}
