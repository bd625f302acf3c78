//! Whether two databases hold the same, apart from what is random in them.

use anyhow::{Result, ensure};
use rusqlite::Connection;
use rusqlite::types::Value;

/// What is compared: each row of each table that applying writes.
const CONTENTS: [(&str, &str); 10] = [
    ("objects", "SELECT * FROM objects ORDER BY id"),
    (
        "relationships",
        "SELECT * FROM relationships ORDER BY from_object, relation, to_object",
    ),
    (
        "object_values",
        "SELECT * FROM object_values ORDER BY kind, name",
    ),
    // Without what is sealed or hashed with a key of the store's.
    (
        "registrations",
        "SELECT id, object, user, webhook, owner, deploy, props, basis_values, public_url,
           variables, state, expires_at, down_since, created_at, open_until, key, found_beside
         FROM registrations ORDER BY id",
    ),
    (
        "registration_events",
        "SELECT * FROM registration_events ORDER BY id",
    ),
    ("steps", "SELECT * FROM steps ORDER BY id"),
    (
        "step_waits",
        "SELECT * FROM step_waits ORDER BY step, waits_for",
    ),
    ("deployments", "SELECT * FROM deployments ORDER BY id"),
    ("deploys", "SELECT * FROM deploys ORDER BY id"),
    (
        "audit",
        "SELECT sequence, at, actor, action, subject, details FROM audit ORDER BY sequence",
    ),
];

/// Checks that the floor wrote what was written by ours.
///
/// # Errors
/// When it did not.
pub(super) fn check(ours: &Connection, floor: &Connection) -> Result<()> {
    for (table, sql) in CONTENTS {
        let (ours, floor) = (rows(ours, sql)?, rows(floor, sql)?);
        ensure!(
            ours.len() == floor.len(),
            "the floor has {} rows of {table}, and ours {}",
            floor.len(),
            ours.len()
        );
        for (ours, floor) in ours.iter().zip(&floor) {
            ensure!(
                ours == floor,
                "the floor wrote another row to {table}:\n{floor:?}\nours is\n{ours:?}"
            );
        }
    }
    Ok(())
}

fn rows(connection: &Connection, sql: &str) -> Result<Vec<Vec<Value>>> {
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns)
            .map(|column| row.get(column))
            .collect::<rusqlite::Result<Vec<Value>>>()
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
