//! Repeats of requests with redacted tags: the same value is the same request, whatever is redacted
//! by then, and another value is another.

use std::path::Path;
use std::time::Duration;

use gantry::api::pb;
use gantry::clock::{SimClock, Timestamp};
use gantry::sandbox::landmarks;
use tonic_types::StatusExt as _;

use crate::world::{World, launch_request};

fn request(request_id: &str, email: &str) -> pb::LaunchInstancesRequest {
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", request_id);
    request.spec.as_mut().unwrap().tags = [("email".to_owned(), email.to_owned())].into();
    request
}

async fn start(dir: &Path, clock: &SimClock, keys: &[&str]) -> World {
    clock.advance(Duration::from_secs(1));
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    World::start_with(dir, clock.clone(), |config| config.audit.redact_tags = keys).await
}

async fn stop(world: World) {
    world.running.stop().await.unwrap();
}

/// The launch, or the reason why there is none.
async fn launch(world: &World, request: pb::LaunchInstancesRequest) -> Result<pb::Launch, String> {
    let answer = world.launches().launch_instances(request).await;
    answer.map(tonic::Response::into_inner).map_err(|status| status.get_details_error_info().unwrap().reason)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_the_same_request_whatever_is_redacted_and_another_value_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());

    let world = start(&path, &clock, &["email"]).await;
    let redacted = launch(&world, request("redacted", "ann@example.com")).await.unwrap();
    assert_eq!(redacted.spec.as_ref().unwrap().tags["email"], "[redacted]");
    // What stands in the log may be somebody's value.
    let literal = launch(&world, request("literal", "[redacted]")).await.unwrap();
    stop(world).await;

    let world = start(&path, &clock, &[]).await;
    let plain = launch(&world, request("plain", "ann@example.com")).await.unwrap();
    assert_eq!(plain.spec.as_ref().unwrap().tags["email"], "ann@example.com");
    stop(world).await;

    for keys in [&["email"][..], &[], &["*"], &["team"]] {
        let world = start(&path, &clock, keys).await;
        for (id, first) in [("redacted", &redacted), ("plain", &plain)] {
            let again = launch(&world, request(id, "ann@example.com")).await.unwrap();
            assert_eq!(again.launch_id, first.launch_id, "{id}, {keys:?}");
            for other in ["bob@example.com", "[redacted]", ""] {
                let reused = launch(&world, request(id, other)).await.unwrap_err();
                assert_eq!(reused, "REQUEST_ID_REUSED", "{id}, {keys:?}, {other:?}");
            }
        }
        let again = launch(&world, request("literal", "[redacted]")).await.unwrap();
        assert_eq!(again.launch_id, literal.launch_id, "{keys:?}");
        assert_eq!(world.sandbox().calls("RunInstances"), 0, "a repeat asks EC2 for nothing");
        stop(world).await;
    }

    std::fs::remove_file(path.join("redaction-key")).unwrap();
    for keys in [&[][..], &["email"]] {
        let world = start(&path, &clock, keys).await;
        let lost = launch(&world, request("redacted", "ann@example.com")).await.unwrap_err();
        assert_eq!(lost, "REDACTION_KEY_LOST", "{keys:?}: refused, because nobody can tell");
        let again = launch(&world, request("plain", "ann@example.com")).await.unwrap();
        assert_eq!(again.launch_id, plain.launch_id, "{keys:?}");
        let reused = launch(&world, request("plain", "bob@example.com")).await.unwrap_err();
        assert_eq!(reused, "REQUEST_ID_REUSED", "{keys:?}");
        assert_eq!(world.sandbox().calls("RunInstances"), 0);
        stop(world).await;
    }
}
