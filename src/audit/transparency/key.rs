//! The key that signs checkpoints, in a file of the data directory, and the keys before it.
//!
//! ```text
//! tlog/key            the signer's key (c2sp.org/signed-note), readable by its owner only
//! tlog/verifier-keys  a line for each key that has signed: the present one first
//! ```
//!
//! A key is rotated while no server runs: [`LogKey::rotate`] puts another into the file. The log's
//! own records say with which key each server signed, so an auditor who trusts the old key learns
//! the new one from a record that the old one, or a witness, vouches for.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{SignatureError, SigningKey};
use signed_note::{Signer, StandardSigner};

use super::super::directory::{sync_dir, write_durably};
use super::checkpoint::CheckpointSigner;
use crate::ids;

/// Algorithm byte of Ed25519 (c2sp.org/signed-note).
const ED25519: u8 = 0x01;

/// Bytes of a key file that are read: a key is about a hundred.
const KEY_BYTES_MAX: u64 = 4096;

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The log has been signed before, and the key is not there.
    #[error("{} is missing: put it back, or make a new key with `gantry audit key --rotate`", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// What is there is no key.
    #[error("{} holds no Ed25519 signer key", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner may read it.
    #[error("{} may be read by others (mode {mode:03o}): anyone who has read it can sign for this log. Rotate the key, or chmod 600 it if nobody has", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file could not be read or written.
    #[error("the key of the log could not be read or written")]
    Io(#[from] io::Error),
}

/// The key in the file.
pub struct LogKey {
    signer: StandardSigner,
    verifier_key: String,
}

/// Verifier keys of a log: the one that signs now, then those that have before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKeys(Vec<String>);

impl VerifierKeys {
    /// The keys of the log in `dir`, of which `current` signs from now on: it is written down.
    pub(in crate::audit) fn with_current(dir: &Path, current: &str) -> io::Result<Self> {
        let mut keys = Self::read(dir)?.map(|known| known.0).unwrap_or_default();
        if keys.first().is_none_or(|first| first != current) {
            keys.retain(|other| other != current);
            keys.insert(0, current.to_owned());
            write_durably(&dir.join("verifier-keys"), format!("{}\n", keys.join("\n")).as_bytes())?;
        }
        Ok(Self(keys))
    }

    /// The key that signs now.
    pub fn current(&self) -> &str {
        &self.0[0]
    }

    /// The name of the keys, which is the log's on its checkpoints.
    pub fn origin(&self) -> &str {
        self.current().split('+').next().unwrap_or_default()
    }

    /// All keys, the present one first.
    pub fn all(&self) -> &[String] {
        &self.0
    }

    /// Reads the keys of the log in `dir`; none if it was never signed.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    pub fn read(dir: &Path) -> io::Result<Option<Self>> {
        match fs::read_to_string(dir.join("verifier-keys")) {
            Ok(text) => {
                let keys: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
                Ok((!keys.is_empty()).then_some(Self(keys)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl LogKey {
    /// The key in `dir`, made under the name `origin` if the log has never been signed; and all keys
    /// that have signed.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn open(dir: &Path, origin: &str) -> Result<(Self, VerifierKeys), KeyError> {
        let path = dir.join("key");
        let known = VerifierKeys::read(dir)?;
        let key = match read_key(&path)? {
            Some(text) => Self::parse(&text, &path)?,
            None if known.is_some() => return Err(KeyError::Missing { path }),
            None => Self::make(&path, origin)?,
        };
        let keys = VerifierKeys::with_current(dir, &key.verifier_key)?;
        Ok((key, keys))
    }

    /// Puts a new key of the same name into the file. Nobody may have the log open.
    ///
    /// # Errors
    /// If the files cannot be written.
    pub fn rotate(dir: &Path, origin: &str) -> Result<VerifierKeys, KeyError> {
        Self::make(&dir.join("key"), origin)?;
        Ok(Self::open(dir, origin)?.1)
    }

    /// Makes a key and writes it, durably and whole.
    fn make(path: &Path, origin: &str) -> Result<Self, KeyError> {
        let seed = ids::random_bytes::<32>();
        let public = [&[ED25519], SigningKey::from_bytes(&seed).verifying_key().as_bytes().as_slice()].concat();
        let private = BASE64_STANDARD.encode([&[ED25519], seed.as_slice()].concat());
        let text = format!("PRIVATE+KEY+{origin}+{:08x}+{private}\n", signed_note::key_id(origin, &public));
        let unfinished = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        path.parent().map_or(Ok(()), sync_dir)?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed { path: path.to_owned() };
        let signer = StandardSigner::new(text.trim_end()).map_err(|_| malformed())?;
        // The signer does not give its public key; the text was just found to be well-formed.
        let private = text.trim_end().splitn(5, '+').last().and_then(|text| BASE64_STANDARD.decode(text).ok());
        let seed = private.as_deref().and_then(|bytes| <[u8; 32]>::try_from(bytes.get(1..)?).ok());
        let public = SigningKey::from_bytes(&seed.ok_or_else(malformed)?).verifying_key();
        let verifier_key = signed_note::new_ed25519_verifier_key(signer.name(), &public);
        Ok(Self { signer, verifier_key })
    }
}

/// The text of the key file; none if there is no file.
fn read_key(path: &Path) -> Result<Option<String>, KeyError> {
    use std::io::Read;

    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = String::new();
    match file.take(KEY_BYTES_MAX).read_to_string(&mut text) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(KeyError::Malformed { path: path.to_owned() }),
        read => Ok(read.map(|_| Some(text))?),
    }
}

impl Signer for LogKey {
    fn name(&self) -> &str {
        self.signer.name()
    }

    fn key_id(&self) -> u32 {
        self.signer.key_id()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        self.signer.sign(message)
    }
}

impl CheckpointSigner for LogKey {
    fn verifier_key(&self) -> &str {
        &self.verifier_key
    }
}

/// Never shows the key.
impl std::fmt::Debug for LogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogKey").field("verifier_key", &self.verifier_key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SignedCheckpoint, sign};
    use super::*;
    use signed_note::{Note, StandardVerifier, VerifierList};

    #[test]
    fn a_key_is_made_once_for_its_owner_only_and_signs_what_its_verifier_key_verifies() {
        let dir = tempfile::tempdir().unwrap();
        let (key, keys) = LogKey::open(dir.path(), "example.com/log").unwrap();
        let mode = fs::metadata(dir.path().join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(LogKey::open(dir.path(), "example.com/log").unwrap().1, keys);

        let checkpoint = sign(&key, 7, tlog_tiles::record_hash(b"x")).unwrap();
        assert_eq!(SignedCheckpoint::parse(&checkpoint.note, "example.com/log"), Ok(checkpoint.clone()));
        assert!(SignedCheckpoint::parse(&checkpoint.note, "example.com/other").is_err());
        let verifier = StandardVerifier::new(keys.current()).unwrap();
        let note = Note::from_bytes(&checkpoint.note).unwrap();
        assert_eq!(note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap().0.len(), 1);
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }

    #[test]
    fn a_rotated_key_comes_first_and_the_others_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let first = LogKey::open(dir.path(), "o").unwrap().1;
        let second = LogKey::rotate(dir.path(), "o").unwrap();
        assert_ne!(second.current(), first.current());
        assert_eq!(second.all()[1..], *first.all());
        let (key, keys) = LogKey::open(dir.path(), "o").unwrap();
        assert_eq!((key.verifier_key(), keys), (second.current(), second.clone()));
    }

    #[test]
    fn a_key_that_is_missing_exposed_or_no_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        LogKey::open(dir.path(), "o").unwrap();
        let text = fs::read(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(LogKey::open(dir.path(), "o"), Err(KeyError::Exposed { mode: 0o640, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for damaged in [&b""[..], b"\xff\xfe", &text[..text.len() - 9], b"PRIVATE+KEY+o+00000000+AAAA"] {
            fs::write(&path, damaged).unwrap();
            assert!(matches!(LogKey::open(dir.path(), "o"), Err(KeyError::Malformed { .. })));
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(LogKey::open(dir.path(), "o"), Err(KeyError::Missing { .. })));
    }
}
