//! Asking EC2 for everything a decision needs.

use std::time::Duration;

use super::decide::{Facts, Selection};
use super::redact::Prepared;
use super::template::Whole;
use super::{LaunchError, LaunchRequest, Shared};
use crate::ami::catalog::{Asker, CatalogError, ResolveError, Resolved};
use crate::clock::within;
use crate::ec2::facts::{Image, Offering};
use crate::ec2::{Ec2Error, ErrorClass, Silence};
use crate::ids::SubnetId;
use crate::record::{ImageChoice, ImageReceipt, Placement, Spec};

/// How long EC2 may take for the facts of one decision; a caller waits for it before anything is
/// decided.
pub const GATHER_LIMIT: Duration = Duration::from_secs(30);

/// The facts about a request, and the request that they are about.
#[derive(Debug)]
pub(super) struct Gathered<'a> {
    /// The request; with its launch template merged into it, if it names one.
    pub(super) request: LaunchRequest,
    /// What of it stands in the log.
    pub(super) prepared: Prepared<'a>,
    /// What EC2 said about what it names.
    pub(super) facts: Facts,
}

impl Shared {
    /// The facts about what a request names, its launch template first. What EC2 does not know is absent;
    /// only a failure to ask, or an answer that takes longer than [`GATHER_LIMIT`], is an error.
    pub(super) async fn gather<'a>(
        &self,
        request: &LaunchRequest,
        prepared: &Prepared<'a>,
    ) -> Result<Gathered<'a>, LaunchError> {
        let late = || {
            LaunchError::Facts(Ec2Error::NoAnswer {
                silence: Silence::TimedOut,
                detail: format!("the facts did not come within {} s", GATHER_LIMIT.as_secs()),
                may_have_happened: false,
            })
        };
        let asking = Box::pin(self.ask_all(request, prepared));
        within(&*self.clock, GATHER_LIMIT, asking).await.unwrap_or_else(|| Err(late()))
    }

    async fn ask_all<'a>(&self, request: &LaunchRequest, prepared: &Prepared<'a>) -> Result<Gathered<'a>, LaunchError> {
        let (request, prepared, template) = match self.whole(request, prepared).await? {
            Some(Whole { request, prepared, facts }) => (request, prepared, Some(facts)),
            None => (request.clone(), prepared.clone(), None),
        };
        let facts = self.ask(&request.spec).await?;
        Ok(Gathered { request, prepared, facts: Facts { template, ..facts } })
    }

    async fn ask(&self, spec: &Spec) -> Result<Facts, LaunchError> {
        let client = self.client(&spec.account_id, &spec.region)?;
        let catalog = self.catalog(spec)?;
        let time = self.clock.now();
        let of_places = spec.placements.iter().filter_map(|placement| placement.subnet_id.clone());
        let of_interfaces = spec.network_interfaces.iter().filter_map(|interface| interface.subnet_id.clone());
        let subnet_ids: Vec<SubnetId> = of_places.chain(of_interfaces).collect();
        let placed = !subnet_ids.is_empty() || spec.placements.iter().any(names_a_zone);
        let image = Box::pin(self.image(spec));
        let types = async {
            catalog.types_named(&spec.region, &spec.instance_types, Asker::Launch).await.map_err(LaunchError::from)
        };
        let offerings = async {
            if placed {
                match catalog.zone_offerings(&spec.region, &spec.instance_types).await {
                    Ok(offerings) => Ok(Some(offerings)),
                    // An account may be allowed to launch and not to read this.
                    Err(CatalogError::Ec2(error @ Ec2Error::Answered(_)))
                        if error.class() == ErrorClass::Permission =>
                    {
                        Ok(None)
                    }
                    Err(error) => Err(LaunchError::from(error)),
                }
            } else {
                Ok(Some(Vec::<Offering>::new()))
            }
        };
        let subnets = async { client.subnets(&subnet_ids).await.map_err(LaunchError::Facts) };
        let zones = async {
            if placed { client.availability_zones().await.map_err(LaunchError::Facts) } else { Ok(Vec::new()) }
        };
        let ((image, selection), types, offerings, subnets, zones) =
            tokio::try_join!(image, types, offerings, subnets, zones)?;
        Ok(Facts { template: None, image, selection, types, offerings, subnets, zones, time })
    }

    /// The image, and how it was come by: named, or chosen by the selector.
    async fn image(&self, spec: &Spec) -> Result<(Option<Image>, Selection), LaunchError> {
        let catalog = self.catalog(spec)?;
        let named = match &spec.image {
            ImageChoice::ImageId(id) | ImageChoice::Receipt(ImageReceipt { image_id: id, .. }) => id,
            ImageChoice::LaunchTemplate => return Ok((None, Selection::Unnamed)),
            ImageChoice::Selector(selector) => {
                return match catalog.resolve(&spec.region, selector, None, Asker::Launch).await {
                    Ok(Resolved { winner, inferred, .. }) => Ok((Some(winner), Selection::Chosen { inferred })),
                    Err(ResolveError::Nothing(nothing)) => Ok((None, Selection::Nothing(nothing))),
                    Err(ResolveError::Catalog(error)) => Err(error.into()),
                };
            }
        };
        Ok((catalog.image(&spec.region, named, Asker::Launch).await?, Selection::Named))
    }
}

fn names_a_zone(placement: &Placement) -> bool {
    placement.availability_zone.is_some()
}
