//! PolicyService: answers UNIMPLEMENTED throughout, until there are policies.

use std::pin::Pin;

use futures::Stream;
use tonic::{Request, Response, Status};

use super::pb;
use super::status::Failure;

/// PolicyService.
#[derive(Debug)]
pub(super) struct Policies;

#[tonic::async_trait]
impl pb::policy_service_server::PolicyService for Policies {
    type BacktestPolicyStream = Pin<Box<dyn Stream<Item = Result<pb::BacktestPolicyResponse, Status>> + Send>>;

    async fn get_policy(
        &self,
        _request: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::GetPolicyResponse>, Status> {
        Err(Failure::NotImplemented { what: "GetPolicy" }.into())
    }

    async fn evaluate_policy(
        &self,
        _request: Request<pb::EvaluatePolicyRequest>,
    ) -> Result<Response<pb::EvaluatePolicyResponse>, Status> {
        Err(Failure::NotImplemented { what: "EvaluatePolicy" }.into())
    }

    async fn backtest_policy(
        &self,
        _request: Request<pb::BacktestPolicyRequest>,
    ) -> Result<Response<Self::BacktestPolicyStream>, Status> {
        Err(Failure::NotImplemented { what: "BacktestPolicy" }.into())
    }
}
