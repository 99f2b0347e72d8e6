//! ClassifyImages.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::Images;
use super::list::{image_filters, owners};
use crate::ami::order::OrderBy;
use crate::api::convert::{ViolationReason, Violations};
use crate::api::pb;
use crate::api::pb::classify_images_response::Result as Outcome;
use crate::api::scope::scope;
use crate::api::status::{Failure, Missing};
use crate::ec2::ImageQuestion;
use crate::ec2::facts::Image;
use crate::ids::{ImageId, Region};

/// Images that one call may name.
const IMAGE_IDS_MAX: usize = 1_000;

/// Answers that wait for a slow reader.
const AHEAD_MAX: usize = 16;

impl Images {
    pub(super) async fn classified(
        &self,
        request: pb::ClassifyImagesRequest,
    ) -> Result<ReceiverStream<Result<pb::ClassifyImagesResponse, Status>>, Failure> {
        let pb::ClassifyImagesRequest { region, account_id, image_ids, filters, owners: asked } = request;
        let mut violations = Violations::new();
        let scope = scope(&self.services, &region, &account_id, &mut violations);
        let owners = owners(&self.services.owners, &asked, &mut violations);
        let ids: Vec<ImageId> = violations.ids("image_ids", &image_ids, IMAGE_IDS_MAX);
        let conditions = image_filters(&filters, &mut violations);
        match (image_ids.is_empty(), filters.is_empty() && asked.is_empty()) {
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
        let found: Vec<(ImageId, Option<Image>)> = if ids.is_empty() {
            let question = ImageQuestion {
                owners: owners.into_iter().filter(|owner| owner != "all").collect(),
                ..ImageQuestion::everything()
            };
            let crawl = self.crawl(&scope.region, question, &conditions, OrderBy::default()).await?;
            crawl.images.into_iter().map(|image| (image.image_id.clone(), Some(image))).collect()
        } else {
            let mut images = self.catalog().images(&scope.region, &ids).await?;
            ids.into_iter()
                .map(|id| {
                    let position = images.iter().position(|image| image.image_id == id);
                    let image = position.map(|position| images.swap_remove(position));
                    (id, image)
                })
                .collect()
        };
        let (answers, stream) = mpsc::channel(AHEAD_MAX);
        let images = Images::new(self.services.clone());
        tokio::spawn(async move {
            for (id, image) in found {
                let answer = images.one(&scope.region, id, image).await;
                // The caller has gone: nobody wants the rest.
                if answers.send(Ok(answer)).await.is_err() {
                    return;
                }
            }
        });
        Ok(ReceiverStream::new(stream))
    }

    /// One image's classification, or why there is none: one that fails does not fail the others.
    async fn one(&self, region: &Region, id: ImageId, image: Option<Image>) -> pb::ClassifyImagesResponse {
        let image_id = id.to_string();
        let outcome = match image {
            None => Outcome::Status(Failure::NotFound(Missing::Image(id)).to_message()),
            Some(image) => match self.catalog().launch_permissions(region, &image).await {
                Ok(permissions) => Outcome::Classification((&self.classify(&image, permissions.as_deref())).into()),
                Err(error) => Outcome::Status(Failure::from(error).to_message()),
            },
        };
        pb::ClassifyImagesResponse { image_id, result: Some(outcome) }
    }
}
