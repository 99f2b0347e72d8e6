//! The launcher over a real log and a sandbox: what it does when the log takes nothing.

use super::*;
use crate::audit::AppendError;
use crate::clock::{SimClock, Timestamp};
use crate::launch::{Answer, LaunchRequest};
use crate::launch::{LaunchError, LaunchSettings};
use crate::sandbox::Options;

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
        // Nobody waits for others of a storm while time stands still.
        budget: BudgetSettings { share: 1.0, scale: 1_000.0 },
    };
    let clients = crate::ec2::Clients::connect(&settings, &clock).await.unwrap();
    let (log, _) =
        AuditLog::open(dir, Owner { sandbox: true, accounts: vec![account_id] }, Default::default()).unwrap();
    let catalog = Catalog::new(clients.clone(), Arc::clone(&clock), 1_000, &[]);
    let (launched, _) = mpsc::channel(1);
    let launcher =
        Launcher::open(dir, clients, catalog, log.clone(), clock, LaunchSettings::default(), launched).unwrap();
    (launcher, log, sandbox)
}

fn request(request_id: &str) -> LaunchRequest {
    let least = crate::launch::tests::request_of(crate::launch::tests::least_spec());
    LaunchRequest { request_id: Some(request_id.parse().unwrap()), ..least }
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

#[tokio::test]
async fn a_log_that_fails_ends_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let owner = Owner { sandbox: true, accounts: vec![sandbox::ACCOUNT_ID.parse().unwrap()] };
    let (log, _) = AuditLog::open(dir.path(), owner, Default::default()).unwrap();
    let shutdown = CancellationToken::new();
    let closed = CancellationToken::new();
    let watching = tokio::spawn(watchdog::watch(log.clone(), shutdown.clone(), closed.clone()));
    log.break_for_test().await;
    let started = Event::ServiceStarted(ServiceStarted {
        version: "0.1.0".to_owned(),
        sandbox: true,
        regions: Vec::new(),
        open_launches: 0,
        verifier_key: None,
        accepted: None,
    });
    let entry = Entry {
        v: ENTRY_VERSION,
        time: Timestamp::UNIX_EPOCH,
        launch_id: None,
        account_id: None,
        region: None,
        principal: None,
        event: started,
    };
    assert!(matches!(log.append(vec![entry]).await, Err(AppendError::Unavailable)));
    shutdown.cancelled().await;
    log.close().await;
    closed.cancel();
    watching.await.unwrap();
}
