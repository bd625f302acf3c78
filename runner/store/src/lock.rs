//! Who owns a data directory: an operating-system lock, so that death releases it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

const POLL: Duration = Duration::from_millis(50);

/// Says why a data directory could not be owned.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process owns it.
    #[error("the data directory is in use by `{command}` (process {pid}, since {since})")]
    Held {
        /// The process.
        pid: u32,
        /// Its command.
        command: String,
        /// Since when.
        since: Timestamp,
    },
    /// The lock file could not be used.
    #[error("cannot lock {}", path.display())]
    File {
        /// The lock file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// The ownership of a data directory; dropping it, or dying, ends it.
#[derive(Debug)]
#[must_use = "the data directory is owned for as long as this lives"]
pub struct Ownership {
    file: File,
    path: PathBuf,
    held: Arc<AtomicUsize>,
}

impl Ownership {
    /// Tells other processes at which address the owner takes requests.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub fn announce(&self, address: &str) -> std::io::Result<()> {
        let mut file = &self.file;
        let mut owner = read_owner(&mut file)?;
        owner.address = Some(address.to_owned());
        write_owner(&mut file, &owner)
    }
}

impl Ownership {
    /// Returns whether the data directory was taken away or replaced: another
    /// process may then own what stands in its place.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let Ok(ours) = self.file.metadata() else {
            return false;
        };
        match std::fs::metadata(&self.path) {
            Ok(there) => (there.dev(), there.ino()) != (ours.dev(), ours.ino()),
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        }
    }
}

impl Drop for Ownership {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::SeqCst);
        // Closing the file would do as well, unless a child inherited it.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Who owns a data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Its command.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
    /// The address at which it takes requests, if it does.
    pub address: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` (process {}, since {})",
            self.command, self.pid, self.since
        )
    }
}

/// Returns who holds the lock, if anybody does, without waiting for it.
pub(crate) fn holder(path: &Path) -> Option<Holder> {
    let file = OpenOptions::new().read(true).open(path).ok()?;
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let owner = read_owner(&mut &file).ok()?;
            Some(Holder {
                pid: owner.pid,
                command: owner.command,
                since: Timestamp::from_millis(owner.since_ms),
                address: owner.address,
            })
        }
        // Nobody does; closing the file gives the shared lock back.
        Ok(()) | Err(_) => None,
    }
}

/// What the lock file says about its owner.
#[derive(Serialize, Deserialize)]
struct Owner {
    pid: u32,
    command: String,
    since_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

/// Takes the lock, waiting for at most `wait`; it blocks the thread.
///
/// # Errors
/// When another process holds it for longer, or the file cannot be used.
pub(crate) fn take(
    path: &Path,
    command: &str,
    wait: Duration,
    held: &Arc<AtomicUsize>,
) -> Result<Ownership, LockError> {
    let failed = |source| LockError::File {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed)?;
    let began = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let left = wait.saturating_sub(began.elapsed());
                if left.is_zero() {
                    return Err(held_by(&mut &file).map_err(failed)?);
                }
                std::thread::sleep(POLL.min(left));
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
    }
    write_owner(&mut &file, &this_process(command)).map_err(failed)?;
    held.fetch_add(1, Ordering::SeqCst);
    Ok(Ownership {
        file,
        path: path.to_owned(),
        held: Arc::clone(held),
    })
}

fn this_process(command: &str) -> Owner {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Owner {
        pid: std::process::id(),
        command: command.to_owned(),
        since_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        address: None,
    }
}

fn write_owner(file: &mut &File, owner: &Owner) -> std::io::Result<()> {
    let text = serde_json::to_string(owner)?;
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())
}

/// Reads who holds the lock; one that is only just being taken has no name yet.
fn read_owner(file: &mut &File) -> std::io::Result<Owner> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text).unwrap_or(Owner {
        pid: 0,
        command: "unknown".to_owned(),
        since_ms: 0,
        address: None,
    }))
}

fn held_by(file: &mut &File) -> std::io::Result<LockError> {
    let owner = read_owner(file)?;
    Ok(LockError::Held {
        pid: owner.pid,
        command: owner.command,
        since: Timestamp::from_millis(owner.since_ms),
    })
}
