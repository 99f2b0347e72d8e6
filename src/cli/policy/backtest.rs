//! `gantry policy backtest`: what a policy would have changed.

use std::path::PathBuf;

use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, or_dash, print, table, word};
use crate::cli::{describe, parse};
use crate::client::{self, pb};
use crate::clock::Timestamp;
use pb::backtest_policy_response::Event;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The policy to try, in Cedar; "default" is the one that comes with the program.
    file: PathBuf,
    /// Only decisions at or after this time, or so long ago.
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    start: Option<Timestamp>,
    /// Only decisions before this time.
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    end: Option<Timestamp>,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let output = self.client.output();
        let request = pb::BacktestPolicyRequest {
            candidate_policy: super::read(&self.file)?,
            start_time: self.start.map(client::timestamp),
            end_time: self.end.map(client::timestamp),
        };
        let mut answers = self.client.connect().await?.backtest_policy(request).await?;
        let mut changed = Vec::new();
        while let Some(answer) = answers.next().await? {
            if !output.is_for_people() {
                output.item(&answer, |_| None)?;
            }
            match answer.event {
                Some(Event::ChangedDecision(decision)) if output.is_for_people() => changed.push(decision),
                Some(Event::Progress(progress)) => tell_progress(output, &progress),
                Some(Event::Summary(summary)) => {
                    if output.is_for_people() {
                        print(&words(&summary, &changed))?;
                    }
                    return Ok(());
                }
                Some(Event::ChangedDecision(_)) | None => {}
            }
        }
        Err(anyhow::anyhow!("the server ended the backtest before its summary").into())
    }
}

fn tell_progress(output: Output, progress: &pb::BacktestProgress) {
    if output.is_interactive() {
        output.note(&format!("{} decisions so far", progress.evaluated));
    }
}

fn words(summary: &pb::BacktestSummary, changed: &[pb::ChangedDecision]) -> String {
    let pb::BacktestSummary { evaluated, newly_refused, newly_admitted, unchanged: _, skipped, candidate_hash: _ } =
        summary;
    let mut text = String::new();
    if !changed.is_empty() {
        text = table(["LAUNCH", "DECIDED", "BY", "WAS", "WOULD BE", "POLICIES", "WHY"], changed.iter().map(row));
        text.push_str("\n\n");
    }
    text.push_str(&format!(
        "{newly_refused} of {evaluated} {} would have been refused",
        if *evaluated == 1 { "launch" } else { "launches" }
    ));
    if *newly_admitted > 0 {
        text.push_str(&format!(", and {newly_admitted} admitted that {} refused", was(*newly_admitted)));
    }
    if *skipped > 0 {
        text.push_str(&format!(
            "; {skipped} could not be decided again: redacted tags, or facts that are not recorded"
        ));
    }
    text
}

fn was(count: i64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

fn row(decision: &pb::ChangedDecision) -> [String; 7] {
    let why = decision.findings.first().map(|finding| finding.message.as_str()).unwrap_or_default();
    [
        decision.launch_id.clone(),
        or_dash(describe::time(decision.time)),
        or_dash(&decision.principal),
        word!(pb::DecisionVerdict, decision.recorded_verdict),
        word!(pb::DecisionVerdict, decision.candidate_verdict),
        or_dash(decision.determining_policy_ids.join(",")),
        or_dash(why),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_a_sentence_under_what_would_change() {
        let summary = pb::BacktestSummary { evaluated: 212, newly_refused: 14, ..Default::default() };
        assert_eq!(words(&summary, &[]), "14 of 212 launches would have been refused");
        let summary = pb::BacktestSummary { evaluated: 1, newly_admitted: 1, skipped: 2, ..Default::default() };
        let changed = pb::ChangedDecision {
            launch_id: "l".to_owned(),
            recorded_verdict: pb::DecisionVerdict::Refused.into(),
            candidate_verdict: pb::DecisionVerdict::Admitted.into(),
            determining_policy_ids: vec!["permit-all".to_owned()],
            ..Default::default()
        };
        assert_eq!(
            words(&summary, &[changed]),
            "LAUNCH  DECIDED  BY  WAS      WOULD BE  POLICIES    WHY\n\
             l       -        -   REFUSED  ADMITTED  permit-all  -\n\n\
             0 of 1 launch would have been refused, and 1 admitted that was refused; 2 could not be decided again: \
             redacted tags, or facts that are not recorded"
        );
    }
}
