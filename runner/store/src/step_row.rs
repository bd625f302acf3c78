//! A step's row: reading it, making one, and moving it.

use std::collections::BTreeMap;

use domain::{DeployId, Place, RegistrationId, Step, StepId, StepKind, StepState, Timestamp, Wave};
use rusqlite::{Connection, Row, params};

use crate::Error;
use crate::columns::{change, first, insert, json, number, rows, text, time_opt, wave};
use crate::registration_row;

/// The columns that [`read`] needs.
pub(crate) const SELECT: &str = "SELECT s.*, r.object, r.user, r.webhook FROM steps s
    JOIN registrations r ON r.id = s.registration";

/// Reads a step; what it waits for stands in other rows.
pub(crate) fn read(row: &Row<'_>, waits_for: Vec<StepId>) -> Result<Step, Error> {
    Ok(Step {
        id: StepId(row.get("id")?),
        kind: text(row, "kind")?,
        state: text(row, "state")?,
        registration: RegistrationId(row.get("registration")?),
        subject: registration_row::subject(row)?,
        webhook: text(row, "webhook")?,
        wave: wave(row, "wave")?,
        waits_for,
        attempts: number(row, "attempts")?,
        checks: number(row, "checks")?,
        next_attempt_at: time_opt(row, "next_attempt_at")?,
        was_unknown: row.get("was_unknown")?,
        parked: row.get("parked")?,
        awaiting: json(row, "awaiting")?,
        last_error: row.get("last_error")?,
    })
}

/// Which open steps are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// All of them.
    All,
    /// Those that plans decide about: not those of subscriptions found besides the one kept.
    Planned,
}

/// Reads the open steps of a place, in the order of their ids.
pub(crate) fn open(tx: &Connection, place: Place, which: Which) -> Result<Vec<Step>, Error> {
    let mut waits = waits(tx, place)?;
    let planned = match which {
        Which::All => "",
        Which::Planned => "AND r.found_beside IS NULL",
    };
    let sql = format!(
        "{SELECT} WHERE s.project = ?1 AND s.environment = ?2
           AND s.state NOT IN ('done', 'superseded', 'forgotten') {planned} ORDER BY s.id"
    );
    rows(tx, &sql, [place.project.0, place.environment.0], |row| {
        let id = StepId(row.get("id")?);
        read(row, waits.remove(&id).unwrap_or_default())
    })
}

/// Reads which steps of a place wait for steps that are not over.
fn waits(tx: &Connection, place: Place) -> Result<BTreeMap<StepId, Vec<StepId>>, Error> {
    let pairs = rows(
        tx,
        "SELECT w.step, w.waits_for FROM steps s JOIN step_waits w ON w.waits_for = s.id
         WHERE s.project = ?1 AND s.environment = ?2
           AND s.state NOT IN ('done', 'superseded', 'forgotten') ORDER BY w.waits_for",
        [place.project.0, place.environment.0],
        |row| Ok((StepId(row.get("step")?), StepId(row.get("waits_for")?))),
    )?;
    let mut waits: BTreeMap<StepId, Vec<StepId>> = BTreeMap::new();
    for (step, on) in pairs {
        waits.entry(step).or_default().push(on);
    }
    Ok(waits)
}

/// A step with what only the store knows of it.
pub(crate) struct Found {
    pub(crate) step: Step,
    pub(crate) place: Place,
    pub(crate) deploy: Option<DeployId>,
    pub(crate) was_unknown: bool,
}

/// Reads one step.
pub(crate) fn find(tx: &Connection, id: StepId) -> Result<Option<Found>, Error> {
    let waits = rows(
        tx,
        "SELECT w.waits_for FROM step_waits w JOIN steps s ON s.id = w.waits_for
         WHERE w.step = ?1 AND s.state NOT IN ('done', 'superseded', 'forgotten')
         ORDER BY w.waits_for",
        [id.0],
        |row| Ok(StepId(row.get("waits_for")?)),
    )?;
    let sql = format!("{SELECT} WHERE s.id = ?1");
    first(tx, &sql, [id.0], |row| {
        Ok(Found {
            step: read(row, waits)?,
            place: crate::columns::place(row)?,
            deploy: row.get::<_, Option<i64>>("deploy")?.map(DeployId),
            was_unknown: row.get("was_unknown")?,
        })
    })
}

/// A step to be written.
pub(crate) struct NewStep<'a> {
    pub(crate) place: Place,
    pub(crate) registration: RegistrationId,
    pub(crate) deploy: Option<DeployId>,
    pub(crate) kind: StepKind,
    pub(crate) wave: Wave,
    pub(crate) reason: &'a str,
    pub(crate) due: Option<Timestamp>,
}

/// Writes a step that is pending.
pub(crate) fn create(tx: &Connection, new: &NewStep<'_>, now: Timestamp) -> Result<StepId, Error> {
    insert(
        tx,
        "INSERT INTO steps (project, environment, registration, deploy, kind, state, wave, reason,
           next_attempt_at, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?7, ?8, ?9)",
        params![
            new.place.project.0,
            new.place.environment.0,
            new.registration.0,
            new.deploy.map(|deploy| deploy.0),
            new.kind.as_str(),
            new.wave.number(),
            new.reason,
            new.due.map(Timestamp::as_millis),
            now.as_millis()
        ],
    )
    .map(StepId)
}

/// Makes a step wait for another.
pub(crate) fn wait(tx: &Connection, step: StepId, on: StepId) -> Result<(), Error> {
    change(
        tx,
        "INSERT INTO step_waits (step, waits_for) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        [step.0, on.0],
    )
    .map(drop)
}

/// Makes a subscribe wait for what another waited for, and what waited for that one wait for it.
pub(crate) fn take_place(tx: &Connection, new: StepId, old: StepId) -> Result<(), Error> {
    change(
        tx,
        "INSERT INTO step_waits (step, waits_for)
         SELECT ?1, waits_for FROM step_waits WHERE step = ?2 ON CONFLICT DO NOTHING",
        [new.0, old.0],
    )?;
    hold_for(tx, new, old)
}

/// Makes the unsubscribes of other registrations that wait for a subscribe wait for a new one too.
pub(crate) fn hold_for(tx: &Connection, new: StepId, old: StepId) -> Result<(), Error> {
    change(
        tx,
        "INSERT INTO step_waits (step, waits_for)
         SELECT w.step, ?1 FROM step_waits w
           JOIN steps s ON s.id = w.step JOIN steps o ON o.id = w.waits_for
         WHERE w.waits_for = ?2 AND s.kind = 'unsubscribe' AND s.registration <> o.registration
         ON CONFLICT DO NOTHING",
        [new.0, old.0],
    )
    .map(drop)
}

/// Moves a step, if the journal knows that move.
pub(crate) fn advance(
    tx: &Connection,
    step: StepId,
    from: StepState,
    to: StepState,
    now: Timestamp,
) -> Result<(), Error> {
    let to = from.moved(to)?;
    let ended = (!to.is_open()).then(|| now.as_millis());
    change(
        tx,
        "UPDATE steps SET state = ?2, ended_at = ?3,
           was_unknown = was_unknown OR ?2 = 'unknown' WHERE id = ?1",
        params![step.0, to.as_str(), ended],
    )
    .map(drop)
}

/// Moves a step that has not started out of the way of a later decision.
pub(crate) fn supersede(tx: &Connection, step: StepId, now: Timestamp) -> Result<(), Error> {
    let from = first(
        tx,
        "SELECT state FROM steps WHERE id = ?1",
        [step.0],
        |row| text(row, "state"),
    )?
    .ok_or_else(|| Error::NotFound(format!("step {step}")))?;
    advance(tx, step, from, StepState::Superseded, now)
}
