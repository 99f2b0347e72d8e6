//! Choosing an image by what it must be, and launching what was chosen.

use gantry::api::pb;
use gantry::api::pb::image_reference::Reference;
use gantry::sandbox::{Fault, landmarks};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{REGION, World, launch_request};

const LINUX_PARAMETER: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-x86_64";

/// An image was behind it once, and none is now.
const FORMER_PARAMETER: &str = "/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2";

fn by_name(pattern: &str) -> pb::ImageSelector {
    pb::ImageSelector { owner: "amazon".to_owned(), name_pattern: pattern.to_owned(), ..Default::default() }
}

fn by_parameter(name: &str) -> pb::ImageSelector {
    pb::ImageSelector { ssm_parameter: name.to_owned(), ..Default::default() }
}

/// One of the account's own.
fn own(image_id: &str) -> pb::ImageSelector {
    let filters = vec![pb::Filter { name: "image-id".to_owned(), values: vec![image_id.to_owned()] }];
    pb::ImageSelector { owner: "self".to_owned(), filters, ..Default::default() }
}

async fn resolve(world: &World, selector: pb::ImageSelector) -> Result<pb::ResolveImageResponse, Status> {
    let request = pb::ResolveImageRequest { region: REGION.to_owned(), selector: Some(selector), ..Default::default() };
    Ok(world.images().resolve_image(request).await?.into_inner())
}

pub(crate) fn launch_of(reference: Reference, request_id: &str) -> pb::LaunchInstancesRequest {
    let mut request = launch_request("", "m7i.large", request_id);
    request.spec.as_mut().unwrap().image = Some(pb::ImageReference { reference: Some(reference) });
    request
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

/// The codes and descriptions of what stands against a launch.
fn against(status: &Status) -> Vec<(String, String)> {
    let violations = status.get_details_precondition_failure().unwrap().violations;
    violations.into_iter().map(|violation| (violation.r#type, violation.description)).collect()
}

fn receipt_of(launch: &pb::Launch) -> pb::ImageReceipt {
    launch.decision.as_ref().unwrap().image_receipt.clone().unwrap()
}

fn denied() -> Fault {
    Fault::ErrorBefore { code: "AccessDeniedException".to_owned(), message: "no".to_owned(), status: 400 }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_of_an_owner_and_a_name_wins_and_the_others_hear_why_not() {
    let world = World::start().await;
    let answer = resolve(&world, by_name("al2023-ami-*")).await.unwrap();
    let winner = answer.image.unwrap();
    let list = pb::ListImagesRequest {
        region: REGION.to_owned(),
        owners: vec!["amazon".to_owned()],
        filters: vec![
            pb::Filter { name: "name".to_owned(), values: vec!["al2023-ami-*".to_owned()] },
            pb::Filter { name: "state".to_owned(), values: vec!["available".to_owned()] },
        ],
        ..Default::default()
    };
    let listed = world.images().list_images(list).await.unwrap().into_inner().images;
    assert_eq!(winner.image_id, listed[0].image_id, "the newest that can be launched and is not deprecated");
    assert!(winner.classification.is_some());
    let receipt = answer.receipt.unwrap();
    assert_eq!((receipt.image_id, receipt.digest.len()), (winner.image_id.clone(), 64));
    assert_eq!(receipt.observed_time.unwrap().seconds, gantry::clock::Clock::now(&world.clock).as_second());
    assert!(!answer.inferred && answer.inferred_reason.is_empty());
    let others = answer.runners_up;
    assert_eq!(others.len(), usize::try_from(answer.matched - 1).unwrap().min(20));
    assert!(others.iter().all(|other| other.image_id != winner.image_id && !other.reason.is_empty()), "{others:?}");
    let made: Vec<&str> =
        others.iter().filter(|other| other.reason.starts_with("made ")).map(|other| other.reason.as_str()).collect();
    assert!(made.iter().all(|reason| reason.contains(" before the winner")), "{made:?}");

    let arm = pb::ImageSelector { architecture: "arm64".to_owned(), ..by_name("al2023-ami-*") };
    assert_eq!(resolve(&world, arm).await.unwrap().image.unwrap().architecture(), "arm64");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_parameter_names_its_image_and_the_rest_is_a_check() {
    let world = World::start().await;
    let answer = resolve(&world, by_parameter(LINUX_PARAMETER)).await.unwrap();
    assert_eq!(answer.image.unwrap().image_id, landmarks::AMAZON_LINUX_2023_X86_64);
    assert_eq!((answer.inferred, answer.matched, world.sandbox().calls("GetParameter")), (false, 1, 1));
    let wrong = pb::ImageSelector { architecture: "arm64".to_owned(), ..by_parameter(LINUX_PARAMETER) };
    let status = resolve(&world, wrong).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "SELECTOR_MATCHES_NOTHING"));
    assert!(status.message().contains("does not meet architecture"), "{}", status.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_ssm_the_image_is_inferred_and_that_is_said() {
    let world = World::start().await;
    world.sandbox().faults().inject("GetParameter", 1, denied());
    let answer = resolve(&world, by_parameter(LINUX_PARAMETER)).await.unwrap();
    assert_eq!(answer.image.unwrap().image_id, landmarks::AMAZON_LINUX_2023_X86_64);
    assert!(answer.inferred);
    for part in ["ssm:GetParameter is not permitted", "public-ssm-parameter-name"] {
        assert!(answer.inferred_reason.contains(part), "{}", answer.inferred_reason);
    }
    // EC2's filter still finds what was behind it, which SSM no longer knows.
    let former = resolve(&world, by_parameter(FORMER_PARAMETER)).await.unwrap();
    assert!(former.inferred && former.inferred_reason.starts_with("SSM has no parameter"), "{former:?}");
    let status = resolve(&world, by_parameter("/aws/service/nothing/of/this/name")).await.unwrap_err();
    assert_eq!(reason(&status), "SELECTOR_MATCHES_NOTHING");
    // Asking again helps, so nothing is guessed.
    let busy = Fault::ErrorBefore { code: "ThrottlingException".to_owned(), message: "slow".to_owned(), status: 400 };
    world.sandbox().faults().inject("GetParameter", 10, busy);
    let status = world.while_time_passes(resolve(&world, by_parameter(LINUX_PARAMETER))).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "EC2_THROTTLED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_an_owner_is_refused_unless_told_otherwise() {
    let world = World::start().await;
    let anybodys = |any_owner| pb::ImageSelector { owner: String::new(), any_owner, ..by_name("amzn2-ami-*") };
    let status = resolve(&world, anybodys(false)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "MISSING_FIELD"));
    let wrong = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(wrong.iter().map(|violation| violation.field.as_str()).collect::<Vec<_>>(), ["selector.owner"]);
    assert!(wrong[0].description.contains("CVE-2018-15869"), "{wrong:?}");
    assert!(resolve(&world, anybodys(true)).await.is_ok());
    let status = resolve(&world, pb::ImageSelector::default()).await.unwrap_err();
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "selector");
    let mut unowned = launch_of(Reference::Selector(anybodys(false)), "r-1");
    unowned.validate_only = true;
    let status = world.launches().launch_instances(unowned).await.unwrap_err();
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "spec.image.selector.owner");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_launched_it_says_why() {
    let world = World::start().await;
    let status = resolve(&world, own(landmarks::DISABLED)).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "SELECTOR_MATCHES_NOTHING"));
    assert_eq!(status.message(), "1 image meets the selector and none can be launched: 1 disabled");
    assert_eq!(status.get_details_error_info().unwrap().metadata["matched"], "1");

    let request = launch_of(Reference::Selector(own(landmarks::DISABLED)), "r-1");
    let status = world.launches().launch_instances(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "LAUNCH_REFUSED"));
    assert_eq!(against(&status)[0].0, "SELECTOR_MATCHES_NOTHING");
    let launch_id = status.get_details_error_info().unwrap().metadata["launch_id"].clone();
    let launch = world.launches().get_launch(pb::GetLaunchRequest { launch_id }).await.unwrap().into_inner();
    assert_eq!(launch.state(), pb::LaunchState::Refused);
    assert_eq!(world.sandbox().calls("RunInstances"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_launches_until_the_image_changes() {
    let world = World::start().await;
    let change = |action: &str| {
        let form = format!("Action={action}&ImageId={}", landmarks::SELF_OWNED);
        let (status, body) = world.sandbox().call(&REGION.parse().unwrap(), &form);
        assert_eq!(status, 200, "{body}");
    };
    let receipt = resolve(&world, own(landmarks::SELF_OWNED)).await.unwrap().receipt.unwrap();
    let launch = |request_id: &str| {
        let request = launch_of(Reference::Receipt(receipt.clone()), request_id);
        let mut launches = world.launches();
        async move { launches.launch_instances(request).await.map(tonic::Response::into_inner) }
    };
    let first = launch("r-1").await.unwrap();
    assert_eq!(first.state(), pb::LaunchState::Booting);
    assert_eq!(receipt_of(&first).digest, receipt.digest);
    assert_eq!(first.spec.unwrap().image.unwrap().reference, Some(Reference::Receipt(receipt.clone())));

    change("DisableImage");
    let status = launch("r-2").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "LAUNCH_REFUSED"));
    let (_, description) = against(&status).into_iter().find(|(code, _)| code.contains("IMAGE_CHANGED")).unwrap();
    assert!(description.contains("image.state was available, and is disabled"), "{description}");
    change("EnableImage");
    assert!(launch("r-3").await.is_ok(), "it is again what it was");
    change("ModifyImageAttribute&ImdsSupport.Value=v2.0");
    let status = launch("r-4").await.unwrap_err();
    assert!(against(&status)[0].1.contains("image.imds_support was absent, and is v2.0"), "{status:?}");
    assert!(launch("r-2").await.is_err(), "a refusal is replayed");
    assert_eq!(world.sandbox().calls("RunInstances"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selector_is_resolved_once_for_a_launch_and_recorded_with_its_image() {
    let world = World::start().await;
    let request = launch_of(Reference::Selector(by_parameter(LINUX_PARAMETER)), "r-1");
    let launch = world.launches().launch_instances(request.clone()).await.unwrap().into_inner();
    assert_eq!(launch.state(), pb::LaunchState::Booting);
    assert_eq!(receipt_of(&launch).image_id, landmarks::AMAZON_LINUX_2023_X86_64);
    let asked = launch.spec.as_ref().unwrap().image.as_ref().unwrap().reference.clone();
    assert_eq!(asked, Some(Reference::Selector(by_parameter(LINUX_PARAMETER))), "as it was asked");
    let of_image =
        pb::ListLaunchesRequest { image_id: landmarks::AMAZON_LINUX_2023_X86_64.to_owned(), ..Default::default() };
    assert_eq!(world.launches().list_launches(of_image).await.unwrap().into_inner().launches.len(), 1);

    world.sandbox().faults().inject("GetParameter", 1, denied());
    let mut preview = request.clone();
    preview.validate_only = true;
    let preview = world.launches().launch_instances(preview).await.unwrap().into_inner();
    let findings = preview.decision.unwrap().findings;
    assert!(findings.iter().any(|finding| finding.code == "IMAGE_INFERRED"), "{findings:?}");

    let world = world.restart().await;
    let again = world.launches().launch_instances(request).await.unwrap().into_inner();
    assert_eq!(again.launch_id, launch.launch_id);
    assert_eq!(receipt_of(&again), receipt_of(&launch));
    assert_eq!((world.sandbox().calls("GetParameter"), world.sandbox().calls("RunInstances")), (0, 0));
}
