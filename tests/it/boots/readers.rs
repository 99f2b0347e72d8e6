//! Readers that stall, and what readers hear while nothing happens.

use std::time::Duration;

use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::sandbox::landmarks;
use tonic::transport::Endpoint;

use super::instances::watch_request;
use super::{MINUTE, assert_well_told, request};
use crate::world::{World, transitions};

/// The smallest window that HTTP/2 lets a stream begin with and a client name: what a stalled reader may be sent.
const WINDOW_BYTES: u32 = 1_024;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stalls_holds_up_nobody_and_misses_nothing() {
    let world = World::start().await;
    let mut launch = request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1", 10 * MINUTE);
    let spec = launch.spec.as_mut().unwrap();
    (spec.min_count, spec.max_count) = (30, 30);
    let launch = world.launches().launch_instances(launch).await.unwrap().into_inner();
    let ids: Vec<String> = launch.instances.iter().map(|instance| instance.instance_id.clone()).collect();
    let of_launch = pb::WatchLaunchRequest { launch_id: launch.launch_id.clone(), after_sequence: 0 };

    let endpoint = Endpoint::from_shared(format!("http://{}", world.running.address)).unwrap();
    let endpoint = endpoint.initial_stream_window_size(WINDOW_BYTES).initial_connection_window_size(1 << 20);
    let mut slow = LaunchServiceClient::new(endpoint.connect().await.unwrap());
    let stalled = slow.watch_launch(of_launch.clone()).await.unwrap().into_inner();
    let stalled_over_instances = slow.watch_instances(watch_request(&ids, "")).await.unwrap().into_inner();

    // Over the same connection, too.
    let quick = slow.watch_launch(of_launch.clone()).await.unwrap().into_inner();
    let quick = world.read_to_end(quick).await;
    assert_well_told(&quick, "the quick reader");
    let told: usize = quick.iter().map(prost::Message::encoded_len).sum();
    assert!(told > 8 * WINDOW_BYTES as usize, "the others have stalled: {told} bytes");

    let late = world.read_to_end(stalled).await;
    assert_eq!(transitions(&late), transitions(&quick));
    let late = world.read_to_end(stalled_over_instances).await;
    for id in ids {
        let of_instance = |events: &[pb::BootEvent]| -> Vec<(pb::BootPhase, bool)> {
            let events = transitions(events).into_iter().filter(|event| event.instance_id == id);
            events.map(|event| (event.phase(), event.terminal)).collect()
        };
        // It began with what the instance was, before anything could run.
        let (late, quick) = (of_instance(&late), of_instance(&quick));
        assert!(quick.ends_with(&late), "{id}: {late:?}, {quick:?}");
        assert!(late.iter().any(|(phase, _)| *phase == pb::BootPhase::Running), "{id}: {late:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_broken_every_ten_seconds() {
    let world = World::start().await;
    let launch = request(landmarks::NEVER_READY, "m7i.large", "r-1", 60 * MINUTE);
    let launch = world.launches().launch_instances(launch).await.unwrap().into_inner();
    let ids = [launch.instances[0].instance_id.clone()];
    let of_launch = pb::WatchLaunchRequest { launch_id: launch.launch_id, after_sequence: 0 };
    let of_launch = world.launches().watch_launch(of_launch).await.unwrap().into_inner();
    let of_instances = world.launches().watch_instances(watch_request(&ids, "")).await.unwrap().into_inner();
    for mut stream in [of_launch, of_instances] {
        let times = world.while_time_passes(async {
            let mut times = Vec::new();
            while times.len() < 30 {
                let event = stream.message().await.unwrap().unwrap();
                let (observed, age) = (event.observed_time.unwrap(), event.data_age);
                // A heartbeat says when it was sent by the age of what is known.
                match age {
                    Some(age) if event.sequence == 0 && event.cursor.is_empty() => {
                        let nanos = |seconds: i64, nanos: i32| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
                        times.push(nanos(observed.seconds, observed.nanos) + nanos(age.seconds, age.nanos));
                    }
                    _ => times.clear(),
                }
            }
            times
        });
        let times = times.await;
        let mut silences: Vec<Duration> =
            times.windows(2).map(|pair| Duration::from_nanos(u64::try_from(pair[1] - pair[0]).unwrap())).collect();
        silences.sort_unstable();
        // A machine that is busy makes some late.
        let (shortest, middle) = (silences[0], silences[silences.len() / 2]);
        assert!(shortest >= Duration::from_secs(10) && middle <= Duration::from_secs(12), "{silences:?}");
    }
}
