//! `gantry images resolve`: one image by what it must be, and the receipt to launch it with.

use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::cli::output::amounts::{ago, moment};
use crate::cli::output::{or_dash, table};
use crate::cli::{describe, parse};
use crate::client::{self, json, pb};
use crate::clock::{Clock as _, SystemClock};

/// Flags of `gantry images resolve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Whose it must be; names prove nothing. Required, unless --any-owner or --ssm-parameter is given.
    #[arg(long, required_unless_present_any = ["ssm_parameter", "any_owner"])]
    owner: Option<String>,
    /// Anybody's will do, also a look-alike: anybody can publish an image under any name.
    #[arg(long, conflicts_with = "owner")]
    any_owner: bool,
    /// What it must be called, with * and ?.
    #[arg(long, value_name = "PATTERN")]
    name: Option<String>,
    /// Its architecture: x86_64, arm64.
    #[arg(long)]
    architecture: Option<String>,
    /// A public SSM parameter that names it.
    #[arg(long, value_name = "NAME")]
    ssm_parameter: Option<String>,
    /// A further condition.
    #[arg(long, value_name = "NAME=VALUE,...", value_parser = parse::filter)]
    filter: Vec<pb::Filter>,
    /// How old the reading of EC2 may be that candidates are taken from; 0 asks EC2 at once.
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    max_staleness: Option<std::time::Duration>,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let output = self.client.output();
        let request = pb::ResolveImageRequest {
            region: self.client.region()?,
            account_id: self.client.account(),
            selector: Some(pb::ImageSelector {
                owner: self.owner.unwrap_or_default(),
                name_pattern: self.name.unwrap_or_default(),
                architecture: self.architecture.unwrap_or_default(),
                ssm_parameter: self.ssm_parameter.unwrap_or_default(),
                filters: self.filter,
                any_owner: self.any_owner,
            }),
            max_staleness: self.max_staleness.map(client::duration),
        };
        let answer = self.client.connect().await?.resolve_image(request).await?;
        // Its form is that of the API's JSON, which `gantry launch --receipt` reads.
        let receipt = answer.receipt.as_ref().map(json::line).transpose()?;
        output.result(&answer, |answer| chosen(answer, receipt.as_deref()))?;
        if let Some(observed) = answer.candidates_observed_time.and_then(|time| client::moment(&time)) {
            let age = ago(observed, SystemClock::new().now()).map(|age| format!(" ({age})")).unwrap_or_default();
            output.note(&format!("candidates as of {}{age}", moment(observed)));
        }
        Ok(())
    }
}

fn chosen(answer: &pb::ResolveImageResponse, receipt: Option<&str>) -> String {
    let mut parts: Vec<String> = answer.image.as_ref().map(describe::image).into_iter().collect();
    if answer.inferred {
        parts.push(format!("Inferred, not read: {}", answer.inferred_reason));
    }
    if answer.matched > 1 {
        parts.push(format!("Chosen from {} images that met the selector.", answer.matched));
    }
    if !answer.runners_up.is_empty() {
        let lost = answer.runners_up.iter().map(|other| {
            let created = describe::time(other.creation_time).chars().take(10).collect::<String>();
            [other.image_id.clone(), or_dash(created), or_dash(&other.name), other.reason.clone()]
        });
        parts.push(table(["RUNNER-UP", "CREATED", "NAME", "WHY NOT"], lost));
    }
    if let Some(receipt) = receipt {
        parts.push(format!("To launch exactly this image: gantry launch --receipt '{receipt}'"));
    }
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receipt_can_be_given_to_a_launch() {
        let receipt = pb::ImageReceipt {
            image_id: "ami-0123456789abcdef0".to_owned(),
            digest: "ab".repeat(32),
            observed_time: Some(client::timestamp("2026-11-25T18:02:11Z".parse().unwrap())),
        };
        let answer = pb::ResolveImageResponse {
            runners_up: vec![pb::RunnerUp {
                image_id: "ami-0123456789abcdef1".to_owned(),
                name: "al2023-ami-2023.9.20261001.0-kernel-6.1-x86_64".to_owned(),
                creation_time: Some(client::timestamp("2026-10-01T00:00:00Z".parse().unwrap())),
                reason: "It is 54 days older.".to_owned(),
            }],
            receipt: Some(receipt.clone()),
            inferred: true,
            inferred_reason: "the parameter could not be read".to_owned(),
            ..Default::default()
        };
        let line = json::line(&receipt).unwrap();
        insta::assert_snapshot!(chosen(&answer, Some(&line)));
        assert_eq!(crate::cli::launch::receipt::parse(&line).unwrap(), receipt);
    }
}
