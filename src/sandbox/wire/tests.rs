//! Requests that nobody in their right mind sends, through the handler that real ones go through:
//! nothing panics, and whatever comes back is well-formed and has EC2's shape.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::connection::Cut;
use super::handle;
use crate::clock::{SimClock, Timestamp};
use crate::sandbox::{IMAGES_MIN, Options, Sandbox, landmarks};

/// Requests that are right where there is an instance, or nearly: what mutation starts from. The
/// first one launches it.
const RIGHT: &[&str] = &[
    "Action=RunInstances&ImageId=ami-05a4db0c500000001&InstanceType=t3.micro&MinCount=1&MaxCount=2&ClientToken=t",
    "Action=RunInstances&ImageId=ami-05a4db0c500000001&InstanceType=m7i.large&MinCount=1&MaxCount=1&\
     BlockDeviceMapping.1.DeviceName=/dev/sdf&BlockDeviceMapping.1.Ebs.VolumeSize=8&\
     TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v",
    "Action=RunInstances&ImageId=ami-05a4db0c500000001&MinCount=1&MaxCount=1&UserData=aGVsbG8=&\
     NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.AssociatePublicIpAddress=true&Placement.Tenancy=default",
    "Action=DescribeImages&Filter.1.Name=name&Filter.1.Value.1=al2023-*&Owner.1=amazon&MaxResults=10",
    "Action=DescribeImages&ImageId.1=ami-05a4db0c500000001&IncludeDeprecated=true&ExecutableBy.1=all",
    "Action=DescribeInstances&Filter.1.Name=instance-state-name&Filter.1.Value.1=running&MaxResults=5",
    "Action=DescribeInstances&InstanceId.1=i-0913eeb1fe06ceb49",
    "Action=DescribeInstanceStatus&IncludeAllInstances=true&NextToken=AAAA",
    "Action=DescribeInstanceTypes&InstanceType.1=t3.micro&Filter.1.Name=bare-metal&Filter.1.Value.1=false",
    "Action=DescribeInstanceTypeOfferings&LocationType=availability-zone&MaxResults=100",
    "Action=DescribeAvailabilityZones&ZoneName.1=sandbox-1a&AllAvailabilityZones=true",
    "Action=DescribeSubnets&Filter.1.Name=tag:x&Filter.1.Value.1=\\*?",
    "Action=DescribeTags&Filter.1.Name=key&Filter.1.Value.1=k",
    "Action=CreateTags&ResourceId.1=ami-05a4db0c500000001&Tag.1.Key=k&Tag.1.Value=%00%EF%BF%BF%3Cv%26",
    "Action=GetConsoleOutput&InstanceId=i-0913eeb1fe06ceb49&Latest=true",
    "Action=StopInstances&InstanceId.1=i-0913eeb1fe06ceb49&Force=false",
    "Action=TerminateInstances&InstanceId.1=i-0913eeb1fe06ceb49&DryRun=true",
    "Action=StartInstances&InstanceId.1=i-0913eeb1fe06ceb49",
    "Action=RebootInstances&InstanceId.1=i-0913eeb1fe06ceb49",
    "Action=DescribeImageAttribute&ImageId=ami-05a4db0c500000001&Attribute=launchPermission",
    "Action=ModifyImageAttribute&ImageId=ami-05a4db0c500000001&LaunchPermission.Add.1.UserId=123456789012",
    "Action=EnableAllowedImagesSettings&AllowedImagesSettingsState=audit-mode",
    "Action=ReplaceImageCriteriaInAllowedImagesSettings&ImageCriterion.1.ImageProvider.1=amazon",
    "Action=EnableImageDeprecation&ImageId=ami-05a4db0c500000001&DeprecateAt=2027-06-01T00:00:00Z",
    "Action=GetCallerIdentity&Version=2011-06-15",
    "Action=DecodeAuthorizationMessage&EncodedMessage=AAAA",
];

/// What stands in for a value or for a step of a name: bounds, other kinds, and what parsers trip
/// over.
const TOKENS: [&str; 24] = [
    "",
    "0",
    "1",
    "2",
    "3",
    "-1",
    "1000",
    "1001",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "1.5",
    "true",
    "FALSE",
    "*",
    "?",
    "\\\\",
    "..",
    "%",
    "%00",
    "%FF",
    "%F0%9F%A6%80",
    "i-",
    "2027-06-01T00:00:00Z",
];

/// One small damage to a request.
#[derive(Debug, Clone)]
enum Damage {
    Set(usize, u8),
    Insert(usize, u8),
    Cut(usize, usize),
    Repeat(usize, usize),
    /// Some of another request, at a place.
    Graft(usize, usize, usize),
    /// Another value of a parameter.
    Value(usize, &'static str),
    /// Another step in the name of a parameter.
    Step(usize, usize, &'static str),
}

impl Damage {
    fn do_to(&self, form: &mut Vec<u8>) {
        let place = |at: usize| at % (form.len() + 1);
        match *self {
            Self::Set(at, byte) => {
                let at = place(at).min(form.len().saturating_sub(1));
                form.iter_mut().skip(at).take(1).for_each(|there| *there = byte);
            }
            Self::Insert(at, byte) => form.insert(place(at), byte),
            Self::Cut(at, length) => {
                let (from, to) = (place(at), (place(at) + length).min(form.len()));
                form.drain(from..to);
            }
            Self::Repeat(at, length) => {
                let (from, to) = (place(at), (place(at) + length).min(form.len()));
                let part = form[from..to].to_vec();
                form.splice(from..from, part);
            }
            Self::Graft(at, other, from) => {
                let at = place(at);
                let other = RIGHT[other % RIGHT.len()].as_bytes();
                form.splice(at..at, other[from % other.len()..].iter().copied());
            }
            Self::Value(which, token) => edit(form, which, |name, _| format!("{name}={token}")),
            Self::Step(which, step, token) => edit(form, which, |name, value| {
                let mut steps: Vec<&str> = name.split('.').collect();
                let step = step % steps.len();
                steps[step] = token;
                format!("{}={value}", steps.join("."))
            }),
        }
    }
}

/// Writes one parameter of a request anew.
fn edit(form: &mut Vec<u8>, which: usize, anew: impl FnOnce(&str, &str) -> String) {
    let text = String::from_utf8_lossy(form).into_owned();
    let mut pairs: Vec<String> = text.split('&').map(str::to_owned).collect();
    let which = which % pairs.len();
    let (name, value) = pairs[which].split_once('=').unwrap_or((&pairs[which], ""));
    pairs[which] = anew(name, value);
    *form = pairs.join("&").into_bytes();
}

fn token() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&TOKENS[..])
}

fn damage() -> impl Strategy<Value = Damage> {
    // Bytes that mean something come up more often.
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"&=.%+*?\\0123456789-".to_vec())];
    let length = 1usize..20;
    prop_oneof![
        1 => (any::<usize>(), byte.clone()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        1 => (any::<usize>(), byte).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => (any::<usize>(), length.clone()).prop_map(|(at, length)| Damage::Cut(at, length)),
        1 => (any::<usize>(), length).prop_map(|(at, length)| Damage::Repeat(at, length)),
        1 => (any::<usize>(), any::<usize>(), any::<usize>()).prop_map(|(at, other, from)| Damage::Graft(at, other, from)),
        4 => (any::<usize>(), token()).prop_map(|(which, token)| Damage::Value(which, token)),
        4 => (any::<usize>(), any::<usize>(), token()).prop_map(|(which, step, token)| Damage::Step(which, step, token)),
    ]
}

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let right = proptest::sample::select(RIGHT).prop_map(|form| form.as_bytes().to_vec());
    (right, proptest::collection::vec(damage(), 0..4)).prop_map(|(mut form, damages)| {
        damages.iter().for_each(|damage| damage.do_to(&mut form));
        form
    })
}

/// What came back: status, content type and body.
fn send(method: &str, path: &str, authorization: &[u8], body: Vec<u8>) -> (u16, String, String) {
    thread_local!(static SERVED: (Runtime, Sandbox) = {
        let clock = SimClock::new(Timestamp::from_second(1_800_000_000).unwrap());
        let sandbox = Sandbox::open(Options { images: IMAGES_MIN, ..Options::default() }, Arc::new(clock)).unwrap();
        (Builder::new_current_thread().build().unwrap(), sandbox)
    });
    let mut request =
        Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if !authorization.is_empty() {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request.body(Body::from(body)).unwrap();
    SERVED.with(|(runtime, sandbox)| {
        runtime.block_on(async {
            let cut = Cut::new(CancellationToken::new());
            let response = handle(State(sandbox.clone()), ConnectInfo(cut), request).await;
            let (parts, body) = response.into_parts();
            let content_type = parts.headers[CONTENT_TYPE].to_str().unwrap().to_owned();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            (parts.status.as_u16(), content_type, String::from_utf8(body.to_vec()).unwrap())
        })
    })
}

/// The texts of all elements by their path, or why the text is no XML document.
fn elements(xml: &str) -> Result<Vec<(String, String)>, String> {
    let mut reader = Reader::from_str(xml);
    let (mut path, mut found, mut roots): (Vec<String>, Vec<(String, String)>, u32) = (Vec::new(), Vec::new(), 0);
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                roots += u32::from(path.is_empty());
                path.push(start.name().as_ref().to_owned());
                found.push((path.join("/"), String::new()));
            }
            Event::End(_) => drop(path.pop()),
            Event::Text(text) if !path.is_empty() => {
                if let Some((_, last)) = found.last_mut() {
                    last.push_str(&text);
                }
            }
            Event::Eof if path.is_empty() && roots == 1 => return Ok(found),
            Event::Eof => return Err(format!("{roots} roots, open: {path:?}")),
            _ => {}
        }
    }
}

/// Fails unless an answer is one of EC2 or STS.
fn check(status: u16, content_type: &str, body: &str) -> Result<(), TestCaseError> {
    prop_assert_eq!(content_type, "text/xml;charset=UTF-8");
    // XML 1.0 has no place for them, and not every parser says so.
    let unfit = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}');
    prop_assert!(!body.contains(unfit), "{body:?}");
    let found = elements(body).map_err(|error| TestCaseError::fail(format!("{error}: {body}")))?;
    let text = |path: &str| found.iter().find(|(known, _)| known == path).map(|(_, text)| text.as_str());
    let root = found[0].0.as_str();
    if status == 200 {
        prop_assert!(root.ends_with("Response"), "{body}");
        let id = text(&format!("{root}/requestId")).or(text(&format!("{root}/ResponseMetadata/RequestId")));
        prop_assert!(id.is_some_and(|id| id.len() == 36), "{body}");
        return Ok(());
    }
    let (error, id) = match root {
        "Response" => ("Response/Errors/Error", "Response/RequestID"),
        _ => ("ErrorResponse/Error", "ErrorResponse/RequestId"),
    };
    let code = text(&format!("{error}/Code"));
    prop_assert!((400..600).contains(&status) && code.is_some_and(|code| !code.is_empty()), "{status} {body}");
    prop_assert!(code != Some("InternalError"), "something panicked: {body}");
    prop_assert!(text(&format!("{error}/Message")).is_some_and(|message| !message.is_empty()), "{body}");
    prop_assert!(text(id).is_some_and(|id| id.len() == 36), "{body}");
    Ok(())
}

const EC2: &[u8] =
    b"AWS4-HMAC-SHA256 Credential=AKID/20261001/sandbox-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
const STS: &[u8] =
    b"AWS4-HMAC-SHA256 Credential=AKID/20261001/sandbox-1/sts/aws4_request, SignedHeaders=host, Signature=0";

#[test]
fn what_is_mutated_is_right() {
    for form in RIGHT {
        let authorization = if form.contains("GetCaller") || form.contains("Decode") { STS } else { EC2 };
        let (status, content_type, body) = send("POST", "/", authorization, form.as_bytes().to_vec());
        check(status, &content_type, &body).unwrap();
        let known = [
            // Nobody's token, nobody's message, a dry run, and an instance that has only begun to boot.
            "InvalidNextToken",
            "InvalidAuthorizationMessageException",
            "DryRunOperation",
            "IncorrectInstanceState",
            "UnsupportedOperation",
            "OperationNotPermitted",
            "InvalidAMIID",
            "AuthFailure",
        ];
        assert!(status == 200 || known.iter().any(|code| body.contains(code)), "{form}: {body}");
    }
    assert!(RIGHT[0].contains(landmarks::AMAZON_LINUX_2023_X86_64));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn mutated_requests_get_ec2s_answers(form in mutated(), sts in any::<bool>(), get in 0u8..8) {
        let authorization = if sts && form.starts_with(b"Action=Get") { STS } else { EC2 };
        let text: String = form_urlencoded::byte_serialize(&form).collect();
        let path = format!("/?{}", text.replace("%26", "&").replace("%3D", "=").replace("%25", "%"));
        // A path that is no URI never reaches the handler.
        let (status, content_type, body) = match path.parse::<axum::http::Uri>() {
            Ok(_) if get == 0 => send("GET", &path, authorization, Vec::new()),
            _ => send("POST", "/", authorization, form),
        };
        check(status, &content_type, &body)?;
    }

    #[test]
    fn random_bytes_get_ec2s_answers(
        body in proptest::collection::vec(any::<u8>(), 0..400),
        method in proptest::sample::select(vec!["GET", "POST", "PUT", "DELETE", "HEAD", "BREW"]),
        path in "/[a-z/.]{0,12}(\\?[a-zA-Z0-9.=&%*]{0,40})?",
        authorization in prop_oneof![
            proptest::collection::vec(32u8..127, 0..120),
            proptest::collection::vec(128u8..=255, 0..20),
            Just(EC2.to_vec()),
        ],
    ) {
        let (status, content_type, body) = send(method, &path, &authorization, body);
        if path.starts_with("/sandbox/") {
            prop_assert_eq!(content_type, "application/json");
        } else {
            check(status, &content_type, &body)?;
        }
    }

    #[test]
    fn no_plan_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), line in "(seed|\\[\\[fault\\]\\]|\\[throttle\\]|kind)( = [\"0-9a-z-]{0,12})?\n") {
        for body in [bytes, line.repeat(3).into_bytes()] {
            let (status, _, answer) = send("PUT", "/sandbox/faults", b"", body);
            prop_assert!(status == 204 || status == 400 && answer.starts_with("{\"errors\":["), "{status} {answer}");
            send("DELETE", "/sandbox/faults", b"", Vec::new());
        }
    }
}
