//! Why EC2 did not permit a launch: kept encoded, and read with the credentials of whoever asks.

use std::process::{Command, Output};

use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::sandbox::{Plan, landmarks};

use crate::crash::{Cloud, Server};
use crate::world::launch_request;

/// `gantry launches show` with more arguments, on a machine whose credentials are not the server's.
async fn show(server: &Server, endpoint: &str, launch_id: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
    command.args(["launches", "show", launch_id, "--server", &format!("http://{}", server.address)]).args(more);
    command.env_clear().envs([
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "somebody"),
        ("AWS_SECRET_ACCESS_KEY", "else"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encoded_message_is_kept_encoded_and_decoded_for_who_may() {
    let dir = tempfile::tempdir().unwrap();
    let cloud = Cloud::start().await;
    cloud.sandbox.plan_faults(Plan::parse("[[fault]]\nkind = \"denied\"\nactions = [\"RunInstances\"]\n").unwrap());
    let server = Server::start(&cloud, &dir.path().join("data"), None).unwrap();
    let mut launches = LaunchServiceClient::new(server.channel().await.unwrap());
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    let launch = launches.launch_instances(request).await.unwrap().into_inner();
    assert_eq!(launch.state(), pb::LaunchState::Failed);
    let message = &launch.attempts[0].error.as_ref().unwrap().message;
    let (_, encoded) = message.split_once("Encoded authorization failure message: ").unwrap();

    let shown = show(&server, &cloud.endpoint, &launch.launch_id, &[]).await;
    assert!(String::from_utf8(shown.stdout).unwrap().contains(encoded), "the record has it as it came");

    let shown = show(&server, &cloud.endpoint, &launch.launch_id, &["--decode", "--output", "json"]).await;
    assert!(shown.status.success(), "{shown:?}");
    let json: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    for text in [&json["attempts"][0]["error"]["message"], &json["stateReason"]["message"]] {
        let text = text.as_str().unwrap();
        assert!(text.contains("Decoded authorization failure message: {") && !text.contains(encoded), "{text}");
        assert!(text.contains("\"action\":\"ec2:RunInstances\""), "{text}");
    }

    // Somebody who may not, or a counterpart that cannot: the launch is shown, and the command says why.
    let shown = show(&server, "http://127.0.0.1:1", &launch.launch_id, &["--decode"]).await;
    assert_eq!(shown.status.code(), Some(1));
    assert!(String::from_utf8(shown.stdout).unwrap().contains(encoded));
    assert!(String::from_utf8(shown.stderr).unwrap().contains("no answer from EC2"), "it says what failed");
}
