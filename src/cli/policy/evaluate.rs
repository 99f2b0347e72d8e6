//! `gantry policy evaluate`: what a launch would get.

use std::path::PathBuf;

use crate::cli::connect::ClientArgs;
use crate::cli::describe;
use crate::cli::failure::Failure;
use crate::cli::launch::spec::SpecArgs;
use crate::cli::output::{fields, word};
use crate::client::pb;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    spec: SpecArgs,
    /// Why, for policies that ask.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
    /// The policy to decide by; "default" is the one that comes with the program [default: the one in force].
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let output = self.client.output();
        let (region, account_id) = (self.client.region()?, self.client.account());
        let candidate_policy = self.policy.as_deref().map(super::read).transpose()?;
        let client = self.client.connect().await?;
        let spec = self.spec.build(&client, &region, &account_id).await?;
        let request =
            pb::EvaluatePolicyRequest { region, account_id, spec: Some(spec), candidate_policy, reason: self.reason };
        let answer = client.evaluate_policy(request).await?;
        output.result(&answer, |answer| words(answer.decision.as_ref().unwrap_or(&pb::Decision::default())))?;
        match answer.decision.map(|decision| decision.verdict()) {
            Some(pb::DecisionVerdict::Admitted) => Ok(()),
            _ => Err(anyhow::anyhow!("it would be refused").into()),
        }
    }
}

fn words(decision: &pb::Decision) -> String {
    let policy = decision.policy.clone().unwrap_or_default();
    let mut types: Vec<&str> = decision.candidates.iter().map(|candidate| candidate.instance_type.as_str()).collect();
    types.dedup();
    let mut text = fields([
        ("Verdict", word!(pb::DecisionVerdict, decision.verdict)),
        ("Policy", if policy.hash.is_empty() { "none".to_owned() } else { policy.hash }),
        ("Decided by", policy.determining_policy_ids.join(", ")),
        ("Types left", types.join(", ")),
    ]);
    if !decision.findings.is_empty() {
        text.push_str("\n\n");
        text.push_str(&describe::findings(&decision.findings));
    }
    text
}
