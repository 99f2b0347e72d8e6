//! What EC2 says by itself, on its way from a queue to the boot tracker.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::boot::{Hint, Interruption, Tracker};
use crate::clock::Clock;
use crate::ec2::Ec2Error;
use crate::ec2::events::{EventQueue, Notice, NoticeError, Received};
use crate::ids::{AccountId, Region};
use crate::telemetry::{event, field, metric};

/// The first pause after the queue could not be read, and the longest; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A queue that has nothing holds the question for up to 20 s. One that says so in less than this is asked again no
/// sooner than after this.
const IDLE_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Events {
    pub(super) queue: EventQueue,
    pub(super) tracker: Tracker,
    /// What the server serves.
    pub(super) places: Vec<(AccountId, Region)>,
    pub(super) clock: Arc<dyn Clock>,
}

/// Reads the queue until `shutdown`.
pub(super) fn begin(events: Events, shutdown: &CancellationToken) -> JoinHandle<()> {
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = events.read() => {}
        }
    })
}

impl Events {
    async fn read(&self) {
        repeat(&*self.clock, || self.read_once()).await
    }

    /// Takes the next messages, and how many it took off the queue.
    async fn read_once(&self) -> Result<usize, Ec2Error> {
        let messages = self.queue.receive().await?;
        for message in &messages {
            self.take(message);
        }
        self.queue.delete(messages).await
    }

    fn take(&self, message: &Received) {
        let outcome = match &message.notice {
            Ok(notice) => self.hint(notice),
            Err(NoticeError::OfOtherKind { .. }) => "ignored",
            Err(error @ NoticeError::Malformed(_)) => {
                tracing::warn!(event = event::EVENTS_NOT_READ, %error, "a message was taken off the queue unread");
                "malformed"
            }
        };
        metrics::counter!(metric::QUEUE_EVENTS, field::RESULT => outcome).increment(1);
    }

    fn hint(&self, notice: &Notice) -> &'static str {
        let Notice { account_id, region, instance_id, interruption } = notice;
        let place = (account_id.clone(), region.clone());
        if !self.places.contains(&place) {
            return "ignored";
        }
        let near = interruption.as_ref().filter(|notice| notice.is_near(self.clock.now()));
        // The instance is looked at, which does no harm, and that is all.
        let is_untimely = interruption.is_some() && near.is_none();
        let interruption = near.map(|notice| Interruption { action: notice.action.clone(), time: notice.time });
        self.tracker.hint(&place, Hint { instance_id: instance_id.clone(), interruption });
        if is_untimely { "untimely" } else { "used" }
    }
}

/// Reads again and again: at once while messages come off the queue, and otherwise with pauses.
async fn repeat<F>(clock: &dyn Clock, read: impl Fn() -> F)
where
    F: Future<Output = Result<usize, Ec2Error>>,
{
    let mut pause = PAUSES.0;
    loop {
        let began = clock.uptime();
        match read().await {
            Ok(taken) => {
                pause = PAUSES.0;
                if taken == 0 && clock.uptime().saturating_sub(began) < IDLE_PAUSE {
                    clock.sleep(IDLE_PAUSE).await;
                }
            }
            Err(error) => {
                tracing::warn!(event = event::EVENTS_NOT_READ, %error, "the queue of events could not be read");
                clock.sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::clock::{SimClock, Timestamp};

    #[tokio::test]
    async fn a_queue_is_read_on_at_once_only_while_messages_come_off_it() {
        let clock = SimClock::new(Timestamp::UNIX_EPOCH);
        let seconds = Duration::from_secs;
        // What each reading comes to and how long it takes, and how long after it the next one begins.
        let readings = [
            (Ok(10), seconds(0), seconds(0)),
            (Ok(0), seconds(0), seconds(1)),
            (Ok(0), seconds(20), seconds(20)),
            (Err(Ec2Error::HeldBack), seconds(0), seconds(1)),
            (Err(Ec2Error::HeldBack), seconds(0), seconds(2)),
            (Ok(1), seconds(0), seconds(0)),
            (Err(Ec2Error::HeldBack), seconds(0), seconds(1)),
        ];
        let begun = RefCell::new(Vec::new());
        let read = || {
            let number = begun.borrow().len();
            begun.borrow_mut().push(clock.uptime());
            let reading = readings.get(number).cloned();
            let clock = clock.clone();
            async move {
                let Some((outcome, takes, _)) = reading else { return std::future::pending().await };
                clock.advance(takes);
                outcome
            }
        };
        let mut reading = std::pin::pin!(repeat(&clock, read));
        // Whenever it waits, a second passes.
        while begun.borrow().len() <= readings.len() {
            assert!(futures::poll!(&mut reading).is_pending());
            if clock.sleepers() > 0 {
                clock.advance(seconds(1));
            }
        }
        let gaps: Vec<_> = begun.borrow().windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps, readings.clone().map(|(.., gap)| gap));
    }
}
