//! ListInstanceTypes.

use super::Images;
use super::select::{add_filter_violations, conditions, staleness};
use crate::ami::compatibility::{Offered, Wish, types_for};
use crate::ami::filter::InstanceTypeFilters;
use crate::api::blocking;
use crate::api::convert::{Violations, instance_type, to_timestamp};
use crate::api::page::{Page, next_page_token, page};
use crate::api::pb;
use crate::api::scope::scope;
use crate::api::status::Failure;
use crate::ec2::facts::InstanceTypeFacts;
use crate::ids::{ImageId, Region};

impl Images {
    /// Where types are offered, as far as EC2 says: an account may be allowed to read the types and
    /// not this.
    pub(super) async fn offered(&self, region: &Region) -> Offered {
        self.catalog().offerings(region).await.map_or(Offered::Unknown, Offered::Known)
    }

    pub(super) async fn instance_types(
        &self,
        request: pb::ListInstanceTypesRequest,
    ) -> Result<pb::ListInstanceTypesResponse, Failure> {
        let mut violations = Violations::new();
        let scope = scope(&self.services, &request.region, &request.account_id, &mut violations);
        let image_id: Option<ImageId> = violations.optional_id("image_id", &request.image_id);
        let conditions = conditions(&request.filters, &mut violations);
        let conditions =
            InstanceTypeFilters::parse(&conditions).map_err(|wrong| add_filter_violations(wrong, &mut violations)).ok();
        let max_staleness = staleness(request.max_staleness.as_ref(), &mut violations);
        let page: Page<String> = page(&request, &mut violations);
        let (scope, conditions) = violations.finish(scope.zip(conditions))?;
        let scope = scope?;
        let this = self.of(&scope);
        let image = match &image_id {
            Some(id) => Some(this.image(&scope.region, id, max_staleness).await?.0),
            None => None,
        };
        let image_observed_time = image.as_ref().map(|image| to_timestamp(image.observed_time));
        let types = this.catalog().types_observed(&scope.region).await?;
        let offered = this.offered(&scope.region).await;
        let wish = Wish { offered: offered.clone(), ..Wish::default() };
        let all = types.facts;
        let passing: Vec<InstanceTypeFacts> = blocking(move || {
            let matching = all.iter().filter(|facts| conditions.matches(facts));
            match &image {
                Some(observed) => types_for(&observed.image, matching, &wish).cloned().collect(),
                None => matching.cloned().collect(),
            }
        })
        .await?;
        // Types go by name, so a page goes on after a name, whatever came or went meanwhile.
        let begin = page
            .after
            .map_or(0, |after| passing.partition_point(|facts| facts.instance_type.as_str() <= after.as_str()));
        let end = begin.saturating_add(page.size).min(passing.len());
        let shown = passing.get(begin..end).unwrap_or_default();
        let next_page_token = match shown.last() {
            Some(last) if end < passing.len() => next_page_token(&request, &last.instance_type.to_string()),
            _ => String::new(),
        };
        Ok(pb::ListInstanceTypesResponse {
            instance_types: shown
                .iter()
                .map(|facts| instance_type(facts, offered.known(), &scope.region, &scope.account_id))
                .collect(),
            next_page_token,
            total_size: i32::try_from(passing.len()).unwrap_or(i32::MAX),
            types_observed_time: Some(to_timestamp(types.observed_time)),
            image_observed_time,
        })
    }
}
