//! Registrations that end by themselves: extended in time, or replaced.

use std::time::Duration;

use domain::declare::{ChangeOrder, Webhook};
use domain::{Place, RegistrationId, Secret, Timestamp};
use store::{Expiring, NewRegistrationSecrets, Replace, ReplaceError};

use crate::engine::Engine;
use crate::random;

/// However short its life, no registration is refreshed or replaced sooner after it was made.
const SOONEST: Duration = Duration::from_secs(30);

/// No registration is refreshed earlier than this before it expires.
const EARLIEST: Duration = Duration::from_secs(24 * 3600);

/// What keeps a webhook subscribed whose registration ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// It is extended.
    Refresh,
    /// Another is made.
    Replace,
}

impl Engine {
    /// Writes a step for every registration that is to be refreshed by now, or
    /// replaces it where it cannot be.
    pub(crate) async fn start_refreshes(&self, place: Place) -> Result<(), store::Error> {
        let now = self.clock.now();
        for expiring in self.store.expiring(place).await? {
            match self.remedy(&expiring, now).await? {
                Some((at, Remedy::Refresh)) if at <= now => {
                    self.store
                        .create_refresh(expiring.registration, now)
                        .await?;
                }
                Some((at, Remedy::Replace)) if at <= now => {
                    self.replace_expiring(place, expiring.registration, "it expires")
                        .await?;
                }
                Some(_) | None => {}
            }
        }
        Ok(())
    }

    /// Returns when the next registration is to be refreshed or replaced.
    pub(crate) async fn next_refresh(
        &self,
        place: Place,
    ) -> Result<Option<Timestamp>, store::Error> {
        let now = self.clock.now();
        let mut next = None;
        for expiring in self.store.expiring(place).await? {
            let at = self.remedy(&expiring, now).await?.map(|(at, _)| at);
            next = [next, at].into_iter().flatten().min();
        }
        Ok(next)
    }

    /// Says what keeps a webhook subscribed whose registration ends by itself, and when.
    async fn remedy(
        &self,
        expiring: &Expiring,
        now: Timestamp,
    ) -> Result<Option<(Timestamp, Remedy)>, store::Error> {
        let list = self.list_of(expiring.owner).await?;
        let has_hook = list
            .webhook(expiring.webhook.as_str())
            .is_some_and(|webhook| webhook.hooks.refresh);
        let can_refresh = has_hook && !expiring.refresh_refused && now < expiring.expires_at;
        Ok(if can_refresh {
            Some((refresh_at(expiring), Remedy::Refresh))
        } else if expiring.being_replaced {
            None
        } else if expiring.refresh_refused {
            Some((now, Remedy::Replace))
        } else {
            Some((refresh_at(expiring), Remedy::Replace))
        })
    }

    /// Replaces a registration by one that is made from the same, on the live artifact.
    pub(crate) async fn replace_expiring(
        &self,
        place: Place,
        registration: RegistrationId,
        reason: &str,
    ) -> Result<(), store::Error> {
        let Some(view) = self.store.registration(place, registration).await? else {
            return Ok(());
        };
        let Some((live, list)) = self.live_list(place).await? else {
            return Ok(());
        };
        // A webhook that is gone is unsubscribed by the deploy that removed it.
        let object = view.registration.subject.object;
        let Some(webhook) = self.store.live_name(object).await? else {
            return Ok(());
        };
        let Some(order) = list.webhook(webhook.as_str()).map(order_of) else {
            return Ok(());
        };
        let replaced = self
            .store
            .replace_registration(Replace {
                registration,
                reason: reason.to_owned(),
                owner: live.artifact,
                deploy: live.number,
                webhook,
                basis: view.registration.basis,
                secrets: NewRegistrationSecrets {
                    token: Secret::new(random::token()?),
                    key: random::key()?,
                    variables: view.registration.variables,
                },
                order,
                actor: self.actor(),
                now: self.clock.now(),
            })
            .await;
        match replaced {
            Ok(_) | Err(ReplaceError::Ending(_) | ReplaceError::Unknown(_)) => Ok(()),
            Err(ReplaceError::Running(step)) => Err(store::Error::Corrupt(format!(
                "step {step} runs while its registration is replaced"
            ))),
            Err(ReplaceError::Store(error)) => Err(error),
        }
    }
}

const fn order_of(webhook: &Webhook) -> ChangeOrder {
    webhook.order
}

/// Returns when a registration is to be refreshed: when a quarter of its life is left, a day at most.
fn refresh_at(expiring: &Expiring) -> Timestamp {
    let life = expiring.expires_at.since(expiring.since);
    let early = (life / 4).min(EARLIEST);
    expiring
        .since
        .after(life.saturating_sub(early).max(SOONEST))
}
