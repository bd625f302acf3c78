//! Which artifacts stay, why, and the removal of the others.

use std::collections::BTreeMap;
use std::path::Path;

use domain::{
    ArtifactDigest, DeployNumber, EnvironmentName, ProjectName, RegistrationId, RunId, Timestamp,
};
use rusqlite::{Connection, TransactionBehavior};

use crate::artifacts::file_of;
use crate::columns::{change, number, rows, text, time};
use crate::{Error, Store};

/// One artifact as the collection of garbage saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// The artifact.
    pub digest: ArtifactDigest,
    /// Its size in bytes.
    pub size: u64,
    /// What happens to it.
    pub fate: Fate,
}

/// What happens to an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Kept(Vec<KeepReason>),
    /// It is, or in a dry run would be, removed.
    Removed,
}

/// Why an artifact stays.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeepReason {
    /// It is live.
    Live(ProjectName, EnvironmentName),
    /// One of the last deploys of a place used it.
    Deploy(ProjectName, EnvironmentName, DeployNumber),
    /// A registration that is not over was made, or may have been made, by it.
    Registration(RegistrationId),
    /// A run of it has not ended.
    Run(RunId),
    /// It is too new to have been used.
    New,
}

impl Store {
    /// Removes the artifacts that nothing refers to, and says of each what became of it.
    ///
    /// Artifacts stored after `older_than` stay: a deploy may be about to use them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn collect_garbage(
        &self,
        mode: GarbageMode,
        older_than: Timestamp,
    ) -> Result<Vec<Collected>, Error> {
        let dir = self.dir().artifacts();
        self.database()
            .maintain(move |connection| {
                let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let collected = judge(&tx, older_than)?;
                if mode == GarbageMode::DryRun {
                    return Ok(collected);
                }
                for one in &collected {
                    if one.fate == Fate::Removed {
                        let sql = "DELETE FROM artifacts WHERE digest = ?1";
                        change(&tx, sql, [one.digest.to_string()])?;
                    }
                }
                tx.commit()?;
                // Files go after their rows, and before another write can
                // bring a row back: this thread makes all of them.
                for one in &collected {
                    if one.fate == Fate::Removed {
                        remove(&file_of(&dir, one.digest))?;
                    }
                }
                Ok(collected)
            })
            .await
    }
}

/// Whether garbage is removed or only named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GarbageMode {
    /// It is named.
    DryRun,
    /// It is removed.
    Remove,
}

/// How many deploys of each place keep their artifacts.
const DEPLOYS_KEPT: u32 = 20;

fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::file("remove", path, source)),
    }
}

/// Says of each artifact what is to become of it, by digest.
fn judge(tx: &Connection, older_than: Timestamp) -> Result<Vec<Collected>, Error> {
    let mut reasons = reasons(tx)?;
    rows(
        tx,
        "SELECT digest, size, created_at FROM artifacts ORDER BY digest",
        [],
        |row| {
            let digest: ArtifactDigest = text(row, "digest")?;
            let mut why = reasons.remove(&digest).unwrap_or_default();
            if time(row, "created_at")? > older_than {
                why.push(KeepReason::New);
            }
            why.sort();
            why.dedup();
            Ok(Collected {
                digest,
                size: number(row, "size")?,
                fate: if why.is_empty() {
                    Fate::Removed
                } else {
                    Fate::Kept(why)
                },
            })
        },
    )
}

type Reasons = BTreeMap<ArtifactDigest, Vec<KeepReason>>;

fn reasons(tx: &Connection) -> Result<Reasons, Error> {
    let mut reasons = Reasons::new();
    let mut add = |found: Vec<(ArtifactDigest, KeepReason)>| {
        for (digest, reason) in found {
            reasons.entry(digest).or_default().push(reason);
        }
    };
    add(rows(
        tx,
        "SELECT d.artifact, p.name AS project, e.name AS environment FROM deployments d
         JOIN projects p ON p.id = d.project JOIN environments e ON e.id = d.environment
         WHERE d.ended_at IS NULL",
        [],
        |row| {
            let reason = KeepReason::Live(text(row, "project")?, text(row, "environment")?);
            Ok((text(row, "artifact")?, reason))
        },
    )?);
    add(rows(
        tx,
        "SELECT artifact, number, project, environment FROM (
           SELECT d.artifact, d.number, p.name AS project, e.name AS environment,
             row_number() OVER (
               PARTITION BY d.project, d.environment ORDER BY d.number DESC) AS nth
           FROM deploys d
           JOIN projects p ON p.id = d.project JOIN environments e ON e.id = d.environment)
         WHERE nth <= ?1 AND artifact IS NOT NULL",
        [DEPLOYS_KEPT],
        |row| {
            let (project, environment) = (text(row, "project")?, text(row, "environment")?);
            let number = DeployNumber(row.get("number")?);
            let reason = KeepReason::Deploy(project, environment, number);
            Ok((text(row, "artifact")?, reason))
        },
    )?);
    // A step that is open may belong to a registration that is over: the
    // look for what an attempt may have left.
    add(rows(
        tx,
        "SELECT id, owner AS artifact FROM registrations
           WHERE state NOT IN ('gone', 'forgotten')
         UNION SELECT r.id, r.owner FROM registrations r JOIN steps s ON s.registration = r.id
           WHERE s.state NOT IN ('done', 'superseded', 'forgotten')
         UNION SELECT r.id, a.artifact FROM registrations r
           JOIN steps s ON s.registration = r.id JOIN step_attempts a ON a.step = s.id
           WHERE r.state NOT IN ('gone', 'forgotten')
             OR s.state NOT IN ('done', 'superseded', 'forgotten')",
        [],
        |row| {
            let reason = KeepReason::Registration(RegistrationId(row.get("id")?));
            Ok((text(row, "artifact")?, reason))
        },
    )?);
    add(rows(
        tx,
        "SELECT id, artifact FROM runs
         WHERE status IN ('running', 'retrying') AND artifact IS NOT NULL",
        [],
        |row| {
            let reason = KeepReason::Run(RunId(row.get("id")?));
            Ok((text(row, "artifact")?, reason))
        },
    )?);
    Ok(reasons)
}
