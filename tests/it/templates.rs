//! Launches from launch templates: merged, pinned, judged as merged, and the same when repeated.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gantry::api::pb;
use gantry::clock::{SimClock, Timestamp};
use gantry::sandbox::{Fault, landmarks};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{World, ec2, launch_request, texts};

const USER_DATA: &str = "#!/bin/sh\necho canary-of-a-template\n";
const EMAIL: &str = "canary-template@example.com";

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Makes a template, or another version of it, and returns its id.
fn template(world: &World, action: &str, data: &[(&str, &str)]) -> String {
    let data: String =
        data.iter().map(|(name, value)| format!("&LaunchTemplateData.{name}={}", encoded(value))).collect();
    let body = ec2(world, &format!("Action={action}&LaunchTemplateName=web{data}"));
    texts(&body, "launchTemplateId").remove(0).to_owned()
}

fn web(world: &World) -> String {
    let user_data = BASE64_STANDARD.encode(USER_DATA);
    let data = [
        ("ImageId", landmarks::AMAZON_LINUX_2023_X86_64),
        ("InstanceType", "m7i.large"),
        ("UserData", user_data.as_str()),
        ("MetadataOptions.HttpTokens", "optional"),
        ("MetadataOptions.HttpPutResponseHopLimit", "3"),
        ("Monitoring.Enabled", "false"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "email"),
        ("TagSpecification.1.Tag.1.Value", EMAIL),
        ("TagSpecification.1.Tag.2.Key", "team"),
        ("TagSpecification.1.Tag.2.Value", "template"),
    ];
    template(world, "CreateLaunchTemplate", &data)
}

/// A request that leaves everything to the template `web`.
fn from_web(version: &str, request_id: &str) -> pb::LaunchInstancesRequest {
    let template = pb::launch_template::Template::LaunchTemplateName("web".to_owned());
    let launch_template = Some(pb::LaunchTemplate { template: Some(template), version: version.to_owned() });
    let mut request = launch_request("", "m7i.large", request_id);
    request.spec = Some(pb::LaunchSpec { launch_template, ..Default::default() });
    request
}

async fn launch(world: &World, request: pb::LaunchInstancesRequest) -> pb::Launch {
    world.launches().launch_instances(request).await.unwrap().into_inner()
}

fn pinned(launch: &pb::Launch) -> pb::PinnedLaunchTemplate {
    launch.decision.as_ref().unwrap().launch_template.clone().unwrap()
}

/// The instance that a launch made, as EC2 shows it.
fn instance(world: &World, launch: &pb::Launch) -> String {
    let [only] = &launch.instances[..] else { panic!("{launch:?}") };
    ec2(world, &format!("Action=DescribeInstances&InstanceId.1={}", only.instance_id))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_merged_and_pinned_and_a_repeat_is_the_same_launch() {
    let world = World::start().await;
    let id = web(&world);
    let mut request = from_web("$Latest", "r-1");
    let spec = request.spec.as_mut().unwrap();
    spec.tags = [("team".to_owned(), "mine".to_owned()), ("own".to_owned(), "yes".to_owned())].into();
    spec.block_device_mappings = vec![pb::BlockDeviceSpec {
        device_name: "/dev/xvda".to_owned(),
        ebs: Some(pb::EbsSpec { volume_size_gib: Some(30), ..Default::default() }),
        ..Default::default()
    }];
    let first = launch(&world, request.clone()).await;
    assert_eq!(first.state(), pb::LaunchState::Booting);
    let expected = pb::PinnedLaunchTemplate {
        launch_template_id: id,
        launch_template_name: "web".to_owned(),
        version_asked: "$Latest".to_owned(),
        version_number: 1,
    };
    assert_eq!(pinned(&first), expected);
    let spec = first.spec.as_ref().unwrap();
    assert_eq!(spec.launch_template.as_ref().unwrap().version, "1");
    assert_eq!((spec.tags["team"].as_str(), spec.tags["email"].as_str()), ("mine", EMAIL));
    assert_eq!(spec.user_data_sha256, gantry::ids::Sha256Digest::of(USER_DATA.as_bytes()).to_string());
    assert_eq!(spec.metadata_options.as_ref().unwrap().http_tokens(), "optional");

    let seen = instance(&world, &first);
    assert_eq!(texts(&seen, "instanceType"), ["m7i.large"]);
    assert_eq!(texts(&seen, "httpPutResponseHopLimit"), ["3"]);
    assert!(texts(&seen, "key").contains(&"own") && texts(&seen, "value").contains(&EMAIL), "{seen}");
    assert!(!seen.contains("aws:ec2launchtemplate"), "EC2 was given the merged whole and no template");
    let of = |attribute: &str| {
        let instance_id = &first.instances[0].instance_id;
        ec2(&world, &format!("Action=DescribeInstanceAttribute&InstanceId={instance_id}&Attribute={attribute}"))
    };
    assert!(of("userData").contains(&BASE64_STANDARD.encode(USER_DATA)));
    let volume = ec2(&world, &format!("Action=DescribeVolumes&VolumeId.1={}", texts(&seen, "volumeId")[0]));
    assert_eq!((texts(&volume, "size"), texts(&volume, "encrypted")), (vec!["30"], vec!["true"]));

    template(
        &world,
        "CreateLaunchTemplateVersion",
        &[("ImageId", landmarks::AMAZON_LINUX_2023_X86_64), ("InstanceType", "c7i.large")],
    );
    let again = launch(&world, request.clone()).await;
    assert_eq!(again.launch_id, first.launch_id, "the request is the same, whatever the template holds by now");
    let world = world.restart().await;
    assert_eq!(launch(&world, request.clone()).await.launch_id, first.launch_id);
    assert_eq!(world.sandbox().calls("DescribeLaunchTemplateVersions"), 0);
    request.spec.as_mut().unwrap().launch_template = from_web("1", "").spec.unwrap().launch_template;
    let reused = world.launches().launch_instances(request).await.unwrap_err();
    assert_eq!(reused.get_details_error_info().unwrap().reason, "REQUEST_ID_REUSED", "it is asked for otherwise");

    let second = launch(&world, from_web("$Latest", "r-2")).await;
    assert_eq!((pinned(&second).version_number, second.instances[0].instance_type.as_str()), (2, "c7i.large"));
    let default = launch(&world, from_web("", "r-3")).await;
    assert_eq!((pinned(&default).version_number, pinned(&default).version_asked.as_str()), (1, "$Default"));
}

/// The codes against a launch with their fields, and the launch's id.
fn against(status: &Status) -> (Vec<(String, String)>, String) {
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    let violations = status.get_details_precondition_failure().unwrap().violations;
    let found = violations.into_iter().map(|violation| (violation.r#type, violation.subject)).collect();
    (found, status.get_details_error_info().unwrap().metadata["launch_id"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_against_a_template_is_a_refusal_on_record() {
    let world = World::start().await;
    let refused = async |request: pb::LaunchInstancesRequest| {
        against(&world.launches().launch_instances(request).await.unwrap_err())
    };
    let (found, launch_id) = refused(from_web("", "r-1")).await;
    assert_eq!(found, [("LAUNCH_TEMPLATE_NOT_FOUND".to_owned(), "spec.launch_template".to_owned())]);
    let refusal = world.launches().get_launch(pb::GetLaunchRequest { launch_id }).await.unwrap().into_inner();
    assert_eq!(refusal.state(), pb::LaunchState::Refused);
    assert_eq!((pinned(&refusal).version_asked.as_str(), pinned(&refusal).version_number), ("$Default", 0));
    assert_eq!(refusal.spec.unwrap().image, None);

    template(&world, "CreateLaunchTemplate", &[("KeyName", "ops")]);
    let (found, _) = refused(from_web("7", "r-2")).await;
    assert_eq!(found[0].0, "LAUNCH_TEMPLATE_NOT_FOUND");
    let codes = |found: Vec<(String, String)>| found.into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    let (found, _) = refused(from_web("1", "r-3")).await;
    assert_eq!(codes(found), ["IMAGE_NOT_NAMED", "INSTANCE_TYPE_NOT_NAMED"]);

    template(
        &world,
        "CreateLaunchTemplateVersion",
        &[
            ("ImageId", landmarks::HVM_WITHOUT_ENA),
            ("InstanceType", "m7i.large"),
            ("Monitoring.Enabled", "true"),
            ("SecurityGroup.1", "default"),
        ],
    );
    let (found, _) = refused(from_web("$Latest", "r-4")).await;
    let fields: Vec<&str> = found.iter().map(|(_, field)| field.as_str()).collect();
    assert!(fields.contains(&"launch_template.monitoring.enabled"), "{fields:?}");
    assert!(fields.contains(&"launch_template.security_groups"), "{fields:?}");
    assert!(codes(found).contains(&"ENA_REQUIRED".to_owned()), "it is judged as merged");
    assert_eq!(world.sandbox().calls("RunInstances"), 0);

    let denied = Fault::ErrorBefore {
        code: "UnauthorizedOperation".to_owned(),
        message: "You are not authorized to perform this operation.".to_owned(),
        status: 403,
    };
    world.sandbox().faults().inject("DescribeLaunchTemplateVersions", 1, denied);
    let status = world.launches().launch_instances(from_web("$Latest", "r-5")).await.unwrap_err();
    assert_ne!(status.code(), Code::FailedPrecondition, "nothing was decided: {status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_may_name_its_image_by_a_public_parameter() {
    let world = World::start().await;
    let parameter = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-x86_64";
    let image = format!("resolve:ssm:{parameter}");
    template(&world, "CreateLaunchTemplate", &[("ImageId", &image), ("InstanceType", "m7i.large")]);
    let made = launch(&world, from_web("", "r-1")).await;
    assert_eq!(made.state(), pb::LaunchState::Booting);
    assert!(made.decision.unwrap().image_receipt.is_some());
    let reference = made.spec.unwrap().image.unwrap().reference;
    let Some(pb::image_reference::Reference::Selector(selector)) = reference else { panic!("{reference:?}") };
    assert_eq!(selector.ssm_parameter, parameter);
}

async fn start(dir: &Path, clock: &SimClock) -> World {
    World::start_with(dir, clock.clone(), |config| config.audit.redact_tags = vec!["email".to_owned()]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_templates_secrets_survive_a_restart_and_are_not_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = start(&path, &clock).await;
    web(&world);
    let lost = Fault::ErrorBefore { code: "InternalError".to_owned(), message: "injected".to_owned(), status: 500 };
    world.sandbox().faults().inject("RunInstances", 1, lost);
    let mut request = from_web("", "r-1");
    request.wait_timeout = Some(prost_types::Duration { seconds: 0, nanos: 0 });
    let made = launch(&world, request.clone()).await;
    let get = pb::GetLaunchRequest { launch_id: made.launch_id.clone() };
    let state = async |world: &World| world.launches().get_launch(get.clone()).await.unwrap().into_inner();
    let is_unknown =
        |launch: &pb::Launch| launch.attempts.first().is_some_and(|a| a.state() == pb::AttemptState::Unknown);
    while !is_unknown(&state(&world).await) {}
    world.running.stop().await.unwrap();

    let world = start(&path, &clock).await;
    world.while_time_passes(async { while state(&world).await.state() != pb::LaunchState::Ready {} }).await;
    let done = state(&world).await;
    assert_eq!((done.attempts.len(), done.instances.len()), (1, 1));
    assert_eq!(done.spec.as_ref().unwrap().tags["email"], "[redacted]");
    assert!(instance(&world, &done).contains(EMAIL), "EC2 has the value all the same");
    assert_eq!(launch(&world, request).await.launch_id, made.launch_id);
    world.running.stop().await.unwrap();
    let sandbox = path.join("sandbox");
    for needle in [EMAIL, "canary-of-a-template", BASE64_STANDARD.encode(USER_DATA).as_str()] {
        let holders = crate::launch::files_holding(&path, needle.as_bytes());
        assert!(holders.iter().all(|holder| holder.starts_with(&sandbox)), "{needle}: {holders:?}");
    }
}
