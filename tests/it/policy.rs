//! Policy, over the wire: what it denies, how it comes into force, and what others would have done.

mod try_out;

use std::path::Path;

use gantry::api::pb;
use gantry::clock::{SimClock, Timestamp};
use gantry::config::{Config, PolicySource};
use gantry::policy::{DEFAULT_TEXT, Policy};
use gantry::sandbox::landmarks;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{World, launch_request, sandbox_config};

const IMAGE: &str = landmarks::AMAZON_LINUX_2023_X86_64;

const PERMIT_ALL: &str = r#"@id("permit-all") permit (principal, action in [Action::"query", Action::"launch",
    Action::"terminate", Action::"read_audit", Action::"administer"], resource);"#;

fn forbid(id: &str, action: &str, condition: &str) -> String {
    format!(
        r#"@id("{id}") @reason("No {id}.") @remedy("Not {id}.")
        forbid (principal, action == Action::"{action}", resource) when {{ {condition} }};"#
    )
}

fn clock() -> SimClock {
    SimClock::new(Timestamp::from_second(1_795_000_000).unwrap())
}

async fn world(dir: &Path, clock: SimClock, policy: Option<PolicySource>) -> World {
    World::start_with(&dir.join("data"), clock, |config| config.policy = policy).await
}

fn reason_of(status: &Status) -> (Code, String, String) {
    let info = status.get_details_error_info().unwrap();
    (status.code(), info.reason, info.metadata.get("policy_ids").cloned().unwrap_or_default())
}

fn denied(ids: &str) -> (Code, String, String) {
    (Code::PermissionDenied, "POLICY_DENIED".to_owned(), ids.to_owned())
}

async fn loaded_records(world: &World) -> Vec<String> {
    let request = pb::ListRecordsRequest {
        kind: pb::RecordKind::PolicyLoaded.into(),
        order_by: "index".to_owned(),
        ..Default::default()
    };
    let records = world.audit().list_records(request).await.unwrap().into_inner().records;
    let mut texts = Vec::new();
    for record in records {
        let request = pb::GetRecordRequest { index: record.index, ..Default::default() };
        let leaf = world.audit().get_record(request).await.unwrap().into_inner().leaf;
        let leaf: serde_json::Value = serde_json::from_slice(&leaf).unwrap();
        texts.push(leaf["text"].as_str().unwrap().to_owned());
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_launch_says_why_and_is_replayed_as_such_also_under_no_policy() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let world = world(dir.path(), clock.clone(), Some(PolicySource::BuiltIn)).await;
    let mut request = launch_request(IMAGE, "m7i.large", "r-1");
    request.spec.as_mut().unwrap().metadata_options =
        Some(pb::MetadataOptions { http_tokens: Some("optional".to_owned()), ..Default::default() });
    request.reason.clear();
    let first = world.launches().launch_instances(request.clone()).await.unwrap_err();
    assert_eq!(reason_of(&first), denied("imdsv2,reason-given"));
    let violations = first.get_details_precondition_failure().unwrap().violations;
    assert!(violations.iter().all(|violation| violation.subject == "policy"), "{violations:?}");
    assert!(violations[1].description.contains("[remedy: Say in the field reason"), "{violations:?}");
    let launch_id = first.get_details_error_info().unwrap().metadata["launch_id"].clone();
    let launch = world.launches().get_launch(pb::GetLaunchRequest { launch_id }).await.unwrap().into_inner();
    assert_eq!(launch.state(), pb::LaunchState::Refused);
    let stamp = launch.decision.unwrap().policy.unwrap();
    assert_eq!(stamp.hash, Policy::built_in().hash().to_string());
    assert_eq!(stamp.determining_policy_ids, ["imdsv2", "reason-given"]);

    let preview = pb::LaunchInstancesRequest { validate_only: true, ..request.clone() };
    let preview = world.launches().launch_instances(preview).await.unwrap_err();
    assert_eq!(reason_of(&preview), denied("imdsv2,reason-given"));
    let good = launch_request(IMAGE, "m7i.large", "r-2");
    let launch = world.launches().launch_instances(good).await.unwrap().into_inner();
    assert_eq!(launch.decision.unwrap().policy.unwrap().determining_policy_ids, ["permit-all"]);
    let refused = launch_request(landmarks::HVM_WITHOUT_ENA, "m7i.large", "r-3");
    let refused = world.launches().launch_instances(refused).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "the facts refuse by themselves");

    let again = world.launches().launch_instances(request.clone()).await.unwrap_err();
    assert_eq!(reason_of(&again), reason_of(&first));
    world.running.stop().await.unwrap();
    let world = self::world(dir.path(), clock, None).await;
    let after = world.launches().launch_instances(request).await.unwrap_err();
    assert_eq!((reason_of(&after), after.message()), (reason_of(&first), first.message()));
    assert_eq!(loaded_records(&world).await, [DEFAULT_TEXT, ""], "that there is none any more is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_glass_is_broken_with_a_reason_and_a_permit_and_it_is_on_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.cedar");
    let glass = r#"@id("glass") permit (principal, action == Action::"break_glass", resource)
        when { context.reason like "INC-*" };"#;
    let text = format!("{PERMIT_ALL}{}{glass}", forbid("never", "launch", "context.spec.max_count > 0"));
    std::fs::write(&path, text).unwrap();
    let world = world(dir.path(), clock(), Some(PolicySource::File(path))).await;
    let request = |id: &str, reason: &str| pb::LaunchInstancesRequest {
        break_glass: true,
        reason: reason.to_owned(),
        ..launch_request(IMAGE, "m7i.large", id)
    };
    let without = world.launches().launch_instances(request("r-1", " ")).await.unwrap_err();
    assert_eq!((without.code(), reason_of(&without).1.as_str()), (Code::InvalidArgument, "MISSING_FIELD"));
    let status = world.launches().launch_instances(request("r-2", "because")).await.unwrap_err();
    assert_eq!(reason_of(&status), denied("never"));
    let violations = status.get_details_precondition_failure().unwrap().violations;
    assert!(violations.iter().any(|violation| violation.r#type == "BREAK_GLASS_DENIED"), "{violations:?}");
    let launch = world.launches().launch_instances(request("r-3", "INC-7")).await.unwrap().into_inner();
    let decision = launch.decision.unwrap();
    let stamp = decision.policy.unwrap();
    assert!(stamp.overridden);
    assert_eq!(stamp.determining_policy_ids, ["never", "glass"]);
    let finding = decision.findings.iter().find(|finding| finding.code == "POLICY_OVERRIDDEN").unwrap();
    assert_eq!((finding.outcome(), finding.observed.as_str()), (pb::Outcome::Warn, "never"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_comes_into_force_and_a_broken_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (link, first, second) = (at("policy.cedar"), at("1"), at("2"));
    std::fs::write(&first, PERMIT_ALL).unwrap();
    let stricter = format!("{PERMIT_ALL}{}", forbid("never", "launch", "context.spec.max_count > 0"));
    std::fs::write(&second, &stricter).unwrap();
    std::os::unix::fs::symlink(&first, &link).unwrap();
    let world = world(dir.path(), clock(), Some(PolicySource::File(link.clone()))).await;
    let shown = || async { world.policy().get_policy(pb::GetPolicyRequest {}).await.unwrap().into_inner() };
    let begun = shown().await;
    assert_eq!((begun.text.as_str(), begun.hash.len()), (PERMIT_ALL, 64));
    world.launches().launch_instances(launch_request(IMAGE, "m7i.large", "r-1")).await.unwrap();

    // As Kubernetes does it: another link is put in the place of this one.
    std::os::unix::fs::symlink(&second, at("new")).unwrap();
    std::fs::rename(at("new"), &link).unwrap();
    let wait_for = |text: String| {
        let world = &world;
        world.while_time_passes(async move {
            while world.policy().get_policy(pb::GetPolicyRequest {}).await.unwrap().into_inner().text != text {}
        })
    };
    wait_for(stricter.clone()).await;
    assert!(shown().await.load_time.unwrap().seconds > begun.load_time.unwrap().seconds);
    let status = world.launches().launch_instances(launch_request(IMAGE, "m7i.large", "r-2")).await.unwrap_err();
    assert_eq!(reason_of(&status), denied("never"));

    std::fs::write(&second, "permit (principal").unwrap();
    let passed = world.clock.clone();
    let until = gantry::clock::Clock::now(&passed) + std::time::Duration::from_secs(10);
    world
        .while_time_passes(async {
            while gantry::clock::Clock::now(&passed) < until {
                shown().await;
            }
        })
        .await;
    assert_eq!(shown().await.text, stricter, "the one before stays in force");
    std::fs::write(&second, PERMIT_ALL).unwrap();
    wait_for(PERMIT_ALL.to_owned()).await;
    assert_eq!(loaded_records(&world).await, [PERMIT_ALL, &stricter, PERMIT_ALL]);

    // The same policy after a restart is not recorded again; a broken one is no start.
    world.running.stop().await.unwrap();
    let world = self::world(dir.path(), passed.clone(), Some(PolicySource::File(link.clone()))).await;
    assert_eq!(loaded_records(&world).await.len(), 3);
    world.running.stop().await.unwrap();
    std::fs::write(&second, "@id(\"a\")\nforbid (principal, action, resource);").unwrap();
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.path().join("data"),
        sandbox: Some(sandbox_config()),
        policy: Some(PolicySource::File(link)),
        ..Config::default()
    };
    let error = gantry::server::start(config, std::sync::Arc::new(passed)).await.unwrap_err();
    let said = gantry::telemetry::chain(&error);
    assert!(said.contains("1:1: a forbid says why it forbids"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_put_to_policy_by_its_action() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.cedar");
    let others = [
        forbid("no-looking", "query", r#"context.method == "ListImages""#),
        forbid("no-reading", "read_audit", r#"resource == Service::"AuditService" && context.method != "ListRecords""#),
        forbid("no-ending", "terminate", r#"resource.hasTag("keep") && resource.owner == principal"#),
        forbid("no-trying", "administer", r#"context.method == "EvaluatePolicy""#),
    ];
    std::fs::write(&path, format!("{PERMIT_ALL}{}", others.concat())).unwrap();
    let world = world(dir.path(), clock(), Some(PolicySource::File(path))).await;
    let mut request = launch_request(IMAGE, "m7i.large", "r-1");
    request.spec.as_mut().unwrap().tags.insert("keep".to_owned(), "yes".to_owned());
    let kept = world.launches().launch_instances(request).await.unwrap().into_inner().launch_id;
    let other = world.launches().launch_instances(launch_request(IMAGE, "m7i.large", "r-2")).await.unwrap();
    let end = |launch_id: String| pb::TerminateLaunchRequest {
        launch_id,
        reason: "test".to_owned(),
        request_id: "t-1".to_owned(),
        ..Default::default()
    };
    let statuses = [
        world.images().list_images(pb::ListImagesRequest::default()).await.unwrap_err(),
        world.audit().get_log_info(pb::GetLogInfoRequest::default()).await.unwrap_err(),
        world.audit().tail_records(pb::TailRecordsRequest::default()).await.unwrap_err(),
        world.launches().terminate_launch(end(kept)).await.unwrap_err(),
        world.policy().evaluate_policy(pb::EvaluatePolicyRequest::default()).await.unwrap_err(),
    ];
    let ids = ["no-looking", "no-reading", "no-reading", "no-ending", "no-trying"];
    for (status, id) in statuses.iter().zip(ids) {
        assert_eq!(reason_of(status), denied(id));
        assert_eq!(
            status.get_details_precondition_failure().unwrap().violations[0].description,
            format!("No {id}. [observed: {id}] [remedy: Not {id}.]")
        );
    }
    let image = pb::GetImageRequest { image_id: IMAGE.to_owned(), ..Default::default() };
    world.images().get_image(image).await.unwrap();
    world.audit().list_records(pb::ListRecordsRequest::default()).await.unwrap();
    world.policy().get_policy(pb::GetPolicyRequest {}).await.unwrap();
    world.launches().terminate_launch(end(other.into_inner().launch_id)).await.unwrap();
    let unknown = end("01980000-0000-7000-8000-000000000001".to_owned());
    assert_eq!(world.launches().terminate_launch(unknown).await.unwrap_err().code(), Code::NotFound);
    let mut health = tonic_health::pb::health_client::HealthClient::new(world.channel.clone());
    health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
}
