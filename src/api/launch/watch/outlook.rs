//! How far the boots of one stream have come, and what is left of them.
//!
//! By boots that had come out before the launch was decided, so that a replay says the same, and where these are too few
//! by the documentation.

use jiff::Timestamp;

use crate::boot::statistics::{Estimates, Expectation, Kind, Left, Measured, kind_of};
use crate::boot::{InstancesWatch, LaunchWatch, WatchError, expected_boot};
use crate::ids::InstanceId;
use crate::record::{BootEvent, BootTimes, Launch};

/// What a stream needs to tell what is left.
pub(super) struct Outlook {
    estimates: Estimates,
}

/// What an expectation is made from; it stays as it is while a launch goes on.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    kind: Option<Kind>,
    create_time: Timestamp,
    root_device_type: Option<String>,
}

impl Asked {
    /// An instance of a launch, with what is known of how it boots.
    fn of(launch: &Launch, instance_id: &InstanceId) -> Option<(Self, BootTimes)> {
        let instance = launch.instances.iter().find(|instance| instance.place.instance_id == *instance_id)?;
        let asked = Self {
            kind: kind_of(launch, instance),
            create_time: launch.create_time,
            root_device_type: launch.root_device_type.clone(),
        };
        Some((asked, instance.boot_times))
    }
}

impl Outlook {
    pub(super) fn new(measured: Measured) -> Self {
        Self { estimates: Estimates::new(measured) }
    }

    /// Of an event of a stream over a launch.
    pub(super) async fn in_launch(&mut self, watch: &LaunchWatch, event: &BootEvent) -> Option<Left> {
        let instance_id = event.instance_id.as_ref()?;
        // Only looked at under its lock, which all watchers of the launch share.
        let (asked, times) = watch.with_launch(|launch| Asked::of(launch, instance_id)).unwrap_or_default();
        self.left(event, &asked, &times).await
    }

    /// Of an event of a stream over instances.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) async fn of_instance(
        &mut self,
        watch: &mut InstancesWatch,
        event: &BootEvent,
    ) -> Result<Option<Left>, WatchError> {
        let Some(instance_id) = event.instance_id.as_ref() else { return Ok(None) };
        let asked = match event.launch_id {
            Some(launch_id) => watch.with_launch(launch_id, |launch| Asked::of(launch, instance_id))?.flatten(),
            None => None,
        };
        let (asked, _) = asked.unwrap_or_default();
        Ok(self.left(event, &asked, &watch.boot_times()).await)
    }

    async fn left(&mut self, event: &BootEvent, asked: &Asked, times: &BootTimes) -> Option<Left> {
        let phase = event.phase?;
        let known = match asked.kind.clone() {
            Some(kind) => self.estimates.of(kind, asked.create_time).await,
            None => None,
        };
        match known {
            Some(known) => known.left(phase, event.elapsed, times),
            None => {
                let documented = Expectation::documented(expected_boot(asked.root_device_type.as_deref()));
                documented.left(phase, event.elapsed, times)
            }
        }
    }
}
