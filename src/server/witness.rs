//! The way to a witness over HTTP: one POST, bounded in time and length.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

use crate::audit::witness::{ANSWER_BYTES_MAX, AddCheckpoint, Response, TransportError};
use crate::clock::{Clock, within};

/// How long one question to a witness may take, from the look-up of its address to the last byte.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// A witness at an address. The connection is kept between questions; redirects are not followed,
/// and no proxy is used.
#[derive(Clone)]
pub struct WitnessHttp {
    uri: Uri,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    clock: Arc<dyn Clock>,
}

/// Why an address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is no address of a witness.
    #[error("not an address of a witness: it must be http:// or https://, a host, and perhaps a port and a path")]
    Malformed,
    /// The certificates that the machine trusts cannot be read.
    #[error("the machine's root certificates cannot be read")]
    Roots(#[source] std::io::Error),
}

impl WitnessHttp {
    /// The witness whose submission prefix is `prefix`, such as `https://witness.example/w1`.
    /// Certificates are checked against the roots that the machine trusts, which `SSL_CERT_FILE`
    /// and `SSL_CERT_DIR` replace.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn new(prefix: &str, clock: Arc<dyn Clock>) -> Result<Self, AddressError> {
        let uri = add_checkpoint_uri(prefix).ok_or(AddressError::Malformed)?;
        let provider = aws_lc_rs::default_provider();
        let connector = if uri.scheme() == Some(&Scheme::HTTPS) {
            let roots = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider);
            roots.map_err(AddressError::Roots)?.https_only().enable_http1().build()
        } else {
            // The connector wants settings for TLS, which are not used: with no root no peer passes.
            let unused = ClientConfig::builder_with_provider(Arc::new(provider))
                .with_safe_default_protocol_versions()
                .map_err(|error| AddressError::Roots(std::io::Error::other(error)))?
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth();
            HttpsConnectorBuilder::new().with_tls_config(unused).https_or_http().enable_http1().build()
        };
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build(connector);
        Ok(Self { uri, client, clock })
    }

    async fn post(&self, body: Vec<u8>) -> Result<Response, TransportError> {
        let mut request = Request::post(self.uri.clone()).body(Full::from(body)).map_err(failed)?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        let (head, body) = self.client.request(request).await.map_err(failed)?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { TransportError::TooLong } else { TransportError::Failed(error) }
        })?;
        Ok(Response {
            status: head.status.as_u16(),
            content_type: head.headers.get(CONTENT_TYPE).and_then(|value| Some(value.to_str().ok()?.to_owned())),
            body: body.to_bytes().into(),
        })
    }
}

impl AddCheckpoint for WitnessHttp {
    async fn add_checkpoint(&self, body: Vec<u8>) -> Result<Response, TransportError> {
        // Boxed: the client's future is large, and this one is kept in others.
        within(&*self.clock, TIME_LIMIT, Box::pin(self.post(body))).await.ok_or(TransportError::TimedOut)?
    }
}

impl fmt::Debug for WitnessHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessHttp({})", self.uri)
    }
}

fn failed(error: impl Error + Send + Sync + 'static) -> TransportError {
    TransportError::Failed(Box::new(error))
}

/// Where the witness with this submission prefix takes checkpoints.
fn add_checkpoint_uri(prefix: &str) -> Option<Uri> {
    // The parser drops a fragment, so it would go unnoticed.
    let mut parts = prefix.parse::<Uri>().ok().filter(|_| !prefix.contains('#'))?.into_parts();
    let scheme = parts.scheme.as_ref()?;
    let authority = parts.authority.as_ref()?;
    let plain = !authority.host().is_empty() && !authority.as_str().contains('@');
    if !(*scheme == Scheme::HTTP || *scheme == Scheme::HTTPS) || !plain {
        return None;
    }
    let path = parts.path_and_query.take()?;
    if path.query().is_some() {
        return None;
    }
    let path = format!("{}/add-checkpoint", path.path().trim_end_matches('/'));
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::add_checkpoint_uri;

    #[test]
    fn addresses() {
        for (prefix, uri) in [
            ("https://witness.example", Some("https://witness.example/add-checkpoint")),
            ("https://witness.example/", Some("https://witness.example/add-checkpoint")),
            ("http://127.0.0.1:8080/w/1/", Some("http://127.0.0.1:8080/w/1/add-checkpoint")),
            ("https://[::1]:8443/w", Some("https://[::1]:8443/w/add-checkpoint")),
            ("witness.example/w1", None),
            ("/w1", None),
            ("ftp://witness.example", None),
            ("https://user:word@witness.example", None),
            ("https://witness.example/w1?a=b", None),
            ("https://witness.example/w1#a", None),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(add_checkpoint_uri(prefix).map(|uri| uri.to_string()).as_deref(), uri, "{prefix}");
        }
    }
}
