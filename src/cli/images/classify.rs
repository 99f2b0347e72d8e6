//! `gantry images classify`: what many images are, those of a server or those of a file.

use std::path::PathBuf;

use super::judged::{Judged, shown};
use super::{SelectArgs, offline};
use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::cli::output::amounts::counted;
use crate::cli::output::{Output, Screen};
use crate::cli::parse;
use crate::client::{self, pb};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::ids::AccountId;

/// Flags of `gantry images classify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The images, or none and --filter, --owner or --from.
    image_ids: Vec<String>,
    #[command(flatten)]
    select: SelectArgs,
    /// How old the reading of EC2 may be; 0 asks EC2 at once.
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    max_staleness: Option<std::time::Duration>,
    /// Also deprecated images, with --filter or --owner.
    #[arg(long)]
    include_deprecated: bool,
    /// Also disabled images, with --filter or --owner.
    #[arg(long)]
    include_disabled: bool,
    /// Only the line of each image, without what was found.
    #[arg(long)]
    short: bool,
    /// Classify the images of a file, without a server: what `aws ec2 describe-images` printed, as JSON; - for stdin.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["image_ids", "owner", "filter", "region", "account", "tls_name", "max_staleness", "include_deprecated", "include_disabled"],
        help_heading = "Without a server"
    )]
    from: Option<PathBuf>,
    /// Through whose eyes: twelve digits. Without it nothing is known to be one's own.
    // The conflicts are spelt out because clap waives `requires` where `from` is in conflict.
    #[arg(
        long,
        value_name = "ACCOUNT_ID",
        requires = "from",
        conflicts_with_all = ["image_ids", "owner", "filter"],
        help_heading = "Without a server"
    )]
    account_id: Option<AccountId>,
    /// When: a time, or how long ago, for what depends on the time, such as deprecation [default: now].
    #[arg(
        long,
        value_name = "TIME",
        value_parser = parse::moment,
        requires = "from",
        conflicts_with_all = ["image_ids", "owner", "filter"],
        help_heading = "Without a server"
    )]
    now: Option<Timestamp>,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let mut report = Report::new(self.client.output(), self.short);
        let result = match &self.from {
            Some(from) => offline::classify(from, self.account_id.clone(), self.now, &mut report),
            None => self.online(&mut report).await,
        };
        // Also after a failure: what has been printed until then is summed up. Not for `head`.
        if !result.as_ref().is_err_and(Failure::is_broken_pipe) {
            report.finish();
        }
        result
    }

    async fn online(&self, report: &mut Report) -> Result<(), Failure> {
        let request = pb::ClassifyImagesRequest {
            region: self.client.region()?,
            account_id: self.client.account(),
            image_ids: self.image_ids.clone(),
            filters: self.select.filter.clone(),
            owners: self.select.owner.clone(),
            max_staleness: self.max_staleness.map(client::duration),
            include_deprecated: self.include_deprecated,
            include_disabled: self.include_disabled,
        };
        let mut answers = self.client.connect().await?.classify_images(request).await?;
        while let Some(answer) = answers.next().await? {
            report.add(&answer)?;
        }
        let (failed, all) = (report.judged.failed, report.judged.count());
        if failed > 0 {
            return Err(anyhow::anyhow!("{failed} of {all} images could not be classified").into());
        }
        Ok(())
    }
}

/// Prints answers as they come, and sums them up in the end.
pub(super) struct Report {
    output: Output,
    screen: Screen,
    short: bool,
    judged: Judged,
}

impl Report {
    fn new(output: Output, short: bool) -> Self {
        Self { output, screen: Screen::stdout(), short, judged: Judged::default() }
    }

    pub(super) fn add(&mut self, answer: &pb::ClassifyImagesResponse) -> Result<(), Failure> {
        self.judged.add(answer);
        self.output.item(answer, |answer| Some(shown(answer, self.short, self.screen)))
    }

    /// Says how many kernels and RAM disks were passed over.
    pub(super) fn passed_over(&self, kernels_and_ramdisks: usize) {
        let counted = counted(kernels_and_ramdisks, "kernel and RAM disk image");
        self.output.note(&format!("{counted} passed over: they start instances, and are none"));
    }

    fn finish(self) {
        if self.judged.count() > 0 {
            self.output.note(&format!("\n{}", self.judged.summary()));
            if let Some(freshness) = self.judged.freshness(SystemClock::new().now()) {
                self.output.note(&freshness);
            }
        }
    }
}
