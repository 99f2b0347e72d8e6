//! What is kept of redacted tags for an attempt that a crash left open: used if it is what belongs to
//! the attempt, and only then.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::sandbox::landmarks;
use tonic::transport::Channel;

use crate::crash::{Cloud, Server};
use crate::world::{REGION, launch_request};

const EMAIL: &str = "ann@example.com";

fn request() -> pb::LaunchInstancesRequest {
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    request.spec.as_mut().unwrap().tags = [("email".to_owned(), EMAIL.to_owned())].into();
    request
}

async fn client(server: &Server) -> LaunchServiceClient<Channel> {
    LaunchServiceClient::connect(format!("http://{}", server.address)).await.unwrap()
}

fn start(cloud: &Cloud, dir: &Path, crash_at: Option<&str>) -> Server {
    let config = dir.join("gantry.toml");
    std::fs::write(&config, "[audit]\nredact_tags = ['email']\n").unwrap();
    let server = Server::start_with(cloud, &dir.join("data"), crash_at, |command| {
        command.arg("--config").arg(config);
    });
    server.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_attempt_is_repeated_with_what_belongs_to_it_and_otherwise_looked_up() {
    type Damage = fn(&str) -> Option<String>;
    let cases: [(&str, Damage, u64); 4] = [
        ("whole", |kept| Some(kept.to_owned()), 2),
        ("gone", |_| None, 1),
        ("another value", |kept| Some(kept.replace(EMAIL, "bob@example.com")), 1),
        ("torn", |kept| Some(kept[..kept.len() / 2].to_owned()), 1),
    ];
    for (name, damage, calls) in cases {
        let cloud = Cloud::start().await;
        let dir = tempfile::tempdir().unwrap();
        let mut doomed = start(&cloud, dir.path(), Some("launch.after_run_instances"));
        client(&doomed).await.launch_instances(request()).await.unwrap_err();
        assert!(!doomed.child.wait().unwrap().success());
        let mut kept = std::fs::read_dir(dir.path().join("data/user-data")).unwrap();
        let kept = kept.next().unwrap().unwrap().path();
        assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&kept).unwrap();
        assert!(text.contains(EMAIL));
        match damage(&text) {
            Some(text) => std::fs::write(&kept, text).unwrap(),
            None => std::fs::remove_file(&kept).unwrap(),
        }

        let server = start(&cloud, dir.path(), None);
        let launch = client(&server).await.launch_instances(request()).await.unwrap().into_inner();
        assert_eq!(launch.instances.len(), 1, "{name}: it is found");
        assert_eq!(cloud.sandbox.calls("RunInstances"), calls, "{name}: repeated, or only looked up");
        assert_eq!(cloud.sandbox.instances(REGION), 1, "{name}");
        let (_, described) = cloud.sandbox.call(&REGION.parse().unwrap(), "Action=DescribeInstances");
        assert!(described.contains(EMAIL) && !described.contains("redacted"), "{name}");
    }
}
