//! Resolving a selector: the candidates, the best of them, and one more look at those.
//!
//! ResolveImage and a launch by selector both come here, so that they choose the same image. What
//! was chosen is asked of EC2 by its id before it is returned, together with the runners-up: the
//! facts of the answer are of this moment, however old the reading is that the candidates came
//! from.

use std::time::Duration;

use jiff::Timestamp;

use super::{ANY_OWNER, Answer, Asker, Catalog, CatalogError, Crawl};
use crate::ami::classify::{Classification, Viewer, classify};
use crate::ami::receipt::{Receipt, receipt};
use crate::ami::resolve::{Choice, Nothing, Ranking, RunnerUp, Selector};
use crate::ami::snapshot::{Query, Slot};
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::ec2::{Ec2Error, ErrorClass, ImageQuestion};
use crate::ids::{ImageId, Region};
use crate::record::ImageSelector;

/// Candidates judged before other tasks have a turn: a few milliseconds of work.
const JUDGED_AT_ONCE: usize = 1_000;

/// How old a snapshot may be that candidates are taken from: a crawl that failed is made up for by
/// then, and an older one would choose what was the newest long ago.
pub const CANDIDATES_AGE_MAX: Duration = Duration::from_secs(2 * 60 * 60);

/// Characters that are shown of a parameter's value that is no image id.
const VALUE_CHARS_MAX: usize = 64;

/// EC2's filter for the public parameter that an image is or was behind.
const PARAMETER_FILTER: &str = "public-ssm-parameter-name";

/// The image that a selector comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The winner, as EC2 described it just now.
    pub winner: Image,
    /// The others, best first.
    pub runners_up: Vec<RunnerUp>,
    /// What the winner was at that time.
    pub receipt: Receipt,
    /// How many images met the selector, the winner included.
    pub matched: usize,
    /// Why the winner may not be the parameter's value, where it had to be inferred.
    pub inferred: Option<String>,
    /// When EC2 was asked for the candidates.
    pub candidates_observed_time: Timestamp,
}

/// Why a selector comes to no image.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The facts could not be had.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// There is no image that meets it and can be launched.
    #[error(transparent)]
    Nothing(#[from] Nothing),
}

/// A selector and what judging by it needs.
struct Search<'a> {
    region: &'a Region,
    selector: Selector,
    types: Vec<InstanceTypeFacts>,
    viewer: Viewer,
    /// How old a snapshot may be that candidates are taken from.
    candidates_age: Duration,
    asker: Asker,
}

/// Candidates, the best first.
struct Candidates {
    ranking: Ranking,
    /// When EC2 was asked for them.
    observed_time: Timestamp,
}

impl Catalog {
    /// The image that `selector` comes to now, of candidates that are at most `max_staleness` old, and
    /// [`CANDIDATES_AGE_MAX`] without it.
    ///
    /// # Errors
    /// [`ResolveError::Nothing`] if no image that can be launched meets it; otherwise as
    /// [`Catalog::crawl`].
    pub async fn resolve(
        &self,
        region: &Region,
        selector: &ImageSelector,
        max_staleness: Option<Duration>,
        asker: Asker,
    ) -> Result<Resolved, ResolveError> {
        // Requests are checked at the edge, so this is a selector of another version's making.
        let selector = Selector::read(selector)
            .map_err(|_| Nothing { matched: 0, message: "the selector has a filter that does not exist".to_owned() })?;
        let named = selector.instance_types();
        let types = if named.is_empty() { Vec::new() } else { self.types_named(region, &named, asker).await? };
        let candidates_age = max_staleness.unwrap_or(CANDIDATES_AGE_MAX).min(CANDIDATES_AGE_MAX);
        let search = Search { region, selector, types, viewer: self.viewer(region)?, candidates_age, asker };
        match search.selector.ssm_parameter() {
            Some(parameter) => self.resolve_parameter(&search, parameter).await,
            None => {
                let candidates = self.rank(&search, None).await?;
                self.choose(&search, candidates).await
            }
        }
    }

    /// Ranks the images that may meet a selector: those of the snapshot, or of EC2 where the snapshot
    /// does not have them all. With `parameter` they are those that are or were behind it, which
    /// only EC2 knows.
    async fn rank(&self, search: &Search<'_>, parameter: Option<&str>) -> Result<Candidates, CatalogError> {
        let owner = search.selector.owner().unwrap_or(ANY_OWNER);
        let owners = [owner.to_owned()];
        match self.answer(search.region, &owners, search.selector.filters(), Some(search.candidates_age))? {
            Answer::Snapshot(held) if parameter.is_none() => {
                let query = Query {
                    owners: &owners,
                    filters: search.selector.filters(),
                    types: &search.types,
                    // What loses for being deprecated or disabled is named as well.
                    include_deprecated: true,
                    include_disabled: true,
                    now: self.now(),
                };
                let slots: Vec<Slot> = held.snapshot.matches(&query).iter().collect();
                let mut ranking = Ranking::default();
                for some in slots.chunks(JUDGED_AT_ONCE) {
                    some.iter().for_each(|slot| self.consider(search, &held.snapshot.image(*slot).image, &mut ranking));
                    tokio::task::yield_now().await;
                }
                Ok(Candidates { ranking, observed_time: held.snapshot.observed_time() })
            }
            _ => {
                let crawl = self.asked_candidates(search, owner, parameter).await?;
                Ok(Candidates { ranking: self.ranked(search, &crawl).await, observed_time: crawl.observed })
            }
        }
    }

    async fn asked_candidates(
        &self,
        search: &Search<'_>,
        owner: &str,
        parameter: Option<&str>,
    ) -> Result<Crawl, CatalogError> {
        let mut filters = search.selector.filters().split().ec2;
        // EC2 has these names without the slash that they have in SSM.
        filters
            .extend(parameter.map(|name| (PARAMETER_FILTER.to_owned(), vec![name.trim_start_matches('/').to_owned()])));
        let question = ImageQuestion {
            owners: if owner == ANY_OWNER { Vec::new() } else { vec![owner.to_owned()] },
            filters,
            include_deprecated: true,
            include_disabled: true,
            ..ImageQuestion::everything()
        };
        self.crawl(search.region, &question, search.asker).await
    }

    fn consider(&self, search: &Search<'_>, image: &Image, ranking: &mut Ranking) {
        let classification = self.judge(search, image);
        if search.selector.accepts(image, &classification, &search.types, self.account_id()) {
            ranking.consider(image, &classification);
        }
    }

    fn judge(&self, search: &Search<'_>, image: &Image) -> Classification {
        classify(image, &search.viewer, None, self.now())
    }

    /// Asks EC2 for the best once more, and chooses among what they are now. One that is gone, or
    /// meets the selector no more, makes way for the next. When none of them is left, the snapshot
    /// they came from is out of date, and EC2 is asked for all candidates.
    async fn choose(&self, search: &Search<'_>, candidates: Candidates) -> Result<Resolved, ResolveError> {
        let Candidates { mut ranking, mut observed_time } = candidates;
        let mut observed = self.now();
        let mut live = self.look_again(search, &ranking).await?;
        if ranking.matched() > 0 && live.matched() == 0 && search.selector.ssm_parameter().is_none() {
            let owner = search.selector.owner().unwrap_or(ANY_OWNER);
            let crawl = self.asked_candidates(search, owner, None).await?;
            ranking = self.ranked(search, &crawl).await;
            observed_time = crawl.observed;
            observed = self.now();
            live = self.look_again(search, &ranking).await?;
        }
        let matched = ranking.matched();
        let Choice { winner, runners_up } = ranking.confirmed_by(live)?;
        let receipt = receipt(&winner, observed);
        let candidates_observed_time = observed_time;
        Ok(Resolved { winner, runners_up, receipt, matched, inferred: None, candidates_observed_time })
    }

    /// What the best are now, those that still meet the selector.
    async fn look_again(&self, search: &Search<'_>, ranking: &Ranking) -> Result<Ranking, CatalogError> {
        let ids: Vec<ImageId> = ranking.best().cloned().collect();
        let mut live = Ranking::default();
        for image in self.images(search.region, &ids, search.asker).await? {
            self.consider(search, &image, &mut live);
        }
        Ok(live)
    }

    /// Ranks the images of one answer of EC2.
    async fn ranked(&self, search: &Search<'_>, crawl: &Crawl) -> Ranking {
        let mut ranking = Ranking::default();
        for some in crawl.images.chunks(JUDGED_AT_ONCE) {
            some.iter().for_each(|image| self.consider(search, image, &mut ranking));
            tokio::task::yield_now().await;
        }
        ranking
    }

    /// The image that a public parameter names, if it meets the rest of the selector.
    async fn resolve_parameter(&self, search: &Search<'_>, parameter: &str) -> Result<Resolved, ResolveError> {
        let value = match self.client(search.region)?.at(search.asker.priority()).public_parameter(parameter).await {
            Ok(value) => value,
            Err(error) => return self.infer(search, parameter, error).await,
        };
        let nothing = |message| Nothing { matched: 0, message };
        let id: ImageId = value.parse().map_err(|_| {
            let shown: String = value.chars().take(VALUE_CHARS_MAX).flat_map(char::escape_debug).collect();
            nothing(format!("{parameter} holds no image id but \"{shown}\"; name a parameter that holds only the id"))
        })?;
        let observed = self.now();
        let image = self.image(search.region, &id, search.asker).await?.ok_or_else(|| {
            nothing(format!("{parameter} names {id}, which EC2 does not show to account {}", self.account_id()))
        })?;
        let classification = self.judge(search, &image);
        let unmet = search.selector.unmet(&image, &classification, &search.types);
        if !unmet.is_empty() {
            return Err(nothing(format!("{parameter} names {id}, which does not meet {}", unmet.join(", "))).into());
        }
        let mut ranking = Ranking::default();
        ranking.consider(&image, &classification);
        let Choice { winner, runners_up } = ranking.choose()?;
        let receipt = receipt(&winner, observed);
        let candidates_observed_time = observed;
        Ok(Resolved { winner, runners_up, receipt, matched: 1, inferred: None, candidates_observed_time })
    }

    /// The newest of the images that are or were behind a parameter that SSM does not tell.
    async fn infer(&self, search: &Search<'_>, parameter: &str, error: Ec2Error) -> Result<Resolved, ResolveError> {
        let Some(why) = no_parameter(&error) else { return Err(CatalogError::Ec2(error).into()) };
        let candidates = self.rank(search, Some(parameter)).await?;
        let matched = candidates.ranking.matched();
        if matched == 0 {
            let message = format!("{why}, and EC2 shows no image that was behind {parameter} and meets the selector");
            return Err(Nothing { matched, message }.into());
        }
        let resolved = self.choose(search, candidates).await?;
        let among = if matched == 1 { "the only image" } else { &format!("the newest of {matched} images") };
        let inferred =
            format!("{why}; this is {among} that EC2's filter {PARAMETER_FILTER} finds, which also finds former ones");
        Ok(Resolved { inferred: Some(inferred), ..resolved })
    }
}

/// Why the image must be inferred, if what SSM said, or did not say, leaves no other way. Where
/// asking again helps, such as after throttling, the error stays one.
fn no_parameter(error: &Ec2Error) -> Option<String> {
    match error {
        Ec2Error::Answered(answer) => match (answer.code.as_str(), answer.class) {
            ("ParameterNotFound", _) => Some("SSM has no parameter of this name".to_owned()),
            ("UnknownOperationException" | "InvalidAction", _) => Some("the endpoint has no SSM".to_owned()),
            (code, ErrorClass::Permission) => Some(format!("ssm:GetParameter is not permitted ({code})")),
            _ => None,
        },
        Ec2Error::Unreadable { .. } => Some(format!("SSM cannot be asked ({})", error.code())),
        Ec2Error::NoAnswer { .. }
        | Ec2Error::TooMany { .. }
        | Ec2Error::Credentials(_)
        | Ec2Error::NotAssumed(_)
        | Ec2Error::NotSent(_)
        | Ec2Error::HeldBack => None,
    }
}
