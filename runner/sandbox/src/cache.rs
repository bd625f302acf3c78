//! Compiled code on disk, which only this host can have written.
//!
//! An entry is two files: the code, and a keyed hash of it and its name. The
//! code is mapped, hashed through the mapping and only then loaded. Files are
//! replaced by renaming and never changed in place.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use domain::ArtifactDigest;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::component::Compiler;
use crate::engine::Runtime;

mod trusted;

/// Changes when the form of entries does, or what is checked before one is written.
const SCHEMA: u32 = 1;

const TAG_BYTES: usize = blake3::OUT_LEN;

/// Says why a directory cannot hold compiled code.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It cannot be made or read.
    #[error("the cache of compiled code at {} cannot be opened", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others could put code into it, which would then run as this user.
    #[error(
        "the cache of compiled code at {} {problem}: code in it runs with all your rights; \
         make it yours alone (chmod 700) or delete it", path.display()
    )]
    NotPrivate {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// A directory of compiled code.
pub(crate) struct Cache {
    dir: PathBuf,
    key: [u8; blake3::KEY_LEN],
    written: AtomicU64,
}

/// The name of an entry: everything that its code depends on.
pub(crate) struct Entry(String);

impl Entry {
    pub(crate) fn new(artifact: ArtifactDigest, runtime: &Runtime) -> Self {
        let settings = &runtime.settings;
        let compiler = runtime.compiler.as_str();
        Self(format!("{artifact}-{settings}-{compiler}-v{SCHEMA}"))
    }
}

/// Returns a digest of everything in an engine that machine code depends on.
///
/// It never changes, and to compute it takes a tenth of the time of a load.
pub(crate) fn settings_of(engine: &Engine) -> String {
    let mut hasher = StableHasher(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().to_hex()[..32].to_owned()
}

/// The standard library's hasher may change with its version.
struct StableHasher(blake3::Hasher);

impl Hasher for StableHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let mut first = [0; 8];
        self.0.finalize_xof().fill(&mut first);
        u64::from_le_bytes(first)
    }
}

impl Cache {
    /// Opens the directory, which is made if it does not exist.
    pub(crate) fn open(dir: &Path, key: [u8; blake3::KEY_LEN]) -> Result<Self, CacheError> {
        let io = |source| CacheError::Io {
            path: dir.to_owned(),
            source,
        };
        if !dir.exists() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .map_err(io)?;
        }
        check_private(dir)?;
        let cache = Self {
            dir: dir.to_owned(),
            key,
            written: AtomicU64::new(0),
        };
        cache
            .remove_where(|name| name.ends_with(".tmp"))
            .map_err(io)?;
        Ok(cache)
    }

    /// Loads an entry; `None` if there is none that this host wrote whole, or
    /// it has more than `at_most` bytes of code.
    pub(crate) fn load(&self, entry: &Entry, runtime: &Runtime, at_most: u64) -> Option<Component> {
        let file = File::open(self.path(entry, "code")).ok()?;
        if file.metadata().ok()?.len() > at_most {
            return None;
        }
        let tag = fs::read(self.path(entry, "tag")).ok()?;
        let tag = <[u8; TAG_BYTES]>::try_from(tag).ok()?;
        let path = pinned(&file, &self.path(entry, "code"));
        let found = match self.tag_of_file(entry, &path) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, entry = entry.0, "compiled code cannot be read");
                return None;
            }
        };
        // Comparing hashes of this type takes constant time.
        if found != blake3::Hash::from_bytes(tag) {
            tracing::warn!(entry = entry.0, "compiled code is damaged or not ours");
            return None;
        }
        match trusted::load_file(&runtime.engine, &path) {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(%error, entry = entry.0, "compiled code cannot be loaded");
                None
            }
        }
    }

    /// Writes an entry and loads it; code that cannot be written is used from memory.
    pub(crate) fn store(
        &self,
        entry: &Entry,
        runtime: &Runtime,
        code: &[u8],
    ) -> wasmtime::Result<Component> {
        match self.write(entry, code) {
            Ok(()) => {
                if let Some(component) = self.load(entry, runtime, u64::MAX) {
                    return Ok(component);
                }
            }
            Err(error) => tracing::warn!(%error, "compiled code cannot be cached"),
        }
        trusted::load_bytes(&runtime.engine, code)
    }

    /// Removes everything that was compiled from an artifact.
    pub(crate) fn forget(&self, artifact: ArtifactDigest) -> io::Result<()> {
        let prefix = format!("{artifact}-");
        self.remove_where(|name| name.starts_with(&prefix))
    }

    fn write(&self, entry: &Entry, code: &[u8]) -> io::Result<()> {
        let mut hasher = self.hasher(entry);
        hasher.update(code);
        // A crash in between leaves a tag that does not fit, and thus no entry.
        self.replace(&self.path(entry, "code"), code)?;
        self.replace(&self.path(entry, "tag"), hasher.finalize().as_bytes())
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let temporary = self
            .dir
            .join(format!("{}-{number}.tmp", std::process::id()));
        let result = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&temporary, path));
        if result.is_err() {
            // What is left of it is removed at the next start at the latest.
            let _ = fs::remove_file(&temporary);
        }
        result
    }

    fn tag_of_file(&self, entry: &Entry, path: &Path) -> io::Result<blake3::Hash> {
        let mut hasher = self.hasher(entry);
        hasher.update_mmap(path)?;
        Ok(hasher.finalize())
    }

    /// The name is hashed too, so that no entry passes for another.
    fn hasher(&self, entry: &Entry) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(entry.0.as_bytes());
        hasher.update(&[0]);
        hasher
    }

    fn path(&self, entry: &Entry, extension: &str) -> PathBuf {
        self.dir.join(format!("{}.{extension}", entry.0))
    }

    fn remove_where(&self, unwanted: impl Fn(&str) -> bool) -> io::Result<()> {
        for file in fs::read_dir(&self.dir)? {
            let file = file?;
            if file.file_name().to_str().is_some_and(&unwanted) {
                fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }
}

fn check_private(dir: &Path) -> Result<(), CacheError> {
    let metadata = fs::symlink_metadata(dir).map_err(|source| CacheError::Io {
        path: dir.to_owned(),
        source,
    })?;
    let problem = if !metadata.is_dir() {
        "is not a directory"
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        "belongs to another user"
    } else if metadata.mode() & 0o077 != 0 {
        "is open to other users"
    } else {
        return Ok(());
    };
    Err(CacheError::NotPrivate {
        path: dir.to_owned(),
        problem,
    })
}

/// Returns a path that stays the same file though the name is given to another,
/// so that what is hashed is what is loaded.
fn pinned(file: &File, path: &Path) -> PathBuf {
    use std::os::fd::AsRawFd;
    if cfg!(target_os = "linux") {
        PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
    } else {
        path.to_owned()
    }
}

impl Compiler {
    /// Returns the compilers whose code will do, best first.
    pub(crate) const fn acceptable(self) -> &'static [Self] {
        match self {
            Self::Fast => &[Self::Fast, Self::Optimizing],
            Self::Optimizing => &[Self::Optimizing],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_that_others_can_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        Cache::open(&path, [1; 32]).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        for mode in [0o770, 0o707, 0o750] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = Cache::open(&path, [1; 32]).err().unwrap().to_string();
            assert!(error.contains("open to other users"), "{error}");
        }
    }

    #[test]
    fn a_file_or_a_link_in_the_directorys_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        for path in [file, link] {
            let error = Cache::open(&path, [1; 32]).err().unwrap().to_string();
            assert!(error.contains("not a directory"), "{error}");
        }
    }

    #[test]
    fn what_a_crash_left_behind_is_removed_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cache");
        Cache::open(&path, [1; 32]).unwrap();
        fs::write(path.join("12-0.tmp"), "half").unwrap();
        Cache::open(&path, [1; 32]).unwrap();
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    }
}
