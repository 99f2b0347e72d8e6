//! The kill switch: while launches are paused none is admitted, and no attempt begins.
//!
//! Whoever records an admission or an intention holds a [`Pass`] until that is durable. Pausing first turns the
//! switch, so that no pass is given any more, then waits for those that were given, and then records itself: behind
//! that record stands no admission and no intention until the record that resumes. A call to EC2 that is under way
//! is not taken back; what it makes belongs to its launch.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock, watch};

use super::{Launcher, Shared};
use crate::audit::{AppendError, AuditLog, Order, ReadError, RecordQuery};
use crate::clock::Timestamp;
use crate::ids::{AccountId, Principal};
use crate::record::{ENTRY_VERSION, Entry, EntryKind, Event, LaunchSwitch};

/// Whether new launches are let pass, and who said so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwitchState {
    /// Whether new launches are refused.
    pub paused: bool,
    /// Why, in the words of whoever turned it last. Empty if nobody ever did.
    pub reason: String,
    /// Who turned it last.
    pub principal: Option<Principal>,
    /// When.
    pub time: Option<Timestamp>,
}

/// Why the switch was not turned, or not on record.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// The record could not be made durable. A pause holds all the same, until this process ends; nothing is
    /// resumed.
    #[error("the audit log did not take the record")]
    Append(#[from] AppendError),
    /// Where it was left could not be found out.
    #[error("the audit log could not be read")]
    Read(#[from] ReadError),
}

/// The switch of one server.
#[derive(Debug)]
pub struct Switch {
    state: watch::Sender<SwitchState>,
    /// Held for reading by whoever has a pass.
    passes: Arc<RwLock<()>>,
    /// Held by whoever turns it: whether its last turn is on record.
    turning: Mutex<bool>,
}

/// The permission to record an admission or an intention. While it is held no pause gets on record.
#[derive(Debug)]
pub(super) struct Pass {
    _held: OwnedRwLockReadGuard<()>,
}

impl Default for Switch {
    fn default() -> Self {
        Self::new(SwitchState::default())
    }
}

impl Switch {
    fn new(state: SwitchState) -> Self {
        Self { state: watch::Sender::new(state), passes: Arc::default(), turning: Mutex::new(true) }
    }

    /// The switch as the log says that it was left. Blocking.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn as_left(log: &AuditLog) -> Result<Self, ReadError> {
        let mut query = RecordQuery {
            kinds: vec![EntryKind::LaunchSwitch],
            order: Order::NewestFirst,
            limit: 1,
            ..RecordQuery::default()
        };
        let state = loop {
            let page = log.records(&query)?;
            match (page.records.into_iter().next().map(|record| record.entry), page.next) {
                (
                    Some(Entry {
                        event: Event::LaunchSwitch(LaunchSwitch { paused, reason }), principal, time, ..
                    }),
                    _,
                ) => {
                    break SwitchState { paused, reason, principal, time: Some(time) };
                }
                (_, None) => break SwitchState::default(),
                (_, next) => query.from = next,
            }
        };
        Ok(Self::new(state))
    }

    /// How it stands.
    pub fn state(&self) -> SwitchState {
        self.state.borrow().clone()
    }

    pub(super) fn is_paused(&self) -> bool {
        self.state.borrow().paused
    }

    /// Ends once launches are let pass.
    pub(super) async fn resumed(&self) {
        // The sender is in `self`, so it is not gone.
        let _ = self.state.subscribe().wait_for(|state| !state.paused).await;
    }

    /// A pass, or how the switch stands if launches are paused.
    pub(super) async fn pass(&self) -> Result<Pass, SwitchState> {
        let state = self.state();
        if state.paused {
            return Err(state);
        }
        let held = Arc::clone(&self.passes).read_owned().await;
        // It may have been turned while this waited.
        let state = self.state();
        if state.paused { Err(state) } else { Ok(Pass { _held: held }) }
    }

    /// Turns it with `record`, which makes the turn durable; turning it to where it stands changes nothing.
    async fn turn<F>(&self, state: SwitchState, record: F) -> Result<SwitchState, AppendError>
    where
        F: AsyncFnOnce() -> Result<(), AppendError>,
    {
        let mut is_recorded = self.turning.lock().await;
        if self.is_paused() == state.paused && *is_recorded {
            return Ok(self.state());
        }
        if state.paused {
            // At once, whatever becomes of the record.
            *is_recorded = false;
            self.state.send_replace(state.clone());
            let _all = self.passes.write().await;
            record().await?;
        } else {
            record().await?;
            self.state.send_replace(state.clone());
        }
        *is_recorded = true;
        Ok(state)
    }
}

impl Launcher {
    /// Stops new launches, or lets them go on. When it returns that is on record. While they are paused a launch is
    /// refused, and one that is open begins no further attempt; what an attempt under way makes is found out.
    ///
    /// # Errors
    /// [`SwitchError::Append`].
    pub async fn turn_switch(
        &self,
        paused: bool,
        reason: String,
        principal: Principal,
        account_id: AccountId,
    ) -> Result<SwitchState, SwitchError> {
        // In a task of its own: a caller who goes away must not leave a pause off the record.
        let shared = Arc::clone(&self.shared);
        let turned = self.shared.tasks.spawn(async move {
            let Shared { switch, log, clock, .. } = &*shared;
            let time = clock.now();
            let state =
                SwitchState { paused, reason: reason.clone(), principal: Some(principal.clone()), time: Some(time) };
            let entry = Entry {
                v: ENTRY_VERSION,
                time,
                launch_id: None,
                account_id: Some(account_id),
                region: None,
                principal: Some(principal),
                event: Event::LaunchSwitch(LaunchSwitch { paused, reason }),
            };
            switch.turn(state, async || log.append(vec![entry]).await.map(drop)).await
        });
        Ok(turned.await.map_err(|_| AppendError::Unavailable)??)
    }

    /// How the switch stands.
    pub fn switch(&self) -> SwitchState {
        self.shared.switch.state()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn paused(paused: bool) -> SwitchState {
        SwitchState { paused, reason: "for a test".to_owned(), ..SwitchState::default() }
    }

    #[tokio::test]
    async fn a_pause_holds_at_once_and_is_recorded_behind_what_was_let_pass() {
        let switch = Arc::new(Switch::default());
        let pass = switch.pass().await.unwrap();
        let recorded = Arc::new(AtomicU32::new(0));
        let pausing = tokio::spawn({
            let (switch, recorded) = (Arc::clone(&switch), Arc::clone(&recorded));
            async move {
                switch
                    .turn(paused(true), async || {
                        recorded.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    })
                    .await
            }
        });
        let _ = switch.state.subscribe().wait_for(|state| state.paused).await;
        assert!(switch.pass().await.is_err());
        assert_eq!(recorded.load(Ordering::SeqCst), 0, "what has its pass is recorded first");
        drop(pass);
        pausing.await.unwrap().unwrap();
        assert_eq!(recorded.load(Ordering::SeqCst), 1);
        switch.turn(paused(true), async || panic!("it is paused already")).await.unwrap();
        switch.turn(paused(false), async || Ok(())).await.unwrap();
        assert!(switch.pass().await.is_ok());
    }

    #[tokio::test]
    async fn a_pause_that_cannot_be_recorded_holds_and_is_recorded_when_it_is_asked_for_again() {
        let switch = Switch::default();
        switch.turn(paused(true), async || Err(AppendError::NoSpace)).await.unwrap_err();
        assert!(switch.pass().await.is_err());
        switch.turn(paused(false), async || Err(AppendError::NoSpace)).await.unwrap_err();
        assert!(switch.is_paused(), "nothing is resumed off the record");
        let mut recorded = false;
        switch
            .turn(paused(true), async || {
                recorded = true;
                Ok(())
            })
            .await
            .unwrap();
        assert!(recorded);
    }
}
