//! The tails of consoles from which failures were explained: beside the log, for a time.
//!
//! A record has the digest of a tail and never its text, because no masking finds every secret and a record stays for
//! as long as the log does. The texts lie here, one file of mode 0600 each, named by their SHA-256; two instances with
//! the same tail share one. A file that is lost, damaged or too old is no tail, and nothing depends on there being one,
//! so writing is atomic but not waited for until it is durable. Nothing here is in a backup.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::console::{ConsoleTail, TAIL_BYTES_MAX};
use crate::audit::make_dir;
use crate::clock::Clock;
use crate::ids::Sha256Digest;

/// The most that all tails take, in bytes: 64 thousand of the longest.
pub const TAILS_BYTES_MAX: u64 = 256 << 20;

/// How much is left of the most once it was exceeded: so that not every tail more is a look through the directory.
const LEFT_PERCENT: u64 = 90;

/// The ending of a file that is being written.
const UNFINISHED: &str = "new";

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TailLimits {
    /// For how long.
    pub age: Duration,
    /// The most of all together, in bytes; the oldest go first.
    pub bytes: u64,
    /// How many bytes are to stay free on their disk, which is the log's: with less, none is kept.
    pub free: u64,
}

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// How many tails.
    pub tails: u64,
    /// How many bytes they had.
    pub bytes: u64,
}

/// The tails that are kept. Clones share them.
#[derive(Debug, Clone)]
pub struct Tails {
    kept: Arc<Kept>,
}

#[derive(Debug)]
struct Kept {
    dir: PathBuf,
    clock: Arc<dyn Clock>,
    limits: TailLimits,
    /// The bytes that there are, at most; held while files change, so that two do not write the same one.
    bytes: Mutex<u64>,
}

impl Tails {
    /// Opens the directory, which is made if there is none, and removes what may not be kept any more.
    ///
    /// # Errors
    /// If it cannot be made or read.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>, limits: TailLimits) -> io::Result<Self> {
        make_dir(dir)?;
        let kept = Kept { dir: dir.to_owned(), clock, limits, bytes: Mutex::new(0) };
        kept.expire(&mut kept.bytes())?;
        Ok(Self { kept: Arc::new(kept) })
    }

    /// Keeps a tail from now on, also one that is kept already.
    ///
    /// # Errors
    /// If it cannot be written, or may not since the disk has less room left than it must ([`TailLimits::free`]).
    pub async fn keep(&self, tail: &ConsoleTail) -> io::Result<()> {
        let (digest, text) = (tail.digest.sha256, tail.text.clone());
        self.blocking(move |kept| kept.keep(&digest, &text)).await
    }

    /// The tail with this digest, if it is kept, is not too old, and is still what it was.
    pub async fn get(&self, digest: &Sha256Digest) -> Option<String> {
        let digest = *digest;
        self.blocking(move |kept| Ok(kept.get(&digest))).await.ok().flatten()
    }

    /// Removes what is too old, and the oldest where there is too much.
    ///
    /// # Errors
    /// If the directory cannot be read or a file cannot be removed.
    pub async fn expire(&self) -> io::Result<Expired> {
        self.blocking(|kept| kept.expire(&mut kept.bytes())).await
    }

    /// Files are read and written on a thread that may wait.
    async fn blocking<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Kept) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let kept = Arc::clone(&self.kept);
        tokio::task::spawn_blocking(move || act(&kept)).await.map_err(io::Error::other)?
    }
}

impl Kept {
    fn bytes(&self) -> MutexGuard<'_, u64> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, digest: &Sha256Digest) -> PathBuf {
        self.dir.join(digest.to_string())
    }

    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(self.clock.now().as_microsecond()).unwrap_or(0))
    }

    /// A file with a time in the future is of now: the clock was wrong once.
    fn is_too_old(&self, modified: SystemTime) -> bool {
        self.now().duration_since(modified).is_ok_and(|age| age > self.limits.age)
    }

    fn keep(&self, digest: &Sha256Digest, text: &str) -> io::Result<()> {
        let mut bytes = self.bytes();
        self.check_room()?;
        let path = self.file(digest);
        let unfinished = path.with_extension(UNFINISHED);
        if let Err(error) = self.write(text, &unfinished).and_then(|()| fs::rename(&unfinished, &path)) {
            // Where the disk is full, what is half written must not stay. If it does, the next look removes it.
            let _ = fs::remove_file(&unfinished);
            return Err(error);
        }
        *bytes += text.len() as u64;
        if *bytes > self.limits.bytes {
            self.expire(&mut bytes)?;
        }
        Ok(())
    }

    fn write(&self, text: &str, path: &Path) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        // Ages are of this program's clock, which need not be the file system's.
        file.set_times(FileTimes::new().set_modified(self.now()))
    }

    /// Refuses where the log would be refused its next record: the digest in it is worth more than the text here. As
    /// there, a file system that cannot say what is free has no limit.
    fn check_room(&self) -> io::Result<()> {
        let Ok(stat) = rustix::fs::statvfs(&self.dir) else { return Ok(()) };
        let (free, wanted) = (stat.f_bavail.saturating_mul(stat.f_frsize), self.limits.free);
        if free < wanted {
            let text = format!("{free} bytes are free, and {wanted} are to be left");
            return Err(io::Error::new(io::ErrorKind::StorageFull, text));
        }
        Ok(())
    }

    fn get(&self, digest: &Sha256Digest) -> Option<String> {
        let file = File::open(self.file(digest)).ok()?;
        if self.is_too_old(file.metadata().ok()?.modified().ok()?) {
            return None;
        }
        let mut text = Vec::new();
        // One byte more than a tail has, so that a longer file is not taken for its beginning.
        file.take(TAIL_BYTES_MAX as u64 + 1).read_to_end(&mut text).ok()?;
        (Sha256Digest::of(&text) == *digest).then(|| String::from_utf8(text).ok()).flatten()
    }

    fn expire(&self, bytes: &mut u64) -> io::Result<Expired> {
        let mut expired = Expired::default();
        let mut left = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let path = entry.path();
            let is_unfinished = path.extension().is_some_and(|extension| extension == UNFINISHED);
            let digest = if is_unfinished { path.file_stem() } else { path.file_name() };
            let is_ours = digest.and_then(OsStr::to_str).is_some_and(|name| name.parse::<Sha256Digest>().is_ok());
            let Some(about) = found(entry.metadata())? else { continue };
            // Whatever else is there was not put there by us, and is left alone.
            if !is_ours || !about.is_file() {
                continue;
            }
            let (length, modified) = (about.len(), about.modified()?);
            if is_unfinished || self.is_too_old(modified) {
                remove(&path, length, &mut expired)?;
            } else {
                left.push((modified, path, length));
            }
        }
        *bytes = left.iter().map(|(_, _, length)| length).sum();
        if *bytes > self.limits.bytes {
            left.sort_unstable();
            let wanted = self.limits.bytes / 100 * LEFT_PERCENT;
            for (_, path, length) in &left {
                if *bytes <= wanted {
                    break;
                }
                remove(path, *length, &mut expired)?;
                *bytes -= length;
            }
        }
        Ok(expired)
    }
}

fn remove(path: &Path, length: u64, expired: &mut Expired) -> io::Result<()> {
    if found(fs::remove_file(path))?.is_some() {
        expired.tails += 1;
        expired.bytes += length;
    }
    Ok(())
}

/// What is not there any more is nothing to fail for.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
