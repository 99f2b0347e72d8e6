//! Reading what the log has of single instances, with or without a launch.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ReadError;
use super::log::AuditLog;
use super::query::Indexed;
use crate::ids::{AccountId, InstanceId, LaunchId, Region};
use crate::record::Event;

impl AuditLog {
    /// The launch that made an instance, if one did and its records are kept.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read.
    pub fn launch_of_instance(&self, id: &InstanceId) -> Result<Option<LaunchId>, ReadError> {
        self.in_store(|store| Ok(store.instance(id)?.and_then(|row| row.launch_id)))
    }

    /// The account and Region in which an instance is on record; none of one that is not, and of one whose records
    /// were removed.
    ///
    /// # Errors
    /// [`ReadError`] if the store or a record cannot be read.
    pub fn place_of_instance(&self, id: &InstanceId) -> Result<Option<(AccountId, Region)>, ReadError> {
        let (of_launch, own) = self.in_store(|store| {
            let Some(row) = store.instance(id)? else { return Ok((None, Vec::new())) };
            let launch = row.launch_id.map(|launch_id| store.launch(launch_id)).transpose()?.flatten();
            Ok((launch.map(|launch| (launch.about.account_id.clone(), launch.about.region.clone())), row.entries))
        })?;
        if of_launch.is_some() {
            return Ok(of_launch);
        }
        for index in own.into_iter().rev() {
            let entry = self.entries_at(&[index], 0)?.pop().map(|indexed| indexed.entry);
            let place = entry.and_then(|entry| entry.account_id.zip(entry.region));
            if place.is_some() {
                return Ok(place);
            }
        }
        Ok(None)
    }

    /// The instance-phase entries of one instance from index `from` on, in order, whether they
    /// are of a launch or not. Reads through all entries of its launch from there on.
    ///
    /// # Errors
    /// [`ReadError`] if the store or a record cannot be read.
    pub fn instance_entries(&self, id: &InstanceId, from: u64) -> Result<Vec<Indexed>, ReadError> {
        let ids = BTreeSet::from([id]);
        Ok(self.entries_of_instances(&ids, from)?.remove(id).unwrap_or_default())
    }

    /// The same of several instances. The entries of a launch are read once for all instances that it made.
    ///
    /// # Errors
    /// [`ReadError`] if the store or a record cannot be read.
    pub fn entries_of_instances(
        &self,
        ids: &BTreeSet<&InstanceId>,
        from: u64,
    ) -> Result<BTreeMap<InstanceId, Vec<Indexed>>, ReadError> {
        let indexes = self.indexes_of_instances(ids, from)?;
        let mut entries: BTreeMap<InstanceId, Vec<Indexed>> = BTreeMap::new();
        for indexed in self.entries_at(&indexes, from)? {
            if let Event::InstancePhase(phase) = &indexed.entry.event
                && ids.contains(&phase.instance_id)
            {
                entries.entry(phase.instance_id.clone()).or_default().push(indexed);
            }
        }
        Ok(entries)
    }
    /// The indexes of what is on record about instances and about the launches that made them, from index `from` on,
    /// in order.
    pub(super) fn indexes_of_instances(&self, ids: &BTreeSet<&InstanceId>, from: u64) -> Result<Vec<u64>, ReadError> {
        self.in_store(|store| {
            let (mut indexes, mut launches) = (Vec::new(), BTreeSet::new());
            for id in ids {
                let Some(row) = store.instance(id)? else { continue };
                indexes.extend(row.entries.into_iter().filter(|&index| from <= index));
                launches.extend(row.launch_id);
            }
            for launch_id in launches {
                let Some(launch) = store.launch(launch_id)? else { continue };
                indexes.extend(launch.entries.into_iter().filter(|&index| from <= index));
            }
            indexes.sort_unstable();
            indexes.dedup();
            Ok(indexes)
        })
    }
}
