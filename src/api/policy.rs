//! PolicyService: shows the policy, and tries out others.

mod backtest;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Response, Status};

use super::convert::{ParsedSpec, ViolationReason, Violations, preview, to_timestamp};
use super::launch::{REASON_CHARS_MAX, spec_in_scope};
use super::status::Failure;
use super::{Services, blocking, local_principal, pb};
use crate::launch::{LaunchRequest, SwitchState};
use crate::policy::{Loaded, Policy};
use crate::telemetry::{event, metric};

/// Candidates that are read and tried out at once, over all connections. Each may keep a processor busy.
const CANDIDATES_MAX: usize = 4;

/// The field that a candidate is in.
const CANDIDATE: &str = "candidate_policy";

/// PolicyService.
#[derive(Debug)]
pub(super) struct Policies {
    services: Services,
    /// A place for each candidate.
    candidates: Arc<Semaphore>,
}

impl Policies {
    pub(super) fn new(services: Services) -> Self {
        Self { services, candidates: Arc::new(Semaphore::new(CANDIDATES_MAX)) }
    }

    fn get(&self) -> pb::GetPolicyResponse {
        let launch_switch = Some(launch_switch(self.services.launcher.switch()));
        match self.services.policy.loaded() {
            None => pb::GetPolicyResponse { launch_switch, ..pb::GetPolicyResponse::default() },
            Some(Loaded { policy, time }) => pb::GetPolicyResponse {
                text: policy.text().to_owned(),
                hash: policy.hash().to_string(),
                load_time: Some(to_timestamp(time)),
                launch_switch,
            },
        }
    }

    async fn turn_switch(&self, paused: bool, reason: String) -> Result<pb::LaunchSwitch, Failure> {
        let mut violations = Violations::new();
        violations.text("reason", &reason, REASON_CHARS_MAX);
        if reason.trim().is_empty() {
            violations.add("reason", ViolationReason::MissingField, "it is recorded, and callers are told");
        }
        violations.finish(Some(()))?;
        let account_id = self.services.catalogs.home().account_id().clone();
        let turned = self.services.launcher.turn_switch(paused, reason, local_principal(), account_id).await;
        // A pause that could not be recorded holds all the same.
        let stands = self.services.launcher.switch();
        metrics::gauge!(metric::LAUNCHES_PAUSED).set(if stands.paused { 1.0 } else { 0.0 });
        let principal = stands.principal.as_ref().map(|principal| principal.as_str());
        if stands.paused {
            tracing::warn!(principal, "{}", event::LAUNCHES_PAUSED);
        } else {
            tracing::info!(principal, "{}", event::LAUNCHES_RESUMED);
        }
        Ok(launch_switch(turned?))
    }

    async fn evaluate(&self, request: pb::EvaluatePolicyRequest) -> Result<pb::EvaluatePolicyResponse, Failure> {
        let pb::EvaluatePolicyRequest { region, account_id, spec, candidate_policy, reason } = request;
        let _place = self.place()?;
        let mut violations = Violations::new();
        let (scope, spec) = spec_in_scope(&self.services, (&region, &account_id), spec, &mut violations);
        let candidate = match candidate_policy {
            Some(text) => compile(text, &mut violations).await?,
            None => None,
        };
        violations.text("reason", &reason, REASON_CHARS_MAX);
        let (scope, ParsedSpec { spec, user_data }) = violations.finish(scope.zip(spec))?;
        scope?;
        let request = LaunchRequest {
            spec,
            user_data,
            reason,
            break_glass: false,
            request_id: None,
            validate_only: true,
            wait: Duration::ZERO,
            principal: local_principal(),
        };
        let evaluation = Box::pin(self.services.launcher.evaluate(request, candidate)).await?;
        let entry = blocking(move || evaluation.decide()).await?;
        Ok(pb::EvaluatePolicyResponse { decision: preview(&entry).and_then(|launch| launch.decision) })
    }

    /// A place for a candidate.
    fn place(&self) -> Result<OwnedSemaphorePermit, Failure> {
        Arc::clone(&self.candidates).try_acquire_owned().map_err(|_| Failure::Overloaded)
    }
}

fn launch_switch(state: SwitchState) -> pb::LaunchSwitch {
    pb::LaunchSwitch {
        paused: state.paused,
        reason: state.reason,
        principal: state.principal.map(|principal| principal.to_string()).unwrap_or_default(),
        change_time: state.time.map(to_timestamp),
    }
}

/// The policy that `text` is; what is wrong with it is added, each error with its line and column.
async fn compile(text: String, violations: &mut Violations) -> Result<Option<Policy>, Failure> {
    let errors = match blocking(move || Policy::compile(&text)).await? {
        Ok(policy) => return Ok(Some(policy)),
        Err(errors) => errors,
    };
    for error in errors.errors() {
        violations.add(CANDIDATE, ViolationReason::InvalidPolicy, error.to_string());
    }
    if errors.dropped() > 0 {
        violations.add(CANDIDATE, ViolationReason::InvalidPolicy, format!("and {} more errors", errors.dropped()));
    }
    Ok(None)
}

#[tonic::async_trait]
impl pb::policy_service_server::PolicyService for Policies {
    type BacktestPolicyStream = Pin<Box<dyn Stream<Item = Result<pb::BacktestPolicyResponse, Status>> + Send>>;

    async fn get_policy(
        &self,
        request: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::GetPolicyResponse>, Status> {
        let pb::GetPolicyRequest {} = request.into_inner();
        Ok(Response::new(self.get()))
    }

    async fn pause_launches(
        &self,
        request: Request<pb::PauseLaunchesRequest>,
    ) -> Result<Response<pb::LaunchSwitch>, Status> {
        Ok(Response::new(self.turn_switch(true, request.into_inner().reason).await?))
    }

    async fn resume_launches(
        &self,
        request: Request<pb::ResumeLaunchesRequest>,
    ) -> Result<Response<pb::LaunchSwitch>, Status> {
        Ok(Response::new(self.turn_switch(false, request.into_inner().reason).await?))
    }

    async fn evaluate_policy(
        &self,
        request: Request<pb::EvaluatePolicyRequest>,
    ) -> Result<Response<pb::EvaluatePolicyResponse>, Status> {
        Ok(Response::new(self.evaluate(request.into_inner()).await?))
    }

    async fn backtest_policy(
        &self,
        request: Request<pb::BacktestPolicyRequest>,
    ) -> Result<Response<Self::BacktestPolicyStream>, Status> {
        Ok(Response::new(self.backtest(request.into_inner()).await?))
    }
}
