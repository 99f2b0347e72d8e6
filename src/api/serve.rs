//! Accepting connections: TLS, limits, health, reflection, and the end of it.

mod unreadable;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic_health::server::HealthReporter;

use super::audit::Audit;
use super::image::Images;
use super::launch::Launches;
use super::pb;
use super::policy::Policies;
use super::{ServeError, Services, Tls, permit};
use crate::ami::catalog::Standing;
use crate::audit::AuditLog;
use crate::clock::{Clock, SystemClock};
use crate::ids::{AccountId, Region};

/// The largest request that is read. User data has 16 KiB, and filters within EC2's own limits have
/// 50 × 200 × 255 characters, which is 2.5 MB: what is wrong with that should still be said field by
/// field. Anything larger is a mistake.
pub const REQUEST_BYTES_MAX: usize = 4 << 20;

/// Streams that one connection may have open at once: watchers share connections.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 1_000;

/// Between two pings on a connection that says nothing, so that a dead one is noticed.
pub const KEEPALIVE_PERIOD: Duration = Duration::from_secs(30);

/// Between two looks at whether the log still takes records: what a load balancer does not notice
/// within a second it would not notice sooner.
const LOG_CHECK_PERIOD: Duration = Duration::from_secs(1);

/// Serves on `listener` until `shutdown`, then for as long as `drain_deadline` what is under way.
///
/// # Errors
/// If the certificates cannot be used, or the transport fails.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    tls: Option<Tls>,
    drain_deadline: Duration,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let mut server = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE_PERIOD))
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX);
    if let Some(tls) = tls {
        server = server.tls_config(tls_config(tls)).map_err(ServeError::Tls)?;
    }
    // Without nodelay a small answer waits for the acknowledgement of the one before it.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let stop = shutdown.clone();
    let serving = server
        .add_routes(routes(services).await?)
        .serve_with_incoming_shutdown(incoming, async move { stop.cancelled().await });
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => served.map_err(ServeError::Transport),
        () = drained(&shutdown, drain_deadline) => {
            tracing::warn!(?drain_deadline, "connections cut: the drain deadline has passed");
            Ok(())
        }
    }
}

/// Completes when calls have had their time after a shutdown. The machine's clock and not the
/// server's: it bounds what real sockets do, which know no simulated time.
async fn drained(shutdown: &CancellationToken, deadline: Duration) {
    shutdown.cancelled().await;
    SystemClock::new().sleep(deadline).await;
}

async fn routes(services: Services) -> Result<Routes, ServeError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<pb::image_service_server::ImageServiceServer<Images>>().await;
    health.set_serving::<pb::launch_service_server::LaunchServiceServer<Launches>>().await;
    health.set_serving::<pb::audit_service_server::AuditServiceServer<Audit>>().await;
    health.set_serving::<pb::policy_service_server::PolicyServiceServer<Policies>>().await;
    for (account_id, standing) in services.catalogs.standings() {
        let service = catalogue_service(account_id.as_ref(), &standing.borrow().region);
        tokio::spawn(report_catalogue(health.clone(), service, standing, services.clone()));
    }
    let (log, clock) = (services.log.clone(), Arc::clone(&services.clock));
    tokio::spawn(report_health(health, log, clock, services.shutdown.clone()));
    let image = pb::image_service_server::ImageServiceServer::new(Images::new(services.clone()))
        .max_decoding_message_size(REQUEST_BYTES_MAX)
        .max_encoding_message_size(ANSWER_BYTES_MAX);
    let launch = pb::launch_service_server::LaunchServiceServer::new(Launches::new(services.clone()))
        .max_decoding_message_size(REQUEST_BYTES_MAX)
        .max_encoding_message_size(ANSWER_BYTES_MAX);
    let audit = pb::audit_service_server::AuditServiceServer::new(Audit::new(services.clone()))
        .max_decoding_message_size(REQUEST_BYTES_MAX)
        .max_encoding_message_size(ANSWER_BYTES_MAX);
    let policy = pb::policy_service_server::PolicyServiceServer::new(Policies::new(services.clone()))
        .max_decoding_message_size(REQUEST_BYTES_MAX)
        .max_encoding_message_size(ANSWER_BYTES_MAX);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            // So that a client that asks by reflection can read the details of an error.
            .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
    };
    // grpcurl up to 1.8 asks by v1alpha only.
    let (v1, v1alpha) = (
        reflection().build_v1().map_err(ServeError::Reflection)?,
        reflection().build_v1alpha().map_err(ServeError::Reflection)?,
    );
    let routes = Routes::new(image)
        .add_service(launch)
        .add_service(audit)
        .add_service(policy)
        .add_service(health_service)
        .add_service(v1)
        .add_service(v1alpha);
    let routes = routes.into_axum_router().layer(axum::middleware::map_response(unreadable::in_our_form));
    Ok(routes.layer(axum::middleware::from_fn_with_state(services, permit::permitted)).into())
}

/// Says NOT_SERVING when the server stops, and when its log can take no more: without a record
/// nothing is launched, and a log that has failed stays so until it is opened again.
async fn report_health(health: HealthReporter, log: AuditLog, clock: Arc<dyn Clock>, shutdown: CancellationToken) {
    // Asked again and again, because a log that has failed commits nothing that would wake anyone.
    let mut launches = true;
    let log_failed = async {
        while log.is_available() {
            // Reads go on, so this is not for a load balancer to turn away from the whole server.
            if launches && log.behind().is_some() {
                health.set_not_serving::<pb::launch_service_server::LaunchServiceServer<Launches>>().await;
                launches = false;
            }
            clock.sleep(LOG_CHECK_PERIOD).await;
        }
    };
    tokio::select! {
        biased;
        () = shutdown.cancelled() => {}
        () = log_failed => {
            tracing::error!("the audit log is unavailable: health is NOT_SERVING until a restart");
            health.set_not_serving::<pb::launch_service_server::LaunchServiceServer<Launches>>().await;
        }
    }
    health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
}

/// The health service's name for the catalogue of a Region; an account that is not the server's own stands before it.
fn catalogue_service(account_id: Option<&AccountId>, region: &Region) -> String {
    match account_id {
        Some(account_id) => format!("gantry.catalogue/{account_id}/{region}"),
        None => format!("gantry.catalogue/{region}"),
    }
}

/// Says whether a Region's snapshot is as fresh as it should be, under a name of its own: a stale one
/// still answers, and says how old it is, so that no load balancer should turn away from it.
async fn report_catalogue(
    health: HealthReporter,
    service: String,
    mut standing: watch::Receiver<Standing>,
    services: Services,
) {
    loop {
        let is_fresh = standing.borrow_and_update().is_fresh(services.clock.now(), services.crawl_period);
        let status =
            if is_fresh { tonic_health::ServingStatus::Serving } else { tonic_health::ServingStatus::NotServing };
        health.set_service_status(&service, status).await;
        tokio::select! {
            () = services.shutdown.cancelled() => return,
            changed = standing.changed() => if changed.is_err() { return },
            // It also becomes stale when nothing changes.
            () = services.clock.sleep(services.crawl_period) => {}
        }
    }
}

/// The largest answer: what gRPC clients accept unless told otherwise.
const ANSWER_BYTES_MAX: usize = 4 << 20;

fn tls_config(tls: Tls) -> ServerTlsConfig {
    let config = ServerTlsConfig::new().identity(Identity::from_pem(tls.certificate, tls.key));
    match tls.client_ca {
        // With a client CA every client must show a certificate of it: mTLS is not optional.
        Some(ca) => config.client_ca_root(Certificate::from_pem(ca)),
        None => config,
    }
}
