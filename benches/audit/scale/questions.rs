//! What is asked of a log: by every facet alone and by every two, from either end, at all times
//! and at some.

use std::time::{Duration, Instant};

use gantry::audit::{AuditLog, Order, RecordQuery};
use gantry::ids::{ImageId, InstanceId, LaunchId};
use gantry::record::{EntryKind, Verdict};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::peers::quantile;
use crate::workload::{IMAGES, PRINCIPALS, Workload, account, image, principal, region};

/// How a question is asked, in the order of [`Answer`]s.
pub(super) const WAYS: [&str; 4] = ["newest", "oldest", "newest of a time", "oldest of a time"];
/// Records asked for.
const LIMIT: usize = 50;
/// The share of the log's time that is asked for, where a time is.
const RANGE_SHARE: u64 = 20;
/// A question is repeated with other values so often, or for so long.
const REPETITIONS: usize = 2_000;
const LASTING: Duration = Duration::from_millis(400);
const SMOKE_LASTING: Duration = Duration::from_millis(5);
const LAUNCH_QUESTION: &str = "GetLaunch";
/// The same, asked first: pages of the store are read then that stay in memory afterwards.
const FIRST_LAUNCH_QUESTION: &str = "GetLaunch, just opened";

/// How a question, asked in one way, was answered.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) question: String,
    /// Records found, on average.
    pub(super) found: f64,
    pub(super) p50: Duration,
    pub(super) p99: Duration,
}

impl Answer {
    /// Whether it is a launch, and no list of records.
    pub(super) fn is_launch(&self) -> bool {
        self.question == LAUNCH_QUESTION
    }

    /// Whether it is a launch of a log that has just been opened.
    pub(super) fn is_first_launch(&self) -> bool {
        self.question == FIRST_LAUNCH_QUESTION
    }
}

/// Draws the values that are asked for.
struct Draw {
    rng: ChaCha8Rng,
    workload: Workload,
    serials: u64,
}

impl Draw {
    fn below(&mut self, count: u64) -> u64 {
        self.rng.next_u64() % count
    }

    /// The ids of a launch that is there.
    fn there(&mut self) -> (LaunchId, InstanceId, ImageId) {
        let serial = self.below(self.serials);
        self.workload.ids(serial)
    }

    /// The ids of a launch that is not.
    fn absent(&mut self) -> (LaunchId, InstanceId, ImageId) {
        let serial = self.serials + self.below(self.serials);
        self.workload.ids(serial)
    }
}

type Condition = fn(&mut Draw, &mut RecordQuery);

/// A facet with a value that most records have, one that few have, and one that none has.
const FACETS: [(&str, Condition, Condition, Option<Condition>); 8] = [
    (
        "kind",
        |_, query| query.kinds = vec![EntryKind::InstancePhase],
        |_, query| query.kinds = vec![EntryKind::ServiceStarted],
        Some(|_, query| query.kinds = vec![EntryKind::AttemptUnknown]),
    ),
    (
        "principal",
        |_, query| query.principal = Some(principal(0)),
        |draw, query| query.principal = Some(principal(PRINCIPALS - 1 - draw.below(PRINCIPALS / 10))),
        Some(|_, query| query.principal = Some(principal(PRINCIPALS))),
    ),
    (
        "account",
        |_, query| query.account_id = Some(account(0)),
        |_, query| query.account_id = Some(account(3)),
        Some(|_, query| query.account_id = Some("999999999999".parse().unwrap())),
    ),
    (
        "region",
        |_, query| query.region = Some(region(0)),
        |_, query| query.region = Some(region(3)),
        Some(|_, query| query.region = Some("eu-north-1".parse().unwrap())),
    ),
    (
        "image",
        |_, query| query.image_id = Some(image(0)),
        |draw, query| query.image_id = Some(image(IMAGES - 1 - draw.below(IMAGES / 10))),
        Some(|draw, query| query.image_id = Some(image(IMAGES + draw.below(IMAGES)))),
    ),
    (
        "launch",
        |draw, query| query.launch_id = Some(draw.there().0),
        |draw, query| query.launch_id = Some(draw.there().0),
        Some(|draw, query| query.launch_id = Some(draw.absent().0)),
    ),
    (
        "instance",
        |draw, query| query.instance_id = Some(draw.there().1),
        |draw, query| query.instance_id = Some(draw.there().1),
        Some(|draw, query| query.instance_id = Some(draw.absent().1)),
    ),
    (
        "verdict",
        |_, query| query.verdict = Some(Verdict::Admitted),
        |_, query| query.verdict = Some(Verdict::Refused),
        None,
    ),
];

/// Asks everything of a log that has the first `serials` launches.
pub(super) fn ask(log: &AuditLog, workload: Workload, serials: u64, is_smoke: bool) -> Vec<Answer> {
    let lasting = if is_smoke { SMOKE_LASTING } else { LASTING };
    let mut draw = Draw { rng: ChaCha8Rng::seed_from_u64(1), workload, serials };
    let mut answers = Vec::new();
    for question in [FIRST_LAUNCH_QUESTION, LAUNCH_QUESTION] {
        answers.push(repeat(question.to_owned(), lasting, || {
            let (id, ..) = draw.there();
            let begun = Instant::now();
            let launch = log.launch(id).unwrap();
            let took = begun.elapsed();
            assert!(launch.is_some(), "launch {id} is lost");
            (took, 1)
        }));
    }
    for (question, conditions) in questions() {
        for way in 0..WAYS.len() {
            answers.push(repeat(question.clone(), lasting, || {
                let mut query = RecordQuery { limit: LIMIT, ..RecordQuery::default() };
                query.order = if way % 2 == 0 { Order::NewestFirst } else { Order::OldestFirst };
                conditions.iter().for_each(|condition| condition(&mut draw, &mut query));
                if 2 <= way {
                    let lasting = (serials / RANGE_SHARE).max(1);
                    let first = draw.below(serials - lasting);
                    query.start = Some(workload.time(first));
                    query.end = Some(workload.time(first + lasting));
                }
                list(log, query)
            }));
        }
    }
    answers
}

/// Every question by its name. Some values never meet, such as an instance's phase and a verdict:
/// an index must notice.
fn questions() -> Vec<(String, Vec<Condition>)> {
    let mut questions = vec![("everything".to_owned(), Vec::new())];
    for (name, common, rare, absent) in FACETS {
        questions.push((format!("{name}, common"), vec![common]));
        questions.push((format!("{name}, rare"), vec![rare]));
        questions.extend(absent.map(|absent| (format!("{name}, absent"), vec![absent])));
    }
    for (place, (name, common, ..)) in FACETS.into_iter().enumerate() {
        for (other, other_common, other_rare, _) in FACETS.into_iter().skip(place + 1) {
            questions.push((format!("{name} and {other}, common"), vec![common, other_common]));
            questions.push((format!("{name}, common, and {other}, rare"), vec![common, other_rare]));
        }
    }
    questions
}

/// Asks as a reader does, who wants 50 records and goes on until there are as many or no more.
fn list(log: &AuditLog, mut query: RecordQuery) -> (Duration, usize) {
    let mut found = 0;
    let begun = Instant::now();
    loop {
        query.limit = LIMIT - found;
        let page = log.records(&query).unwrap();
        found += page.records.len();
        query.from = page.next;
        if page.next.is_none() || LIMIT <= found {
            return (begun.elapsed(), found);
        }
    }
}

fn repeat(question: String, lasting: Duration, mut ask: impl FnMut() -> (Duration, usize)) -> Answer {
    let begun = Instant::now();
    let (mut times, mut found) = (Vec::new(), 0);
    while times.is_empty() || (times.len() < REPETITIONS && begun.elapsed() < lasting) {
        let (took, count) = ask();
        times.push(took);
        found += count;
    }
    times.sort_unstable();
    let found = found as f64 / times.len() as f64;
    Answer { question, found, p50: quantile(&times, 0.5), p99: quantile(&times, 0.99) }
}
