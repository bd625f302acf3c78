//! Taking things away: environments, leases, artifacts that nothing needs.

use std::sync::Arc;
use std::time::Duration;

use domain::{CheckedList, DeployCause, EnvironmentName, Place, ProjectName};
use store::{Force, GarbageMode, Over};

use crate::deploy::{Atomicity, Order, Origin, Removal};
use crate::engine::Owner;
use crate::error::{ChangeError, ReadError};
use crate::lease::LeaseWait;
use crate::observer::Observer;
use crate::reconfigure::environment_error;
use crate::report::{ArtifactReport, EnvironmentReport, LockReport, RegistrationReport};
use crate::shape::{Detail, environment_report, registration_report};

/// How long the unsubscribes of an environment that is deleted are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How young an artifact must be to stay though nothing refers to it yet.
const YOUNG: Duration = Duration::from_secs(3600);

/// What the deletion of an environment did.
#[derive(Debug, Clone)]
pub struct DeletedEnvironment {
    /// The environment, as it was.
    pub environment: EnvironmentReport,
    /// Registrations that were dropped though the provider may still hold them.
    pub forgotten: Vec<RegistrationReport>,
}

impl Owner {
    /// Deletes an environment: what is registered is unsubscribed first, or
    /// with force forgotten and listed.
    ///
    /// # Errors
    /// When it is built in, or something is still registered.
    pub async fn delete_environment(
        &self,
        name: &EnvironmentName,
        force: Force,
        observer: &dyn Observer,
    ) -> Result<DeletedEnvironment, ChangeError> {
        let environment = self.environment(name).await?;
        if environment.built_in {
            return Err(environment_error(store::EnvironmentError::BuiltIn(
                name.clone(),
            )));
        }
        // What is to be forgotten anyway is tried once and not waited for.
        let patience = match force {
            Force::No => PATIENCE,
            Force::Yes => Duration::ZERO,
        };
        let mut forgotten = Vec::new();
        for project in self.store.projects().await? {
            let place = Place {
                project: project.id,
                environment: environment.id,
            };
            self.empty(place, project.name, name, patience, observer)
                .await?;
            if force == Force::Yes {
                forgotten.extend(self.forget_all(place).await?);
            }
        }
        self.store
            .delete_environment(name.clone(), self.actor(), self.clock.now())
            .await
            .map_err(environment_error)?;
        Ok(DeletedEnvironment {
            environment: environment_report(environment),
            forgotten,
        })
    }

    /// Deploys nothing to a place, so that everything there is disabled and unsubscribed.
    async fn empty(
        &self,
        place: Place,
        project: ProjectName,
        environment: &EnvironmentName,
        patience: Duration,
        observer: &dyn Observer,
    ) -> Result<(), ChangeError> {
        let Some(live) = self.store.live(place).await? else {
            return Ok(());
        };
        let order = Order {
            place,
            project,
            environment: environment.clone(),
            cause: DeployCause::Deploy,
            origin: Origin::Earlier(live.artifact, Arc::new(CheckedList::default())),
            version: None,
            description: Some("the environment is deleted".to_owned()),
            rollback_of: None,
            atomic: Atomicity::Plain,
            lease: LeaseWait::Wait,
            settle_timeout: patience,
            removal: Removal::AllowAll,
        };
        self.carry_out(order, observer).await?;
        Ok(())
    }

    async fn forget_all(&self, place: Place) -> Result<Vec<RegistrationReport>, ChangeError> {
        let mut forgotten = Vec::new();
        for view in self.store.registrations(place, Over::Without).await? {
            self.forget_one(view.registration.id).await?;
            forgotten.push(registration_report(view, Detail::Brief));
        }
        Ok(forgotten)
    }

    /// Breaks the lease on a project and environment.
    ///
    /// # Errors
    /// When there is no such place.
    pub async fn break_lock(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
    ) -> Result<Option<LockReport>, ChangeError> {
        let place = self.place(project, environment).await?;
        let now = self.clock.now();
        let broken = self.store.break_lease(place, self.actor(), now).await?;
        match broken {
            Some(lease) => Ok(Some(self.lock_report(lease).await?)),
            None => Ok(None),
        }
    }

    /// Removes artifacts that nothing needs, or says which it would remove.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn gc(&self, mode: GarbageMode) -> Result<Vec<ArtifactReport>, ReadError> {
        let young =
            self.clock.now().as_millis() - i64::try_from(YOUNG.as_millis()).unwrap_or(i64::MAX);
        let older_than = domain::Timestamp::from_millis(young);
        let before = self.store.artifacts().await?;
        let collected = self.store.collect_garbage(mode, older_than).await?;
        Ok(crate::shape::artifact_reports(before, collected))
    }
}
