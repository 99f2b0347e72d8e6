//! Who may call what: every call is put to the policy by its action, before its message is read.
//!
//! Two kinds of calls are judged by what they are about, and so elsewhere: LaunchInstances is decided by the facts of
//! the launch, in `launch`; what ends a launch asks [`may_end`] once it knows which. Health and reflection are not
//! Gantry's own and are open to whoever may connect.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tonic::Status;

use super::status::Failure;
use super::{Services, local_principal};
use crate::ids::LaunchId;
use crate::policy::{Action, Policy, Question, launch_call, service_call};
use crate::telemetry::{event, metric};

/// The package of Gantry's own services, as it stands in a path.
const PACKAGE: &str = "/gantry.v1.";

/// By what a method is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// By its action alone.
    By(Action),
    /// By what it is about, once that is known.
    Later,
}

/// What a call to one of Gantry's services is. A method that no row knows is judged as the rarest.
fn judged(service: &str, method: &str) -> Judged {
    match (service, method) {
        ("LaunchService", "LaunchInstances" | "TerminateLaunch" | "CancelLaunch") => Judged::Later,
        ("ImageService" | "LaunchService", _) => Judged::By(Action::Query),
        ("AuditService", _) => Judged::By(Action::ReadAudit),
        _ => Judged::By(Action::Administer),
    }
}

/// Lets a call pass, or answers it with POLICY_DENIED.
pub(super) async fn permitted(State(services): State<Services>, request: Request, next: Next) -> Response {
    match check(&services, request.uri().path()) {
        Ok(()) => next.run(request).await,
        Err(failure) => Status::from(failure).into_http(),
    }
}

fn check(services: &Services, path: &str) -> Result<(), Failure> {
    let Some((service, method)) = path.strip_prefix(PACKAGE).and_then(|path| path.split_once('/')) else {
        return Ok(());
    };
    let (Judged::By(action), Some(policy)) = (judged(service, method), services.policy.policy()) else {
        return Ok(());
    };
    let principal = local_principal();
    let question = service_call(&principal, action, service, method, services.clock.now());
    rule(&policy, &question, action, method)
}

/// Whether the caller may end a launch by `method`. Of one that is not there nothing is said.
///
/// # Errors
/// [`Failure::CallDenied`]; and if the log cannot be read.
pub(super) fn may_end(services: &Services, launch_id: LaunchId, method: &str) -> Result<(), Failure> {
    let Some(policy) = services.policy.policy() else { return Ok(()) };
    let Some(launch) = services.log.launch(launch_id)? else { return Ok(()) };
    let question = launch_call(&local_principal(), Action::Terminate, &launch, method, services.clock.now());
    rule(&policy, &question, Action::Terminate, method)
}

/// Whether the caller may do what `method` does beyond what it usually does.
///
/// # Errors
/// [`Failure::CallDenied`].
pub(super) fn may_administer(services: &Services, method: &str) -> Result<(), Failure> {
    let Some(policy) = services.policy.policy() else { return Ok(()) };
    let principal = local_principal();
    let question = service_call(&principal, Action::Administer, "LaunchService", method, services.clock.now());
    rule(&policy, &question, Action::Administer, method)
}

fn rule(policy: &Policy, question: &Question, action: Action, method: &str) -> Result<(), Failure> {
    let ruling = policy.rule(question);
    if ruling.permitted {
        return Ok(());
    }
    metrics::counter!(metric::POLICY_DENIED_CALLS, "action" => action.as_str()).increment(1);
    tracing::warn!(rpc = method, policies = ?ruling.determining, "{}", event::POLICY_DENIED_CALL);
    Err(Failure::CallDenied { method: method.to_owned(), denials: ruling.denials })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_judged_by_what_it_does() {
        let pool = prost_reflect::DescriptorPool::decode(crate::api::pb::FILE_DESCRIPTOR_SET).unwrap();
        let mut seen = Vec::new();
        for service in pool.services().filter(|service| service.package_name() == "gantry.v1") {
            for method in service.methods() {
                let judged = match judged(service.name(), method.name()) {
                    Judged::By(action) => action.as_str(),
                    Judged::Later => "later",
                };
                seen.push(format!("{}/{} {judged}", service.name(), method.name()));
            }
        }
        seen.sort();
        #[rustfmt::skip]
        let expected = [
            "AuditService/ExportRecords read_audit",
            "AuditService/GetCheckpoint read_audit",
            "AuditService/GetConsistencyProof read_audit",
            "AuditService/GetInclusionProof read_audit",
            "AuditService/GetLogInfo read_audit",
            "AuditService/GetRecord read_audit",
            "AuditService/ListRecords read_audit",
            "AuditService/TailRecords read_audit",
            "ImageService/CheckCompatibility query",
            "ImageService/ClassifyImages query",
            "ImageService/GetImage query",
            "ImageService/ListImages query",
            "ImageService/ListInstanceTypes query",
            "ImageService/ResolveImage query",
            "LaunchService/CancelLaunch later",
            "LaunchService/GetBootStatistics query",
            "LaunchService/GetLaunch query",
            "LaunchService/LaunchInstances later",
            "LaunchService/ListLaunches query",
            "LaunchService/ListOrphans query",
            "LaunchService/TerminateLaunch later",
            "LaunchService/WatchInstances query",
            "LaunchService/WatchLaunch query",
            "PolicyService/BacktestPolicy administer",
            "PolicyService/EvaluatePolicy administer",
            "PolicyService/GetPolicy administer",
            "PolicyService/PauseLaunches administer",
            "PolicyService/ResumeLaunches administer",
        ];
        assert_eq!(seen, expected, "decide what a new method is, and write it here");
        assert_eq!(judged("NewService", "Any"), Judged::By(Action::Administer));
    }
}
