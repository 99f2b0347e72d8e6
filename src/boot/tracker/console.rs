//! What a poller knows of the console of an instance, which is read when its boot goes wrong.

use std::time::Duration;

use crate::boot::console::ConsoleTail;
use crate::ec2::facts::InstanceStatus;

/// The longest that a failure waits for its console. Where thousands of boots go wrong at once, most are told without.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// How long a console that was read stands for the present one.
const FRESH: Duration = Duration::from_secs(60);

/// The same since the log last refused the failure that it was read for: longer than from one look to the next, which
/// is a minute and, where EC2 is slow, a minute and a half for the answer.
const FRESH_UNRECORDED: Duration = Duration::from_secs(5 * 60);

/// The console of an instance.
#[derive(Debug, Default)]
pub(super) enum Console {
    /// Nothing is known of it.
    #[default]
    Unread,
    /// It is to be read, since then on the clock's uptime. What was seen with the failure waits for it.
    Wanted { since: Duration, status: Option<Box<InstanceStatus>> },
    /// What it ended with, and until when that is the present one, on the clock's uptime.
    Read { tail: Option<ConsoleTail>, fresh_until: Duration },
}

impl Console {
    /// One that was read just now.
    pub(super) fn read(tail: Option<ConsoleTail>, uptime: Duration) -> Self {
        Self::Read { tail, fresh_until: uptime + FRESH }
    }

    /// What it ended with, if it was read.
    pub(super) fn tail(&self) -> Option<&ConsoleTail> {
        match self {
            Self::Read { tail, .. } => tail.as_ref(),
            Self::Unread | Self::Wanted { .. } => None,
        }
    }

    /// The status that waits for it.
    pub(super) fn waiting(&self) -> Option<&InstanceStatus> {
        match self {
            Self::Wanted { status, .. } => status.as_deref(),
            Self::Unread | Self::Read { .. } => None,
        }
    }

    /// Whether a failure is to wait for it: it was not read just now, and is not waited for since too long.
    pub(super) fn is_awaited(&self, uptime: Duration) -> bool {
        match self {
            Self::Unread => true,
            Self::Wanted { since, .. } => uptime.saturating_sub(*since) < WAIT_MAX,
            Self::Read { fresh_until, .. } => *fresh_until <= uptime,
        }
    }

    /// Has a failure that was seen with `status` wait for it; false if one does already.
    pub(super) fn want(&mut self, status: Option<&InstanceStatus>, uptime: Duration) -> bool {
        let latest = status.cloned().map(Box::new);
        match self {
            Self::Wanted { status, .. } => {
                *status = latest.or_else(|| status.take());
                false
            }
            Self::Unread | Self::Read { .. } => {
                *self = Self::Wanted { since: uptime, status: latest };
                true
            }
        }
    }

    /// When it is waited for no longer, on the clock's uptime; none while nothing waits for it.
    pub(super) fn awaited_until(&self) -> Option<Duration> {
        match self {
            Self::Wanted { since, .. } => Some(*since + WAIT_MAX),
            Self::Unread | Self::Read { .. } => None,
        }
    }

    /// Takes it for one that cannot be read, if it has been waited for long enough; then the status that waited for it.
    pub(super) fn give_up(&mut self, uptime: Duration) -> Option<Option<Box<InstanceStatus>>> {
        self.awaited_until().filter(|until| *until <= uptime)?;
        match std::mem::replace(self, Self::read(None, uptime)) {
            Self::Wanted { status, .. } => Some(status),
            Self::Unread | Self::Read { .. } => None,
        }
    }

    /// What waited for it has been overtaken by what was recorded, a failure or something else.
    pub(super) fn overtaken(&mut self, by_failure: bool) {
        if let Self::Wanted { status, .. } = self {
            *status = None;
            if !by_failure {
                *self = Self::Unread;
            }
        }
    }

    /// What it was read for could not be recorded, and is going to be tried again: it need not be read again for that.
    pub(super) fn unrecorded(&mut self, uptime: Duration) {
        if let Self::Read { fresh_until, .. } = self {
            *fresh_until = uptime + FRESH_UNRECORDED;
        }
    }
}
