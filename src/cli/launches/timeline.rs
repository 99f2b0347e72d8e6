//! `gantry launches show --timeline`: reads a launch's events and shows what its time was spent in.

use std::path::PathBuf;

use crate::cli::failure::Failure;
use crate::cli::output::{Output, Screen, print};
use crate::cli::timeline;
use crate::client::{Client, Watched, pb};

/// Flags of the timeline.
#[derive(Debug, clap::Args)]
pub(super) struct TimelineArgs {
    /// Show what its time was spent in: a row for each attempt and instance, from the decision until the launch
    /// came to rest. With --output json the rows as data.
    #[arg(long, conflicts_with = "decode")]
    timeline: bool,
    /// Write the timeline to this file, as a picture. A file that is no picture of a timeline is not replaced.
    #[arg(long, value_name = "FILE", conflicts_with = "decode")]
    svg: Option<PathBuf>,
    /// Draw every instance, however many there are.
    #[arg(long)]
    all: bool,
}

impl TimelineArgs {
    pub(super) fn is_wanted(&self) -> bool {
        self.timeline || self.svg.is_some()
    }

    pub(super) async fn show(&self, client: &Client, launch: &pb::Launch, output: Output) -> Result<(), Failure> {
        if self.svg.is_some() && !output.is_for_people() {
            return Err(Failure::Usage("--svg draws a picture, and --output json prints data: choose one".to_owned()));
        }
        let events = events(client, launch).await?;
        let timeline = timeline::timeline(launch, &events, client.clock().now());
        match &self.svg {
            Some(path) => {
                timeline::write_picture(path, &timeline::svg(&timeline, self.all))?;
                print(&format!("wrote {}", path.display()))
            }
            None if output.is_for_people() => print(&timeline::text(&timeline, Screen::stdout(), self.all)),
            None => print(&timeline::json(&timeline)?),
        }
    }
}

/// The launch's events as far as it had come when it was read. A stream ends where the launch came
/// to rest, and what happened afterwards is in another one.
async fn events(client: &Client, launch: &pb::Launch) -> Result<Vec<pb::BootEvent>, Failure> {
    let mut events: Vec<pb::BootEvent> = Vec::new();
    let mut after_sequence = 0;
    while after_sequence < launch.last_sequence {
        let follow = pb::WatchLaunchRequest { launch_id: launch.launch_id.clone(), after_sequence };
        let mut watch = client.follow_launch(follow);
        let before = after_sequence;
        while after_sequence < launch.last_sequence
            && let Some(watched) = watch.next().await?
        {
            if let Watched::Event(event) = watched
                && event.sequence > after_sequence
            {
                after_sequence = event.sequence;
                events.push(*event);
            }
        }
        // A stream that ends without anything new would end so again.
        if after_sequence == before {
            break;
        }
    }
    Ok(events)
}
