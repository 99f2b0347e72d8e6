//! Boot events that survive broken connections and restarts of the server.
//!
//! A broken stream is taken up again after the last event seen, so that nothing is lost and
//! nothing comes twice. How events look on a screen is not decided here.

use std::time::Duration;

use super::{Answers, Client, ClientError, pb};

/// The first wait before a stream is taken up again; each further one is twice as long.
const RESUME_DELAY_MIN: Duration = Duration::from_millis(200);
/// The longest wait between two tries.
const RESUME_DELAY_MAX: Duration = Duration::from_secs(5);
/// How long to go on trying without hearing anything.
const RESUME_WINDOW: Duration = Duration::from_secs(600);

/// What a watch brings.
#[derive(Debug)]
pub enum Watched {
    /// Something happened, or a heartbeat.
    Event(Box<pb::BootEvent>),
    /// The stream broke; it is taken up again after the delay.
    Interrupted {
        /// Why it broke.
        cause: ClientError,
        /// How long until the next try.
        delay: Duration,
    },
}

/// A resuming watch over a launch or over instances.
#[derive(Debug)]
pub struct BootWatch {
    client: Client,
    position: Position,
    stream: Option<Answers<pb::BootEvent>>,
    /// Whether the last event has come.
    ended: bool,
    /// The launch, where the stream began after its last event.
    at_rest: Option<Box<pb::Launch>>,
    /// Tries since something was last heard, and how long they have taken.
    tries: u32,
    waited: Duration,
}

#[derive(Debug)]
enum Position {
    Launch(pb::WatchLaunchRequest),
    Instances(pb::WatchInstancesRequest),
}

impl BootWatch {
    pub(super) fn launch(client: Client, request: pb::WatchLaunchRequest) -> Self {
        Self::new(client, Position::Launch(request))
    }

    pub(super) fn instances(client: Client, request: pb::WatchInstancesRequest) -> Self {
        Self::new(client, Position::Instances(request))
    }

    fn new(client: Client, position: Position) -> Self {
        Self { client, position, stream: None, ended: false, at_rest: None, tries: 0, waited: Duration::ZERO }
    }

    /// What comes next; `None` after the last event. Waits out the delay of an interruption that
    /// it reported before.
    ///
    /// # Errors
    /// The server's refusal; or the last interruption, when nothing was heard for ten minutes.
    pub async fn next(&mut self) -> Result<Option<Watched>, ClientError> {
        if self.ended {
            return Ok(None);
        }
        if self.stream.is_none() {
            if self.tries > 0 {
                let delay = resume_delay(self.tries);
                self.client.clock().sleep(delay).await;
                self.waited += delay;
            }
            match self.open().await {
                Ok(stream) => self.stream = Some(stream),
                Err(error) => return self.interrupted(error).map(Some),
            }
        }
        loop {
            let Some(stream) = &mut self.stream else { return self.interrupted(ClientError::EndedEarly).map(Some) };
            match stream.next().await {
                Ok(Some(event)) => {
                    self.tries = 0;
                    self.waited = Duration::ZERO;
                    if self.advance(&event) {
                        return Ok(Some(Watched::Event(Box::new(event))));
                    }
                }
                // A watch of instances ends when each of them has. A watch of a launch ends with a terminal event; an
                // end without one is that of a launch at rest of which all was seen, or of a server that stopped.
                Ok(None) if self.is_at_its_end().await => {
                    self.ended = true;
                    return Ok(None);
                }
                Ok(None) => return self.interrupted(ClientError::EndedEarly).map(Some),
                Err(error) => return self.interrupted(error).map(Some),
            }
        }
    }

    /// The launch, where there was nothing more to tell of it: it had come to rest before the events that were asked for.
    pub fn at_rest(&self) -> Option<&pb::Launch> {
        self.at_rest.as_deref()
    }

    async fn is_at_its_end(&mut self) -> bool {
        let Position::Launch(request) = &self.position else { return true };
        let get = pb::GetLaunchRequest { launch_id: request.launch_id.clone() };
        let Ok(launch) = self.client.get_launch(get).await else { return false };
        let is_going_on = matches!(
            launch.state(),
            pb::LaunchState::Unspecified
                | pb::LaunchState::Launching
                | pb::LaunchState::Booting
                | pb::LaunchState::Terminating
        );
        if is_going_on || request.after_sequence < launch.last_sequence {
            return false;
        }
        self.at_rest = Some(Box::new(launch));
        true
    }

    async fn open(&self) -> Result<Answers<pb::BootEvent>, ClientError> {
        match &self.position {
            Position::Launch(request) => self.client.watch_launch(request.clone()).await,
            Position::Instances(request) => self.client.watch_instances(request.clone()).await,
        }
    }

    /// Notes where to go on; false for an event that was seen before.
    fn advance(&mut self, event: &pb::BootEvent) -> bool {
        match &mut self.position {
            Position::Launch(request) => {
                let heartbeat = event.sequence == 0;
                if !heartbeat && event.sequence <= request.after_sequence {
                    return false;
                }
                request.after_sequence = request.after_sequence.max(event.sequence);
                self.ended = event.terminal && event.instance_id.is_empty();
            }
            Position::Instances(request) => {
                if !event.cursor.is_empty() {
                    request.after_cursor.clone_from(&event.cursor);
                }
            }
        }
        true
    }

    fn interrupted(&mut self, cause: ClientError) -> Result<Watched, ClientError> {
        self.stream = None;
        if !cause.is_interruption() || self.waited >= RESUME_WINDOW {
            self.ended = true;
            return Err(cause);
        }
        self.tries = self.tries.saturating_add(1);
        Ok(Watched::Interrupted { cause, delay: resume_delay(self.tries) })
    }
}

fn resume_delay(tries: u32) -> Duration {
    let doubled = RESUME_DELAY_MIN.saturating_mul(1 << (tries.saturating_sub(1)).min(16));
    doubled.min(RESUME_DELAY_MAX)
}

#[cfg(test)]
mod tests;
