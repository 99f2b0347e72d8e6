//! `gantry watch`, and the watching part of other commands: events until there are no more.

mod bars;
mod lines;

use super::connect::ClientArgs;
use super::failure::Failure;
use super::output::{Output, word};
use crate::client::{BootWatch, Watched, pb};
use bars::Bars;

/// Flags of `gantry watch`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A launch, or instances: i-...
    #[arg(required = true, value_name = "LAUNCH|INSTANCE")]
    targets: Vec<String>,
    /// Go on after this event of the launch.
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    after_sequence: u64,
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
            return until_instances_ready(&self.targets, watch, output).await;
        }
        let [launch_id] = &self.targets[..] else {
            return Err(Failure::Usage("watch one launch, or instances only".into()));
        };
        let request = pb::WatchLaunchRequest { launch_id: launch_id.clone(), after_sequence: self.after_sequence };
        until(pb::LaunchState::Ready, self.client.connect().await?.follow_launch(request), output).await
    }
}

/// Shows events until the launch comes to its end, and fails if that is not the end that was
/// wanted.
pub(crate) async fn until(wanted: pb::LaunchState, mut watch: BootWatch, output: Output) -> Result<(), Failure> {
    let mut screen = Screen::new(output);
    let mut last = None;
    while let Some(watched) = watch.next().await? {
        screen.show(&watched)?;
        if let Watched::Event(event) = watched
            && event.launch_state() != pb::LaunchState::Unspecified
        {
            last = Some(event);
        }
    }
    screen.finish();
    match last {
        Some(event) if event.launch_state() == wanted => Ok(()),
        Some(event) => {
            let reason = event.state_reason.map(|reason| format!(": {}", reason.message)).unwrap_or_default();
            let state = word!(pb::LaunchState, event.launch_state);
            Err(anyhow::anyhow!("launch {} is {state}{reason}", event.launch_id).into())
        }
        None => Err(anyhow::anyhow!("the watch ended without saying where the launch stands").into()),
    }
}

/// Shows events until every instance has ended its boot, and fails unless all are ready.
async fn until_instances_ready(instance_ids: &[String], mut watch: BootWatch, output: Output) -> Result<(), Failure> {
    let mut screen = Screen::new(output);
    let mut phases = std::collections::BTreeMap::new();
    while let Some(watched) = watch.next().await? {
        screen.show(&watched)?;
        if let Watched::Event(event) = watched
            && !event.instance_id.is_empty()
        {
            phases.insert(event.instance_id.clone(), event.phase);
        }
    }
    screen.finish();
    let ready = i32::from(pb::BootPhase::Ready);
    let not_ready: Vec<_> = instance_ids
        .iter()
        .filter_map(|id| match phases.get(id) {
            Some(phase) if *phase == ready => None,
            Some(phase) => Some(format!("{id} is {}", word!(pb::BootPhase, *phase))),
            None => Some(format!("{id} was not seen")),
        })
        .collect();
    if not_ready.is_empty() { Ok(()) } else { Err(anyhow::anyhow!(not_ready.join(", ")).into()) }
}

/// Bars on a terminal, lines elsewhere.
#[derive(Debug)]
enum Screen {
    Bars(Bars),
    Lines(Output),
}

impl Screen {
    fn new(output: Output) -> Self {
        if output.is_interactive() { Self::Bars(Bars::new()) } else { Self::Lines(output) }
    }

    fn show(&mut self, watched: &Watched) -> Result<(), Failure> {
        match (self, watched) {
            (Self::Bars(bars), Watched::Event(event)) => bars.event(event),
            (Self::Lines(output), Watched::Event(event)) => output.item(event.as_ref(), lines::event)?,
            (Self::Bars(bars), Watched::Interrupted { cause, delay }) => bars.say(&lines::interruption(cause, *delay)),
            (Self::Lines(_), Watched::Interrupted { cause, delay }) => {
                eprintln!("{}", lines::interruption(cause, *delay))
            }
        }
        Ok(())
    }

    fn finish(self) {
        match self {
            Self::Bars(bars) => bars.finish(),
            Self::Lines(_) => {}
        }
    }
}
