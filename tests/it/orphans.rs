//! Instances that belong to no launch: found, shown, and terminated only when somebody says so.

use std::time::Duration;

use gantry::api::pb;
use gantry::clock::Clock;
use gantry::sandbox::{Fault, landmarks};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{REGION, World, ec2, launch_request, texts};

fn reason_of(status: &Status) -> (Code, String) {
    (status.code(), status.get_details_error_info().unwrap().reason)
}

async fn orphans(world: &World) -> Vec<pb::Orphan> {
    let request = pb::ListOrphansRequest { region: REGION.to_owned(), account_id: String::new() };
    let found = world.launches().list_orphans(request).await.unwrap().into_inner();
    assert_eq!(usize::try_from(found.total_size).unwrap(), found.orphans.len());
    found.orphans
}

async fn terminate(world: &World, request: pb::TerminateLaunchRequest) -> Result<pb::Launch, Status> {
    let mut client = world.launches();
    let call = tokio::spawn(async move { client.terminate_launch(request).await.map(tonic::Response::into_inner) });
    world.while_time_passes(call).await.unwrap()
}

/// An instance that somebody else launches, with these tags.
fn foreign(world: &World, tags: &[(&str, &str)]) -> String {
    let mut form = format!(
        "Action=RunInstances&Version=2016-11-15&ImageId={}&InstanceType=m7i.large&MinCount=1&MaxCount=1",
        landmarks::AMAZON_LINUX_2023_X86_64
    );
    if !tags.is_empty() {
        form.push_str("&TagSpecification.1.ResourceType=instance");
    }
    for (number, (key, value)) in (1..).zip(tags) {
        form.push_str(&format!(
            "&TagSpecification.1.Tag.{number}.Key={key}&TagSpecification.1.Tag.{number}.Value={value}"
        ));
    }
    texts(&ec2(world, &form), "instanceId")[0].to_owned()
}

fn state(world: &World, instance_id: &str) -> String {
    let form = format!("Action=DescribeInstances&Version=2016-11-15&InstanceId.1={instance_id}");
    texts(&ec2(world, &form), "name")[0].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_is_shown_with_its_reason_and_ends_only_by_name_and_on_record() {
    let world = World::start().await;
    let second = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-2");
    let second = world.launches().launch_instances(second).await.unwrap().into_inner();
    let end = |launch_id: &str, request_id: &str, ids: &[&str]| pb::TerminateLaunchRequest {
        launch_id: launch_id.to_owned(),
        reason: "orphans".to_owned(),
        request_id: request_id.to_owned(),
        other_instance_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        include_not_launched: false,
    };
    world.sandbox().faults().inject("RunInstances", 1, Fault::ReplyLost);
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    request.wait_timeout = Some(prost_types::Duration { seconds: 0, nanos: 0 });
    let first = world.launches().launch_instances(request).await.unwrap().into_inner();
    while world.sandbox().instances(REGION) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(orphans(&world).await, [], "its attempt is still being found out");
    let all = ec2(&world, "Action=DescribeInstances&Version=2016-11-15");
    let others_own = |id: &&str| second.instances.iter().all(|instance| instance.instance_id != *id);
    let unrecorded = texts(&all, "instanceId").into_iter().find(others_own).unwrap();
    let early = terminate(&world, end(&second.launch_id, "t-0", &[unrecorded])).await.unwrap_err();
    assert_eq!(reason_of(&early).1, "INSTANCE_OF_OTHER_LAUNCH", "nobody else ends what a launch is just making");
    let get = |launch_id: &str| {
        let (mut client, launch_id) = (world.launches(), launch_id.to_owned());
        async move { client.get_launch(pb::GetLaunchRequest { launch_id }).await.unwrap().into_inner() }
    };
    world.while_time_passes(async { while get(&first.launch_id).await.instances.is_empty() {} }).await;
    assert_eq!(orphans(&world).await, [], "now it is the launch's");
    let own = get(&first.launch_id).await.instances[0].instance_id.clone();

    let log_id =
        world.audit().get_log_info(pb::GetLogInfoRequest {}).await.unwrap().into_inner().logs[0].log_id.clone();
    let attempt_id = get(&first.launch_id).await.attempts[0].attempt_id.clone();
    // Under another token with the same tags, as from a log that has forgotten what it did.
    let forgotten = foreign(&world, &[("gantry:log-id", &log_id)]);
    let extra = foreign(&world, &[("gantry:log-id", &log_id), ("gantry:attempt-id", &attempt_id)]);
    let others = foreign(&world, &[("gantry:log-id", "0123456789abcdef")]);
    let found = orphans(&world).await;
    let said: Vec<_> = found.iter().map(|it| (it.instance_id.as_str(), it.reason(), it.launch_id.as_str())).collect();
    let mut expected = [
        (forgotten.as_str(), pb::OrphanReason::NoRecord, ""),
        (extra.as_str(), pb::OrphanReason::NotOfAttempt, first.launch_id.as_str()),
    ];
    expected.sort_by_key(|(id, ..)| said.iter().position(|(other, ..)| other == id));
    assert_eq!(said, expected);

    let refused = launch_request(landmarks::HVM_WITHOUT_ENA, "m7i.large", "r-3");
    let refused = world.launches().launch_instances(refused).await.unwrap_err();
    let refused_id = refused.get_details_error_info().unwrap().metadata["launch_id"].clone();
    let with_none = terminate(&world, end(&refused_id, "t-5", &[&extra])).await.unwrap_err();
    assert_eq!(reason_of(&with_none).1, "LAUNCH_HAS_NO_INSTANCES", "of a refused launch nothing more is recorded");
    let of_other = terminate(&world, end(&second.launch_id, "t-1", &[&own])).await.unwrap_err();
    assert_eq!(reason_of(&of_other), (Code::FailedPrecondition, "INSTANCE_OF_OTHER_LAUNCH".to_owned()));
    let not_ours = terminate(&world, end(&second.launch_id, "t-2", &[&extra, &others])).await.unwrap_err();
    assert_eq!(reason_of(&not_ours), (Code::FailedPrecondition, "INSTANCE_NOT_LAUNCHED".to_owned()));
    let unknown = terminate(&world, end(&second.launch_id, "t-3", &["i-0123456789abcdef0"])).await.unwrap_err();
    assert_eq!(reason_of(&unknown), (Code::NotFound, "INSTANCE_NOT_FOUND".to_owned()));
    assert_eq!(state(&world, &extra), state(&world, &others), "nothing was done");

    let mut all = end(&second.launch_id, "t-4", &[&extra, &forgotten, &others]);
    all.include_not_launched = true;
    // That EC2 does not know them proves nothing, neither for the launch's own nor for the others.
    let unknown = Fault::ErrorBefore {
        code: "InvalidInstanceID.NotFound".to_owned(),
        message: "The instance IDs do not exist".to_owned(),
        status: 400,
    };
    world.sandbox().faults().inject("TerminateInstances", 2, unknown);
    let ended = terminate(&world, all.clone()).await.unwrap();
    assert_eq!(ended.state(), pb::LaunchState::Terminating);
    assert_eq!(terminate(&world, all).await.unwrap().launch_id, ended.launch_id, "a repeat is the same termination");
    for id in [&extra, &forgotten, &others] {
        assert!(["shutting-down", "terminated"].contains(&state(&world, id).as_str()), "{id}");
    }
    assert!(!state(&world, &own).starts_with("term"), "the other launch's is untouched");
    assert_eq!(orphans(&world).await, []);
    let query = pb::ListRecordsRequest { instance_id: extra, ..Default::default() };
    let records = world.audit().list_records(query).await.unwrap().into_inner().records;
    assert_eq!(records.len(), 2, "before and after: {records:?}");
    assert!(records.iter().all(|record| record.launch_id == second.launch_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_without_its_launchs_tag_gets_it_from_a_sweep() {
    let world = World::start().await;
    let denied =
        Fault::ErrorBefore { code: "UnauthorizedOperation".to_owned(), message: "injected".to_owned(), status: 403 };
    world.sandbox().faults().inject("CreateTags", u32::MAX, denied);
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    // It is given up after some tries.
    world.while_time_passes(world.clock.sleep(Duration::from_secs(10 * 60))).await;
    assert!(8 <= world.sandbox().calls("CreateTags"));
    let tagged = format!(
        "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Agantry%3Alaunch-id&Filter.1.Value.1={}",
        launch.launch_id
    );
    assert_eq!(texts(&ec2(&world, &tagged), "instanceId").len(), 0);
    world.sandbox().faults().clear();
    world
        .while_time_passes(async {
            while texts(&ec2(&world, &tagged), "instanceId").is_empty() {
                give_others_their_turn(&world).await;
            }
        })
        .await;
}

/// A call that gives others their turn.
async fn give_others_their_turn(world: &World) {
    let _ = world.policy().get_policy(pb::GetPolicyRequest {}).await;
}
