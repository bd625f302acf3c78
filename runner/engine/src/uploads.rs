//! Artifacts that were built elsewhere and arrive as bytes.

use std::path::PathBuf;
use std::sync::Arc;

use domain::ArtifactDigest;
use store::ArtifactSource;

use crate::code::{Code, Coded};
use crate::engine::{Engine, Owner};
use crate::error::artifact_code;
use crate::report::ArtifactReport;

/// The most bytes that an artifact may have.
pub const MAX_UPLOAD: u64 = 64 * 1024 * 1024;

/// Says why an artifact was not taken, or is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The bytes are not those of the digest.
    #[error("the bytes have the digest {found}, not {expected}")]
    OtherDigest {
        /// The digest that was given.
        expected: ArtifactDigest,
        /// The digest of what came.
        found: ArtifactDigest,
    },
    /// It is too large, or is not there, or could not be stored.
    #[error(transparent)]
    Artifact(#[from] store::ArtifactError),
}

impl Coded for UploadError {
    fn code(&self) -> Code {
        match self {
            Self::OtherDigest { .. } => Code::ArtifactMismatch,
            Self::Artifact(error) => artifact_code(error),
        }
    }
}

impl Owner {
    /// Stores an artifact that was built elsewhere, durably.
    ///
    /// Nothing needs it yet: it stays for an hour, in which a deploy may name it.
    ///
    /// # Errors
    /// When the bytes are not those of the digest, are more than [`MAX_UPLOAD`],
    /// or cannot be stored.
    pub async fn store_upload(
        &self,
        expected: ArtifactDigest,
        bytes: Vec<u8>,
    ) -> Result<ArtifactReport, UploadError> {
        let bytes: Arc<[u8]> = bytes.into();
        let found = {
            let bytes = Arc::clone(&bytes);
            tokio::task::spawn_blocking(move || ArtifactDigest::of(&bytes))
                .await
                .map_err(|_| store::ArtifactError::Store(store::Error::Stopped))?
        };
        if found != expected {
            return Err(UploadError::OtherDigest { expected, found });
        }
        let stored = self
            .store
            .store_artifact(ArtifactSource::Bytes(bytes), MAX_UPLOAD, self.clock.now())
            .await?;
        Ok(ArtifactReport {
            artifact: stored.digest,
            size_bytes: stored.size,
            created_at: stored.created_at,
            kept_for: Vec::new(),
            removed: false,
        })
    }
}

impl Engine {
    /// Returns the file of a stored artifact, after its bytes were compared with its digest.
    ///
    /// # Errors
    /// When there is no such artifact, or its file is damaged.
    pub async fn artifact_file(&self, artifact: ArtifactDigest) -> Result<PathBuf, UploadError> {
        let path = self.store.artifact_path(artifact).await?;
        let file = path.clone();
        let sound = tokio::task::spawn_blocking(move || {
            std::fs::read(file).is_ok_and(|bytes| ArtifactDigest::of(&bytes) == artifact)
        });
        match sound.await {
            Ok(true) => Ok(path),
            Ok(false) => Err(store::ArtifactError::Damaged { digest: artifact }.into()),
            Err(_) => Err(store::ArtifactError::Store(store::Error::Stopped).into()),
        }
    }
}
