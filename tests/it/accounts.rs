//! Several accounts: launches through a role that is assumed, and what CloudTrail would show of them.

use std::path::Path;
use std::sync::Arc;

use gantry::api::pb;
use gantry::audit::OpenError;
use gantry::clock::{SimClock, Timestamp};
use gantry::config::{AccountConfig, Config};
use gantry::ids::AccountId;
use gantry::sandbox::{ACCOUNT_ID, Account, Fault, Seen, landmarks};
use gantry::server::{self, ServeError};
use tonic::Code;
use tonic_types::StatusExt;

use crate::world::{REGION, World, ec2, launch_request, sandbox_config, texts};

const OTHER: &str = "111122223333";

fn other() -> AccountId {
    OTHER.parse().unwrap()
}

/// An account with a role in it.
fn account(id: &str) -> AccountConfig {
    let role = format!("arn:aws:iam::{id}:role/teams/gantry").parse().unwrap();
    AccountConfig { id: id.parse().unwrap(), role, external_id: None, source_identity: true }
}

async fn world(dir: &Path, accounts: &[AccountConfig]) -> World {
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    World::start_with(&dir.join("data"), clock, |config| config.accounts = accounts.to_vec()).await
}

fn request_in(account_id: &str, request_id: &str) -> pb::LaunchInstancesRequest {
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", request_id);
    pb::LaunchInstancesRequest { account_id: account_id.to_owned(), ..request }
}

async fn launch(world: &World, account_id: &str, request_id: &str) -> pb::Launch {
    world.launches().launch_instances(request_in(account_id, request_id)).await.unwrap().into_inner()
}

/// The last call of an action, as CloudTrail would show it.
fn last(world: &World, action: &str) -> Seen {
    world.sandbox().seen(action).pop().unwrap()
}

fn in_session(name: &str) -> Seen {
    Seen {
        account_id: Some(other()),
        role_session_name: Some(name.to_owned()),
        source_identity: Some("local".to_owned()),
        answer: "200".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_in_another_account_is_there_only_and_its_session_leads_back_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path(), &[account(OTHER)]).await;
    let launched = launch(&world, OTHER, "r-1").await;
    assert_eq!((launched.account_id.as_str(), launched.instances.len()), (OTHER, 1), "{:?}", launched.state_reason);
    let id = launched.instances[0].instance_id.clone();
    let attempt = &launched.attempts[0];
    let session = format!("gantry-{}", attempt.attempt_id);
    assert_eq!((attempt.role_session_name.as_str(), attempt.source_identity.as_str()), (&*session, "local"));
    assert_eq!(last(&world, "RunInstances"), in_session(&session));
    let there = world.sandbox().call_in(&other(), &REGION.parse().unwrap(), "Action=DescribeInstances").1;
    assert_eq!((texts(&there, "instanceId"), texts(&there, "ownerId")[0]), (vec![&*id], OTHER));
    assert!(!ec2(&world, "Action=DescribeInstances").contains(&id), "and not at home");

    let watch = pb::WatchLaunchRequest { launch_id: launched.launch_id.clone(), ..Default::default() };
    let events = world.read_to_end(world.launches().watch_launch(watch).await.unwrap().into_inner()).await;
    assert_eq!(events.last().unwrap().launch_state(), pb::LaunchState::Ready);
    let of_instance =
        pb::WatchInstancesRequest { account_id: OTHER.to_owned(), instance_ids: vec![id], ..Default::default() };
    world.launches().watch_instances(of_instance.clone()).await.unwrap();
    let at_home = pb::WatchInstancesRequest { account_id: String::new(), ..of_instance };
    let nowhere = world.launches().watch_instances(at_home).await.unwrap_err();
    assert_eq!(nowhere.code(), Code::NotFound, "its absence at home is no end of it");

    let at_home = launch(&world, "", "r-1").await;
    assert_ne!(at_home.launch_id, launched.launch_id, "a request id is one account's");
    assert_eq!((at_home.account_id.as_str(), at_home.attempts[0].role_session_name.as_str()), (ACCOUNT_ID, ""));
    assert_eq!(last(&world, "RunInstances").role_session_name, None);
    let again = launch(&world, OTHER, "r-1").await;
    assert_eq!(again.launch_id, launched.launch_id);

    let terminate = pb::TerminateLaunchRequest {
        launch_id: launched.launch_id.clone(),
        reason: "enough".to_owned(),
        request_id: "t-1".to_owned(),
        ..Default::default()
    };
    world.launches().terminate_launch(terminate).await.unwrap();
    assert_eq!(last(&world, "TerminateInstances"), in_session(&format!("gantry-{}", launched.launch_id)));
    let there = world.sandbox().call_in(&other(), &REGION.parse().unwrap(), "Action=DescribeInstances").1;
    assert_eq!(texts(&there, "name")[0], "shutting-down", "{there}");
    assert_eq!(world.sandbox().instances(REGION), 1, "what is at home goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_seen_with_the_eyes_of_the_account() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path(), &[account(OTHER)]).await;
    let own = pb::ListImagesRequest {
        account_id: OTHER.to_owned(),
        owners: vec!["self".to_owned()],
        page_size: 1,
        max_staleness: Some(prost_types::Duration::default()),
        ..Default::default()
    };
    let image = world.images().list_images(own).await.unwrap().into_inner().images.remove(0);
    assert_eq!((image.account_id.as_str(), image.owner_id.as_deref()), (OTHER, Some(OTHER)));
    assert_eq!(image.classification.unwrap().source(), pb::ImageSource::Owned);
    let get = |account_id: &str, image_id: &str| {
        let request = pb::GetImageRequest {
            account_id: account_id.to_owned(),
            image_id: image_id.to_owned(),
            ..Default::default()
        };
        let mut images = world.images();
        async move { images.get_image(request).await }
    };
    assert_eq!(get("", &image.image_id).await.unwrap_err().code(), Code::NotFound, "it is shared with nobody");
    assert_eq!(get(OTHER, landmarks::SELF_OWNED).await.unwrap_err().code(), Code::NotFound);
    get("", landmarks::SELF_OWNED).await.unwrap();
    let unknown = get("444455556666", landmarks::SELF_OWNED).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    assert_eq!(unknown.get_details_error_info().unwrap().reason, "ACCOUNT_NOT_SERVED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_be_assumed_fails_the_attempt_and_says_what_to_mend() {
    let dir = tempfile::tempdir().unwrap();
    let world = world(dir.path(), &[account(OTHER)]).await;
    world.sandbox().set_account(Account { source_identity: false, ..Account::default() });
    let failed = launch(&world, OTHER, "r-1").await;
    assert_eq!((failed.state(), failed.attempts.len()), (pb::LaunchState::Failed, 1));
    let attempt = &failed.attempts[0];
    assert_eq!((attempt.state(), attempt.unknown_time), (pb::AttemptState::Failed, None));
    let error = attempt.error.as_ref().unwrap();
    assert_eq!((error.code.as_str(), error.class.as_str(), error.retryable), ("AccessDenied", "permission", false));
    assert!(error.remedy.contains("trust policy") && error.remedy.contains("sts:SetSourceIdentity"), "{error:?}");
    assert_eq!(world.sandbox().calls("RunInstances"), 0, "nothing was sent");
    let preview = pb::LaunchInstancesRequest { validate_only: true, ..request_in(OTHER, "") };
    let refused = world.launches().launch_instances(preview).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");

    // A role that asks for an external id that is not configured cannot be read through either.
    world.running.stop().await.unwrap();
    let plan = dir.path().join("plan.toml");
    std::fs::write(&plan, "[account]\nexternal_id = \"gantry/prod\"\n").unwrap();
    let told = AccountConfig { external_id: Some("gantry/prod".to_owned()), ..account("444455556666") };
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(&dir.path().join("external"), clock, |config| {
        config.accounts = vec![account(OTHER), told];
        config.sandbox.as_mut().unwrap().faults = Some(plan);
    })
    .await;
    let untold = world.launches().launch_instances(request_in(OTHER, "r-1")).await.unwrap_err();
    let info = untold.get_details_error_info().unwrap();
    assert_eq!((untold.code(), info.reason.as_str()), (Code::FailedPrecondition, "ROLE_NOT_ASSUMED"), "{untold:?}");
    assert_eq!(launch(&world, "444455556666", "r-1").await.instances.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_waits_for_sts_and_a_repeat_of_its_call_keeps_the_session() {
    let dir = tempfile::tempdir().unwrap();
    // The account of the credentials may have a role too, and nothing but launches goes through it.
    let world = world(dir.path(), &[account(ACCOUNT_ID)]).await;
    let error =
        |code: &str, status| Fault::ErrorBefore { code: code.to_owned(), message: "injected".to_owned(), status };
    world.sandbox().faults().inject("AssumeRole", 2, error("InternalFailure", 500));
    world.sandbox().faults().inject("RunInstances", 1, error("RequestLimitExceeded", 503));
    let request =
        pb::LaunchInstancesRequest { wait_timeout: Some(prost_types::Duration::default()), ..request_in("", "r-1") };
    let begun = world.launches().launch_instances(request).await.unwrap().into_inner();
    assert_eq!(begun.state(), pb::LaunchState::Launching);
    let watch = pb::WatchLaunchRequest { launch_id: begun.launch_id.clone(), ..Default::default() };
    world.read_to_end(world.launches().watch_launch(watch).await.unwrap().into_inner()).await;
    let get = pb::GetLaunchRequest { launch_id: begun.launch_id };
    let launched = world.launches().get_launch(get).await.unwrap().into_inner();
    assert_eq!((launched.attempts.len(), launched.instances.len()), (1, 1), "{:?}", launched.state_reason);
    assert_eq!((world.sandbox().calls("AssumeRole"), world.sandbox().calls("RunInstances")), (3, 2));
    let session = format!("gantry-{}", launched.attempts[0].attempt_id);
    for call in world.sandbox().seen("RunInstances") {
        assert_eq!(call.role_session_name.as_deref(), Some(&*session), "{call:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_and_go_over_restarts_and_none_goes_with_a_launch_open() {
    let dir = tempfile::tempdir().unwrap();
    let alone = world(dir.path(), &[]).await;
    let refused = alone.launches().launch_instances(request_in(OTHER, "r-1")).await.unwrap_err();
    assert_eq!(refused.get_details_error_info().unwrap().reason, "ACCOUNT_NOT_SERVED");
    alone.running.stop().await.unwrap();

    let both = world(dir.path(), &[account(OTHER)]).await;
    let launched = both.launches().launch_instances(request_in(OTHER, "r-1")).await.unwrap().into_inner();
    assert_eq!(launched.state(), pb::LaunchState::Booting);
    both.running.stop().await.unwrap();

    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.path().join("data"),
        sandbox: Some(sandbox_config()),
        ..Config::default()
    };
    let clock = || Arc::new(SimClock::new(Timestamp::from_second(1_795_000_000).unwrap()));
    let error = server::start(config, clock()).await.unwrap_err();
    let ServeError::Log(OpenError::AccountInUse { account_id, launch_id }) = error else { panic!("{error:?}") };
    assert_eq!((account_id, launch_id.to_string()), (other(), launched.launch_id.clone()));

    let both = world(dir.path(), &[account(OTHER)]).await;
    let watch = pb::WatchLaunchRequest { launch_id: launched.launch_id.clone(), ..Default::default() };
    let events = both.read_to_end(both.launches().watch_launch(watch).await.unwrap().into_inner()).await;
    assert_eq!(events.last().unwrap().launch_state(), pb::LaunchState::Ready);
    both.running.stop().await.unwrap();

    let alone = world(dir.path(), &[]).await;
    let get = pb::GetLaunchRequest { launch_id: launched.launch_id };
    let on_record = alone.launches().get_launch(get).await.unwrap().into_inner();
    assert_eq!((on_record.account_id.as_str(), on_record.state()), (OTHER, pb::LaunchState::Ready));
    alone.running.stop().await.unwrap();
}
