//! Projects and environments.

use std::collections::BTreeSet;

use domain::declare::Object;
use domain::{EnvironmentId, EnvironmentName, HostPort, Place, ProjectId, ProjectName, Timestamp};

use rusqlite::{Connection, Row, params};
use serde_json::json;

use crate::columns::{change, first, json, number, rows, text, time};
use crate::{Error, Store, audit, reconfigure};

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
        self.database()
            .write(move |tx| {
                change(
                    tx,
                    "INSERT INTO projects (name, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    params![name.as_str(), now.as_millis()],
                )?;
                by_name(tx, &name)?.ok_or_else(|| Error::NotFound(format!("project `{name}`")))
            })
            .await
    }

    /// Returns the project of that name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn project(&self, name: ProjectName) -> Result<Option<Project>, Error> {
        self.database().read(move |tx| by_name(tx, &name)).await
    }

    /// Returns all projects, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn projects(&self) -> Result<Vec<Project>, Error> {
        self.database()
            .read(|tx| rows(tx, "SELECT * FROM projects ORDER BY name", [], read_project))
            .await
    }

    /// Returns all environments, in the order of their creation.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn environments(&self) -> Result<Vec<Environment>, Error> {
        self.database()
            .read(|tx| {
                let found = rows(
                    tx,
                    "SELECT * FROM environments ORDER BY id",
                    [],
                    read_environment,
                )?;
                found.into_iter().map(|one| with_hosts(tx, one)).collect()
            })
            .await
    }

    /// Returns the environment of that name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn environment(&self, name: EnvironmentName) -> Result<Option<Environment>, Error> {
        self.database()
            .read(move |tx| environment_by_name(tx, &name))
            .await
    }

    /// Returns the names of a place, for people.
    ///
    /// # Errors
    /// When there is no such place, or the store fails.
    pub async fn place_names(&self, place: Place) -> Result<(Project, Environment), Error> {
        self.database()
            .read(move |tx| {
                let project = first(
                    tx,
                    "SELECT * FROM projects WHERE id = ?1",
                    [place.project.0],
                    read_project,
                )?;
                let environment = first(
                    tx,
                    "SELECT * FROM environments WHERE id = ?1",
                    [place.environment.0],
                    read_environment,
                )?;
                match (project, environment) {
                    (Some(project), Some(environment)) => {
                        Ok((project, with_hosts(tx, environment)?))
                    }
                    _ => Err(Error::NotFound("such project and environment".to_owned())),
                }
            })
            .await
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
        self.database()
            .write(move |tx| {
                let made = change(
                    tx,
                    "INSERT INTO environments (name, built_in, created_at) VALUES (?1, 0, ?2)
                     ON CONFLICT DO NOTHING",
                    params![name.as_str(), now.as_millis()],
                )?;
                if made == 0 {
                    return Err(EnvironmentError::Exists(name));
                }
                let subject = format!("environment {name}");
                audit::add(tx, now, &actor, "environment.create", &subject, &json!({}))?;
                environment_by_name(tx, &name)?.ok_or(EnvironmentError::Unknown(name))
            })
            .await
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
        self.database()
            .write(move |tx| {
                let Some(before) = environment_by_name(tx, &name)? else {
                    return Err(EnvironmentError::Unknown(name));
                };
                if let Some(url) = &update.public_url {
                    set_public_url(tx, &before, url.as_deref(), now)?;
                }
                change_hosts(tx, before.id, &update)?;
                let subject = format!("environment {name}");
                let details = json!({
                    "public_url": update.public_url,
                    "allow": update.allow.iter().map(host_text).collect::<Vec<_>>(),
                    "disallow": update.disallow.iter().map(host_text).collect::<Vec<_>>(),
                });
                audit::add(tx, now, &actor, "environment.update", &subject, &details)?;
                environment_by_name(tx, &name)?.ok_or(EnvironmentError::Unknown(name))
            })
            .await
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
        self.database()
            .write(move |tx| {
                let Some(environment) = environment_by_name(tx, &name)? else {
                    return Err(EnvironmentError::Unknown(name));
                };
                if environment.built_in {
                    return Err(EnvironmentError::BuiltIn(name));
                }
                let in_use = in_use(tx, environment.id)?;
                if !in_use.is_empty() {
                    return Err(EnvironmentError::InUse { name, in_use });
                }
                change(
                    tx,
                    "DELETE FROM environments WHERE id = ?1",
                    [environment.id.0],
                )?;
                let subject = format!("environment {name}");
                audit::add(tx, now, &actor, "environment.delete", &subject, &json!({}))?;
                Ok(())
            })
            .await
    }
}

fn read_project(row: &Row<'_>) -> Result<Project, Error> {
    Ok(Project {
        id: ProjectId(row.get("id")?),
        name: text(row, "name")?,
        created_at: time(row, "created_at")?,
    })
}

fn by_name(tx: &Connection, name: &ProjectName) -> Result<Option<Project>, Error> {
    first(
        tx,
        "SELECT * FROM projects WHERE name = ?1",
        [name.as_str()],
        read_project,
    )
}

fn read_environment(row: &Row<'_>) -> Result<Environment, Error> {
    Ok(Environment {
        id: EnvironmentId(row.get("id")?),
        name: text(row, "name")?,
        built_in: row.get("built_in")?,
        created_at: time(row, "created_at")?,
        public_url: row.get("public_url")?,
        allowed_hosts: Vec::new(),
    })
}

fn with_hosts(tx: &Connection, environment: Environment) -> Result<Environment, Error> {
    let allowed_hosts = rows(
        tx,
        "SELECT host, port FROM environment_hosts WHERE environment = ?1 ORDER BY host, port",
        [environment.id.0],
        |row| {
            let port: u16 = number(row, "port")?;
            Ok(HostPort {
                host: row.get("host")?,
                port: (port != 0).then_some(port),
            })
        },
    )?;
    Ok(Environment {
        allowed_hosts,
        ..environment
    })
}

fn environment_by_name(
    tx: &Connection,
    name: &EnvironmentName,
) -> Result<Option<Environment>, Error> {
    first(
        tx,
        "SELECT * FROM environments WHERE name = ?1",
        [name.as_str()],
        read_environment,
    )?
    .map(|found| with_hosts(tx, found))
    .transpose()
}

/// Sets the public URL; what hands it to providers has to be planned anew.
fn set_public_url(
    tx: &Connection,
    before: &Environment,
    url: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let url = url.map(|url| url.trim_end_matches('/'));
    if before.public_url.as_deref() == url {
        return Ok(());
    }
    change(
        tx,
        "UPDATE environments SET public_url = ?2 WHERE id = ?1",
        params![before.id.0, url],
    )?;
    for project in with_subscriptions(tx, before.id)? {
        let place = Place {
            project,
            environment: before.id,
        };
        reconfigure::mark(tx, place, "the public URL", now)?;
    }
    Ok(())
}

/// Returns the projects that have a live webhook with subscription hooks in an environment.
fn with_subscriptions(
    tx: &Connection,
    environment: EnvironmentId,
) -> Result<BTreeSet<ProjectId>, Error> {
    let webhooks = rows(
        tx,
        "SELECT project, spec FROM objects WHERE environment = ?1 AND kind = 'webhook' AND live = 1",
        [environment.0],
        |row| Ok((ProjectId(row.get("project")?), json::<Object>(row, "spec")?)),
    )?;
    Ok(webhooks
        .into_iter()
        .filter(|(_, object)| match object {
            Object::Webhook(webhook) => webhook.hooks.subscription,
            Object::Integration(_)
            | Object::Action(_)
            | Object::Workflow(_)
            | Object::AppEvent(_) => false,
        })
        .map(|(project, _)| project)
        .collect())
}

fn change_hosts(
    tx: &Connection,
    environment: EnvironmentId,
    update: &EnvironmentUpdate,
) -> Result<(), Error> {
    for host in &update.disallow {
        change(
            tx,
            "DELETE FROM environment_hosts WHERE environment = ?1 AND host = ?2 AND port = ?3",
            params![environment.0, host.host, host.port.unwrap_or(0)],
        )?;
    }
    for host in &update.allow {
        change(
            tx,
            "INSERT INTO environment_hosts (environment, host, port) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
            params![environment.0, host.host, host.port.unwrap_or(0)],
        )?;
    }
    Ok(())
}

fn host_text(host: &HostPort) -> String {
    match host.port {
        Some(port) => format!("{}:{port}", host.host),
        None => host.host.clone(),
    }
}

/// Says what keeps an environment from being deleted; a look for what may be left of a
/// registration that is over does not, unless it is under way.
fn in_use(tx: &Connection, environment: EnvironmentId) -> Result<Vec<String>, Error> {
    rows(
        tx,
        "SELECT p.name,
           (SELECT count(*) FROM objects o
             WHERE o.project = p.id AND o.environment = ?1 AND o.live = 1) AS live,
           (SELECT count(*) FROM registrations r
             WHERE r.project = p.id AND r.environment = ?1
               AND r.state NOT IN ('gone', 'forgotten')) AS registered,
           (SELECT count(*) FROM steps s JOIN registrations r ON r.id = s.registration
             WHERE s.project = p.id AND s.environment = ?1
               AND s.state NOT IN ('done', 'superseded', 'forgotten')
               AND (s.state = 'running' OR r.state NOT IN ('gone', 'forgotten'))) AS open
         FROM projects p ORDER BY p.name",
        [environment.0],
        |row| {
            let counts: (i64, i64, i64) =
                (row.get("live")?, row.get("registered")?, row.get("open")?);
            let name: String = row.get("name")?;
            Ok((counts != (0, 0, 0)).then(|| {
                format!(
                    "project {name} has {} live objects, {} subscriptions and {} open steps",
                    counts.0, counts.1, counts.2
                )
            }))
        },
    )
    .map(|found| found.into_iter().flatten().collect())
}
