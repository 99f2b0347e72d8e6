//! The policy: read at the start, and again when its file changes or the process gets SIGHUP.
//!
//! A policy is in force once the record of it is durable, and not before: every decision names a policy whose text the
//! log has. What cannot be read, is no policy, or cannot be recorded leaves the policy before it in force; at the
//! start, where there is none before it, it is an error.
//!
//! The file is looked at by its content and not by its time of change: a ConfigMap of Kubernetes is changed by
//! turning a link.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::audit::{AppendError, AuditLog, Order, ReadError, RecordQuery};
use crate::clock::Clock;
use crate::config::PolicySource;
use crate::ids::{AccountId, Sha256Digest};
use crate::policy::{InForce, Loaded, POLICY_BYTES_MAX, Policy, PolicyErrors};
use crate::record::{ENTRY_VERSION, Entry, EntryKind, Event, PolicyLoaded};
use crate::telemetry::{self, event, metric};

/// Between two looks at the file.
const LOOK_PERIOD: Duration = Duration::from_secs(2);

/// Bytes of one part of a text in JSON, of the 60 KiB that a record may have.
const PART_BYTES_MAX: usize = 48 << 10;

/// Why a policy is not in force.
#[derive(Debug, thiserror::Error)]
pub enum PolicyLoadError {
    /// The file cannot be read.
    #[error("cannot read the policy {0}")]
    Unreadable(PolicySource, #[source] std::io::Error),
    /// The text is no policy.
    #[error("the policy {0} cannot be used")]
    Invalid(PolicySource, #[source] PolicyErrors),
    /// Which policy was recorded last cannot be found out.
    #[error("the audit log could not be read")]
    Read(#[from] ReadError),
    /// It could not be recorded.
    #[error("the policy could not be recorded")]
    Record(#[from] AppendError),
    /// A task ended by a panic.
    #[error("the task that loads the policy panicked")]
    Panicked,
}

/// Loads policies for one server.
#[derive(Debug, Clone)]
pub(super) struct Loader {
    source: Option<PolicySource>,
    log: AuditLog,
    clock: Arc<dyn Clock>,
    account_id: AccountId,
    in_force: InForce,
}

impl Loader {
    /// Loads the policy of the start. With none, that is recorded as well if there was one before.
    ///
    /// # Errors
    /// [`PolicyLoadError`]: the server must not start.
    pub(super) async fn start(
        source: Option<PolicySource>,
        log: &AuditLog,
        clock: &Arc<dyn Clock>,
        account_id: &AccountId,
    ) -> Result<Self, PolicyLoadError> {
        let loader = Self {
            source,
            log: log.clone(),
            clock: Arc::clone(clock),
            account_id: account_id.clone(),
            in_force: InForce::default(),
        };
        let policy = match &loader.source {
            Some(source) => Some(compile(source, read(source).await?).await?),
            None => None,
        };
        let last = loader.last_recorded().await?;
        loader.put_in_force(policy, last).await?;
        Ok(loader)
    }

    /// Where the policy in force is found.
    pub(super) fn in_force(&self) -> &InForce {
        &self.in_force
    }

    /// Goes on looking at the file until `shutdown`, if there is one. The signal is listened for when this returns, also
    /// if there is none.
    ///
    /// # Errors
    /// If the operating system does not let the signal be listened for.
    pub(super) fn keep(self, shutdown: &CancellationToken) -> std::io::Result<JoinHandle<()>> {
        // Also without a file: otherwise the signal would end the process.
        let mut hangup = signal(SignalKind::hangup())?;
        let shutdown = shutdown.clone();
        if let Some(source @ PolicySource::File(_)) = self.source.clone() {
            return Ok(tokio::spawn(self.look(source, hangup, shutdown)));
        }
        Ok(tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    _ = hangup.recv() => tracing::info!("there is no policy file to read again"),
                }
            }
        }))
    }

    async fn look(self, source: PolicySource, mut hangup: Signal, shutdown: CancellationToken) {
        // What was said of the file last, so that it is said once and not every two seconds.
        let mut told: Option<String> = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                // Whoever sends it wants to know how it stands.
                _ = hangup.recv() => told = None,
                () = self.clock.sleep(LOOK_PERIOD) => {}
            }
            let failure = match read(&source).await {
                Ok(text) if Some(Sha256Digest::of(&text)) == self.in_force.hash() => None,
                Ok(text) => self.replace(&source, text).await.err(),
                Err(error) => Some(error),
            };
            metrics::gauge!(metric::POLICY_STALE).set(if failure.is_some() { 1.0 } else { 0.0 });
            let said = failure.as_ref().map(|error| telemetry::chain(error));
            if let Some(error) = said.as_ref().filter(|said| told.as_ref() != Some(said)) {
                metrics::counter!(metric::POLICY_LOAD_FAILURES).increment(1);
                tracing::error!(error, "{}", event::POLICY_NOT_LOADED);
            }
            told = said;
        }
    }

    async fn replace(&self, source: &PolicySource, text: Vec<u8>) -> Result<(), PolicyLoadError> {
        let policy = compile(source, text).await?;
        self.put_in_force(Some(policy), self.in_force.hash()).await
    }

    /// Records a policy, unless it is the one that was recorded last, and then puts it in force.
    async fn put_in_force(&self, policy: Option<Policy>, last: Option<Sha256Digest>) -> Result<(), PolicyLoadError> {
        let time = self.clock.now();
        let hash = policy.as_ref().map(Policy::hash);
        if hash != last {
            let source = self.source.as_ref().map(ToString::to_string).unwrap_or_default();
            let text = policy.as_ref().map(Policy::text).unwrap_or_default();
            let entry = |loaded| Entry {
                v: ENTRY_VERSION,
                time,
                launch_id: None,
                account_id: Some(self.account_id.clone()),
                region: None,
                principal: None,
                event: Event::PolicyLoaded(loaded),
            };
            self.log.append(records(hash, &source, text).into_iter().map(entry).collect()).await?;
        }
        if let Some(policy) = &policy {
            metrics::counter!(metric::POLICY_LOADS).increment(1);
            tracing::info!(policy_hash = %policy.hash(), policies = policy.len(), "{}", event::POLICY_LOADED);
            for warning in policy.warnings() {
                tracing::warn!(%warning, "{}", event::POLICY_LOADED);
            }
        }
        self.in_force.replace(policy.map(|policy| Loaded { policy, time }));
        Ok(())
    }

    /// The hash of the policy that the log says is in force; none if it says of none, or that there is none.
    async fn last_recorded(&self) -> Result<Option<Sha256Digest>, PolicyLoadError> {
        let log = self.log.clone();
        let search = tokio::task::spawn_blocking(move || {
            let mut query = RecordQuery {
                kinds: vec![EntryKind::PolicyLoaded],
                order: Order::NewestFirst,
                limit: 1,
                ..RecordQuery::default()
            };
            loop {
                let page = log.records(&query)?;
                match (page.records.into_iter().next().map(|record| record.entry.event), page.next) {
                    (Some(Event::PolicyLoaded(loaded)), _) => return Ok(loaded.hash),
                    (_, None) => return Ok(None),
                    (_, next) => query.from = next,
                }
            }
        });
        search.await.map_err(|_| PolicyLoadError::Panicked)?
    }
}

/// The records of a policy: its text in as many parts as it takes.
fn records(hash: Option<Sha256Digest>, source: &str, text: &str) -> Vec<PolicyLoaded> {
    let mut parts: Vec<String> = vec![String::new()];
    let mut bytes = 0;
    for character in text.chars() {
        // The most that JSON makes of it: an escape of six characters.
        let written = if character.is_control() || matches!(character, '"' | '\\') { 6 } else { character.len_utf8() };
        if PART_BYTES_MAX < bytes + written {
            parts.push(String::new());
            bytes = 0;
        }
        bytes += written;
        parts.last_mut().expect("there is one from the beginning").push(character);
    }
    let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let numbered = (1..).zip(parts);
    numbered.map(|(part, text)| PolicyLoaded { hash, source: source.to_owned(), part, parts: count, text }).collect()
}

async fn read(source: &PolicySource) -> Result<Vec<u8>, PolicyLoadError> {
    let path = match source {
        PolicySource::BuiltIn => return Ok(Policy::built_in().text().as_bytes().to_vec()),
        PolicySource::File(path) => path.clone(),
    };
    let reading = tokio::task::spawn_blocking(move || read_file(&path));
    let read = reading.await.map_err(|_| PolicyLoadError::Panicked)?;
    read.map_err(|error| PolicyLoadError::Unreadable(source.clone(), error))
}

/// A file up to one byte more than a policy may have.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(POLICY_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

async fn compile(source: &PolicySource, text: Vec<u8>) -> Result<Policy, PolicyLoadError> {
    let compiling = tokio::task::spawn_blocking(move || {
        let text = String::from_utf8(text).map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error));
        text.map(|text| Policy::compile(&text))
    });
    let compiled = compiling.await.map_err(|_| PolicyLoadError::Panicked)?;
    compiled
        .map_err(|error| PolicyLoadError::Unreadable(source.clone(), error))?
        .map_err(|errors| PolicyLoadError::Invalid(source.clone(), errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_any_length_is_in_records_that_the_log_takes_and_comes_back_whole() {
        for text in [String::new(), "permit\n".repeat(20), "é\"\u{1}".repeat(POLICY_BYTES_MAX / 4)] {
            let parts = records(Some(Sha256Digest::of(text.as_bytes())), "p.cedar", &text);
            assert!(parts.len() <= crate::audit::APPEND_ENTRIES_MAX);
            assert!(parts.iter().all(|part| part.parts as usize == parts.len()));
            for part in &parts {
                assert!(serde_json::to_vec(part).unwrap().len() < crate::audit::RECORD_BYTES_MAX - 4096);
            }
            let whole: String = parts.iter().map(|part| part.text.as_str()).collect();
            assert_eq!(whole, text);
        }
    }
}
