//! What EC2 says by itself, on its way from a queue to the boot tracker.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::boot::{Hint, Interruption, Tracker};
use crate::clock::Clock;
use crate::ec2::events::{EventQueue, Notice, NoticeError, Received};
use crate::ids::{AccountId, Region};
use crate::telemetry::{event, field, metric};

/// The first pause after the queue could not be read, and the longest; each is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

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
        let mut pause = PAUSES.0;
        loop {
            let read = match self.queue.receive().await {
                Ok(messages) => {
                    for message in &messages {
                        self.take(message);
                    }
                    self.queue.delete(messages).await
                }
                Err(error) => Err(error),
            };
            match read {
                Ok(()) => pause = PAUSES.0,
                Err(error) => {
                    tracing::warn!(event = event::EVENTS_NOT_READ, %error, "the queue of events could not be read");
                    self.clock.sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
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
        let interruption =
            interruption.as_ref().map(|notice| Interruption { action: notice.action.clone(), time: notice.time });
        self.tracker.hint(&place, Hint { instance_id: instance_id.clone(), interruption });
        "used"
    }
}
