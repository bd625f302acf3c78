//! Values, public URLs and the deploys that follow when one of them changes.

use std::time::Duration;

use domain::{
    DeployCause, EnvironmentName, HostPort, Place, ProjectName, Secret, ValueKey, ValueKind,
};
use store::{DueReconfigure, EnvironmentError, EnvironmentUpdate, Force, UnsetError};

use crate::deploy::{Atomicity, Order, Origin, Removal};
use crate::engine::{Engine, Owner};
use crate::error::{ChangeError, DeployError, ReadError};
use crate::lease::LeaseWait;
use crate::observer::Observer;
use crate::props::value_label;
use crate::report::{DeployReport, EnvironmentReport, ValueChangeReport, ValueReport};

/// How long the steps of a reconfigure deploy are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which value, where.
#[derive(Debug, Clone)]
pub struct ValueRequest {
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The value.
    pub key: ValueKey,
}

/// What is to change about an environment.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentChange {
    /// The public URL; the inner `None` takes it away.
    pub public_url: Option<Option<String>>,
    /// Private hosts to allow.
    pub allow: Vec<HostPort>,
    /// Private hosts to allow no longer.
    pub disallow: Vec<HostPort>,
}

impl Owner {
    /// Sets a value. Where live objects use it, a reconfigure deploy follows:
    /// the value and the due reconfigure are stored together.
    ///
    /// # Errors
    /// When it could not be set. A reconfigure that fails stays due.
    pub async fn set_value(
        &self,
        request: ValueRequest,
        value: Secret,
        observer: &dyn Observer,
    ) -> Result<ValueChangeReport, ChangeError> {
        check_name(&request.key)?;
        let place = self
            .place_for(&request.project, &request.environment)
            .await?;
        let now = self.clock.now();
        let set = self
            .store
            .set_value(place, request.key.clone(), value, self.actor(), now)
            .await?;
        let reconfigure = self
            .reconfigure_if(set.reconfigure_due, place, observer)
            .await?;
        if reconfigure.is_none() {
            self.settle(place, Duration::ZERO, None).await?;
        }
        Ok(ValueChangeReport {
            value: self.value_report(place, &request.key).await?,
            changed: set.changed,
            reconfigure,
        })
    }

    /// Takes a value away.
    ///
    /// # Errors
    /// When a registration still needs it, unless forced.
    pub async fn unset_value(
        &self,
        request: ValueRequest,
        force: Force,
        observer: &dyn Observer,
    ) -> Result<ValueChangeReport, ChangeError> {
        let place = self.place(&request.project, &request.environment).await?;
        let now = self.clock.now();
        let unset = self
            .store
            .unset_value(place, request.key.clone(), force, self.actor(), now)
            .await
            .map_err(|error| match error {
                UnsetError::StillNeeded { owners } => ChangeError::ValueNeeded {
                    value: value_label(&request.key),
                    owners,
                },
                UnsetError::Store(error) => ChangeError::Store(error),
            })?;
        if !unset.was_set {
            return Err(ChangeError::ValueUnknown(value_label(&request.key)));
        }
        let reconfigure = self
            .reconfigure_if(unset.reconfigure_due, place, observer)
            .await?;
        Ok(ValueChangeReport {
            value: self.value_report(place, &request.key).await?,
            changed: true,
            reconfigure,
        })
    }

    async fn reconfigure_if(
        &self,
        due: bool,
        place: Place,
        observer: &dyn Observer,
    ) -> Result<Option<DeployReport>, ChangeError> {
        if !due {
            return Ok(None);
        }
        Ok(self.reconfigure_due(place, observer).await?)
    }

    /// Takes over what changed in a place, if anything waits for that.
    ///
    /// Changes that come while one is taken over wait, and are then taken over
    /// together; each of them reports the deploy that did it.
    pub(crate) async fn reconfigure_due(
        &self,
        place: Place,
        observer: &dyn Observer,
    ) -> Result<Option<DeployReport>, DeployError> {
        let asked = self.store.due_reconfigures(Some(place)).await?;
        let lock = self.reconfiguring.of(place);
        let _one_at_a_time = lock.lock().await;
        let due = self.store.due_reconfigures(Some(place)).await?;
        match (due.first(), asked.is_empty()) {
            (Some(due), _) => self.reconfigure(due, observer).await.map(Some),
            (None, true) => Ok(None),
            (None, false) => Ok(match self.store.live(place).await? {
                Some(live) => Some(self.deploy_report(place, live.number).await?),
                None => None,
            }),
        }
    }

    /// Deploys the live artifact of a place anew, with the values as they are now.
    async fn reconfigure(
        &self,
        due: &DueReconfigure,
        observer: &dyn Observer,
    ) -> Result<DeployReport, DeployError> {
        let place = due.place;
        // What a crash left to be undone must not be taken for what is live.
        self.resume_compensation(place, observer).await?;
        let (project, environment) = self.store.place_names(place).await?;
        let Some((live, list)) = self.live_list(place).await? else {
            self.store.reconfigure_done(place, due.generation).await?;
            return Err(ReadError::NothingLive {
                project: project.name,
                environment: environment.name,
            }
            .into());
        };
        let record = self.store.deploy(place, live.number).await?;
        let order = Order {
            place,
            project: project.name,
            environment: environment.name,
            cause: DeployCause::Reconfigure,
            origin: Origin::Earlier(live.artifact, list),
            version: record.and_then(|record| record.version),
            description: Some(due.causes.join(", ")),
            rollback_of: None,
            atomic: Atomicity::Plain,
            lease: LeaseWait::Wait,
            settle_timeout: PATIENCE,
            removal: Removal::AllowAll,
        };
        match self.carry_out(order, observer).await {
            // The transaction that made it live has also cleared what was due.
            Ok(report) => Ok(report),
            Err(error) => {
                let text = error.to_string();
                self.store.reconfigure_failed(place, text).await?;
                Err(error)
            }
        }
    }

    /// Makes an environment.
    ///
    /// # Errors
    /// When there is one of that name.
    pub async fn create_environment(
        &self,
        name: EnvironmentName,
    ) -> Result<EnvironmentReport, ChangeError> {
        let now = self.clock.now();
        let made = self.store.create_environment(name, self.actor(), now).await;
        Ok(crate::shape::environment_report(
            made.map_err(environment_error)?,
        ))
    }

    /// Changes an environment; a changed public URL resubscribes what is live there.
    ///
    /// # Errors
    /// When it could not be changed. A reconfigure that fails stays due.
    pub async fn update_environment(
        &self,
        name: &EnvironmentName,
        change: EnvironmentChange,
        observer: &dyn Observer,
    ) -> Result<(EnvironmentReport, Vec<DeployReport>), ChangeError> {
        if let Some(Some(url)) = &change.public_url {
            check_public_url(url)?;
        }
        let update = EnvironmentUpdate {
            public_url: change.public_url,
            allow: change.allow,
            disallow: change.disallow,
        };
        let updated = self
            .store
            .update_environment(name.clone(), update, self.actor(), self.clock.now())
            .await
            .map_err(environment_error)?;
        let mut deploys = Vec::new();
        for due in self.store.due_reconfigures(None).await? {
            if due.place.environment == updated.id {
                deploys.extend(self.reconfigure_due(due.place, observer).await?);
            }
        }
        Ok((crate::shape::environment_report(updated), deploys))
    }
}

impl Engine {
    pub(crate) async fn value_report(
        &self,
        place: Place,
        key: &ValueKey,
    ) -> Result<ValueReport, ChangeError> {
        let reports = self.value_reports(place, key.kind).await?;
        let known = reports.into_iter().find(|report| report.name == key.name);
        Ok(known.unwrap_or_else(|| ValueReport {
            kind: key.kind,
            name: key.name.clone(),
            set: false,
            version: None,
            set_at: None,
            value: None,
            used_by: Vec::new(),
        }))
    }
}

pub(crate) fn environment_error(error: EnvironmentError) -> ChangeError {
    match error {
        EnvironmentError::Exists(name) => ChangeError::EnvironmentExists(name),
        EnvironmentError::Unknown(name) => ReadError::EnvironmentUnknown(name).into(),
        EnvironmentError::BuiltIn(name) => ChangeError::EnvironmentBuiltIn(name),
        EnvironmentError::InUse { name, in_use } => ChangeError::EnvironmentInUse {
            environment: name,
            reason: in_use.join(", "),
        },
        EnvironmentError::Store(error) => ChangeError::Store(error),
    }
}

fn check_name(key: &ValueKey) -> Result<(), ChangeError> {
    let parts: Vec<&str> = match key.kind {
        ValueKind::Secret | ValueKind::Variable => vec![&key.name],
        ValueKind::AppConfig => key.name.splitn(2, '.').collect(),
    };
    for part in parts {
        part.parse::<domain::ValueName>()
            .map_err(|error| ChangeError::Invalid(error.to_string()))?;
    }
    Ok(())
}

/// Refuses what no provider could deliver to.
fn check_public_url(url: &str) -> Result<(), ChangeError> {
    let invalid = |reason: &str| {
        Err(ChangeError::Invalid(format!(
            "`{}` is no public URL: {reason}",
            url.escape_debug()
        )))
    };
    let Some(rest) = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))
    else {
        return invalid("it begins with neither http:// nor https://");
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.parse::<HostPort>().is_err() {
        return invalid("it needs a host, and a port at most");
    }
    if path.contains(['?', '#']) || !url.is_ascii() || url.contains(char::is_whitespace) {
        return invalid("it may have a path, and no query or fragment");
    }
    Ok(())
}
