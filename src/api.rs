//! The gRPC face of Gantry: convert, call, convert.
//!
//! One file per service; each reads its request into our own types, calls the room that knows,
//! and writes the answer. Nothing here decides anything.

mod audit;
pub mod convert;
pub mod finding_page;
mod image;
mod launch;
pub mod page;
pub mod pb;
mod permit;
mod policy;
mod scope;
mod serve;
pub mod status;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::ami::catalog::Catalogs;
use crate::audit::AuditLog;
use crate::boot::statistics::Measured;
use crate::boot::{Tails, Watches};
use crate::clock::Clock;
use crate::ids::Principal;
use crate::launch::Launcher;
use crate::policy::InForce;

pub use serve::{KEEPALIVE_PERIOD, REQUEST_BYTES_MAX, STREAMS_PER_CONNECTION_MAX, serve};

/// What the services stand on.
#[derive(Debug, Clone)]
pub struct Services {
    /// Images and instance types, of each account.
    pub catalogs: Catalogs,
    /// Launches.
    pub launcher: Launcher,
    /// Instances that are being watched.
    pub watches: Watches,
    /// The ends of consoles from which failures were explained.
    pub tails: Tails,
    /// How long boots took.
    pub measured: Measured,
    /// What is on record.
    pub log: AuditLog,
    /// The policy in force.
    pub policy: InForce,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whose images are meant when a request names no owner.
    pub owners: Vec<String>,
    /// Between two full crawls of a Region's images: what freshness is measured by.
    pub crawl_period: Duration,
    /// Cancelled when the server ends: streams end with it.
    pub shutdown: CancellationToken,
}

/// What the server shows and asks of its callers, all PEM.
#[derive(Clone)]
pub struct Tls {
    /// The server's certificate chain.
    pub certificate: Vec<u8>,
    /// Its private key.
    pub key: Vec<u8>,
    /// Who signs the certificates of callers; with it every caller must show one.
    pub client_ca: Option<Vec<u8>>,
}

impl std::fmt::Debug for Tls {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("mutual", &self.client_ca.is_some()).finish_non_exhaustive()
    }
}

/// Why the server does not serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The certificates cannot be used.
    #[error("the TLS settings cannot be used")]
    Tls(#[source] tonic::transport::Error),
    /// Reflection has no use for the descriptors.
    #[error("the service descriptors cannot be read")]
    Reflection(#[source] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("the transport failed")]
    Transport(#[source] tonic::transport::Error),
}

/// Who every caller is, until callers are identified.
fn local_principal() -> Principal {
    "local".parse().expect("a word without control characters")
}

/// Runs a search that reads files on a thread that may wait.
async fn blocking<T: Send + 'static>(search: impl FnOnce() -> T + Send + 'static) -> Result<T, status::Failure> {
    tokio::task::spawn_blocking(search).await.map_err(|error| status::Failure::internal(&error))
}
