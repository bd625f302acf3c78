//! A data directory with one project, brought to the point that is measured.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::{
    ArtifactDigest, CheckedList, DeployCause, DeployId, DeployNumber, DeployStatus, Desired, Place,
    Plan, Secret, Snapshot, Timestamp, plan,
};
use store::{
    Acquire, Acquired, Apply, DataDir, KeySource, LeaseToken, NewDeploy, NewRegistrationSecrets,
    Store,
};
use tempfile::TempDir;

use crate::directory::{copy_database, temporary};
use crate::journal;
use crate::project::props;

/// The present, throughout.
pub(crate) const NOW: Timestamp = Timestamp::EPOCH;
/// Who deploys.
pub(crate) const ACTOR: &str = "bench";

/// A store with one project.
pub(crate) struct Scene {
    directory: TempDir,
    pub(crate) store: Store,
    pub(crate) place: Place,
}

/// A deploy that is planned, under the lease, and can be applied.
pub(crate) struct Ready {
    pub(crate) deploy: DeployId,
    pub(crate) number: DeployNumber,
    pub(crate) apply: Apply,
}

impl Scene {
    /// Makes an empty store.
    pub(crate) async fn new() -> Result<Self> {
        Self::open(temporary()?).await
    }

    async fn open(directory: TempDir) -> Result<Self> {
        let store = Store::open(&DataDir::open(directory.path(), &KeySource::File)?).await?;
        let project = store.ensure_project("bench".parse()?, NOW).await?.id;
        let environment = store
            .environment("development".parse()?)
            .await?
            .context("the environment is built in")?
            .id;
        Ok(Self {
            directory,
            store,
            place: Place {
                project,
                environment,
            },
        })
    }

    /// Makes a store that holds the same.
    pub(crate) async fn copy(&self) -> Result<Self> {
        let directory = temporary()?;
        fs::copy(
            self.directory.path().join("key"),
            directory.path().join("key"),
        )?;
        let database = directory.path().join("tidegate.db");
        copy_database(&self.database(), &database)?;
        Self::open(directory).await
    }

    /// Returns the database's file.
    pub(crate) fn database(&self) -> PathBuf {
        self.directory.path().join("tidegate.db")
    }

    /// Returns a file that goes with the store.
    pub(crate) fn file_beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Begins a deploy and plans it, as the engine does.
    pub(crate) async fn ready(&self, list: &Arc<CheckedList>, generation: u32) -> Result<Ready> {
        let store = &self.store;
        let artifact = ArtifactDigest::of(&generation.to_le_bytes());
        let (deploy, number) = store
            .begin_deploy(NewDeploy {
                place: self.place,
                cause: DeployCause::Deploy,
                actor: ACTOR.to_owned(),
                description: None,
                version: Some("1".to_owned()),
                rollback_of: None,
                now: NOW,
            })
            .await?;
        store
            .deploy_is_of(deploy, artifact, Some(list.hash()), "1".to_owned())
            .await?;
        let lease = LeaseToken("token".to_owned());
        let acquired = store
            .acquire_lease(Acquire {
                place: self.place,
                holder: ACTOR.to_owned(),
                token: lease.clone(),
                ttl: Duration::from_secs(30),
                now: NOW,
            })
            .await?;
        ensure!(matches!(acquired, Acquired::Yes { .. }), "nobody has it");
        let snapshot = store.snapshot(self.place).await?;
        let plan = planned(&snapshot, list, generation);
        let registrations = (0..plan.subscriptions.create.len())
            .map(|index| NewRegistrationSecrets {
                token: Secret::new(format!("{number}-token-{index:0>32}")),
                key: format!("{number}-key-{index}"),
                variables: [("TOPIC".to_owned(), "orders".to_owned())].into(),
            })
            .collect();
        let apply = Apply {
            place: self.place,
            deploy,
            lease,
            artifact,
            list: Arc::clone(list),
            plan,
            registrations,
            atomic: None,
            actor: ACTOR.to_owned(),
            now: NOW,
        };
        Ok(Ready {
            deploy,
            number,
            apply,
        })
    }

    /// Deploys and subscribes all webhooks, so that nothing is left to do.
    pub(crate) async fn deploy(&self, list: &Arc<CheckedList>, generation: u32) -> Result<()> {
        let ready = self.ready(list, generation).await?;
        let deploy = ready.deploy;
        let _ = self.store.apply(ready.apply).await?;
        for step in self.store.open_steps(self.place).await? {
            journal::attempt(&self.store, &step).await?;
        }
        let status = self.store.conclude_deploy(deploy, NOW).await?;
        ensure!(status == DeployStatus::Succeeded, "the deploy is {status}");
        Ok(())
    }
}

/// Plans a generation of a project.
pub(crate) fn planned(snapshot: &Snapshot, list: &CheckedList, generation: u32) -> Plan {
    let desired = Desired {
        artifact: ArtifactDigest::of(&generation.to_le_bytes()),
        list,
        props: props(list, generation),
    };
    plan(snapshot, &desired)
}
