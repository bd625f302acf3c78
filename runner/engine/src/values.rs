//! The values and connected users of a place, as operations are granted them.

use std::collections::BTreeMap;

use domain::{
    CheckedList, EnvironmentName, Place, ProjectName, Secret, UserId, ValueKey, ValueKind,
};

use crate::engine::Engine;
use crate::error::ReadError;
use crate::grants::{User, Values};
use crate::report::ValueReport;

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

impl Engine {
    /// Returns the values of a kind that are set, were set, or that live objects use.
    ///
    /// # Errors
    /// When there is no such environment.
    pub async fn values_list(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        kind: ValueKind,
    ) -> Result<Vec<ValueReport>, ReadError> {
        let place = match self.place(project, environment).await {
            Ok(place) => place,
            Err(ReadError::ProjectUnknown(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(self.value_reports(place, kind).await?)
    }

    pub(crate) async fn value_reports(
        &self,
        place: Place,
        kind: ValueKind,
    ) -> Result<Vec<ValueReport>, store::Error> {
        let mut reports: BTreeMap<String, ValueReport> = BTreeMap::new();
        for entry in self.store.list_values(place).await? {
            if entry.key.kind == kind {
                reports.insert(
                    entry.key.name.clone(),
                    ValueReport {
                        kind,
                        name: entry.key.name,
                        set: entry.set,
                        version: Some(entry.version),
                        set_at: Some(entry.changed_at),
                        value: entry.value,
                        used_by: Vec::new(),
                    },
                );
            }
        }
        for (name, users) in self.used_values(place, kind).await? {
            let report = reports.entry(name.clone()).or_insert_with(|| ValueReport {
                kind,
                name,
                set: false,
                version: None,
                set_at: None,
                value: None,
                used_by: Vec::new(),
            });
            report.used_by = users;
        }
        Ok(reports.into_values().collect())
    }

    /// Returns the values that live objects use, each with the objects.
    async fn used_values(
        &self,
        place: Place,
        kind: ValueKind,
    ) -> Result<BTreeMap<String, Vec<String>>, store::Error> {
        let mut used: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let Some((_, list)) = self.live_list(place).await? else {
            return Ok(used);
        };
        for item in list.items() {
            let names: Vec<&String> = match kind {
                ValueKind::Secret => item.object.secrets().iter().map(|s| &s.name).collect(),
                ValueKind::Variable => item.object.variables().iter().map(|v| &v.name).collect(),
                ValueKind::AppConfig => Vec::new(),
            };
            for name in names {
                used.entry(name.clone())
                    .or_default()
                    .push(item.key.to_string());
            }
        }
        Ok(used)
    }
}

fn user(stored: store::ConnectedUser) -> User {
    let mut user = User {
        id: stored.id,
        settings: BTreeMap::new(),
        accounts: BTreeMap::new(),
    };
    for account in stored.accounts {
        user.settings
            .insert(account.integration.clone(), settings(&account.settings));
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
