//! What goes over the wire and what is made of what comes back, against a server that answers
//! as it is told.

mod allowed_images;
mod budget;
mod responder;
mod templates;

use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

use self::responder::{Reply, Responder};
use super::*;
use crate::clock::SystemClock;
use crate::ec2::run::tests::whole;
use crate::ec2::{BudgetSettings, ErrorClass, RunInstances, Silence, Timeouts};
use crate::ids::{ImageId, InstanceId, InstanceType, SubnetId};

fn images(ids: &[&str], next_token: Option<&str>) -> Reply {
    let items: String = ids.iter().map(|id| format!("<item><imageId>{id}</imageId></item>")).collect();
    let token = next_token.map(|token| format!("<nextToken>{token}</nextToken>")).unwrap_or_default();
    Reply::ok("DescribeImages", &format!("<imagesSet>{items}</imagesSet>{token}"))
}

fn small_launch() -> RunInstances {
    RunInstances::new("gantry-1".parse().unwrap(), "ami-12345678".parse().unwrap(), "t3.micro".parse().unwrap(), 1)
}

const LAUNCHED: &str = "<reservationId>r-1</reservationId><ownerId>123456789012</ownerId><instancesSet><item>\
    <instanceId>i-12345678</instanceId><instanceState><code>0</code><name>pending</name></instanceState>\
    <clientToken>gantry-1</clientToken></item></instancesSet>";

#[tokio::test]
async fn all_pages_are_read_and_kernels_left_out() {
    let server = Responder::start([
        images(&["ami-11111111", "aki-11111111"], Some("one")),
        images(&[], Some("two")),
        images(&["ami-22222222"], None),
    ])
    .await;
    let mut question = ImageQuestion::everything();
    question.owners = vec!["self".to_owned(), "amazon".to_owned()];
    question.filters = vec![("name".to_owned(), vec!["al2023-*".to_owned(), "x".to_owned()])];
    question.include_deprecated = true;
    let found = server.client().await.describe_images(&question, 10).await.unwrap();
    let ids: Vec<&str> = found.iter().map(|image| image.image_id.as_str()).collect();
    assert_eq!(ids, ["ami-11111111", "ami-22222222"]);

    let asked = server.asked();
    let first = &asked[0];
    for (name, value) in [
        ("Action", "DescribeImages"),
        ("Version", "2016-11-15"),
        ("MaxResults", "1000"),
        ("Owner.1", "self"),
        ("Owner.2", "amazon"),
        ("Filter.1.Name", "name"),
        ("Filter.1.Value.1", "al2023-*"),
        ("Filter.1.Value.2", "x"),
        ("IncludeDeprecated", "true"),
    ] {
        assert_eq!(first.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!first.contains_key("IncludeDisabled"));
    let tokens: Vec<Option<&str>> = asked.iter().map(|asked| asked.get("NextToken").map(String::as_str)).collect();
    assert_eq!(tokens, [None, Some("one"), Some("two")]);
}

#[tokio::test]
async fn ids_go_without_page_size_and_none_go_nowhere() {
    let server = Responder::start([images(&["ami-11111111"], None)]).await;
    let client = server.client().await;
    let id: ImageId = "ami-11111111".parse().unwrap();
    let nothing = ImageQuestion::of_ids([]);
    assert_eq!(client.describe_images(&nothing, 10).await.unwrap(), []);
    assert_eq!(client.instances(&[]).await.unwrap(), []);
    assert_eq!(client.instance_status(&[]).await.unwrap(), []);
    assert_eq!(client.subnets(&[]).await.unwrap(), []);
    assert_eq!(client.instance_types_named(&[]).await.unwrap(), []);
    assert_eq!(client.offerings(LocationType::Region, &[]).await.unwrap(), []);
    client.terminate_instances(&[]).await.unwrap();
    client.create_tags(&[], &[("k".to_owned(), "v".to_owned())].into()).await.unwrap();
    assert_eq!(server.asked().len(), 0, "an empty list never becomes a call");

    let question = ImageQuestion::of_ids([id.clone(), id]);
    assert_eq!(client.describe_images(&question, 10).await.unwrap().len(), 1);
    let asked = &server.asked()[0];
    assert_eq!(asked.get("ImageId.1").map(String::as_str), Some("ami-11111111"));
    assert!(!asked.contains_key("ImageId.2") && !asked.contains_key("MaxResults"));
}

#[tokio::test]
async fn more_images_than_wanted_is_an_error_and_stops_the_crawl() {
    let server = Responder::start([images(&["ami-11111111", "ami-22222222"], Some("one"))]).await;
    let error = server.client().await.describe_images(&ImageQuestion::everything(), 1).await.unwrap_err();
    assert_eq!(error, Ec2Error::TooMany { limit: 1 });
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn long_lists_are_asked_in_parts() {
    let ids: Vec<InstanceId> = (0..450).map(|n| format!("i-{n:08x}").parse().unwrap()).collect();
    let empty = Reply::ok("DescribeInstances", "<reservationSet/>");
    let server = Responder::start(vec![empty; 3]).await;
    assert_eq!(server.client().await.instances(&ids).await.unwrap(), []);
    let parts: Vec<usize> = server
        .asked()
        .iter()
        .map(|asked| asked.keys().filter(|key| key.starts_with("Filter.1.Value.")).count())
        .collect();
    assert_eq!(parts, [200, 200, 50]);

    let empty = Reply::ok("DescribeInstanceStatus", "<instanceStatusSet/>");
    let server = Responder::start(vec![empty; 5]).await;
    assert_eq!(server.client().await.instance_status(&ids).await.unwrap(), []);
    let asked = server.asked();
    assert_eq!(asked.len(), 5);
    assert!(asked.iter().all(|asked| asked.contains_key("IncludeAllInstances") && !asked.contains_key("MaxResults")));
    assert!(asked[0].contains_key("InstanceId.100") && !asked[0].contains_key("InstanceId.101"));

    let names: Vec<InstanceType> = (0..150).map(|n| format!("m{n}.large").parse().unwrap()).collect();
    let empty = Reply::ok("DescribeInstanceTypes", "<instanceTypeSet/>");
    let server = Responder::start(vec![empty; 2]).await;
    assert_eq!(server.client().await.instance_types_named(&names).await.unwrap(), []);
    assert_eq!(server.asked()[0].get("Filter.1.Name").map(String::as_str), Some("instance-type"));

    let subnets: [SubnetId; 1] = ["subnet-12345678".parse().unwrap()];
    let server = Responder::start([Reply::ok("DescribeSubnets", "<subnetSet/>")]).await;
    assert_eq!(server.client().await.subnets(&subnets).await.unwrap(), []);
    assert_eq!(server.asked()[0].get("Filter.1.Name").map(String::as_str), Some("subnet-id"));
}

#[tokio::test]
async fn run_instances_sends_the_whole_input() {
    let server = Responder::start([Reply::ok("RunInstances", LAUNCHED)]).await;
    let input = whole();
    let reservation = server.client().await.run_instances(&input, Some(b"#!/bin/sh\n"), false).await.unwrap();
    assert_eq!(reservation.reservation_id.as_deref(), Some("r-1"));
    assert_eq!(reservation.instances[0].instance_id.as_str(), "i-12345678");

    let mut asked = server.asked().remove(0);
    for (name, value) in [
        ("Action", "RunInstances"),
        ("Version", "2016-11-15"),
        ("ClientToken", "gantry-0199"),
        ("ImageId", "ami-0abcdef1234567890"),
        ("InstanceType", "m7i.large"),
        ("MinCount", "1"),
        ("MaxCount", "3"),
        ("SubnetId", "subnet-12345678"),
        ("Placement.AvailabilityZone", "us-east-1a"),
        ("Placement.Tenancy", "host"),
        ("Placement.HostId", "h-1"),
        ("Placement.GroupName", "group"),
        ("CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId", "cr-1"),
        ("InstanceMarketOptions.MarketType", "spot"),
        ("InstanceMarketOptions.SpotOptions.MaxPrice", "0.05"),
        ("KeyName", "key"),
        ("SecurityGroupId.1", "sg-12345678"),
        ("NetworkInterface.1.DeviceIndex", "0"),
        ("NetworkInterface.1.NetworkInterfaceId", "eni-1"),
        ("NetworkInterface.1.SubnetId", "subnet-12345678"),
        ("NetworkInterface.1.SecurityGroupId.1", "sg-12345678"),
        ("NetworkInterface.1.AssociatePublicIpAddress", "false"),
        ("NetworkInterface.1.DeleteOnTermination", "true"),
        ("IamInstanceProfile.Name", "profile"),
        ("UserData", "IyEvYmluL3NoCg=="),
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.VolumeSize", "20"),
        ("BlockDeviceMapping.1.Ebs.VolumeType", "gp3"),
        ("BlockDeviceMapping.1.Ebs.Iops", "3000"),
        ("BlockDeviceMapping.1.Ebs.Throughput", "125"),
        ("BlockDeviceMapping.1.Ebs.SnapshotId", "snap-1"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.KmsKeyId", "key"),
        ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"),
        ("BlockDeviceMapping.2.DeviceName", "/dev/sdb"),
        ("BlockDeviceMapping.2.NoDevice", ""),
        ("BlockDeviceMapping.3.DeviceName", "/dev/sdc"),
        ("BlockDeviceMapping.3.VirtualName", "ephemeral0"),
        ("MetadataOptions.HttpTokens", "required"),
        ("MetadataOptions.HttpPutResponseHopLimit", "2"),
        ("MetadataOptions.HttpEndpoint", "enabled"),
        ("MetadataOptions.InstanceMetadataTags", "enabled"),
        ("HibernationOptions.Configured", "true"),
        ("EnclaveOptions.Enabled", "false"),
        ("CreditSpecification.CpuCredits", "unlimited"),
        ("CpuOptions.CoreCount", "2"),
        ("CpuOptions.ThreadsPerCore", "1"),
        ("CpuOptions.AmdSevSnp", "enabled"),
        ("CpuOptions.NestedVirtualization", "disabled"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "gantry:launch-id"),
        ("TagSpecification.1.Tag.1.Value", "0199"),
        ("TagSpecification.2.ResourceType", "volume"),
        ("TagSpecification.2.Tag.1.Key", "owner"),
        ("TagSpecification.2.Tag.1.Value", "web"),
    ] {
        assert_eq!(asked.remove(name).as_deref(), Some(value), "{name}");
    }
    assert!(asked.is_empty(), "sent and not meant: {asked:?}");
}

#[tokio::test]
async fn user_data_that_is_not_the_frozen_one_is_not_sent() {
    let server = Responder::start([]).await;
    let client = server.client().await;
    for user_data in [None, Some(&b"#!/bin/bash\n"[..])] {
        let error = client.run_instances(&whole(), user_data, false).await.unwrap_err();
        assert_eq!((error.class(), error.definitely_nothing_happened()), (ErrorClass::Invalid, true));
    }
    let error = client.run_instances(&small_launch(), Some(b"unexpected"), false).await.unwrap_err();
    assert_eq!(error.code(), "EC2_REQUEST_NOT_SENT");
    let mut too_many = small_launch();
    too_many.max_count = u32::MAX;
    let error = client.run_instances(&too_many, None, false).await.unwrap_err();
    assert_eq!(error.code(), "EC2_REQUEST_NOT_SENT");
    assert_eq!(server.asked().len(), 0);
}

/// For each reply: the code, the class, and whether nothing happened for sure. RunInstances is sent
/// once, whatever the SDK thinks of the reply.
#[tokio::test]
async fn a_launch_is_sent_once_and_its_error_says_what_is_known() {
    let html = "<html><head><title>502 Bad Gateway</title></head>\n<body>\tproxy</body></html>";
    let table = [
        (Reply::error(412, "DryRunOperation", "would have succeeded"), "DryRunOperation", ErrorClass::DryRunOk, true),
        (
            Reply::error(500, "InsufficientInstanceCapacity", "try us-east-1b"),
            "InsufficientInstanceCapacity",
            ErrorClass::Capacity,
            true,
        ),
        (Reply::error(503, "RequestLimitExceeded", "slow"), "RequestLimitExceeded", ErrorClass::Throttled, true),
        (Reply::error(400, "VcpuLimitExceeded", "no"), "VcpuLimitExceeded", ErrorClass::Quota, true),
        (Reply::error(401, "OptInRequired", "subscribe"), "OptInRequired", ErrorClass::OptIn, true),
        (Reply::error(500, "InternalError", "sorry"), "InternalError", ErrorClass::Transient, false),
        (Reply::error(503, "Unavailable", "sorry"), "Unavailable", ErrorClass::Transient, false),
        (Reply::Body(502, html.to_owned()), "EC2_ANSWER_UNREADABLE", ErrorClass::Transient, false),
        (Reply::Body(500, String::new()), "EC2_ANSWER_UNREADABLE", ErrorClass::Transient, false),
        (Reply::Body(200, html.to_owned()), "EC2_ANSWER_UNREADABLE", ErrorClass::Transient, false),
        (Reply::ok("RunInstances", "<instancesSet/>"), "EC2_ANSWER_UNREADABLE", ErrorClass::Transient, false),
        (
            Reply::ok("RunInstances", "<instancesSet><item><instanceId>?</instanceId></item></instancesSet>"),
            "EC2_ANSWER_UNREADABLE",
            ErrorClass::Transient,
            false,
        ),
        (Reply::CutShort(200, LAUNCHED.to_owned()), "EC2_ANSWER_UNREADABLE", ErrorClass::Transient, false),
        (Reply::HangUp, "EC2_UNREACHABLE", ErrorClass::Transient, false),
    ];
    for (reply, code, class, nothing_happened) in table {
        let server = Responder::start([reply.clone(), Reply::ok("RunInstances", LAUNCHED)]).await;
        let error = server.client().await.run_instances(&small_launch(), None, false).await.unwrap_err();
        let seen = (error.code(), error.class(), error.definitely_nothing_happened());
        assert_eq!(seen, (code, class, nothing_happened), "{reply:?} became {error:?}");
        assert_eq!(server.asked().len(), 1, "{reply:?} was repeated");
    }
}

#[tokio::test]
async fn a_reply_that_does_not_come_may_have_happened() {
    let server = Responder::start([Reply::Silence]).await;
    let timeouts = Timeouts { attempt: Duration::from_millis(50), ..Timeouts::default() };
    let client = server.client_with(timeouts).await;
    let error = client.run_instances(&small_launch(), None, false).await.unwrap_err();
    assert!(
        matches!(error, Ec2Error::NoAnswer { silence: Silence::TimedOut, may_have_happened: true, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_happened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for endpoint in [endpoint.as_str(), "http://nowhere.invalid:1"] {
        let client = responder::client(endpoint, Timeouts::default()).await;
        let error = client.run_instances(&small_launch(), None, false).await.unwrap_err();
        assert!(error.definitely_nothing_happened() && error.retryable(), "{error:?}");
        assert_eq!(error.code(), "EC2_UNREACHABLE");
    }
}

/// A listener whose queue is full lets further connections wait. That it does so, and does not
/// refuse, is Linux's way.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_takes_too_long_proves_that_nothing_happened() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let _queued = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    let timeouts = Timeouts { connect: Duration::from_millis(50), ..Timeouts::default() };
    let client = responder::client(&format!("http://{address}"), timeouts).await;
    let error = client.run_instances(&small_launch(), None, false).await.unwrap_err();
    assert_eq!((error.code(), error.definitely_nothing_happened()), ("EC2_TIMEOUT", true), "{error:?}");
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let server = Responder::start([]).await;
    let config = aws_sdk_ec2::Config::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_sdk_ec2::config::Region::new("sandbox-1"))
        .endpoint_url("http://127.0.0.1:1")
        .build();
    let sdk = aws_sdk_ec2::Client::from_conf(config);
    let ssm = aws_sdk_ssm::Config::builder().behavior_version(aws_config::BehaviorVersion::latest()).build();
    let ssm = aws_sdk_ssm::Client::from_conf(ssm);
    let (account, region): (AccountId, Region) = ("123456789012".parse().unwrap(), "sandbox-1".parse().unwrap());
    let budgets =
        Budgets::new(account.clone(), region.clone(), BudgetSettings::default(), Arc::new(SystemClock::new()));
    let client = Client::new(account, region, sdk, ssm, budgets, None);
    let error = client.run_instances(&small_launch(), None, false).await.unwrap_err();
    assert!(matches!(error, Ec2Error::Credentials(_)), "{error:?}");
    assert!(error.definitely_nothing_happened());
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn reads_are_repeated_and_terminate_is_not() {
    let busy = Reply::error(503, "RequestLimitExceeded", "slow");
    let server = Responder::start([busy.clone(), busy.clone(), images(&["ami-11111111"], None)]).await;
    let found = server.client().await.describe_images(&ImageQuestion::everything(), 10).await.unwrap();
    assert_eq!((found.len(), server.asked().len()), (1, 3));

    let ids = ["i-12345678".parse().unwrap()];
    let server = Responder::start([busy]).await;
    let error = server.client().await.terminate_instances(&ids).await.unwrap_err();
    assert_eq!((error.class(), server.asked().len()), (ErrorClass::Throttled, 1));
}

#[tokio::test]
async fn an_error_keeps_what_a_person_needs() {
    let message = "You are not authorized. Encoded authorization failure message: AbC-_123";
    let server = Responder::start([Reply::error(403, "UnauthorizedOperation", message)]).await;
    let error = server.client().await.availability_zones().await.unwrap_err();
    assert_eq!(error.message(), message);
    assert_eq!(error.http_status(), Some(403));
    assert_eq!(error.request_id(), Some("req-error"), "from the body, where no header has it");
    assert!(error.remedy().contains("DecodeAuthorizationMessage"));
    assert_eq!(error.to_string(), format!("UnauthorizedOperation: {message}"));

    let server = Responder::start([Reply::Body(403, "<html>\n  Forbidden</html>".to_owned())]).await;
    let error = server.client().await.availability_zones().await.unwrap_err();
    assert_eq!(error.http_status(), Some(403));
    assert!(error.to_string().contains("<html> Forbidden</html>"), "{error}");
}

#[tokio::test]
async fn a_console_is_read() {
    let inner = "<instanceId>i-12345678</instanceId><timestamp>2026-01-01T00:00:00.000Z</timestamp>\
        <output>Ym9vdGVkIG9rCg==</output>";
    let server = Responder::start([
        Reply::ok("GetConsoleOutput", inner),
        Reply::ok("GetConsoleOutput", "<instanceId>i-12345678</instanceId>"),
    ])
    .await;
    let client = server.client().await;
    let id: InstanceId = "i-12345678".parse().unwrap();
    let console = client.console_output(&id, true).await.unwrap();
    assert_eq!((console.text.as_str(), console.taken.is_some()), ("booted ok\n", true));
    assert_eq!(client.console_output(&id, false).await.unwrap().text, "");
    let asked = server.asked();
    assert_eq!(asked[0].get("Latest").map(String::as_str), Some("true"));
    assert!(!asked[1].contains_key("Latest"));
}
