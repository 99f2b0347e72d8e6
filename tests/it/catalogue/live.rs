//! What the catalogue does not hold, asked of EC2 at once.

use std::time::Duration;

use gantry::ami::catalog::LOOKUP_LIFE;
use gantry::api::pb;
use gantry::api::pb::classify_images_response::Result as Outcome;
use gantry::api::pb::image_reference::Reference;
use gantry::clock::{SimClock, Timestamp};
use gantry::config::BudgetConfig;
use gantry::sandbox::landmarks;
use tonic_types::StatusExt;

use super::{available, call_ec2, denied, everything, get, ids, list, world};
use crate::resolve::launch_of;
use crate::world::{REGION, World};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_outside_the_catalogue_is_looked_up_at_once() {
    let world = world(&["self"]).await;
    let own = available(&world).await.images.remove(0);
    let calls = world.sandbox().calls("DescribeImages");
    let image = get(&world, landmarks::AMAZON_LINUX_2023_X86_64).await;
    assert_eq!(image.image_owner_alias.as_deref(), Some("amazon"));
    assert_eq!(world.sandbox().calls("DescribeImages"), calls + 1);
    let request = pb::ClassifyImagesRequest {
        region: REGION.to_owned(),
        image_ids: vec![landmarks::AMAZON_LINUX_2023_X86_64.to_owned(), own.image_id],
        ..Default::default()
    };
    let mut answers = world.images().classify_images(request).await.unwrap().into_inner();
    for from in [pb::AnsweredFrom::Ec2, pb::AnsweredFrom::Catalogue] {
        assert_eq!(answers.message().await.unwrap().unwrap().answered_from(), from);
    }
}

/// One id in a loop must not use up the rate that everything in the account shares.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_ask_for_what_is_not_there_share_a_call() {
    let world = world(&["self"]).await;
    let calls = || world.sandbox().calls("DescribeImages");
    let ask = async |max_staleness: Option<i64>| {
        let max_staleness = max_staleness.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
        let image_id = "ami-0ffffffffffffffff".to_owned();
        let request = pb::GetImageRequest { region: REGION.to_owned(), image_id, max_staleness, ..Default::default() };
        assert_eq!(world.images().get_image(request).await.unwrap_err().code(), tonic::Code::NotFound);
    };
    let before = calls();
    futures::future::join_all((0..100).map(|_| ask(None))).await;
    ask(Some(1)).await;
    assert_eq!(calls(), before + 1);
    ask(Some(0)).await;
    assert_eq!(calls(), before + 2, "who wants EC2's word of now gets it");
    world.clock.advance(LOOKUP_LIFE);
    ask(None).await;
    assert_eq!(calls(), before + 3);
}

/// What is asked of EC2 at once goes as far as EC2's own bucket, and then waits or is told to.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_questions_is_held_back_before_ec2_refuses_it() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("plan.toml");
    std::fs::write(&plan, "[throttle]\n").unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(&dir.path().join("data"), clock, |config| {
        config.owners = vec!["self".to_owned()];
        config.budget = BudgetConfig::default();
        // Nothing but the questions calls.
        config.refresh_period = Duration::from_secs(2 * 3600);
        config.sandbox.as_mut().unwrap().faults = Some(plan);
    })
    .await;
    let ask = async |number: usize| {
        let image_id = format!("ami-{number:017x}");
        let request = pb::GetImageRequest { region: REGION.to_owned(), image_id, ..Default::default() };
        world.images().get_image(request).await.unwrap_err()
    };
    let all = async { futures::future::join_all((0..400).map(ask)).await };
    let answers = world.while_time_passes(all).await;
    let (missing, held): (Vec<_>, Vec<_>) = answers.iter().partition(|status| status.code() == tonic::Code::NotFound);
    assert!(100 <= missing.len() && !held.is_empty(), "{}", missing.len());
    for status in held {
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((status.code(), &*info.reason), (tonic::Code::Unavailable, "EC2_THROTTLED"));
        assert_eq!(info.metadata["ec2_code"], "EC2_RATE_USED_UP", "not EC2's own word");
        assert!(details.retry_info().is_some());
    }
    // Not by the number of calls: the SDK repeats one whose connection was lost.
    assert_eq!(world.sandbox().refusals("DescribeImages", "RequestLimitExceeded"), 0);
}

/// A selector outside the catalogue asks EC2 for its candidates, and a launch by it is not held up.
#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_questions_holds_up_no_launch() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(&dir.path().join("data"), clock, |config| {
        config.owners = vec!["self".to_owned()];
        config.budget = BudgetConfig::default();
    })
    .await;
    let ask = async |number: usize| {
        let image_id = format!("ami-{number:017x}");
        let request = pb::GetImageRequest { region: REGION.to_owned(), image_id, ..Default::default() };
        world.images().get_image(request).await.map(drop)
    };
    let storm = futures::future::join_all((0..300).map(ask));
    tokio::pin!(storm);
    // No time passes, so whoever is held back waits until the end of the test.
    let launch = async {
        while world.sandbox().calls("DescribeImages") < 100 {
            tokio::task::yield_now().await;
        }
        let selector = pb::ImageSelector {
            owner: "amazon".to_owned(),
            name_pattern: "al2023-ami-2023.*".to_owned(),
            architecture: "x86_64".to_owned(),
            ..Default::default()
        };
        let mut request = launch_of(Reference::Selector(selector), "r-1");
        request.validate_only = true;
        world.launches().launch_instances(request).await.unwrap().into_inner()
    };
    let launched = tokio::select! {
        launched = launch => launched,
        _ = &mut storm => panic!("the storm is held back"),
    };
    assert_eq!(launched.decision.unwrap().verdict(), pb::DecisionVerdict::Admitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_looked_up_does_not_take_the_others_with_it() {
    let world = world(&["self"]).await;
    let own = available(&world).await.images.remove(0).image_id;
    world.sandbox().faults().inject("DescribeImages", 1, denied());
    let request = pb::ClassifyImagesRequest {
        region: REGION.to_owned(),
        image_ids: vec!["ami-0ffffffffffffffff".to_owned(), own],
        ..Default::default()
    };
    let mut answers = world.images().classify_images(request).await.unwrap().into_inner();
    let results = [answers.message().await.unwrap().unwrap(), answers.message().await.unwrap().unwrap()];
    assert!(
        matches!(&results[0].result, Some(Outcome::Status(status)) if status.code == tonic::Code::PermissionDenied as i32)
    );
    assert!(matches!(&results[1].result, Some(Outcome::Classification(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_owners_and_some_are_all_wherever_the_answer_comes_from() {
    let world = world(&["all"]).await;
    let owners = vec!["all".to_owned(), "self".to_owned()];
    let held = list(&world, pb::ListImagesRequest { owners, ..everything() }).await;
    let now = Some(prost_types::Duration::default());
    let owners = vec!["self".to_owned(), "all".to_owned()];
    let live = list(&world, pb::ListImagesRequest { owners, max_staleness: now, ..everything() }).await;
    assert_eq!((held.total_size, ids(&held)), (live.total_size, ids(&live)));
}

/// Launch permissions are facts too, and are remembered for a minute.
#[tokio::test(flavor = "multi_thread")]
async fn launch_permissions_are_as_fresh_as_is_asked_for() {
    let world = world(&["self"]).await;
    let get = async |max_staleness: Option<i64>| {
        let max_staleness = max_staleness.map(|seconds| prost_types::Duration { seconds, nanos: 0 });
        let image_id = landmarks::SELF_OWNED.to_owned();
        let request = pb::GetImageRequest { region: REGION.to_owned(), image_id, max_staleness, ..Default::default() };
        let image = world.images().get_image(request).await.unwrap().into_inner();
        image.classification.unwrap().launch_permissions.unwrap().entries
    };
    let before = get(None).await;
    let share = "Action=ModifyImageAttribute&Attribute=launchPermission&OperationType=add&UserId.1=999999999999";
    call_ec2(&world, &format!("{share}&ImageId={}", landmarks::SELF_OWNED)).await;
    assert_eq!(get(None).await, before, "remembered");
    let after = get(Some(0)).await;
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
}
