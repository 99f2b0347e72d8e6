//! ImageService: what is this AMI, and what can boot it.

mod classify;
mod compatibility;
mod list;
mod measured;
mod resolve;
mod select;
mod types;

use std::pin::Pin;
use std::time::Duration;

use futures::Stream;
use tonic::{Request, Response, Status};

use super::convert::Violations;
use super::scope::{Scope, scope};
use super::status::{Failure, Missing};
use super::{Services, convert, pb};
use crate::ami::catalog::Catalog;
use crate::ami::classify::{Classification, Viewer, classify};
use crate::ami::snapshot::Observed;
use crate::ids::{ImageId, Region};

/// The answers of ClassifyImages, each made when there is room for it.
type ClassifyImagesStream = Pin<Box<dyn Stream<Item = Result<pb::ClassifyImagesResponse, Status>> + Send>>;

/// ImageService.
#[derive(Debug)]
pub(super) struct Images {
    services: Services,
    /// Of the account that is asked about.
    catalog: Catalog,
}

impl Images {
    pub(super) fn new(services: Services) -> Self {
        let catalog = services.catalogs.home().clone();
        Self { services, catalog }
    }

    /// The same, as the account of a scope sees it.
    fn of(&self, scope: &Scope) -> Self {
        let catalog = self.services.catalogs.of(&scope.account_id);
        // The scope was found among those that are served.
        let catalog = catalog.unwrap_or_else(|| self.services.catalogs.home()).clone();
        Self { services: self.services.clone(), catalog }
    }

    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn viewer(&self, region: &Region) -> Result<Viewer, Failure> {
        Ok(self.catalog().viewer(region)?)
    }

    /// The image, with its launch permissions where the caller's account may see them.
    async fn image(
        &self,
        region: &Region,
        id: &ImageId,
        max_staleness: Option<Duration>,
    ) -> Result<(Observed, Classification), Failure> {
        let observed = self.catalog().image_within(region, id, max_staleness).await?;
        let observed = observed.ok_or_else(|| Failure::NotFound(Missing::Image(id.clone())))?;
        let permissions = self.catalog().launch_permissions(region, &observed.image, max_staleness).await?;
        let viewer = self.viewer(region)?;
        let classification = classify(&observed.image, &viewer, permissions.as_deref(), self.catalog().now());
        Ok((observed, classification))
    }
}

#[tonic::async_trait]
impl pb::image_service_server::ImageService for Images {
    type ClassifyImagesStream = ClassifyImagesStream;

    async fn list_images(
        &self,
        request: Request<pb::ListImagesRequest>,
    ) -> Result<Response<pb::ListImagesResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn get_image(&self, request: Request<pb::GetImageRequest>) -> Result<Response<pb::Image>, Status> {
        let pb::GetImageRequest { region, account_id, image_id, max_staleness } = request.into_inner();
        let mut violations = Violations::new();
        let scope = scope(&self.services, &region, &account_id, &mut violations);
        let image_id = violations.required_id::<ImageId>("image_id", &image_id);
        let max_staleness = select::staleness(max_staleness.as_ref(), &mut violations);
        let (scope, image_id) = violations.finish(scope.zip(image_id)).map_err(Failure::from)?;
        let scope = scope?;
        let (observed, classification) = self.of(&scope).image(&scope.region, &image_id, max_staleness).await?;
        let image = convert::image(observed, &scope.region, &scope.account_id, &classification);
        Ok(Response::new(self.with_its_boots(image)))
    }

    async fn classify_images(
        &self,
        request: Request<pb::ClassifyImagesRequest>,
    ) -> Result<Response<Self::ClassifyImagesStream>, Status> {
        Ok(Response::new(self.classified(request.into_inner()).await?))
    }

    async fn check_compatibility(
        &self,
        request: Request<pb::CheckCompatibilityRequest>,
    ) -> Result<Response<pb::CheckCompatibilityResponse>, Status> {
        Ok(Response::new(self.compatibility(request.into_inner()).await?))
    }

    async fn list_instance_types(
        &self,
        request: Request<pb::ListInstanceTypesRequest>,
    ) -> Result<Response<pb::ListInstanceTypesResponse>, Status> {
        Ok(Response::new(self.instance_types(request.into_inner()).await?))
    }

    async fn resolve_image(
        &self,
        request: Request<pb::ResolveImageRequest>,
    ) -> Result<Response<pb::ResolveImageResponse>, Status> {
        Ok(Response::new(self.resolve(request.into_inner()).await?))
    }
}
