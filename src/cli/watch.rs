//! `gantry watch`, and the watching part of other commands: events until there are no more.

mod bars;
mod frame;
mod lines;
mod progress;
mod screen;
mod summary;

use super::connect::ClientArgs;
use super::failure::Failure;
use super::output::{Output, printable, word};
use crate::client::{BootWatch, pb};
use crate::clock::{Clock as _, SystemClock};
use bars::DRAW_PERIOD;
use progress::Boots;
use screen::Screen;

/// Flags of `gantry watch`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A launch, or instances: i-...
    #[arg(required = true, value_name = "LAUNCH|INSTANCE")]
    targets: Vec<String>,
    /// Go on after this event of the launch.
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    after_sequence: u64,
    /// In the end also print the last lines of the console of each boot that failed.
    #[arg(long)]
    console: bool,
    #[command(flatten)]
    client: ClientArgs,
}

impl Args {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let output = self.client.output();
        if self.targets.iter().all(|target| target.starts_with("i-")) {
            let request = pb::WatchInstancesRequest {
                region: self.client.region()?,
                account_id: self.client.account(),
                instance_ids: self.targets.clone(),
                after_cursor: String::new(),
            };
            let watch = self.client.connect().await?.follow_instances(request);
            return until_instances_ready(&self.targets, watch, output, self.console).await;
        }
        let [launch_id] = &self.targets[..] else {
            return Err(Failure::Usage("watch one launch, or instances only".into()));
        };
        let request = pb::WatchLaunchRequest { launch_id: launch_id.clone(), after_sequence: self.after_sequence };
        until(pb::LaunchState::Ready, self.client.connect().await?.follow_launch(request), output, self.console).await
    }
}

/// Shows events until the launch comes to its end, and fails if that is not the end that was
/// wanted. `console`: whether what failed boots said on their consoles is printed too.
pub(crate) async fn until(
    wanted: pb::LaunchState,
    watch: BootWatch,
    output: Output,
    console: bool,
) -> Result<(), Failure> {
    let boots = follow(watch, output, console).await?;
    match boots.launch() {
        Some(event) if event.launch_state() == wanted => Ok(()),
        Some(event) => Err(anyhow::anyhow!(ended(event)).into()),
        None => Err(anyhow::anyhow!("the watch ended without saying where the launch stands").into()),
    }
}

/// How a launch has ended, in words for a terminal.
fn ended(event: &pb::BootEvent) -> String {
    let reason = event.state_reason.as_ref().map(|reason| format!(": {}", printable(&reason.message)));
    let state = word!(pb::LaunchState, event.launch_state);
    format!("launch {} is {state}{}", printable(&event.launch_id), reason.unwrap_or_default())
}

/// Shows events until every instance has ended its boot, and fails unless all are ready.
async fn until_instances_ready(
    instance_ids: &[String],
    watch: BootWatch,
    output: Output,
    console: bool,
) -> Result<(), Failure> {
    let boots = follow(watch, output, console).await?;
    let not_ready: Vec<_> = instance_ids
        .iter()
        .filter_map(|id| match boots.get(id) {
            Some(event) if event.phase() == pb::BootPhase::Ready => None,
            Some(event) => Some(format!("{id} is {}", word!(pb::BootPhase, event.phase))),
            None => Some(format!("{id} was not seen")),
        })
        .collect();
    if not_ready.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(not_ready.join(", ")).into()) }
}

/// Shows what a watch brings, to its end, and then what came of it.
async fn follow(mut watch: BootWatch, output: Output, console: bool) -> Result<Boots, Failure> {
    let clock = SystemClock::new();
    let mut boots = Boots::default();
    let mut screen = Screen::new(output, console);
    let ended = loop {
        // The same wait all along: a watch that waits before its next try must not begin to wait anew.
        let mut next = std::pin::pin!(watch.next());
        let watched = loop {
            tokio::select! {
                biased;
                watched = &mut next => break watched,
                () = clock.sleep(DRAW_PERIOD), if screen.moves() => screen.draw(&boots, clock.uptime()),
            }
        };
        match watched {
            Ok(Some(watched)) => screen.show(&watched, &mut boots, clock.uptime())?,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    screen.finish(&boots, clock.uptime())?;
    ended?;
    Ok(boots)
}
