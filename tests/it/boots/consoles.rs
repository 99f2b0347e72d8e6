//! What the console of a boot that goes wrong says, and what is kept of it.

use std::path::Path;
use std::time::Duration;

use gantry::api::pb;
use gantry::sandbox::{Plan, landmarks};
use sha2::{Digest, Sha256};

use super::{MINUTE, boot, request};
use crate::world::World;

/// What the sandbox prints of a password, and a line of a panic: neither is for the log.
const SECRET: &str = "Xk3nVb7QmZ2p";
const PANIC: &str = "Kernel panic - not syncing";

async fn failed(console: &str, instance_type: &str) -> (World, Vec<pb::BootEvent>) {
    let world = World::start().await;
    let plan = format!("[[fault]]\nkind = 'checks-fail'\nconsole = '{console}'\n");
    world.sandbox().plan_faults(Plan::parse(&plan).unwrap());
    let image = landmarks::AMAZON_LINUX_2023_X86_64;
    let events = boot(&world, request(image, instance_type, "r-1", 5 * MINUTE), |_| {}).await;
    (world, events)
}

fn failures(events: &[pb::BootEvent]) -> Vec<&pb::BootFailure> {
    events.iter().filter_map(|event| event.failure.as_ref()).collect()
}

/// Whether any file below `dir` has `text` in it, but for those in the directory `without`.
fn holds(dir: &Path, text: &str, without: &str) -> bool {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        let is_left_out = path.file_name().is_some_and(|name| name == without);
        match path.is_dir() {
            true => !is_left_out && holds(&path, text, without),
            false => std::fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()),
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_tells_why_and_its_secrets_are_nowhere() {
    for (console, instance_type, cause, shown) in [
        ("kernel-panic", "m7i.large", "panic", PANIC),
        // EC2 has no latest console of a Xen type, only what it posted.
        ("kernel-panic", "t2.micro", "panic", PANIC),
        ("no-root-device", "m7i.large", "root", "Dropping to a shell"),
        ("cloud-init", "m7i.large", "cloud-init", "Failed to run module scripts-user"),
        ("emergency-mode", "m7i.large", "emergency mode", "You are in emergency mode"),
    ] {
        let (world, events) = failed(console, instance_type).await;
        let name = format!("{console} on {instance_type}");
        let failures = failures(&events);
        assert!(!failures.is_empty(), "{name}");
        let failure = failures.last().unwrap();
        assert!(failure.cause.contains(cause) && !failure.remedy.is_empty(), "{name}: {failure:?}");
        assert!(failure.console_tail.contains(shown), "{name}: {failure:?}");
        assert_eq!(failure.console_sha256, hex::encode(Sha256::digest(&failure.console_tail)), "{name}");
        assert!(failures.iter().all(|failure| !failure.console_tail.contains(SECRET)), "{name}: {failure:?}");
        assert!(!holds(&world.data_dir, SECRET, "nothing is left out"), "{name}");
        assert!(!holds(&world.data_dir, shown, "console"), "{name}: a console's text is in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_is_shown_until_it_expires_and_its_digest_for_ever() {
    let (world, events) = failed("kernel-panic", "m7i.large").await;
    let told = failures(&events).last().map(|failure| (*failure).clone()).unwrap();
    let again = |world: World, launch_id: String| async move {
        let request = pb::WatchLaunchRequest { launch_id, after_sequence: 0 };
        let stream = world.launches().watch_launch(request).await.unwrap().into_inner();
        let events = world.read_to_end(stream).await;
        (world, failures(&events).last().map(|failure| (*failure).clone()).unwrap())
    };
    let launch_id = events[0].launch_id.clone();
    let (world, replayed) = again(world.restart().await, launch_id.clone()).await;
    assert_eq!(replayed, told);
    world.clock.advance(Duration::from_secs(8 * 24 * 60 * 60));
    let (_world, expired) = again(world.restart().await, launch_id).await;
    assert_eq!(expired, pb::BootFailure { console_tail: String::new(), ..told });
}
