//! Artifacts: files named by their digest, and the deploy lists collected from them.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::{ArtifactDigest, CheckedList, DeployListHash, Timestamp};

use rusqlite::{Connection, Row, params};

use crate::columns::{change, first, number, rows, signed, text, text_opt, time};
use crate::{Error, Store};

/// Where an artifact's bytes come from.
#[derive(Debug, Clone)]
pub enum ArtifactSource {
    /// These bytes.
    Bytes(Arc<[u8]>),
    /// A file, which is read and left alone.
    File(PathBuf),
}

/// An artifact of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredArtifact {
    /// Its digest.
    pub digest: ArtifactDigest,
    /// Its size in bytes.
    pub size: u64,
    /// When it was first stored.
    pub created_at: Timestamp,
    /// The hash of its deploy list, once collected.
    pub list_hash: Option<DeployListHash>,
}

/// Says why an artifact was not stored or found.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The source is larger than allowed.
    #[error("the artifact has {size} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The source could not be read.
    #[error("cannot read {}", path.display())]
    Source {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The store has no such artifact.
    #[error("the store has no artifact {0}")]
    Unknown(ArtifactDigest),
    /// The artifact's file is gone or its bytes are not those that were stored.
    #[error(
        "the stored file of artifact {digest} is damaged or missing; deploy or upload it again"
    )]
    Damaged {
        /// The artifact.
        digest: ArtifactDigest,
    },
    /// Other objects were collected from the same artifact before.
    #[error("artifact {digest} gave the deploy list {found}, and {kept} before")]
    OtherList {
        /// The artifact.
        digest: ArtifactDigest,
        /// The hash of the list that is kept.
        kept: DeployListHash,
        /// The hash of the list that was to be kept.
        found: DeployListHash,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Stores an artifact of at most `limit` bytes, durably; one that is there and sound is
    /// left alone, one that is damaged is written anew.
    ///
    /// # Errors
    /// When it is too large or cannot be read, or the store fails.
    pub async fn store_artifact(
        &self,
        source: ArtifactSource,
        limit: u64,
        now: Timestamp,
    ) -> Result<StoredArtifact, ArtifactError> {
        let dir = self.dir().artifacts();
        let bytes = blocking(move || read_source(source, limit)).await?;
        let digest = ArtifactDigest::of(&bytes);
        let size = bytes.len();
        loop {
            let (dir, bytes) = (dir.clone(), Arc::clone(&bytes));
            let path = file_of(&dir, digest);
            blocking(move || Ok(write_soundly(&dir, digest, &bytes)?)).await?;
            let stored = self
                .database()
                .write(move |tx| -> Result<_, Error> {
                    // Garbage may have been collected since the file was written.
                    if !path.is_file() {
                        return Ok(None);
                    }
                    note(tx, digest, size, now)?;
                    row_of(tx, digest)
                })
                .await?;
            if let Some(stored) = stored {
                return Ok(stored);
            }
        }
    }

    /// Makes sure that the stored file has the bytes that its digest names.
    ///
    /// # Errors
    /// When it has others, or there is no such artifact.
    pub async fn verify_artifact(&self, digest: ArtifactDigest) -> Result<(), ArtifactError> {
        let path = self.artifact_path(digest).await?;
        if blocking(move || Ok(is_sound(&path, digest))).await? {
            Ok(())
        } else {
            Err(ArtifactError::Damaged { digest })
        }
    }

    /// Returns where an artifact's file is; its bytes are not looked at.
    ///
    /// # Errors
    /// When the store has no such artifact or its file is gone.
    pub async fn artifact_path(&self, digest: ArtifactDigest) -> Result<PathBuf, ArtifactError> {
        let path = file_of(&self.dir().artifacts(), digest);
        let known = self.database().read(move |tx| row_of(tx, digest)).await?;
        match (known, path.is_file()) {
            (Some(_), true) => Ok(path),
            (Some(_), false) => Err(ArtifactError::Damaged { digest }),
            (None, _) => Err(ArtifactError::Unknown(digest)),
        }
    }

    /// Returns the deploy list that was collected from an artifact.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn artifact_list(
        &self,
        digest: ArtifactDigest,
    ) -> Result<Option<CheckedList>, Error> {
        self.database().read(move |tx| list_of(tx, digest)).await
    }

    /// Keeps the deploy list that was collected from an artifact.
    ///
    /// # Errors
    /// When the store has no such artifact, or keeps another list for it.
    pub async fn save_artifact_list(
        &self,
        digest: ArtifactDigest,
        list: Arc<CheckedList>,
    ) -> Result<(), ArtifactError> {
        let text = list.to_json();
        let found = list.hash();
        self.database()
            .write(move |tx| {
                let stored = row_of(tx, digest)?.ok_or(ArtifactError::Unknown(digest))?;
                match stored.list_hash {
                    Some(kept) if kept == found => Ok(()),
                    Some(kept) => Err(ArtifactError::OtherList {
                        digest,
                        kept,
                        found,
                    }),
                    None => {
                        change(
                            tx,
                            "INSERT INTO artifact_lists (artifact, hash, list) VALUES (?1, ?2, ?3)",
                            params![digest.to_string(), found.to_string(), text],
                        )?;
                        Ok(())
                    }
                }
            })
            .await
    }

    /// Lists the artifacts, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn artifacts(&self) -> Result<Vec<StoredArtifact>, Error> {
        self.database()
            .read(|tx| {
                let sql = format!("{SELECT} ORDER BY a.created_at DESC, a.digest");
                rows(tx, &sql, [], read_row)
            })
            .await
    }
}

const SELECT: &str = "SELECT a.digest, a.size, a.created_at, l.hash FROM artifacts a
    LEFT JOIN artifact_lists l ON l.artifact = a.digest";

fn read_row(row: &Row<'_>) -> Result<StoredArtifact, Error> {
    Ok(StoredArtifact {
        digest: text(row, "digest")?,
        size: number(row, "size")?,
        created_at: time(row, "created_at")?,
        list_hash: text_opt(row, "hash")?,
    })
}

fn row_of(tx: &Connection, digest: ArtifactDigest) -> Result<Option<StoredArtifact>, Error> {
    let sql = format!("{SELECT} WHERE a.digest = ?1");
    first(tx, &sql, [digest.to_string()], read_row)
}

/// Writes an artifact's row; one that was there counts as used just now.
fn note(tx: &Connection, digest: ArtifactDigest, size: usize, now: Timestamp) -> Result<(), Error> {
    change(
        tx,
        "INSERT INTO artifacts (digest, size, created_at) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET created_at = max(created_at, excluded.created_at)",
        params![digest.to_string(), signed(size), now.as_millis()],
    )
    .map(drop)
}

/// Reads the deploy list that was collected from an artifact.
pub(crate) fn list_of(
    tx: &Connection,
    digest: ArtifactDigest,
) -> Result<Option<CheckedList>, Error> {
    first(
        tx,
        "SELECT list FROM artifact_lists WHERE artifact = ?1",
        [digest.to_string()],
        |row| {
            let list: String = row.get("list")?;
            CheckedList::from_json(&list).map_err(|error| Error::corrupt(error.to_string()))
        },
    )
}

/// Returns where an artifact's file is.
pub(crate) fn file_of(dir: &Path, digest: ArtifactDigest) -> PathBuf {
    dir.join(format!("{digest}.wasm"))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArtifactError> + Send + 'static,
) -> Result<T, ArtifactError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Stopped)?
}

fn read_source(source: ArtifactSource, limit: u64) -> Result<Arc<[u8]>, ArtifactError> {
    let bytes = match source {
        ArtifactSource::Bytes(bytes) => bytes,
        ArtifactSource::File(path) => {
            let failed = |source| ArtifactError::Source {
                path: path.clone(),
                source,
            };
            let file = File::open(&path).map_err(failed)?;
            let size = file.metadata().map_err(failed)?.len();
            if size > limit {
                return Err(ArtifactError::TooLarge { size, limit });
            }
            let mut bytes = Vec::new();
            file.take(limit.saturating_add(1))
                .read_to_end(&mut bytes)
                .map_err(failed)?;
            bytes.into()
        }
    };
    let size = bytes.len() as u64;
    if size > limit {
        return Err(ArtifactError::TooLarge { size, limit });
    }
    Ok(bytes)
}

/// Makes sure that an artifact's file is there with the right bytes, durably.
fn write_soundly(dir: &Path, digest: ArtifactDigest, bytes: &[u8]) -> Result<(), Error> {
    let path = file_of(dir, digest);
    if is_sound(&path, digest) {
        return Ok(());
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|_| Error::NoRandomness)?;
    let temporary = dir.join(format!("{}{TEMPORARY}", hex::encode(random)));
    let write = || -> std::io::Result<()> {
        let mut file = File::create_new(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|source| {
        // What is left of it is removed at the next recovery if this fails too.
        let _ = std::fs::remove_file(&temporary);
        Error::file("write", path.clone(), source)
    })
}

/// Returns whether a file is there and has the bytes of its name.
pub(crate) fn is_sound(path: &Path, digest: ArtifactDigest) -> bool {
    std::fs::read(path).is_ok_and(|bytes| ArtifactDigest::of(&bytes) == digest)
}

const TEMPORARY: &str = ".part";

/// Removes what writes that were cut short left.
pub(crate) fn remove_temporary(dir: &Path) -> Result<(), Error> {
    let failed = |source| Error::file("read", dir, source);
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.to_string_lossy().ends_with(TEMPORARY) {
            std::fs::remove_file(&path).map_err(|source| Error::file("remove", &path, source))?;
        }
    }
    Ok(())
}
