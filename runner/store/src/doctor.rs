//! Whether what is stored is sound.

use std::fmt;
use std::path::Path;

use domain::ArtifactDigest;
use rusqlite::Connection;

use crate::artifacts::{file_of, is_sound};
use crate::columns::{count, rows, text};
use crate::seal::Keys;
use crate::{Error, Store, audit, endpoints, registration_row, schema, users, values};

/// Something that is wrong with the data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// SQLite found damage.
    Integrity(String),
    /// A row refers to one that is not there.
    DanglingReference(String),
    /// An artifact's file is not there.
    ArtifactMissing(ArtifactDigest),
    /// An artifact's file has other bytes.
    ArtifactDamaged(ArtifactDigest),
    /// Something sealed does not open.
    Unsealable(String),
    /// The audit log's chain is broken.
    Audit(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integrity(what) => write!(f, "the database is damaged: {what}"),
            Self::DanglingReference(what) => write!(f, "a row refers to nothing: {what}"),
            Self::ArtifactMissing(digest) => write!(f, "the file of artifact {digest} is missing"),
            Self::ArtifactDamaged(digest) => write!(f, "the file of artifact {digest} is damaged"),
            Self::Unsealable(what) => write!(f, "what is sealed does not open: {what}"),
            Self::Audit(what) => write!(f, "the audit log is broken: {what}"),
        }
    }
}

/// What the examination found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// The database's schema.
    pub schema: u32,
    /// How many rows the main tables have, by their names.
    pub counts: Vec<(&'static str, u64)>,
}

impl Store {
    /// Examines the database, the artifacts and the key.
    ///
    /// # Errors
    /// When the store fails so that nothing can be examined.
    pub async fn examine(&self) -> Result<Health, Error> {
        let dir = self.dir().artifacts();
        let keys = self.keys();
        let (mut problems, counts, artifacts) = self
            .database()
            .read(move |tx| {
                let mut problems = database(tx)?;
                problems.extend(sealed(tx, &keys)?);
                if let Some(fault) = audit::verify(tx)? {
                    problems.push(Problem::Audit(format!(
                        "row {}: {}",
                        fault.sequence, fault.what
                    )));
                }
                let artifacts: Vec<ArtifactDigest> = rows(
                    tx,
                    "SELECT digest FROM artifacts ORDER BY digest",
                    [],
                    |row| text(row, "digest"),
                )?;
                Ok::<_, Error>((problems, counts(tx)?, artifacts))
            })
            .await?;
        let files = tokio::task::spawn_blocking(move || files(&dir, &artifacts));
        problems.extend(files.await.map_err(|_| Error::Stopped)?);
        Ok(Health {
            problems,
            schema: schema::VERSION,
            counts,
        })
    }
}

/// The tables whose rows are counted.
const COUNTED: [&str; 10] = [
    "projects",
    "environments",
    "artifacts",
    "deploys",
    "objects",
    "registrations",
    "steps",
    "runs",
    "deliveries",
    "audit",
];

fn counts(tx: &Connection) -> Result<Vec<(&'static str, u64)>, Error> {
    COUNTED
        .into_iter()
        .map(|table| {
            let found = count(tx, &format!("SELECT count(*) FROM {table}"), [])?;
            Ok((table, found.unsigned_abs()))
        })
        .collect()
}

fn database(tx: &Connection) -> Result<Vec<Problem>, Error> {
    let mut problems = Vec::new();
    let words: Vec<String> = rows(tx, "PRAGMA integrity_check", [], |row| Ok(row.get(0)?))?;
    let wrong = words.into_iter().filter(|word| word != "ok");
    problems.extend(wrong.map(Problem::Integrity));
    problems.extend(rows(tx, "PRAGMA foreign_key_check", [], |row| {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        let text = format!("a row of {table} refers to a row of {parent} that is not there");
        Ok(Problem::DanglingReference(text))
    })?);
    Ok(problems)
}

/// Opens everything that is sealed.
fn sealed(tx: &Connection, keys: &Keys) -> Result<Vec<Problem>, Error> {
    let mut problems = values::unreadable(tx, keys)?;
    problems.extend(registration_row::unreadable(tx, keys)?);
    problems.extend(endpoints::unreadable(tx, keys)?);
    problems.extend(users::unreadable(tx, keys)?);
    Ok(problems.into_iter().map(Problem::Unsealable).collect())
}

fn files(dir: &Path, artifacts: &[ArtifactDigest]) -> Vec<Problem> {
    artifacts
        .iter()
        .filter_map(|digest| {
            let path = file_of(dir, *digest);
            if !path.is_file() {
                Some(Problem::ArtifactMissing(*digest))
            } else if is_sound(&path, *digest) {
                None
            } else {
                Some(Problem::ArtifactDamaged(*digest))
            }
        })
        .collect()
}
