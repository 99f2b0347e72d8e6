//! Bad input over the wire: one clear status, every violation at once, and a server that goes on.

use gantry::api::pb;
use gantry::sandbox::landmarks;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{REGION, World, launch_request};

fn fields(status: &Status) -> Vec<String> {
    let violations = status.get_details_bad_request().map(|bad| bad.field_violations).unwrap_or_default();
    violations.into_iter().map(|violation| violation.field).collect()
}

fn reason(status: &Status) -> String {
    let info = status.get_details_error_info().expect("every error has ErrorInfo");
    assert_eq!(info.domain, "gantry");
    info.reason
}

#[tokio::test(flavor = "multi_thread")]
async fn every_violation_of_a_list_is_said_at_once() {
    let world = World::start().await;
    let filter = |name: &str, values: Vec<String>| pb::Filter { name: name.to_owned(), values };
    let request = pb::ListImagesRequest {
        region: "US EAST".to_owned(),
        account_id: "12".to_owned(),
        owners: vec!["microsoft".to_owned()],
        filters: vec![
            filter("architectur", vec!["x86_64".to_owned()]),
            filter("name", Vec::new()),
            filter("name", vec!["x".to_owned(); 201]),
            filter("name", vec!["x".repeat(256)]),
        ],
        order_by: "price".to_owned(),
        page_size: -1,
        page_token: "garbage".to_owned(),
        ..Default::default()
    };
    let status = world.images().list_images(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields = fields(&status);
    for field in ["region", "account_id", "owners[0]", "filters[0].name", "order_by", "page_size", "page_token"] {
        assert!(fields.iter().any(|found| found == field), "{field} is not among {fields:?}");
    }
    for filter in ["filters[1]", "filters[2]", "filters[3]"] {
        assert!(fields.iter().any(|found| found.starts_with(filter)), "{filter} is not among {fields:?}");
    }
    let described = status.get_details_bad_request().unwrap().field_violations;
    let nearest = described.iter().find(|violation| violation.field == "filters[0].name").unwrap();
    assert!(nearest.description.contains("architecture"), "the nearest name is offered: {}", nearest.description);

    let many = pb::ListImagesRequest {
        region: REGION.to_owned(),
        filters: vec![filter("name", vec!["x".to_owned()]); 51],
        ..Default::default()
    };
    let status = world.images().list_images(many).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "LIMIT_EXCEEDED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_violation_of_a_launch_is_said_at_once_and_nothing_is_recorded() {
    let world = World::start().await;
    let before = world.audit().list_records(pb::ListRecordsRequest::default()).await.unwrap().into_inner();
    let mut request = launch_request("ami-xyz", "large", "");
    let spec = request.spec.as_mut().unwrap();
    spec.min_count = 3;
    spec.max_count = 2;
    spec.user_data = vec![b'x'; 16_385];
    spec.tags.insert("gantry:launch-id".to_owned(), "mine".to_owned());
    spec.strategy = 99;
    spec.placements = vec![pb::Placement {
        location: Some(pb::placement::Location::SubnetId("subnet-1".to_owned())),
        ..Default::default()
    }];
    spec.security_group_ids = vec!["sg-1".to_owned()];
    spec.network_interfaces = vec![pb::NetworkInterface::default()];
    let status = world.launches().launch_instances(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields = fields(&status);
    for field in ["spec.image", "spec.instance_types[0]", "request_id", "spec.user_data", "spec.strategy", "spec.tags"]
    {
        assert!(fields.iter().any(|found| found.starts_with(field)), "{field} is not among {fields:?}");
    }
    assert!(fields.iter().any(|found| found.contains("count")), "min_count above max_count: {fields:?}");

    let empty = world.launches().launch_instances(pb::LaunchInstancesRequest::default()).await.unwrap_err();
    assert_eq!(empty.code(), Code::InvalidArgument);
    assert!(!self::fields(&empty).is_empty());
    let after = world.audit().list_records(pb::ListRecordsRequest::default()).await.unwrap().into_inner();
    assert_eq!(before.records.len(), after.records.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_well_formed_and_not_there_is_not_found() {
    let world = World::start().await;
    let mut elsewhere = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    elsewhere.region = "us-east-1".to_owned();
    let image = |region: &str, image_id: &str| pb::GetImageRequest {
        region: region.to_owned(),
        image_id: image_id.to_owned(),
        ..Default::default()
    };
    let launch_id = "01900000-0000-7000-8000-000000000000".to_owned();
    let statuses = [
        (world.launches().launch_instances(elsewhere).await.unwrap_err(), "REGION_NOT_SERVED"),
        (world.images().get_image(image("us-east-1", "ami-00000000")).await.unwrap_err(), "REGION_NOT_SERVED"),
        (world.images().get_image(image(REGION, "ami-00000000")).await.unwrap_err(), "IMAGE_NOT_FOUND"),
        (
            world.launches().get_launch(pb::GetLaunchRequest { launch_id: launch_id.clone() }).await.unwrap_err(),
            "LAUNCH_NOT_FOUND",
        ),
        (
            world.launches().watch_launch(pb::WatchLaunchRequest { launch_id, after_sequence: 0 }).await.unwrap_err(),
            "LAUNCH_NOT_FOUND",
        ),
    ];
    for (status, expected) in statuses {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, expected));
    }
    let unknown = launch_request("ami-00000000", "m7i.large", "r-1");
    let status = world.launches().launch_instances(unknown).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "an image that is not there is a recorded refusal");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_message_is_refused_and_the_server_goes_on() {
    let world = World::start().await;
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    request.spec.as_mut().unwrap().user_data = vec![0; 5 << 20];
    let status = world.launches().launch_instances(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "LIMIT_EXCEEDED"), "{status:?}");
    world.audit().list_records(pb::ListRecordsRequest::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_details_of_an_error_fit_the_trailers_of_every_client() {
    let world = World::start().await;
    let mut request = launch_request(landmarks::UEFI_TPM_X86_64, "t2.micro", "r-1");
    request.spec.as_mut().unwrap().instance_types =
        ["t2.nano", "t2.micro", "t2.small", "t2.medium", "t2.large", "m4.large", "m4.xlarge", "c4.large", "r4.large"]
            .map(str::to_owned)
            .to_vec();
    let status = world.launches().launch_instances(request).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(status.details().len() <= 4 << 10, "{} bytes", status.details().len());
    let info = status.get_details_error_info().unwrap();
    assert!(info.metadata.contains_key("truncated"), "{:?}", info.metadata);
    let launch_id = info.metadata["launch_id"].clone();
    let launch = world.launches().get_launch(pb::GetLaunchRequest { launch_id }).await.unwrap().into_inner();
    assert!(launch.decision.unwrap().findings.len() >= 18, "GetLaunch has the rest");
}
