//! The addresses that providers deliver to: finding who receives there, and making those of
//! webhooks that nobody subscribes for.

use domain::declare::{Object, SigningKey, Webhook};
use domain::{
    EndpointId, ObjectId, ObjectName, Place, RegistrationId, Secret, Timestamp, UserId, ValueKey,
    ValueKind, ValueVersions,
};
use rusqlite::{Connection, Row, params};

use crate::columns::{change, first, insert, json, rows, time, time_opt, versions};
use crate::registration_row::{self, SIGNING, TOKEN};
use crate::seal::{Keys, Spot};
use crate::{Error, Store, columns, values};

const ENDPOINT_TOKEN: &str = "endpoints.token_sealed";

/// What an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressOf {
    /// A subscription at a third party.
    Registration(RegistrationId),
    /// A webhook that nobody subscribes for.
    Endpoint(EndpointId),
}

/// Who receives at an address.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Where.
    pub place: Place,
    /// What the address belongs to.
    pub address: AddressOf,
    /// The webhook's object.
    pub object: ObjectId,
    /// The webhook as it is live.
    pub webhook: Webhook,
    /// The connected user whose deliveries come there.
    pub user: Option<UserId>,
    /// The keys that may have signed a delivery; none while there is no value.
    pub keys: Vec<Secret>,
}

/// A subject that has no address yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingEndpoint {
    /// Where.
    pub place: Place,
    /// The webhook's object.
    pub object: ObjectId,
    /// The connected user.
    pub user: Option<UserId>,
}

/// An address that people or providers have.
#[derive(Debug, Clone)]
pub struct Address {
    /// What it belongs to.
    pub of: AddressOf,
    /// The webhook's object.
    pub object: ObjectId,
    /// The webhook, by its name of today.
    pub webhook: ObjectName,
    /// The connected user.
    pub user: Option<UserId>,
    /// The token of the address.
    pub token: Secret,
    /// Since when deliveries may come there.
    pub since: Timestamp,
    /// When the last delivery came there.
    pub last_delivery_at: Option<Timestamp>,
}

impl Store {
    /// Finds who receives at the address with this token: its webhook is live and the address open.
    ///
    /// # Errors
    /// When a sealed secret does not open, or the store fails.
    pub async fn receiver(&self, token: Secret, now: Timestamp) -> Result<Option<Receiver>, Error> {
        let keys = self.keys();
        self.database()
            .read(move |tx| {
                let hash = keys.token_hash(&token);
                match subscribed(tx, &keys, &hash, now)? {
                    Some(found) => Ok(Some(found)),
                    None => fixed(tx, &keys, &hash),
                }
            })
            .await
    }

    /// Returns the live webhooks, and their users, that nobody subscribes for and that have no
    /// address: in one place, or in all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn missing_endpoints(
        &self,
        place: Option<Place>,
    ) -> Result<Vec<MissingEndpoint>, Error> {
        self.database()
            .read(move |tx| {
                rows(
                    tx,
                    "SELECT o.project, o.environment, o.id, u.user FROM objects o
                     LEFT JOIN connected_users u ON u.project = o.project
                       AND u.environment = o.environment AND o.spec ->> '$.per_user'
                     WHERE o.kind = 'webhook' AND o.live = 1
                       AND (?1 IS NULL OR (o.project = ?1 AND o.environment = ?2))
                       AND NOT o.spec ->> '$.hooks.subscription'
                       AND (u.user IS NOT NULL OR NOT o.spec ->> '$.per_user')
                       AND NOT EXISTS (
                         SELECT 1 FROM endpoints e WHERE e.object = o.id AND e.user IS u.user)
                     ORDER BY o.id, u.user",
                    params![
                        place.map(|place| place.project.0),
                        place.map(|place| place.environment.0)
                    ],
                    |row| {
                        Ok(MissingEndpoint {
                            place: columns::place(row)?,
                            object: ObjectId(row.get("id")?),
                            user: row.get::<_, Option<String>>("user")?.map(UserId),
                        })
                    },
                )
            })
            .await
    }

    /// Gives addresses, each with its random token, to those that still have none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add_endpoints(
        &self,
        new: Vec<(MissingEndpoint, Secret)>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let keys = self.keys();
        self.database()
            .write(move |tx| {
                for (missing, token) in &new {
                    add(tx, &keys, missing, token, now)?;
                }
                Ok(())
            })
            .await
    }

    /// Returns the open addresses of a place's live webhooks, by webhook and user; the newest first
    /// of those that one webhook has while one replaces another.
    ///
    /// # Errors
    /// When something sealed does not open, or the store fails.
    pub async fn addresses(&self, place: Place, now: Timestamp) -> Result<Vec<Address>, Error> {
        let keys = self.keys();
        self.database()
            .read(move |tx| addresses(tx, &keys, place, now))
            .await
    }
}

/// Finds a registration by the hash of its token.
fn subscribed(
    tx: &Connection,
    keys: &Keys,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Receiver>, Error> {
    let found = first(
        tx,
        "SELECT r.id, r.project, r.environment, r.object, r.user, r.signing_sealed,
           r.basis_values, o.spec
         FROM registrations r JOIN objects o ON o.id = r.object
         WHERE r.token_hash = ?1 AND (r.open_until IS NULL OR r.open_until > ?2) AND o.live = 1",
        params![hash, now.as_millis()],
        |row| {
            let id = RegistrationId(row.get("id")?);
            let sealed: Option<Vec<u8>> = row.get("signing_sealed")?;
            let issued = sealed
                .map(|sealed| registration_row::open(keys, id, SIGNING, &sealed))
                .transpose()?;
            let found = receiver(row, AddressOf::Registration(id))?;
            Ok((found, issued, versions(row, "basis_values")?))
        },
    )?;
    let Some((found, issued, basis)) = found else {
        return Ok(None);
    };
    let keys = match found.webhook.signature.key() {
        Some(SigningKey::Secret { name }) => {
            let with = version_of(&basis, name);
            values::signing_keys(tx, keys, found.place, name, with)?
        }
        Some(SigningKey::Issued) => issued.into_iter().collect(),
        None => Vec::new(),
    };
    Ok(Some(Receiver { keys, ..found }))
}

fn version_of(basis: &ValueVersions, secret: &str) -> Option<u64> {
    let key = ValueKey {
        kind: ValueKind::Secret,
        name: secret.to_owned(),
    };
    basis.get(&key).copied()
}

/// Finds the address of a webhook that nobody subscribes for by the hash of its token.
fn fixed(tx: &Connection, keys: &Keys, hash: &[u8; 32]) -> Result<Option<Receiver>, Error> {
    let found = first(
        tx,
        "SELECT e.id, e.project, e.environment, e.object, e.user, o.spec
         FROM endpoints e JOIN objects o ON o.id = e.object
         WHERE e.token_hash = ?1 AND o.live = 1",
        [hash],
        |row| receiver(row, AddressOf::Endpoint(EndpointId(row.get("id")?))),
    )?;
    // Once it subscribes, only its subscriptions' addresses count.
    let Some(found) = found.filter(|found| !found.webhook.hooks.subscription) else {
        return Ok(None);
    };
    let keys = match found.webhook.signature.key() {
        Some(SigningKey::Secret { name }) => {
            values::signing_keys(tx, keys, found.place, name, None)?
        }
        Some(SigningKey::Issued) | None => Vec::new(),
    };
    Ok(Some(Receiver { keys, ..found }))
}

fn receiver(row: &Row<'_>, address: AddressOf) -> Result<Receiver, Error> {
    Ok(Receiver {
        place: columns::place(row)?,
        address,
        object: ObjectId(row.get("object")?),
        webhook: webhook(row)?,
        user: row.get::<_, Option<String>>("user")?.map(UserId),
        keys: Vec::new(),
    })
}

fn webhook(row: &Row<'_>) -> Result<Webhook, Error> {
    match json(row, "spec")? {
        Object::Webhook(webhook) => Ok(webhook),
        Object::Integration(_) | Object::Action(_) | Object::Workflow(_) | Object::AppEvent(_) => {
            Err(Error::corrupt("an address belongs to what is no webhook"))
        }
    }
}

fn add(
    tx: &Connection,
    keys: &Keys,
    missing: &MissingEndpoint,
    token: &Secret,
    now: Timestamp,
) -> Result<(), Error> {
    let user = missing.user.as_ref().map(|user| &user.0);
    let there = first(
        tx,
        "SELECT 1 FROM endpoints WHERE object = ?1 AND user IS ?2",
        params![missing.object.0, user],
        |_| Ok(()),
    )?;
    if there.is_some() {
        return Ok(());
    }
    let id = insert(
        tx,
        "INSERT INTO endpoints
           (project, environment, object, user, token_sealed, token_hash, created_at)
         VALUES (?1, ?2, ?3, ?4, x'', ?5, ?6)",
        params![
            missing.place.project.0,
            missing.place.environment.0,
            missing.object.0,
            user,
            keys.token_hash(token),
            now.as_millis()
        ],
    )?;
    // A seal is bound to its row, whose id is only known now.
    let row = id.to_string();
    let sealed = keys.seal(spot(&row), token)?;
    change(
        tx,
        "UPDATE endpoints SET token_sealed = ?2 WHERE id = ?1",
        params![id, sealed],
    )
    .map(drop)
}

const fn spot(row: &str) -> Spot<'_> {
    Spot {
        column: ENDPOINT_TOKEN,
        row,
    }
}

fn addresses(
    tx: &Connection,
    keys: &Keys,
    place: Place,
    now: Timestamp,
) -> Result<Vec<Address>, Error> {
    let mut found = rows(
        tx,
        "SELECT r.id, r.object, r.user, r.token_sealed, r.last_delivery_at, o.spec,
           coalesce(r.recorded_at, r.created_at) AS since
         FROM registrations r JOIN objects o ON o.id = r.object
         WHERE r.project = ?1 AND r.environment = ?2 AND r.token_hash IS NOT NULL
           AND (r.open_until IS NULL OR r.open_until > ?3) AND o.live = 1
         ORDER BY r.id DESC",
        params![place.project.0, place.environment.0, now.as_millis()],
        |row| {
            let id = RegistrationId(row.get("id")?);
            let sealed: Vec<u8> = row.get("token_sealed")?;
            let token = registration_row::open(keys, id, TOKEN, &sealed)?;
            address(row, AddressOf::Registration(id), token).map(|(address, _)| address)
        },
    )?;
    let fixed = rows(
        tx,
        "SELECT e.id, e.object, e.user, e.token_sealed, e.last_delivery_at, o.spec,
           e.created_at AS since
         FROM endpoints e JOIN objects o ON o.id = e.object
         WHERE e.project = ?1 AND e.environment = ?2 AND o.live = 1 ORDER BY e.id",
        [place.project.0, place.environment.0],
        |row| {
            let id: i64 = row.get("id")?;
            let sealed: Vec<u8> = row.get("token_sealed")?;
            let token = keys.open(spot(&id.to_string()), &sealed)?;
            address(row, AddressOf::Endpoint(EndpointId(id)), token)
        },
    )?;
    found.extend(
        fixed
            .into_iter()
            .filter(|(_, webhook)| !webhook.hooks.subscription)
            .map(|(address, _)| address),
    );
    found.sort_by(|a, b| (&a.webhook, &a.user).cmp(&(&b.webhook, &b.user)));
    Ok(found)
}

fn address(row: &Row<'_>, of: AddressOf, token: Secret) -> Result<(Address, Webhook), Error> {
    let webhook = webhook(row)?;
    let address = Address {
        of,
        object: ObjectId(row.get("object")?),
        webhook: columns::known(&webhook.name)?,
        user: row.get::<_, Option<String>>("user")?.map(UserId),
        token,
        since: time(row, "since")?,
        last_delivery_at: time_opt(row, "last_delivery_at")?,
    };
    Ok((address, webhook))
}

/// Names the addresses whose tokens do not open.
pub(crate) fn unreadable(tx: &Connection, keys: &Keys) -> Result<Vec<String>, Error> {
    let found = rows(tx, "SELECT id, token_sealed FROM endpoints", [], |row| {
        let id: i64 = row.get("id")?;
        let sealed: Vec<u8> = row.get("token_sealed")?;
        let opened = keys.open(spot(&id.to_string()), &sealed);
        Ok(opened
            .is_err()
            .then(|| format!("{ENDPOINT_TOKEN} of address {id}")))
    })?;
    Ok(found.into_iter().flatten().collect())
}
