//! Deciding a launch, and putting the decision on record once.

use super::decide::Decision;
use super::entry::decision_entry;
use super::gather::Gathered;
use super::redact::Prepared;
use super::{LaunchError, LaunchRequest, Launcher};
use crate::audit::{AppendError, Once, RequestKey};
use crate::crash;
use crate::ec2::Client;
use crate::ids::LaunchId;

impl Launcher {
    /// Decides and records the decision, unless the request id was taken meanwhile.
    pub(super) async fn decide_once(
        &self,
        key: &RequestKey,
        request: &LaunchRequest,
        prepared: &Prepared<'_>,
    ) -> Result<LaunchId, LaunchError> {
        let client = self.shared.client(&request.spec.account_id, &request.spec.region);
        let names_principals = client.is_ok_and(Client::names_principals);
        let on_its_way = self.shared.expected.begin(&request.spec, names_principals.then_some(&request.principal));
        crash::point("launch.before_gather");
        let Gathered { request, prepared, facts } = self.shared.gather(request, prepared).await?;
        let now = self.shared.clock.now();
        let launch_id = LaunchId::new(now);
        let mut governed = self.shared.decide(&request, &facts, now);
        let admission = match &governed.decision {
            Decision::Refuse(_) => None,
            Decision::Admit(_) => match self.shared.admission(key, request.spec.max_count, now).await? {
                Ok(admission) => Some(admission),
                Err(barrier) => {
                    // Another call may have been let pass with the same request.
                    if let Some(taken) = self.shared.log.request(key)? {
                        return self.shared.same_body(&key.request_id, taken, &prepared.bodies);
                    }
                    barrier.refuse(&mut governed);
                    // What is refused for the moment takes no request id: it may be asked for again.
                    let unkeyed = LaunchRequest { request_id: None, ..request };
                    let entry = decision_entry(&unkeyed, &prepared, &governed, &facts, now, Some(launch_id));
                    self.shared.log.append(vec![entry]).await?;
                    return Err(barrier.refusal(Some(launch_id), now));
                }
            },
        };
        let admitted = admission.is_some();
        if admitted && prepared.withheld.is_anything() {
            // If we crash after this and before the decision, the file belongs to no launch and is
            // removed at the next start. The other way round an admitted launch would have lost it.
            crash::point("launch.before_user_data");
            self.shared.withheld.store(launch_id, &prepared.withheld).map_err(LaunchError::Withheld)?;
        }
        let entry = decision_entry(&request, &prepared, &governed, &facts, now, Some(launch_id));
        crash::point("launch.before_decision");
        // This task is spawned so that a caller who goes away between the durable decision and the
        // first attempt leaves a launch that is being driven, not one that waits for a restart.
        let (launcher, key, request_id) = (self.clone(), key.clone(), key.request_id.clone());
        let driving = admitted.then(|| self.shared.driven.begin(launch_id));
        let recorded = self.shared.tasks.spawn(async move {
            let once = launcher.shared.log.append_once(key, entry).await;
            crash::point("launch.after_decision");
            if let (Some(admission), Ok(Once::Written { .. })) = (admission, &once) {
                admission.recorded(launch_id, now);
            }
            if let Some(driving) = driving {
                match &once {
                    Ok(Once::Written { .. }) => drop(launcher.spawn_drive(driving, Some(on_its_way))),
                    // Whether the decision is in the log is open then, and the next start may find it
                    // and need the file. What belongs to no launch is removed there.
                    Err(AppendError::Unavailable) => {}
                    Ok(Once::Taken { .. }) | Err(_) => launcher.shared.withheld.remove(launch_id),
                }
            }
            once
        });
        match recorded.await.map_err(|_| AppendError::Unavailable)?? {
            Once::Written { .. } => Ok(launch_id),
            Once::Taken(taken) => self.shared.same_body(&request_id, taken, &prepared.bodies),
        }
    }
}
