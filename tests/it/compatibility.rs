//! What CheckCompatibility fails, RunInstances refuses, and nothing else: the rules against the
//! sandbox, which has rules of its own and shares no code with them.
//!
//! The pairs are drawn at random on every run; a failure names its pair. What one side cannot know
//! is listed in [`cannot_know`], and what is not drawn, with the reason, in [`Pair`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gantry::ami::compatibility::{Offered, Offerings, Verdict, Wish, check_compatibility, judge, verdict};
use gantry::api::pb;
use gantry::clock::{Clock, SimClock, Timestamp};
use gantry::ec2::facts::{Image, InstanceTypeFacts};
use gantry::ec2::{
    BudgetSettings, Client, Clients, Ec2Error, ImageQuestion, LocationType, RunInstances, Settings, StaticCredentials,
    Timeouts,
};
use gantry::record::{Finding, Outcome};
use gantry::sandbox::{self, Fault, Options, Sandbox, landmarks};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tokio_util::sync::CancellationToken;

use crate::world::{REGION, World};

/// Pairs of one run.
const PAIRS: usize = 500;

/// Types on which rules differ; half of the pairs are with one of them. Chance alone would meet
/// them once in a while.
const TELLING_TYPES: &[&str] = &[
    "t1.micro",
    "m1.small",
    "c1.medium",
    "m3.medium",
    "c3.large",
    "d2.xlarge",
    "x1.16xlarge",
    "t2.micro",
    "t2.nano",
    "m4.large",
    "i3.large",
    "m5.metal",
    "m7i.large",
    "m7g.large",
    "m7i-flex.16xlarge",
    "p4d.24xlarge",
    "trn1.2xlarge",
    "c6g.metal",
    "mac1.metal",
    "mac2.metal",
    "hpc7a.12xlarge",
    "u7i-12tb.224xlarge",
    "p5.48xlarge",
];

/// One launch. Not drawn: tenancy `host`, because the sandbox's account has allocated no host and
/// refuses it always; `dedicated`, because EC2's facts do not say which types run so; capacity
/// blocks, which have to be bought first; Spot with hibernation, where Spot has rules of its own.
#[derive(Debug)]
struct Pair {
    image: Index,
    landmark: Option<&'static str>,
    any_type: Index,
    telling_type: Option<&'static str>,
    spot: bool,
    hibernation: bool,
    enclave: bool,
    zone: Option<Index>,
}

fn pairs() -> impl Strategy<Value = Pair> {
    let landmark = select(LANDMARKS);
    (
        any::<Index>(),
        proptest::option::weighted(0.4, landmark),
        any::<Index>(),
        proptest::option::of(select(TELLING_TYPES)),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.15),
        proptest::option::weighted(0.3, any::<Index>()),
    )
        .prop_map(|(image, landmark, any_type, telling_type, spot, hibernation, enclave, zone)| Pair {
            image,
            landmark,
            any_type,
            telling_type,
            spot: spot && !hibernation,
            hibernation,
            enclave,
            zone,
        })
}

/// Images of every class there is.
const LANDMARKS: &[&str] = &[
    landmarks::AMAZON_LINUX_2023_X86_64,
    landmarks::AMAZON_LINUX_2023_ARM64,
    landmarks::UBUNTU_24_04_X86_64,
    landmarks::WINDOWS_SERVER_2022,
    landmarks::PARAVIRTUAL_EBS_X86_64,
    landmarks::PARAVIRTUAL_EBS_I386,
    landmarks::PARAVIRTUAL_INSTANCE_STORE_X86_64,
    landmarks::HVM_INSTANCE_STORE_X86_64,
    landmarks::UEFI_TPM_X86_64,
    landmarks::LEGACY_BIOS_X86_64,
    landmarks::HVM_WITHOUT_ENA,
    landmarks::TYPE_RESTRICTED,
    landmarks::ENCRYPTED_MULTI_VOLUME,
    landmarks::MAC_X86_64,
    landmarks::MAC_ARM64,
    landmarks::DISABLED,
    landmarks::PENDING,
    landmarks::MARKETPLACE,
    landmarks::MARKETPLACE_UNSUBSCRIBED,
];

/// What the sandbox answers where EC2's code is not confirmed, by the code of the finding. There
/// `ec2_error_code` is absent, and this is the sandbox's own choice.
const UNCONFIRMED: &[(&str, &str)] = &[
    ("BOOT_MODE_MISMATCH", "InvalidParameterValue"),
    ("NITRO_TPM_REQUIRED", "UnsupportedOperation"),
    ("EBS_ATTACHMENT_LIMIT", "AttachmentLimitExceeded"),
    ("TENANCY_NOT_SUPPORTED", "Unsupported"),
    ("ENCLAVE_NOT_SUPPORTED", "UnsupportedOperation"),
    ("HIBERNATION_WITH_ENCLAVE", "InvalidParameterCombination"),
];

/// What the rules cannot know: a Marketplace product needs a subscription and is sold for the
/// types that its seller lists, and neither is among the facts of an image or a type.
fn cannot_know(image: &Image) -> &'static [&'static str] {
    if image.image_owner_alias.as_deref() == Some("aws-marketplace") {
        &["OptInRequired", "UnsupportedOperation"]
    } else {
        &[]
    }
}

/// A sandbox on its own, and what gantry's client reads of it.
struct Facts {
    clock: SimClock,
    client: Client,
    images: Vec<Image>,
    types: Vec<InstanceTypeFacts>,
    offerings: Arc<Offerings>,
    _shutdown: tokio_util::sync::DropGuard,
}

impl Facts {
    async fn read() -> Self {
        let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
        let options = Options { images: sandbox::IMAGES_MIN, ..Options::default() };
        let sandbox = Sandbox::open(options, Arc::new(clock.clone())).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        tokio::spawn(sandbox.serve(listener, shutdown.clone()));
        let settings = Settings {
            regions: vec![sandbox::DEFAULT_REGION.parse().unwrap()],
            endpoint: Some(endpoint),
            credentials: Some(StaticCredentials {
                access_key_id: "test".to_owned(),
                secret_access_key: "test".to_owned(),
                session_token: None,
            }),
            account_id: Some(sandbox::ACCOUNT_ID.parse().unwrap()),
            timeouts: Timeouts::default(),
            budget: BudgetSettings { share: 1.0, scale: 1_000_000.0 },
        };
        let simulated: Arc<dyn Clock> = Arc::new(clock.clone());
        let clients = Clients::connect(&settings, &simulated).await.unwrap();
        let client = clients.get(&settings.regions[0]).unwrap().clone();
        let question =
            ImageQuestion { include_deprecated: true, include_disabled: true, ..ImageQuestion::everything() };
        Self {
            images: client.describe_images(&question, 10_000).await.unwrap(),
            types: client.describe_instance_types().await.unwrap(),
            offerings: Arc::new(Offerings::new(client.all_offerings(LocationType::AvailabilityZone).await.unwrap())),
            clock,
            client,
            _shutdown: shutdown.drop_guard(),
        }
    }

    fn image(&self, pair: &Pair) -> &Image {
        let named = |id: &str| self.images.iter().find(|image| image.image_id.as_str() == id).unwrap();
        pair.landmark.map_or_else(|| pair.image.get(&self.images), named)
    }

    fn instance_type(&self, pair: &Pair) -> &InstanceTypeFacts {
        let named = |name: &str| self.types.iter().find(|facts| facts.instance_type.as_str() == name).unwrap();
        pair.telling_type.map_or_else(|| pair.any_type.get(&self.types), named)
    }

    fn zone(&self, pair: &Pair) -> Option<String> {
        let zones: Vec<&str> = self.offerings.zones().collect();
        pair.zone.map(|zone| (*zone.get(&zones)).to_owned())
    }

    /// What EC2 answers: nothing where it launches or would, and its code where it refuses. A zone
    /// is looked at after a dry run has ended, so with a zone the launch is real.
    async fn run(&self, pair: &Pair, number: usize) -> Option<String> {
        let (image, facts) = (self.image(pair), self.instance_type(pair));
        let token = format!("compatibility-{number}").parse().unwrap();
        let mut input = RunInstances::new(token, image.image_id.clone(), facts.instance_type.clone(), 1);
        input.placement.availability_zone = self.zone(pair).map(|zone| zone.parse().unwrap());
        input.placement.tenancy = Some("default".to_owned());
        input.hibernation = pair.hibernation.then_some(true);
        input.enclave = pair.enclave.then_some(true);
        if pair.spot {
            input.market = Some(serde_json::from_str(r#"{"market_type":"spot"}"#).unwrap());
        }
        if pair.hibernation && image.root_device_type.as_deref() == Some("ebs") {
            // A launch can make a root volume that holds the memory, so its lack is no FAIL.
            let gib = facts.memory_mib.unwrap() / 1024 + 100;
            let mapping = serde_json::json!({
                "device_name": image.root_device_name,
                "ebs": { "encrypted": true, "volume_type": "gp3", "volume_size_gib": gib },
            });
            input.block_device_mappings = vec![serde_json::from_value(mapping).unwrap()];
        }
        // Two requests a second are what EC2 allows.
        self.clock.advance(Duration::from_secs(1));
        match self.client.run_instances(&input, None, pair.zone.is_none()).await {
            Ok(_) => None,
            Err(Ec2Error::Answered(answer)) if answer.code == "DryRunOperation" => None,
            Err(Ec2Error::Answered(answer)) => Some(answer.code),
            Err(error) => panic!("{pair:?}: {error}"),
        }
    }

    fn wish(&self, pair: &Pair) -> Wish {
        Wish {
            market: Some(if pair.spot { "spot" } else { "on-demand" }.to_owned()),
            tenancy: Some("default".to_owned()),
            hibernation: pair.hibernation,
            enclave: pair.enclave,
            offered: Offered::Known(Arc::clone(&self.offerings)),
            availability_zone: self.zone(pair),
            ..Wish::default()
        }
    }
}

/// The codes that a refusal for these findings may have.
fn codes(failed: &[&Finding]) -> Vec<String> {
    failed
        .iter()
        .map(|finding| match &finding.ec2_error_code {
            Some(code) => code.to_string(),
            None => {
                let row = UNCONFIRMED.iter().find(|(code, _)| *code == finding.code);
                row.unwrap_or_else(|| panic!("the sandbox's choice is not listed: {finding:?}")).1.to_owned()
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_refused_and_what_is_compatible_launches() {
    let facts = Facts::read().await;
    let mut runner = TestRunner::new(ProptestConfig::default());
    let (mut launched, mut unknown, mut refused) = (0, 0, BTreeMap::<String, usize>::new());
    for number in 0..PAIRS {
        let pair = pairs().new_tree(&mut runner).unwrap().current();
        let (image, instance_type) = (facts.image(&pair), facts.instance_type(&pair));
        let wish = facts.wish(&pair);
        let about = || format!("{} on {}: {pair:?} {wish:?}", image.image_id, instance_type.instance_type);
        let findings = check_compatibility(image, instance_type, &wish);
        assert_eq!(verdict(&findings), judge(image, instance_type, &wish), "{}", about());
        let failed: Vec<&Finding> = findings.iter().filter(|finding| finding.outcome == Outcome::Fail).collect();
        let answer = facts.run(&pair, number).await;
        match (verdict(&findings), answer) {
            // Neither side promises anything: a record without a virtualization type, say.
            (Verdict::Unknown, _) => unknown += 1,
            (Verdict::Compatible, None) => launched += 1,
            (Verdict::Compatible, Some(code)) => {
                assert!(cannot_know(image).contains(&code.as_str()), "refused with {code}: {}", about());
            }
            (Verdict::Incompatible, None) => panic!("launched in spite of {failed:?}: {}", about()),
            (Verdict::Incompatible, Some(code)) => {
                let expected = codes(&failed);
                // It may as well be refused because of what is not known.
                let is_open = findings.iter().any(|finding| finding.outcome == Outcome::Unknown);
                assert!(
                    is_open || expected.contains(&code) || cannot_know(image).contains(&code.as_str()),
                    "refused with {code}, expected {expected:?} because of {failed:?}: {}",
                    about()
                );
                *refused.entry(code).or_default() += 1;
            }
        }
    }
    let refusals: usize = refused.values().sum();
    assert!(launched > 30 && refusals > 100 && refused.len() >= 5, "{launched} launched, refused {refused:?}");
    assert!(unknown < PAIRS / 5, "{unknown} unknown");
}

/// An account that may read the types and not where they are offered is told that this is not known.
#[tokio::test(flavor = "multi_thread")]
async fn offerings_that_cannot_be_read_are_unknown() {
    let world = World::start().await;
    let denied =
        Fault::ErrorBefore { code: "UnauthorizedOperation".to_owned(), message: "No.".to_owned(), status: 403 };
    world.sandbox().faults().inject("DescribeInstanceTypeOfferings", 1, denied);
    for (zone, code) in [(None, "NOT_OFFERED_IN_REGION"), (Some("sandbox-1a"), "NOT_OFFERED_IN_ZONE")] {
        let request = pb::CheckCompatibilityRequest {
            region: REGION.to_owned(),
            image_id: landmarks::UEFI_TPM_X86_64.to_owned(),
            instance_types: vec!["m7i.large".to_owned()],
            availability_zone: zone.map(str::to_owned),
            ..Default::default()
        };
        let verdict = world.images().check_compatibility(request).await.unwrap().into_inner().verdicts.remove(0);
        assert_eq!(verdict.verdict(), pb::CompatibilityVerdict::Unknown);
        let [finding] = verdict.findings.as_slice() else { panic!("{verdict:?}") };
        assert_eq!((finding.code.as_str(), finding.outcome()), (code, pb::Outcome::Unknown));
        assert!(!finding.remedy.is_empty() && verdict.availability_zones.is_empty());
    }
}

/// The zone that is asked for, where a type is offered, and both directions of the same question.
#[tokio::test(flavor = "multi_thread")]
async fn zones_are_judged_and_both_ways_agree() {
    let world = World::start().await;
    let list = pb::ListInstanceTypesRequest {
        region: REGION.to_owned(),
        image_id: landmarks::UEFI_TPM_X86_64.to_owned(),
        page_size: 1_000,
        ..Default::default()
    };
    let listed = world.images().list_instance_types(list).await.unwrap().into_inner();
    assert!(listed.types_observed_time.is_some());
    let in_some = listed.instance_types.iter().find(|facts| facts.availability_zones.len() == 1).unwrap();
    let in_other = listed.instance_types.iter().flat_map(|facts| &facts.availability_zones);
    let elsewhere = in_other.into_iter().find(|zone| !in_some.availability_zones.contains(zone)).unwrap();
    let ask = |zone: Option<&str>, types: &[&str]| pb::CheckCompatibilityRequest {
        region: REGION.to_owned(),
        image_id: landmarks::UEFI_TPM_X86_64.to_owned(),
        instance_types: types.iter().map(|&name| name.to_owned()).collect(),
        availability_zone: zone.map(str::to_owned),
        page_size: 500,
        ..Default::default()
    };
    let name = in_some.instance_type.as_str();
    let check = async |request| world.images().check_compatibility(request).await.map(tonic::Response::into_inner);
    let anywhere = check(ask(None, &[name])).await.unwrap().verdicts.remove(0);
    assert_eq!(anywhere.verdict(), pb::CompatibilityVerdict::Compatible);
    assert_eq!(anywhere.availability_zones, in_some.availability_zones);
    let there = check(ask(Some(elsewhere), &[name])).await.unwrap().verdicts.remove(0);
    let [finding] = there.findings.as_slice() else { panic!("{there:?}") };
    assert_eq!((finding.code.as_str(), finding.ec2_error_code.as_str()), ("NOT_OFFERED_IN_ZONE", "Unsupported"));
    let nowhere = check(ask(Some("eu-north-9z"), &[name])).await.unwrap_err();
    assert_eq!(nowhere.code(), tonic::Code::InvalidArgument);

    let mut request = ask(None, &[]);
    let mut verdicts = Vec::new();
    loop {
        let page = check(request.clone()).await.unwrap();
        verdicts.extend(page.verdicts);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let possible = verdicts.iter().filter(|one| one.verdict() != pb::CompatibilityVerdict::Incompatible);
    let possible: Vec<&str> = possible.map(|one| one.instance_type.as_str()).collect();
    let names: Vec<&str> = listed.instance_types.iter().map(|facts| facts.instance_type.as_str()).collect();
    assert_eq!(names, possible);
    for (name, boots) in [(name, true), ("t2.micro", false)] {
        let filter = |name: &str, value: &str| pb::Filter { name: name.to_owned(), values: vec![value.to_owned()] };
        let request = pb::ListImagesRequest {
            region: REGION.to_owned(),
            owners: vec!["all".to_owned()],
            filters: vec![filter("image-id", landmarks::UEFI_TPM_X86_64), filter("gantry:bootable-on", name)],
            ..Default::default()
        };
        let found = world.images().list_images(request).await.unwrap().into_inner();
        assert_eq!(found.total_size, i32::from(boots), "{name}");
    }
}
