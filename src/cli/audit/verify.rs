//! `gantry audit verify`: the whole log, recomputed from its leaves.

mod source;
mod tiles;

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use crate::audit::verify::{Report, Trust, TrustError, verify};
use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use source::Source;

/// Bytes of a checkpoint or key file that are read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How often a directory is read again that retention has overtaken.
const TRIES: u32 = 5;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A data directory, whether a server has it open or not, instead of a server.
    #[arg(long, value_name = "DIR", conflicts_with = "export")]
    data_dir: Option<PathBuf>,
    /// An export, instead of a server: a directory of tiles, or a file of JSON Lines with its --checkpoint.
    #[arg(long, value_name = "PATH")]
    export: Option<PathBuf>,
    /// A checkpoint that was kept elsewhere; the log must have grown from it. May be given more than once.
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// A verifier key that was kept elsewhere, or a file of them. Without it the keys that the log itself
    /// names are taken, which shows that it is consistent and not who signed it.
    #[arg(long, value_name = "VKEY|FILE")]
    key: Vec<String>,
    /// The log [default: the server's own].
    #[arg(long, value_name = "LOG_ID", default_value = "", hide_default_value = true)]
    log: String,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let kept = self.checkpoint.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        let mut keys = Vec::new();
        for key in &self.key {
            match std::fs::metadata(key) {
                Ok(_) => keys.extend(String::from_utf8_lossy(&read(key.as_ref())?).lines().map(str::to_owned)),
                Err(_) => keys.push(key.clone()),
            }
        }
        keys.retain(|key| !key.trim().is_empty());
        let is_own = keys.is_empty();
        let mut tries = 1;
        loop {
            let source = self.source(&kept).await?;
            let keys = if is_own { source.verifier_keys().to_vec() } else { keys.clone() };
            let overtaken = source.overtaken();
            let (checkpoint, mut leaves) = source.open();
            let kept = kept.clone();
            let verifying = tokio::task::spawn_blocking(move || {
                let trust = Trust::new(&keys, None)?;
                Ok::<_, TrustError>(verify(&mut *leaves, &checkpoint, &kept, &trust))
            });
            let report = verifying.await??;
            if TRIES <= tries || !overtaken.load(Ordering::Acquire) {
                return self.print(&report, is_own);
            }
            tries += 1;
        }
    }

    async fn source(&self, kept: &[Vec<u8>]) -> Result<Source, Failure> {
        match (&self.data_dir, &self.export) {
            (Some(dir), _) => Source::directory(dir),
            (None, Some(path)) => Source::export(path, kept),
            (None, None) => Source::server(self.client.connect().await?, self.log.clone()).await,
        }
    }

    fn print(&self, report: &Report, is_own: bool) -> Result<(), Failure> {
        let output = self.client.output();
        if output.is_for_people() {
            if report.is_sound() {
                crate::cli::output::print(&summary(report))?;
            }
        } else {
            crate::cli::output::print(&serde_json::to_string_pretty(report)?)?;
        }
        for warning in &report.warnings {
            output.note(&format!("warning: {}", warning.message));
        }
        if is_own {
            output.note("note: verified with the keys that the log itself names; --key takes one kept elsewhere");
        }
        if report.is_sound() {
            return Ok(());
        }
        let lines = report.failures.iter().map(|failure| {
            let place = failure.index.map(|index| format!("record {index}: ")).unwrap_or_default();
            let launch = failure.launch_id.map(|id| format!(" (launch {id})")).unwrap_or_default();
            let more = if 1 < failure.count { format!(" [and {} more]", failure.count - 1) } else { String::new() };
            format!("{place}{}: {}{launch}{more}\n  {}", failure.code.as_str(), failure.message, failure.remedy)
        });
        Err(anyhow::anyhow!("the log is not sound\n{}", lines.collect::<Vec<_>>().join("\n")).into())
    }
}

/// What a person is told of a sound log.
fn summary(report: &Report) -> String {
    let size = report.checkpoint_size.unwrap_or_default();
    let mut lines = vec![
        format!("{} is sound", report.origin),
        format!("  records      {} in {} launches, {} bytes", report.records, report.launches, report.bytes),
        format!("  checkpoint   {size}, signed by {}", report.signed_by.join(", ")),
        format!("  root         {}", report.root),
    ];
    if let (Some(first), Some(last)) = (report.first_time, report.last_time) {
        lines.push(format!("  times        {first} to {last}"));
    }
    if 0 < report.pruned {
        lines.push(format!("  pruned       {} records, of which the hashes are there", report.pruned));
    }
    for size in &report.kept_matched {
        lines.push(format!("  kept         the checkpoint of {size} records matches"));
    }
    lines.join("\n")
}

/// A small file that was kept elsewhere.
fn read(path: &std::path::Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    read.map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    Ok(bytes)
}
