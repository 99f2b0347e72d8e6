//! A Region of 150,000 images: a sandbox in another process, and a catalogue that crawls it.
//!
//! The images come through the SDK and inside Gantry's own throttle budget, so that time and memory
//! are those of the real thing, and memory that of the catalogue alone.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use gantry::ami::catalog::{Catalog, Keeping};
use gantry::clock::{Clock, SystemClock};
use gantry::ec2::{BudgetSettings, Clients, Settings, StaticCredentials, Timeouts};
use gantry::ids::Region;

use super::Effort;

const IMAGES: usize = 150_000;
const IMAGES_SMOKE: usize = 1_000;

/// Images of the Region.
pub(crate) fn images(effort: Effort) -> usize {
    if effort.is_smoke { IMAGES_SMOKE } else { IMAGES }
}

pub(crate) fn region() -> Region {
    gantry::sandbox::DEFAULT_REGION.parse().unwrap()
}

/// A catalogue of everything in the sandbox, which crawls it every `crawl_period` and keeps it in
/// `dir`.
pub(crate) async fn catalog(
    sandbox: &OtherProcess,
    images: usize,
    crawl_period: Duration,
    dir: Option<PathBuf>,
) -> (Catalog, Keeping) {
    let clients = clients(&sandbox.endpoint, &region()).await;
    let catalog = Catalog::new(clients, Arc::new(SystemClock::new()), images, &["all".to_owned()]);
    (catalog, Keeping { dir, crawl_period, refresh_period: Duration::from_secs(3600) })
}

pub(crate) async fn clients(endpoint: &str, region: &Region) -> Clients {
    let settings = Settings {
        regions: vec![region.clone()],
        endpoint: Some(endpoint.to_owned()),
        credentials: Some(StaticCredentials {
            access_key_id: "bench".to_owned(),
            secret_access_key: "bench".to_owned(),
            session_token: None,
        }),
        account_id: Some(gantry::sandbox::ACCOUNT_ID.parse().unwrap()),
        timeouts: Timeouts::default(),
        budget: BudgetSettings::default(),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    Clients::connect(&settings, &clock).await.unwrap()
}

/// A sandbox whose memory is not ours. It goes with this value.
pub(crate) struct OtherProcess {
    child: Child,
    pub(crate) endpoint: String,
}

impl OtherProcess {
    pub(crate) fn start(images: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gantry"))
            .args(["sandbox", "--listen", "127.0.0.1:0", "--images", &images.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        Self { child, endpoint: format!("http://{address}") }
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
