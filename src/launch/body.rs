//! When two requests are the same one: the hash of their bodies, and its key.
//!
//! The hash of a body stands in the log, and whoever reads the log has everything that it was made
//! of but what was redacted. Where that is a short value, it could be found by trying. So the body
//! of such a request is hashed under a key (HMAC-SHA-256) that is not in the log. Which of the two
//! forms a record has depends on the settings of its day: a repeat is compared under both, because
//! both are made of the whole body, and a value of the one form never equals one of the other.
//!
//! Without the key nothing is launched twice: such a repeat is refused.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

use crate::audit::REDACTION_KEY;
use crate::ids::{self, Sha256Digest};

/// What its only line begins with; the time when it was made and the key, in hexadecimal, follow.
const KEY_LINE: &str = "gantry-redaction-key-1";

/// Bytes of a key file that are read: one is about 120.
const KEY_BYTES_MAX: u64 = 4096;

/// The key of bodies with redacted values.
pub(super) struct BodyKey {
    secret: [u8; 32],
    made: Timestamp,
}

/// What a request is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bodies {
    plain: Sha256Digest,
    keyed: Option<Sha256Digest>,
    recorded: Sha256Digest,
}

impl Bodies {
    /// The bodies of a request. With `redacted` the one that is recorded is the keyed one, if there
    /// is a key, and there is one wherever something is redacted.
    pub(super) fn of(body: &[u8], key: Option<&BodyKey>, redacted: bool) -> Self {
        let plain = Sha256Digest::of(body);
        let keyed = key.map(|key| key.digest(body));
        Self { plain, keyed, recorded: keyed.filter(|_| redacted).unwrap_or(plain) }
    }

    /// The one that stands in the log.
    pub(super) fn recorded(&self) -> Sha256Digest {
        self.recorded
    }

    /// Whether `recorded` is of the same request.
    pub(super) fn are(&self, recorded: Sha256Digest) -> bool {
        recorded == self.plain || Some(recorded) == self.keyed
    }
}

impl BodyKey {
    /// The key of the directory, if it has one.
    ///
    /// # Errors
    /// If it cannot be read, is no key, or can be read by others than its owner.
    pub(super) fn read(data_dir: &Path) -> io::Result<Option<Self>> {
        let path = data_dir.join(REDACTION_KEY);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mode = file.metadata()?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(unusable(&path, &format!("may be read by others (mode {mode:03o}): chmod 600 it")));
        }
        let mut text = Vec::new();
        file.take(KEY_BYTES_MAX).read_to_end(&mut text)?;
        let key = std::str::from_utf8(&text).ok().and_then(Self::parse);
        let malformed = "is no key: put it back from a backup, or remove it, and repeats of earlier requests with \
                         redacted tags are refused";
        key.map(Some).ok_or_else(|| unusable(&path, malformed))
    }

    /// The key of the directory, made at `now` if it has none.
    ///
    /// # Errors
    /// As [`BodyKey::read`], and if it cannot be written.
    pub(super) fn open(data_dir: &Path, now: Timestamp) -> io::Result<Self> {
        if let Some(key) = Self::read(data_dir)? {
            // Whoever made it may have been killed before its name was on disk.
            File::open(data_dir)?.sync_all()?;
            return Ok(key);
        }
        let key = Self { secret: ids::random_bytes(), made: now };
        // If we crash before the rename, what is left is overwritten at the next start. After it the
        // key may be used only once its name is on disk, which is when this returns.
        let unfinished = data_dir.join(format!("{REDACTION_KEY}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(format!("{KEY_LINE} {now} {}\n", hex::encode(key.secret)).as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, data_dir.join(REDACTION_KEY))?;
        File::open(data_dir)?.sync_all()?;
        Ok(key)
    }

    /// When it was made. Launches that were decided before were compared under another.
    pub(super) fn made(&self) -> Timestamp {
        self.made
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        if words.next()? != KEY_LINE {
            return None;
        }
        let made = words.next()?.parse().ok()?;
        let secret = hex::decode(words.next()?).ok()?.try_into().ok()?;
        words.next().is_none().then_some(Self { secret, made })
    }

    fn digest(&self, body: &[u8]) -> Sha256Digest {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes a key of any length");
        mac.update(body);
        Sha256Digest::from_bytes(mac.finalize().into_bytes().into())
    }
}

/// Never shows the key.
impl std::fmt::Debug for BodyKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BodyKey").field("made", &self.made).finish_non_exhaustive()
    }
}

fn unusable(path: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{} {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::record::Spec;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn tagged(value: &str) -> Spec {
        let tags = BTreeMap::from([("email".to_owned(), value.to_owned())]);
        Spec { tags, ..crate::launch::tests::least_spec() }
    }

    #[test]
    fn the_key_is_made_once_for_its_owner_only_and_refused_when_damaged_or_exposed() {
        let dir = tempfile::tempdir().unwrap();
        assert!(BodyKey::read(dir.path()).unwrap().is_none(), "nothing is made where nothing is redacted");
        let made = BodyKey::open(dir.path(), at(7)).unwrap();
        let path = dir.path().join(REDACTION_KEY);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = BodyKey::open(dir.path(), at(9)).unwrap();
        assert_eq!((again.secret, again.made()), (made.secret, at(7)));
        assert!(!format!("{made:?}").contains(&hex::encode(made.secret)));

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(BodyKey::open(dir.path(), at(9)).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let text = fs::read(&path).unwrap();
        for damaged in [&b""[..], b"\xff\n", &text[..text.len() - 1], &text[..text.len() - 9], b"key 1 2 3\n"] {
            fs::write(&path, damaged).unwrap();
            assert!(BodyKey::open(dir.path(), at(9)).is_err(), "{damaged:?}");
        }
    }

    #[test]
    fn a_body_is_recognised_in_either_form_and_never_as_another() {
        let dir = tempfile::tempdir().unwrap();
        let key = BodyKey::open(dir.path(), at(0)).unwrap();
        let (spec, other) = (tagged("ann@example.com"), tagged("bob@example.com"));
        let plain = Bodies::of(&spec.body("why", false), None, false);
        assert_eq!(plain.recorded(), spec.body_hash("why"), "what is recorded without redaction is as ever");
        let keyed = Bodies::of(&spec.body("why", false), Some(&key), true);
        assert_ne!(keyed.recorded(), plain.recorded());
        for recorded in [plain.recorded(), keyed.recorded()] {
            for redacted in [false, true] {
                assert!(Bodies::of(&spec.body("why", false), Some(&key), redacted).are(recorded));
                assert!(!Bodies::of(&other.body("why", false), Some(&key), redacted).are(recorded));
                assert!(!Bodies::of(&spec.body("why not", false), Some(&key), redacted).are(recorded));
                assert!(!Bodies::of(&spec.body("why", true), Some(&key), redacted).are(recorded));
            }
        }
        assert!(!plain.are(keyed.recorded()), "without the key nobody can tell");
        // What Python's hmac says.
        let known = BodyKey { secret: [0x0b; 32], made: at(0) };
        assert_eq!(
            known.digest(b"Hi There").to_string(),
            "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7"
        );
    }
}
