//! Launches that ask for what is not ready in time to be terminated (`on_boot_failure`).

use std::time::Duration;

use gantry::api::pb;
use gantry::sandbox::{Fault, landmarks};

use crate::world::{REGION, World, ec2, launch_request, texts, transitions};

/// A launch whose instances are to be terminated unless they are ready within so many seconds.
fn request(image_id: &str, count: i32, ready_seconds: i64) -> pb::LaunchInstancesRequest {
    let mut request = launch_request(image_id, "m7i.large", &format!("r-{image_id}-{ready_seconds}"));
    let spec = request.spec.as_mut().unwrap();
    (spec.min_count, spec.max_count) = (count, count);
    spec.ready_timeout = Some(prost_types::Duration { seconds: ready_seconds, nanos: 0 });
    spec.on_boot_failure = pb::OnBootFailure::Terminate.into();
    request
}

async fn launched(world: &World, request: pb::LaunchInstancesRequest) -> pb::Launch {
    world.launches().launch_instances(request).await.unwrap().into_inner()
}

async fn get(world: &World, launch_id: &str) -> pb::Launch {
    let get = pb::GetLaunchRequest { launch_id: launch_id.to_owned() };
    world.launches().get_launch(get).await.unwrap().into_inner()
}

/// The launch once `is_it` holds for it.
async fn until(world: &World, launch_id: &str, is_it: impl Fn(&pb::Launch) -> bool) -> pb::Launch {
    let asking = async {
        loop {
            let launch = get(world, launch_id).await;
            if is_it(&launch) {
                return launch;
            }
        }
    };
    world.while_time_passes(asking).await
}

fn are_all(launch: &pb::Launch, phase: pb::BootPhase) -> bool {
    launch.instances.iter().all(|instance| instance.phase() == phase)
}

async fn watch(world: &World, launch_id: &str, after_sequence: u64) -> Vec<pb::BootEvent> {
    let request = pb::WatchLaunchRequest { launch_id: launch_id.to_owned(), after_sequence };
    let stream = world.launches().watch_launch(request).await.unwrap().into_inner();
    let events = world.read_to_end(stream).await;
    transitions(&events).into_iter().cloned().collect()
}

/// What the log says of late instances and their end, one word a record and instance.
async fn told(world: &World, launch_id: &str) -> Vec<String> {
    let query = pb::ListRecordsRequest {
        launch_id: launch_id.to_owned(),
        order_by: "index".to_owned(),
        page_size: 100,
        ..Default::default()
    };
    let records = world.audit().list_records(query).await.unwrap().into_inner().records;
    let mut words = Vec::new();
    for record in records {
        if !matches!(record.kind(), pb::RecordKind::InstancePhase | pb::RecordKind::Termination) {
            continue;
        }
        let one = pb::GetRecordRequest { index: record.index, ..Default::default() };
        let leaf = world.audit().get_record(one).await.unwrap().into_inner().leaf;
        let leaf: serde_json::Value = serde_json::from_slice(&leaf).unwrap();
        if record.kind() == pb::RecordKind::Termination {
            assert_eq!((&leaf["boot_failure"], &leaf["principal"]), (&true.into(), &"local".into()), "{leaf}");
            let error = leaf["error"]["code"].as_str().unwrap_or_default();
            let word = format!("{} {error}", leaf["stage"].as_str().unwrap()).trim_end().to_owned();
            words.extend(std::iter::repeat_n(word, leaf["instance_ids"].as_array().unwrap().len()));
        } else {
            words.push(leaf["phase"].as_str().unwrap().to_owned());
        }
    }
    words.retain(|word| !["pending", "running", "checking", "impaired"].contains(&word.as_str()));
    words
}

fn state(world: &World, instance_id: &str) -> String {
    let form = format!("Action=DescribeInstances&Version=2016-11-15&InstanceId.1={instance_id}");
    texts(&ec2(world, &form), "name")[0].to_owned()
}

fn protect(world: &World, instance_id: &str, is_protected: bool) {
    ec2(
        world,
        &format!(
            "Action=ModifyInstanceAttribute&Version=2016-11-15&InstanceId={instance_id}\
             &DisableApiTermination.Value={is_protected}"
        ),
    );
}

/// What the log says once it says that the end of something late was not asked for after all.
async fn until_let_live(world: &World, launch_id: &str) -> Vec<String> {
    let asking = async {
        loop {
            let words = told(world, launch_id).await;
            if words.iter().any(|word| word.starts_with("failed")) {
                return words;
            }
        }
    };
    world.while_time_passes(asking).await
}

const THROTTLED: &str = "RequestLimitExceeded";

fn throttle_terminations(world: &World) {
    let fault = Fault::ErrorBefore { code: THROTTLED.to_owned(), message: "injected".to_owned(), status: 503 };
    world.sandbox().faults().inject("TerminateInstances", u32::MAX, fault);
}

async fn until_throttled(world: &World) {
    let asking = async {
        while world.sandbox().refusals("TerminateInstances", THROTTLED) == 0 {
            tokio::task::yield_now().await;
        }
    };
    world.while_time_passes(asking).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ready_in_time_is_terminated_on_record_and_its_launch_has_failed() {
    let world = World::start().await;
    let mut keeping = request(landmarks::NEVER_READY, 1, 200);
    keeping.spec.as_mut().unwrap().on_boot_failure = pb::OnBootFailure::Keep.into();
    let kept = launched(&world, keeping).await;
    let launch = launched(&world, request(landmarks::NEVER_READY, 1, 240)).await;
    // A pause is about what is launched.
    world.policy().pause_launches(pb::PauseLaunchesRequest { reason: "incident".to_owned() }).await.unwrap();
    let events = watch(&world, &launch.launch_id, 0).await;
    let ended = until(&world, &launch.launch_id, |it| are_all(it, pb::BootPhase::Terminated)).await;
    assert_eq!(ended.state(), pb::LaunchState::Failed, "that it did not boot stays what became of it");
    assert_eq!(ended.state_reason.unwrap().code, "BOOT_FAILED");
    assert_eq!(told(&world, &launch.launch_id).await, ["timed_out", "requested", "accepted", "terminated"]);

    let rest = watch(&world, &launch.launch_id, events.last().unwrap().sequence).await;
    let all = [events, rest].concat();
    let terminal: Vec<_> =
        all.iter().filter(|event| event.terminal).map(|it| (it.phase(), it.launch_state())).collect();
    let wanted = [
        (pb::BootPhase::TimedOut, pb::LaunchState::Unspecified),
        (pb::BootPhase::Unspecified, pb::LaunchState::Failed),
    ];
    assert_eq!(terminal, wanted, "one end of the instance and one of the launch, whatever follows");

    assert_eq!(world.sandbox().calls("TerminateInstances"), 1);
    let kept = get(&world, &kept.launch_id).await;
    assert_eq!((kept.state(), kept.instances[0].phase()), (pb::LaunchState::Failed, pb::BootPhase::TimedOut));
    assert_eq!(
        (told(&world, &kept.launch_id).await, state(&world, &kept.instances[0].instance_id)),
        (vec!["timed_out".to_owned()], "running".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_with_what_was_requested_and_requests_it_once() {
    let world = World::start().await;
    let launch = launched(&world, request(landmarks::NEVER_READY, 2, 120)).await;
    throttle_terminations(&world);
    until_throttled(&world).await;
    let world = world.restart().await;
    until(&world, &launch.launch_id, |it| are_all(it, pb::BootPhase::Terminated)).await;
    // Each is told once its console is read, so the two may be ended together or one after the other.
    let mut words = told(&world, &launch.launch_id).await;
    let count = |wanted: &str| words.iter().filter(|word| *word == wanted).count();
    assert_eq!((count("requested"), count("accepted")), (2, 2), "{words:?}");
    words.retain(|word| word == "timed_out" || word == "terminated");
    assert_eq!(words, ["timed_out", "timed_out", "terminated", "terminated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_protected_is_left_and_not_asked_for_again_and_the_others_do_not_wait_for_it() {
    let world = World::start().await;
    let launch = launched(&world, request(landmarks::NEVER_READY, 2, 120)).await;
    let guarded = launch.instances[0].instance_id.clone();
    protect(&world, &guarded, true);
    let one_ended = |it: &pb::Launch| it.instances.iter().any(|one| one.phase() == pb::BootPhase::Terminated);
    let failed = until(&world, &launch.launch_id, one_ended).await;
    assert_eq!(failed.state(), pb::LaunchState::Failed);
    assert_eq!(failed.state_reason.unwrap().code, "OperationNotPermitted");
    let words = told(&world, &launch.launch_id).await;
    let count = |wanted: &str| words.iter().filter(|word| *word == wanted).count();
    assert_eq!((count("timed_out"), count("accepted"), count("failed OperationNotPermitted")), (2, 1, 1), "{words:?}");
    assert_eq!(words.last().unwrap(), "terminated", "{words:?}");

    protect(&world, &guarded, false);
    world.clock.advance(Duration::from_secs(600));
    let world = world.restart().await;
    until(&world, &launch.launch_id, |_| true).await;
    assert_eq!(world.sandbox().calls("TerminateInstances"), 0, "it is a person's to end");
    let end = pb::TerminateLaunchRequest {
        launch_id: launch.launch_id.clone(),
        reason: "looked at".to_owned(),
        request_id: "t-1".to_owned(),
        ..Default::default()
    };
    let mut client = world.launches();
    let call = tokio::spawn(async move { client.terminate_launch(end).await });
    world.while_time_passes(call).await.unwrap().unwrap();
    until(&world, &launch.launch_id, |it| it.state() == pb::LaunchState::Terminated).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_come_up_before_ec2_takes_the_call_is_let_live() {
    let world = World::start().await;
    // A boot takes about forty seconds.
    let launch = launched(&world, request(landmarks::AMAZON_LINUX_2023_X86_64, 1, 10)).await;
    throttle_terminations(&world);
    until_throttled(&world).await;
    until(&world, &launch.launch_id, |it| it.state() == pb::LaunchState::Ready).await;
    world.sandbox().faults().clear();
    let mut words = until_let_live(&world, &launch.launch_id).await;
    // EC2 may say that it is up before the boot tracker has looked.
    words[2..].sort();
    assert_eq!(words, ["timed_out", "requested", "failed EC2_REQUEST_NOT_SENT", "ready"]);
    let launch = get(&world, &launch.launch_id).await;
    assert_eq!((launch.state(), launch.state_reason), (pb::LaunchState::Ready, None));
    assert_eq!(state(&world, &launch.instances[0].instance_id), "running");
    let orphans = pb::ListOrphansRequest { region: REGION.to_owned(), account_id: String::new() };
    assert_eq!(world.launches().list_orphans(orphans).await.unwrap().into_inner().orphans, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_up_while_the_server_was_down_is_let_live() {
    let world = World::start().await;
    let launch = launched(&world, request(landmarks::AMAZON_LINUX_2023_X86_64, 1, 10)).await;
    throttle_terminations(&world);
    until_throttled(&world).await;
    let World { running, clock, channel, data_dir, _dir } = world;
    drop(channel);
    running.stop().await.unwrap();
    clock.advance(Duration::from_secs(600));
    // Nothing holds EC2 up any more.
    let world = World { _dir, ..World::start_in(&data_dir, clock).await };
    let words = until_let_live(&world, &launch.launch_id).await;
    assert_eq!(words[..2], ["timed_out", "requested"]);
    assert_eq!(world.sandbox().calls("TerminateInstances"), 0);
    until(&world, &launch.launch_id, |it| it.state() == pb::LaunchState::Ready).await;
    assert_eq!(state(&world, &launch.instances[0].instance_id), "running");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ec2_does_not_speak_of_is_asked_about_again_and_not_terminated_meanwhile() {
    let world = World::start().await;
    let launch = launched(&world, request(landmarks::AMAZON_LINUX_2023_X86_64, 1, 10)).await;
    throttle_terminations(&world);
    until_throttled(&world).await;
    let World { running, clock, channel, data_dir, _dir } = world;
    drop(channel);
    running.stop().await.unwrap();
    clock.advance(Duration::from_secs(600));
    // It is up, and the part of EC2 that knows the checks does not know it for a while.
    let plan = data_dir.join("plan.toml");
    let fault = "kind = \"error\"\ncode = \"InvalidInstanceID.NotFound\"\nactions = [\"DescribeInstanceStatus\"]";
    std::fs::write(&plan, format!("[[fault]]\n{fault}\ncount = 10\n")).unwrap();
    let faults = |config: &mut gantry::config::Config| config.sandbox.as_mut().unwrap().faults = Some(plan);
    let world = World { _dir, ..World::start_with(&data_dir, clock, faults).await };
    assert_eq!(until_let_live(&world, &launch.launch_id).await[..2], ["timed_out", "requested"]);
    assert_eq!(world.sandbox().refusals("DescribeInstanceStatus", "InvalidInstanceID.NotFound"), 10);
    assert_eq!(world.sandbox().calls("TerminateInstances"), 0);
    assert_eq!(state(&world, &launch.instances[0].instance_id), "running");
}
