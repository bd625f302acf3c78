//! The addresses at which deliveries come: who gets one, and which are silent.

use std::collections::BTreeMap;

use domain::declare::{Signature, Webhook};
use domain::{CheckedList, EnvironmentName, Place, ProjectName, RegistrationId, Secret, Timestamp};
use store::{Address, AddressOf};

use super::report::{AddressReport, registration};
use crate::engine::Engine;
use crate::error::ReadError;
use crate::ingress::key_label;
use crate::props::public_url;
use crate::random;

impl Engine {
    /// Gives every live webhook that nobody subscribes for an address, in one place or in all.
    ///
    /// It keeps the address for as long as it is declared so, also while it is disabled.
    pub(crate) async fn give_addresses(&self, place: Option<Place>) -> Result<(), store::Error> {
        let missing = self.store.missing_endpoints(place).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let new = missing
            .into_iter()
            .map(|missing| Ok((missing, Secret::new(random::token()?))))
            .collect::<Result<_, store::Error>>()?;
        self.store.add_endpoints(new, self.clock.now()).await
    }

    /// Gives addresses to what a deploy has just made live; what fails is made good by the next
    /// owner, or the next deploy.
    pub(crate) async fn give_new_addresses(&self, place: Place) {
        if let Err(error) = self.give_addresses(Some(place)).await {
            tracing::warn!(%error, "webhooks could not be given addresses");
        }
    }

    /// Returns the addresses at which deliveries for a project's live webhooks come.
    ///
    /// # Errors
    /// When there is no such project or environment.
    pub async fn addresses(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
    ) -> Result<Vec<AddressReport>, ReadError> {
        let place = self.place(project, environment).await?;
        let stored = self.environment(environment).await?;
        let base = public_url(&stored.name, stored.public_url.as_deref());
        let Some((_, list)) = self.live_list(place).await? else {
            return Ok(Vec::new());
        };
        let now = self.clock.now();
        let addresses = self.store.addresses(place, now).await?;
        Ok(addresses
            .into_iter()
            .map(|address| AddressReport {
                url: by_hand(&address, base.as_deref()),
                silent_since: silent_since(&list, &address, now),
                webhook: address.webhook.to_string(),
                user: address.user,
                registration: registration(address.of),
                since: address.since,
                last_delivery_at: address.last_delivery_at,
            })
            .collect())
    }

    /// Returns the registrations that are silent, with since when.
    pub(crate) async fn silent_registrations(
        &self,
        place: Place,
    ) -> Result<BTreeMap<RegistrationId, Timestamp>, store::Error> {
        let Some((_, list)) = self.live_list(place).await? else {
            return Ok(BTreeMap::new());
        };
        if !list
            .webhooks()
            .any(|(_, webhook)| webhook.silence_seconds.is_some())
        {
            return Ok(BTreeMap::new());
        }
        let now = self.clock.now();
        let addresses = self.store.addresses(place, now).await?;
        Ok(addresses
            .iter()
            .filter_map(|address| {
                let since = silent_since(&list, address, now)?;
                Some((registration(address.of)?, since))
            })
            .collect())
    }

    /// Says what keeps deliveries away from the webhooks of a place, for its status.
    pub(crate) async fn delivery_notes(&self, place: Place) -> Result<Vec<String>, store::Error> {
        let Some((_, list)) = self.live_list(place).await? else {
            return Ok(Vec::new());
        };
        let mut notes = Vec::new();
        let values = self.values(place, &list).await?;
        for (name, webhook) in list.webhooks() {
            if let Some(domain::declare::SigningKey::Secret { name: secret }) =
                webhook.signature.key()
                && !values.secrets.contains_key(secret)
            {
                notes.push(format!(
                    "deliveries for webhook {name} cannot be verified, so they are turned away: {} is not set",
                    key_label(webhook.signature.key())
                ));
            }
        }
        if list
            .webhooks()
            .any(|(_, webhook)| webhook.silence_seconds.is_some())
        {
            let now = self.clock.now();
            for address in self.store.addresses(place, now).await? {
                if let Some(since) = silent_since(&list, &address, now) {
                    notes.push(format!(
                        "webhook {} has had no delivery since {since}, longer than it expects ({})",
                        address.webhook,
                        crate::ingress::address_label(address.of)
                    ));
                }
            }
        }
        Ok(notes)
    }
}

/// Writes the address that a person gives to a provider.
fn by_hand(address: &Address, base: Option<&str>) -> Option<String> {
    match address.of {
        AddressOf::Endpoint(_) => Some(url(base?, &address.token)),
        AddressOf::Registration(_) => None,
    }
}

pub(super) fn url(base: &str, token: &Secret) -> String {
    format!("{base}{}", path(token))
}

pub(super) fn path(token: &Secret) -> String {
    format!("/hooks/{}", token.expose())
}

fn silent_since(list: &CheckedList, address: &Address, now: Timestamp) -> Option<Timestamp> {
    let webhook: &Webhook = list.webhook(address.webhook.as_str())?;
    domain::silent_since(webhook, address.since, address.last_delivery_at, now)
}

/// Returns whether a webhook's deliveries are signed.
pub(super) fn is_signed(webhook: &Webhook) -> bool {
    webhook.signature != Signature::None
}
