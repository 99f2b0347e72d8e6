//! Public parameters: what is behind them, and how they are refused.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::*;
use crate::clock::SimClock;
use crate::sandbox::actions::images::tests as images;
use crate::sandbox::actions::{Answer, answer};
use crate::sandbox::{IMAGES_MIN, Options, Plan, landmarks};

const LINUX: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.12-x86_64";

fn sandbox() -> Sandbox {
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    Sandbox::open(Options { images: IMAGES_MIN, ..Options::default() }, Arc::new(clock)).unwrap()
}

fn ask_as(sandbox: &Sandbox, service: &str, target: &str, body: &Value) -> (u16, Value) {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=A/20261001/sandbox-1/{service}/aws4_request, SignedHeaders=h, Signature=0"
    );
    let headers = HeaderMap::from_iter([(AUTHORIZATION, scope.parse().unwrap())]);
    let form = json::form(format!("AmazonSSM.{target}").as_bytes(), body.to_string().as_bytes()).unwrap();
    match answer(sandbox, &headers, &Query::parse(&form).unwrap(), "r") {
        Answer::Json(status, body) => (status, serde_json::from_str(&body).unwrap()),
        other => panic!("{target}: {other:?}"),
    }
}

fn ask(sandbox: &Sandbox, target: &str, body: &Value) -> (u16, Value) {
    ask_as(sandbox, "ssm", target, body)
}

#[test]
fn a_parameter_holds_the_newest_image_that_can_be_launched() {
    let sandbox = sandbox();
    let (status, found) = ask(&sandbox, "GetParameter", &json!({ "Name": LINUX }));
    let parameter = &found["Parameter"];
    assert_eq!((status, parameter["Value"].as_str()), (200, Some(landmarks::AMAZON_LINUX_2023_X86_64)), "{found}");
    assert_eq!(parameter["ARN"], format!("arn:aws:ssm:sandbox-1::parameter{LINUX}"));
    // Every parameter that DescribeImages shows is there, and holds one of the images that show it.
    let (_, xml) =
        images::ask(&sandbox, "Action=DescribeImages&Filter.1.Name=public-ssm-parameter-name&Filter.1.Value.1=*");
    let shown = images::texts(&xml, "publicSsmParameterName");
    assert!(shown.len() >= 2, "{shown:?}");
    for name in shown {
        let (status, found) = ask(&sandbox, "GetParameter", &json!({ "Name": format!("/{name}") }));
        let value = found["Parameter"]["Value"].as_str().unwrap_or_default();
        assert!(status == 200 && xml.contains(&format!("<imageId>{value}</imageId>")), "{name}: {found}");
    }
    let (_, several) = ask(&sandbox, "GetParameters", &json!({ "Names": [LINUX, "/aws/service/none"] }));
    assert_eq!(several["Parameters"].as_array().map(Vec::len), Some(1));
    assert_eq!(several["InvalidParameters"], json!(["/aws/service/none"]));
}

#[test]
fn what_is_not_there_or_not_allowed_is_refused_as_systems_manager_does() {
    let sandbox = sandbox();
    let refused = |target: &str, body: Value| {
        let (status, answer) = ask(&sandbox, target, &body);
        (status, answer["__type"].as_str().unwrap_or_default().to_owned())
    };
    // An image that was behind it once is found by the filter only.
    let former = "/aws/service/ami-amazon-linux-latest/amzn2-ami-hvm-x86_64-gp2";
    for (target, body, code) in [
        ("GetParameter", json!({ "Name": former }), "ParameterNotFound"),
        ("GetParameter", json!({ "Name": &LINUX[1..] }), "ParameterNotFound"),
        ("GetParameter", json!({}), "ValidationException"),
        ("GetParameter", json!({ "Name": format!("{LINUX}:1") }), "ValidationException"),
        ("GetParameter", json!({ "Name": LINUX, "Path": "/" }), "ValidationException"),
        ("GetParameters", json!({ "Names": [] }), "ValidationException"),
        ("PutParameter", json!({ "Name": LINUX }), "UnknownOperationException"),
        ("DescribeImages", json!({}), "UnknownOperationException"),
    ] {
        assert_eq!(refused(target, body), (400, code.to_owned()), "{target}");
    }
    let (_, answer) = ask_as(&sandbox, "ec2", "GetParameter", &json!({ "Name": LINUX }));
    assert_eq!(answer["__type"], "InvalidSignatureException");
    sandbox.plan_faults(Plan::parse("[[fault]]\nkind = \"denied\"\nactions = [\"GetParameter\"]\n").unwrap());
    let (status, answer) = ask(&sandbox, "GetParameter", &json!({ "Name": LINUX }));
    assert_eq!((status, answer["__type"].as_str()), (400, Some("AccessDeniedException")), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("ssm:GetParameter"), "{answer}");
    let (_, xml) = images::ask(&sandbox, "Action=GetParameter");
    assert_eq!(images::texts(&xml, "Code"), ["InvalidAction"], "it is no action of EC2");
}
