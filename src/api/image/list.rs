//! ListImages.

use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use serde::{Deserialize, Serialize};

use super::select::{image_filters, owners, staleness, types_of};
use super::{Images, select};
use crate::ami::catalog::{Answer, Asker, Crawl, CrawlId, Held, SnapshotId};
use crate::ami::classify::classify;
use crate::ami::filter::Filters;
use crate::ami::order::OrderBy;
use crate::ami::snapshot::{Observed, Query, Slot, Snapshot};
use crate::api::convert::{ViolationReason, Violations, image, to_timestamp};
use crate::api::page::{Page, next_page_token, page};
use crate::api::scope::{Scope, scope};
use crate::api::status::Failure;
use crate::api::{blocking, pb};
use crate::clock::Timestamp;
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::ec2::{Ec2Error, ImageQuestion};
use crate::ids::Region;
use crate::telemetry::metric;

/// Filter values up to which a snapshot is searched on the thread that serves, if each can be looked
/// up: it takes less than a millisecond.
const QUICK_VALUES_MAX: usize = 50;

/// Bytes of images on a page: gRPC clients accept 4 MiB, and there is more to an answer. A page of
/// large images is shorter than was asked for.
const PAGE_BYTES_MAX: usize = 7 << 19;

/// Where a page of images goes on: what it is read from, and how far into it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "k")]
enum Position {
    #[serde(rename = "s")]
    Snapshot {
        #[serde(rename = "i")]
        id: String,
        /// The moment of the first page, in microseconds: what is deprecated stays so.
        #[serde(rename = "t")]
        now: i64,
        #[serde(rename = "o")]
        offset: usize,
    },
    #[serde(rename = "c")]
    Crawl {
        #[serde(rename = "i")]
        id: String,
        #[serde(rename = "o")]
        offset: usize,
    },
}

/// A question whose form is right.
struct Question {
    scope: Scope,
    /// As asked: none means the server's scope.
    owners: Vec<String>,
    conditions: Filters,
    include_deprecated: bool,
    include_disabled: bool,
    order: OrderBy,
}

/// A page that was found.
struct Found {
    images: Vec<pb::Image>,
    total: usize,
    observed: Timestamp,
    next: Option<Position>,
    /// Why EC2 was asked; none if it was not.
    live_reason: Option<String>,
}

impl Images {
    pub(super) async fn list(&self, request: pb::ListImagesRequest) -> Result<pb::ListImagesResponse, Failure> {
        let mut violations = Violations::new();
        let scope = scope(&self.services, &request.region, &request.account_id, &mut violations);
        let shown_owners = owners(&self.services.owners, &request.owners, &mut violations);
        let conditions = image_filters(&request.filters, &mut violations);
        let order = OrderBy::parse(&request.order_by);
        if let Err(wrong) = &order {
            violations.add("order_by", ViolationReason::InvalidOrderBy, wrong.to_string());
        }
        let max_staleness = staleness(request.max_staleness.as_ref(), &mut violations);
        let page: Page<Position> = page(&request, &mut violations);
        let parsed = scope.zip(conditions).zip(order.ok());
        let ((scope, conditions), order) = violations.finish(parsed)?;
        let question = Question {
            scope: scope?,
            owners: request.owners.clone(),
            conditions,
            include_deprecated: request.include_deprecated,
            include_disabled: request.include_disabled,
            order,
        };
        let Page { size, after } = page;
        let found = match after {
            Some(position) => self.of(&question.scope).go_on(question, position, size).await?,
            None => self.of(&question.scope).begin(question, max_staleness, size).await?,
        };
        let answered_from =
            if found.live_reason.is_some() { pb::AnsweredFrom::Ec2 } else { pb::AnsweredFrom::Catalogue };
        Ok(pb::ListImagesResponse {
            images: self.with_boots(found.images),
            next_page_token: found.next.map(|next| next_page_token(&request, &next)).unwrap_or_default(),
            total_size: i32::try_from(found.total).unwrap_or(i32::MAX),
            observed_time: Some(to_timestamp(found.observed)),
            owners: shown_owners,
            answered_from: answered_from.into(),
            live_reason: found.live_reason.unwrap_or_default(),
        })
    }

    /// The first page.
    async fn begin(&self, question: Question, max_staleness: Option<Duration>, size: usize) -> Result<Found, Failure> {
        match self.catalog().answer(&question.scope.region, &question.owners, &question.conditions, max_staleness)? {
            Answer::Snapshot(held) => {
                metrics::counter!(metric::CATALOGUE_ANSWERS, "answered_from" => "catalogue").increment(1);
                let now = self.catalog().now();
                self.snapshot_page(question, held, now, 0, size).await
            }
            Answer::Ec2 { reason } => {
                metrics::counter!(metric::CATALOGUE_ANSWERS, "answered_from" => "ec2").increment(1);
                let asked = ImageQuestion {
                    owners: select::owners_for_ec2(&self.services.owners, &question.owners),
                    include_deprecated: question.include_deprecated,
                    include_disabled: question.include_disabled,
                    ..ImageQuestion::everything()
                };
                let region = &question.scope.region;
                let crawl = self.crawl(region, asked, &question.conditions, question.order.clone()).await?;
                self.crawl_page(&question, Arc::new(crawl), None, 0, size, reason)
            }
        }
    }

    /// A page after another one.
    async fn go_on(&self, question: Question, position: Position, size: usize) -> Result<Found, Failure> {
        match position {
            Position::Snapshot { id, now, offset } => {
                let id: SnapshotId = id.parse().map_err(|_| Failure::PageTokenExpired)?;
                let now = Timestamp::from_microsecond(now).map_err(|_| Failure::PageTokenExpired)?;
                let snapshot = self.catalog().snapshot(&question.scope.region, id)?;
                let snapshot = snapshot.ok_or(Failure::PageTokenExpired)?;
                self.snapshot_page(question, Held { id, snapshot }, now, offset, size).await
            }
            Position::Crawl { id, offset } => {
                let id: CrawlId = id.parse().map_err(|_| Failure::PageTokenExpired)?;
                let crawl = self.catalog().pinned(&id).ok_or(Failure::PageTokenExpired)?;
                if crawl.region != question.scope.region {
                    return Err(Failure::PageTokenExpired);
                }
                let reason = "these pages come from an answer that EC2 gave".to_owned();
                self.crawl_page(&question, crawl, Some(id), offset, size, reason)
            }
        }
    }

    async fn snapshot_page(
        &self,
        question: Question,
        Held { id, snapshot }: Held,
        now: Timestamp,
        offset: usize,
        size: usize,
    ) -> Result<Found, Failure> {
        let Scope { region, account_id } = question.scope.clone();
        let types = types_of(self.catalog(), &region, &question.conditions).await?;
        let searched = Arc::clone(&snapshot);
        let is_quick = types.is_empty() && question.conditions.can_be_looked_up(QUICK_VALUES_MAX);
        let search = move || search(&question, &types, &searched, now, offset, size);
        // A hop to another thread and back takes as long as the usual search.
        let (total, slots) = if is_quick {
            search()
        } else {
            // As many at a time as leave a core for everybody else.
            let _turn = self.catalog().turn_to_search().await;
            blocking(search).await?
        };
        let viewer = self.viewer(&region)?;
        let images = fitting(slots.iter().map(|slot| {
            let observed = snapshot.image(*slot);
            let classification = classify(&observed.image, &viewer, None, self.catalog().now());
            image(observed, &region, &account_id, &classification)
        }));
        let end = offset.saturating_add(images.len());
        let next = (end < total && !slots.is_empty()).then(|| Position::Snapshot {
            id: id.to_string(),
            now: now.as_microsecond(),
            offset: end,
        });
        Ok(Found { images, total, observed: snapshot.observed_time(), next, live_reason: None })
    }

    fn crawl_page(
        &self,
        question: &Question,
        crawl: Arc<Crawl>,
        id: Option<CrawlId>,
        offset: usize,
        size: usize,
        reason: String,
    ) -> Result<Found, Failure> {
        let Scope { region, account_id } = &question.scope;
        let viewer = self.viewer(region)?;
        let total = crawl.images.len();
        let end = offset.saturating_add(size).min(total);
        let images = crawl.images.get(offset.min(end)..end).unwrap_or_default().iter().map(|facts| {
            let classification = classify(facts, &viewer, None, self.catalog().now());
            let observed = Observed { image: facts.clone(), observed_time: crawl.observed };
            image(observed, region, account_id, &classification)
        });
        let images = fitting(images);
        let end = offset.saturating_add(images.len());
        let observed = crawl.observed;
        let next = (end < total).then(|| {
            let id = id.unwrap_or_else(|| self.catalog().pin(crawl));
            Position::Crawl { id: id.to_string(), offset: end }
        });
        Ok(Found { images, total, observed, next, live_reason: Some(reason) })
    }

    /// Every image that passes, in order, asked of EC2 now: all pages are read before anything is
    /// sorted, because EC2 sorts nothing. Judging runs on a thread that may be busy for long, so that
    /// the other calls go on meanwhile.
    pub(super) async fn crawl(
        &self,
        region: &Region,
        question: ImageQuestion,
        conditions: &Filters,
        order: OrderBy,
    ) -> Result<Crawl, Failure> {
        let split = conditions.split();
        let question = ImageQuestion { filters: split.ec2, ..question };
        let crawl = match self.catalog().crawl(region, &question, Asker::Question).await.map_err(Failure::from) {
            Ok(crawl) => crawl,
            Err(Failure::Ec2(Ec2Error::TooMany { limit })) => {
                let narrow_by = if question.filters.is_empty() { "owners or filters" } else { "filters" };
                return Err(Failure::TooManyResults { limit, narrow_by });
            }
            Err(failure) => return Err(failure),
        };
        let types = types_of(self.catalog(), region, &split.local).await?;
        let (viewer, now) = (self.viewer(region)?, self.catalog().now());
        blocking(move || {
            let passes = |image: &Image| {
                split.local.is_empty() || split.local.matches(image, &classify(image, &viewer, None, now), &types)
            };
            let mut crawl = crawl;
            crawl.images.retain(passes);
            crawl.images.sort_by(|a, b| order.compare(a, b));
            crawl
        })
        .await
    }
}

/// As many images, from the first on, as fit into one answer.
fn fitting(images: impl Iterator<Item = pb::Image>) -> Vec<pb::Image> {
    let mut bytes = 0;
    let mut page = Vec::new();
    for image in images {
        bytes += image.encoded_len();
        if bytes > PAGE_BYTES_MAX && !page.is_empty() {
            break;
        }
        page.push(image);
    }
    page
}

/// How many images pass, and the page that was asked for.
fn search(
    question: &Question,
    types: &[InstanceTypeFacts],
    snapshot: &Snapshot,
    now: Timestamp,
    offset: usize,
    size: usize,
) -> (usize, Vec<Slot>) {
    let matches = snapshot.matches(&Query {
        owners: &question.owners,
        filters: &question.conditions,
        types,
        include_deprecated: question.include_deprecated,
        include_disabled: question.include_disabled,
        now,
    });
    (matches.len(), snapshot.page(&matches, &question.order, offset, size))
}
