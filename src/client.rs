//! The typed Rust client of the API: what the command line speaks through, and what other Rust
//! services can use.
//!
//! One method per RPC, named like it. A refusal comes back as a [`Refusal`] with its details read
//! out, so that callers need not know tonic. Nothing is retried behind the caller's back, except
//! that [`watch`] takes up broken streams where they broke; a call that changes something is safe
//! to repeat under its `request_id`.

pub mod error;
pub mod json;
pub mod watch;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tonic::Request;
use tonic::codec::Streaming;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::api::pb::audit_service_client::AuditServiceClient;
use crate::api::pb::image_service_client::ImageServiceClient;
use crate::api::pb::launch_service_client::LaunchServiceClient;
use crate::api::pb::policy_service_client::PolicyServiceClient;
use crate::clock::{Clock, Timestamp};

pub use crate::api::pb;
pub use error::{ClientError, Refusal, Violation};
pub use watch::{BootWatch, Watched};

/// Time for the connection to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for one call to be answered. Reading all images of a Region over a throttled EC2 takes
/// minutes at worst.
const CALL_TIMEOUT: Duration = Duration::from_secs(180);
/// What a launch may take beyond its own `wait_timeout`.
const LAUNCH_TIMEOUT_SLACK: Duration = Duration::from_secs(60);
/// The server's default for `wait_timeout`, and the most it takes.
const WAIT_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
const WAIT_TIMEOUT_MAX: Duration = Duration::from_secs(600);
/// A stream can be silent for long. A dead connection is noticed after these two together.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer taken: 500 images with all their facts stay well below.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Where the server is and how to reach it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectOptions {
    /// `http://host:port` or `https://host:port`; without a scheme, plaintext.
    pub server: String,
    /// The authorities (PEM) to trust for https. Absent means those of the operating system.
    pub ca: Option<PathBuf>,
    /// The client's own certificate chain and private key (PEM), for servers that ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The name to expect in the server's certificate. Absent means the host of the address.
    pub domain_name: Option<String>,
}

/// A connection. Clones share it. After a break the next call connects anew.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    clock: Arc<dyn Clock>,
    server: String,
}

impl Client {
    /// Connects. The clock is what broken streams wait on before they are taken up again.
    ///
    /// # Errors
    /// [`ClientError::Address`] and [`ClientError::Unreadable`] for what was given wrong,
    /// [`ClientError::Connect`] when nobody answers there.
    pub async fn connect(options: ConnectOptions, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let ConnectOptions { server, ca, identity, domain_name } = options;
        let server = if server.contains("://") { server } else { format!("http://{server}") };
        let address = |source| ClientError::Address { server: server.clone(), source };
        let mut endpoint = Endpoint::from_shared(server.clone())
            .map_err(address)?
            .user_agent(concat!("gantry/", env!("CARGO_PKG_VERSION")))
            .map_err(address)?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        if server.starts_with("https://") {
            let mut tls = match ca {
                Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            if let Some((cert, key)) = identity {
                tls = tls.identity(Identity::from_pem(read(cert)?, read(key)?));
            }
            if let Some(name) = domain_name {
                tls = tls.domain_name(name);
            }
            endpoint = endpoint.tls_config(tls).map_err(address)?;
        }
        let channel =
            endpoint.connect().await.map_err(|source| ClientError::Connect { server: server.clone(), source })?;
        Ok(Self { channel, clock, server })
    }

    /// The address this client was made for.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// LaunchInstances. The deadline leaves room for the request's own `wait_timeout`.
    ///
    /// # Errors
    /// The server's refusal. When the connection broke, whether the launch was taken is not known:
    /// repeat the same request under the same `request_id`.
    pub async fn launch_instances(&self, request: pb::LaunchInstancesRequest) -> Result<pb::Launch, ClientError> {
        let wait = request.wait_timeout.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or(WAIT_TIMEOUT_DEFAULT);
        let limit = wait.min(WAIT_TIMEOUT_MAX) + LAUNCH_TIMEOUT_SLACK;
        let answer = self.launches().launch_instances(limited(request, limit)).await;
        answer.map(tonic::Response::into_inner).map_err(ClientError::from)
    }

    /// WatchLaunch, resumed after breaks: see [`BootWatch`].
    pub fn follow_launch(&self, request: pb::WatchLaunchRequest) -> BootWatch {
        BootWatch::launch(self.clone(), request)
    }

    /// WatchInstances, resumed after breaks: see [`BootWatch`].
    pub fn follow_instances(&self, request: pb::WatchInstancesRequest) -> BootWatch {
        BootWatch::instances(self.clone(), request)
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    fn images(&self) -> ImageServiceClient<Channel> {
        ImageServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    fn launches(&self) -> LaunchServiceClient<Channel> {
        LaunchServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    fn policy(&self) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server", &self.server).finish_non_exhaustive()
    }
}

/// One method per call that is answered once, with the usual deadline.
macro_rules! calls {
    ($($service:ident: $($rpc:literal $method:ident($request:ident) -> $answer:ident;)+)+) => {
        impl Client {
            $($(
                #[doc = concat!($rpc, ".\n\n# Errors\nThe server's refusal, or that the connection broke.")]
                pub async fn $method(&self, request: pb::$request) -> Result<pb::$answer, ClientError> {
                    let answer = self.$service().$method(limited(request, CALL_TIMEOUT)).await;
                    answer.map(tonic::Response::into_inner).map_err(ClientError::from)
                }
            )+)+
        }
    };
}

/// One method per call that is answered by a stream, without a deadline.
macro_rules! streams {
    ($($service:ident: $($rpc:literal $method:ident($request:ident) -> $answer:ident;)+)+) => {
        impl Client {
            $($(
                #[doc = concat!($rpc, ". The stream ends where it breaks.\n\n# Errors\nThe server's refusal, or that the connection broke.")]
                pub async fn $method(&self, request: pb::$request) -> Result<Answers<pb::$answer>, ClientError> {
                    let answer = self.$service().$method(request).await;
                    answer.map(|answer| Answers { stream: answer.into_inner() }).map_err(ClientError::from)
                }
            )+)+
        }
    };
}

calls! {
    images:
        "ListImages" list_images(ListImagesRequest) -> ListImagesResponse;
        "GetImage" get_image(GetImageRequest) -> Image;
        "CheckCompatibility" check_compatibility(CheckCompatibilityRequest) -> CheckCompatibilityResponse;
        "ListInstanceTypes" list_instance_types(ListInstanceTypesRequest) -> ListInstanceTypesResponse;
        "ResolveImage" resolve_image(ResolveImageRequest) -> ResolveImageResponse;
    launches:
        "GetLaunch" get_launch(GetLaunchRequest) -> Launch;
        "ListLaunches" list_launches(ListLaunchesRequest) -> ListLaunchesResponse;
        "CancelLaunch" cancel_launch(CancelLaunchRequest) -> Launch;
        "TerminateLaunch" terminate_launch(TerminateLaunchRequest) -> Launch;
        "ListOrphans" list_orphans(ListOrphansRequest) -> ListOrphansResponse;
        "GetBootStatistics" get_boot_statistics(GetBootStatisticsRequest) -> GetBootStatisticsResponse;
    audit:
        "ListRecords" list_records(ListRecordsRequest) -> ListRecordsResponse;
        "GetRecord" get_record(GetRecordRequest) -> GetRecordResponse;
        "GetLogInfo" get_log_info(GetLogInfoRequest) -> GetLogInfoResponse;
        "GetCheckpoint" get_checkpoint(GetCheckpointRequest) -> GetCheckpointResponse;
        "GetInclusionProof" get_inclusion_proof(GetInclusionProofRequest) -> GetInclusionProofResponse;
        "GetConsistencyProof" get_consistency_proof(GetConsistencyProofRequest) -> GetConsistencyProofResponse;
    policy:
        "GetPolicy" get_policy(GetPolicyRequest) -> GetPolicyResponse;
        "EvaluatePolicy" evaluate_policy(EvaluatePolicyRequest) -> EvaluatePolicyResponse;
        "PauseLaunches" pause_launches(PauseLaunchesRequest) -> LaunchSwitch;
        "ResumeLaunches" resume_launches(ResumeLaunchesRequest) -> LaunchSwitch;
}

streams! {
    images:
        "ClassifyImages" classify_images(ClassifyImagesRequest) -> ClassifyImagesResponse;
    launches:
        "WatchLaunch" watch_launch(WatchLaunchRequest) -> BootEvent;
        "WatchInstances" watch_instances(WatchInstancesRequest) -> BootEvent;
    audit:
        "TailRecords" tail_records(TailRecordsRequest) -> TailRecordsResponse;
        "ExportRecords" export_records(ExportRecordsRequest) -> ExportRecordsResponse;
    policy:
        "BacktestPolicy" backtest_policy(BacktestPolicyRequest) -> BacktestPolicyResponse;
}

/// The answers of a streaming call, one after the other.
pub struct Answers<T> {
    stream: Streaming<T>,
}

impl<T> Answers<T> {
    /// The next answer; `None` once the server has ended the stream.
    ///
    /// # Errors
    /// The server's refusal, or that the connection broke. Nothing comes after it.
    pub async fn next(&mut self) -> Result<Option<T>, ClientError> {
        self.stream.message().await.map_err(ClientError::from)
    }
}

impl<T> fmt::Debug for Answers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

/// A moment as the API writes it.
pub fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    // Times before 1970 with a fraction count their nanoseconds forward there and backward in jiff.
    let nanos = time.as_nanosecond();
    prost_types::Timestamp {
        seconds: nanos.div_euclid(1_000_000_000) as i64,
        nanos: nanos.rem_euclid(1_000_000_000) as i32,
    }
}

/// A moment as the API wrote it; `None` where it is none between the years 1 and 9999.
pub fn moment(time: &prost_types::Timestamp) -> Option<Timestamp> {
    let nanos = i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    Timestamp::from_nanosecond(nanos).ok()
}

/// A length of time as the API writes it; what does not fit becomes the longest that does.
pub fn duration(length: Duration) -> prost_types::Duration {
    prost_types::Duration {
        seconds: i64::try_from(length.as_secs()).unwrap_or(i64::MAX),
        nanos: length.subsec_nanos() as i32,
    }
}

/// A length of time as the API wrote it; `None` where it is negative.
pub fn length(duration: &prost_types::Duration) -> Option<Duration> {
    Duration::try_from(*duration).ok()
}

fn limited<T>(message: T, limit: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

fn read(path: PathBuf) -> Result<Vec<u8>, ClientError> {
    std::fs::read(&path).map_err(|source| ClientError::Unreadable { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_keep_their_nanoseconds_on_both_sides_of_1970() {
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:01.5Z", 1, 500_000_000),
            ("1969-12-31T23:59:58.5Z", -2, 500_000_000),
            ("2026-11-23T00:00:00Z", 1_795_392_000, 0),
        ] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!(timestamp(time), prost_types::Timestamp { seconds, nanos }, "{text}");
            assert_eq!(moment(&timestamp(time)), Some(time), "{text}");
        }
    }
}
