//! The queue of runs: how runs get into it, and which of them may start.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    ArtifactDigest, DeliveryId, ObjectId, ObjectKind, ObjectName, Patience, Place, RunId,
    Timestamp, UserId,
};
use rusqlite::{Connection, Row, params};

use crate::columns::{first, insert, rows, time_opt};
use crate::runs::RunKind;
use crate::{Error, Store, columns};

/// The longest that a run waits for its next attempt, with something to spare:
/// what is due later was stored by a clock that has gone back since.
const HORIZON_MS: i64 = 27 * 3600 * 1000;

/// A tick of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// The workflow's object, which stays the same when it is renamed.
    pub object: ObjectId,
    /// When the schedule said.
    pub at: Timestamp,
}

/// A run that comes into being.
#[derive(Debug, Clone)]
pub struct QueueRun {
    /// Where.
    pub place: Place,
    /// What kind of object runs.
    pub kind: RunKind,
    /// Which.
    pub object: ObjectName,
    /// What started it, in words such as `command` or `event order-placed`.
    pub trigger: String,
    /// For which connected user.
    pub user: Option<UserId>,
    /// Its input, a JSON text.
    pub input: String,
    /// Whether it is tried again.
    pub patience: Patience,
    /// The delivery that it handles.
    pub delivery: Option<DeliveryId>,
    /// The tick that it is for.
    pub tick: Option<Tick>,
    /// The run whose output is its input.
    pub parent: Option<RunId>,
    /// The run that it repeats.
    pub replay_of: Option<RunId>,
    /// The present.
    pub now: Timestamp,
}

impl QueueRun {
    /// Creates one that nobody waits for, with an empty object as its input.
    #[must_use]
    pub fn new(place: Place, kind: RunKind, object: ObjectName, now: Timestamp) -> Self {
        Self {
            place,
            kind,
            object,
            trigger: String::new(),
            user: None,
            input: "{}".to_owned(),
            patience: Patience::Queued,
            delivery: None,
            tick: None,
            parent: None,
            replay_of: None,
            now,
        }
    }
}

/// Puts a run into the queue: it is attempted on what is live when its turn comes.
pub(crate) fn enqueue(tx: &Connection, run: &QueueRun) -> Result<RunId, Error> {
    add(tx, run, None)
}

/// Begins a run whose first attempt is made at once, on this artifact.
///
/// Without [`is_live_on`] in the same transaction nothing says that the
/// artifact is live.
pub(crate) fn begin(
    tx: &Connection,
    run: &QueueRun,
    artifact: ArtifactDigest,
) -> Result<RunId, Error> {
    add(tx, run, Some(artifact))
}

fn add(tx: &Connection, run: &QueueRun, on: Option<ArtifactDigest>) -> Result<RunId, Error> {
    let now = run.now.as_millis();
    insert(
        tx,
        "INSERT INTO runs (project, environment, kind, object, artifact, trigger, user, status,
           patience, input, queued_at, started_at, attempt_started_at, attempts, replay_of, parent,
           delivery, scheduled_object, tick)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13, ?14, ?15, ?16, ?17,
           ?18)",
        params![
            run.place.project.0,
            run.place.environment.0,
            run.kind.as_str(),
            run.object.as_str(),
            on.map(|artifact| artifact.to_string()),
            run.trigger,
            run.user.as_ref().map(|user| &user.0),
            if on.is_some() { "running" } else { "queued" },
            run.patience.as_str(),
            run.input,
            now,
            on.map(|_| now),
            i64::from(on.is_some()),
            run.replay_of.map(|run| run.0),
            run.parent.map(|run| run.0),
            run.delivery.map(|delivery| delivery.0),
            run.tick.map(|tick| tick.object.0),
            run.tick.map(|tick| tick.at.as_millis())
        ],
    )
    .map(RunId)
}

/// Returns whether an object is live in a place, and on this artifact.
pub(crate) fn is_live_on(
    tx: &Connection,
    place: Place,
    kind: ObjectKind,
    object: &ObjectName,
    artifact: ArtifactDigest,
) -> Result<bool, Error> {
    let found = first(
        tx,
        "SELECT 1 FROM deployments c
         JOIN objects o ON o.project = c.project AND o.environment = c.environment
         WHERE c.project = ?1 AND c.environment = ?2 AND c.ended_at IS NULL AND c.artifact = ?3
           AND o.kind = ?4 AND o.name = ?5 AND o.live = 1",
        params![
            place.project.0,
            place.environment.0,
            artifact.to_string(),
            kind.as_str(),
            object.as_str()
        ],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Which of the runs that wait are wanted.
#[derive(Debug, Clone, Default)]
pub struct Waiting {
    /// The runs that have a turn already, by place.
    pub busy: BTreeMap<Place, BTreeSet<RunId>>,
    /// The most that have a turn in one place.
    pub per_place: usize,
    /// The most that are returned.
    pub limit: usize,
    /// The place that was served last.
    pub after: Option<Place>,
}

/// A run that may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingRun {
    /// Where.
    pub place: Place,
    /// The run.
    pub run: RunId,
}

impl Store {
    /// Puts a run into the queue.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn enqueue_run(&self, run: QueueRun) -> Result<RunId, Error> {
        self.database().write(move |tx| enqueue(tx, &run)).await
    }

    /// Returns runs that may start now: places take turns, and in each the oldest come first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn waiting_runs(
        &self,
        waiting: Waiting,
        now: Timestamp,
    ) -> Result<Vec<WaitingRun>, Error> {
        self.database()
            .read(move |tx| take_turns(tx, &waiting, now))
            .await
    }

    /// Returns when the next run that waits for its next attempt is due, if it is not due yet.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next_run_due(&self, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        self.database()
            .read(move |tx| {
                let at = first(
                    tx,
                    "SELECT min(next_attempt_at) AS at FROM runs
                     WHERE status = 'retrying' AND next_attempt_at > ?1",
                    [now.as_millis()],
                    |row| time_opt(row, "at"),
                )?;
                Ok(at.flatten())
            })
            .await
    }
}

fn take_turns(
    tx: &Connection,
    waiting: &Waiting,
    now: Timestamp,
) -> Result<Vec<WaitingRun>, Error> {
    let mut lines: Vec<(Place, std::vec::IntoIter<RunId>)> = Vec::new();
    for place in places(tx, waiting.after)? {
        // As many places as runs are wanted: each of them has one turn at least.
        if lines.len() >= waiting.limit {
            break;
        }
        let line = line_of(tx, waiting, place, now)?;
        if !line.is_empty() {
            lines.push((place, line.into_iter()));
        }
    }
    let mut taken = Vec::new();
    while taken.len() < waiting.limit {
        let before = taken.len();
        for (place, line) in &mut lines {
            if taken.len() < waiting.limit
                && let Some(run) = line.next()
            {
                taken.push(WaitingRun { place: *place, run });
            }
        }
        if taken.len() == before {
            break;
        }
    }
    Ok(taken)
}

/// Returns the places where runs wait, those after the one served last first.
fn places(tx: &Connection, after: Option<Place>) -> Result<Vec<Place>, Error> {
    let mut found = BTreeSet::new();
    for sql in [
        "SELECT project, environment FROM runs INDEXED BY runs_queued
         WHERE status = 'queued' AND (project, environment) > (?1, ?2)
         ORDER BY project, environment LIMIT 1",
        "SELECT project, environment FROM runs INDEXED BY runs_retrying
         WHERE status = 'retrying' AND (project, environment) > (?1, ?2)
         ORDER BY project, environment LIMIT 1",
    ] {
        // From place to place, however many runs wait in each.
        let mut last = (0, 0);
        while let Some(place) = first(tx, sql, [last.0, last.1], columns::place)? {
            last = (place.project.0, place.environment.0);
            found.insert(place);
        }
    }
    let (before, behind): (Vec<Place>, Vec<Place>) = found
        .into_iter()
        .partition(|place| after.is_some_and(|after| *place <= after));
    Ok(behind.into_iter().chain(before).collect())
}

/// Returns the runs of a place that may start, in order.
fn line_of(
    tx: &Connection,
    waiting: &Waiting,
    place: Place,
    now: Timestamp,
) -> Result<Vec<RunId>, Error> {
    let none = BTreeSet::new();
    let busy = waiting.busy.get(&place).unwrap_or(&none);
    let wanted = waiting
        .per_place
        .saturating_sub(busy.len())
        .min(waiting.limit);
    if wanted == 0 {
        return Ok(Vec::new());
    }
    let read = columns::signed(wanted + busy.len());
    let now = now.as_millis();
    let wait = |row: &Row<'_>| Ok((row.get::<_, i64>("due")?, RunId(row.get("id")?)));
    let mut due = rows(
        tx,
        "SELECT queued_at AS due, id FROM runs INDEXED BY runs_queued
         WHERE status = 'queued' AND project = ?1 AND environment = ?2
         ORDER BY id LIMIT ?3",
        params![place.project.0, place.environment.0, read],
        wait,
    )?;
    let retrying = |from: i64, to: i64| {
        rows(
            tx,
            "SELECT next_attempt_at AS due, id FROM runs INDEXED BY runs_retrying
             WHERE status = 'retrying' AND project = ?1 AND environment = ?2
               AND next_attempt_at > ?3 AND next_attempt_at <= ?4
             ORDER BY next_attempt_at LIMIT ?5",
            params![place.project.0, place.environment.0, from, to, read],
            wait,
        )
    };
    due.extend(retrying(i64::MIN, now)?);
    due.extend(retrying(now.saturating_add(HORIZON_MS), i64::MAX)?);
    due.retain(|(_, run)| !busy.contains(run));
    due.sort_unstable();
    due.truncate(wanted);
    Ok(due.into_iter().map(|(_, run)| run).collect())
}
