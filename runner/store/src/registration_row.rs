//! A registration's row: reading it, making one, and the marks of what happens to it.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::declare::{ChangeOrder, Object};
use domain::{
    ArtifactDigest, DeployNumber, ObjectId, ObjectName, Place, Registration, RegistrationId,
    RegistrationState, Secret, Subject, SubscriptionBasis, Timestamp, UserId,
};
use rusqlite::{Connection, Row, params};

use crate::Error;
use crate::columns::{
    change, count, first, insert, json, rows, text, time_opt, to_json, versions, versions_to_json,
};
use crate::seal::{Keys, Spot};

/// The sealed columns.
pub(crate) const TOKEN: &str = "registrations.token_sealed";
pub(crate) const UNSUBSCRIBE: &str = "registrations.unsubscribe_sealed";
pub(crate) const SIGNING: &str = "registrations.signing_sealed";

/// For how long an address stays open after an overlapping replacement.
const OVERLAP: Duration = Duration::from_secs(72 * 3600);

/// Reads what the domain knows of a registration.
pub(crate) fn read(row: &Row<'_>) -> Result<Registration, Error> {
    Ok(Registration {
        id: RegistrationId(row.get("id")?),
        subject: subject(row)?,
        webhook: text(row, "webhook")?,
        owner: text(row, "owner")?,
        deploy: DeployNumber(row.get("deploy")?),
        basis: SubscriptionBasis {
            props: row.get("props")?,
            values: versions(row, "basis_values")?,
            public_url: row.get("public_url")?,
        },
        variables: json(row, "variables")?,
        state: text(row, "state")?,
        possible_double: row.get("possible_double")?,
        expires_at: time_opt(row, "expires_at")?,
        down_since: time_opt(row, "down_since")?,
    })
}

/// Reads the columns `object` and `user`.
pub(crate) fn subject(row: &Row<'_>) -> Result<Subject, Error> {
    Ok(Subject {
        object: ObjectId(row.get("object")?),
        user: row.get::<_, Option<String>>("user")?.map(UserId),
    })
}

/// Reads one registration with its place.
pub(crate) fn find(
    tx: &Connection,
    id: RegistrationId,
) -> Result<Option<(Place, Registration)>, Error> {
    first(
        tx,
        "SELECT * FROM registrations WHERE id = ?1",
        [id.0],
        |row| Ok((crate::columns::place(row)?, read(row)?)),
    )
}

/// A registration to be written.
pub(crate) struct NewRow<'a> {
    pub(crate) place: Place,
    pub(crate) subject: &'a Subject,
    pub(crate) webhook: &'a ObjectName,
    pub(crate) owner: ArtifactDigest,
    pub(crate) deploy: DeployNumber,
    pub(crate) basis: &'a SubscriptionBasis,
    pub(crate) variables: &'a BTreeMap<String, String>,
    pub(crate) state: RegistrationState,
    pub(crate) token: &'a Secret,
    pub(crate) key: &'a str,
    /// The registration besides which it was found; its address is that one's.
    pub(crate) found_beside: Option<RegistrationId>,
}

/// Writes a registration.
pub(crate) fn create(
    tx: &Connection,
    keys: &Keys,
    new: &NewRow<'_>,
    now: Timestamp,
) -> Result<RegistrationId, Error> {
    let hash = match new.found_beside {
        Some(_) => None,
        None => Some(keys.token_hash(new.token)),
    };
    let id = RegistrationId(insert(
        tx,
        "INSERT INTO registrations (project, environment, object, user, webhook, owner, deploy,
           props, basis_values, public_url, variables, state, created_at, token_sealed, token_hash,
           key, found_beside)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, x'', ?14, ?15, ?16)",
        params![
            new.place.project.0,
            new.place.environment.0,
            new.subject.object.0,
            new.subject.user.as_ref().map(|user| &user.0),
            new.webhook.as_str(),
            new.owner.to_string(),
            new.deploy.0,
            new.basis.props,
            versions_to_json(&new.basis.values),
            new.basis.public_url,
            to_json(new.variables),
            new.state.as_str(),
            now.as_millis(),
            hash,
            new.key,
            new.found_beside.map(|id| id.0)
        ],
    )?);
    // A seal is bound to its row, whose id is only known now.
    let sealed = seal(keys, id, TOKEN, new.token)?;
    change(
        tx,
        "UPDATE registrations SET token_sealed = ?2 WHERE id = ?1",
        params![id.0, sealed],
    )?;
    Ok(id)
}

/// Seals a value for a column of a registration.
pub(crate) fn seal(
    keys: &Keys,
    id: RegistrationId,
    column: &'static str,
    value: &Secret,
) -> Result<Vec<u8>, Error> {
    let row = id.to_string();
    keys.seal(Spot { column, row: &row }, value)
}

/// Opens a sealed column of a registration.
pub(crate) fn open(
    keys: &Keys,
    id: RegistrationId,
    column: &'static str,
    sealed: &[u8],
) -> Result<Secret, Error> {
    let row = id.to_string();
    keys.open(Spot { column, row: &row }, sealed)
}

/// Something that happens to a registration, for its history.
#[derive(Clone, Copy, Default)]
pub(crate) struct Event<'a> {
    pub(crate) what: &'a str,
    pub(crate) detail: Option<&'a str>,
    pub(crate) actor: Option<&'a str>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(what: &'a str) -> Self {
        Self {
            what,
            ..Self::default()
        }
    }
}

/// Adds to a registration's history.
pub(crate) fn record(
    tx: &Connection,
    id: RegistrationId,
    state: RegistrationState,
    event: Event<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    change(
        tx,
        "INSERT INTO registration_events (registration, at, event, state, detail, actor)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            id.0,
            now.as_millis(),
            event.what,
            state.as_str(),
            event.detail,
            event.actor
        ],
    )
    .map(drop)
}

/// Moves a registration to a state and adds that to its history.
pub(crate) fn set_state(
    tx: &Connection,
    id: RegistrationId,
    state: RegistrationState,
    event: Event<'_>,
    now: Timestamp,
) -> Result<(), Error> {
    change(
        tx,
        "UPDATE registrations SET state = ?2,
           down_since = CASE WHEN ?2 IN ('live', 'gone', 'forgotten') THEN NULL ELSE down_since END
         WHERE id = ?1",
        params![id.0, state.as_str()],
    )?;
    record(tx, id, state, event, now)
}

/// Closes the address of a registration that is over, at once.
pub(crate) fn close(tx: &Connection, id: RegistrationId, now: Timestamp) -> Result<(), Error> {
    change(
        tx,
        "UPDATE registrations SET token_hash = NULL, open_until = ?2 WHERE id = ?1",
        params![id.0, now.as_millis()],
    )
    .map(drop)
}

/// Sees to the address of a registration that is gone, and to who is down because of that.
pub(crate) fn went(
    tx: &Connection,
    place: Place,
    registration: &Registration,
    now: Timestamp,
) -> Result<(), Error> {
    let replaced = others(tx, place, registration, "'wanted', 'live', 'uncertain'")? > 0;
    if replaced && overlaps(tx, registration.subject.object)? {
        change(
            tx,
            "UPDATE registrations SET open_until = ?2 WHERE id = ?1",
            params![registration.id.0, now.after(OVERLAP).as_millis()],
        )?;
    } else {
        close(tx, registration.id, now)?;
    }
    note_down(tx, place, registration, now)
}

/// Notes that nothing delivers to a webhook any more, on what is to take a registration's place.
pub(crate) fn note_down(
    tx: &Connection,
    place: Place,
    registration: &Registration,
    now: Timestamp,
) -> Result<(), Error> {
    if others(tx, place, registration, "'live', 'leaving'")? > 0 {
        return Ok(());
    }
    change(
        tx,
        "UPDATE registrations SET down_since = ?5
         WHERE project = ?1 AND environment = ?2 AND object = ?3 AND user IS ?4
           AND state = 'wanted' AND down_since IS NULL",
        params![
            place.project.0,
            place.environment.0,
            registration.subject.object.0,
            registration.subject.user.as_ref().map(|user| &user.0),
            now.as_millis()
        ],
    )
    .map(drop)
}

/// Counts the other registrations of the same webhook and user in some states.
fn others(
    tx: &Connection,
    place: Place,
    registration: &Registration,
    states: &str,
) -> Result<i64, Error> {
    count(
        tx,
        &format!(
            "SELECT count(*) FROM registrations
             WHERE project = ?1 AND environment = ?2 AND object = ?3 AND user IS ?4
               AND id <> ?5 AND found_beside IS NULL AND state IN ({states})"
        ),
        params![
            place.project.0,
            place.environment.0,
            registration.subject.object.0,
            registration.subject.user.as_ref().map(|user| &user.0),
            registration.id.0
        ],
    )
}

/// Returns whether a webhook's subscriptions overlap while one replaces another.
fn overlaps(tx: &Connection, object: ObjectId) -> Result<bool, Error> {
    let object = first(
        tx,
        "SELECT spec FROM objects WHERE id = ?1",
        [object.0],
        |row| json::<Object>(row, "spec"),
    )?;
    Ok(match object {
        Some(Object::Webhook(webhook)) => webhook.order == ChangeOrder::Overlap,
        Some(
            Object::Integration(_) | Object::Action(_) | Object::Workflow(_) | Object::AppEvent(_),
        )
        | None => false,
    })
}

/// Names the sealed columns of registrations that do not open.
pub(crate) fn unreadable(tx: &Connection, keys: &Keys) -> Result<Vec<String>, Error> {
    let found = rows(
        tx,
        "SELECT id, token_sealed, unsubscribe_sealed, signing_sealed FROM registrations",
        [],
        |row| {
            let id = RegistrationId(row.get("id")?);
            let sealed = [
                (TOKEN, row.get::<_, Option<Vec<u8>>>("token_sealed")?),
                (UNSUBSCRIBE, row.get("unsubscribe_sealed")?),
                (SIGNING, row.get("signing_sealed")?),
            ];
            Ok(sealed
                .into_iter()
                .filter_map(|(column, sealed)| Some((column, sealed?)))
                .filter(|(column, sealed)| open(keys, id, column, sealed).is_err())
                .map(|(column, _)| format!("{column} of subscription {id}"))
                .collect::<Vec<_>>())
        },
    )?;
    Ok(found.into_iter().flatten().collect())
}
