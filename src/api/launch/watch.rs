//! WatchLaunch and WatchInstances: a pulled watch as a stream.

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::Launches;
use crate::api::Services;
use crate::api::convert::{Violations, to_duration, to_timestamp};
use crate::api::pb;
use crate::api::scope::scope;
use crate::api::status::Failure;
use crate::audit::AuditLog;
use crate::boot::statistics::{Expectation, Left, Measured, kind_of};
use crate::boot::{Cursor, InstancesWatch, LaunchWatch, Tails, WatchError, Watched, expected_boot};
use crate::ids::{InstanceId, LaunchId};
use crate::record::{BootEvent, BootTimes, Launch};

/// Streams of WatchLaunch and WatchInstances that may be open at once, over all connections. Each
/// holds its place and a subscription, some kilobytes.
pub(super) const WATCHERS_MAX: usize = 20_000;

/// Instances that one stream may watch: what one DescribeInstanceStatus may name.
const INSTANCE_IDS_MAX: usize = 100;

type Events = Pin<Box<dyn Stream<Item = Result<pb::BootEvent, Status>> + Send>>;

impl Launches {
    pub(super) fn watch(&self, request: pb::WatchLaunchRequest) -> Result<Events, Failure> {
        let pb::WatchLaunchRequest { launch_id, after_sequence } = request;
        let mut violations = Violations::new();
        let launch_id = violations.required_id::<LaunchId>("launch_id", &launch_id);
        let launch_id = violations.finish(launch_id)?;
        let permit = self.watcher()?;
        let services = &self.services;
        let watch = services.watches.launch(launch_id, after_sequence)?;
        Ok(stream(Watch::new(Of::Launch(watch), services), permit, services.shutdown.clone()))
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
        let services = &self.services;
        let watch = services.watches.instances((scope.account_id, scope.region), ids, cursor).await?;
        Ok(stream(Watch::new(Of::Instances(Box::new(watch)), services), permit, services.shutdown.clone()))
    }

    /// A place among the watchers. A caller is refused rather than kept waiting, since watches may
    /// be open for hours.
    fn watcher(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.watchers).try_acquire_owned().map_err(|_| Failure::TooManyWatchers { limit: WATCHERS_MAX })
    }
}

enum Of {
    Launch(LaunchWatch),
    Instances(Box<InstancesWatch>),
}

struct Watch {
    of: Of,
    measured: Measured,
    log: AuditLog,
    tails: Tails,
    /// Whether all that was measured before the first event is known.
    is_measured: bool,
}

impl Watch {
    fn new(of: Of, services: &Services) -> Self {
        let Services { measured, log, tails, .. } = services.clone();
        Self { of, measured, log, tails, is_measured: false }
    }

    async fn next(&mut self) -> Result<Option<pb::BootEvent>, WatchError> {
        let watched = match &mut self.of {
            Of::Launch(watch) => watch.next().await?,
            Of::Instances(watch) => watch.next().await?,
        };
        Ok(match watched {
            Some(Watched::Event { event, cursor }) => {
                if !self.is_measured && event.instance_id.is_some() {
                    Box::pin(self.measured.up_to_date()).await;
                    self.is_measured = true;
                }
                let mut message = self.message(&event, cursor)?;
                let console = event.failure.as_ref().and_then(|failure| failure.console.as_ref());
                if let (Some(console), Some(failure)) = (console, &mut message.failure) {
                    // One that has expired is no failure of the stream: the digest says that there was one.
                    // Boxed, since every stream would carry room for it.
                    failure.console_tail = Box::pin(self.tails.get(&console.sha256)).await.unwrap_or_default();
                }
                Some(message)
            }
            Some(Watched::Heartbeat { observed, age }) => Some(pb::BootEvent {
                observed_time: observed.map(to_timestamp),
                data_age: age.map(to_duration),
                ..Default::default()
            }),
            None => None,
        })
    }

    fn message(&self, event: &BootEvent, cursor: Option<Cursor>) -> Result<pb::BootEvent, WatchError> {
        let left = match (&self.of, event.launch_id) {
            (Of::Launch(watch), _) => watch.with_launch(|launch| expectation(event, Some(launch), &self.measured)),
            (Of::Instances(_), Some(launch_id)) => {
                expectation(event, self.log.launch(launch_id)?.as_ref(), &self.measured)
            }
            (Of::Instances(_), None) => expectation(event, None, &self.measured),
        };
        Ok(pb::BootEvent {
            progress: left.map(|left| left.progress),
            expected_remaining: left.map(|left| to_duration(left.remaining)),
            cursor: cursor.map(|cursor| cursor.to_string()).unwrap_or_default(),
            ..event.into()
        })
    }
}

/// How far the boot of an event's instance has come, and what is left of it: by boots that had come out before its launch
/// was decided, so that a replay says the same, and where these are too few by the documentation.
fn expectation(event: &BootEvent, launch: Option<&Launch>, measured: &Measured) -> Option<Left> {
    let (phase, instance_id) = (event.phase?, event.instance_id.as_ref()?);
    let of_launch = launch.and_then(|launch| {
        let instance = launch.instances.iter().find(|instance| instance.place.instance_id == *instance_id)?;
        Some((launch, instance))
    });
    let times = of_launch.map_or_else(BootTimes::default, |(_, instance)| instance.boot_times);
    let known = of_launch.and_then(|(launch, instance)| {
        let kind = kind_of(launch, instance)?;
        measured.expect(&kind, launch.create_time)
    });
    match known {
        Some(known) => known.left(phase, event.elapsed, &times),
        None => {
            let root_device_type = launch.and_then(|launch| launch.root_device_type.as_deref());
            Expectation::documented(expected_boot(root_device_type)).left(phase, event.elapsed, &times)
        }
    }
}

/// The watch as a stream that ends with the server: a client that resumes loses nothing. Its place
/// among the watchers is free again when the stream has ended or is dropped.
fn stream(watch: Watch, permit: OwnedSemaphorePermit, shutdown: CancellationToken) -> Events {
    Box::pin(futures::stream::unfold(Some((watch, permit)), move |open| {
        let shutdown = shutdown.clone();
        async move {
            let (mut watch, permit) = open?;
            let next = tokio::select! {
                biased;
                next = watch.next() => next.map_err(Failure::from),
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
