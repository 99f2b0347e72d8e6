//! What is nowhere on disk: credentials, user data, and the values of redacted tags.

mod canaries;
mod kept;
mod repeats;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::sandbox::{Fault, landmarks};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use rcgen::{CertificateParams, KeyPair};
use tonic::Status;
use tonic::transport::{Certificate, Channel, ClientTlsConfig};

use self::canaries::{Canaries, Canary, Found};
use crate::crash::{Cloud, Server};
use crate::world::{REGION, launch_request};

const ACCESS_KEY_ID: &str = "AKIACANARY0ACCESSKEY";
const SECRET_ACCESS_KEY: &str = "canary/secret+access/key/0123456789abcdef";
const SESSION_TOKEN: &str = "IQoJcanary//session+token==";
const USER_DATA: &str = "#!/bin/sh\nexport PASSWORD='canary of user data'\n";
const EMAIL: &str = "canary-ann+launch@example.com";
const OWNER: &str = "canary Öwner \"of\" volumes";
const FILTERED: &str = "canary-filter@example.com";
const OF_IMAGE: &str = "canary-image@example.com";
const VISIBLE: &str = "canary-that-is-meant-to-be-there";

/// A server with everything secret that one can have, its log, and who talks to it.
struct Guarded {
    dir: tempfile::TempDir,
    cloud: Cloud,
    certificate: String,
    private_key: KeyPair,
}

impl Guarded {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let private_key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&private_key).unwrap().pem();
        fs::write(dir.path().join("server.pem"), &certificate).unwrap();
        fs::write(dir.path().join("server.key"), private_key.serialize_pem()).unwrap();
        let settings = "[audit]\nredact_tags = ['email', 'owner*']\nsegment_kib = 64\n";
        fs::write(dir.path().join("gantry.toml"), settings).unwrap();
        Self { dir, cloud: Cloud::start().await, certificate, private_key }
    }

    fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// What the server wrote, to stdout and stderr.
    fn output(&self) -> PathBuf {
        self.dir.path().join("output")
    }

    fn start(&self, crash_at: Option<&str>) -> Option<Server> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.output()).unwrap();
        Server::start_with(&self.cloud, &self.data_dir(), crash_at, |command| {
            let file = |name: &str| self.dir.path().join(name);
            command
                .arg("--config")
                .arg(file("gantry.toml"))
                .arg("--tls-cert")
                .arg(file("server.pem"))
                .arg("--tls-key")
                .arg(file("server.key"))
                // Everything that anybody could ask to be logged.
                .args(["--log-filter", "trace"])
                .envs([
                    ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
                    ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
                    ("AWS_SESSION_TOKEN", SESSION_TOKEN),
                ])
                .stderr(Stdio::from(log));
        })
    }

    async fn launches(&self, server: &Server) -> LaunchServiceClient<Channel> {
        let port = server.address.rsplit(':').next().unwrap();
        let tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&self.certificate)).domain_name("localhost");
        let endpoint = Channel::from_shared(format!("https://localhost:{port}")).unwrap().tls_config(tls).unwrap();
        LaunchServiceClient::new(endpoint.connect().await.unwrap())
    }

    /// What must be nowhere.
    fn secret(&self) -> Canaries {
        let pem = self.private_key.serialize_pem();
        let pem_line = pem.lines().nth(1).unwrap();
        Canaries::new(vec![
            Canary::new("access key id", ACCESS_KEY_ID.as_bytes()),
            Canary::new("secret access key", SECRET_ACCESS_KEY.as_bytes()),
            Canary::new("session token", SESSION_TOKEN.as_bytes()),
            Canary::new("TLS key", pem_line.as_bytes()),
            Canary::new("TLS key as DER", &self.private_key.serialize_der()),
            Canary::new("user data", b"canary of user data"),
            Canary::new("tag", EMAIL.as_bytes()),
            Canary::new("volume tag", OWNER.as_bytes()),
            Canary::new("filter", FILTERED.as_bytes()),
        ])
    }
}

/// A launch that carries everything that is to be kept out of the log, and something that is not.
fn laden(image_id: &str, request_id: &str) -> pb::LaunchInstancesRequest {
    let mut request = launch_request(image_id, "m7i.large", request_id);
    let spec = request.spec.as_mut().unwrap();
    spec.user_data = USER_DATA.as_bytes().to_vec();
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    spec.tags = [tag("email", EMAIL), tag("team", VISIBLE)].into();
    spec.volume_tags = [tag("owner:volume", OWNER)].into();
    request
}

/// Ends a server as an operator does.
fn stop(mut server: Server) {
    let asked = Command::new("kill").args(["-TERM", &server.child.id().to_string()]).status().unwrap();
    assert!(asked.success() && server.child.wait().unwrap().success());
}

fn says(message: &str, code: &str, status: u16) -> Fault {
    Fault::ErrorBefore { code: code.to_owned(), message: message.to_owned(), status }
}

/// Launches that succeed, are refused, fail, are previewed and are dry-run, with an EC2 that quotes
/// whatever it can.
async fn every_kind_of_launch(guarded: &Guarded, server: &Server) {
    let mut client = guarded.launches(server).await;
    let mut launch = async |request| client.launch_instances(request).await.map(tonic::Response::into_inner);
    let launched = launch(laden(landmarks::SELF_OWNED, "succeeds")).await.unwrap();
    assert_eq!(launched.spec.unwrap().tags["email"], "[redacted]", "the answer is read back from the log");
    launch(laden(landmarks::HVM_WITHOUT_ENA, "refused")).await.unwrap_err();

    let mut by_tag = laden(landmarks::SELF_OWNED, "by-tag");
    let filters =
        vec![pb::Filter { name: "tag:email".to_owned(), values: vec![FILTERED.to_owned(), OF_IMAGE.to_owned()] }];
    let selector = pb::ImageSelector { owner: "self".to_owned(), filters, ..Default::default() };
    by_tag.spec.as_mut().unwrap().image =
        Some(pb::ImageReference { reference: Some(pb::image_reference::Reference::Selector(selector)) });
    assert_eq!(launch(by_tag).await.unwrap().instances.len(), 1, "the image is found by its tag");

    let user_data = BASE64_STANDARD.encode(USER_DATA);
    let quoted = format!("{EMAIL} or {OWNER} is wrong: Value=canary-ann%2Blaunch%40example.com&UserData={user_data}");
    let signature = format!(
        "The request signature we calculated does not match.\n\nThe Canonical String for this request should have been\n\
         'POST\n/\n\nx-amz-security-token:{SESSION_TOKEN}\n'"
    );
    let faults = [
        ("quoted", says(&quoted, "InvalidParameterValue", 400)),
        ("signature", says(&signature, "SignatureDoesNotMatch", 403)),
        ("denied", says(&quoted, "UnauthorizedOperation", 403)),
    ];
    for (request_id, fault) in faults {
        for validate_only in [false, true] {
            guarded.cloud.sandbox.faults().inject("RunInstances", 1, fault.clone());
            let request = pb::LaunchInstancesRequest { validate_only, ..laden(landmarks::SELF_OWNED, request_id) };
            match launch(request).await {
                Ok(failed) => assert_eq!((failed.state(), validate_only), (pb::LaunchState::Failed, false)),
                Err(Status { .. }) => assert!(validate_only, "a failure after admission is a launch"),
            }
        }
    }
    let preview = pb::LaunchInstancesRequest { validate_only: true, ..laden(landmarks::SELF_OWNED, "preview") };
    assert!(launch(preview).await.unwrap().preview);
}

/// The log of `data_dir` in every format, and the rows of the Parquet file, which is compressed.
fn export(data_dir: &Path, out: &Path) {
    fs::create_dir(out).unwrap();
    for format in ["jsonl", "ocsf", "parquet", "tiles"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
        command.args(["audit", "export", "--format", format, "--data-dir"]).arg(data_dir);
        let done = command.arg("--out").arg(out.join(format)).env_clear().output().unwrap();
        assert!(done.status.success(), "{format}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let rows = SerializedFileReader::new(fs::File::open(out.join("parquet")).unwrap()).unwrap();
    let mut text = String::new();
    for row in rows.get_row_iter(None).unwrap() {
        for (_, field) in row.unwrap().get_column_iter() {
            if let Field::Str(value) = field {
                text.push_str(value);
                text.push('\n');
            }
        }
    }
    fs::write(out.join("rows"), text).unwrap();
}

/// Everything of the directory that is not the cache of what EC2 says of images: their tags are
/// needed there to answer for EC2.
fn outside_the_catalogue(found: Vec<Found>, data_dir: &Path) -> Vec<Found> {
    found.into_iter().filter(|found| !found.path.starts_with(data_dir.join("catalogue"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_canary_is_in_the_data_directory_the_exports_or_the_output() {
    let guarded = Guarded::new().await;
    let data_dir = guarded.data_dir();
    let region = REGION.parse().unwrap();
    let tagging =
        format!("Action=CreateTags&ResourceId.1={}&Tag.1.Key=email&Tag.1.Value={OF_IMAGE}", landmarks::SELF_OWNED);
    assert_eq!(guarded.cloud.sandbox.call(&region, &tagging).0, 200);
    let (secret, visible) = (guarded.secret(), Canaries::new(vec![Canary::new("visible", VISIBLE.as_bytes())]));
    let of_image = Canaries::new(vec![Canary::new("image's tag", OF_IMAGE.as_bytes())]);
    // With an attempt open there is one file that may hold more, and it does: so the hunt can succeed.
    for point in
        ["launch.before_decision", "launch.after_decision", "launch.before_run_instances", "launch.after_run_instances"]
    {
        let mut doomed = guarded.start(Some(point)).unwrap();
        guarded.launches(&doomed).await.launch_instances(laden(landmarks::SELF_OWNED, point)).await.unwrap_err();
        assert!(!doomed.child.wait().unwrap().success(), "{point}: the process died");
        let (kept, elsewhere): (Vec<Found>, Vec<Found>) =
            secret.below(&data_dir).into_iter().partition(|found| found.path.starts_with(data_dir.join("user-data")));
        assert_eq!(elsewhere, [], "{point}");
        let mut names: Vec<&str> = kept.iter().map(|found| found.canary).collect();
        names.sort_unstable();
        assert_eq!(names, ["tag", "user data", "volume tag"], "{point}");

        let server = guarded.start(None).unwrap();
        let mut client = guarded.launches(&server).await;
        let launch = client.launch_instances(laden(landmarks::SELF_OWNED, point)).await.unwrap().into_inner();
        assert_eq!(launch.instances.len(), 1, "{point}: it is taken up");
    }
    let (_, instances) = guarded.cloud.sandbox.call(&region, "Action=DescribeInstances");
    assert_eq!(instances.matches(EMAIL).count(), 4, "EC2 has the value, also after a crash");

    let server = guarded.start(None).unwrap();
    every_kind_of_launch(&guarded, &server).await;
    stop(server);
    let exports = guarded.dir.path().join("exports");
    export(&data_dir, &exports);
    for path in [&data_dir, &exports, &guarded.output()] {
        assert_eq!(secret.below(path), [], "{}", path.display());
    }
    for path in [&data_dir, &exports] {
        assert_eq!(outside_the_catalogue(of_image.below(path), &data_dir), []);
    }
    for path in [data_dir.join("journal"), exports.join("jsonl"), exports.join("ocsf"), exports.join("rows")] {
        assert_ne!(visible.below(&path), [], "{}: a tag that is not redacted is there", path.display());
    }
    assert!(fs::read_dir(data_dir.join("user-data")).unwrap().next().is_none(), "nothing is needed any more");
    assert!(fs::metadata(guarded.output()).unwrap().len() > 100_000, "there was output to look at");
}
