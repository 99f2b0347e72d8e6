//! Measured boots over the wire: statistics, what images are said to take, and what is expected of the next boot.

use std::time::Duration;

use gantry::api::pb;
use gantry::clock::{SimClock, Timestamp};
use gantry::sandbox::landmarks;
use tonic::Code;
use tonic_types::StatusExt;

use crate::world::{REGION, World, launch_request, transitions};

const EBS: (&str, &str) = (landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large");
const INSTANCE_STORE: (&str, &str) = (landmarks::HVM_INSTANCE_STORE_X86_64, "m3.large");

/// How often each is launched.
const EBS_BOOTS: usize = 6;
const INSTANCE_STORE_BOOTS: usize = 2;

async fn launch(world: &World, (image, instance_type): (&str, &str), request_id: &str) -> String {
    let request = launch_request(image, instance_type, request_id);
    world.launches().launch_instances(request).await.unwrap().into_inner().launch_id
}

async fn watch(world: &World, launch_id: &str) -> Vec<pb::BootEvent> {
    let request = pb::WatchLaunchRequest { launch_id: launch_id.to_owned(), after_sequence: 0 };
    let stream = world.launches().watch_launch(request).await.unwrap().into_inner();
    let events = world.read_to_end(stream).await;
    transitions(&events).into_iter().cloned().collect()
}

fn length(duration: Option<prost_types::Duration>) -> Duration {
    duration.unwrap().try_into().unwrap()
}

/// Boots so many, and how long each took to READY, ascending.
async fn boot(world: &World, of: (&str, &str), count: usize) -> Vec<Duration> {
    let mut launches = Vec::new();
    for number in 0..count {
        launches.push(launch(world, of, &format!("{}-{number}", of.1)).await);
    }
    let mut took = Vec::new();
    for launch_id in launches {
        let events = watch(world, &launch_id).await;
        let ready = events.iter().find(|event| event.phase() == pb::BootPhase::Ready).unwrap();
        took.push(length(ready.elapsed));
    }
    took.sort();
    took
}

fn by(dimensions: &[pb::BootStatisticsDimension]) -> pb::GetBootStatisticsRequest {
    pb::GetBootStatisticsRequest { group_by: dimensions.iter().map(|by| (*by).into()).collect(), ..Default::default() }
}

async fn statistics(world: &World, request: pb::GetBootStatisticsRequest) -> Vec<pb::BootStatistics> {
    world.launches().get_boot_statistics(request).await.unwrap().into_inner().groups
}

fn ready(group: &pb::BootStatistics) -> &pb::PhaseStatistics {
    group.phases.iter().find(|times| times.phase() == pb::BootPhase::Ready).unwrap()
}

/// The time that half of them, or nine of ten, were within; shown to three digits.
fn assert_within(shown: Option<prost_types::Duration>, took: &[Duration], percent: usize) {
    let exact = took[(took.len() * percent).div_ceil(100) - 1].as_secs_f64();
    let shown = length(shown).as_secs_f64();
    assert!(exact - 0.001 <= shown && shown <= exact * 1.001, "p{percent} {exact} is shown as {shown}");
}

async fn image(world: &World, image_id: &str) -> pb::Classification {
    let request =
        pb::GetImageRequest { region: REGION.to_owned(), image_id: image_id.to_owned(), ..Default::default() };
    world.images().get_image(request).await.unwrap().into_inner().classification.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn boots_are_measured_by_kind_and_the_same_after_a_restart() {
    use pb::BootStatisticsDimension::{ImageId, InstanceType, RootDevice, Virtualization};
    let world = World::start().await;
    assert!(statistics(&world, by(&[])).await.is_empty());
    assert_eq!(image(&world, EBS.0).await.measured_boots, None);
    let (fast, slow) = (boot(&world, EBS, EBS_BOOTS).await, boot(&world, INSTANCE_STORE, INSTANCE_STORE_BOOTS).await);

    let groups = statistics(&world, by(&[RootDevice])).await;
    let seen: Vec<_> = groups.iter().map(|group| (group.root_device(), group.count, group.failures)).collect();
    assert_eq!(
        seen,
        [
            (pb::RootDevice::EbsBacked, EBS_BOOTS as i64, 0),
            (pb::RootDevice::InstanceStoreBacked, INSTANCE_STORE_BOOTS as i64, 0)
        ]
    );
    for (group, took) in groups.iter().zip([&fast, &slow]) {
        let phases: Vec<_> = group.phases.iter().map(pb::PhaseStatistics::phase).collect();
        use pb::BootPhase::{Checking, Pending, Ready, Running};
        assert_eq!(phases, [Pending, Running, Checking, Ready]);
        assert_within(ready(group).p50, took, 50);
        assert_within(ready(group).p90, took, 90);
        assert!(group.image_id.is_empty() && group.instance_type.is_empty() && group.virtualization == 0);
    }
    assert!(length(ready(&groups[0]).p99) < length(ready(&groups[1]).p50), "EBS-backed boots faster: {groups:?}");

    let all = statistics(&world, by(&[ImageId, InstanceType, RootDevice, Virtualization])).await;
    assert_eq!((all[0].image_id.as_str(), all[0].instance_type.as_str()), EBS);
    assert_eq!(all[0].virtualization(), pb::Virtualization::Hvm);
    let elsewhere = pb::GetBootStatisticsRequest { region: "us-east-1".to_owned(), ..by(&[]) };
    assert!(statistics(&world, elsewhere).await.is_empty());

    let measured = image(&world, EBS.0).await.measured_boots.unwrap();
    assert_eq!((measured.count, measured.p50), (EBS_BOOTS as i64, ready(&groups[0]).p50));
    let list = pb::ListImagesRequest { region: REGION.to_owned(), page_size: 200, ..Default::default() };
    let listed = world.images().list_images(list).await.unwrap().into_inner().images;
    let boots = listed.iter().filter_map(|image| image.classification.as_ref()?.measured_boots).collect::<Vec<_>>();
    assert!(boots.contains(&measured), "{boots:?}");
    let classify = pb::ClassifyImagesRequest {
        region: REGION.to_owned(),
        image_ids: vec![EBS.0.to_owned()],
        ..Default::default()
    };
    let mut stream = world.images().classify_images(classify).await.unwrap().into_inner();
    let answer = stream.message().await.unwrap().unwrap();
    let Some(pb::classify_images_response::Result::Classification(judged)) = answer.result else {
        panic!("{answer:?}")
    };
    assert_eq!(judged.measured_boots, Some(measured));

    let world = world.restart().await;
    assert_eq!(statistics(&world, by(&[RootDevice])).await, groups);
    let since = world.clock.clone();
    since.advance(Duration::from_secs(60));
    boot(&world, INSTANCE_STORE, 1).await;
    let whole = statistics(&world, by(&[])).await;
    assert_eq!(whole[0].count, (EBS_BOOTS + INSTANCE_STORE_BOOTS) as i64, "the same request_id is the same launch");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_expected_of_a_boot_changes_with_those_before_it_and_is_replayed_alike() {
    let world = World::start().await;
    let expected_at_first = |events: &[pb::BootEvent]| {
        let event = events.iter().find(|event| event.phase() == pb::BootPhase::Requested).unwrap().clone();
        length(event.expected_remaining) + length(event.elapsed)
    };
    let first = launch(&world, EBS, "first").await;
    let events_of_first = watch(&world, &first).await;
    assert_eq!(expected_at_first(&events_of_first), Duration::from_secs(60), "as it is documented");
    let mut took = boot(&world, EBS, EBS_BOOTS).await;
    let of_first = events_of_first.iter().find(|event| event.phase() == pb::BootPhase::Ready).unwrap();
    took.push(length(of_first.elapsed));
    took.sort();

    world.clock.advance(Duration::from_secs(180));
    let next = launch(&world, EBS, "next").await;
    let events = watch(&world, &next).await;
    let expected = expected_at_first(&events).as_secs_f64();
    let median = took[(took.len() - 1) / 2].as_secs_f64();
    assert!((expected - median).abs() < 0.002, "{expected} s are expected, and half of {took:?} took {median}");
    let progress: Vec<f64> = events.iter().filter_map(|event| event.progress).collect();
    assert!(progress.windows(2).all(|pair| pair[0] <= pair[1]) && progress.last() == Some(&1.0), "{progress:?}");

    // A stream over the instance, which is not told of the launch, estimates alike.
    let of_instance: Vec<&pb::BootEvent> = events.iter().filter(|event| !event.instance_id.is_empty()).collect();
    let request = pb::WatchInstancesRequest {
        region: REGION.to_owned(),
        instance_ids: vec![of_instance[0].instance_id.clone()],
        after_cursor: "r0.0".to_owned(),
        ..Default::default()
    };
    let stream = world.launches().watch_instances(request).await.unwrap().into_inner();
    let by_instance = world.read_to_end(stream).await;
    let estimate = |event: &pb::BootEvent| (event.phase, event.progress, event.expected_remaining);
    let was_requested = |event: &&pb::BootEvent| event.phase() == pb::BootPhase::Requested;
    let seen: Vec<_> = transitions(&by_instance).into_iter().skip_while(was_requested).map(estimate).collect();
    let of_launch: Vec<_> = of_instance.into_iter().skip_while(was_requested).map(estimate).collect();
    assert_eq!(seen, of_launch);

    let world = world.restart().await;
    assert_eq!(watch(&world, &next).await, events);
    assert_eq!(watch(&world, &first).await, events_of_first, "boots that came later change nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_retention_has_removed_is_not_measured() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(dir.path(), clock, |config| config.retention.days = Some(1)).await;
    boot(&world, EBS, 1).await;
    assert_eq!(statistics(&world, by(&[])).await[0].count, 1);
    world.clock.advance(Duration::from_hours(3 * 24));
    world.while_time_passes(async { while !statistics(&world, by(&[])).await.is_empty() {} }).await;
    assert_eq!(image(&world, EBS.0).await.measured_boots, None);

    // One that failed, and one that somebody ended: the one counts, the other says nothing.
    let failed = launch(&world, (landmarks::BROKEN_VOLUME, "m7i.large"), "failed").await;
    watch(&world, &failed).await;
    let ended = launch(&world, EBS, "ended").await;
    let terminate = pb::TerminateLaunchRequest {
        launch_id: ended.clone(),
        reason: "no longer needed".to_owned(),
        request_id: "t-1".to_owned(),
        ..Default::default()
    };
    world.launches().terminate_launch(terminate).await.unwrap();
    watch(&world, &ended).await;
    let groups = statistics(&world, by(&[])).await;
    assert_eq!((groups[0].count, groups[0].failures, groups[0].phases.len()), (1, 1, 0), "{groups:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_with_a_question_is_said_at_once() {
    let world = World::start().await;
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let request = pb::GetBootStatisticsRequest {
        region: "nowhere".to_owned(),
        account_id: "1".to_owned(),
        group_by: vec![1, 0, 1, 9],
        start_time: time(20),
        end_time: time(10),
    };
    let status = world.launches().get_boot_statistics(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let seen: Vec<_> = violations.iter().map(|one| (one.field.as_str(), one.reason.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("region", "INVALID_ID"),
            ("account_id", "INVALID_ID"),
            ("group_by[1]", "INVALID_ENUM"),
            ("group_by[2]", "INVALID_FIELD"),
            ("group_by[3]", "INVALID_ENUM"),
            ("end_time", "INVALID_TIME"),
        ]
    );
    let many = pb::GetBootStatisticsRequest { group_by: vec![1; 1_000], ..Default::default() };
    let status = world.launches().get_boot_statistics(many).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "LIMIT_EXCEEDED");
}
