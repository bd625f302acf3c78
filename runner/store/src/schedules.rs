//! The schedules of live workflows, and their ticks.

use std::collections::{BTreeMap, BTreeSet};

use domain::declare::{CatchUp, Object, Trigger};
use domain::{CheckedList, ObjectId, ObjectKey, Place, RunId, Schedule, Timestamp};
use rusqlite::{Connection, params};

use crate::columns::{Stored, change, first, rows, text, time};
use crate::{Error, Store, columns, events};

impl Stored for CatchUp {
    const WHAT: &'static str = "way to catch up";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "once" => Some(Self::Once),
            "skip" => Some(Self::Skip),
            _ => None,
        }
    }
}

const fn catch_up_text(catch_up: CatchUp) -> &'static str {
    match catch_up {
        CatchUp::Once => "once",
        CatchUp::Skip => "skip",
    }
}

/// A schedule of a live workflow.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scheduled {
    object: ObjectId,
    place: Place,
    cron: String,
    time_zone: String,
    catch_up: CatchUp,
    after: Timestamp,
}

/// What the ticks that were due led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ticked {
    /// The runs that they started.
    pub started: Vec<RunId>,
    /// When the next tick comes, of all schedules.
    pub next: Option<Timestamp>,
}

/// The most schedules that one transaction deals with.
const AT_ONCE: u32 = 500;

impl Store {
    /// Starts the workflows whose schedules have ticked: one run per tick, and
    /// user where the workflow is tied to users, also over restarts.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tick(&self, now: Timestamp) -> Result<Ticked, Error> {
        let next = self.next_tick().await?;
        // Without anything due nothing is written.
        if next.is_none_or(|next| next > now) {
            return Ok(Ticked {
                started: Vec::new(),
                next,
            });
        }
        let started = self
            .database()
            .write(move |tx| {
                let mut started = Vec::new();
                for scheduled in due(tx, now)? {
                    started.extend(tick(tx, &scheduled, now)?);
                }
                Ok::<_, Error>(started)
            })
            .await?;
        Ok(Ticked {
            started,
            next: self.next_tick().await?,
        })
    }

    /// Has every schedule's next tick computed anew, from the ticks that are dealt with.
    ///
    /// Whoever begins to tick calls it once: the clock, or the rules of time
    /// zones, may have changed since.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn rewind_schedules(&self) -> Result<(), Error> {
        self.database()
            .write(|tx| change(tx, "UPDATE schedules SET next_tick = 0", []).map(drop))
            .await
    }

    async fn next_tick(&self) -> Result<Option<Timestamp>, Error> {
        self.database()
            .read(|tx| {
                let sql = "SELECT next_tick AS at FROM schedules ORDER BY next_tick LIMIT 1";
                first(tx, sql, [], |row| time(row, "at"))
            })
            .await
    }
}

fn due(tx: &Connection, now: Timestamp) -> Result<Vec<Scheduled>, Error> {
    rows(
        tx,
        "SELECT * FROM schedules WHERE next_tick <= ?1 ORDER BY next_tick LIMIT ?2",
        params![now.as_millis(), AT_ONCE],
        read,
    )
}

fn read(row: &rusqlite::Row<'_>) -> Result<Scheduled, Error> {
    Ok(Scheduled {
        object: ObjectId(row.get("object")?),
        place: columns::place(row)?,
        cron: row.get("cron")?,
        time_zone: row.get("time_zone")?,
        catch_up: text(row, "catch_up")?,
        after: time(row, "after")?,
    })
}

fn tick(tx: &Connection, scheduled: &Scheduled, now: Timestamp) -> Result<Vec<RunId>, Error> {
    let schedule = Schedule::parse(&scheduled.cron, &scheduled.time_zone)
        .map_err(|error| Error::corrupt(error.to_string()))?;
    let due = schedule.due(scheduled.catch_up, scheduled.after, now);
    change(
        tx,
        "UPDATE schedules SET after = ?2, next_tick = ?3 WHERE object = ?1",
        params![
            scheduled.object.0,
            due.after.as_millis(),
            next_tick(due.next)
        ],
    )?;
    match due.tick {
        Some(tick) => events::start_for_tick(tx, scheduled.place, scheduled.object, tick, now),
        None => Ok(Vec::new()),
    }
}

/// A schedule that never ticks again is never due.
fn next_tick(next: Option<Timestamp>) -> i64 {
    next.map_or(i64::MAX, Timestamp::as_millis)
}

/// Brings the schedules of a place in step with the list that becomes live: a
/// schedule that stays as it is goes on, any other counts from now.
pub(crate) fn note<'a>(
    tx: &Connection,
    place: Place,
    list: &'a CheckedList,
    id_of: impl Fn(&'a ObjectKey) -> Option<ObjectId>,
    now: Timestamp,
) -> Result<(), Error> {
    let mut before: BTreeMap<ObjectId, Scheduled> = rows(
        tx,
        "SELECT * FROM schedules WHERE project = ?1 AND environment = ?2",
        [place.project.0, place.environment.0],
        read,
    )?
    .into_iter()
    .map(|one| (one.object, one))
    .collect();
    for item in list.items() {
        let (Object::Workflow(workflow), Some(object)) = (&item.object, id_of(&item.key)) else {
            continue;
        };
        let Trigger::Schedule {
            cron,
            time_zone,
            catch_up,
        } = &workflow.trigger
        else {
            continue;
        };
        let known = before.remove(&object);
        let after = match &known {
            Some(known) if known.cron == *cron && known.time_zone == *time_zone => known.after,
            Some(_) | None => now,
        };
        let schedule = Scheduled {
            object,
            place,
            cron: cron.clone(),
            time_zone: time_zone.clone(),
            catch_up: *catch_up,
            after,
        };
        if known.as_ref() != Some(&schedule) {
            put(tx, &schedule)?;
        }
    }
    let gone: BTreeSet<ObjectId> = before.into_keys().collect();
    for object in gone {
        change(tx, "DELETE FROM schedules WHERE object = ?1", [object.0])?;
    }
    Ok(())
}

fn put(tx: &Connection, scheduled: &Scheduled) -> Result<(), Error> {
    let schedule = Schedule::parse(&scheduled.cron, &scheduled.time_zone)
        .map_err(|error| Error::corrupt(error.to_string()))?;
    change(
        tx,
        "INSERT INTO schedules
           (object, project, environment, cron, time_zone, catch_up, after, next_tick)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET cron = excluded.cron, time_zone = excluded.time_zone,
           catch_up = excluded.catch_up, after = excluded.after, next_tick = excluded.next_tick",
        params![
            scheduled.object.0,
            scheduled.place.project.0,
            scheduled.place.environment.0,
            scheduled.cron,
            scheduled.time_zone,
            catch_up_text(scheduled.catch_up),
            scheduled.after.as_millis(),
            next_tick(schedule.next_after(scheduled.after))
        ],
    )
    .map(drop)
}
