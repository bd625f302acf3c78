//! Artifacts: files named by their digest, and the deploy lists collected from them.

use std::path::PathBuf;
use std::sync::Arc;

use domain::{ArtifactDigest, CheckedList, DeployListHash, Timestamp};

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
        let _ = (source, limit, now);
        todo!()
    }

    /// Returns where an artifact's file is; its bytes are not looked at.
    ///
    /// # Errors
    /// When the store has no such artifact or its file is gone.
    pub async fn artifact_path(&self, digest: ArtifactDigest) -> Result<PathBuf, ArtifactError> {
        let _ = digest;
        todo!()
    }

    /// Returns the deploy list that was collected from an artifact.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn artifact_list(
        &self,
        digest: ArtifactDigest,
    ) -> Result<Option<CheckedList>, Error> {
        let _ = digest;
        todo!()
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
        let _ = (digest, list);
        todo!()
    }

    /// Lists the artifacts, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn artifacts(&self) -> Result<Vec<StoredArtifact>, Error> {
        todo!()
    }
}
