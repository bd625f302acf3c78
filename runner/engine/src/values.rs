//! The values and connected users of a place, as operations are granted them.

use std::collections::BTreeMap;

use domain::{CheckedList, Place, Secret, UserId, ValueKey, ValueKind};

use crate::engine::Engine;
use crate::grants::{User, Values};

impl Engine {
    /// Reads the values that the objects of a list use.
    pub(crate) async fn values(
        &self,
        place: Place,
        list: &CheckedList,
    ) -> Result<Values, store::Error> {
        let keys: Vec<ValueKey> = domain::values_used(list).into_iter().collect();
        let mut values = Values::default();
        for (key, held) in self.store.values_for(place, keys).await? {
            let name = key.name.clone();
            values.versions.insert(key.clone(), held.version);
            match key.kind {
                ValueKind::Secret => {
                    values.secrets.insert(name, held.value);
                }
                ValueKind::Variable => {
                    values
                        .variables
                        .insert(name, held.value.expose().to_owned());
                }
                ValueKind::AppConfig => {
                    values.app_config.insert(name, held.value);
                }
            }
        }
        Ok(values)
    }

    /// Reads the connected users of a place.
    pub(crate) async fn users(&self, place: Place) -> Result<Vec<User>, store::Error> {
        let users = self.store.users(place).await?;
        Ok(users.into_iter().map(user).collect())
    }

    /// Reads one connected user.
    pub(crate) async fn user(
        &self,
        place: Place,
        id: Option<&UserId>,
    ) -> Result<Option<User>, store::Error> {
        let Some(id) = id else {
            return Ok(None);
        };
        let users = self.users(place).await?;
        Ok(users.into_iter().find(|user| user.id == *id))
    }
}

fn user(stored: store::ConnectedUser) -> User {
    let mut user = User {
        id: stored.id,
        settings: BTreeMap::new(),
        accounts: BTreeMap::new(),
    };
    for account in stored.accounts {
        user.settings.extend(settings(&account.settings));
        if let Some(value) = account.credential {
            let credential = sandbox::Credential {
                value,
                scopes: account.scopes,
                expires_at_ms: None,
            };
            user.accounts.insert(account.integration, credential);
        }
    }
    user
}

/// Reads a user's settings, a JSON object, into one JSON text each.
fn settings(json: &Secret) -> BTreeMap<String, String> {
    serde_json::from_str::<BTreeMap<String, serde_json::Value>>(json.expose())
        .unwrap_or_default()
        .into_iter()
        .map(|(name, value)| (name, value.to_string()))
        .collect()
}
