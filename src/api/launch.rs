//! LaunchService: launches and watching them.

mod list;
mod orphans;
mod statistics;
mod watch;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

use super::convert::{ParsedSpec, ViolationReason, Violations, duration, parse_spec, preview};
use super::scope::{Scope, scope};
use super::status::{Failure, Missing};
use super::{Services, local_principal, pb, permit};
use crate::ids::{LaunchId, RequestId};
use crate::launch::{Answer, CancelRequest, LaunchError, LaunchRequest, TerminateRequest};
use crate::telemetry::metric;

/// How long LaunchInstances waits for a launch to leave LAUNCHING unless told otherwise.
const WAIT_DEFAULT: Duration = Duration::from_secs(30);

/// The longest wait that can be asked for.
const WAIT_MAX: Duration = Duration::from_secs(600);

/// Characters of a reason.
pub(super) const REASON_CHARS_MAX: usize = 1_024;

/// Instances that one call terminates with a launch that did not make them.
const OTHER_INSTANCES_MAX: usize = 100;

/// LaunchService.
#[derive(Debug)]
pub(super) struct Launches {
    services: Services,
    /// One permit for every watch that is open.
    watchers: Arc<Semaphore>,
}

impl Launches {
    pub(super) fn new(services: Services) -> Self {
        Self { services, watchers: Arc::new(Semaphore::new(watch::WATCHERS_MAX)) }
    }

    async fn launch(&self, request: pb::LaunchInstancesRequest) -> Result<pb::Launch, Failure> {
        let pb::LaunchInstancesRequest {
            region,
            account_id,
            spec,
            reason,
            request_id,
            validate_only,
            wait_timeout,
            break_glass,
        } = request;
        let mut violations = Violations::new();
        let (scope, spec) = spec_in_scope(&self.services, (&region, &account_id), spec, &mut violations);
        violations.text("reason", &reason, REASON_CHARS_MAX);
        if break_glass && reason.trim().is_empty() {
            violations.add("reason", ViolationReason::MissingField, "break_glass needs a reason, which is recorded");
        }
        let wait = duration("wait_timeout", wait_timeout.as_ref(), (Duration::ZERO, WAIT_MAX), &mut violations);
        let request_id: Option<RequestId> = if validate_only {
            violations.optional_id("request_id", &request_id)
        } else {
            violations.required_id("request_id", &request_id)
        };
        let (scope, ParsedSpec { spec, user_data }) = violations.finish(scope.zip(spec))?;
        scope?;
        let request = LaunchRequest {
            spec,
            user_data,
            reason,
            request_id,
            validate_only,
            break_glass,
            wait: wait.unwrap_or(WAIT_DEFAULT),
            principal: local_principal(),
        };
        match self.services.launcher.launch(request).await.inspect_err(count_over_quota)? {
            Answer::Launch(launch) => Ok((&*launch).into()),
            Answer::Preview(entry) => preview(&entry).ok_or_else(|| Failure::internal(&Violations::new())),
        }
    }

    fn get(&self, launch_id: &str) -> Result<pb::Launch, Failure> {
        let mut violations = Violations::new();
        let launch_id = violations.required_id::<LaunchId>("launch_id", launch_id);
        let launch_id = violations.finish(launch_id)?;
        if let Some(launch) = self.services.log.launch(launch_id)? {
            return Ok((&launch).into());
        }
        Err(match self.services.log.pruned_launch(launch_id)? {
            Some(pruned) => Failure::LaunchPruned { launch_id, pruned },
            None => Failure::NotFound(Missing::Launch(launch_id)),
        })
    }

    async fn cancel(&self, request: pb::CancelLaunchRequest) -> Result<pb::Launch, Failure> {
        let pb::CancelLaunchRequest { launch_id, reason, request_id } = request;
        let mut violations = Violations::new();
        let launch_id = violations.required_id::<LaunchId>("launch_id", &launch_id);
        let request_id = violations.required_id::<RequestId>("request_id", &request_id);
        violations.text("reason", &reason, REASON_CHARS_MAX);
        let (launch_id, request_id) = violations.finish(launch_id.zip(request_id))?;
        permit::may_end(&self.services, launch_id, "CancelLaunch")?;
        let request = CancelRequest { launch_id, reason, request_id, principal: local_principal() };
        let launch = self.services.launcher.cancel(request).await?;
        Ok((&launch).into())
    }

    async fn terminate(&self, request: pb::TerminateLaunchRequest) -> Result<pb::Launch, Failure> {
        let pb::TerminateLaunchRequest { launch_id, reason, request_id, other_instance_ids, include_not_launched } =
            request;
        let mut violations = Violations::new();
        let launch_id = violations.required_id::<LaunchId>("launch_id", &launch_id);
        let request_id = violations.required_id::<RequestId>("request_id", &request_id);
        violations.text("reason", &reason, REASON_CHARS_MAX);
        let others = violations.ids("other_instance_ids", &other_instance_ids, OTHER_INSTANCES_MAX);
        let (launch_id, request_id) = violations.finish(launch_id.zip(request_id))?;
        permit::may_end(&self.services, launch_id, "TerminateLaunch")?;
        if include_not_launched {
            permit::may_administer(&self.services, "TerminateLaunch")?;
        }
        let principal = local_principal();
        let request = TerminateRequest { launch_id, reason, others, include_not_launched, request_id, principal };
        let launch = self.services.launcher.terminate(request).await?;
        Ok((&launch).into())
    }
}

/// Counts a launch that quotas refuse.
fn count_over_quota(error: &LaunchError) {
    if let LaunchError::QuotaExceeded { excesses, .. } = error {
        for excess in excesses {
            metrics::counter!(metric::LAUNCHES_OVER_QUOTA, "quota" => excess.quota.as_str()).increment(1);
        }
    }
}

/// Where a launch is to be, and what is to be launched there.
pub(super) fn spec_in_scope(
    services: &Services,
    (region, account_id): (&str, &str),
    spec: Option<pb::LaunchSpec>,
    violations: &mut Violations,
) -> (Option<Result<Scope, Failure>>, Option<ParsedSpec>) {
    let scope = scope(services, region, account_id, violations);
    let served = scope.as_ref().and_then(|scope| scope.as_ref().ok());
    let (account, place) = served.map(|scope| (scope.account_id.clone(), scope.region.clone())).unzip();
    let spec = match &scope {
        // A Region that is well formed and not served is said after everything else is right.
        Some(Err(_)) => parse_spec(spec, Some(unserved_account()), Some(unserved_region()), violations),
        _ => parse_spec(spec, account, place, violations),
    };
    (scope, spec)
}

/// Stand-ins that let the rest of a request be read when its place is not served; nothing is made
/// of them.
fn unserved_account() -> crate::ids::AccountId {
    "000000000000".parse().expect("twelve digits")
}

fn unserved_region() -> crate::ids::Region {
    "not-served".parse().expect("a slug with a hyphen")
}

#[tonic::async_trait]
impl pb::launch_service_server::LaunchService for Launches {
    type WatchLaunchStream = Pin<Box<dyn Stream<Item = Result<pb::BootEvent, Status>> + Send>>;
    type WatchInstancesStream = Pin<Box<dyn Stream<Item = Result<pb::BootEvent, Status>> + Send>>;

    async fn launch_instances(
        &self,
        request: Request<pb::LaunchInstancesRequest>,
    ) -> Result<Response<pb::Launch>, Status> {
        Ok(Response::new(self.launch(request.into_inner()).await?))
    }

    async fn get_launch(&self, request: Request<pb::GetLaunchRequest>) -> Result<Response<pb::Launch>, Status> {
        Ok(Response::new(self.get(&request.into_inner().launch_id)?))
    }

    async fn list_launches(
        &self,
        request: Request<pb::ListLaunchesRequest>,
    ) -> Result<Response<pb::ListLaunchesResponse>, Status> {
        Ok(Response::new(self.list(request.into_inner()).await?))
    }

    async fn cancel_launch(&self, request: Request<pb::CancelLaunchRequest>) -> Result<Response<pb::Launch>, Status> {
        Ok(Response::new(self.cancel(request.into_inner()).await?))
    }

    async fn terminate_launch(
        &self,
        request: Request<pb::TerminateLaunchRequest>,
    ) -> Result<Response<pb::Launch>, Status> {
        Ok(Response::new(self.terminate(request.into_inner()).await?))
    }

    async fn list_orphans(
        &self,
        request: Request<pb::ListOrphansRequest>,
    ) -> Result<Response<pb::ListOrphansResponse>, Status> {
        Ok(Response::new(self.orphans(request.into_inner()).await?))
    }

    async fn watch_launch(
        &self,
        request: Request<pb::WatchLaunchRequest>,
    ) -> Result<Response<Self::WatchLaunchStream>, Status> {
        Ok(Response::new(self.watch(request.into_inner())?))
    }

    async fn watch_instances(
        &self,
        request: Request<pb::WatchInstancesRequest>,
    ) -> Result<Response<Self::WatchInstancesStream>, Status> {
        Ok(Response::new(self.watch_each(request.into_inner()).await?))
    }

    async fn get_boot_statistics(
        &self,
        request: Request<pb::GetBootStatisticsRequest>,
    ) -> Result<Response<pb::GetBootStatisticsResponse>, Status> {
        Ok(Response::new(self.statistics(request.into_inner()).await?))
    }
}
