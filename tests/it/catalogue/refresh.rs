//! What is looked at again between and during crawls.

use std::time::Duration;

use gantry::api::pb;
use gantry::clock::{SimClock, Timestamp};
use gantry::sandbox::landmarks;

use super::{available, call_ec2, everything, get, ids, list, until, world};
use crate::world::{REGION, World};

/// Lets time pass until a list of the account's images shows this description.
pub(super) async fn until_described(world: &World, image_id: &str, description: &str) -> pb::ListImagesResponse {
    let filters = vec![pb::Filter { name: "image-id".to_owned(), values: vec![image_id.to_owned()] }];
    let request = pb::ListImagesRequest { filters, include_deprecated: true, ..everything() };
    let described = async {
        loop {
            let answer = list(world, request.clone()).await;
            if answer.images[0].description.as_deref() == Some(description) {
                return answer;
            }
        }
    };
    world.while_time_passes(described).await
}

pub(super) async fn describe(world: &World, image_id: &str, description: &str) {
    call_ec2(world, &format!("Action=ModifyImageAttribute&ImageId={image_id}&Description.Value={description}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_for_is_looked_at_again_between_two_crawls() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(&dir.path().join("data"), clock, |config| {
        config.owners = vec!["self".to_owned()];
        config.crawl_period = Duration::from_secs(300);
    })
    .await;
    let before = available(&world).await;
    let [asked, other, same] = [2, 3, 4].map(|place| &before.images[place].image_id);
    get(&world, asked).await;
    get(&world, same).await;
    describe(&world, asked, "changed").await;
    describe(&world, other, "changed").await;
    assert_ne!(get(&world, asked).await.description.as_deref(), Some("changed"), "it does not change by itself");

    let seen = until_described(&world, asked, "changed").await;
    let seconds = |time: Option<prost_types::Timestamp>| time.unwrap().seconds;
    assert_eq!(seen.observed_time, before.observed_time, "the crawl is still that of before");
    let refreshed = seconds(seen.images[0].observed_time);
    assert!(refreshed - seconds(before.observed_time) <= 61, "each image says when it was seen");
    let after = available(&world).await;
    assert_eq!(ids(&after), ids(&before));
    assert_ne!(after.images[3].description.as_deref(), Some("changed"), "nobody asked for the other");

    // What is still the same was looked at too, so who wants it fresh need not wait for EC2.
    let calls = world.sandbox().calls("DescribeImages");
    let max_staleness = Some(prost_types::Duration { seconds: 120, nanos: 0 });
    let request =
        pb::GetImageRequest { region: REGION.to_owned(), image_id: same.clone(), max_staleness, ..Default::default() };
    let image = world.images().get_image(request).await.unwrap().into_inner();
    assert!(seconds(image.observed_time) >= refreshed);
    assert_eq!(world.sandbox().calls("DescribeImages"), calls);

    // The next crawl sees it, and says that everything is of its own time.
    let crawled = until_described(&world, other, "changed").await;
    assert!(seconds(crawled.observed_time) >= seconds(before.observed_time) + 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_images_are_looked_at_between_two_crawls() {
    let newest = {
        let world = world(&["self"]).await;
        available(&world).await.images.remove(0)
    };
    // A world in which that image was made an hour ago.
    let created = Timestamp::from_second(newest.creation_time.unwrap().seconds).unwrap();
    let clock = SimClock::new(created.checked_add(Duration::from_secs(3_600)).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let world =
        World::start_with(&dir.path().join("data"), clock, |config| config.owners = vec!["self".to_owned()]).await;
    let before = list(&world, everything()).await;
    describe(&world, &newest.image_id, "changed").await;
    let seen = until_described(&world, &newest.image_id, "changed").await;
    assert_eq!(seen.observed_time, before.observed_time, "no crawl has seen it");
}

/// Pages come in small pieces, so a crawl takes longer than the pause between two refreshes.
#[tokio::test(flavor = "multi_thread")]
async fn refreshes_go_on_while_a_crawl_runs_and_are_not_undone_by_it() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("plan.toml");
    std::fs::write(&plan, "[[fault]]\nkind = \"short-page\"\nactions = [\"DescribeImages\"]\nitems = 5\n").unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_at_once(&dir.path().join("data"), clock, |config| {
        config.owners = vec!["all".to_owned()];
        config.crawl_period = Duration::from_secs(3_600);
        config.refresh_period = Duration::from_secs(10);
        let sandbox = config.sandbox.as_mut().unwrap();
        (sandbox.images, sandbox.faults) = (1_000, Some(plan));
    })
    .await;
    until(&world, |standing| standing.observed_time.is_some()).await;
    let before = list(&world, everything()).await;
    world.clock.advance(Duration::from_secs(3_600));
    get(&world, landmarks::SELF_OWNED).await;
    // The crawl has read the first pages, where the landmarks are; there are two hundred.
    let calls = world.sandbox().calls("DescribeImages");
    let under_way = async {
        while world.sandbox().calls("DescribeImages") < calls + 80 {
            tokio::task::yield_now().await
        }
    };
    world.while_time_passes(under_way).await;
    describe(&world, landmarks::SELF_OWNED, "changed").await;
    let refreshed = until_described(&world, landmarks::SELF_OWNED, "changed").await;
    assert_eq!(refreshed.observed_time, before.observed_time, "the crawl still runs");

    let crawled = |standing: &gantry::ami::catalog::Standing| {
        standing.observed_time.map(Timestamp::as_second) != before.observed_time.map(|time| time.seconds)
    };
    until(&world, crawled).await;
    let after = get(&world, landmarks::SELF_OWNED).await;
    assert_eq!(after.description.as_deref(), Some("changed"), "the crawl read its page before that");
    assert_eq!(after.observed_time, refreshed.images[0].observed_time);
}
