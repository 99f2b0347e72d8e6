//! `POST /sandbox/clock`: lets the sandbox's time jump ahead.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::Reply;
use crate::clock::{Clock as _, Timestamp};
use crate::sandbox::cloud::Line;
use crate::sandbox::{Sandbox, lock};

/// What the body says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jump {
    /// How far; fractions down to a millisecond count.
    advance_seconds: f64,
}

/// Jumps, and answers the time that it then is.
pub(super) fn post(sandbox: &Sandbox, body: &[u8]) -> Reply {
    let jump: Jump = match serde_json::from_slice(body) {
        Ok(jump) => jump,
        Err(error) => return Reply::refused(400, [format!("the body must be {{\"advance_seconds\": N}}: {error}")]),
    };
    let Ok(by) = Duration::try_from_secs_f64(jump.advance_seconds) else {
        return Reply::refused(400, ["advance_seconds must be a number of seconds, 0 or more: time does not go back"]);
    };
    match sandbox.advance(by) {
        Ok(time) => Reply::json(200, &json!({ "time": time })),
        Err(refused) => refused,
    }
}

impl Sandbox {
    /// Jumps ahead and says what time it then is. The jump is saved before it happens, so that a
    /// restarted sandbox does not go back in time.
    fn advance(&self, by: Duration) -> Result<Timestamp, Reply> {
        let clock = &self.shared.clock;
        let mut turn = self.turn();
        let _one_at_a_time = lock(&self.shared.doors);
        let ahead = clock.ahead_after(by).map_err(|error| Reply::refused(400, [error.to_string()]))?;
        // Ten years of milliseconds fit.
        let ahead_ms = u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX);
        self.save(&Line::Clock { ahead_ms }).map_err(|error| Reply::refused(error.status, [error.message]))?;
        clock.jump(Duration::from_millis(ahead_ms));
        if let Some(turn) = &mut turn {
            turn.clock(ahead_ms);
        }
        drop(turn);
        Ok(clock.now())
    }
}
