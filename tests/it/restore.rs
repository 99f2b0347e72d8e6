//! A log that was set back: restored, refused, accepted, and nothing launched twice.
//!
//! The real binary, killed at every step of its commands; the cloud is a sandbox in this process, which
//! outlives it as AWS would.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use gantry::api::pb;
use gantry::api::pb::audit_service_client::AuditServiceClient;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::clock::{Clock as _, SimClock, SystemClock, Timestamp};
use gantry::config::WitnessConfig;
use gantry::sandbox::{Fault, landmarks};
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_types::StatusExt as _;

use crate::crash::{Cloud, Server};
use crate::witness_double::WitnessDouble;
use crate::world::{REGION, World, launch_request};

/// How long a witness that was not answered well once may go unasked.
const WITNESS_LIMIT: Duration = Duration::from_secs(120);

/// Steps of a command, of which there are not as many.
const STEPS_MAX: u32 = 100;

/// `gantry audit …`, killed at a crash point if one is named.
fn audit(args: &[&str], paths: &[(&str, &Path)], crash_at: Option<String>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
    command.arg("audit").args(args).env_clear();
    for (flag, path) in paths {
        command.arg(flag).arg(path);
    }
    if let Some(point) = crash_at {
        command.env("GANTRY_CRASH_AT", point);
    }
    command.output().unwrap()
}

/// Standard output of a command that must do what it is asked.
fn done(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

async fn launch(server: &Server, request_id: &str) -> Result<pb::Launch, tonic::Status> {
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", request_id);
    let mut client = LaunchServiceClient::new(server.channel().await.unwrap());
    client.launch_instances(request).await.map(tonic::Response::into_inner)
}

async fn auditing(server: &Server) -> AuditServiceClient<Channel> {
    AuditServiceClient::new(server.channel().await.unwrap())
}

async fn checkpoint(server: &Server) -> pb::GetCheckpointResponse {
    auditing(server).await.get_checkpoint(pb::GetCheckpointRequest::default()).await.unwrap().into_inner()
}

/// What the launch has become once it has left LAUNCHING.
async fn outcome(server: &Server, launch_id: &str) -> pb::Launch {
    let mut client = LaunchServiceClient::new(server.channel().await.unwrap());
    let request = pb::WatchLaunchRequest { launch_id: launch_id.to_owned(), after_sequence: 0 };
    let mut events = client.watch_launch(request).await.unwrap().into_inner();
    while events.message().await.unwrap().is_some() {}
    let get = pb::GetLaunchRequest { launch_id: launch_id.to_owned() };
    client.get_launch(get).await.unwrap().into_inner()
}

/// Waits until health says that nothing is launched, and reads go on.
async fn until_only_reads(channel: Channel) {
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let mut status = async |service: &str| {
        let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
        health.check(request).await.unwrap().into_inner().status()
    };
    while status("gantry.v1.LaunchService").await != ServingStatus::NotServing {}
    assert_eq!(status("").await, ServingStatus::Serving);
}

/// A server that dies at a crash point of this launch, and with it the connection.
async fn interrupted(cloud: &Cloud, data_dir: &Path, point: &str, request_id: &str) {
    let doomed = Server::start(cloud, data_dir, Some(point)).unwrap();
    launch(&doomed, request_id).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_launches_nothing_until_told_and_never_anything_twice() {
    let cloud = Cloud::start().await;
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let (data_dir, out, kept, restored) = (path("data"), path("backup"), path("kept"), path("restored"));

    let server = Server::start(&cloud, &data_dir, None).unwrap();
    let before = launch(&server, "r-before").await.unwrap();
    // Beside the server, while it launches.
    let (from, to) = (data_dir.clone(), out.clone());
    let backing_up = tokio::task::spawn_blocking(move || {
        done(audit(&["backup"], &[("--data-dir", &from), ("--out", &to)], None));
    });
    for number in 0..4 {
        launch(&server, &format!("r-{number}")).await.unwrap();
    }
    backing_up.await.unwrap();
    drop(server);
    // Three that are open when the backup is brought up to date: decided, intended, and launched.
    for (point, request_id) in [
        ("launch.after_decision", "r-decided"),
        ("launch.before_run_instances", "r-intended"),
        ("launch.after_run_instances", "r-launched"),
    ] {
        // What the one before left open is taken up here, before anybody is served.
        drop(Server::start(&cloud, &data_dir, None).unwrap());
        interrupted(&cloud, &data_dir, point, request_id).await;
        let copied = path(&format!("{request_id}.backup"));
        done(audit(&["backup"], &[("--data-dir", &data_dir), ("--out", &copied)], None));
    }
    let report = done(audit(&["backup"], &[("--data-dir", &data_dir), ("--out", &out)], None));
    assert!(report.contains("segments were there"), "{report}");

    // The log goes on for as long as it takes to lose something.
    let server = Server::start(&cloud, &data_dir, None).unwrap();
    let open = launch(&server, "r-launched").await.unwrap();
    outcome(&server, &open.launch_id).await;
    let decided = launch(&server, "r-decided").await.unwrap();
    assert_eq!(outcome(&server, &decided.launch_id).await.state(), pb::LaunchState::Ready);
    launch(&server, "r-lost").await.unwrap();
    let last = checkpoint(&server).await;
    std::fs::write(&kept, &last.checkpoint).unwrap();
    drop(server);
    let (calls, instances) = (cloud.sandbox.calls("RunInstances"), cloud.sandbox.instances(REGION));

    let paths = [("--from", &*out), ("--data-dir", &*restored), ("--checkpoint", &*kept)];
    let report = done(audit(&["restore"], &paths, None));
    assert!(report.contains("records: a checkpoint states"), "{report}");
    done(audit(&["verify"], &[("--data-dir", &restored)], None));
    done(audit(&["verify"], &[("--data-dir", &out)], None));

    let server = Server::start(&cloud, &restored, None).unwrap();
    let refused = launch(&server, "r-lost").await.unwrap_err();
    let info = refused.get_details_error_info().unwrap();
    assert_eq!((refused.code(), &*info.reason), (Code::FailedPrecondition, "AUDIT_LOG_BEHIND"), "{refused}");
    assert_eq!(info.metadata["known_size"], last.size.to_string());
    let size: u64 = info.metadata["size"].parse().unwrap();
    assert!(refused.message().contains(&format!("{} are missing", last.size - size)), "{refused}");
    // What is on record is answered, and what launches nothing is done.
    assert_eq!(launch(&server, "r-before").await.unwrap().launch_id, before.launch_id);
    let mut preview = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "");
    preview.validate_only = true;
    let mut client = LaunchServiceClient::new(server.channel().await.unwrap());
    client.launch_instances(preview).await.unwrap();
    until_only_reads(server.channel().await.unwrap()).await;
    drop(server);
    assert_eq!(cloud.sandbox.calls("RunInstances") - calls, 1, "only the dry run of the preview");

    let reason = ["accept", "--reason", "EC2 was looked through"];
    for step in 1.. {
        assert!(step < STEPS_MAX);
        if audit(&reason, &[("--data-dir", &restored)], Some(format!("accept.step:{step}"))).status.success() {
            break;
        }
        let still = Server::start(&cloud, &restored, None).unwrap();
        assert_eq!(launch(&still, "r-lost").await.unwrap_err().code(), Code::FailedPrecondition);
    }
    let server = Server::start(&cloud, &restored, None).unwrap();
    assert_eq!(launch(&server, "r-before").await.unwrap().launch_id, before.launch_id);
    // It was launched, and is found.
    let found = outcome(&server, &open.launch_id).await;
    assert_eq!((found.state(), found.instances.len()), (pb::LaunchState::Ready, 1));
    let list = pb::ListRecordsRequest {
        kind: pb::RecordKind::ServiceStarted.into(),
        order_by: "index desc".to_owned(),
        page_size: 1,
        ..Default::default()
    };
    let newest = auditing(&server).await.list_records(list).await.unwrap().into_inner().records.remove(0);
    let record = pb::GetRecordRequest { index: newest.index, ..Default::default() };
    let record = auditing(&server).await.get_record(record).await.unwrap().into_inner();
    let leaf = String::from_utf8(record.leaf).unwrap();
    assert!(leaf.contains(&format!(r#""accepted":{{"at_size":{size},"known_size":{}"#, last.size)), "{leaf}");
    assert_eq!(cloud.sandbox.instances(REGION), instances, "nothing was launched again");
    assert_eq!(cloud.sandbox.calls("RunInstances") - calls, 1);
    // And new requests are what they were.
    launch(&server, "r-new").await.unwrap();
    assert_eq!(cloud.sandbox.instances(REGION), instances + 1);
    drop(server);
    done(audit(&["verify"], &[("--data-dir", &restored)], None));

    // The same for what was only decided, or only intended, when the backup was made: once something
    // may have been done about it, it is not done again.
    for (request_id, state) in [("r-decided", pb::LaunchState::Failed), ("r-intended", pb::LaunchState::Ready)] {
        let (copied, again) = (path(&format!("{request_id}.backup")), path(&format!("{request_id}.restored")));
        done(audit(&["restore"], &[("--from", &copied), ("--data-dir", &again)], None));
        done(audit(&reason, &[("--data-dir", &again)], None));
        let (calls, instances) = (cloud.sandbox.calls("RunInstances"), cloud.sandbox.instances(REGION));
        let server = Server::start(&cloud, &again, None).unwrap();
        let launched = launch(&server, request_id).await.unwrap();
        let ended = outcome(&server, &launched.launch_id).await;
        assert_eq!(ended.state(), state, "{request_id}");
        if state == pb::LaunchState::Failed {
            let reason = ended.state_reason.unwrap();
            assert_eq!(reason.code, "OUTCOME_UNKNOWN");
            assert!(reason.message.contains("i-"), "it names what it found: {}", reason.message);
        }
        assert_eq!((cloud.sandbox.calls("RunInstances"), cloud.sandbox.instances(REGION)), (calls, instances));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_or_restore_that_is_killed_anywhere_leaves_nothing_that_lies() {
    let cloud = Cloud::start().await;
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    let (data_dir, out) = (path("data"), path("backup"));
    let server = Server::start(&cloud, &data_dir, None).unwrap();
    launch(&server, "r-1").await.unwrap();
    let mut whole: Option<u64> = None;
    let mut restores = 0;
    // Once from nothing, then from a backup that is there.
    for round in 0..2 {
        for step in 1.. {
            assert!(step < STEPS_MAX);
            launch(&server, &format!("r-{round}-{step}")).await.unwrap();
            let paths = [("--data-dir", &*data_dir), ("--out", &*out)];
            let ended = audit(&["backup"], &paths, Some(format!("backup.step:{step}"))).status.success();
            // What was a backup is one, and what was none is none.
            let target = path(&format!("restored-{restores}"));
            restores += 1;
            let restored =
                audit(&["restore", "--output", "json"], &[("--from", &*out), ("--data-dir", &*target)], None);
            let marked = std::fs::read_to_string(out.join("BACKUP.json")).is_ok_and(|text| text.contains("size"));
            assert_eq!(restored.status.success(), marked, "step {step} of round {round}");
            assert!(marked || !ended);
            if marked {
                let report: serde_json::Value = serde_json::from_slice(&restored.stdout).unwrap();
                let size = report["size"].as_u64();
                assert!(whole <= size, "{whole:?} {size:?}");
                whole = size;
            }
            if ended {
                break;
            }
        }
    }
    drop(server);
    assert!(whole.is_some());

    for step in 1.. {
        assert!(step < STEPS_MAX);
        let target = path(&format!("killed-{step}"));
        let paths = [("--from", &*out), ("--data-dir", &*target)];
        let ended = audit(&["restore"], &paths, Some(format!("restore.step:{step}"))).status.success();
        match Server::start(&cloud, &target, None) {
            // A server that starts at all knows that it is behind.
            Some(server) => {
                let refused = launch(&server, "r-new").await.unwrap_err();
                assert_eq!(refused.get_details_error_info().unwrap().reason, "AUDIT_LOG_BEHIND", "step {step}");
                assert!(target.join("OWNER.json").exists());
            }
            None => assert!(!ended && !target.join("OWNER.json").exists(), "step {step}"),
        }
        if ended {
            assert!(4 < step, "{step} steps");
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_or_a_checkpoint_elsewhere_that_has_seen_more_stops_launches() {
    let root = tempfile::tempdir().unwrap();
    let (data_dir, kept) = (root.path().join("data"), root.path().join("elsewhere/kept"));
    std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let keep = |config: &mut gantry::config::Config| config.audit.checkpoint_copy = Some(kept.clone());
    let world = World::start_with(&data_dir, clock.clone(), keep).await;
    let request = |id: &str| launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", id);
    world.launches().launch_instances(request("r-1")).await.unwrap();
    world.running.stop().await.unwrap();
    let last = std::fs::read_to_string(&kept).unwrap();
    let known: u64 = last.lines().nth(1).unwrap().parse().unwrap();

    // A witness that does not know the log, until it has cosigned more of it than there is.
    let now = u64::try_from(SystemClock::new().now().as_second()).unwrap();
    let double = WitnessDouble::start("witness.example", [9; 32], Vec::new(), now).await;
    let world = World::start_with(&data_dir, clock.clone(), |config| {
        keep(config);
        config.audit.witnesses = vec![WitnessConfig { url: double.url(), key: double.vkey() }];
    })
    .await;
    let open = Fault::ErrorBefore { code: "InternalError".to_owned(), message: "injected".to_owned(), status: 500 };
    world.sandbox().faults().inject("RunInstances", 1, open);
    let mut patient = request("r-2");
    patient.wait_timeout = Some(prost_types::Duration { seconds: 300, nanos: 0 });
    let mut client = world.launches();
    let waiting = tokio::spawn(async move { client.launch_instances(patient).await });
    let is_unknown =
        |launch: &pb::Launch| launch.attempts.iter().any(|attempt| attempt.state() == pb::AttemptState::Unknown);
    let all = async || world.launches().list_launches(pb::ListLaunchesRequest::default()).await;
    while !all().await.unwrap().into_inner().launches.iter().any(is_unknown) {
        assert!(!waiting.is_finished(), "nothing is left open");
    }
    // Time stands still, so the launch does not go on before this is known.
    double.answer_instead(409, "text/x.tlog.size", "1000000\n");
    let real = SystemClock::new();
    while !data_dir.join("BEHIND.json").exists() {
        assert!(real.uptime() < WITNESS_LIMIT, "the witness is not heard");
        tokio::task::yield_now().await;
    }
    let asked = world.clock.now();
    world.while_time_passes(until_only_reads(world.channel.clone())).await;
    let left_open = world.while_time_passes(waiting).await.unwrap().unwrap().into_inner();
    assert_eq!(left_open.state(), pb::LaunchState::Launching);
    let waited = world.clock.now().duration_since(asked).as_secs();
    assert!(waited < 250, "nobody waits {waited} s for what nothing is done about");
    let refused = world.launches().launch_instances(request("r-3")).await.unwrap_err();
    let info = refused.get_details_error_info().unwrap();
    assert_eq!((&*info.reason, &*info.metadata["known_size"]), ("AUDIT_LOG_BEHIND", "1000000"), "{refused}");
    assert!(refused.message().contains("witness.example"), "{refused}");
    // A termination only ends what is on record.
    let request_id = "t-1".to_owned();
    let terminate = pb::TerminateLaunchRequest {
        launch_id: left_open.launch_id,
        request_id,
        reason: "test".to_owned(),
        ..Default::default()
    };
    world.launches().terminate_launch(terminate).await.unwrap();
    // The next start knows it without the witness.
    let world = world.restart().await;
    assert_eq!(world.launches().launch_instances(request("r-3")).await.unwrap_err().code(), Code::FailedPrecondition);
    world.running.stop().await.unwrap();
    let accepted = gantry::audit::accept(&data_dir, "the witness was wrong", clock.now()).unwrap();
    assert_eq!(accepted.known_size, Some(1_000_000));
    let world = World::start_with(&data_dir, clock.clone(), keep).await;
    world.launches().launch_instances(request("r-4")).await.unwrap();
    world.running.stop().await.unwrap();

    // The file elsewhere is written over by what was accepted, and finds the next loss by itself.
    let text = std::fs::read_to_string(&kept).unwrap();
    assert!(known < text.lines().nth(1).unwrap().parse().unwrap());
    let other = root.path().join("other");
    let world = World::start_at_once(&other, clock.clone(), |_| {}).await;
    world.running.stop().await.unwrap();
    let mut config = gantry::config::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: other.clone(),
        sandbox: Some(crate::world::sandbox_config()),
        ..Default::default()
    };
    keep(&mut config);
    let refused = gantry::server::start(config, std::sync::Arc::new(clock.clone())).await;
    assert!(matches!(refused, Err(gantry::server::ServeError::Kept(_))), "another log's file: {refused:?}");

    let set_back = root.path().join("set-back");
    let backup = root.path().join("backup");
    gantry::audit::backup(&data_dir, &backup, true, clock.now()).unwrap();
    let world = World::start_with(&data_dir, clock.clone(), keep).await;
    world.launches().launch_instances(request("r-5")).await.unwrap();
    world.running.stop().await.unwrap();
    gantry::audit::restore(&backup, &set_back, None, clock.now()).unwrap();
    // As by somebody who copies directories and knows nothing of restoring.
    std::fs::remove_file(set_back.join("BEHIND.json")).unwrap();
    let world = World::start_with(&set_back, clock.clone(), keep).await;
    let refused = world.launches().launch_instances(request("r-5")).await.unwrap_err();
    assert!(refused.message().contains("are missing") && refused.message().contains("kept"), "{refused}");
    let text = std::fs::read_to_string(&kept).unwrap();
    world.running.stop().await.unwrap();
    assert_eq!(text, std::fs::read_to_string(&kept).unwrap(), "what shows the loss stays");
}
