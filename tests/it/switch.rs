//! The kill switch, over the wire.

use std::time::Duration;

use gantry::api::pb;
use gantry::clock::Clock;
use gantry::sandbox::{Fault, landmarks};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{REGION, World, launch_request};

fn request(request_id: &str) -> pb::LaunchInstancesRequest {
    launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", request_id)
}

async fn pause(world: &World, reason: &str) -> pb::LaunchSwitch {
    let request = pb::PauseLaunchesRequest { reason: reason.to_owned() };
    world.policy().pause_launches(request).await.unwrap().into_inner()
}

async fn resume(world: &World) -> pb::LaunchSwitch {
    let request = pb::ResumeLaunchesRequest { reason: "it is over".to_owned() };
    world.policy().resume_launches(request).await.unwrap().into_inner()
}

async fn launch(world: &World, request: pb::LaunchInstancesRequest) -> Result<pb::Launch, Status> {
    world.launches().launch_instances(request).await.map(tonic::Response::into_inner)
}

async fn kinds(world: &World) -> Vec<pb::RecordKind> {
    let request = pb::ListRecordsRequest { order_by: "index".to_owned(), page_size: 500, ..Default::default() };
    let records = world.audit().list_records(request).await.unwrap().into_inner().records;
    records.iter().map(pb::AuditRecord::kind).collect()
}

fn reason_of(status: &Status) -> (Code, String) {
    (status.code(), status.get_details_error_info().unwrap().reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_refuses_launches_on_record_and_over_restarts_until_it_is_lifted() {
    let world = World::start().await;
    let no_reason = world.policy().pause_launches(pb::PauseLaunchesRequest::default()).await.unwrap_err();
    assert_eq!(reason_of(&no_reason), (Code::InvalidArgument, "MISSING_FIELD".to_owned()));
    let before = launch(&world, request("r-0")).await.unwrap();

    let paused = pause(&world, "the images are bad").await;
    assert!(paused.paused && paused.principal == "local", "{paused:?}");
    assert_eq!(pause(&world, "once more").await, paused, "it is paused already");
    let refused = launch(&world, request("r-1")).await.unwrap_err();
    assert_eq!(reason_of(&refused), (Code::FailedPrecondition, "LAUNCHES_PAUSED".to_owned()));
    assert!(refused.message().contains("the images are bad"), "{}", refused.message());
    let preview = pb::LaunchInstancesRequest { validate_only: true, ..request("") };
    assert_eq!(reason_of(&launch(&world, preview).await.unwrap_err()).1, "LAUNCHES_PAUSED");
    assert_eq!(
        launch(&world, request("r-0")).await.unwrap().launch_id,
        before.launch_id,
        "what was launched is answered"
    );

    let launch_id = refused.get_details_error_info().unwrap().metadata["launch_id"].clone();
    let get = pb::GetLaunchRequest { launch_id };
    let recorded = world.launches().get_launch(get).await.unwrap().into_inner();
    assert_eq!((recorded.state(), recorded.request_id.as_str()), (pb::LaunchState::Refused, ""));

    let world = world.restart().await;
    let shown = world.policy().get_policy(pb::GetPolicyRequest {}).await.unwrap().into_inner().launch_switch.unwrap();
    assert_eq!(shown, paused, "a restart resumes nothing");
    assert_eq!(reason_of(&launch(&world, request("r-1")).await.unwrap_err()).1, "LAUNCHES_PAUSED");
    assert!(!resume(&world).await.paused);
    assert_eq!(launch(&world, request("r-1")).await.unwrap().state(), pb::LaunchState::Booting, "no id was taken");
    let switches = kinds(&world).await.into_iter().filter(|kind| *kind == pb::RecordKind::LaunchSwitch).count();
    assert_eq!(switches, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_under_way_begins_no_attempt_while_paused_and_goes_on_after() {
    let world = World::start().await;
    let busy =
        |code: &str, status| Fault::ErrorBefore { code: code.to_owned(), message: "injected".to_owned(), status };
    world.sandbox().faults().inject("RunInstances", 1, busy("RequestLimitExceeded", 503));
    let mut two = request("r-1");
    two.spec.as_mut().unwrap().instance_types.push("m6i.large".to_owned());
    two.wait_timeout = Some(prost_types::Duration { seconds: 0, nanos: 0 });
    let launch_id = world.launches().launch_instances(two).await.unwrap().into_inner().launch_id;
    let get = || async {
        let get = pb::GetLaunchRequest { launch_id: launch_id.clone() };
        world.launches().get_launch(get).await.unwrap().into_inner()
    };
    while world.sandbox().calls("RunInstances") == 0 {
        tokio::task::yield_now().await;
    }
    pause(&world, "stop").await;
    let until = world.clock.uptime() + Duration::from_secs(60);
    world
        .while_time_passes(async {
            while world.clock.uptime() < until {
                get().await;
            }
        })
        .await;
    let still = get().await;
    assert_eq!((still.state(), still.attempts.len()), (pb::LaunchState::Launching, 1), "EC2 is not asked again");
    assert_eq!(world.sandbox().calls("RunInstances"), 1);
    assert_eq!(world.sandbox().instances(REGION), 0);
    world.sandbox().faults().inject("RunInstances", 1, Fault::InsufficientInstanceCapacity { available: 0 });
    resume(&world).await;
    world.while_time_passes(async { while get().await.state() == pb::LaunchState::Launching {} }).await;
    assert_eq!((get().await.state(), get().await.attempts.len()), (pb::LaunchState::Booting, 2));
    let kinds = kinds(&world).await;
    let switches: Vec<usize> = (0..kinds.len()).filter(|index| kinds[*index] == pb::RecordKind::LaunchSwitch).collect();
    let between = &kinds[switches[0]..switches[1]];
    assert!(!between.contains(&pb::RecordKind::AttemptIntended), "nothing is begun behind a pause: {between:?}");
}
