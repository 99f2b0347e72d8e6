//! How one kind of question is doing: how many are under way, and whether EC2 refuses them.

use std::time::Duration;

/// How much longer the pauses become while EC2 does not answer: up to 2⁵ times.
const ERROR_PAUSES_MAX: u32 = 5;

/// Questions of one kind that are under way at once. At EC2's usual third of a second for an answer it is a little more
/// than half of a bucket's rate of 20 a second needs.
const QUESTIONS_MAX: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Asking {
    /// How many are under way.
    under_way: usize,
    /// How many were refused in a row.
    errors: u32,
    /// When one was refused last, on the clock's uptime.
    refused: Option<Duration>,
}

impl Asking {
    pub(super) fn has_room(&self) -> bool {
        self.under_way < QUESTIONS_MAX
    }

    /// One more is under way.
    pub(super) fn asked(&mut self) {
        self.under_way += 1;
    }

    /// One is answered that may fail without EC2 refusing others.
    pub(super) fn done(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// How many were refused in a row.
    pub(super) fn errors(&self) -> u32 {
        self.errors
    }

    /// Notes the answer to a question that was asked at `sent`, on the clock's uptime; whether EC2 answers again after
    /// it refused some. Those that were under way beside a refused one say nothing new, whether they are refused too or
    /// answered: while some are refused and others are not, what counts is what was asked since.
    pub(super) fn answered(&mut self, is_ok: bool, sent: Duration, uptime: Duration) -> bool {
        self.done();
        if self.refused.is_some_and(|refused| sent < refused) {
            return false;
        }
        if is_ok {
            return std::mem::take(&mut self.errors) > 0;
        }
        self.errors = (self.errors + 1).min(ERROR_PAUSES_MAX);
        self.refused = Some(uptime);
        false
    }
}
