//! Which launches a poller watches, as the log has them: new ones, those that cannot be read, and those that are removed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Poller;
use crate::audit::ReadError;
use crate::boot::tracker::followed::Followed;
use crate::boot::tracker::on_record::OnRecord;
use crate::boot::tracker::unread;
use crate::ids::LaunchId;

impl Poller {
    /// Follows the instances of a launch that it waits for; one that cannot be read is read again after a pause.
    pub(super) fn watch_launch(&mut self, launch_id: LaunchId) {
        match self.take_launch(launch_id) {
            // Nothing is watched any more.
            Ok(()) | Err(ReadError::Closed) => {}
            Err(error) => {
                tracing::error!(%launch_id, %error, "launch not watched before it is read again");
                self.unread.note(launch_id, self.clock.uptime());
            }
        }
    }

    /// Reads the launches again that could not be read, once that is due.
    pub(super) fn take_unread(&mut self) {
        for launch_id in self.unread.take(self.clock.uptime()) {
            self.watch_launch(launch_id);
        }
    }

    fn take_launch(&mut self, launch_id: LaunchId) -> Result<(), ReadError> {
        let Some(on_record) = OnRecord::read(&self.log, launch_id)? else { return Ok(()) };
        let uptime = self.clock.uptime();
        for tracked in on_record.awaited(self.clock.now()) {
            let followed = match self.followed.entry(tracked.instance_id.clone()) {
                Entry::Occupied(occupied) => {
                    let followed = occupied.into_mut();
                    followed.tracked = tracked;
                    followed.launch_id = Some(launch_id);
                    followed.is_checked = false;
                    followed
                }
                Entry::Vacant(vacant) => vacant.insert(Followed::new(tracked, Some(launch_id), uptime)),
            };
            followed.awaited = true;
            followed.due.hurry(uptime);
        }
        Ok(())
    }

    /// Has it seen whether the instances of a launch are still there.
    ///
    /// # Errors
    /// If the launch cannot be read. Whoever wants to know asks again.
    pub(super) fn take_check(&mut self, launch_id: LaunchId) -> Result<(), ReadError> {
        let Some(on_record) = OnRecord::read(&self.log, launch_id)? else { return Ok(()) };
        let uptime = self.clock.uptime();
        for tracked in on_record.living() {
            // Whatever is followed anyway is looked at anyway.
            self.followed.entry(tracked.instance_id.clone()).or_insert_with(|| Followed {
                awaited: true,
                is_checked: true,
                ..Followed::new(tracked, Some(launch_id), uptime)
            });
        }
        Ok(())
    }

    /// Where retention has removed records since it was last looked: has what nothing is on record of any more be recorded
    /// as what it is now, since whoever begins to watch it finds nothing.
    pub(super) fn take_pruned(&mut self) {
        let gone_below = self.log.gone_below_index();
        if self.gone_below == gone_below || self.clock.uptime() < self.removals_due {
            return;
        }
        let mut are_all_read = true;
        let mut launches = HashMap::new();
        for followed in self.followed.values() {
            if let Some(launch_id) = followed.launch_id {
                launches.entry(launch_id).or_insert_with(|| self.log.pruned_launch(launch_id));
            }
        }
        for (launch_id, pruned) in launches {
            match pruned {
                Ok(Some(_)) => self.detach(launch_id),
                Ok(None) => {}
                Err(error) => {
                    are_all_read = false;
                    tracing::error!(%launch_id, %error, "not looked whether the launch is on record");
                }
            }
        }
        let uptime = self.clock.uptime();
        let is_recorded = |followed: &Followed| followed.launch_id.is_none() && followed.tracked.phase.is_some();
        for (instance_id, followed) in self.followed.iter_mut().filter(|(_, followed)| is_recorded(followed)) {
            match self.log.instance_entries(instance_id, 0) {
                Ok(entries) if entries.is_empty() => followed.forgotten(uptime),
                Ok(_) => {}
                Err(error) => {
                    are_all_read = false;
                    tracing::error!(%instance_id, %error, "not looked whether the instance is on record");
                }
            }
        }
        if are_all_read {
            self.gone_below = gone_below;
        } else {
            self.removals_due = uptime + unread::PAUSE;
        }
    }

    /// Follows the instances of a launch that is no more on record as instances of none, those that somebody watches.
    pub(super) fn detach(&mut self, launch_id: LaunchId) {
        let is_its = |followed: &Followed| followed.launch_id == Some(launch_id);
        self.forget(|followed| is_its(followed) && followed.watchers == 0);
        for followed in self.followed.values_mut().filter(|followed| is_its(followed)) {
            followed.launch_id = None;
            (followed.awaited, followed.is_checked) = (false, false);
        }
    }
}
