//! The audit log: rows that are only ever added, each chained to the one before.

use domain::{Place, Timestamp};
use rusqlite::{Connection, Row, params};
use serde_json::Value;

use crate::columns::{change, first, json, number, rows, signed, time};
use crate::{Error, Store};

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its number, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done, a stable word such as `deploy.apply`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More of it.
    pub details: Value,
    /// The hash of this row and all before it, in hexadecimal.
    pub hash: String,
}

/// Where the chain of the audit log is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFault {
    /// The first row that does not fit.
    pub sequence: u64,
    /// What is wrong.
    pub what: String,
}

impl Store {
    /// Adds a row for what happened outside the store's own operations.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn append_audit(
        &self,
        actor: String,
        action: String,
        subject: String,
        details: Value,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.database()
            .write(move |tx| add(tx, now, &actor, &action, &subject, &details))
            .await
    }

    /// Returns at most `limit` rows before a number, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, Error> {
        let before = before.map_or(i64::MAX, signed);
        self.database()
            .read(move |tx| {
                rows(
                    tx,
                    "SELECT * FROM audit WHERE sequence < ?1 ORDER BY sequence DESC LIMIT ?2",
                    params![before, limit],
                    read_entry,
                )
            })
            .await
    }

    /// Verifies the chain; returns the first fault.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn verify_audit(&self) -> Result<Option<AuditFault>, Error> {
        self.database().read(|tx| verify(tx)).await
    }
}

/// Adds a row to the log, chained to the one before.
pub(crate) fn add(
    tx: &Connection,
    at: Timestamp,
    actor: &str,
    action: &str,
    subject: &str,
    details: &Value,
) -> Result<(), Error> {
    let (last, previous) = first(
        tx,
        "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1",
        [],
        |row| {
            Ok((
                row.get::<_, i64>("sequence")?,
                row.get::<_, Vec<u8>>("hash")?,
            ))
        },
    )?
    .unwrap_or_default();
    let entry = AuditEntry {
        sequence: u64::try_from(last + 1).map_err(|_| Error::corrupt("a negative audit row"))?,
        at,
        actor: actor.to_owned(),
        action: action.to_owned(),
        subject: subject.to_owned(),
        details: details.clone(),
        hash: String::new(),
    };
    change(
        tx,
        "INSERT INTO audit (sequence, at, actor, action, subject, details, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            last + 1,
            at.as_millis(),
            actor,
            action,
            subject,
            domain::canonical(details),
            chained(&previous, &entry)
        ],
    )
    .map(drop)
}

/// Names a place as the subject of an audit row.
pub(crate) fn subject(tx: &Connection, place: Place) -> Result<String, Error> {
    first(
        tx,
        "SELECT p.name AS project, e.name AS environment FROM projects p, environments e
         WHERE p.id = ?1 AND e.id = ?2",
        [place.project.0, place.environment.0],
        |row| {
            let project: String = row.get("project")?;
            let environment: String = row.get("environment")?;
            Ok(format!("{project}/{environment}"))
        },
    )?
    .ok_or_else(|| Error::NotFound("such project and environment".to_owned()))
}

/// Computes the hash of a row and all before it; each part stands with its length.
fn chained(previous: &[u8], entry: &AuditEntry) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(previous);
    hasher.update(&entry.sequence.to_le_bytes());
    hasher.update(&entry.at.as_millis().to_le_bytes());
    let details = domain::canonical(&entry.details);
    for part in [&entry.actor, &entry.action, &entry.subject, &details] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().as_bytes().to_vec()
}

fn read_entry(row: &Row<'_>) -> Result<AuditEntry, Error> {
    Ok(AuditEntry {
        sequence: number(row, "sequence")?,
        at: time(row, "at")?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        subject: row.get("subject")?,
        details: json(row, "details")?,
        hash: hex::encode(row.get::<_, Vec<u8>>("hash")?),
    })
}

/// Walks the chain from its beginning; a row at a time, however long it is.
pub(crate) fn verify(tx: &Connection) -> Result<Option<AuditFault>, Error> {
    let mut statement = tx.prepare_cached("SELECT * FROM audit ORDER BY sequence")?;
    let mut rows = statement.query([])?;
    let mut previous = Vec::new();
    let mut expected = 1;
    while let Some(row) = rows.next()? {
        let entry = read_entry(row)?;
        let fault = |what: &str| {
            Ok(Some(AuditFault {
                sequence: entry.sequence,
                what: what.to_owned(),
            }))
        };
        if entry.sequence != expected {
            return fault("rows before it are missing");
        }
        previous = chained(&previous, &entry);
        if hex::encode(&previous) != entry.hash {
            return fault("it, or a row before it, was changed");
        }
        expected += 1;
    }
    Ok(None)
}
