//! ResolveImage.

use super::Images;
use super::select::staleness;
use crate::ami::catalog::{Asker, Resolved};
use crate::ami::classify::classify;
use crate::ami::receipt::Receipt;
use crate::ami::resolve::RunnerUp;
use crate::ami::snapshot::Observed;
use crate::api::convert::{self, Violations, image_selector, to_timestamp};
use crate::api::pb;
use crate::api::scope::scope;
use crate::api::status::Failure;

impl Images {
    pub(super) async fn resolve(&self, request: pb::ResolveImageRequest) -> Result<pb::ResolveImageResponse, Failure> {
        let pb::ResolveImageRequest { region, account_id, selector, max_staleness } = request;
        let mut violations = Violations::new();
        let scope = scope(&self.services, &region, &account_id, &mut violations);
        let selector = image_selector("selector", selector, &mut violations);
        let max_staleness = staleness(max_staleness.as_ref(), &mut violations);
        let (scope, selector) = violations.finish(scope.zip(selector))?;
        let scope = scope?;
        let this = self.of(&scope);
        let resolved =
            Box::pin(this.catalog().resolve(&scope.region, &selector, max_staleness, Asker::Question)).await?;
        let Resolved { winner, runners_up, receipt, matched, inferred, candidates_observed_time } = resolved;
        let permissions = this.catalog().launch_permissions(&scope.region, &winner, None).await?;
        let viewer = this.viewer(&scope.region)?;
        let classification = classify(&winner, &viewer, permissions.as_deref(), this.catalog().now());
        let winner = Observed { image: winner, observed_time: receipt.observed_time };
        let image = convert::image(winner, &scope.region, &scope.account_id, &classification);
        Ok(pb::ResolveImageResponse {
            image: Some(self.with_its_boots(image)),
            runners_up: runners_up.iter().map(runner_up).collect(),
            receipt: Some(shown(&receipt)),
            inferred: inferred.is_some(),
            inferred_reason: inferred.unwrap_or_default(),
            matched: i32::try_from(matched).unwrap_or(i32::MAX),
            candidates_observed_time: Some(to_timestamp(candidates_observed_time)),
        })
    }
}

fn runner_up(loser: &RunnerUp) -> pb::RunnerUp {
    let RunnerUp { image_id, name, creation_time, reason } = loser;
    pb::RunnerUp {
        image_id: image_id.to_string(),
        name: name.clone().unwrap_or_default(),
        creation_time: creation_time.map(to_timestamp),
        reason: reason.clone(),
    }
}

fn shown(receipt: &Receipt) -> pb::ImageReceipt {
    let Receipt { image_id, digest, observed_time } = receipt;
    pb::ImageReceipt {
        image_id: image_id.to_string(),
        digest: digest.to_string(),
        observed_time: Some(to_timestamp(*observed_time)),
    }
}
