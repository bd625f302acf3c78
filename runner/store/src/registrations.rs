//! Registrations: which are about to expire, and dropping one for good.

use domain::{
    ArtifactDigest, ObjectName, Place, Registration, RegistrationId, RegistrationState, Secret,
    StepId, StepKind, StepState, Timestamp, Wave,
};
use rusqlite::{Connection, params};
use serde_json::json;

use crate::columns::{change, first, rows, text, time, time_opt};
use crate::registration_row::{self, Event, SIGNING};
use crate::step_row::{self, NewStep};
use crate::{Error, Store, audit, columns, leaving};

/// A registration that ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiring {
    /// The registration.
    pub registration: RegistrationId,
    /// Where.
    pub place: Place,
    /// Its owner.
    pub owner: ArtifactDigest,
    /// The webhook's name there.
    pub webhook: ObjectName,
    /// When it was made or last refreshed.
    pub since: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// Whether its refresh was refused for good, so that it has to be replaced at once.
    pub refresh_refused: bool,
    /// Whether the steps that put another in its place are written: until they are done it is
    /// refreshed if it can be, and not replaced again.
    pub being_replaced: bool,
}

/// A registration whose endpoint's address is open.
#[derive(Debug, Clone)]
pub struct OpenEndpoint {
    /// Where.
    pub place: Place,
    /// The registration.
    pub registration: Registration,
    /// The signing secret that the provider issued.
    pub signing_secret: Option<Secret>,
}

/// What was dropped with a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forgotten {
    /// Its steps that were open.
    pub steps: Vec<StepId>,
}

/// Says why a registration was not dropped.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// There is no such registration.
    #[error("there is no subscription {0}")]
    Unknown(RegistrationId),
    /// One of its steps is being attempted.
    #[error("step {0} is running; wait until its attempt is over")]
    Running(StepId),
    /// It is over already.
    #[error("subscription {0} is over already")]
    Over(RegistrationId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Drops a registration, whatever the provider holds: its steps are forgotten, its
    /// endpoint's address is closed, and what waited for its steps waits no longer.
    ///
    /// # Errors
    /// When there is no such registration, it is over, or a step of it is being attempted.
    pub async fn forget_registration(
        &self,
        registration: RegistrationId,
        actor: String,
        now: Timestamp,
    ) -> Result<Forgotten, ForgetError> {
        self.database()
            .write(move |tx| forget(tx, registration, &actor, now))
            .await
    }

    /// Returns the live registrations of a place that end by themselves and on which nothing is
    /// under way, soonest first: no step is open but a look, an end that waits for another to
    /// take the place, or a refresh that was refused for good.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expiring(&self, place: Place) -> Result<Vec<Expiring>, Error> {
        self.database().read(move |tx| expiring(tx, place)).await
    }

    /// Writes the step that refreshes a registration, unless something else is under way on it.
    ///
    /// An end of it that waits for another to take its place waits for the refresh too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn create_refresh(
        &self,
        registration: RegistrationId,
        now: Timestamp,
    ) -> Result<Option<StepId>, Error> {
        self.database()
            .write(move |tx| {
                let Some((place, found)) = registration_row::find(tx, registration)? else {
                    return Err(Error::NotFound(format!("subscription {registration}")));
                };
                let held = leaving::held(tx, registration)?;
                let open = open_steps(tx, registration)?;
                let busy = open
                    .iter()
                    .any(|(step, kind, _)| *kind != StepKind::Check && !held.contains(step));
                if busy || found.state != RegistrationState::Live {
                    return Ok(None);
                }
                let step = NewStep {
                    place,
                    registration,
                    deploy: None,
                    kind: StepKind::Refresh,
                    wave: Wave::Removed,
                    reason: "it is about to expire",
                    due: None,
                };
                let refresh = step_row::create(tx, &step, now)?;
                for unsubscribe in held {
                    step_row::wait(tx, unsubscribe, refresh)?;
                }
                Ok(Some(refresh))
            })
            .await
    }

    /// Finds the registration whose endpoint's address has this token, if the address is open
    /// and the webhook is live.
    ///
    /// # Errors
    /// When a sealed secret does not open, or the store fails.
    pub async fn open_endpoint(
        &self,
        token: Secret,
        now: Timestamp,
    ) -> Result<Option<OpenEndpoint>, Error> {
        let keys = self.keys();
        self.database()
            .read(move |tx| {
                first(
                    tx,
                    "SELECT r.* FROM registrations r JOIN objects o ON o.id = r.object
                     WHERE r.token_hash = ?1 AND (r.open_until IS NULL OR r.open_until > ?2)
                       AND o.live = 1",
                    params![keys.token_hash(&token), now.as_millis()],
                    |row| {
                        let registration = registration_row::read(row)?;
                        let sealed: Option<Vec<u8>> = row.get("signing_sealed")?;
                        Ok(OpenEndpoint {
                            place: columns::place(row)?,
                            signing_secret: sealed
                                .map(|sealed| {
                                    registration_row::open(&keys, registration.id, SIGNING, &sealed)
                                })
                                .transpose()?,
                            registration,
                        })
                    },
                )
            })
            .await
    }
}

fn expiring(tx: &Connection, place: Place) -> Result<Vec<Expiring>, Error> {
    let held = leaving::HELD;
    let steps = "SELECT count(*) FROM steps s WHERE s.registration = r.id AND s.kind <> 'check'
        AND s.state NOT IN ('done', 'superseded', 'forgotten')";
    // A refused refresh counts only by itself: beside an end it has been dealt with.
    let sql = format!(
        "SELECT * FROM (
           SELECT r.*, ({steps}) AS open, ({steps} AND {held}) AS held,
             ({steps} AND s.kind = 'refresh' AND s.state = 'failed') AS refused
           FROM registrations r
           WHERE r.project = ?1 AND r.environment = ?2 AND r.state = 'live'
             AND r.expires_at IS NOT NULL)
         WHERE open = max(refused, held) ORDER BY expires_at, id"
    );
    rows(tx, &sql, [place.project.0, place.environment.0], |row| {
        let created = time(row, "created_at")?;
        let (refused, held): (i64, i64) = (row.get("refused")?, row.get("held")?);
        Ok(Expiring {
            registration: RegistrationId(row.get("id")?),
            place,
            owner: text(row, "owner")?,
            webhook: text(row, "webhook")?,
            since: time_opt(row, "recorded_at")?.unwrap_or(created),
            expires_at: time(row, "expires_at")?,
            refresh_refused: refused > 0,
            being_replaced: held > 0,
        })
    })
}

type OpenStep = (StepId, StepKind, StepState);

/// Reads the open steps of a registration.
pub(crate) fn open_steps(tx: &Connection, id: RegistrationId) -> Result<Vec<OpenStep>, Error> {
    rows(
        tx,
        "SELECT id, kind, state FROM steps WHERE registration = ?1
           AND state NOT IN ('done', 'superseded', 'forgotten') ORDER BY id",
        [id.0],
        |row| {
            Ok((
                StepId(row.get("id")?),
                text(row, "kind")?,
                text(row, "state")?,
            ))
        },
    )
}

/// Names a person with the deploy that loses a step by what the person does: it is never complete.
pub(crate) fn blame(tx: &Connection, step: StepId, actor: &str) -> Result<(), Error> {
    change(
        tx,
        "UPDATE deploys SET forgotten_by = ?2
         WHERE id = (SELECT deploy FROM steps WHERE id = ?1)",
        params![step.0, actor],
    )
    .map(drop)
}

fn forget(
    tx: &Connection,
    id: RegistrationId,
    actor: &str,
    now: Timestamp,
) -> Result<Forgotten, ForgetError> {
    let (place, registration) = registration_row::find(tx, id)?.ok_or(ForgetError::Unknown(id))?;
    let open = open_steps(tx, id)?;
    if let Some((step, ..)) = open.iter().find(|(.., state)| *state == StepState::Running) {
        return Err(ForgetError::Running(*step));
    }
    if registration.state.is_over() && open.is_empty() && !registration.possible_double {
        return Err(ForgetError::Over(id));
    }
    for (step, _, state) in &open {
        step_row::advance(tx, *step, *state, StepState::Forgotten, now)?;
        blame(tx, *step, actor)?;
    }
    change(
        tx,
        "UPDATE registrations SET possible_double = 0 WHERE id = ?1",
        [id.0],
    )?;
    let event = Event {
        what: "forgotten",
        detail: None,
        actor: Some(actor),
    };
    registration_row::set_state(tx, id, RegistrationState::Forgotten, event, now)?;
    registration_row::close(tx, id, now)?;
    registration_row::note_down(tx, place, &registration, now)?;
    let subject = audit::subject(tx, place)?;
    let details = json!({ "subscription": id, "webhook": registration.webhook });
    audit::add(tx, now, actor, "subscriptions.forget", &subject, &details)?;
    Ok(Forgotten {
        steps: open.into_iter().map(|(step, ..)| step).collect(),
    })
}
