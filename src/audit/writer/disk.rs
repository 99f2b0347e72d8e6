//! The thread that waits for the disk, so that the writer need not.
//!
//! It writes and syncs one group at a time, and gives it back through the writer's own queue.

use std::io;
use std::sync::mpsc as blocking;
use std::thread;

use tokio::sync::mpsc;

use super::super::journal::Writing;
use super::Job;
use crate::crash;

/// Where groups are given to the thread. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Disk {
    orders: blocking::SyncSender<Order>,
}

/// A group to be made durable.
#[derive(Debug)]
struct Order {
    writing: Writing,
    /// Of its appends.
    kinds: Vec<&'static str>,
    reply: Reply,
}

impl Disk {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        // The writer gives the next group only once it has the last one back.
        let (orders, ordered) = blocking::sync_channel::<Order>(1);
        let work = move || {
            for Order { writing, kinds, reply } in ordered {
                let outcome = make_durable(&writing, &kinds);
                reply.send(outcome.map(|()| writing));
            }
        };
        thread::Builder::new().name("audit-disk".to_owned()).spawn(work)?;
        Ok(Self { orders })
    }

    /// Has a group made durable; it comes back through `queue`.
    pub(super) fn write(&self, writing: Writing, kinds: Vec<&'static str>, queue: mpsc::UnboundedSender<Job>) {
        // If the thread is gone the order is dropped, and says so to the queue.
        let _ = self.orders.send(Order { writing, kinds, reply: Reply(Some(queue)) });
    }
}

/// Writes a group and syncs it.
pub(super) fn make_durable(writing: &Writing, kinds: &[&'static str]) -> io::Result<()> {
    // If we crash from here to the end of the sync, none, some or all of the group is found
    // at the next start, each append whole or not at all; nobody was told of any.
    if kinds.iter().any(|kind| crash::is_armed_for("journal.half_written", kind)) {
        writing.write_half()?;
        kinds.iter().for_each(|kind| crash::point_for("journal.half_written", kind));
    }
    writing.write()?;
    kinds.iter().for_each(|kind| crash::point_for("journal.before_sync", kind));
    writing.sync()?;
    // If we crash from here on, all of the group is found, hashed and replayed into the store.
    kinds.iter().for_each(|kind| crash::point_for("journal.after_sync", kind));
    Ok(())
}

/// Answers the writer in any case: it waits for this.
#[derive(Debug)]
struct Reply(Option<mpsc::UnboundedSender<Job>>);

impl Reply {
    fn send(mut self, outcome: io::Result<Writing>) {
        if let Some(queue) = self.0.take() {
            let _ = queue.send(Job::Synced(outcome));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            let _ = queue.send(Job::Synced(Err(io::Error::other("the thread that writes has ended"))));
        }
    }
}
