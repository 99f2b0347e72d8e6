//! ClassifyImages.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::measured::boots_of;
use super::select::{image_filters, owners, owners_for_ec2, staleness, types_of};
use super::{ClassifyImagesStream, Images};
use crate::ami::catalog::{Answer, Found, Looked};
use crate::ami::classify::{Classification, Viewer, classify};
use crate::ami::order::OrderBy;
use crate::ami::snapshot::{Observed, Query};
use crate::api::convert::{ViolationReason, Violations, to_timestamp};
use crate::api::pb::classify_images_response::Result as Outcome;
use crate::api::scope::scope;
use crate::api::status::{Failure, Missing};
use crate::api::{blocking, pb};
use crate::boot::statistics::Measured;
use crate::clock::Timestamp;
use crate::ec2::ImageQuestion;
use crate::ec2::facts::Image;
use crate::ids::{ImageId, Region};

/// Images that one call may name.
const IMAGE_IDS_MAX: usize = 1_000;

impl Images {
    pub(super) async fn classified(&self, request: pb::ClassifyImagesRequest) -> Result<ClassifyImagesStream, Failure> {
        let mut violations = Violations::new();
        let scope = scope(&self.services, &request.region, &request.account_id, &mut violations);
        let _ = owners(&self.services.owners, &request.owners, &mut violations);
        let ids: Vec<ImageId> = violations.ids("image_ids", &request.image_ids, IMAGE_IDS_MAX);
        let conditions = image_filters(&request.filters, &mut violations);
        let max_staleness = staleness(request.max_staleness.as_ref(), &mut violations);
        match (request.image_ids.is_empty(), request.filters.is_empty() && request.owners.is_empty()) {
            (true, true) => violations.add(
                "image_ids",
                ViolationReason::MissingField,
                "name image_ids, or filters or owners that select images",
            ),
            (false, false) => {
                violations.add("image_ids", ViolationReason::ConflictingFields, "image_ids exclude filters and owners")
            }
            (true, false) | (false, true) => {}
        }
        let (scope, conditions) = violations.finish(scope.zip(conditions))?;
        let scope = scope?;
        let this = self.of(&scope);
        let region = scope.region;
        let (viewer, now) = (this.viewer(&region)?, this.catalog().now());
        if !ids.is_empty() {
            let looked = this.catalog().images_within(&region, &ids, max_staleness).await?;
            return Ok(this.one_by_one(region, viewer, now, ids, looked, max_staleness).map(Ok).boxed());
        }
        let types = types_of(this.catalog(), &region, &conditions).await?;
        match this.catalog().answer(&region, &request.owners, &conditions, max_staleness)? {
            Answer::Snapshot(held) => {
                let searched = std::sync::Arc::clone(&held.snapshot);
                let _turn = this.catalog().turn_to_search().await;
                let matches = blocking(move || {
                    searched.matches(&Query {
                        owners: &request.owners,
                        filters: &conditions,
                        types: &types,
                        include_deprecated: request.include_deprecated,
                        include_disabled: request.include_disabled,
                        now,
                    })
                })
                .await?;
                // Made as they are sent: neither the images nor their classifications wait anywhere.
                let mut image = None;
                let slots: Vec<_> = matches.iter().collect();
                let measured = self.services.measured.clone();
                let answers = slots.into_iter().map(move |slot| {
                    let image = image.get_or_insert_with(|| held.snapshot.image(slot).image);
                    let observed = held.snapshot.load(slot, image);
                    Ok(answer(image, &viewer, &measured, now, (observed, false)))
                });
                Ok(stream::iter(answers).boxed())
            }
            Answer::Ec2 { .. } => {
                let owners = owners_for_ec2(&self.services.owners, &request.owners);
                let question = ImageQuestion {
                    owners,
                    include_deprecated: request.include_deprecated,
                    include_disabled: request.include_disabled,
                    ..ImageQuestion::everything()
                };
                let crawl = this.crawl(&region, question, &conditions, OrderBy::default()).await?;
                let observed = crawl.observed;
                let measured = self.services.measured.clone();
                let answers = crawl
                    .images
                    .into_iter()
                    .map(move |image| Ok(answer(&image, &viewer, &measured, now, (observed, true))));
                Ok(stream::iter(answers).boxed())
            }
        }
    }

    /// Each of `ids` with its launch permissions, or why not: one that fails does not fail the others.
    fn one_by_one(
        &self,
        region: Region,
        viewer: Viewer,
        now: Timestamp,
        ids: Vec<ImageId>,
        looked: Looked,
        max_staleness: Option<Duration>,
    ) -> BoxStream<'static, pb::ClassifyImagesResponse> {
        let (catalog, measured) = (self.catalog().clone(), self.services.measured.clone());
        let Looked { mut found, failed: unasked } = looked;
        let named: Vec<(ImageId, Option<Found>)> = ids
            .into_iter()
            .map(|id| {
                let position = found.iter().position(|found| found.observed.image.image_id == id);
                (id, position.map(|position| found.swap_remove(position)))
            })
            .collect();
        stream::iter(named)
            .then(move |(id, found)| {
                let (catalog, region, viewer) = (catalog.clone(), region.clone(), viewer.clone());
                let (unasked, measured) = (unasked.clone(), measured.clone());
                async move {
                    let Some(Found { observed: Observed { image, observed_time }, is_live }) = found else {
                        let image_id = id.to_string();
                        let why = unasked.map_or_else(|| Failure::NotFound(Missing::Image(id)), Failure::from);
                        return failed(image_id, why);
                    };
                    match catalog.launch_permissions(&region, &image, max_staleness).await {
                        Ok(permissions) => {
                            let classification = classify(&image, &viewer, permissions.as_deref(), now);
                            classified(&image, &classification, &measured, (observed_time, is_live))
                        }
                        Err(error) => failed(id.to_string(), error.into()),
                    }
                }
            })
            .boxed()
    }
}

fn answer(
    image: &Image,
    viewer: &Viewer,
    measured: &Measured,
    now: Timestamp,
    seen: (Timestamp, bool),
) -> pb::ClassifyImagesResponse {
    classified(image, &classify(image, viewer, None, now), measured, seen)
}

fn classified(
    image: &Image,
    classification: &Classification,
    measured: &Measured,
    (observed, is_live): (Timestamp, bool),
) -> pb::ClassifyImagesResponse {
    let measured_boots = boots_of(measured, image.image_id.as_str());
    let classification = pb::Classification { measured_boots, ..classification.into() };
    let answered_from = if is_live { pb::AnsweredFrom::Ec2 } else { pb::AnsweredFrom::Catalogue };
    pb::ClassifyImagesResponse {
        image_id: image.image_id.to_string(),
        result: Some(Outcome::Classification(classification)),
        observed_time: Some(to_timestamp(observed)),
        answered_from: answered_from.into(),
    }
}

fn failed(image_id: String, failure: Failure) -> pb::ClassifyImagesResponse {
    let result = Some(Outcome::Status(failure.to_message()));
    pb::ClassifyImagesResponse { image_id, result, ..Default::default() }
}
