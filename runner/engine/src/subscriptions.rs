//! What people may do to registrations: retry, resubscribe, forget.

use std::time::Duration;

use domain::{
    EnvironmentName, ObjectName, Place, ProjectName, PropsOutcome, RegistrationId,
    RegistrationState, Secret,
};
use store::{ForgetError, NewRegistrationSecrets, Over, Replace, ReplaceError, RetrySelection};

use crate::engine::Owner;
use crate::error::{ChangeError, DeployFailure, ReadError};
use crate::grants;
use crate::props::Asking;
use crate::random;
use crate::report::RegistrationReport;

/// How long the steps of what a person asked for are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where registrations are.
#[derive(Debug, Clone)]
pub struct PlaceRequest {
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
}

/// Which registrations are meant.
#[derive(Debug, Clone)]
pub enum Selector {
    /// All of them.
    All,
    /// This one.
    Registration(RegistrationId),
    /// Those of this webhook.
    Webhook(ObjectName),
}

/// Which registrations a selector means, besides what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meant {
    /// All.
    Any,
    /// Those that are not ending.
    ToStay,
}

fn not_live(webhook: &ObjectName) -> ChangeError {
    ChangeError::Invalid(format!(
        "webhook {webhook} is not live with subscription hooks, so there is nothing to make anew"
    ))
}

impl Owner {
    /// Tries steps that failed, or wait for their next attempt, at once.
    ///
    /// # Errors
    /// When there is no such registration.
    pub async fn retry(
        &self,
        at: &PlaceRequest,
        selector: &Selector,
    ) -> Result<Vec<RegistrationReport>, ChangeError> {
        let place = self.place(&at.project, &at.environment).await?;
        let selected = self.select(place, selector, Meant::Any).await?;
        for id in &selected {
            let selection = RetrySelection::Registration(*id);
            let now = self.clock.now();
            self.store
                .retry_steps(place, selection, self.actor(), now)
                .await?;
        }
        self.settle(place, Duration::ZERO, None).await?;
        self.reports_of(place, &selected).await
    }

    /// Makes registrations anew on the live artifact, in the order that their webhook asks for.
    ///
    /// # Errors
    /// When there is no such registration, it is ending, or its webhook is not live.
    pub async fn resubscribe(
        &self,
        at: &PlaceRequest,
        selector: &Selector,
    ) -> Result<Vec<RegistrationReport>, ChangeError> {
        let place = self.place(&at.project, &at.environment).await?;
        let selected = self.select(place, selector, Meant::ToStay).await?;
        let mut made = Vec::new();
        let mut outcome = Ok(());
        for id in selected {
            match self.resubscribe_one(place, at, id).await {
                Ok(one) => made.extend(one),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        // What was replaced before one failed goes on all the same.
        self.settle(place, PATIENCE, None).await?;
        outcome?;
        self.reports_of(place, &made).await
    }

    async fn resubscribe_one(
        &self,
        place: Place,
        at: &PlaceRequest,
        id: RegistrationId,
    ) -> Result<Option<RegistrationId>, ChangeError> {
        let gate = self.gate(place);
        let view = self
            .store
            .registration(place, id)
            .await?
            .ok_or_else(|| ReadError::RegistrationUnknown(id.to_string()))?;
        let (live, list) = self
            .live_list(place)
            .await?
            .ok_or_else(|| ReadError::NothingLive {
                project: at.project.clone(),
                environment: at.environment.clone(),
            })?;
        let guest = self
            .guest(live.artifact)
            .await
            .map_err(DeployFailure::from)
            .map_err(crate::error::DeployError::from)?;
        let environment = self.environment(&at.environment).await?;
        let asking = Asking {
            place,
            environment: &environment,
            guest: guest.as_ref(),
            list: &list,
            recorder: None,
        };
        let asked = self
            .ask_props(&asking)
            .await
            .map_err(crate::error::DeployError::from)?;
        let registration = &view.registration;
        // By its object: the webhook may have another name by now.
        let object = registration.subject.object;
        let Some(name) = self.store.live_name(object).await? else {
            return Err(not_live(&registration.webhook));
        };
        let wanted = asked
            .props
            .iter()
            .find(|props| props.webhook == name && props.user == registration.subject.user);
        let basis = match wanted.map(|props| &props.outcome) {
            Some(PropsOutcome::Basis(basis)) => basis.clone(),
            Some(PropsOutcome::Unconfigured(missing)) => {
                return Err(ChangeError::Invalid(format!(
                    "webhook {} cannot be subscribed: {} not set",
                    registration.webhook,
                    missing.join(", ")
                )));
            }
            Some(PropsOutcome::Failed(error)) => return Err(ChangeError::Invalid(error.clone())),
            None => {
                return Err(not_live(&name));
            }
        };
        let (Some(item), Some(webhook)) = (
            list.find(domain::ObjectKind::Webhook, name.as_str()),
            list.webhook(name.as_str()),
        ) else {
            return Ok(None);
        };
        let _still = gate.write().await;
        let replaced = self
            .store
            .replace_registration(Replace {
                registration: id,
                reason: format!("{} asked for it", self.actor()),
                owner: live.artifact,
                deploy: live.number,
                webhook: name.clone(),
                basis,
                secrets: NewRegistrationSecrets {
                    token: Secret::new(random::token()?),
                    key: random::key()?,
                    variables: grants::variables_seen(&item.object, &asked.values),
                },
                order: webhook.order,
                actor: self.actor(),
                now: self.clock.now(),
            })
            .await;
        match replaced {
            Ok(replaced) => Ok(Some(replaced.registration)),
            Err(ReplaceError::Store(error)) => Err(error.into()),
            Err(
                error @ (ReplaceError::Unknown(_)
                | ReplaceError::Ending(_)
                | ReplaceError::Running(_)),
            ) => Err(ChangeError::Invalid(error.to_string())),
        }
    }

    /// Drops registrations, whatever the provider holds; what waited for them goes on.
    ///
    /// # Errors
    /// When there is no such registration, or it is over.
    pub async fn forget(
        &self,
        at: &PlaceRequest,
        selector: &Selector,
    ) -> Result<Vec<RegistrationReport>, ChangeError> {
        let place = self.place(&at.project, &at.environment).await?;
        let selected = self.select(place, selector, Meant::Any).await?;
        for id in &selected {
            self.forget_one(*id).await?;
        }
        self.settle(place, Duration::ZERO, None).await?;
        self.reports_of(place, &selected).await
    }

    pub(crate) async fn forget_one(&self, id: RegistrationId) -> Result<(), ChangeError> {
        let now = self.clock.now();
        match self.store.forget_registration(id, self.actor(), now).await {
            Ok(_) => Ok(()),
            Err(ForgetError::Store(error)) => Err(error.into()),
            Err(ForgetError::Unknown(id)) => {
                Err(ReadError::RegistrationUnknown(id.to_string()).into())
            }
            Err(error @ (ForgetError::Running(_) | ForgetError::Over(_))) => {
                Err(ChangeError::Invalid(error.to_string()))
            }
        }
    }

    /// Finds the registrations that are meant; those that are over, ending or
    /// beside another only by their id.
    async fn select(
        &self,
        place: Place,
        selector: &Selector,
        meant: Meant,
    ) -> Result<Vec<RegistrationId>, ChangeError> {
        let over = match selector {
            Selector::Registration(_) => Over::With,
            Selector::All | Selector::Webhook(_) => Over::Without,
        };
        let mut found = Vec::new();
        for view in self.store.registrations(place, over).await? {
            let stays = view.registration.state != RegistrationState::Leaving
                && view.found_beside.is_none();
            let chosen = match selector {
                Selector::All => meant == Meant::Any || stays,
                Selector::Registration(id) => view.registration.id == *id,
                Selector::Webhook(name) => {
                    let object = view.registration.subject.object;
                    (meant == Meant::Any || stays)
                        && (view.registration.webhook == *name
                            || self.store.live_name(object).await?.as_ref() == Some(name))
                }
            };
            if chosen {
                found.push(view.registration.id);
            }
        }
        let named = match selector {
            Selector::All => return Ok(found),
            Selector::Registration(id) => id.to_string(),
            Selector::Webhook(name) => format!("of webhook {name}"),
        };
        if found.is_empty() {
            return Err(ReadError::RegistrationUnknown(named).into());
        }
        Ok(found)
    }

    async fn reports_of(
        &self,
        place: Place,
        ids: &[RegistrationId],
    ) -> Result<Vec<RegistrationReport>, ChangeError> {
        let views = self.store.registrations(place, Over::With).await?;
        Ok(views
            .into_iter()
            .filter(|view| ids.contains(&view.registration.id))
            .map(|view| crate::shape::registration_report(view, crate::shape::Detail::Brief))
            .collect())
    }
}
