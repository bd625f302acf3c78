//! Secrets, variables and app configuration, with their versions.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use domain::declare::{Auth, Object, Webhook};
use domain::{
    ArtifactDigest, CheckedList, ObjectKind, ObjectName, Place, RegistrationState, Secret,
    Timestamp, ValueKey, ValueKind, ValueVersions,
};
use rusqlite::{Connection, Row, params};
use serde_json::json;

use crate::columns::{change, count, first, number, rows, signed, text, time};
use crate::seal::{Keys, Spot};
use crate::{Error, Store, artifacts, audit, columns, journal, reconfigure};

/// What setting a value came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetValue {
    /// The value's version now.
    pub version: u64,
    /// Whether it was another value before, or none.
    pub changed: bool,
    /// Whether a reconfigure is due because of it.
    pub reconfigure_due: bool,
}

/// What unsetting a value came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsetValue {
    /// Whether it was set.
    pub was_set: bool,
    /// Whether a reconfigure is due because of it.
    pub reconfigure_due: bool,
}

/// Says why a value was not unset.
#[derive(Debug, thiserror::Error)]
pub enum UnsetError {
    /// A subscription could not be ended or renewed without it.
    #[error("it is still needed by {}; use --force to unset it all the same", owners.join(", "))]
    StillNeeded {
        /// The webhooks with their owners.
        owners: Vec<String>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A value in a list; a secret's value is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueEntry {
    /// Its key.
    pub key: ValueKey,
    /// Its version; it never goes back.
    pub version: u64,
    /// Whether it is set now.
    pub set: bool,
    /// When it was last set or unset.
    pub changed_at: Timestamp,
    /// The value of a variable that is set; never a secret's or app configuration's.
    pub value: Option<String>,
    /// Whether a live object uses it.
    pub used: bool,
}

/// A value as a guest gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldValue {
    /// The value.
    pub value: Secret,
    /// Its version.
    pub version: u64,
}

impl Store {
    /// Sets a value; the same value again changes nothing.
    ///
    /// In the same transaction a reconfigure becomes due if a live object uses
    /// it, and steps that waited for it, or failed with it, become due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_value(
        &self,
        place: Place,
        key: ValueKey,
        value: Secret,
        actor: String,
        now: Timestamp,
    ) -> Result<SetValue, Error> {
        let keys = self.keys();
        self.database()
            .write(move |tx| {
                let before = held(tx, place, &key)?;
                let version = before.as_ref().map_or(0, |row| row.version);
                let now_held = before.map(|row| row.open(&keys, place, &key)).transpose()?;
                if now_held.flatten().as_ref() == Some(&value) {
                    return Ok(SetValue {
                        version,
                        changed: false,
                        reconfigure_due: false,
                    });
                }
                let version = version + 1;
                write(tx, &keys, place, &key, version, Some(&value), now)?;
                let reconfigure_due = changed(tx, place, &key, now)?;
                journal::value_set(tx, place, &key, now)?;
                log_change(tx, place, &key, "value.set", version, &actor, now)?;
                Ok(SetValue {
                    version,
                    changed: true,
                    reconfigure_due,
                })
            })
            .await
    }

    /// Unsets a value; its version is kept.
    ///
    /// # Errors
    /// When a registration still needs it and `force` is not given, or the store fails.
    pub async fn unset_value(
        &self,
        place: Place,
        key: ValueKey,
        force: Force,
        actor: String,
        now: Timestamp,
    ) -> Result<UnsetValue, UnsetError> {
        let keys = self.keys();
        self.database()
            .write(move |tx| {
                let Some(version) = held(tx, place, &key)?
                    .filter(Held::is_set)
                    .map(|row| row.version)
                else {
                    return Ok(UnsetValue {
                        was_set: false,
                        reconfigure_due: false,
                    });
                };
                if force == Force::No {
                    let owners = still_needing(tx, place, &key)?;
                    if !owners.is_empty() {
                        return Err(UnsetError::StillNeeded { owners });
                    }
                }
                let version = version + 1;
                write(tx, &keys, place, &key, version, None, now)?;
                let reconfigure_due = changed(tx, place, &key, now)?;
                log_change(tx, place, &key, "value.unset", version, &actor, now)?;
                Ok(UnsetValue {
                    was_set: true,
                    reconfigure_due,
                })
            })
            .await
    }

    /// Lists the values that are or were set, by kind and name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_values(&self, place: Place) -> Result<Vec<ValueEntry>, Error> {
        self.database()
            .read(move |tx| {
                let entries = rows(
                    tx,
                    "SELECT h.*, EXISTS (SELECT 1 FROM object_values u
                         WHERE u.project = h.project AND u.environment = h.environment
                           AND u.kind = h.kind AND u.name = h.name) AS used
                     FROM held_values h WHERE h.project = ?1 AND h.environment = ?2
                     ORDER BY h.kind, h.name",
                    [place.project.0, place.environment.0],
                    |row| {
                        let held = read_held(row)?;
                        Ok(ValueEntry {
                            key: read_key(row)?,
                            version: held.version,
                            set: held.is_set(),
                            changed_at: time(row, "changed_at")?,
                            used: row.get("used")?,
                            value: held.plain,
                        })
                    },
                )?;
                Ok(entries)
            })
            .await
    }

    /// Reads these values as far as they are set.
    ///
    /// # Errors
    /// When one does not open, or the store fails.
    pub async fn values_for(
        &self,
        place: Place,
        keys: Vec<ValueKey>,
    ) -> Result<BTreeMap<ValueKey, HeldValue>, Error> {
        let sealing = self.keys();
        self.database()
            .read(move |tx| {
                let mut found = BTreeMap::new();
                for key in keys {
                    let Some(row) = held(tx, place, &key)? else {
                        continue;
                    };
                    let version = row.version;
                    if let Some(value) = row.open(&sealing, place, &key)? {
                        found.insert(key, HeldValue { value, version });
                    }
                }
                Ok(found)
            })
            .await
    }
}

/// Whether something is done although it leaves something behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// It is not.
    No,
    /// It is.
    Yes,
}

/// A value's row.
struct Held {
    version: u64,
    plain: Option<String>,
    sealed: Option<Vec<u8>>,
}

impl Held {
    fn is_set(&self) -> bool {
        self.plain.is_some() || self.sealed.is_some()
    }

    fn open(self, keys: &Keys, place: Place, key: &ValueKey) -> Result<Option<Secret>, Error> {
        match (self.plain, self.sealed) {
            (Some(plain), _) => Ok(Some(Secret::new(plain))),
            (None, Some(sealed)) => {
                let row = row_of(place, key, self.version);
                keys.open(spot(&row), &sealed).map(Some)
            }
            (None, None) => Ok(None),
        }
    }
}

fn spot(row: &str) -> Spot<'_> {
    Spot {
        column: "held_values.sealed",
        row,
    }
}

fn row_of(place: Place, key: &ValueKey, version: u64) -> String {
    format!(
        "{}/{}/{}/{}/{version}",
        place.project,
        place.environment,
        key.kind.as_str(),
        key.name
    )
}

fn read_key(row: &Row<'_>) -> Result<ValueKey, Error> {
    Ok(ValueKey {
        kind: text(row, "kind")?,
        name: row.get("name")?,
    })
}

fn read_held(row: &Row<'_>) -> Result<Held, Error> {
    Ok(Held {
        version: number(row, "version")?,
        plain: row.get("plain")?,
        sealed: row.get("sealed")?,
    })
}

fn held(tx: &Connection, place: Place, key: &ValueKey) -> Result<Option<Held>, Error> {
    first(
        tx,
        "SELECT * FROM held_values
         WHERE project = ?1 AND environment = ?2 AND kind = ?3 AND name = ?4",
        params![
            place.project.0,
            place.environment.0,
            key.kind.as_str(),
            key.name
        ],
        read_held,
    )
}

/// How many former values of a secret are kept.
const FORMER: u64 = 3;

/// Keeps what a secret was, as it is sealed: the seal names the version.
fn keep_former(tx: &Connection, place: Place, key: &ValueKey, version: u64) -> Result<(), Error> {
    let (project, environment) = (place.project.0, place.environment.0);
    change(
        tx,
        "INSERT INTO former_secrets (project, environment, name, version, sealed)
         SELECT project, environment, name, version, sealed FROM held_values
         WHERE project = ?1 AND environment = ?2 AND name = ?3 AND kind = 'secret'
           AND sealed IS NOT NULL
         ON CONFLICT DO NOTHING",
        params![project, environment, key.name],
    )?;
    change(
        tx,
        "DELETE FROM former_secrets
         WHERE project = ?1 AND environment = ?2 AND name = ?3 AND version < ?4",
        params![
            project,
            environment,
            key.name,
            signed(version.saturating_sub(FORMER))
        ],
    )
    .map(drop)
}

/// Returns the keys that may have signed what comes to an address: the secret as it is, and, where
/// it was subscribed with an earlier version of it, that one. None once the secret is unset.
pub(crate) fn signing_keys(
    tx: &Connection,
    keys: &Keys,
    place: Place,
    name: &str,
    subscribed_with: Option<u64>,
) -> Result<Vec<Secret>, Error> {
    let key = ValueKey {
        kind: ValueKind::Secret,
        name: name.to_owned(),
    };
    let Some(held) = held(tx, place, &key)? else {
        return Ok(Vec::new());
    };
    let version = held.version;
    let Some(value) = held.open(keys, place, &key)? else {
        return Ok(Vec::new());
    };
    let Some(former) = subscribed_with.filter(|former| *former != version) else {
        return Ok(vec![value]);
    };
    let sealed = first(
        tx,
        "SELECT sealed FROM former_secrets
         WHERE project = ?1 AND environment = ?2 AND name = ?3 AND version = ?4",
        params![place.project.0, place.environment.0, name, signed(former)],
        |row| Ok(row.get::<_, Vec<u8>>("sealed")?),
    )?;
    let former = sealed
        .map(|sealed| keys.open(spot(&row_of(place, &key, former)), &sealed))
        .transpose()?;
    Ok([Some(value), former].into_iter().flatten().collect())
}

/// Writes a value; variables are kept as they are, the others sealed.
fn write(
    tx: &Connection,
    keys: &Keys,
    place: Place,
    key: &ValueKey,
    version: u64,
    value: Option<&Secret>,
    now: Timestamp,
) -> Result<(), Error> {
    if key.kind == ValueKind::Secret {
        keep_former(tx, place, key, version)?;
    }
    let (plain, sealed) = match (key.kind, value) {
        (_, None) => (None, None),
        (ValueKind::Variable, Some(value)) => (Some(value.expose()), None),
        (ValueKind::Secret | ValueKind::AppConfig, Some(value)) => {
            let row = row_of(place, key, version);
            (None, Some(keys.seal(spot(&row), value)?))
        }
    };
    change(
        tx,
        "INSERT INTO held_values
           (project, environment, kind, name, version, plain, sealed, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET version = excluded.version, plain = excluded.plain,
           sealed = excluded.sealed, changed_at = excluded.changed_at",
        params![
            place.project.0,
            place.environment.0,
            key.kind.as_str(),
            key.name,
            signed(version),
            plain,
            sealed,
            now.as_millis()
        ],
    )
    .map(drop)
}

/// Makes a reconfigure due if a live object uses the value; returns whether one is.
fn changed(tx: &Connection, place: Place, key: &ValueKey, now: Timestamp) -> Result<bool, Error> {
    let users = count(
        tx,
        "SELECT count(*) FROM object_values
         WHERE project = ?1 AND environment = ?2 AND kind = ?3 AND name = ?4",
        params![
            place.project.0,
            place.environment.0,
            key.kind.as_str(),
            key.name
        ],
    )?;
    if users > 0 {
        reconfigure::mark(tx, place, &label(key), now)?;
    }
    Ok(users > 0)
}

/// Names a value in words, as `Step::awaiting` has it.
pub(crate) fn label(key: &ValueKey) -> String {
    format!("{} {}", key.kind.as_str(), key.name)
}

fn log_change(
    tx: &Connection,
    place: Place,
    key: &ValueKey,
    action: &str,
    version: u64,
    actor: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let subject = audit::subject(tx, place)?;
    let details = json!({ "value": label(key), "version": version });
    audit::add(tx, now, actor, action, &subject, &details)
}

/// Names the registrations whose hooks cannot run without a value.
fn still_needing(tx: &Connection, place: Place, key: &ValueKey) -> Result<Vec<String>, Error> {
    let standing = rows(
        tx,
        "SELECT id, webhook, owner, deploy, state FROM registrations
         WHERE project = ?1 AND environment = ?2 AND state NOT IN ('gone', 'forgotten')
         ORDER BY id",
        [place.project.0, place.environment.0],
        |row| {
            Ok((
                row.get::<_, i64>("id")?,
                text::<ObjectName>(row, "webhook")?,
                text::<ArtifactDigest>(row, "owner")?,
                row.get::<_, i64>("deploy")?,
                text::<RegistrationState>(row, "state")?,
            ))
        },
    )?;
    let mut lists = BTreeMap::new();
    let mut owners = Vec::new();
    for (id, webhook, owner, deploy, state) in standing {
        let list = match lists.entry(owner) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(artifacts::list_of(tx, owner)?),
        };
        // Where the owner's declarations are not known, it may need the value.
        let needs = list
            .as_ref()
            .is_none_or(|list| needs(list, &webhook, key, state));
        if needs {
            owners.push(format!(
                "webhook {webhook} (subscription {id} of deploy {deploy})"
            ));
        }
    }
    Ok(owners)
}

/// Returns whether the hooks of a webhook cannot run without a value.
fn needs(
    list: &CheckedList,
    webhook: &ObjectName,
    key: &ValueKey,
    state: RegistrationState,
) -> bool {
    let Some(webhook) = list.webhook(webhook.as_str()) else {
        return true;
    };
    match key.kind {
        ValueKind::Secret => webhook
            .secrets
            .iter()
            .any(|used| used.name == key.name && !used.optional),
        // What has subscribed sees the variables recorded then.
        ValueKind::Variable => {
            state == RegistrationState::Wanted
                && webhook
                    .variables
                    .iter()
                    .any(|used| used.name == key.name && !used.optional && used.default.is_none())
        }
        ValueKind::AppConfig => uses_app_config(list, webhook, &key.name),
    }
}

fn uses_app_config(list: &CheckedList, webhook: &Webhook, name: &str) -> bool {
    let Some((integration, entry)) = name.split_once('.') else {
        return false;
    };
    if webhook.integration.as_deref() != Some(integration) {
        return false;
    }
    match list
        .find(ObjectKind::Integration, integration)
        .map(|item| &item.object)
    {
        Some(Object::Integration(found)) => match &found.auth {
            Auth::Oauth2 { app_config, .. } => app_config.iter().any(|one| one == entry),
            Auth::None | Auth::Basic | Auth::ApiKey { .. } => false,
        },
        Some(
            Object::Action(_) | Object::Webhook(_) | Object::Workflow(_) | Object::AppEvent(_),
        )
        | None => false,
    }
}

/// Returns whether the hooks of a webhook use a value at all.
pub(crate) fn uses(list: &CheckedList, webhook: &ObjectName, key: &ValueKey) -> bool {
    let Some(webhook) = list.webhook(webhook.as_str()) else {
        return false;
    };
    match key.kind {
        ValueKind::Secret => webhook.secrets.iter().any(|used| used.name == key.name),
        ValueKind::Variable => webhook.variables.iter().any(|used| used.name == key.name),
        ValueKind::AppConfig => uses_app_config(list, webhook, &key.name),
    }
}

/// Reads the versions of all values that are set in a place.
pub(crate) fn versions(tx: &Connection, place: Place) -> Result<ValueVersions, Error> {
    let versions = rows(
        tx,
        "SELECT kind, name, version FROM held_values
         WHERE project = ?1 AND environment = ?2 AND (plain IS NOT NULL OR sealed IS NOT NULL)",
        [place.project.0, place.environment.0],
        |row| Ok((read_key(row)?, number(row, "version")?)),
    )?;
    Ok(versions.into_iter().collect())
}

/// Names the sealed values that do not open.
pub(crate) fn unreadable(tx: &Connection, keys: &Keys) -> Result<Vec<String>, Error> {
    let found = rows(
        tx,
        "SELECT * FROM held_values WHERE sealed IS NOT NULL",
        [],
        |row| {
            let (place, key) = (columns::place(row)?, read_key(row)?);
            let opened = read_held(row)?.open(keys, place, &key);
            Ok(opened.is_err().then(|| label(&key)))
        },
    )?;
    Ok(found.into_iter().flatten().collect())
}
