//! Whether what is stored is sound.

use domain::ArtifactDigest;

use crate::{Error, Store};

/// Something that is wrong with the data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// SQLite found damage.
    Integrity(String),
    /// A row refers to one that is not there.
    DanglingReference(String),
    /// An artifact's file is not there.
    ArtifactMissing(ArtifactDigest),
    /// An artifact's file has other bytes.
    ArtifactDamaged(ArtifactDigest),
    /// Something sealed does not open.
    Unsealable(String),
    /// The audit log's chain is broken.
    Audit(String),
}

/// What the examination found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// The database's schema.
    pub schema: u32,
    /// How many rows the main tables have, by their names.
    pub counts: Vec<(&'static str, u64)>,
}

impl Store {
    /// Examines the database, the artifacts and the key.
    ///
    /// # Errors
    /// When the store fails so that nothing can be examined.
    pub async fn examine(&self) -> Result<Health, Error> {
        todo!()
    }
}
