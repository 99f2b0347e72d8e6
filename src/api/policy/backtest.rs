//! BacktestPolicy: recorded decisions, decided again.
//!
//! The log is read some records at a time, each time on a thread that may wait, so a backtest of any length holds a
//! bounded amount and lets others have their turn. It ends where the log ended when it began.

use std::collections::VecDeque;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{CANDIDATE, Policies, compile};
use crate::api::convert::{ViolationReason, Violations, time_range, to_timestamp};
use crate::api::status::Failure;
use crate::api::{blocking, pb};
use crate::audit::{AuditLog, Order, Record, RecordQuery};
use crate::launch::decide::findings_of_denials;
use crate::policy::{Policy, Rerule, Rerun, Skipped};
use crate::record::{EntryKind, Verdict};

/// Records that are read and decided again at a time; after each such step it is said how far it is.
const BATCH_RECORDS: usize = 100;

impl Policies {
    pub(super) async fn backtest(
        &self,
        request: pb::BacktestPolicyRequest,
    ) -> Result<<Self as pb::policy_service_server::PolicyService>::BacktestPolicyStream, Failure> {
        let pb::BacktestPolicyRequest { candidate_policy, start_time, end_time } = request;
        let place = self.place()?;
        let mut violations = Violations::new();
        let policy = if candidate_policy.is_empty() {
            violations.add(CANDIDATE, ViolationReason::MissingField, "required");
            None
        } else {
            compile(candidate_policy, &mut violations).await?
        };
        let (start, end) = time_range(start_time.as_ref(), end_time.as_ref(), &mut violations);
        let policy = violations.finish(policy)?;
        let log = self.services.log.clone();
        let backtest = Backtest {
            size: log.size(),
            query: RecordQuery {
                kinds: vec![EntryKind::Decision],
                start,
                end,
                order: Order::OldestFirst,
                limit: BATCH_RECORDS,
                ..RecordQuery::default()
            },
            summary: pb::BacktestSummary { candidate_hash: policy.hash().to_string(), ..Default::default() },
            log,
            policy,
            ended: false,
            events: VecDeque::new(),
            shutdown: self.services.shutdown.clone(),
            _place: place,
        };
        Ok(Box::pin(futures::stream::try_unfold(backtest, |mut backtest| async move {
            loop {
                if let Some(event) = backtest.events.pop_front() {
                    let event = pb::BacktestPolicyResponse { event: Some(event) };
                    return Ok::<_, Status>(Some((event, backtest)));
                }
                if backtest.ended {
                    return Ok(None);
                }
                if backtest.shutdown.is_cancelled() {
                    return Err(Failure::ShuttingDown.into());
                }
                backtest = blocking(move || backtest.step().map(|()| backtest)).await??;
            }
        })))
    }
}

struct Backtest {
    log: AuditLog,
    policy: Policy,
    /// Where it goes on.
    query: RecordQuery,
    /// Where it ends.
    size: u64,
    summary: pb::BacktestSummary,
    ended: bool,
    /// What is to be sent.
    events: VecDeque<pb::backtest_policy_response::Event>,
    shutdown: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Backtest {
    /// Reads the next records and decides them again.
    fn step(&mut self) -> Result<(), Failure> {
        let page = self.log.records(&self.query)?;
        let size = self.size;
        for record in page.records.iter().filter(|record| record.index < size) {
            self.decide(record);
        }
        self.query.from = page.next.filter(|next| *next < size);
        self.ended = self.query.from.is_none();
        self.events.push_back(if self.ended {
            pb::backtest_policy_response::Event::Summary(self.summary.clone())
        } else {
            let progress = pb::BacktestProgress { evaluated: self.summary.evaluated, total: None };
            pb::backtest_policy_response::Event::Progress(progress)
        });
        Ok(())
    }

    fn decide(&mut self, record: &Record) {
        let rerule = match self.policy.rerule(&record.entry) {
            // A preview launched nothing, and nothing would have changed.
            None | Some(Rerun::Skipped(Skipped::Preview)) => return,
            Some(Rerun::Skipped(Skipped::Thin | Skipped::Redacted)) => {
                self.summary.skipped += 1;
                return;
            }
            Some(Rerun::Decided(rerule)) => rerule,
        };
        self.summary.evaluated += 1;
        match (rerule.recorded, rerule.verdict) {
            (Verdict::Admitted, Verdict::Refused) => self.summary.newly_refused += 1,
            (Verdict::Refused, Verdict::Admitted) => self.summary.newly_admitted += 1,
            (Verdict::Admitted, Verdict::Admitted) | (Verdict::Refused, Verdict::Refused) => {
                self.summary.unchanged += 1;
                return;
            }
        }
        self.events.push_back(pb::backtest_policy_response::Event::ChangedDecision(changed(record, rerule)));
    }
}

fn changed(record: &Record, rerule: Rerule) -> pb::ChangedDecision {
    let Rerule { recorded, verdict, determining, denied, types } = rerule;
    let entry = &record.entry;
    pb::ChangedDecision {
        launch_id: entry.launch_id.map(|id| id.to_string()).unwrap_or_default(),
        time: Some(to_timestamp(entry.time)),
        principal: entry.principal.as_ref().map(ToString::to_string).unwrap_or_default(),
        recorded_verdict: pb::DecisionVerdict::from(recorded).into(),
        candidate_verdict: pb::DecisionVerdict::from(verdict).into(),
        determining_policy_ids: determining,
        findings: findings_of_denials(&denied, types).iter().map(Into::into).collect(),
    }
}
