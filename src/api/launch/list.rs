//! ListLaunches.

use super::Launches;
use crate::api::blocking;
use crate::api::convert::{Violations, launch_state, time_range};
use crate::api::page::{Page, next_page_token, page};
use crate::api::pb;
use crate::api::status::Failure;
use crate::audit::{LaunchQuery, Order};
use crate::ids::LaunchId;

/// States that one call may name: there are only nine.
const STATES_MAX: usize = 16;

impl Launches {
    pub(super) async fn list(&self, request: pb::ListLaunchesRequest) -> Result<pb::ListLaunchesResponse, Failure> {
        let mut violations = Violations::new();
        let region = violations.optional_id("region", &request.region);
        let account_id = violations.optional_id("account_id", &request.account_id);
        let principal = violations.optional_id("principal", &request.principal);
        let image_id = violations.optional_id("image_id", &request.image_id);
        let mut states = Vec::new();
        if violations.at_most("states", request.states.len(), STATES_MAX) {
            for (index, number) in request.states.iter().enumerate() {
                states.extend(launch_state(&format!("states[{index}]"), *number, &mut violations));
            }
        }
        let (start, end) = time_range(request.start_time.as_ref(), request.end_time.as_ref(), &mut violations);
        let page: Page<LaunchId> = page(&request, &mut violations);
        violations.finish(Some(()))?;
        let query = LaunchQuery {
            states,
            principal,
            account_id,
            region,
            image_id,
            start,
            end,
            order: Order::NewestFirst,
            limit: page.size,
            after: page.after,
        };
        let log = self.services.log.clone();
        let found = blocking(move || log.launches(&query)).await??;
        Ok(pb::ListLaunchesResponse {
            launches: found.launches.iter().map(Into::into).collect(),
            next_page_token: found.next.map(|next| next_page_token(&request, &next)).unwrap_or_default(),
        })
    }
}
