//! From an artifact to a guest and its deploy list.

use std::sync::Arc;

use domain::{ArtifactDigest, CheckedList, LiveDeploy, Place};
use sandbox::{CollectError, Compiler};
use store::DeployRecord;

use crate::build::BuildProfile;
use crate::engine::Engine;
use crate::error::DeployFailure;
use crate::guests::Guest;
use crate::probe::Point;
use crate::recorder::Recorder;

/// Says why an artifact that is stored cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuestError {
    #[error(transparent)]
    Artifact(#[from] store::ArtifactError),
    #[error(transparent)]
    Sandbox(#[from] sandbox::OpenError),
    #[error(transparent)]
    Load(#[from] sandbox::LoadError),
}

impl Engine {
    /// Loads a stored artifact.
    pub(crate) async fn guest(
        &self,
        artifact: ArtifactDigest,
    ) -> Result<Arc<dyn Guest>, GuestError> {
        self.guest_for(artifact, self.settings.profile).await
    }

    /// Loads a stored artifact that was built in this way.
    pub(crate) async fn guest_for(
        &self,
        artifact: ArtifactDigest,
        profile: BuildProfile,
    ) -> Result<Arc<dyn Guest>, GuestError> {
        let compiler = match profile {
            BuildProfile::Dev => Compiler::Fast,
            BuildProfile::Release => Compiler::Optimizing,
        };
        let path = self.store.artifact_path(artifact).await?;
        Ok(self.guests().await?.load(artifact, &path, compiler).await?)
    }

    /// Returns the deploy list of an artifact that was collected before.
    pub(crate) async fn list_of(
        &self,
        artifact: ArtifactDigest,
    ) -> Result<Arc<CheckedList>, store::Error> {
        if let Some(list) = self.lists.get(artifact) {
            return Ok(list);
        }
        let list = self.store.artifact_list(artifact).await?;
        let list = list.map(Arc::new).ok_or_else(|| {
            store::Error::Corrupt(format!("the deploy list of artifact {artifact} is missing"))
        })?;
        self.lists.put(artifact, &list);
        Ok(list)
    }

    /// Returns the deploy list that a deploy made live: its artifact's, or
    /// nothing where it undid a first deploy or emptied an environment.
    pub(crate) async fn list_of_deploy(
        &self,
        record: &DeployRecord,
    ) -> Result<Option<(ArtifactDigest, Arc<CheckedList>)>, store::Error> {
        let Some(artifact) = record.artifact else {
            return Ok(None);
        };
        let list = self.list_of(artifact).await?;
        let list = match record.list_hash {
            Some(hash) if hash != list.hash() => Arc::new(CheckedList::default()),
            Some(_) | None => list,
        };
        Ok(Some((artifact, list)))
    }

    /// Returns what is live in a place, with its list.
    pub(crate) async fn live_list(
        &self,
        place: Place,
    ) -> Result<Option<(LiveDeploy, Arc<CheckedList>)>, store::Error> {
        let Some(live) = self.store.live(place).await? else {
            return Ok(None);
        };
        let Some(record) = self.store.deploy(place, live.number).await? else {
            return Ok(None);
        };
        let list = self.list_of_deploy(&record).await?;
        Ok(list.map(|(_, list)| (live, list)))
    }

    /// Collects what a guest declares, unless that was done before: the same
    /// artifact gives the same list.
    pub(crate) async fn collect(
        &self,
        artifact: ArtifactDigest,
        guest: &dyn Guest,
        recorder: Option<&Recorder<'_>>,
    ) -> Result<Arc<CheckedList>, DeployFailure> {
        if let Some(list) = self.store.artifact_list(artifact).await? {
            return Ok(Arc::new(list));
        }
        let log = |log: &sandbox::Log| {
            if let Some(recorder) = recorder {
                recorder.guest_log("collect", log);
            }
        };
        let collected = guest
            .collect(&self.limits.collect)
            .await
            .map_err(|error| match error {
                CollectError::Findings {
                    findings,
                    log: lines,
                } => {
                    log(&lines);
                    DeployFailure::Declaration { findings }
                }
                CollectError::Failed {
                    failure,
                    log: lines,
                } => {
                    log(&lines);
                    DeployFailure::Collect(failure.to_string())
                }
            })?;
        log(&collected.log);
        let list = CheckedList::new(collected.list)
            .map_err(|findings| DeployFailure::Declaration { findings })?;
        let list = Arc::new(list);
        self.store
            .save_artifact_list(artifact, Arc::clone(&list))
            .await
            .map_err(artifact_failure)?;
        self.probe.reached(Point::ListStored).await;
        Ok(list)
    }
}

/// Tells a deploy why an artifact could not be stored or found.
pub(crate) fn artifact_failure(error: store::ArtifactError) -> DeployFailure {
    match error {
        store::ArtifactError::Unknown(digest) => {
            DeployFailure::Read(crate::error::ReadError::ArtifactUnknown(digest))
        }
        store::ArtifactError::Store(error) => DeployFailure::Store(error),
        other => DeployFailure::Artifact(other),
    }
}

impl From<GuestError> for DeployFailure {
    fn from(error: GuestError) -> Self {
        match error {
            GuestError::Artifact(error) => artifact_failure(error),
            GuestError::Sandbox(error) => Self::Sandbox(error),
            GuestError::Load(error) => Self::Load(error),
        }
    }
}
