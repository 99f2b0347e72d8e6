//! Random launches, faults, crashes, policy changes and pauses, against a reference that knows only the contract.
//!
//! A crash drops the runtime of the server with everything that runs in it, wherever that is. The cloud is the server's
//! sandbox, whose state is on disk and is there again after it. Whatever was asked is asked again until it is answered,
//! as the contract tells callers to.

mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gantry::api::pb;
use gantry::clock::{SimClock, Timestamp};
use gantry::config::PolicySource;
use gantry::sandbox::{self, landmarks};
use proptest::prelude::*;
use tokio::runtime::Runtime;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{REGION, World, ec2, launch_request, texts};
use reference::{Answer, Reference};

const TYPES: [&str; 2] = ["m7i.large", "c7i.large"];
const ZONES: [&str; 2] = ["sandbox-1a", "sandbox-1b"];

/// What meets the first call of RunInstances.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Throttled,
    /// An answer that says nothing about what happened, before anything did.
    Broken,
    ReplyLost,
    Invisible,
    NoCapacity,
    OneLeft,
}

/// What happens while a launch is under way.
#[derive(Debug, Clone, Copy)]
enum During {
    Nothing,
    /// The server dies after so many turns of its runtime.
    Crash(u16),
    Pause,
    Cancel,
    Terminate,
}

impl During {
    fn ends_it(self) -> bool {
        matches!(self, Self::Cancel | Self::Terminate)
    }
}

/// One request, alone or by several callers at once.
#[derive(Debug, Clone)]
struct Launch {
    request: u8,
    count: u32,
    /// Which of [`TYPES`], from the first on.
    first_type: usize,
    zones: usize,
    callers: usize,
    fault: Option<Fault>,
    during: During,
}

impl Launch {
    fn types(&self) -> Vec<&'static str> {
        TYPES[self.first_type..].to_vec()
    }

    fn zones(&self) -> Vec<&'static str> {
        ZONES[..self.zones].to_vec()
    }

    /// What "the same body" means.
    fn body(&self) -> (u32, usize, usize) {
        (self.count, self.first_type, self.zones)
    }

    fn message(&self) -> pb::LaunchInstancesRequest {
        let request_id = format!("r-{}", self.request);
        let mut message = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "", &request_id);
        let spec = message.spec.as_mut().unwrap();
        spec.instance_types = self.types().into_iter().map(str::to_owned).collect();
        spec.max_count = i32::try_from(self.count).unwrap();
        let placement = |zone: &str| pb::Placement {
            location: Some(pb::placement::Location::AvailabilityZone(zone.to_owned())),
            ..Default::default()
        };
        spec.placements = self.zones().into_iter().map(placement).collect();
        message.wait_timeout = Some(prost_types::Duration { seconds: 0, nanos: 0 });
        message
    }
}

#[derive(Debug, Clone)]
enum Step {
    Launch(Launch),
    /// Forbids one of the types, or none.
    Policy(Option<usize>),
    Pause,
    Resume,
    Restart,
    Crash,
    Pass(u16),
}

fn launches() -> impl Strategy<Value = Launch> {
    let fault = prop_oneof![
        Just(Fault::Throttled),
        Just(Fault::Broken),
        Just(Fault::ReplyLost),
        Just(Fault::Invisible),
        Just(Fault::NoCapacity),
        Just(Fault::OneLeft),
    ];
    let during = prop_oneof![
        3 => Just(During::Nothing),
        4 => (0..400u16).prop_map(During::Crash),
        1 => Just(During::Pause),
        1 => Just(During::Cancel),
        1 => Just(During::Terminate),
    ];
    (0..6u8, 1..4u32, 0..2usize, 0..3usize, 1..4usize, prop::option::weighted(0.6, fault), during).prop_map(
        |(request, count, first_type, zones, callers, fault, during)| Launch {
            request,
            count,
            first_type,
            zones,
            callers,
            fault,
            during,
        },
    )
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => launches().prop_map(Step::Launch),
        2 => prop::option::of(0..2usize).prop_map(Step::Policy),
        1 => Just(Step::Pause),
        2 => Just(Step::Resume),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
        1 => (0..400u16).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..14)
}

/// A server with the runtime that it lives in.
struct Life {
    runtime: Runtime,
    world: World,
}

impl Life {
    fn begin(dir: &Path, clock: &SimClock) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let policy = PolicySource::File(dir.join("policy.cedar"));
        let world = runtime.block_on(World::start_with(&dir.join("data"), clock.clone(), |config| {
            config.policy = Some(policy);
        }));
        Self { runtime, world }
    }

    /// Ends in the middle of everything.
    fn crash(self) {
        let Self { runtime, world } = self;
        let lock = std::fs::File::open(world.data_dir.join("LOCK")).unwrap();
        drop(world);
        // What blocks comes to its end; tasks do not.
        runtime.shutdown_timeout(std::time::Duration::from_secs(60));
        // The threads of the log let go of the directory once nobody is left to append.
        while lock.try_lock().is_err() {
            std::thread::yield_now();
        }
    }

    fn stop(self) {
        let Self { runtime, world } = self;
        let World { running, channel, .. } = world;
        drop(channel);
        runtime.block_on(running.stop()).unwrap();
    }
}

fn policy(forbidden: Option<&str>) -> String {
    let mut text =
        "@id(\"all\") permit (principal, action in [Action::\"query\", Action::\"launch\", Action::\"terminate\", \
                    Action::\"read_audit\", Action::\"administer\"], resource);\n"
            .to_owned();
    if let Some(name) = forbidden {
        text.push_str(&format!(
            "@id(\"no-type\") @reason(\"No {name}.\") @remedy(\"Another.\")\nforbid (principal, action == \
             Action::\"launch\", resource) when {{ context.instance_type.name == \"{name}\" }};\n"
        ));
    }
    text
}

async fn put_in_force(world: &World, dir: &Path, forbidden: Option<&str>) {
    let text = policy(forbidden);
    std::fs::write(dir.join("policy.cedar"), &text).unwrap();
    let shown = || async { world.policy().get_policy(pb::GetPolicyRequest {}).await.unwrap().into_inner().text };
    world.while_time_passes(async { while shown().await != text {} }).await;
}

fn inject(world: &World, fault: Option<Fault>) {
    let error = |code: &str, status| sandbox::Fault::ErrorBefore {
        code: code.to_owned(),
        message: "injected".to_owned(),
        status,
    };
    let fault = match fault {
        None => return,
        Some(Fault::Throttled) => error("RequestLimitExceeded", 503),
        Some(Fault::Broken) => sandbox::Fault::Html { status: 502 },
        Some(Fault::ReplyLost) => sandbox::Fault::ReplyLost,
        Some(Fault::Invisible) => sandbox::Fault::InvisibleFor(std::time::Duration::from_secs(30)),
        Some(Fault::NoCapacity) => sandbox::Fault::InsufficientInstanceCapacity { available: 0 },
        Some(Fault::OneLeft) => sandbox::Fault::InsufficientInstanceCapacity { available: 1 },
    };
    world.sandbox().faults().inject("RunInstances", 1, fault);
}

async fn ask(world: &World, launch: &Launch) -> Result<pb::Launch, Status> {
    world.launches().launch_instances(launch.message()).await.map(tonic::Response::into_inner)
}

async fn turn(world: &World, paused: bool) {
    let reason = "model".to_owned();
    if paused {
        world.policy().pause_launches(pb::PauseLaunchesRequest { reason }).await.unwrap();
    } else {
        world.policy().resume_launches(pb::ResumeLaunchesRequest { reason }).await.unwrap();
    }
}

fn answer_of(result: &Result<pb::Launch, Status>) -> Answer {
    match result {
        Ok(_) => Answer::Launch,
        Err(status) => {
            let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
            let known = ["REQUEST_ID_REUSED", "POLICY_DENIED", "LAUNCHES_PAUSED"];
            Answer::Error(known.into_iter().find(|known| *known == reason).unwrap_or_else(|| panic!("{status:?}")))
        }
    }
}

/// A launch by its callers, through whatever happens meanwhile, until it has left LAUNCHING.
fn carry_out(mut life: Life, dir: &Path, clock: &SimClock, launch: &Launch, reference: &mut Reference) -> Life {
    let is_new = reference.counts(launch.request).is_none();
    // A fault waits for a call: where none is made, the next launch would meet it.
    let calls = is_new && !reference.paused;
    inject(&life.world, launch.fault.filter(|_| calls));
    let expected = reference.launch(launch);
    let callers: Vec<_> = (0..launch.callers)
        .map(|_| {
            let (mut client, message) = (life.world.launches(), launch.message());
            life.runtime.spawn(async move { client.launch_instances(message).await.map(tonic::Response::into_inner) })
        })
        .collect();
    match launch.during {
        During::Crash(turns) => {
            life.runtime.block_on(async {
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
            });
            life.crash();
            life = Life::begin(dir, clock);
        }
        During::Pause if !reference.paused => {
            life.runtime.block_on(async {
                turn(&life.world, true).await;
                turn(&life.world, false).await;
            });
        }
        During::Cancel | During::Terminate | During::Pause | During::Nothing => {
            for caller in callers {
                let answered = life.runtime.block_on(caller).unwrap();
                assert_eq!(answer_of(&answered), expected, "{launch:?}");
            }
        }
    }
    let world = &life.world;
    life.runtime.block_on(async {
        let answered = ask(world, launch).await;
        assert_eq!(answer_of(&answered), expected, "{launch:?}");
        if let Ok(answered) = answered {
            if is_new && launch.during.ends_it() {
                end(world, launch, &answered.launch_id).await;
            }
            let get = || async {
                let get = pb::GetLaunchRequest { launch_id: answered.launch_id.clone() };
                world.launches().get_launch(get).await.unwrap().into_inner()
            };
            world.while_time_passes(async { while get().await.state() == pb::LaunchState::Launching {} }).await;
        }
        world.sandbox().faults().clear();
    });
    life
}

/// Cancels or terminates; too late is an answer as well.
async fn end(world: &World, launch: &Launch, launch_id: &str) {
    let (launch_id, reason) = (launch_id.to_owned(), "model".to_owned());
    let request_id = format!("end-{}", launch.request);
    let mut client = world.launches();
    let ended = if matches!(launch.during, During::Cancel) {
        client.cancel_launch(pb::CancelLaunchRequest { launch_id, reason, request_id }).await
    } else {
        let request = pb::TerminateLaunchRequest { launch_id, reason, request_id, ..Default::default() };
        let call = tokio::spawn(async move { client.terminate_launch(request).await });
        world.while_time_passes(call).await.unwrap()
    };
    if let Err(status) = ended {
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    }
}

/// What the log says is what EC2 has, and what the reference allows.
async fn compare(world: &World, reference: &Reference) {
    let listed = pb::ListLaunchesRequest { page_size: 500, ..Default::default() };
    let launches = world.launches().list_launches(listed).await.unwrap().into_inner().launches;
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for launch in &launches {
        let Some(request) = launch.request_id.strip_prefix("r-").and_then(|number| number.parse().ok()) else {
            assert_eq!(launch.state(), pb::LaunchState::Refused, "without a key nothing is launched");
            continue;
        };
        assert!(seen.insert(request), "request {request} has two launches");
        let count = u32::try_from(launch.instances.len()).unwrap();
        let allowed = reference.may_be(request, launch.state(), count);
        assert!(allowed, "{request}: {:?} with {count} of {:?}", launch.state(), reference.counts(request));
        for instance in &launch.instances {
            let other = owners.insert(instance.instance_id.clone(), launch.launch_id.clone());
            assert_eq!(other, None, "{} is of two launches", instance.instance_id);
        }
    }
    let xml = ec2(world, "Action=DescribeInstances&Version=2016-11-15");
    let there: BTreeSet<_> = texts(&xml, "instanceId").into_iter().map(str::to_owned).collect();
    let recorded: BTreeSet<_> = owners.into_keys().collect();
    // EC2 forgets what was terminated after an hour; nothing it has is missing from the log.
    assert_eq!(there.difference(&recorded).collect::<Vec<_>>(), Vec::<&String>::new());
    let orphans = pb::ListOrphansRequest { region: REGION.to_owned(), account_id: String::new() };
    assert_eq!(world.launches().list_orphans(orphans).await.unwrap().into_inner().orphans, []);
}

fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    std::fs::write(dir.path().join("policy.cedar"), policy(None)).unwrap();
    let mut reference = Reference::default();
    let mut life = Life::begin(dir.path(), &clock);
    for step in steps {
        match step {
            Step::Launch(launch) => life = carry_out(life, dir.path(), &clock, &launch, &mut reference),
            Step::Policy(forbidden) => {
                reference.forbidden = forbidden.map(|nth| TYPES[nth]);
                life.runtime.block_on(put_in_force(&life.world, dir.path(), reference.forbidden));
            }
            Step::Pause | Step::Resume => {
                reference.paused = matches!(step, Step::Pause);
                life.runtime.block_on(turn(&life.world, reference.paused));
            }
            Step::Restart | Step::Crash => {
                if matches!(step, Step::Restart) {
                    life.stop()
                } else {
                    life.crash()
                }
                life = Life::begin(dir.path(), &clock);
            }
            Step::Pass(seconds) => clock.advance(std::time::Duration::from_secs(seconds.into())),
        }
        life.runtime.block_on(compare(&life.world, &reference));
    }
    life.stop();
    let verified = std::process::Command::new(env!("CARGO_BIN_EXE_gantry"))
        .args(["audit", "verify", "--data-dir"])
        .arg(dir.path().join("data"))
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn any_history_gives_each_request_one_launch_and_every_instance_one_owner(steps in steps()) {
        run(steps);
    }
}
