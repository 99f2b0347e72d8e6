//! Metrics for Prometheus: the text page `/metrics`, over plain HTTP.
//!
//! The rooms count through the `metrics` facade, whose recorder is one per process.

use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The text format that Prometheus reads (Prometheus, "Exposition formats").
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves on `address` until `shutdown`.
///
/// # Errors
/// If the address cannot be listened on.
pub(super) async fn serve(address: SocketAddr, shutdown: CancellationToken) -> std::io::Result<()> {
    let handle = recorder();
    let listener = TcpListener::bind(address).await?;
    tracing::info!(address = %listener.local_addr()?, "metrics listening");
    let page = move || async move { ([(CONTENT_TYPE, TEXT_FORMAT)], handle.render()) };
    let router = Router::new().route("/metrics", get(page));
    tokio::spawn(async move {
        let ended = axum::serve(listener, router).with_graceful_shutdown(async move { shutdown.cancelled().await });
        if let Err(error) = ended.await {
            tracing::warn!(%error, "metrics no longer served");
        }
    });
    Ok(())
}

/// The recorder of this process, which is installed when it is first wanted.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Another recorder means that this is a library in somebody's program, which counts itself.
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("metrics are recorded by somebody else; this page stays empty");
        }
        handle
    })
}
