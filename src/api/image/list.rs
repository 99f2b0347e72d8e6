//! ListImages.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Images;
use crate::ami::catalog::{Crawl, CrawlId};
use crate::ami::filter::{FilterViolation, Filters};
use crate::ami::order::OrderBy;
use crate::api::blocking;
use crate::api::convert::{ViolationReason, Violations, duration, filters, image, to_timestamp};
use crate::api::page::{Page, next_page_token, page};
use crate::api::pb;
use crate::api::scope::scope;
use crate::api::status::Failure;
use crate::ec2::facts::Image;
use crate::ec2::{Ec2Error, ImageQuestion};
use crate::ids::Region;

/// Owners that one question may name.
pub(super) const OWNERS_MAX: usize = 200;

/// The owner that stands for every owner; EC2 has no word for it.
const ANY_OWNER: &str = "all";

/// Characters of all filter values of one request together. EC2's own limits allow 2.5 million; that
/// many patterns against every image of a Region is work without end in sight.
const FILTER_CHARACTERS_TOTAL_MAX: usize = 100_000;

/// The longest staleness that can be asked for; it is only a bound against nonsense.
const STALENESS_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// Where a page of images goes on: a crawl, and how far into it.
#[derive(Debug, Serialize, Deserialize)]
struct Position {
    #[serde(rename = "p")]
    crawl: String,
    #[serde(rename = "o")]
    offset: usize,
}

impl Images {
    pub(super) async fn list(&self, request: pb::ListImagesRequest) -> Result<pb::ListImagesResponse, Failure> {
        let mut violations = Violations::new();
        let scope = scope(&self.services, &request.region, &request.account_id, &mut violations);
        let owners = owners(&self.services.owners, &request.owners, &mut violations);
        let conditions = image_filters(&request.filters, &mut violations);
        let order = OrderBy::parse(&request.order_by);
        if let Err(wrong) = &order {
            violations.add("order_by", ViolationReason::InvalidOrderBy, wrong.to_string());
        }
        let _: Option<Duration> =
            duration("max_staleness", request.max_staleness.as_ref(), (Duration::ZERO, STALENESS_MAX), &mut violations);
        let page: Page<Position> = page(&request, &mut violations);
        let parsed = scope.zip(conditions).zip(order.ok());
        let ((scope, conditions), order) = violations.finish(parsed)?;
        let scope = scope?;

        let (crawl, id, offset) = match page.after {
            Some(position) => {
                let id: Option<CrawlId> = position.crawl.parse().ok();
                let crawl = id.as_ref().and_then(|id| self.catalog().pinned(id));
                let (Some(id), Some(crawl)) = (id, crawl) else { return Err(Failure::PageTokenExpired) };
                (crawl, Some(id), position.offset)
            }
            None => {
                let question = ImageQuestion {
                    owners: owners.iter().filter(|owner| *owner != ANY_OWNER).cloned().collect(),
                    include_deprecated: request.include_deprecated,
                    include_disabled: request.include_disabled,
                    ..ImageQuestion::everything()
                };
                (Arc::new(self.crawl(&scope.region, question, &conditions, order).await?), None, 0)
            }
        };
        let total = crawl.images.len();
        let end = offset.saturating_add(page.size).min(total);
        let shown = crawl.images.get(offset..end).unwrap_or_default();
        let images = shown
            .iter()
            .map(|facts| image(facts, &scope.region, &scope.account_id, Some(&self.classify(facts, None))))
            .collect();
        let next_page_token = if end < total {
            let id = id.unwrap_or_else(|| self.catalog().pin(Arc::clone(&crawl)));
            next_page_token(&request, &Position { crawl: id.to_string(), offset: end })
        } else {
            String::new()
        };
        Ok(pb::ListImagesResponse {
            images,
            next_page_token,
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
            observed_time: Some(to_timestamp(crawl.observed)),
            owners,
        })
    }

    /// Every image that passes, in order: all pages are read before anything is sorted, because
    /// EC2 sorts nothing. Judging runs on a thread that may be busy for long, so that the other
    /// calls go on meanwhile.
    pub(super) async fn crawl(
        &self,
        region: &Region,
        question: ImageQuestion,
        conditions: &Filters,
        order: OrderBy,
    ) -> Result<Crawl, Failure> {
        let split = conditions.split();
        let question = ImageQuestion { filters: split.ec2, ..question };
        let crawl = match self.catalog().crawl(region, &question).await.map_err(Failure::from) {
            Ok(crawl) => crawl,
            Err(Failure::Ec2(Ec2Error::TooMany { limit })) => {
                let narrow_by = if question.filters.is_empty() { "owners or filters" } else { "filters" };
                return Err(Failure::TooManyResults { limit, narrow_by });
            }
            Err(failure) => return Err(failure),
        };
        let types = split.local.instance_types();
        let types = if types.is_empty() { Vec::new() } else { self.catalog().types_named(region, &types).await? };
        let judge = Self::new(self.services.clone());
        blocking(move || {
            let passes = |image: &&Image| {
                split.local.is_empty() || split.local.matches(image, &judge.classify(image, None), &types)
            };
            let mut images: Vec<Image> = crawl.images.iter().filter(passes).cloned().collect();
            images.sort_by(|a, b| order.compare(a, b));
            Crawl::new(crawl.region.clone(), crawl.observed, images)
        })
        .await
    }
}

/// The owners asked for, or the scope that the server is configured with.
pub(super) fn owners(scope: &[String], asked: &[String], violations: &mut Violations) -> Vec<String> {
    if asked.is_empty() {
        return scope.to_vec();
    }
    if violations.at_most("owners", asked.len(), OWNERS_MAX) {
        for (index, owner) in asked.iter().enumerate() {
            let known = ["self", "amazon", "aws-marketplace", "aws-backup-vault", ANY_OWNER].contains(&owner.as_str());
            let account = owner.len() == 12 && owner.bytes().all(|b| b.is_ascii_digit());
            if !known && !account {
                violations.add(
                    format!("owners[{index}]"),
                    ViolationReason::InvalidField,
                    "expected self, amazon, aws-marketplace, aws-backup-vault, all, or an account id of twelve digits",
                );
            }
        }
    }
    asked.to_vec()
}

/// The filters of a request: their form, and whether they exist.
pub(super) fn image_filters(asked: &[pb::Filter], violations: &mut Violations) -> Option<Filters> {
    match Filters::parse(&conditions(asked, violations)) {
        Ok(filters) => Some(filters),
        Err(wrong) => {
            add_filter_violations(wrong, violations);
            None
        }
    }
}

/// The filters of a request as names and values: their form, and how much there is of them.
pub(super) fn conditions(asked: &[pb::Filter], violations: &mut Violations) -> Vec<(String, Vec<String>)> {
    let total: usize = asked.iter().flat_map(|filter| &filter.values).map(|value| value.chars().count()).sum();
    if total > FILTER_CHARACTERS_TOTAL_MAX {
        violations.add(
            "filters",
            ViolationReason::LimitExceeded,
            format!("{total} characters in all values together; at most {FILTER_CHARACTERS_TOTAL_MAX} are accepted"),
        );
    }
    filters("filters", asked, violations).into_iter().map(|raw| (raw.name, raw.values)).collect()
}

pub(super) fn add_filter_violations(wrong: Vec<FilterViolation>, violations: &mut Violations) {
    for violation in wrong {
        let field = violation.field();
        // The form has been complained about where the message was read.
        if violations.kept().iter().any(|known| known.field == field) {
            continue;
        }
        violations.add(field, ViolationReason::InvalidFilter, violation.problem.to_string());
    }
}
