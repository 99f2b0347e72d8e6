//! Launches, from the request to the record.

use gantry::api::pb;
use gantry::sandbox::{Fault, landmarks};
use tonic::Code;
use tonic_types::StatusExt;

use crate::world::{REGION, World, launch_request};

fn instance_ids(launch: &pb::Launch) -> Vec<&str> {
    launch.instances.iter().map(|instance| instance.instance_id.as_str()).collect()
}

async fn kinds_of(world: &World, launch_id: &str) -> Vec<pb::RecordKind> {
    let request = pb::ListRecordsRequest {
        launch_id: launch_id.to_owned(),
        order_by: "index asc".to_owned(),
        page_size: 100,
        ..Default::default()
    };
    let records = world.audit().list_records(request).await.unwrap().into_inner().records;
    records.iter().map(pb::AuditRecord::kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_is_decided_attempted_recorded_and_replayed() {
    let world = World::start().await;
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    let launch = world.launches().launch_instances(request.clone()).await.unwrap().into_inner();
    assert_eq!(launch.state(), pb::LaunchState::Booting);
    assert_eq!(launch.attempts.len(), 1);
    assert_eq!(launch.attempts[0].state(), pb::AttemptState::Succeeded);
    assert_eq!(launch.instances.len(), 1);
    let decision = launch.decision.as_ref().unwrap();
    assert_eq!(decision.verdict(), pb::DecisionVerdict::Admitted);
    assert_eq!(
        kinds_of(&world, &launch.launch_id).await[..3],
        [pb::RecordKind::Decision, pb::RecordKind::AttemptIntended, pb::RecordKind::AttemptSucceeded]
    );

    let again = world.launches().launch_instances(request.clone()).await.unwrap().into_inner();
    assert_eq!(again.launch_id, launch.launch_id);
    let world = world.restart().await;
    let after_restart = world.launches().launch_instances(request.clone()).await.unwrap().into_inner();
    assert_eq!(after_restart.launch_id, launch.launch_id);
    assert_eq!(instance_ids(&after_restart), instance_ids(&launch));
    assert_eq!(world.sandbox().calls("RunInstances"), 0, "a replay asks EC2 for nothing");

    let mut other = request;
    other.spec.as_mut().unwrap().max_count = 2;
    let status = world.launches().launch_instances(other).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.get_details_error_info().unwrap().reason, "REQUEST_ID_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_recorded_replayed_and_never_reaches_ec2() {
    let world = World::start().await;
    let request = launch_request(landmarks::HVM_WITHOUT_ENA, "m7i.large", "r-1");
    let first = world.launches().launch_instances(request.clone()).await.unwrap_err();
    assert_eq!(first.code(), Code::FailedPrecondition);
    let info = first.get_details_error_info().unwrap();
    let launch_id = info.metadata.get("launch_id").expect("a refusal says where it is on record").clone();
    let violations = first.get_details_precondition_failure().unwrap().violations;
    assert!(violations.iter().any(|violation| violation.r#type.contains("ENA")), "{violations:?}");

    let again = world.launches().launch_instances(request).await.unwrap_err();
    assert_eq!(again.get_details_error_info().unwrap().metadata.get("launch_id"), Some(&launch_id));
    let launch =
        world.launches().get_launch(pb::GetLaunchRequest { launch_id: launch_id.clone() }).await.unwrap().into_inner();
    assert_eq!(launch.state(), pb::LaunchState::Refused);
    assert_eq!(kinds_of(&world, &launch_id).await, [pb::RecordKind::Decision]);
    assert_eq!(world.sandbox().calls("RunInstances"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_only_decides_and_dry_runs_and_makes_no_launch() {
    let world = World::start().await;
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    request.validate_only = true;
    let preview = world.launches().launch_instances(request.clone()).await.unwrap().into_inner();
    assert!(preview.launch_id.is_empty() && preview.preview);
    let decision = preview.decision.unwrap();
    assert_eq!(decision.verdict(), pb::DecisionVerdict::Admitted);
    assert!(decision.findings.iter().any(|finding| finding.code == "CAPACITY_NOT_PROMISED"));
    assert_eq!(world.sandbox().calls("RunInstances"), 1, "the dry run");

    let denied = Fault::ErrorBefore {
        code: "UnauthorizedOperation".to_owned(),
        message: "You are not authorized. Encoded authorization failure message: abc".to_owned(),
        status: 403,
    };
    world.sandbox().faults().inject("RunInstances", 1, denied);
    let status = world.launches().launch_instances(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.get_details_precondition_failure().unwrap().violations.iter().any(|v| v.r#type == "DRY_RUN_FAILED"));

    // Of two types one is denied: the other is left, and EC2's words are as it sent them.
    let encoded = format!("You are not authorized. Encoded authorization failure message: {}", "b64-".repeat(2_000));
    let denied = Fault::ErrorBefore { code: "UnauthorizedOperation".to_owned(), message: encoded.clone(), status: 403 };
    world.sandbox().faults().inject("RunInstances", 1, denied);
    let mut several = request.clone();
    several.spec.as_mut().unwrap().instance_types.push("c7i.large".to_owned());
    let decision = world.launches().launch_instances(several).await.unwrap().into_inner().decision.unwrap();
    let struck = decision.findings.iter().find(|finding| finding.code == "DRY_RUN_FAILED").unwrap();
    assert_eq!((struck.outcome(), struck.message.as_str()), (pb::Outcome::Fail, encoded.as_str()));
    let [left] = &decision.candidates[..] else { panic!("{decision:?}") };
    assert!(struck.field != format!("instance_types[{}].dry_run", left.instance_type), "{}", struck.field);

    request.validate_only = false;
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    assert_eq!(launch.state(), pb::LaunchState::Booting, "a preview consumes no request id");
    let list = world.launches().list_launches(pb::ListLaunchesRequest::default()).await.unwrap().into_inner();
    assert_eq!(list.launches.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_before_and_after_taking_effect_launches_once() {
    let error =
        |code: &str, status| Fault::ErrorBefore { code: code.to_owned(), message: "injected".to_owned(), status };
    let cases = [
        ("throttled before", 2, error("RequestLimitExceeded", 503)),
        ("internal error before", 2, error("InternalError", 500)),
        ("a proxy's page before", 2, Fault::Html { status: 502 }),
        ("reply lost after", 2, Fault::ReplyLost),
        ("invisible for a while", 1, Fault::InvisibleFor(std::time::Duration::from_secs(20))),
    ];
    for (name, calls, fault) in cases {
        let world = World::start().await;
        world.sandbox().faults().inject("RunInstances", calls, fault);
        let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
        request.wait_timeout = Some(prost_types::Duration { seconds: 0, nanos: 0 });
        let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
        let watch = pb::WatchLaunchRequest { launch_id: launch.launch_id.clone(), after_sequence: 0 };
        let stream = world.launches().watch_launch(watch).await.unwrap().into_inner();
        let events = world.read_to_end(stream).await;
        assert_eq!(events.last().unwrap().launch_state(), pb::LaunchState::Ready, "{name}");

        let get = pb::GetLaunchRequest { launch_id: launch.launch_id.clone() };
        let launch = world.launches().get_launch(get).await.unwrap().into_inner();
        assert_eq!(launch.attempts.len(), 1, "{name}: one attempt, whatever the number of calls");
        assert_eq!(launch.instances.len(), 1, "{name}");
        assert_eq!(world.sandbox().instances(REGION), 1, "{name}: EC2 has one instance");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definite_failure_ends_the_launch_or_tries_the_next_candidate() {
    let world = World::start().await;
    let none = Fault::InsufficientInstanceCapacity { available: 0 };
    world.sandbox().faults().inject("RunInstances", 1, none.clone());
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    request.spec.as_mut().unwrap().instance_types.push("c7i.large".to_owned());
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    let states: Vec<_> = launch.attempts.iter().map(pb::Attempt::state).collect();
    assert_eq!(states, [pb::AttemptState::Failed, pb::AttemptState::Succeeded]);
    assert_eq!(launch.instances[0].instance_type, "c7i.large");
    assert_ne!(launch.attempts[0].client_token, launch.attempts[1].client_token);
    let error = launch.attempts[0].error.as_ref().unwrap();
    assert_eq!((error.code.as_str(), error.class.as_str()), ("InsufficientInstanceCapacity", "capacity"));

    world.sandbox().faults().inject("RunInstances", 1, none);
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-2");
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    assert_eq!(launch.state(), pb::LaunchState::Failed, "a failure after admission is a launch, not an error");
    assert_eq!(launch.state_reason.unwrap().code, "InsufficientInstanceCapacity");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_rpc_does_not_drop_the_launch() {
    let world = World::start().await;
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    let mut client = world.launches();
    let sent = tokio::spawn(async move { client.launch_instances(request).await });
    // No simulated time passes here: asking for the facts has a limit of its own.
    while world.sandbox().calls("RunInstances") == 0 {
        tokio::task::yield_now().await;
    }
    sent.abort();
    world
        .while_time_passes(async {
            loop {
                let list = world.launches().list_launches(pb::ListLaunchesRequest::default()).await.unwrap();
                if list.into_inner().launches.iter().any(|launch| launch.state() == pb::LaunchState::Ready) {
                    return;
                }
            }
        })
        .await;
    assert_eq!(world.sandbox().instances(REGION), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_is_terminated_once_and_says_so() {
    let world = World::start().await;
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    let terminate = pb::TerminateLaunchRequest {
        launch_id: launch.launch_id.clone(),
        reason: "no longer needed".to_owned(),
        request_id: "t-1".to_owned(),
        ..Default::default()
    };
    let terminating = world.launches().terminate_launch(terminate.clone()).await.unwrap().into_inner();
    assert_eq!(terminating.state(), pb::LaunchState::Terminating);
    let watch =
        pb::WatchLaunchRequest { launch_id: launch.launch_id.clone(), after_sequence: terminating.last_sequence };
    let stream = world.launches().watch_launch(watch).await.unwrap().into_inner();
    let events = world.read_to_end(stream).await;
    assert_eq!(events.last().unwrap().launch_state(), pb::LaunchState::Terminated);

    let again = world.launches().terminate_launch(terminate.clone()).await.unwrap().into_inner();
    assert_eq!(again.state(), pb::LaunchState::Terminated, "a repeat is the same termination");
    assert_eq!(world.sandbox().calls("TerminateInstances"), 1);
    let other = pb::TerminateLaunchRequest { reason: "another reason".to_owned(), ..terminate };
    let status = world.launches().terminate_launch(other).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "REQUEST_ID_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn user_data_reaches_ec2_and_leaves_no_trace_but_its_hash() {
    let world = World::start().await;
    let secret = b"#!/bin/sh\necho hunter2-secret\n".to_vec();
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    request.spec.as_mut().unwrap().user_data = secret.clone();
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    let spec = launch.spec.unwrap();
    assert!(spec.user_data.is_empty());
    assert_eq!(spec.user_data_sha256, gantry::ids::Sha256Digest::of(&secret).to_string());
    let data_dir = world.data_dir.clone();
    let World { running, _dir, .. } = world;
    running.stop().await.unwrap();
    // The sandbox is the cloud: what it keeps is not Gantry's.
    let holders = files_holding(&data_dir, b"hunter2-secret");
    let foreign: Vec<_> = holders.iter().filter(|path| !path.starts_with(data_dir.join("sandbox"))).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

pub(crate) fn files_holding(dir: &std::path::Path, needle: &[u8]) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_holding(&path, needle));
        } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle) {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_under_way_can_be_terminated_and_nothing_is_left_running() {
    let world = World::start().await;
    let unknown = Fault::ErrorBefore { code: "InternalError".to_owned(), message: "injected".to_owned(), status: 500 };
    for (name, fault) in [("never launched", unknown), ("reply lost", Fault::ReplyLost)] {
        world.sandbox().faults().inject("RunInstances", 1, fault);
        let mut request =
            launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", name.split(' ').next().unwrap());
        request.wait_timeout = Some(prost_types::Duration { seconds: 0, nanos: 0 });
        let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
        // Until the call was made, and what it did is not known: before that a launch just ends.
        let get = pb::GetLaunchRequest { launch_id: launch.launch_id.clone() };
        let is_unknown = |launch: pb::Launch| {
            launch.attempts.first().is_some_and(|attempt| attempt.state() == pb::AttemptState::Unknown)
        };
        while !is_unknown(world.launches().get_launch(get.clone()).await.unwrap().into_inner()) {}
        let terminate = pb::TerminateLaunchRequest {
            launch_id: launch.launch_id.clone(),
            reason: "changed my mind".to_owned(),
            request_id: format!("t-{}", launch.launch_id),
            ..Default::default()
        };
        world.launches().terminate_launch(terminate).await.unwrap();
        world
            .while_time_passes(async {
                while world.launches().get_launch(get.clone()).await.unwrap().into_inner().state()
                    != pb::LaunchState::Terminated
                {}
            })
            .await;
        assert_eq!(world.sandbox().instances(REGION), 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_termination_that_ec2_refuses_leaves_the_launch_and_says_why() {
    let world = World::start().await;
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    let denied = Fault::ErrorBefore {
        code: "UnauthorizedOperation".to_owned(),
        message: "You are not authorized to perform this operation.".to_owned(),
        status: 403,
    };
    world.sandbox().faults().inject("TerminateInstances", 1, denied);
    let terminate = pb::TerminateLaunchRequest {
        launch_id: launch.launch_id,
        reason: "no longer needed".to_owned(),
        request_id: "t-1".to_owned(),
        ..Default::default()
    };
    let refused = world.launches().terminate_launch(terminate).await.unwrap().into_inner();
    assert_eq!(refused.state(), pb::LaunchState::Booting);
    assert_eq!(refused.state_reason.unwrap().code, "UnauthorizedOperation");
}
