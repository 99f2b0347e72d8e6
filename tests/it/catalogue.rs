//! The catalogue: what it answers, how fresh it is, and what happens when it cannot be read.

use std::time::Duration;

use gantry::ami::catalog::{REPLACED_LIFE, Standing};
use gantry::api::pb;
use gantry::clock::{SimClock, Timestamp};
use gantry::sandbox::Fault;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_types::StatusExt;

use self::refresh::{describe, until_described};
use crate::world::{REGION, World};

mod filters;
mod live;
mod refresh;

async fn world(owners: &[&str]) -> World {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let path = dir.path().join("data");
    let owners: Vec<String> = owners.iter().map(|&owner| owner.to_owned()).collect();
    let mut world = World::start_with(&path, clock, |config| config.owners = owners).await;
    world._dir = Some(dir);
    world
}

fn everything() -> pb::ListImagesRequest {
    pb::ListImagesRequest { region: REGION.to_owned(), page_size: 200, ..Default::default() }
}

async fn list(world: &World, request: pb::ListImagesRequest) -> pb::ListImagesResponse {
    world.images().list_images(request).await.unwrap().into_inner()
}

/// Images of the account that can be changed.
async fn available(world: &World) -> pb::ListImagesResponse {
    let filters = vec![pb::Filter { name: "state".to_owned(), values: vec!["available".to_owned()] }];
    list(world, pb::ListImagesRequest { filters, ..everything() }).await
}

fn ids(answer: &pb::ListImagesResponse) -> Vec<String> {
    answer.images.iter().map(|image| image.image_id.clone()).collect()
}

async fn get(world: &World, image_id: &str) -> pb::Image {
    let image_id = image_id.to_owned();
    let request = pb::GetImageRequest { region: REGION.to_owned(), image_id, ..Default::default() };
    world.images().get_image(request).await.unwrap().into_inner()
}

/// Calls the sandbox as another client of the account would, and returns the answer's body.
async fn call_ec2(world: &World, form: &str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = tokio_util::sync::CancellationToken::new();
    let _stop = shutdown.clone().drop_guard();
    tokio::spawn(world.sandbox().clone().serve(listener, shutdown));
    let body = format!("{form}&Version=2016-11-15");
    let credential = format!("test/20260101/{REGION}/ec2/aws4_request");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nauthorization: AWS4-HMAC-SHA256 Credential={credential}, \
         SignedHeaders=host, Signature=0\r\ncontent-type: application/x-www-form-urlencoded\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}

/// Lets time pass until the Region stands as wanted.
async fn until(world: &World, wanted: impl Fn(&Standing) -> bool) -> Standing {
    let mut standing = world.running.catalog.standings().remove(0);
    world.while_time_passes(async { standing.wait_for(|standing| wanted(standing)).await.unwrap().clone() }).await
}

async fn health(world: &World) -> ServingStatus {
    let mut health = tonic_health::pb::health_client::HealthClient::new(world.channel.clone());
    let service = format!("gantry.catalogue/{REGION}");
    health.check(tonic_health::pb::HealthCheckRequest { service }).await.unwrap().into_inner().status()
}

/// Waits, in real time and in no simulated one, until health has heard of what happened.
async fn until_health(world: &World, wanted: ServingStatus) {
    while health(world).await != wanted {}
}

fn denied() -> Fault {
    Fault::ErrorBefore { code: "UnauthorizedOperation".to_owned(), message: "No.".to_owned(), status: 403 }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_where_it_comes_from_and_why() {
    let world = world(&["self", "amazon", "aws-marketplace"]).await;
    let calls = world.sandbox().calls("DescribeImages");
    let answer = list(&world, everything()).await;
    assert_eq!(answer.answered_from(), pb::AnsweredFrom::Catalogue);
    assert_eq!((answer.live_reason.as_str(), answer.owners.len()), ("", 3));
    assert_eq!(world.sandbox().calls("DescribeImages"), calls, "EC2 was not asked");

    world.clock.advance(Duration::from_secs(30));
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    for (owners, max_staleness, reason) in [
        (vec!["self", "amazon"], None, ""),
        (vec!["000000000000"], seconds(30), ""),
        (vec!["amazon"], seconds(29), "the catalogue was read 30 s ago"),
        (vec![], seconds(0), "the catalogue was read 30 s ago"),
        (
            vec!["amazon", "all"],
            None,
            "the catalogue holds the images of self, amazon, aws-marketplace, and not of all",
        ),
    ] {
        let owners = owners.into_iter().map(str::to_owned).collect();
        let answer = list(&world, pb::ListImagesRequest { owners, max_staleness, ..everything() }).await;
        assert_eq!(answer.live_reason, reason);
        let (from, age) = match reason {
            "" => (pb::AnsweredFrom::Catalogue, 30),
            _ => (pb::AnsweredFrom::Ec2, 0),
        };
        assert_eq!(answer.answered_from(), from, "{reason}");
        let observed = answer.observed_time.unwrap().seconds;
        assert_eq!(1_795_000_030 - observed, age, "{reason}");
        assert!(answer.images.iter().all(|image| image.observed_time.unwrap().seconds == observed), "{reason}");
    }
}

/// The crawl fails on its second page: nothing of its first may be seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_crawl_that_fails_half_way_leaves_the_snapshot_and_shows() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(&dir.path().join("data"), clock, |config| {
        config.owners = vec!["all".to_owned()];
        config.sandbox.as_mut().unwrap().images = 1_500;
        // Longer than a crawl period: the calls that fail are the crawl's.
        config.refresh_period = Duration::from_secs(2 * 3600);
    })
    .await;
    let before = list(&world, everything()).await;
    until_health(&world, ServingStatus::Serving).await;

    // A fault that DescribeImages does not have lets the first page through.
    world.sandbox().faults().inject("DescribeImages", 1, Fault::InsufficientInstanceCapacity { available: 1 });
    world.sandbox().faults().inject("DescribeImages", 1, denied());
    let standing = until(&world, |standing| standing.failure.is_some()).await;
    let failure = standing.failure.unwrap();
    assert_eq!((failure.pages, standing.failures), (1, 1));
    assert!(failure.reason.contains("UnauthorizedOperation"), "{}", failure.reason);
    let after = list(&world, everything()).await;
    assert_eq!(
        (ids(&after), after.observed_time, after.total_size),
        (ids(&before), before.observed_time, before.total_size)
    );
    assert_eq!(after.answered_from(), pb::AnsweredFrom::Catalogue);
    until_health(&world, ServingStatus::NotServing).await;

    // The next crawl comes soon and succeeds.
    let standing = until(&world, |standing| standing.failure.is_none()).await;
    assert!(standing.observed_time.unwrap().as_second() > before.observed_time.unwrap().seconds + 3600);
    until_health(&world, ServingStatus::Serving).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled_and_broken_pages_are_asked_for_again() {
    let world = world(&["all"]).await;
    let first = until(&world, |standing| standing.observed_time.is_some()).await.observed_time;
    let throttled =
        Fault::ErrorBefore { code: "RequestLimitExceeded".to_owned(), message: "Slow down.".to_owned(), status: 503 };
    world.clock.advance(Duration::from_secs(3_599));
    world.sandbox().faults().inject("DescribeImages", 4, throttled);
    world.sandbox().faults().inject("DescribeImages", 1, Fault::ReplyLost);
    let standing = until(&world, |standing| standing.observed_time != first).await;
    assert_eq!((standing.failure, standing.failures), (None, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_answers_at_once_from_the_snapshot_on_disk() {
    let world = world(&["self", "amazon", "aws-marketplace"]).await;
    let before = list(&world, everything()).await;
    world.clock.advance(Duration::from_secs(600));
    let plan = world.data_dir.with_extension("toml");
    std::fs::write(
        &plan,
        "[[fault]]\nkind = \"error\"\nactions = [\"DescribeImages\"]\ncode = \"UnauthorizedOperation\"\n",
    )
    .unwrap();
    let World { running, clock, channel, data_dir, _dir } = world;
    drop(channel);
    running.stop().await.unwrap();
    let world =
        World::start_at_once(&data_dir, clock, |config| config.sandbox.as_mut().unwrap().faults = Some(plan)).await;
    // EC2 refuses every question, and the answer is the one of before, with its age.
    let after = list(&world, everything()).await;
    let facts = |answer: pb::ListImagesResponse| {
        // Judging also looks at the Region's types, which are asked for after a start.
        let plain = |image| pb::Image { classification: None, ..image };
        (answer.images.into_iter().map(plain).collect::<Vec<_>>(), answer.total_size, answer.observed_time)
    };
    assert_eq!(after.answered_from(), pb::AnsweredFrom::Catalogue);
    assert_eq!(after.observed_time.unwrap().seconds, 1_795_000_000);
    assert!(facts(after) == facts(before), "the same images");
    drop(_dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_criteria_bring_a_crawl_and_a_choice_among_what_is_left() {
    let world = world(&["amazon"]).await;
    let before = list(&world, everything()).await;
    let launchable = |image: &&pb::Image| image.state.as_deref() == Some("available") && image.name.is_some();
    let old = before.images.iter().rev().find(launchable).unwrap();
    let selector = pb::ImageSelector { owner: "amazon".to_owned(), ..Default::default() };
    let request = pb::ResolveImageRequest { region: REGION.to_owned(), selector: Some(selector), ..Default::default() };
    let resolve = || async { world.images().resolve_image(request.clone()).await.unwrap().into_inner() };
    assert_ne!(resolve().await.image.unwrap().image_id, old.image_id);

    // From now on EC2 shows one image of Amazon's, which is not among the best of the snapshot.
    let name = old.name.clone().unwrap().replace('/', "%2F");
    call_ec2(
        &world,
        &format!("Action=ReplaceImageCriteriaInAllowedImagesSettings&ImageCriterion.1.ImageName.1={name}"),
    )
    .await;
    call_ec2(&world, "Action=EnableAllowedImagesSettings&AllowedImagesSettingsState=enabled").await;
    let chosen = resolve().await;
    assert_eq!((chosen.image.unwrap().image_id, chosen.matched), (old.image_id.clone(), 1));

    // The settings are looked at each minute. That most images have gone is believed the second time.
    let standing = until(&world, |standing| standing.images == 1 && standing.failure.is_none()).await;
    let passed = standing.observed_time.unwrap().as_second() - before.observed_time.unwrap().seconds;
    assert!(passed < 600, "{passed} s");
    assert_eq!((standing.failures, standing.failure), (1, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_token_pins_its_snapshot_or_says_that_it_is_gone() {
    let world = world(&["self"]).await;
    let whole = list(&world, everything()).await;
    let small = pb::ListImagesRequest { page_size: 2, ..everything() };
    let first = list(&world, small.clone()).await;
    // Another snapshot takes its place, in which an image is not the same.
    let changed = available(&world).await.images[2].image_id.clone();
    get(&world, &changed).await;
    describe(&world, &changed, "changed").await;
    until_described(&world, &changed, "changed").await;

    let mut seen = first.images.clone();
    let mut request = pb::ListImagesRequest { page_token: first.next_page_token.clone(), ..small.clone() };
    while !request.page_token.is_empty() {
        let page = list(&world, request.clone()).await;
        assert_eq!(page.total_size, whole.total_size);
        seen.extend(page.images);
        request.page_token = page.next_page_token;
    }
    let facts = |images: &[pb::Image]| {
        let plain = |image: &pb::Image| pb::Image { classification: None, ..image.clone() };
        images.iter().map(plain).collect::<Vec<_>>()
    };
    assert_eq!(facts(&seen), facts(&whole.images), "as if nothing had happened");

    world.clock.advance(REPLACED_LIFE);
    let request = pb::ListImagesRequest { page_token: first.next_page_token, ..small };
    let status = world.images().list_images(request).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "PAGE_TOKEN_EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_say_how_the_catalogue_stands() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let world = World::start_with(&dir.path().join("data"), clock, |config| config.metrics_listen = Some(free)).await;
    list(&world, everything()).await;
    let mut stream = tokio::net::TcpStream::connect(free).await.unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {free}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    for name in
        ["gantry_catalogue_images", "gantry_catalogue_observed_timestamp_seconds", "gantry_catalogue_answers_total"]
    {
        assert!(page.contains(name), "{name} in {page}");
    }
}
