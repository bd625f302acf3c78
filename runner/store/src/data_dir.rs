//! The data directory: what is where, who may read it, and its encryption key.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::Secret;
use zeroize::Zeroizing;

use crate::lock::{self, Holder, LockError, Ownership};
use crate::seal::{Keys, MasterKey};

/// Says why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Something of it could not be created, read or written.
    #[error("cannot {what} {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Others than the owner can read the key file.
    #[error(
        "the key file {} can be read by others (mode {mode:o}); run `chmod 600` on it",
        path.display()
    )]
    KeyTooOpen {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is a database, and not the key that it was sealed with.
    #[error(
        "the key file {} is missing, and the database beside it was sealed with it; put it back",
        path.display()
    )]
    KeyMissing {
        /// The key file.
        path: PathBuf,
    },
    /// The key is not 32 bytes in hexadecimal.
    #[error("the encryption key from {origin} is not 64 hexadecimal digits")]
    BadKey {
        /// Where the key came from.
        origin: String,
    },
    /// The system gave no random bytes for a key.
    #[error("the system gave no random bytes for an encryption key")]
    NoRandomness,
}

impl DataDirError {
    /// Returns whether there was no room for it.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::File { source, .. } => crate::error::is_disk_full(source),
            Self::KeyTooOpen { .. }
            | Self::KeyMissing { .. }
            | Self::BadKey { .. }
            | Self::NoRandomness => false,
        }
    }
}

/// Where the encryption key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// The file `key` of the directory, created where it is missing.
    File,
    /// The caller, as 64 hexadecimal digits; no key file is read or written.
    Given(Secret),
}

/// A data directory, opened: it exists, is the owner's alone, and has a key.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
    keys: Arc<Keys>,
    held: Arc<AtomicUsize>,
}

impl DataDir {
    /// Opens a data directory, creating it and what belongs in it.
    ///
    /// # Errors
    /// When something cannot be created or read, or the key is unfit or open to others.
    pub fn open(path: impl AsRef<Path>, key: &KeySource) -> Result<Self, DataDirError> {
        let path = path.as_ref().to_owned();
        create_dir(&path)?;
        for below in ["artifacts", "cache"] {
            create_dir(&path.join(below))?;
        }
        let ignore = path.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(failed("write", &ignore))?;
        }
        let master = match key {
            KeySource::File => read_or_create_key(&path.join("key"))?,
            KeySource::Given(text) => parse_key(text.expose(), "the environment")?,
        };
        Ok(Self {
            path,
            keys: Arc::new(Keys::derive(&master)),
            held: Arc::new(AtomicUsize::new(0)),
        })
    }

    /// Returns whether a directory holds a database, without creating anything.
    #[must_use]
    pub fn exists(path: impl AsRef<Path>) -> bool {
        path.as_ref().join("tidegate.db").is_file()
    }

    /// Returns the directory's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the database's path.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path.join("tidegate.db")
    }

    /// Returns the directory of the artifacts.
    #[must_use]
    pub fn artifacts(&self) -> PathBuf {
        self.path.join("artifacts")
    }

    /// Returns the directory of the compiled code.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.path.join("cache")
    }

    /// Returns the key that compiled code is signed with, derived from the directory's key.
    #[must_use]
    pub fn cache_key(&self) -> [u8; 32] {
        self.keys.cache()
    }

    /// Takes ownership of the directory for `command`, waiting for at most `wait`.
    ///
    /// # Errors
    /// When another process owns it for longer, or the lock file cannot be used.
    pub async fn lock(&self, command: &str, wait: Duration) -> Result<Ownership, LockError> {
        let path = self.path.join("lock");
        let file = path.clone();
        let command = command.to_owned();
        let held = Arc::clone(&self.held);
        tokio::task::spawn_blocking(move || lock::take(&path, &command, wait, &held))
            .await
            .unwrap_or_else(|error| {
                Err(LockError::File {
                    path: file,
                    source: std::io::Error::other(error),
                })
            })
    }

    /// Returns who owns the directory, if anybody does.
    #[must_use]
    pub fn owner(&self) -> Option<Holder> {
        lock::holder(&self.path.join("lock"))
    }

    pub(crate) fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// Returns whether this process owns the directory by this handle or a clone of it.
    pub(crate) fn is_owned(&self) -> bool {
        self.held.load(Ordering::SeqCst) > 0
    }
}

fn failed<'a>(
    what: &'static str,
    path: &'a Path,
) -> impl Fn(std::io::Error) -> DataDirError + use<'a> {
    move |source| DataDirError::File {
        what,
        path: path.to_owned(),
        source,
    }
}

fn create_dir(path: &Path) -> Result<(), DataDirError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed("create", path))
}

fn parse_key(text: &str, origin: &str) -> Result<MasterKey, DataDirError> {
    let mut bytes = Zeroizing::new([0; 32]);
    hex::decode_to_slice(text.trim(), bytes.as_mut()).map_err(|_| DataDirError::BadKey {
        origin: origin.to_owned(),
    })?;
    Ok(MasterKey::new(bytes))
}

fn read_or_create_key(path: &Path) -> Result<MasterKey, DataDirError> {
    match fs::metadata(path) {
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(DataDirError::KeyTooOpen {
                    path: path.to_owned(),
                    mode,
                });
            }
        }
        // A new key would open nothing that is there, and could be taken for the old one.
        Err(error)
            if error.kind() == std::io::ErrorKind::NotFound
                && path.with_file_name("tidegate.db").exists() =>
        {
            return Err(DataDirError::KeyMissing {
                path: path.to_owned(),
            });
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => create_key(path)?,
        Err(error) => return Err(failed("read", path)(error)),
    }
    let text = Zeroizing::new(fs::read_to_string(path).map_err(failed("read", path))?);
    parse_key(&text, &path.display().to_string())
}

/// Writes a new key; of several processes that do so at once, the first one's stands.
fn create_key(path: &Path) -> Result<(), DataDirError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut()).map_err(|_| DataDirError::NoRandomness)?;
    let text = Zeroizing::new(hex::encode(bytes.as_ref()));
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            Ok(()) | Err(_) => fs::remove_file(&temporary),
        }
    };
    write().map_err(failed("write", path))
}
