//! CheckCompatibility.

use super::Images;
use super::select::staleness;
use crate::ami::catalog::Asker;
use crate::ami::compatibility::{Offered, Verdict, Wish, check_compatibility, verdict as conclude};
use crate::ami::snapshot::Observed;
use crate::api::blocking;
use crate::api::convert::{ViolationReason, Violations, to_timestamp, zones};
use crate::api::page::{Page, next_page_token, page};
use crate::api::pb;
use crate::api::scope::scope;
use crate::api::status::Failure;
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::ids::{ImageId, InstanceType, Region};
use crate::record::{Finding, Outcome};

/// Types that one call may name.
const INSTANCE_TYPES_MAX: usize = 500;

impl Images {
    pub(super) async fn compatibility(
        &self,
        request: pb::CheckCompatibilityRequest,
    ) -> Result<pb::CheckCompatibilityResponse, Failure> {
        let mut violations = Violations::new();
        let scope = scope(&self.services, &request.region, &request.account_id, &mut violations);
        let image_id = violations.required_id::<ImageId>("image_id", &request.image_id);
        let named: Vec<InstanceType> = violations.ids("instance_types", &request.instance_types, INSTANCE_TYPES_MAX);
        let view: Option<pb::FindingsView> = violations.enumeration("findings_view", request.findings_view);
        if let Some(market) = &request.market {
            violations.one_of("market", market, &["on-demand", "spot", "capacity-block"]);
        }
        if let Some(tenancy) = &request.tenancy {
            violations.one_of("tenancy", tenancy, &["default", "dedicated", "host"]);
        }
        let max_staleness = staleness(request.max_staleness.as_ref(), &mut violations);
        let page: Page<String> = page(&request, &mut violations);
        let ((scope, image_id), view) = violations.finish(scope.zip(image_id).zip(view))?;
        let scope = scope?;
        let this = self.of(&scope);
        let all = this.catalog().types_observed(&scope.region).await?;
        let offered = match &request.availability_zone {
            Some(zone) => this.offered_with(&scope.region, zone).await?,
            None => this.offered(&scope.region).await,
        };
        let (Observed { image, observed_time }, _) = this.image(&scope.region, &image_id, max_staleness).await?;
        let types = this.named_types(&scope.region, &named).await?;
        let types: &[InstanceTypeFacts] = if named.is_empty() { &all.facts } else { &types };
        let wish = Wish {
            market: request.market.clone(),
            tenancy: request.tenancy.clone(),
            hibernation: request.hibernation.unwrap_or(false),
            enclave: request.enclave.unwrap_or(false),
            offered,
            availability_zone: request.availability_zone.clone(),
            ..Wish::default()
        };
        // Named types keep the caller's order and all types go by name, so a page goes on after a
        // name; a type that went away meanwhile does not shift the others.
        let begin = match &page.after {
            None => 0,
            Some(after) => match types.iter().position(|facts| facts.instance_type.as_str() == after) {
                Some(position) => position + 1,
                None => types.partition_point(|facts| facts.instance_type.as_str() <= after.as_str()),
            },
        };
        let end = begin.saturating_add(page.size).min(types.len());
        let shown = types.get(begin..end).unwrap_or_default();
        let next_page_token = match shown.last() {
            Some(last) if end < types.len() => next_page_token(&request, &last.instance_type.to_string()),
            _ => String::new(),
        };
        let total_size = i32::try_from(types.len()).unwrap_or(i32::MAX);
        let shown = shown.to_vec();
        let verdicts =
            blocking(move || shown.iter().map(|facts| verdict(&image, facts, &wish, view)).collect()).await?;
        let image_observed_time = Some(to_timestamp(observed_time));
        let types_observed_time = Some(to_timestamp(all.observed_time));
        Ok(pb::CheckCompatibilityResponse {
            verdicts,
            next_page_token,
            total_size,
            types_observed_time,
            image_observed_time,
        })
    }

    /// Where types are offered, of a Region that has this zone. A zone that offers nothing at all
    /// is not one of the account's.
    async fn offered_with(&self, region: &Region, zone: &str) -> Result<Offered, Failure> {
        let offered = self.offered(region).await;
        let Some(offerings) = offered.known() else { return Ok(offered) };
        let known: Vec<&str> = offerings.zones().collect();
        if known.is_empty() || offerings.has_zone(zone) {
            return Ok(offered);
        }
        let mut violations = Violations::new();
        let message = format!("{region} has no zone {zone} that offers an instance type; it has {}", known.join(", "));
        violations.add("availability_zone", ViolationReason::InvalidField, message);
        Err(Failure::Invalid(violations))
    }

    /// The facts of types that were named; one that does not exist in the Region is a violation.
    async fn named_types(&self, region: &Region, named: &[InstanceType]) -> Result<Vec<InstanceTypeFacts>, Failure> {
        let found = self.catalog().types_named(region, named, Asker::Question).await?;
        let mut violations = Violations::new();
        for (index, name) in named.iter().enumerate() {
            if !found.iter().any(|facts| facts.instance_type == *name) {
                violations.add(
                    format!("instance_types[{index}]"),
                    ViolationReason::InvalidField,
                    format!("{region} has no instance type {name}"),
                );
            }
        }
        if violations.is_empty() { Ok(found) } else { Err(Failure::Invalid(violations)) }
    }
}

fn verdict(image: &Image, facts: &InstanceTypeFacts, wish: &Wish, view: pb::FindingsView) -> pb::InstanceTypeVerdict {
    let findings = check_compatibility(image, facts, wish);
    let shown = |finding: &&Finding| view == pb::FindingsView::All || finding.outcome != Outcome::Pass;
    let conclusion = match conclude(&findings) {
        Verdict::Compatible => pb::CompatibilityVerdict::Compatible,
        Verdict::Incompatible => pb::CompatibilityVerdict::Incompatible,
        Verdict::Unknown => pb::CompatibilityVerdict::Unknown,
    };
    pb::InstanceTypeVerdict {
        instance_type: facts.instance_type.to_string(),
        verdict: conclusion.into(),
        findings: findings.iter().filter(shown).map(Into::into).collect(),
        availability_zones: zones(wish.offered.known(), &facts.instance_type),
    }
}
