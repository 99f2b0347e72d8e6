//! WatchLaunch and WatchInstances: a pulled watch as a stream.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::Launches;
use crate::api::convert::{Violations, to_duration, to_timestamp};
use crate::api::pb;
use crate::api::scope::scope;
use crate::api::status::Failure;
use crate::boot::{Cursor, InstancesWatch, LaunchWatch, Tails, WatchError, Watched, expected_boot};
use crate::ids::{InstanceId, LaunchId};
use crate::record::{BootEvent, Phase};

/// Streams of WatchLaunch and WatchInstances that may be open at once, over all connections. Each
/// holds its place and a subscription, some kilobytes.
pub(super) const WATCHERS_MAX: usize = 20_000;

/// Instances that one stream may watch: what one DescribeInstanceStatus may name.
const INSTANCE_IDS_MAX: usize = 100;

/// The most an unfinished boot is said to have made: only READY is 1.
const PROGRESS_UNFINISHED_MAX: f64 = 0.99;

type Events = Pin<Box<dyn Stream<Item = Result<pb::BootEvent, Status>> + Send>>;

impl Launches {
    pub(super) fn watch(&self, request: pb::WatchLaunchRequest) -> Result<Events, Failure> {
        let pb::WatchLaunchRequest { launch_id, after_sequence } = request;
        let mut violations = Violations::new();
        let launch_id = violations.required_id::<LaunchId>("launch_id", &launch_id);
        let launch_id = violations.finish(launch_id)?;
        let permit = self.watcher()?;
        let watch = self.services.watches.launch(launch_id, after_sequence)?;
        Ok(stream(Watch::Launch(watch), self.services.tails.clone(), permit, self.services.shutdown.clone()))
    }

    pub(super) async fn watch_each(&self, request: pb::WatchInstancesRequest) -> Result<Events, Failure> {
        let pb::WatchInstancesRequest { region, account_id, instance_ids, after_cursor } = request;
        let mut violations = Violations::new();
        let scope = scope(&self.services, &region, &account_id, &mut violations);
        let ids: Vec<InstanceId> = violations.ids("instance_ids", &instance_ids, INSTANCE_IDS_MAX);
        if instance_ids.is_empty() {
            violations.missing("instance_ids");
        }
        let cursor: Option<Cursor> = violations.optional_id("after_cursor", &after_cursor);
        let scope = violations.finish(scope)??;
        let permit = self.watcher()?;
        let watch = self.services.watches.instances((scope.account_id, scope.region), ids, cursor).await?;
        Ok(stream(
            Watch::Instances(Box::new(watch)),
            self.services.tails.clone(),
            permit,
            self.services.shutdown.clone(),
        ))
    }

    /// A place among the watchers. A caller is refused rather than kept waiting, since watches may
    /// be open for hours.
    fn watcher(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.watchers).try_acquire_owned().map_err(|_| Failure::TooManyWatchers { limit: WATCHERS_MAX })
    }
}

enum Watch {
    Launch(LaunchWatch),
    Instances(Box<InstancesWatch>),
}

impl Watch {
    async fn next(&mut self, tails: &Tails) -> Result<Option<pb::BootEvent>, WatchError> {
        let watched = match self {
            Self::Launch(watch) => watch.next().await?,
            Self::Instances(watch) => watch.next().await?,
        };
        Ok(match watched {
            None => None,
            Some(Watched::Event { event, cursor }) => Some(self.message(&event, cursor, tails).await),
            Some(Watched::Heartbeat { observed, age }) => Some(pb::BootEvent {
                observed_time: observed.map(to_timestamp),
                data_age: age.map(to_duration),
                ..Default::default()
            }),
        })
    }

    async fn message(&self, event: &BootEvent, cursor: Option<Cursor>, tails: &Tails) -> pb::BootEvent {
        let expected = match self {
            Self::Launch(watch) => watch.with_launch(|launch| expected_boot(launch.root_device_type.as_deref())),
            Self::Instances(_) => expected_boot(None),
        };
        let (progress, remaining) = expectation(event, expected).unzip();
        let mut message = pb::BootEvent {
            progress,
            expected_remaining: remaining.map(to_duration),
            cursor: cursor.map(|cursor| cursor.to_string()).unwrap_or_default(),
            ..event.into()
        };
        let console = event.failure.as_ref().and_then(|failure| failure.console.as_ref());
        if let (Some(console), Some(failure)) = (console, &mut message.failure) {
            // One that has expired is no failure of the stream: the digest says that there was one.
            // Boxed, since every stream would carry room for it.
            failure.console_tail = Box::pin(tails.get(&console.sha256)).await.unwrap_or_default();
        }
        message
    }
}

/// How far a boot that usually takes `expected` has come, from 0 to 1, and what is left of it.
fn expectation(event: &BootEvent, expected: Duration) -> Option<(f64, Duration)> {
    match event.phase? {
        Phase::Ready => Some((1.0, Duration::ZERO)),
        Phase::Requested | Phase::Pending | Phase::Running | Phase::Checking => {
            let made = event.elapsed.div_duration_f64(expected).min(PROGRESS_UNFINISHED_MAX);
            Some((made, expected.saturating_sub(event.elapsed)))
        }
        Phase::Impaired | Phase::Stopped | Phase::Failed | Phase::Terminated | Phase::TimedOut => None,
    }
}

/// The watch as a stream that ends with the server: a client that resumes loses nothing. Its place
/// among the watchers is free again when the stream has ended or is dropped.
fn stream(watch: Watch, tails: Tails, permit: OwnedSemaphorePermit, shutdown: CancellationToken) -> Events {
    Box::pin(futures::stream::unfold(Some((watch, permit)), move |open| {
        let (tails, shutdown) = (tails.clone(), shutdown.clone());
        async move {
            let (mut watch, permit) = open?;
            let next = tokio::select! {
                biased;
                next = watch.next(&tails) => next.map_err(Failure::from),
                () = shutdown.cancelled() => Err(Failure::ShuttingDown),
            };
            match next {
                Ok(Some(event)) => Some((Ok(event), Some((watch, permit)))),
                Ok(None) => None,
                Err(failure) => Some((Err(failure.into()), None)),
            }
        }
    }))
}
