//! Projects and environments.

use domain::{EnvironmentId, EnvironmentName, HostPort, Place, ProjectId, ProjectName, Timestamp};

use crate::{Error, Store};

/// A project of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: ProjectName,
    /// When it was first seen.
    pub created_at: Timestamp,
}

/// An environment of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its id.
    pub id: EnvironmentId,
    /// Its name.
    pub name: EnvironmentName,
    /// Whether it is one of those that every store has.
    pub built_in: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// The address that providers are given, without a slash at its end.
    pub public_url: Option<String>,
    /// Hosts on private networks that guests may call.
    pub allowed_hosts: Vec<HostPort>,
}

/// What to change of an environment; what is left out stays.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentUpdate {
    /// The public URL: `Some(None)` unsets it.
    pub public_url: Option<Option<String>>,
    /// Hosts to allow.
    pub allow: Vec<HostPort>,
    /// Hosts to allow no more.
    pub disallow: Vec<HostPort>,
}

/// Says why an environment was not created, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// There is one of that name.
    #[error("there is an environment `{0}` already")]
    Exists(EnvironmentName),
    /// There is none of that name.
    #[error("there is no environment `{0}`")]
    Unknown(EnvironmentName),
    /// Every store has it.
    #[error("the environment `{0}` is built in and cannot be deleted")]
    BuiltIn(EnvironmentName),
    /// Something in it is live, or registered at a third party.
    #[error("the environment `{name}` is in use: {}", in_use.join(", "))]
    InUse {
        /// The environment.
        name: EnvironmentName,
        /// What is live or registered, by project.
        in_use: Vec<String>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Returns the project of that name, creating it where there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ensure_project(
        &self,
        name: ProjectName,
        now: Timestamp,
    ) -> Result<Project, Error> {
        let _ = (name, now);
        todo!()
    }

    /// Returns the project of that name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn project(&self, name: ProjectName) -> Result<Option<Project>, Error> {
        let _ = name;
        todo!()
    }

    /// Returns all projects, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn projects(&self) -> Result<Vec<Project>, Error> {
        todo!()
    }

    /// Returns all environments, in the order of their creation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn environments(&self) -> Result<Vec<Environment>, Error> {
        todo!()
    }

    /// Returns the environment of that name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn environment(&self, name: EnvironmentName) -> Result<Option<Environment>, Error> {
        let _ = name;
        todo!()
    }

    /// Returns the names of a place, for people.
    ///
    /// # Errors
    /// When there is no such place, or the store fails.
    pub async fn place_names(&self, place: Place) -> Result<(Project, Environment), Error> {
        let _ = place;
        todo!()
    }

    /// Creates an environment.
    ///
    /// # Errors
    /// When there is one of that name, or the store fails.
    pub async fn create_environment(
        &self,
        name: EnvironmentName,
        actor: String,
        now: Timestamp,
    ) -> Result<Environment, EnvironmentError> {
        let _ = (name, actor, now);
        todo!()
    }

    /// Changes an environment; a new public URL makes a reconfigure due in each place that
    /// has a webhook with subscriptions live, in the same transaction.
    ///
    /// # Errors
    /// When there is none of that name, or the store fails.
    pub async fn update_environment(
        &self,
        name: EnvironmentName,
        update: EnvironmentUpdate,
        actor: String,
        now: Timestamp,
    ) -> Result<Environment, EnvironmentError> {
        let _ = (name, update, actor, now);
        todo!()
    }

    /// Deletes an environment with all that it holds.
    ///
    /// # Errors
    /// When it is built in, or anything in it is live or registered, or the store fails.
    pub async fn delete_environment(
        &self,
        name: EnvironmentName,
        actor: String,
        now: Timestamp,
    ) -> Result<(), EnvironmentError> {
        let _ = (name, actor, now);
        todo!()
    }
}
