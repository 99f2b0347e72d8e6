//! How far the boots of one stream have come, and what is left of them.
//!
//! By boots that had come out before the launch was decided, so that a replay says the same, and where these are too few
//! by the documentation.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::{AuditLog, ReadError};
use crate::boot::statistics::{Estimates, Expectation, Kind, Left, Measured, kind_of};
use crate::boot::{InstancesWatch, LaunchWatch, expected_boot};
use crate::ids::{InstanceId, LaunchId};
use crate::record::{BootEvent, BootTimes, Launch, LaunchInstance};

/// What a stream needs to tell what is left.
pub(super) struct Outlook {
    log: AuditLog,
    estimates: Estimates,
    /// What the instances of a stream over instances were asked for as. A launch is read once for all of its instances
    /// that are watched, and those of one kind share this.
    asked: HashMap<InstanceId, Arc<Asked>>,
}

/// What an expectation is made from; it stays as it is while a launch goes on.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    kind: Option<Kind>,
    create_time: Timestamp,
    root_device_type: Option<String>,
}

impl Asked {
    fn of(launch: &Launch, instance: &LaunchInstance) -> Self {
        Self {
            kind: kind_of(launch, instance),
            create_time: launch.create_time,
            root_device_type: launch.root_device_type.clone(),
        }
    }
}

impl Outlook {
    pub(super) fn new(log: AuditLog, measured: Measured) -> Self {
        Self { log, estimates: Estimates::new(measured), asked: HashMap::new() }
    }

    /// Of an event of a stream over a launch.
    pub(super) async fn in_launch(&mut self, watch: &LaunchWatch, event: &BootEvent) -> Option<Left> {
        let instance_id = event.instance_id.as_ref()?;
        // Only looked at under its lock, which all watchers of the launch share.
        let seen = watch.with_launch(|launch| {
            let instance = launch.instances.iter().find(|instance| instance.place.instance_id == *instance_id)?;
            Some((Asked::of(launch, instance), instance.boot_times))
        });
        let (asked, times) = seen.unwrap_or_default();
        self.left(event, &asked, &times).await
    }

    /// Of an event of a stream over instances.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) async fn of_instance(
        &mut self,
        watch: &InstancesWatch,
        event: &BootEvent,
    ) -> Result<Option<Left>, ReadError> {
        let Some(instance_id) = event.instance_id.as_ref() else { return Ok(None) };
        if let Some(launch_id) = event.launch_id
            && !self.asked.contains_key(instance_id)
        {
            self.read_launch(launch_id, watch)?;
        }
        let asked = self.asked.get(instance_id).cloned().unwrap_or_default();
        Ok(self.left(event, &asked, &watch.boot_times()).await)
    }

    fn read_launch(&mut self, launch_id: LaunchId, watch: &InstancesWatch) -> Result<(), ReadError> {
        let Some(launch) = self.log.launch(launch_id)? else { return Ok(()) };
        let mut kinds: Vec<Arc<Asked>> = Vec::new();
        for instance in launch.instances.iter().filter(|instance| watch.is_of(&instance.place.instance_id)) {
            let asked = Asked::of(&launch, instance);
            let shared = kinds.iter().find(|known| ***known == asked).cloned().unwrap_or_else(|| {
                let asked = Arc::new(asked);
                kinds.push(Arc::clone(&asked));
                asked
            });
            self.asked.insert(instance.place.instance_id.clone(), shared);
        }
        Ok(())
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
