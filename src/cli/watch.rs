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
    mut watch: BootWatch,
    output: Output,
    console: bool,
) -> Result<(), Failure> {
    let boots = follow(&mut watch, output, console).await?;
    let told = boots.launch().map(|event| (event.launch_state, &event.launch_id, &event.state_reason));
    let known = watch.at_rest().map(|launch| (launch.state, &launch.launch_id, &launch.state_reason));
    let Some((state, launch_id, reason)) = known.or(told) else {
        return Err(anyhow::anyhow!("the watch ended without saying where the launch stands").into());
    };
    if state == i32::from(wanted) {
        return Ok(());
    }
    Err(anyhow::anyhow!(ended(state, launch_id, reason.as_ref())).into())
}

/// How a launch has ended, in words for a terminal.
fn ended(state: i32, launch_id: &str, reason: Option<&pb::LaunchStateReason>) -> String {
    let reason = reason.map(|reason| format!(": {}", printable(&reason.message))).unwrap_or_default();
    format!("launch {} is {}{reason}", printable(launch_id), word!(pb::LaunchState, state))
}

/// Shows events until every instance has ended its boot, and fails unless all are ready.
async fn until_instances_ready(
    instance_ids: &[String],
    mut watch: BootWatch,
    output: Output,
    console: bool,
) -> Result<(), Failure> {
    let boots = follow(&mut watch, output, console).await?;
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
async fn follow(watch: &mut BootWatch, output: Output, console: bool) -> Result<Boots, Failure> {
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
