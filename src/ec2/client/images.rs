//! DescribeImages, DescribeImageAttribute and GetAllowedImagesSettings.

use std::collections::BTreeSet;

use aws_sdk_ec2::operation::describe_images::builders::DescribeImagesFluentBuilder;
use aws_sdk_ec2::types::ImageAttributeName;

use super::{Client, filter};
use crate::ec2::budget::Api;
use crate::ec2::call::{Page, all_pages, send};
use crate::ec2::errors::page_token_repeated;
use crate::ec2::facts::{AllowedImages, Image, LaunchPermission};
use crate::ec2::{Ec2Error, convert};
use crate::ids::ImageId;

/// Images on one page. The model states no bounds; AWS's own samples use this.
const PAGE_IMAGES_MAX: i32 = 1_000;
/// Ids in one call (EC2 Developer Guide: no more than 1,000 in a describe call).
const CALL_IMAGE_IDS_MAX: usize = 1_000;

/// Which images. All parts must hold of an image; within a list one value must.
///
/// There is no `Default`: "every image there is" has to be said, by [`ImageQuestion::everything`],
/// and a question by ids stays one when the list runs empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageQuestion {
    /// These images and no others; `Some` of an empty list means none. An image named here is
    /// found even when deprecated. `None` does not restrict by id.
    pub ids: Option<Vec<ImageId>>,
    /// Account ids, `self`, `amazon`, `aws-backup-vault` or `aws-marketplace`.
    pub owners: Vec<String>,
    /// EC2's filters, by name, with `*` and `?` in the values; at most 50 with 200 values each.
    pub filters: Vec<(String, Vec<String>)>,
    /// Whether deprecated images of others are shown too.
    pub include_deprecated: bool,
    /// Whether disabled images are shown too.
    pub include_disabled: bool,
}

impl ImageQuestion {
    /// Every image that the account may launch, whoever owns it: a hundred thousand and more.
    pub fn everything() -> Self {
        Self { ids: None, owners: Vec::new(), filters: Vec::new(), include_deprecated: false, include_disabled: false }
    }

    /// These images, deprecated and disabled ones too; none if there are no ids.
    pub fn of_ids(ids: impl IntoIterator<Item = ImageId>) -> Self {
        Self { ids: Some(ids.into_iter().collect()), include_disabled: true, ..Self::everything() }
    }
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagePage {
    /// Its images, in EC2's order, which means nothing.
    pub images: Vec<Image>,
    /// What asks for the page after it; none after the last.
    pub next_token: Option<String>,
}

impl Client {
    /// One page of the images that fit a question without ids, from the beginning or from where
    /// another page said. A page that is short, or empty, is not the last while it has a token.
    ///
    /// # Errors
    /// What EC2 answered instead; InvalidNextToken when the token has expired. A page that names
    /// itself as the next, which would go round for ever, is unreadable.
    pub async fn describe_images_page(
        &self,
        question: &ImageQuestion,
        token: Option<String>,
    ) -> Result<ImagePage, Ec2Error> {
        let request = self.describe_images_request(question).max_results(PAGE_IMAGES_MAX);
        let Page { items, next_token } = self.images_page(request.set_next_token(token.clone())).await?;
        if token.is_some() && next_token == token {
            return Err(page_token_repeated());
        }
        Ok(ImagePage { images: items, next_token: next_token.filter(|token| !token.is_empty()) })
    }

    /// Whether less than half of what the budget holds for DescribeImages is left: whoever can share a call
    /// should.
    pub fn is_short_of_images(&self) -> bool {
        self.budgets().is_short_of(Api::DescribeImages)
    }

    /// Waits until DescribeImages can be called once inside the budget, for a call that so many share that it
    /// need not be counted as debt.
    pub async fn until_images_may_be_asked(&self) {
        self.budgets().until_one(Api::DescribeImages).await;
    }

    /// The images that fit the question, in EC2's order, which means nothing. Kernels and RAM
    /// disks, which EC2 counts as images, are left out.
    ///
    /// # Errors
    /// [`Ec2Error::TooMany`] if there are more than `limit`. One id that does not exist fails the
    /// whole call with InvalidAMIID.NotFound.
    pub async fn describe_images(&self, question: &ImageQuestion, limit: usize) -> Result<Vec<Image>, Ec2Error> {
        let request = self.describe_images_request(question);
        let found = match &question.ids {
            None => {
                all_pages(limit, |token| {
                    let request = request.clone().max_results(PAGE_IMAGES_MAX).set_next_token(token);
                    self.images_page(request)
                })
                .await?
            }
            // EC2 takes no MaxResults beside ids; it may all the same send a token.
            Some(ids) => {
                let ids: Vec<&ImageId> = ids.iter().collect::<BTreeSet<_>>().into_iter().collect();
                let mut found = Vec::new();
                for part in ids.chunks(CALL_IMAGE_IDS_MAX) {
                    let ids: Vec<String> = part.iter().map(|id| id.as_str().to_owned()).collect();
                    let request = request.clone().set_image_ids(Some(ids));
                    found.extend(
                        all_pages(limit, |token| self.images_page(request.clone().set_next_token(token))).await?,
                    );
                    if found.len() > limit {
                        return Err(Ec2Error::TooMany { limit });
                    }
                }
                found
            }
        };
        Ok(found)
    }

    fn describe_images_request(&self, question: &ImageQuestion) -> DescribeImagesFluentBuilder {
        let filters = question.filters.iter().map(|(name, values)| filter(name, values));
        let mut request = self.sdk().describe_images();
        for owner in &question.owners {
            request = request.owners(owner);
        }
        for filter in filters {
            request = request.filters(filter);
        }
        request
            .set_include_deprecated(question.include_deprecated.then_some(true))
            .set_include_disabled(question.include_disabled.then_some(true))
    }

    /// The launch permissions of an image of this account.
    ///
    /// # Errors
    /// Only the owner may ask; everybody else gets AuthFailure.
    pub async fn launch_permissions(&self, id: &ImageId) -> Result<Vec<LaunchPermission>, Ec2Error> {
        let request =
            self.sdk().describe_image_attribute().image_id(id.as_str()).attribute(ImageAttributeName::LaunchPermission);
        let answer = send!(self, request)?;
        Ok(convert::launch_permissions(answer.launch_permissions.unwrap_or_default()))
    }

    /// The account's Allowed AMIs settings in this Region: one call, whose answer changes as seldom
    /// as somebody changes the settings.
    ///
    /// # Errors
    /// UnauthorizedOperation without the permission `ec2:GetAllowedImagesSettings`.
    pub async fn allowed_images(&self) -> Result<AllowedImages, Ec2Error> {
        let request = self.sdk().get_allowed_images_settings();
        let answer = send!(self, request)?;
        Ok(convert::allowed_images(answer.state, answer.managed_by, answer.image_criteria))
    }

    async fn images_page(&self, request: DescribeImagesFluentBuilder) -> Result<Page<Image>, Ec2Error> {
        let answer = send!(self, request)?;
        let items = answer.images.unwrap_or_default().into_iter().filter_map(convert::image).collect();
        Ok(Page { items, next_token: answer.next_token })
    }
}
