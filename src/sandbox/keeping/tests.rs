//! What a restarted sandbox still knows, and how much disk that takes.

use std::path::Path;
use std::sync::Arc;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method};

use super::*;
use crate::clock::SimClock;
use crate::sandbox::actions::Answer;
use crate::sandbox::{IMAGES_MIN, Options, control};

const RUN: &str = "Action=RunInstances&ImageId=ami-05a4db0c500000001&InstanceType=t3.micro&MinCount=1&MaxCount=2";

fn clock() -> SimClock {
    SimClock::new(Timestamp::from_second(1_800_000_000).unwrap())
}

fn open(clock: &SimClock, directory: &Path) -> Sandbox {
    let state_dir = Some(directory.to_owned());
    Sandbox::open(Options { images: IMAGES_MIN, state_dir, ..Options::default() }, Arc::new(clock.clone())).unwrap()
}

fn ask(sandbox: &Sandbox, form: &str) -> String {
    let credential =
        "AWS4-HMAC-SHA256 Credential=AKID/20261001/sandbox-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
    let headers = HeaderMap::from_iter([(AUTHORIZATION, credential.parse().unwrap())]);
    match sandbox.ask(&headers, form.as_bytes(), "request").answer {
        Answer::Xml(200, body) => body,
        other => panic!("{form}: {other:?}"),
    }
}

fn ids(xml: &str) -> Vec<String> {
    xml.split("<instanceId>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect()
}

#[test]
fn every_kind_of_state_survives_restarts() {
    let (clock, directory) = (clock(), tempfile::tempdir().unwrap());
    let sandbox = open(&clock, directory.path());
    for form in [
        // "ssh-ed25519 AAAA me"
        "Action=ImportKeyPair&KeyName=k&PublicKeyMaterial=c3NoLWVkMjU1MTkgQUFBQSBtZQ==",
        "Action=CreateLaunchTemplate&LaunchTemplateName=template&LaunchTemplateData.InstanceType=t3.micro",
        "Action=CreateLaunchTemplateVersion&LaunchTemplateName=template&LaunchTemplateData.InstanceType=t3.small",
        "Action=DisableImage&ImageId=ami-05a4db0c50000000e",
        "Action=CreateTags&ResourceId.1=ami-05a4db0c500000001&Tag.1.Key=mine&Tag.1.Value=1",
        "Action=EnableAllowedImagesSettings&AllowedImagesSettingsState=audit-mode",
    ] {
        ask(&sandbox, form);
    }
    let launched = ids(&ask(&sandbox, &format!("{RUN}&ClientToken=t&KeyName=k&MaxCount=3")));
    clock.advance(Duration::from_secs(600));
    for form in [
        format!("Action=StopInstances&InstanceId.1={}", launched[0]),
        format!("Action=TerminateInstances&InstanceId.1={}", launched[1]),
        format!("Action=ModifyInstanceAttribute&InstanceId={}&DisableApiTermination.Value=true", launched[2]),
    ] {
        ask(&sandbox, &form);
    }
    let jump = br#"{"advance_seconds": 120}"#;
    assert_eq!(control::answer(&sandbox, &Method::POST, "/sandbox/clock", jump).status, 200);
    let seen = |sandbox: &Sandbox| {
        let protected = format!("InstanceId={}&Attribute=disableApiTermination", launched[2]);
        let state: serde_json::Value =
            serde_json::from_str(&control::answer(sandbox, &Method::GET, "/sandbox/state", b"").body).unwrap();
        let mut seen = vec![state["time"].to_string(), state["regions"].to_string()];
        seen.extend(
            [
                "Action=DescribeInstances",
                "Action=DescribeInstanceStatus&IncludeAllInstances=true",
                &format!("Action=DescribeInstanceAttribute&{protected}"),
                "Action=DescribeVolumes",
                "Action=DescribeKeyPairs",
                "Action=DescribeLaunchTemplateVersions&LaunchTemplateName=template",
                "Action=DescribeImages&IncludeDisabled=true&Owner.1=self",
                "Action=DescribeTags",
                "Action=GetAllowedImagesSettings",
                &format!("{RUN}&ClientToken=t&KeyName=k&MaxCount=3"),
            ]
            .map(|form| ask(sandbox, form)),
        );
        seen
    };
    let before = seen(&sandbox);
    drop(sandbox);
    // Once from the changes, and once from what the first restart made of them.
    for _ in 0..2 {
        assert_eq!(seen(&open(&clock, directory.path())), before);
    }
}

#[test]
fn an_instance_that_no_call_finds_yet_keeps_its_tags_over_a_restart() {
    let (clock, directory) = (clock(), tempfile::tempdir().unwrap());
    let sandbox = open(&clock, directory.path());
    sandbox.faults().inject("RunInstances", 1, crate::sandbox::Fault::InvisibleFor(Duration::from_secs(5)));
    let tag =
        "TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v";
    ask(&sandbox, &format!("{RUN}&{tag}"));
    drop(sandbox);
    let sandbox = open(&clock, directory.path());
    clock.advance(Duration::from_secs(5));
    assert_eq!(ask(&sandbox, "Action=DescribeInstances").matches("<value>v</value>").count(), 2);
}

#[test]
fn a_file_that_has_grown_large_is_written_anew_while_the_sandbox_runs() {
    let clock = clock();
    let directory = tempfile::tempdir().unwrap();
    let sandbox = open(&clock, directory.path());
    let length = || std::fs::metadata(directory.path().join("cloud.jsonl")).unwrap().len();
    let tag = "TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=k";
    for _ in 0..20 {
        let ids = ids(&ask(&sandbox, &format!("{RUN}&{tag}")));
        ask(&sandbox, &format!("Action=TerminateInstances&InstanceId.1={}&InstanceId.2={}", ids[0], ids[1]));
        clock.advance(Duration::from_secs(600));
    }
    clock.advance(Duration::from_secs(4000));
    let (grown, before) = (length(), ask(&sandbox, "Action=DescribeInstances"));
    lock(&sandbox.shared.saved).as_mut().unwrap().set_due_from(grown);
    ask(&sandbox, "Action=DescribeInstances");
    assert!(length() < grown / 2, "{} of {grown}", length());
    // What was written anew goes on, and is all there is.
    ask(&sandbox, &format!("{RUN}&ClientToken=t"));
    let after = ask(&sandbox, "Action=DescribeInstances");
    assert!(after != before);
    drop(sandbox);
    let restarted = open(&clock, directory.path());
    assert_eq!(ask(&restarted, "Action=DescribeInstances"), after);
    assert!(
        !ask(&restarted, "Action=DescribeTags").contains("<resourceId>vol-"),
        "the volumes are gone, and their tags"
    );
}
