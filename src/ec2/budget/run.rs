//! RunInstances has two buckets, and there are five requests in the smaller one: a turn, then instances.
//!
//! Who takes a turn decides after the wait what to launch with it: how many launches go into the one
//! call depends on who else has come meanwhile, and on how many instances there are tokens for.
//!
//! ```text
//! let turn = client.turn_to_run().await;       // one request's token, in turn
//! let room = turn.instances_left();            // what one call may launch without a further wait
//! let permit = turn.instances(count).await;    // waits until there are so many
//! client.run_instances_with(permit, &input, user_data).await
//! ```
//!
//! What is dropped on the way gives back what it took. Until the call is made, and EC2 has counted it, the buckets
//! do not fill beyond what is left beside it: EC2's own may be full until then.

use super::{Api, Budgets, Priority};

/// The right to call RunInstances once. Dropping it gives the token back.
#[derive(Debug)]
pub struct RunTurn {
    budgets: Budgets,
    priority: Priority,
    unused: bool,
}

impl RunTurn {
    pub(super) fn new(budgets: Budgets, priority: Priority) -> Self {
        budgets.bucket(Api::RunInstances).hold(1);
        Self { budgets, priority, unused: true }
    }

    /// How many more requests there are tokens for now, in turn for whoever comes next.
    pub fn requests_left(&self) -> u32 {
        self.budgets.bucket(Api::RunInstances).left()
    }

    /// How many instances there are tokens for now. Others may take them before
    /// [`instances`](Self::instances) does.
    pub fn instances_left(&self) -> u32 {
        self.budgets.shared.run.left()
    }

    /// How many instances there are tokens for at most, after a long rest. A call for more is
    /// possible: it waits for a full bucket and leaves a debt.
    pub fn instances_max(&self) -> u32 {
        self.budgets.shared.run.burst()
    }

    /// Waits, in turn, until there are tokens for `count` instances, and takes them.
    pub async fn instances(self, count: u32) -> RunPermit {
        self.budgets.taken(Api::RunInstances, &self.budgets.shared.run, self.priority, count).await;
        self.budgets.shared.run.hold(count);
        RunPermit { turn: self, count }
    }
}

impl Drop for RunTurn {
    fn drop(&mut self) {
        if self.unused {
            self.budgets.bucket(Api::RunInstances).release(1);
            self.budgets.bucket(Api::RunInstances).give_back(1);
        }
    }
}

/// The right to call RunInstances once, for so many instances. Dropping it gives all tokens back.
#[derive(Debug)]
pub struct RunPermit {
    turn: RunTurn,
    count: u32,
}

impl RunPermit {
    /// How many instances may be asked for.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The call is made now.
    pub(in crate::ec2) fn begin(mut self) -> Begun {
        self.turn.unused = false;
        self.turn.budgets.bucket(Api::RunInstances).sent(1);
        self.turn.budgets.shared.run.sent(self.count);
        Begun { budgets: self.turn.budgets.clone(), count: std::mem::take(&mut self.count) }
    }
}

impl Drop for RunPermit {
    fn drop(&mut self) {
        self.turn.budgets.shared.run.release(self.count);
        self.turn.budgets.shared.run.give_back(self.count);
    }
}

/// A call of RunInstances that is under way. Dropped, it has used what it has taken.
#[derive(Debug)]
pub(in crate::ec2) struct Begun {
    budgets: Budgets,
    count: u32,
}

impl Begun {
    /// It launched so many: EC2 takes tokens for these and no others.
    pub(in crate::ec2) fn launched(self, instances: usize) {
        let instances = u32::try_from(instances).unwrap_or(u32::MAX);
        self.budgets.shared.run.answered(self.count);
        self.budgets.shared.run.give_back(self.count.saturating_sub(instances));
    }

    /// EC2 refused it for a rate and does not say which: it may have fewer tokens than we think.
    pub(in crate::ec2) fn throttled(self) {
        self.budgets.shared.run.answered(self.count);
        self.budgets.shared.run.give_back(self.count);
        self.budgets.shared.run.doubt();
    }
}
