//! Listening: TLS, mutual TLS, and refusing to speak plaintext to a network.

use std::fs;
use std::sync::Arc;

use gantry::api::pb;
use gantry::api::pb::audit_service_client::AuditServiceClient;
use gantry::clock::SystemClock;
use gantry::config::{Config, TlsConfig};
use gantry::server::{self, ServeError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use crate::world::sandbox_config;

/// A certificate authority that signs what a test needs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate and its key, PEM.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

async fn call(channel: Result<Channel, tonic::transport::Error>) -> Result<(), String> {
    let channel = channel.map_err(|error| error.to_string())?;
    let request = pb::ListRecordsRequest::default();
    AuditServiceClient::new(channel).list_records(request).await.map(drop).map_err(|status| status.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_are_served_over_tls_and_asked_for_certificates_when_told_to() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let (cert, key) = authority.sign("localhost");
    let (cert, key) = (file("server.pem", &cert), file("server.key", &key));
    let ca = file("ca.pem", &authority.pem());
    for client_ca in [None, Some(ca)] {
        let mutual = client_ca.is_some();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir: dir.path().join(format!("data-{mutual}")),
            sandbox: Some(sandbox_config()),
            tls: Some(TlsConfig { cert: cert.clone(), key: key.clone(), client_ca }),
            ..Config::default()
        };
        let running = server::start(config, Arc::new(SystemClock::new())).await.unwrap();
        let port = running.address.port();
        let connect = |tls: ClientTlsConfig| async move {
            let channel = Channel::from_shared(format!("https://localhost:{port}")).unwrap();
            call(channel.tls_config(tls.domain_name("localhost")).unwrap().connect().await).await
        };
        let trusting = || ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem()));
        let identity = |(cert, key): (String, String)| Identity::from_pem(cert, key);

        assert_eq!(connect(trusting()).await.is_ok(), !mutual, "without a certificate, mutual: {mutual}");
        connect(trusting().identity(identity(authority.sign("caller")))).await.unwrap();
        let other = connect(trusting().identity(identity(stranger.sign("caller")))).await;
        assert_eq!(other.is_ok(), !mutual, "with a stranger's certificate, mutual: {mutual}");
        let untrusting = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(stranger.pem()));
        connect(untrusting).await.expect_err("a server that nobody trusts is not believed");
        let plain = Channel::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await;
        call(plain).await.expect_err("plaintext is not answered");
        running.stop().await.unwrap();
    }
}

#[tokio::test]
async fn plaintext_off_loopback_is_refused_unless_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        listen: "0.0.0.0:0".parse().unwrap(),
        data_dir: dir.path().join("data"),
        sandbox: Some(sandbox_config()),
        ..Config::default()
    };
    let refused = server::start(config.clone(), Arc::new(SystemClock::new())).await.unwrap_err();
    assert!(matches!(refused, ServeError::Config(_)), "{refused}");
    assert!(!config.data_dir.exists(), "nothing was touched");
    let insecure = Config { insecure_plaintext: true, ..config };
    let running = server::start(insecure, Arc::new(SystemClock::new())).await.unwrap();
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_data_directory_belongs_to_what_it_was_made_with() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.path().join("data"),
        sandbox: Some(sandbox_config()),
        ..Config::default()
    };
    let running = server::start(config.clone(), Arc::new(SystemClock::new())).await.unwrap();
    let second = server::start(config.clone(), Arc::new(SystemClock::new())).await.unwrap_err();
    assert!(matches!(second, ServeError::Log(gantry::audit::OpenError::Locked)), "{second:?}");
    running.stop().await.unwrap();
    let owner = gantry::audit::Owner { sandbox: false, accounts: vec!["123456789012".parse().unwrap()] };
    let other = gantry::audit::AuditLog::open(&config.data_dir, owner, Default::default()).unwrap_err();
    assert!(matches!(other, gantry::audit::OpenError::OwnedByOther { .. }), "{other:?}");
}
