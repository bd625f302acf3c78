//! How a registration is ended: one that another is to replace stays live until that is there.

use domain::{RegistrationId, RegistrationState, Step, StepId, StepKind, StepState, Timestamp};
use rusqlite::Connection;

use crate::Error;
use crate::columns::{change, rows, text};
use crate::registration_row::{self, Event};
use crate::step_row;

/// The condition that an unsubscribe `s` has not begun, because it waits for a subscribe that
/// is to put another registration in the place of its own.
pub(crate) const HELD: &str = "s.kind = 'unsubscribe' AND s.state = 'pending' AND EXISTS (
    SELECT 1 FROM step_waits w JOIN steps other ON other.id = w.waits_for
    WHERE w.step = s.id AND other.kind = 'subscribe' AND other.registration <> s.registration
      AND other.state NOT IN ('done', 'superseded', 'forgotten'))";

/// When the end of a registration may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As soon as it can.
    Now,
    /// When another registration has taken its place: it delivers until then.
    Replaced,
}

/// Marks a registration as to be ended; what is uncertain stays so until it is ended.
pub(crate) fn leave(
    tx: &Connection,
    id: RegistrationId,
    end: End,
    now: Timestamp,
) -> Result<(), Error> {
    let Some((_, registration)) = registration_row::find(tx, id)? else {
        return Err(Error::NotFound(format!("subscription {id}")));
    };
    let state = match (registration.state, end) {
        (RegistrationState::Live | RegistrationState::Leaving, End::Now) => {
            RegistrationState::Leaving
        }
        (RegistrationState::Live | RegistrationState::Leaving, End::Replaced) => {
            RegistrationState::Live
        }
        (
            other @ (RegistrationState::Wanted
            | RegistrationState::Uncertain
            | RegistrationState::Gone
            | RegistrationState::Forgotten),
            End::Now | End::Replaced,
        ) => other,
    };
    let event = match end {
        End::Now => "leaving",
        End::Replaced => "to-be-replaced",
    };
    registration_row::set_state(tx, id, state, Event::new(event), now)
}

/// Returns the unsubscribes of a registration that wait for another to take its place.
pub(crate) fn held(tx: &Connection, id: RegistrationId) -> Result<Vec<StepId>, Error> {
    let sql =
        format!("SELECT s.id FROM steps s WHERE s.registration = ?1 AND {HELD} ORDER BY s.id");
    rows(tx, &sql, [id.0], |row| Ok(StepId(row.get("id")?)))
}

/// Notes that a step is about to be attempted: an unsubscribe ends its registration.
pub(crate) fn begun(tx: &Connection, step: &Step, now: Timestamp) -> Result<(), Error> {
    let Some((_, registration)) = registration_row::find(tx, step.registration)? else {
        return Ok(());
    };
    if step.kind == StepKind::Unsubscribe && registration.state == RegistrationState::Live {
        leave(tx, step.registration, End::Now, now)?;
    }
    Ok(())
}

/// Returns where a registration stands after an attempt of a step that concludes with `state`.
pub(crate) fn after(
    tx: &Connection,
    step: &Step,
    state: RegistrationState,
) -> Result<RegistrationState, Error> {
    Ok(match (state, step.kind) {
        (RegistrationState::Live, StepKind::Unsubscribe) => RegistrationState::Leaving,
        (RegistrationState::Leaving, StepKind::Subscribe | StepKind::Refresh | StepKind::Check)
            if !held(tx, step.registration)?.is_empty() =>
        {
            RegistrationState::Live
        }
        (state, _) => state,
    })
}

/// Lets what waits for a refresh go on when that is refused for good: it is known what is there.
pub(crate) fn release_refused(tx: &Connection, step: &Step, to: StepState) -> Result<(), Error> {
    if step.kind == StepKind::Refresh && to == StepState::Failed {
        change(
            tx,
            "DELETE FROM step_waits WHERE waits_for = ?1",
            [step.id.0],
        )?;
    }
    Ok(())
}

/// Makes the refused refreshes of a registration that is gone due: nothing is left for them to do.
pub(crate) fn resume_refused(
    tx: &Connection,
    id: RegistrationId,
    now: Timestamp,
) -> Result<(), Error> {
    let refused = rows(
        tx,
        "SELECT id, state FROM steps
         WHERE registration = ?1 AND kind = 'refresh' AND state = 'failed'",
        [id.0],
        |row| Ok((StepId(row.get("id")?), text::<StepState>(row, "state")?)),
    )?;
    for (step, state) in refused {
        step_row::advance(tx, step, state, StepState::Retrying, now)?;
        change(
            tx,
            "UPDATE steps SET next_attempt_at = NULL, parked = 0 WHERE id = ?1",
            [step.0],
        )?;
    }
    Ok(())
}
