//! WatchLaunch and WatchInstances: a pulled watch as a stream.

mod outlook;

use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use outlook::Outlook;

use super::Launches;
use crate::api::Services;
use crate::api::convert::{Violations, to_duration, to_timestamp};
use crate::api::pb;
use crate::api::scope::scope;
use crate::api::status::Failure;
use crate::boot::{Cursor, InstancesWatch, LaunchWatch, Tails, WatchError, Watched};
use crate::ids::{InstanceId, LaunchId};
use crate::record::BootEvent;

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
    outlook: Box<Outlook>,
    tails: Tails,
}

impl Watch {
    fn new(of: Of, services: &Services) -> Self {
        let Services { measured, tails, .. } = services.clone();
        Self { of, outlook: Box::new(Outlook::new(measured)), tails }
    }

    async fn next(&mut self) -> Result<Option<pb::BootEvent>, WatchError> {
        let watched = match &mut self.of {
            Of::Launch(watch) => watch.next().await?,
            Of::Instances(watch) => watch.next().await?,
        };
        Ok(match watched {
            Some(Watched::Event { event, cursor }) => {
                // Boxed, as below.
                let mut message = Box::pin(self.message(&event, cursor)).await?;
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

    async fn message(&mut self, event: &BootEvent, cursor: Option<Cursor>) -> Result<pb::BootEvent, WatchError> {
        let left = match &mut self.of {
            Of::Launch(watch) => self.outlook.in_launch(watch, event).await,
            Of::Instances(watch) => self.outlook.of_instance(watch, event).await?,
        };
        Ok(pb::BootEvent {
            progress: left.map(|left| left.progress),
            expected_remaining: left.and_then(|left| left.remaining).map(to_duration),
            cursor: cursor.map(|cursor| cursor.to_string()).unwrap_or_default(),
            ..event.into()
        })
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
