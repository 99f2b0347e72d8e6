//! The launcher over a real log and a sandbox: what it does when the log takes nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::audit::Owner;
use crate::clock::{SimClock, Timestamp};
use crate::ec2::{Settings, StaticCredentials, Timeouts};
use crate::record::{CpuOptions, ImageChoice, Market, MetadataOptions, OnBootFailure, PlacementStrategy};
use crate::sandbox::{self, Options, Sandbox, landmarks};

/// The smallest launch there is.
pub(super) fn least_spec() -> Spec {
    Spec {
        account_id: sandbox::ACCOUNT_ID.parse().unwrap(),
        region: sandbox::DEFAULT_REGION.parse().unwrap(),
        image: ImageChoice::ImageId(landmarks::AMAZON_LINUX_2023_X86_64.parse().unwrap()),
        instance_types: vec!["m7i.large".parse().unwrap()],
        placements: Vec::new(),
        strategy: PlacementStrategy::InOrder,
        min_count: 1,
        max_count: 1,
        market: Market::OnDemand,
        key_name: None,
        security_group_ids: Vec::new(),
        network_interfaces: Vec::new(),
        iam_instance_profile: None,
        user_data_sha256: None,
        block_device_mappings: Vec::new(),
        metadata_options: MetadataOptions::default(),
        hibernation: false,
        enclave: false,
        cpu_credits: None,
        cpu_options: CpuOptions::default(),
        tags: BTreeMap::new(),
        volume_tags: BTreeMap::new(),
        ready_timeout: Duration::from_secs(600),
        on_boot_failure: OnBootFailure::Keep,
        expire_time: None,
    }
}

async fn launcher(dir: &Path, shutdown: &CancellationToken) -> (Launcher, AuditLog, Sandbox) {
    let clock: Arc<dyn Clock> = Arc::new(SimClock::new(Timestamp::from_second(1_795_000_000).unwrap()));
    let options = Options { images: sandbox::IMAGES_MIN, ..Options::default() };
    let sandbox = Sandbox::open(options, Arc::clone(&clock)).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(sandbox.clone().serve(listener, shutdown.clone()));
    let account_id: crate::ids::AccountId = sandbox::ACCOUNT_ID.parse().unwrap();
    let settings = Settings {
        regions: vec![sandbox::DEFAULT_REGION.parse().unwrap()],
        endpoint: Some(endpoint),
        credentials: Some(StaticCredentials {
            access_key_id: "test".to_owned(),
            secret_access_key: "test".to_owned(),
            session_token: None,
        }),
        account_id: Some(account_id.clone()),
        timeouts: Timeouts::default(),
    };
    let clients = Clients::connect(&settings).await.unwrap();
    let (log, _) = AuditLog::open(dir, Owner { sandbox: true, accounts: vec![account_id] }).unwrap();
    let catalog = Catalog::new(clients.clone(), Arc::clone(&clock));
    let (launched, _) = mpsc::channel(1);
    let launcher = Launcher::open(dir, clients, catalog, log.clone(), clock, launched).unwrap();
    (launcher, log, sandbox)
}

fn request(request_id: &str) -> LaunchRequest {
    LaunchRequest {
        spec: least_spec(),
        user_data: None,
        reason: "test".to_owned(),
        request_id: Some(request_id.parse().unwrap()),
        validate_only: false,
        wait: Duration::from_secs(30),
        principal: "local".parse().unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_takes_nothing_launches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let shutdown = CancellationToken::new();
    let (launcher, log, sandbox) = launcher(dir.path(), &shutdown).await;
    assert!(matches!(launcher.launch(request("r-1")).await, Ok(Answer::Launch(_))));
    assert_eq!(sandbox.calls("RunInstances"), 1);

    log.break_for_test().await;
    let refused = launcher.launch(request("r-2")).await;
    assert!(matches!(refused, Err(LaunchError::Append(AppendError::Unavailable))), "{refused:?}");
    launcher.close().await;
    assert_eq!(sandbox.calls("RunInstances"), 1, "nothing was asked of EC2");
    log.close().await;
    shutdown.cancel();
}

#[test]
fn the_frozen_input_asks_for_imdsv2_unless_told_otherwise() {
    let attempt_id = AttemptId::new(Timestamp::UNIX_EPOCH);
    let candidate = crate::record::Candidate {
        instance_type: "m7i.large".parse().unwrap(),
        placement: crate::record::Placement::default(),
    };
    let frozen = freeze::freeze(&least_spec(), &candidate, attempt_id);
    assert_eq!(frozen.metadata_options.http_tokens.as_deref(), Some("required"));
    assert_eq!(frozen.client_token, attempt_id.client_token());
    assert_eq!(frozen.instance_tags["gantry:attempt-id"], attempt_id.to_string());
    let allowed = MetadataOptions { tokens_required: false, ..MetadataOptions::default() };
    let spec = Spec { metadata_options: allowed, ..least_spec() };
    assert_eq!(freeze::freeze(&spec, &candidate, attempt_id).metadata_options.http_tokens.as_deref(), Some("optional"));
}
