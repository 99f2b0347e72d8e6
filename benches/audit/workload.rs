//! What the audit log is given to remember in the benches: launches of seven records each, as a
//! company's callers make them. Everything follows from the seed and the launch's number.

use std::time::Duration;

use gantry::clock::Timestamp;
use gantry::ids::{AccountId, AttemptId, ImageId, InstanceId, LaunchId, Principal, Region, Sha256Digest};
use gantry::record::{
    AttemptIntended, AttemptSucceeded, Candidate, Decision, ENTRY_VERSION, Entry, Event, Finding, ImageChoice,
    ImageReceipt, InstancePhase, InstancePlace, Outcome, Phase, Placement, PolicyStamp, ServiceStarted, Spec, Verdict,
};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Records to a launch: its decision, an attempt, its answer, and four phases up to READY.
pub(crate) const LAUNCH_RECORDS: usize = 7;
/// Callers, the first ones far busier than the last.
pub(crate) const PRINCIPALS: u64 = 200;
/// Images, the first ones far more launched than the last.
pub(crate) const IMAGES: u64 = 2_000;
/// Accounts, busiest first.
const ACCOUNTS: [&str; 4] = ["210987654321", "123456789012", "345678901234", "456789012345"];
/// Regions, busiest first.
const REGIONS: [&str; 4] = ["us-east-1", "eu-west-1", "us-west-2", "ap-southeast-2"];
/// Of a hundred launches, how many are in the Regions up to each.
const REGION_SHARES: [u64; 4] = [60, 85, 95, 100];
/// What a leaf takes on average, in bytes, within a thirtieth.
const LEAF_BYTES: f64 = 600.0;
/// Unix seconds of the first decision.
const START_SECOND: i64 = 1_767_600_000;
/// Between one decision and the next.
const LAUNCH_EVERY_MILLIS: u64 = 1_500;
/// How many launches are begun before each record of one is written: an instance takes two
/// minutes to become ready, and others are launched meanwhile.
pub(super) const LAGS: [u64; LAUNCH_RECORDS] = [0, 0, 1, 3, 10, 25, 90];

/// Launches without end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    seed: u64,
}

/// What the records of a launch have in common.
struct Facts {
    rng: ChaCha8Rng,
    time: Timestamp,
    launch_id: LaunchId,
    account_id: AccountId,
    region: Region,
    principal: Principal,
    image_id: ImageId,
    size: &'static str,
    zone: String,
}

impl Workload {
    /// The workload of this seed. Its average leaf is [`LEAF_BYTES`] long.
    pub(crate) fn new(seed: u64) -> Self {
        let workload = Self { seed };
        let leaves = (0..500).flat_map(|serial| workload.launch(serial)).map(|entry| entry.to_leaf().len());
        let mean = leaves.sum::<usize>() as f64 / (500 * LAUNCH_RECORDS) as f64;
        assert!((mean / LEAF_BYTES - 1.0).abs() < 1.0 / 30.0, "a leaf has {mean:.0} bytes on average");
        workload
    }

    /// The records of a launch that goes well, in order.
    pub(crate) fn launch(&self, serial: u64) -> [Entry; LAUNCH_RECORDS] {
        let mut facts = self.facts(serial);
        let decision = facts.decision(Verdict::Admitted);
        let attempt_id = AttemptId::from_bytes(facts.uuid(3));
        let instance_type = format!("m7i.{}", facts.size).parse().unwrap();
        let zone = facts.zone.clone();
        let intended = Event::AttemptIntended(Box::new(AttemptIntended {
            attempt_id,
            instance_type,
            placement: facts.placement(),
            client_token: attempt_id.client_token(),
            input: serde_json::json!({
                "image_id": facts.image_id.as_str(), "instance_type": format!("m7i.{}", facts.size),
                "min_count": 1, "max_count": 1,
                "placement": { "availability_zone": zone }, "metadata_options": { "http_tokens": "required" },
            }),
            share: None,
            role_session: None,
        }));
        let place = facts.place(&zone);
        let succeeded = Event::AttemptSucceeded(AttemptSucceeded {
            attempt_id,
            ec2_request_id: Some(LaunchId::from_bytes(facts.uuid(0)).to_string()),
            reservation_id: Some(facts.hex("r-0")),
            instances: vec![place.clone()],
        });
        let phase = |lag: usize, phase, system: Option<&str>, instance: Option<&str>, place: Option<&InstancePlace>| {
            Event::InstancePhase(InstancePhase {
                instance_id: place_id(&succeeded).clone(),
                phase,
                system_status: system.map(str::to_owned),
                instance_status: instance.map(str::to_owned),
                ebs_status: system.map(|_| "not-applicable".to_owned()),
                application_status: None,
                performance_status: None,
                scheduled_events: Vec::new(),
                state_reason: None,
                failure: None,
                elapsed: lag_time(lag),
                place: place.cloned(),
            })
        };
        let running = InstancePlace {
            private_ip: Some(format!("10.{}.{}.{}", facts.draw(256), facts.draw(256), facts.draw(254))),
            private_dns_name: Some(facts.hex("ip-") + ".ec2.internal"),
            ..place.clone()
        };
        let phases = [
            phase(3, Phase::Pending, None, None, None),
            phase(4, Phase::Running, None, None, Some(&running)),
            phase(5, Phase::Checking, Some("initializing"), Some("initializing"), None),
            phase(6, Phase::Ready, Some("ok"), Some("ok"), None),
        ];
        let [pending, running, checking, ready] = phases;
        let mut lag = 0;
        [decision, intended, succeeded, pending, running, checking, ready].map(|event| {
            let entry = facts.entry(facts.time + lag_time(lag), event);
            lag += 1;
            entry
        })
    }

    /// The one record of a launch that is refused.
    pub(crate) fn refusal(&self, serial: u64) -> Entry {
        let mut facts = Self { seed: !self.seed }.facts(serial);
        let decision = facts.decision(Verdict::Refused);
        facts.entry(facts.time, decision)
    }

    /// What a process writes when it opens the log.
    pub(crate) fn started(&self) -> Entry {
        Entry {
            v: ENTRY_VERSION,
            time: time_of(0),
            launch_id: None,
            account_id: None,
            region: None,
            principal: None,
            event: Event::ServiceStarted(ServiceStarted {
                version: "0.1.0".to_owned(),
                sandbox: true,
                regions: REGIONS.map(|region| region.parse().unwrap()).to_vec(),
                open_launches: 0,
                verifier_key: None,
                accepted: None,
            }),
        }
    }

    /// When launch `serial` is decided.
    pub(crate) fn time(&self, serial: u64) -> Timestamp {
        time_of(serial)
    }

    /// The id of launch `serial`, its instance, its image: what a reader may ask for.
    pub(crate) fn ids(&self, serial: u64) -> (LaunchId, InstanceId, ImageId) {
        let [decision, _, succeeded, ..] = self.launch(serial);
        let Event::Decision(body) = &decision.event else { unreachable!("the first record is the decision") };
        let image_id = body.image_id().unwrap().clone();
        (decision.launch_id.unwrap(), place_id(&succeeded.event).clone(), image_id)
    }

    fn facts(&self, serial: u64) -> Facts {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ serial.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let time = time_of(serial) + Duration::from_micros(rng.next_u64() % (LAUNCH_EVERY_MILLIS * 1_000));
        let caller = skewed(&mut rng, PRINCIPALS);
        let share = rng.next_u64() % 100;
        let region = region(REGION_SHARES.iter().filter(|upto| **upto <= share).count() as u64);
        let letter = ["a", "b", "c"][(rng.next_u64() % 3) as usize];
        let mut facts = Facts {
            time,
            launch_id: LaunchId::from_bytes([0; 16]),
            // A caller works in one account, and a few in all.
            account_id: account(if caller % 10 == 9 { share % 4 } else { caller % 4 }),
            zone: format!("{region}{letter}"),
            region,
            principal: principal(caller),
            image_id: image(skewed(&mut rng, IMAGES)),
            size: ["large", "xlarge", "2xlarge"][(share % 3) as usize],
            rng,
        };
        facts.launch_id = LaunchId::from_bytes(facts.uuid(0));
        facts
    }
}

impl Facts {
    fn entry(&self, time: Timestamp, event: Event) -> Entry {
        Entry {
            v: ENTRY_VERSION,
            time,
            launch_id: Some(self.launch_id),
            account_id: Some(self.account_id.clone()),
            region: Some(self.region.clone()),
            principal: Some(self.principal.clone()),
            event,
        }
    }

    fn decision(&mut self, verdict: Verdict) -> Event {
        let instance_type: gantry::ids::InstanceType = format!("m7i.{}", self.size).parse().unwrap();
        let build = self.draw(1_000_000);
        let reason = format!("nightly image build {build} of the payments platform");
        let tags = [("Name", format!("build-{build}")), ("team", "payments".to_owned())];
        let spec = Spec {
            account_id: self.account_id.clone(),
            region: self.region.clone(),
            image: ImageChoice::ImageId(self.image_id.clone()),
            instance_types: vec![instance_type.clone()],
            placements: Vec::new(),
            strategy: Default::default(),
            min_count: 1,
            max_count: 1,
            market: Default::default(),
            key_name: None,
            security_group_ids: vec![self.hex("sg-0").parse().unwrap()],
            network_interfaces: Vec::new(),
            iam_instance_profile: None,
            user_data_sha256: None,
            block_device_mappings: Vec::new(),
            metadata_options: Default::default(),
            hibernation: false,
            enclave: false,
            cpu_credits: None,
            cpu_options: Default::default(),
            launch_template: None,
            tags: tags.map(|(key, value)| (key.to_owned(), value)).into(),
            volume_tags: Default::default(),
            ready_timeout: Duration::from_secs(900),
            on_boot_failure: Default::default(),
            expire_time: None,
        };
        let admitted = verdict == Verdict::Admitted;
        Event::Decision(Box::new(Decision {
            request_id: Some(LaunchId::from_bytes(self.uuid(0)).to_string().parse().unwrap()),
            body_sha256: spec.body_hash(&reason),
            preview: false,
            break_glass: false,
            reason,
            spec,
            verdict,
            findings: vec![Finding {
                code: if admitted { "IMAGE_OLD" } else { "IMAGE_DEPRECATED" }.into(),
                outcome: if admitted { Outcome::Warn } else { Outcome::Fail },
                field: "creation_date".to_owned(),
                observed: "412 days".to_owned(),
                expected: "less than 365 days".to_owned(),
                message: "the image is more than a year old".to_owned(),
                remedy: "build it anew".to_owned(),
                ec2_error_code: None,
            }],
            candidates: if admitted {
                vec![Candidate { instance_type, placement: self.placement(), zone: None }]
            } else {
                Vec::new()
            },
            deadline: admitted.then(|| self.time + Duration::from_secs(3_600)),
            policy: PolicyStamp {
                hash: None,
                determining_policy_ids: vec!["only-current-images".to_owned()],
                overridden: false,
            },
            image_receipt: Some(ImageReceipt {
                image_id: self.image_id.clone(),
                digest: Sha256Digest::of(self.image_id.as_str().as_bytes()),
                observed_time: self.time,
            }),
            image_facts: Some(serde_json::json!({
                "image_id": self.image_id.as_str(), "architecture": "x86_64", "state": "available",
                "root_device_type": "ebs",
            })),
            type_facts: Vec::new(),
            governed_types: Vec::new(),
            launch_template: None,
            facts_time: self.time,
        }))
    }

    fn placement(&self) -> Placement {
        Placement { availability_zone: Some(self.zone.parse().unwrap()), ..Placement::default() }
    }

    fn place(&mut self, zone: &str) -> InstancePlace {
        InstancePlace {
            instance_id: self.hex("i-0").parse().unwrap(),
            instance_type: Some(format!("m7i.{}", self.size)),
            availability_zone: Some(zone.to_owned()),
            subnet_id: Some(self.hex("subnet-0")),
            private_ip: None,
            private_dns_name: None,
            public_dns_name: None,
            launch_time: Some(self.time + Duration::from_secs(1)),
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.rng.next_u64() % below
    }

    /// An id as EC2 makes them.
    fn hex(&mut self, prefix: &str) -> String {
        format!("{prefix}{:016x}", self.rng.next_u64())
    }

    /// A UUIDv7 of so many milliseconds after the decision.
    fn uuid(&mut self, millis: i64) -> [u8; 16] {
        let millis = u64::try_from(self.time.as_millisecond() + millis).unwrap();
        let mut random = [0; 10];
        self.rng.fill_bytes(&mut random);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().into_bytes()
    }
}

/// The caller of this rank; one past the last is nobody.
pub(crate) fn principal(rank: u64) -> Principal {
    format!("spiffe://corp.example/ci/build-{rank:03}").parse().unwrap()
}

/// The image of this rank; one past the last is launched by nobody.
pub(crate) fn image(rank: u64) -> ImageId {
    format!("ami-0{:016x}", rank.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).parse().unwrap()
}

/// The Region of this rank.
pub(crate) fn region(rank: u64) -> Region {
    REGIONS[rank as usize].parse().unwrap()
}

/// The account of this rank.
pub(crate) fn account(rank: u64) -> AccountId {
    ACCOUNTS[rank as usize].parse().unwrap()
}

/// A rank below `count`: of 2,000, the first comes up 15 times in a hundred, the last one time in
/// 8,000.
fn skewed(rng: &mut ChaCha8Rng, count: u64) -> u64 {
    let uniform = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    ((count as f64) * uniform.powi(4)) as u64
}

fn time_of(serial: u64) -> Timestamp {
    let start = Timestamp::from_second(START_SECOND).unwrap();
    start + Duration::from_millis(serial * LAUNCH_EVERY_MILLIS)
}

/// How long after its decision the record at `place` of a launch is written.
fn lag_time(place: usize) -> Duration {
    Duration::from_millis(LAGS[place] * LAUNCH_EVERY_MILLIS + place as u64)
}

fn place_id(event: &Event) -> &InstanceId {
    let Event::AttemptSucceeded(succeeded) = event else { unreachable!("the third record has the instances") };
    &succeeded.instances[0].instance_id
}
