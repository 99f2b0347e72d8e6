//! The sandbox as its clients see it: requests in, answers out, mostly without sockets.

mod life;

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::actions::{Answer, answer};
use super::wire::query::Query;
use super::*;
use crate::clock::{SimClock, Timestamp};

const CREDENTIAL: &str =
    "AWS4-HMAC-SHA256 Credential=AKID/20261001/sandbox-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
const RUN: &str = "Action=RunInstances&ImageId=ami-05a4db0c500000001&InstanceType=t3.micro&MinCount=1&MaxCount=2";

pub(super) fn clock() -> SimClock {
    SimClock::new(Timestamp::from_second(1_800_000_000).unwrap())
}

pub(super) fn open(clock: &SimClock, state_dir: Option<PathBuf>) -> Sandbox {
    Sandbox::open(Options { images: IMAGES_MIN, state_dir, ..Options::default() }, Arc::new(clock.clone())).unwrap()
}

fn signed() -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, CREDENTIAL.parse().unwrap())])
}

pub(super) fn ask(sandbox: &Sandbox, form: &str) -> (u16, String) {
    match answer(sandbox, &signed(), &Query::parse(form.as_bytes()).unwrap(), "request") {
        Answer::Xml(status, body) | Answer::Json(status, body) => (status, body),
        Answer::Html(status) => (status, "html".to_owned()),
        Answer::Lost => (0, "lost".to_owned()),
    }
}

/// The texts of all elements of one name.
pub(super) fn texts(xml: &str, name: &str) -> Vec<String> {
    let open = format!("<{name}>");
    xml.split(&open).skip(1).map(|rest| rest.split('<').next().unwrap_or_default().to_owned()).collect()
}

pub(super) fn code(sandbox: &Sandbox, form: &str) -> String {
    let (_, body) = ask(sandbox, form);
    texts(&body, "Code").pop().unwrap_or_else(|| body.clone())
}

#[test]
fn a_token_launches_once_in_its_scope() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let launched = |form: &str| texts(&ask(&sandbox, form).1, "instanceId");
    let first = launched(&format!("{RUN}&ClientToken=t"));
    assert_eq!(first.len(), 2);
    assert_eq!(launched(&format!("{RUN}&ClientToken=t")), first);
    assert_eq!(code(&sandbox, &format!("{RUN}&ClientToken=t&EbsOptimized=true")), "IdempotentParameterMismatch");
    // Zonal: the same token in two zones launches twice more.
    let zonal = |zone: &str| launched(&format!("{RUN}&ClientToken=t&Placement.AvailabilityZone={zone}"));
    let (a, b) = (zonal("sandbox-1a"), zonal("sandbox-1b"));
    assert!(a != first && b != first && a != b);
    assert_eq!(zonal("sandbox-1a"), a);

    let terminate = format!("Action=TerminateInstances&InstanceId.1={}&InstanceId.2={}", first[0], first[1]);
    assert_eq!(texts(&ask(&sandbox, &terminate).1, "name"), ["shutting-down", "pending"].repeat(2));
    clock.advance(Duration::from_secs(30));
    assert_eq!(code(&sandbox, &format!("{RUN}&ClientToken=t")), "IdempotentInstanceTerminated");
    clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(
        code(&sandbox, &format!("Action=DescribeInstances&InstanceId.1={}", first[0])),
        "InvalidInstanceID.NotFound"
    );
    assert_eq!(code(&sandbox, &format!("{RUN}&ClientToken=t")), "IdempotentInstanceTerminated");
    clock.advance(Duration::from_secs(48 * 3600));
    assert_ne!(launched(&format!("{RUN}&ClientToken=t")), first, "in the end it is forgotten");
}

#[test]
fn a_dry_run_changes_nothing() {
    let sandbox = open(&clock(), None);
    let (status, body) = ask(&sandbox, &format!("{RUN}&ClientToken=t&DryRun=true"));
    assert_eq!((status, texts(&body, "Code")), (412, vec!["DryRunOperation".to_owned()]));
    assert!(texts(&ask(&sandbox, "Action=DescribeInstances").1, "instanceId").is_empty());
    assert_eq!(code(&sandbox, &RUN.replace("t3.micro", "t4g.micro")), "InvalidParameterValue");
}

#[test]
fn instances_boot_on_the_clock_and_status_shows_running_ones_only() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let ids = texts(&ask(&sandbox, RUN).1, "instanceId");
    let status = |all: bool| {
        ask(&sandbox, &format!("Action=DescribeInstanceStatus&InstanceId.1={}&IncludeAllInstances={all}", ids[0])).1
    };
    assert!(texts(&status(false), "instanceId").is_empty(), "pending is not listed");
    assert_eq!(texts(&status(true), "status"), ["not-applicable"; 3]);
    clock.advance(Duration::from_secs(12));
    assert_eq!(texts(&status(false), "name")[0], "running");
    assert!(texts(&status(false), "status").contains(&"initializing".to_owned()));
    clock.advance(Duration::from_secs(40));
    assert_eq!(texts(&status(false), "status"), ["ok", "passed", "ok", "passed", "ok", "passed"]);
}

#[test]
fn faults_strike_before_after_and_around() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let faults = sandbox.faults();
    let throttled =
        Fault::ErrorBefore { code: "RequestLimitExceeded".to_owned(), message: "slow down".to_owned(), status: 503 };
    faults.inject("RunInstances", 1, throttled);
    faults.inject("RunInstances", 1, Fault::Html { status: 502 });
    faults.inject("RunInstances", 1, Fault::InsufficientInstanceCapacity { available: 0 });
    faults.inject("RunInstances", 1, Fault::InsufficientInstanceCapacity { available: 1 });
    faults.inject("RunInstances", 1, Fault::ReplyLost);
    faults.inject("RunInstances", 1, Fault::InvisibleFor(Duration::from_secs(5)));
    let describe = |sandbox: &Sandbox| texts(&ask(sandbox, "Action=DescribeInstances").1, "instanceId").len();
    assert_eq!(ask(&sandbox, RUN).0, 503);
    assert_eq!(ask(&sandbox, RUN), (502, "html".to_owned()));
    assert_eq!(ask(&sandbox, RUN).0, 500);
    assert_eq!(describe(&sandbox), 0);
    assert_eq!(texts(&ask(&sandbox, RUN).1, "instanceId").len(), 1, "fewer than MaxCount, at least MinCount");
    assert_eq!(ask(&sandbox, RUN).1, "lost");
    assert_eq!(describe(&sandbox), 3, "the lost reply had its effect");
    let hidden = texts(&ask(&sandbox, RUN).1, "instanceId");
    assert_eq!(describe(&sandbox), 3);
    assert_eq!(
        code(&sandbox, &format!("Action=DescribeInstances&InstanceId.1={}", hidden[0])),
        "InvalidInstanceID.NotFound"
    );
    clock.advance(Duration::from_secs(5));
    assert_eq!(describe(&sandbox), 5);
    assert_eq!(sandbox.calls("RunInstances"), 6);
}

#[test]
fn a_restart_finds_instances_tokens_and_tags() {
    let clock = clock();
    let directory = tempfile::tempdir().unwrap();
    let run = format!(
        "{RUN}&ClientToken=t&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v"
    );
    let sandbox = open(&clock, Some(directory.path().to_owned()));
    let ids = texts(&ask(&sandbox, &run).1, "instanceId");
    ask(&sandbox, "Action=CreateTags&ResourceId.1=ami-05a4db0c500000001&Tag.1.Key=mine&Tag.1.Value=1");
    ask(&sandbox, &format!("Action=TerminateInstances&InstanceId.1={}", ids[1]));
    let before = ask(&sandbox, "Action=DescribeInstances").1;
    drop(sandbox);
    for _ in 0..2 {
        let sandbox = open(&clock, Some(directory.path().to_owned()));
        assert_eq!(ask(&sandbox, "Action=DescribeInstances").1, before);
        assert_eq!(texts(&ask(&sandbox, &run).1, "instanceId"), ids);
        let tagged = ask(&sandbox, "Action=DescribeImages&Filter.1.Name=tag:mine&Filter.1.Value.1=1").1;
        assert_eq!(texts(&tagged, "imageId"), [landmarks::AMAZON_LINUX_2023_X86_64]);
    }
    let sandbox = open(&clock, Some(directory.path().to_owned()));
    let more = texts(&ask(&sandbox, RUN).1, "instanceId");
    assert!(more.iter().all(|id| !ids.contains(id)), "ids are never given twice");
}

#[test]
fn ten_thousand_instances_live_at_once_without_naming_a_zone() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let launch = RUN.replace("MinCount=1&MaxCount=2", "MinCount=1000&MaxCount=1000");
    // The zones have 12,273 addresses between them, in three equal parts.
    let mut ids: Vec<String> = (0..12).flat_map(|_| texts(&ask(&sandbox, &launch).1, "instanceId")).collect();
    assert_eq!(code(&sandbox, &launch), "InsufficientFreeAddressesInSubnet");
    for _ in 0..3 {
        let few = RUN.replace("MaxCount=2", "MaxCount=90");
        ids.extend(texts(&ask(&sandbox, &few).1, "instanceId"));
    }
    for _ in 0..3 {
        let launched = texts(&ask(&sandbox, RUN).1, "instanceId");
        assert_eq!(launched.len(), 1, "as many as there are addresses for, from MinCount on");
        ids.extend(launched);
    }
    assert_eq!((ids.len(), sandbox.instances(DEFAULT_REGION)), (12_273, 12_273));
    assert_eq!(code(&sandbox, RUN), "InsufficientFreeAddressesInSubnet");
    for ids in ids.chunks(1000) {
        let named: String = (1..).zip(ids).map(|(nth, id)| format!("&InstanceId.{nth}={id}")).collect();
        assert_eq!(ask(&sandbox, &format!("Action=TerminateInstances{named}")).0, 200);
    }
    clock.advance(Duration::from_secs(60));
    assert_eq!(sandbox.instances(DEFAULT_REGION), 0);
    assert_eq!(texts(&ask(&sandbox, &launch).1, "instanceId").len(), 1000);
}

#[test]
fn pages_add_up_to_the_whole() {
    let sandbox = open(&clock(), None);
    for (question, item, pages_of) in [
        (
            "Action=DescribeImages&IncludeDeprecated=true&Filter.1.Name=architecture&Filter.1.Value.1=x86_64",
            "imageId",
            7,
        ),
        ("Action=DescribeInstanceTypes&Filter.1.Name=bare-metal&Filter.1.Value.1=true", "instanceType", 13),
        (
            "Action=DescribeInstanceTypeOfferings&LocationType=availability-zone&Filter.1.Name=instance-type&Filter.1.Value.1=c*",
            "instanceType",
            100,
        ),
    ] {
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let (_, body) = ask(&sandbox, &format!("{question}&MaxResults={pages_of}{token}"));
            found.extend(texts(&body, item));
            match texts(&body, "nextToken").pop() {
                Some(next) => token = format!("&NextToken={next}"),
                None => break,
            }
        }
        let one_page = if item == "instanceType" { "&MaxResults=100" } else { "" };
        let whole = texts(&ask(&sandbox, &format!("{question}{one_page}")).1, item);
        assert!(found.len() > 20 && found[..whole.len()] == whole[..], "{question}");
        found.dedup();
        assert!(item != "imageId" || found.len() == whole.len());
    }
}

async fn exchange(address: std::net::SocketAddr, form: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {CREDENTIAL}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn a_lost_reply_is_a_closed_connection_and_shutdown_does_not_wait_for_idle_clients() {
    let sandbox = open(&clock(), None);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(sandbox.clone().serve(listener, shutdown.clone()));
    sandbox.faults().inject("RunInstances", 1, Fault::ReplyLost);
    assert_eq!(exchange(address, RUN).await, "");
    let answer = exchange(address, "Action=DescribeInstances").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(texts(&answer, "instanceId").len(), 2);
    // One client that says nothing, and one that stops in the middle.
    let _idle = TcpStream::connect(address).await.unwrap();
    let mut halfway = TcpStream::connect(address).await.unwrap();
    halfway.write_all(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nAction=").await.unwrap();
    exchange(address, "Action=DescribeRegions").await;
    shutdown.cancel();
    served.await.unwrap().unwrap();
}

#[test]
fn options_are_checked() {
    let open = |options: Options| Sandbox::open(options, Arc::new(clock()));
    assert!(matches!(open(Options { regions: vec![], ..Options::default() }), Err(SandboxError::Regions)));
    assert!(matches!(open(Options { images: 10, ..Options::default() }), Err(SandboxError::Images(10))));
    assert!(matches!(open(Options { speed: 0.0, ..Options::default() }), Err(SandboxError::Speed(_))));
}
