//! ImageService: what is this AMI, and what can boot it.

mod classify;
mod compatibility;
mod list;
mod types;

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert::Violations;
use super::scope::scope;
use super::status::{Failure, Missing};
use super::{Services, convert, pb};
use crate::ami::catalog::Catalog;
use crate::ami::classify::{Classification, Viewer};
use crate::ec2::facts::{Image, LaunchPermission};
use crate::ids::{ImageId, Region};

/// ImageService.
#[derive(Debug)]
pub(super) struct Images {
    services: Services,
}

impl Images {
    pub(super) fn new(services: Services) -> Self {
        Self { services }
    }

    fn catalog(&self) -> &Catalog {
        &self.services.catalog
    }

    fn classify(&self, image: &Image, permissions: Option<&[LaunchPermission]>) -> Classification {
        let viewer = Viewer { account_id: self.catalog().account_id().clone() };
        crate::ami::classify::classify(image, &viewer, permissions, self.catalog().now())
    }

    /// The image, with its launch permissions where the caller's account may see them.
    async fn image(&self, region: &Region, id: &ImageId) -> Result<(Image, Classification), Failure> {
        let image = self.catalog().image(region, id).await?;
        let image = image.ok_or_else(|| Failure::NotFound(Missing::Image(id.clone())))?;
        let permissions = self.catalog().launch_permissions(region, &image).await?;
        let classification = self.classify(&image, permissions.as_deref());
        Ok((image, classification))
    }
}

#[tonic::async_trait]
impl pb::image_service_server::ImageService for Images {
    type ClassifyImagesStream = ReceiverStream<Result<pb::ClassifyImagesResponse, Status>>;

    async fn list_images(
        &self,
        request: Request<pb::ListImagesRequest>,
    ) -> Result<Response<pb::ListImagesResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn get_image(&self, request: Request<pb::GetImageRequest>) -> Result<Response<pb::Image>, Status> {
        let pb::GetImageRequest { region, account_id, image_id } = request.into_inner();
        let mut violations = Violations::new();
        let scope = scope(&self.services, &region, &account_id, &mut violations);
        let image_id = violations.required_id::<ImageId>("image_id", &image_id);
        let (scope, image_id) = violations.finish(scope.zip(image_id)).map_err(Failure::from)?;
        let scope = scope?;
        let (image, classification) = self.image(&scope.region, &image_id).await?;
        Ok(Response::new(convert::image(&image, &scope.region, &scope.account_id, Some(&classification))))
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
        _request: Request<pb::ResolveImageRequest>,
    ) -> Result<Response<pb::ResolveImageResponse>, Status> {
        Err(Failure::NotImplemented { what: "ResolveImage" }.into())
    }
}
