//! `gantry audit export`: the log, or a range of it, for other systems.

mod directory;

use std::io::Write as _;
use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::connect::ClientArgs;
use crate::cli::failure::Failure;
use crate::cli::parse;
use crate::client::{self, pb};
use crate::clock::Timestamp;
use directory::Range;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// In which format.
    #[arg(long, value_enum)]
    format: Format,
    /// Where to: a file, or a directory of tiles; `-` is stdout. An export of tiles that is there is brought
    /// up to date.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// A data directory, whether a server has it open or not, instead of a server.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The first index: to go on with an export that ended before it.
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
    /// The index after the last one [default: all].
    #[arg(long, value_name = "INDEX")]
    to: Option<u64>,
    /// Only records at or after this time, or so long ago.
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    since: Option<Timestamp>,
    /// Only records before this time.
    #[arg(long, value_name = "TIME", value_parser = parse::moment)]
    until: Option<Timestamp>,
    /// The log [default: the server's own].
    #[arg(long, value_name = "LOG_ID", default_value = "", hide_default_value = true)]
    log: String,
    #[command(flatten)]
    client: ClientArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The leaves as they are, one a line.
    Jsonl,
    /// One OCSF 1.8 event (API Activity, class 6003) a line.
    Ocsf,
    /// Apache Parquet: what is asked for most in columns, and the leaf.
    Parquet,
    /// The whole log as files that any C2SP tlog-tiles verifier reads.
    Tiles,
}

impl Args {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let is_part = self.from != 0 || self.to.is_some() || self.since.is_some() || self.until.is_some();
        if self.format == Format::Tiles && is_part {
            return Err(Failure::Usage("tiles are of the whole log: a range cannot be asked for".to_owned()));
        }
        if self.to.is_some_and(|to| to <= self.from) {
            return Err(Failure::Usage("--to must be more than --from".to_owned()));
        }
        if matches!(self.format, Format::Tiles | Format::Parquet) && self.out.as_os_str() == "-" {
            return Err(Failure::Usage("this format needs a path, not stdout".to_owned()));
        }
        match &self.data_dir {
            Some(dir) => {
                let (dir, out, format) = (dir.clone(), self.out.clone(), self.format);
                let range =
                    Range { from: self.from, to: self.to.unwrap_or(u64::MAX), since: self.since, until: self.until };
                let done = tokio::task::spawn_blocking(move || directory::export(&dir, &range, format, &out)).await??;
                self.client.output().note(&done);
                Ok(())
            }
            None => self.ask_server().await,
        }
    }

    /// Lines as the server makes them.
    async fn ask_server(self) -> Result<(), Failure> {
        let format = match self.format {
            Format::Jsonl => pb::ExportFormat::Jsonl,
            Format::Ocsf => pb::ExportFormat::Ocsf,
            Format::Parquet | Format::Tiles => {
                let text = "this format is made from the files of the log: give its --data-dir";
                return Err(Failure::Usage(text.to_owned()));
            }
        };
        let request = pb::ExportRecordsRequest {
            log_id: self.log,
            start_index: self.from,
            end_index: self.to.unwrap_or(0),
            format: format.into(),
            start_time: self.since.map(client::timestamp),
            end_time: self.until.map(client::timestamp),
        };
        let mut chunks = self.client.connect().await?.export_records(request).await?;
        let mut file = directory::lines_to(&self.out)?;
        let mut next = self.from;
        loop {
            match chunks.next().await {
                Ok(Some(answer)) => {
                    file.write_all(&answer.chunk)?;
                    next = answer.next_index;
                }
                Ok(None) => break,
                Err(error) => {
                    file.flush()?;
                    let note = format!("it broke off; --from {next} goes on, behind the last whole line");
                    self.client.output().note(&note);
                    return Err(error.into());
                }
            }
        }
        file.flush()?;
        self.client.output().note(&format!("the next index is {next}"));
        Ok(())
    }
}
