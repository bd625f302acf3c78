//! Deliveries: accepted durably, many in one transaction, each known for a while by its key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{
    DeliveryId, EndpointId, ObjectId, ObjectName, Place, RegistrationId, RunId, RunStatus,
    Timestamp, UserId,
};
use rusqlite::{Connection, Row, params};

use crate::columns::{change, first, from_json, insert, number, rows, signed, text, time, to_json};
use crate::endpoints::AddressOf;
use crate::queue::{self, QueueRun};
use crate::runs::RunKind;
use crate::{Error, Store, columns};

/// A delivery whose signature was verified.
#[derive(Debug, Clone)]
pub struct Accept {
    /// Where.
    pub place: Place,
    /// The address at which it came.
    pub address: AddressOf,
    /// The webhook's object.
    pub object: ObjectId,
    /// The webhook's name.
    pub webhook: ObjectName,
    /// The connected user that it is for.
    pub user: Option<UserId>,
    /// When it came.
    pub received_at: Timestamp,
    /// What tells it from others, if anything does.
    pub dedupe: Option<String>,
    /// Its method.
    pub method: String,
    /// Its query, without anything of the address.
    pub query: String,
    /// Its headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is stored, and a run that handles it waits.
    Stored {
        /// The delivery.
        delivery: DeliveryId,
        /// The run.
        run: RunId,
    },
    /// It came before.
    Duplicate {
        /// The delivery that came first.
        delivery: DeliveryId,
    },
}

/// A delivery of the store, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Its id.
    pub id: DeliveryId,
    /// Where.
    pub place: Place,
    /// The address at which it came.
    pub address: AddressOf,
    /// The webhook's object.
    pub object: ObjectId,
    /// The webhook's name when it came.
    pub webhook: ObjectName,
    /// The connected user that it is for.
    pub user: Option<UserId>,
    /// When it came.
    pub received_at: Timestamp,
    /// What tells it from others.
    pub dedupe: Option<String>,
    /// How many bytes its body had.
    pub size: u64,
    /// Its method.
    pub method: String,
    /// Its query.
    pub query: String,
    /// Its headers, in order; none once its runs are gone.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The newest run that handles it; none once its runs are gone.
    pub run: Option<RunId>,
    /// How that run stands.
    pub status: Option<RunStatus>,
    /// How many attempts that run has had.
    pub attempts: u32,
}

/// Which deliveries are wanted.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Those of this webhook.
    pub webhook: Option<ObjectName>,
    /// Those whose newest run stands so.
    pub status: Option<RunStatus>,
    /// Those before this one.
    pub before: Option<DeliveryId>,
}

impl Store {
    /// Accepts deliveries in one transaction, each with the run that handles it; what came before,
    /// to the same webhook and user, is told apart by its key.
    ///
    /// # Errors
    /// When one of them cannot be stored; then none is.
    pub async fn accept_deliveries(
        &self,
        deliveries: Vec<Arc<Accept>>,
    ) -> Result<Vec<Accepted>, Error> {
        self.database()
            .write(move |tx| {
                let accepted = deliveries
                    .iter()
                    .map(|delivery| accept(tx, delivery))
                    .collect::<Result<_, Error>>()?;
                note_heard(tx, &deliveries)?;
                Ok(accepted)
            })
            .await
    }

    /// Queues another run for a delivery; its key stays what it is.
    ///
    /// # Errors
    /// When there is no such delivery, its content is gone, or the store fails.
    pub async fn replay_delivery(
        &self,
        delivery: DeliveryId,
        now: Timestamp,
    ) -> Result<RunId, Error> {
        self.database()
            .write(move |tx| {
                let found = first(
                    tx,
                    &format!("{SELECT} WHERE d.id = ?1 AND d.body IS NOT NULL"),
                    [delivery.0],
                    read,
                )?
                .ok_or_else(|| Error::NotFound(format!("delivery {delivery} with its content")))?;
                let name = first(
                    tx,
                    "SELECT name FROM objects WHERE id = ?1",
                    [found.object.0],
                    |row| text(row, "name"),
                )?;
                queue::enqueue(
                    tx,
                    &QueueRun {
                        trigger: "replay".to_owned(),
                        user: found.user,
                        delivery: Some(delivery),
                        replay_of: found.run,
                        ..QueueRun::new(
                            found.place,
                            RunKind::Webhook,
                            name.unwrap_or(found.webhook),
                            now,
                        )
                    },
                )
            })
            .await
    }

    /// Returns at most `limit` deliveries of a place, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deliveries(
        &self,
        place: Place,
        filter: DeliveryFilter,
        limit: u32,
    ) -> Result<Vec<DeliveryRecord>, Error> {
        self.database()
            .read(move |tx| {
                rows(
                    tx,
                    &format!(
                        "{SELECT} WHERE d.project = ?1 AND d.environment = ?2 AND d.id < ?3
                           AND (?4 IS NULL OR d.webhook = ?4) AND (?5 IS NULL OR r.status = ?5)
                         ORDER BY d.id DESC LIMIT ?6"
                    ),
                    params![
                        place.project.0,
                        place.environment.0,
                        filter.before.map_or(i64::MAX, |delivery| delivery.0),
                        filter.webhook.as_ref().map(ObjectName::as_str),
                        filter.status.map(RunStatus::as_str),
                        limit
                    ],
                    read,
                )
            })
            .await
    }

    /// Returns one delivery.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delivery(&self, delivery: DeliveryId) -> Result<Option<DeliveryRecord>, Error> {
        self.database()
            .read(move |tx| first(tx, &format!("{SELECT} WHERE d.id = ?1"), [delivery.0], read))
            .await
    }

    /// Returns a delivery's body; nothing once its runs are gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delivery_body(&self, delivery: DeliveryId) -> Result<Option<Vec<u8>>, Error> {
        self.database()
            .read(move |tx| {
                let sql = "SELECT body FROM deliveries WHERE id = ?1";
                Ok(first(tx, sql, [delivery.0], |row| Ok(row.get("body")?))?.flatten())
            })
            .await
    }

    /// Counts the runs that handle deliveries of a place, by how they stand.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn delivery_counts(&self, place: Place) -> Result<BTreeMap<RunStatus, u64>, Error> {
        self.database()
            .read(move |tx| {
                let counts = rows(
                    tx,
                    "SELECT status, count(*) AS many FROM runs
                     WHERE project = ?1 AND environment = ?2 AND delivery IS NOT NULL
                     GROUP BY status",
                    [place.project.0, place.environment.0],
                    |row| Ok((text(row, "status")?, number(row, "many")?)),
                )?;
                Ok(counts.into_iter().collect())
            })
            .await
    }

    /// Forgets deliveries without runs that came before an instant: they are known as duplicates
    /// no more. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn prune_deliveries(&self, before: Timestamp) -> Result<u64, Error> {
        self.database()
            .write(move |tx| {
                let gone = change(
                    tx,
                    "DELETE FROM deliveries WHERE body IS NULL AND received_at < ?1",
                    [before.as_millis()],
                )?;
                Ok(gone as u64)
            })
            .await
    }
}

const SELECT: &str = "SELECT d.id, d.project, d.environment, d.object, d.webhook, d.user,
    d.registration, d.endpoint, d.received_at, d.dedupe, d.size, d.method, d.query, d.headers,
    r.id AS run, r.status, r.attempts
  FROM deliveries d
  LEFT JOIN runs r ON r.id = (SELECT max(id) FROM runs WHERE delivery = d.id)";

fn accept(tx: &Connection, delivery: &Accept) -> Result<Accepted, Error> {
    if let Some(delivery) = known(tx, delivery)? {
        return Ok(Accepted::Duplicate { delivery });
    }
    let (registration, endpoint) = columns_of(delivery.address);
    let id = DeliveryId(insert(
        tx,
        "INSERT INTO deliveries (project, environment, object, webhook, user, registration,
           endpoint, received_at, dedupe, size, method, query, headers, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            delivery.place.project.0,
            delivery.place.environment.0,
            delivery.object.0,
            delivery.webhook.as_str(),
            delivery.user.as_ref().map(|user| &user.0),
            registration,
            endpoint,
            delivery.received_at.as_millis(),
            delivery.dedupe,
            signed(delivery.body.len()),
            delivery.method,
            delivery.query,
            headers_to_text(&delivery.headers),
            delivery.body
        ],
    )?);
    let run = queue::enqueue(
        tx,
        &QueueRun {
            trigger: format!("delivery {id}"),
            user: delivery.user.clone(),
            delivery: Some(id),
            ..QueueRun::new(
                delivery.place,
                RunKind::Webhook,
                delivery.webhook.clone(),
                delivery.received_at,
            )
        },
    )?;
    Ok(Accepted::Stored { delivery: id, run })
}

/// Returns the delivery that came before with the same key.
fn known(tx: &Connection, delivery: &Accept) -> Result<Option<DeliveryId>, Error> {
    let Some(dedupe) = &delivery.dedupe else {
        return Ok(None);
    };
    first(
        tx,
        "SELECT id FROM deliveries
         WHERE object = ?1 AND coalesce(user, '') = ?2 AND dedupe = ?3",
        params![
            delivery.object.0,
            delivery.user.as_ref().map_or("", |user| user.0.as_str()),
            dedupe
        ],
        |row| Ok(DeliveryId(row.get("id")?)),
    )
}

/// Notes for each address when it was heard of last; duplicates are heard too.
fn note_heard(tx: &Connection, deliveries: &[Arc<Accept>]) -> Result<(), Error> {
    let heard: BTreeSet<(AddressOf, Timestamp)> = deliveries
        .iter()
        .map(|delivery| (delivery.address, delivery.received_at))
        .collect();
    // In order, so that of one address the last time comes last.
    let last: BTreeMap<AddressOf, Timestamp> = heard.into_iter().collect();
    for (address, at) in last {
        let (sql, id) = match address {
            AddressOf::Registration(id) => (
                "UPDATE registrations SET last_delivery_at = ?2 WHERE id = ?1",
                id.0,
            ),
            AddressOf::Endpoint(id) => (
                "UPDATE endpoints SET last_delivery_at = ?2 WHERE id = ?1",
                id.0,
            ),
        };
        change(tx, sql, params![id, at.as_millis()])?;
    }
    Ok(())
}

const fn columns_of(address: AddressOf) -> (Option<i64>, Option<i64>) {
    match address {
        AddressOf::Registration(id) => (Some(id.0), None),
        AddressOf::Endpoint(id) => (None, Some(id.0)),
    }
}

fn read(row: &Row<'_>) -> Result<DeliveryRecord, Error> {
    let registration: Option<i64> = row.get("registration")?;
    let endpoint: Option<i64> = row.get("endpoint")?;
    let address = match (registration, endpoint) {
        (Some(id), None) => AddressOf::Registration(RegistrationId(id)),
        (None, Some(id)) => AddressOf::Endpoint(EndpointId(id)),
        (Some(_), Some(_)) | (None, None) => {
            return Err(Error::corrupt("a delivery has no address, or two"));
        }
    };
    let attempts: Option<i64> = row.get("attempts")?;
    Ok(DeliveryRecord {
        id: DeliveryId(row.get("id")?),
        place: columns::place(row)?,
        address,
        object: ObjectId(row.get("object")?),
        webhook: text(row, "webhook")?,
        user: row.get::<_, Option<String>>("user")?.map(UserId),
        received_at: time(row, "received_at")?,
        dedupe: row.get("dedupe")?,
        size: number(row, "size")?,
        method: row.get("method")?,
        query: row.get("query")?,
        headers: headers_from_text(&row.get::<_, String>("headers")?)?,
        run: row.get::<_, Option<i64>>("run")?.map(RunId),
        status: columns::text_opt(row, "status")?,
        attempts: attempts.map_or(0, |attempts| u32::try_from(attempts).unwrap_or(u32::MAX)),
    })
}

/// Writes headers as JSON pairs, a letter for each byte: HTTP says nothing of how they are encoded.
fn headers_to_text(headers: &[(String, Vec<u8>)]) -> String {
    let pairs: Vec<(&str, String)> = headers
        .iter()
        .map(|(name, value)| {
            let value = value.iter().copied().map(char::from).collect();
            (name.as_str(), value)
        })
        .collect();
    to_json(&pairs)
}

fn headers_from_text(text: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let pairs: Vec<(String, String)> = from_json(text)?;
    pairs
        .into_iter()
        .map(|(name, value)| {
            let bytes: Result<Vec<u8>, _> = value.chars().map(u8::try_from).collect();
            let bytes = bytes.map_err(|_| Error::corrupt(format!("the header `{name}`")))?;
            Ok((name, bytes))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headers_bytes_are_kept_whatever_they_are() {
        let all: Vec<u8> = (0..=255).collect();
        let headers = vec![("x".to_owned(), all), ("x".to_owned(), Vec::new())];
        let text = headers_to_text(&headers);
        assert_eq!(headers_from_text(&text).unwrap(), headers);
        assert_eq!(headers_from_text("").unwrap(), []);
        assert!(headers_from_text("[[\"x\",\"\u{100}\"]]").is_err());
    }
}
