//! Which artifacts stay, why, and the removal of the others.

use domain::{ArtifactDigest, DeployNumber, EnvironmentName, ProjectName, RegistrationId, RunId};

use crate::{Error, Store};

/// One artifact as the collection of garbage saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// The artifact.
    pub digest: ArtifactDigest,
    /// Its size in bytes.
    pub size: u64,
    /// What happens to it.
    pub fate: Fate,
}

/// What happens to an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Kept(Vec<KeepReason>),
    /// It is, or in a dry run would be, removed.
    Removed,
}

/// Why an artifact stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeepReason {
    /// It is live.
    Live(ProjectName, EnvironmentName),
    /// One of the last deploys of a place used it.
    Deploy(ProjectName, EnvironmentName, DeployNumber),
    /// A registration that is not over was made, or may have been made, by it.
    Registration(RegistrationId),
    /// A run of it has not ended.
    Run(RunId),
    /// It is too new to have been used.
    New,
}

impl Store {
    /// Removes the artifacts that nothing refers to, and says of each what became of it.
    ///
    /// Artifacts stored after `older_than` stay: a deploy may be about to use them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn collect_garbage(
        &self,
        mode: GarbageMode,
        older_than: domain::Timestamp,
    ) -> Result<Vec<Collected>, Error> {
        let _ = (mode, older_than);
        todo!()
    }
}

/// Whether garbage is removed or only named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GarbageMode {
    /// It is named.
    DryRun,
    /// It is removed.
    Remove,
}
