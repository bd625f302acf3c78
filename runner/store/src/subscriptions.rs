//! Registrations with their steps, attempts and history, for people.

use domain::{
    ArtifactDigest, DeployNumber, ObjectName, Place, Registration, RegistrationId,
    RegistrationState, Step, StepId, StepKind, StepState, Timestamp, UserId,
};
use rusqlite::{Connection, Row};

use crate::columns::{first, rows, text, text_opt, time, time_opt};
use crate::{AttemptId, Error, Store, registration_row, step_row};

/// An attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Its row.
    pub id: AttemptId,
    /// The hook that was called.
    pub call: StepKind,
    /// On which artifact.
    pub artifact: ArtifactDigest,
    /// The key that was passed on.
    pub key: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Where it left the step.
    pub outcome: Option<StepState>,
    /// Why it was not the last.
    pub error: Option<String>,
}

/// A step with its attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepView {
    /// The step.
    pub step: Step,
    /// The deploy that it belongs to.
    pub deploy: Option<DeployNumber>,
    /// Why it is needed.
    pub reason: String,
    /// Its attempts, in order.
    pub attempts: Vec<AttemptView>,
}

/// Something that happened to a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationEvent {
    /// When.
    pub at: Timestamp,
    /// What, a stable word.
    pub event: String,
    /// Where it left the registration.
    pub state: RegistrationState,
    /// More of it.
    pub detail: Option<String>,
    /// Who, where a person did it.
    pub actor: Option<String>,
}

/// A registration with everything that people may see of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationView {
    /// The registration.
    pub registration: Registration,
    /// When it was first wanted.
    pub created_at: Timestamp,
    /// Until when its endpoint's address is open, if that is known.
    pub open_until: Option<Timestamp>,
    /// The registration besides which it was found at the provider.
    pub found_beside: Option<RegistrationId>,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// What happened to it, in order.
    pub history: Vec<RegistrationEvent>,
}

/// What kind of thing may be left at a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubtKind {
    /// A subscription that nobody may know of.
    PossibleOrphan,
    /// A second subscription besides the one known.
    PossibleDouble,
}

/// Something that may be left at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What.
    pub kind: DoubtKind,
    /// The registration that it comes from.
    pub registration: RegistrationId,
    /// Where that stands.
    pub state: RegistrationState,
    /// The webhook.
    pub webhook: ObjectName,
    /// The connected user.
    pub user: Option<UserId>,
    /// The last error.
    pub last_error: Option<String>,
    /// Whether nothing more is tried until a person asks.
    pub parked: bool,
}

impl Store {
    /// Returns the registrations of a place that are not over, oldest first, with `over` also
    /// those that are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn registrations(
        &self,
        place: Place,
        over: Over,
    ) -> Result<Vec<RegistrationView>, Error> {
        self.database()
            .read(move |tx| {
                let states = match over {
                    Over::With => "",
                    Over::Without => "AND state NOT IN ('gone', 'forgotten')",
                };
                let sql = format!(
                    "SELECT * FROM registrations
                     WHERE project = ?1 AND environment = ?2 {states} ORDER BY id"
                );
                let found = rows(tx, &sql, [place.project.0, place.environment.0], read_view)?;
                found.into_iter().map(|view| with_rest(tx, view)).collect()
            })
            .await
    }

    /// Returns one registration of a place.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn registration(
        &self,
        place: Place,
        registration: RegistrationId,
    ) -> Result<Option<RegistrationView>, Error> {
        self.database()
            .read(move |tx| {
                first(
                    tx,
                    "SELECT * FROM registrations
                     WHERE project = ?1 AND environment = ?2 AND id = ?3",
                    [place.project.0, place.environment.0, registration.0],
                    read_view,
                )?
                .map(|view| with_rest(tx, view))
                .transpose()
            })
            .await
    }

    /// Returns what may be left at providers, those of registrations that are gone included.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn doubtful(&self, place: Place) -> Result<Vec<Doubt>, Error> {
        self.database().read(move |tx| doubts(tx, place)).await
    }
}

/// Whether registrations that are over are wanted too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// They are not.
    Without,
    /// They are.
    With,
}

fn read_view(row: &Row<'_>) -> Result<RegistrationView, Error> {
    Ok(RegistrationView {
        registration: registration_row::read(row)?,
        created_at: time(row, "created_at")?,
        open_until: time_opt(row, "open_until")?,
        found_beside: row
            .get::<_, Option<i64>>("found_beside")?
            .map(RegistrationId),
        steps: Vec::new(),
        history: Vec::new(),
    })
}

fn with_rest(tx: &Connection, view: RegistrationView) -> Result<RegistrationView, Error> {
    let id = view.registration.id;
    let steps = rows(
        tx,
        "SELECT id FROM steps WHERE registration = ?1 ORDER BY id",
        [id.0],
        |row| Ok(StepId(row.get("id")?)),
    )?;
    Ok(RegistrationView {
        steps: steps
            .into_iter()
            .map(|step| step_view(tx, step))
            .collect::<Result<_, _>>()?,
        history: history(tx, id)?,
        ..view
    })
}

fn step_view(tx: &Connection, id: StepId) -> Result<StepView, Error> {
    let found = step_row::find(tx, id)?.ok_or_else(|| Error::NotFound(format!("step {id}")))?;
    let told = first(
        tx,
        "SELECT s.reason, d.number FROM steps s LEFT JOIN deploys d ON d.id = s.deploy
         WHERE s.id = ?1",
        [id.0],
        |row| {
            let deploy: Option<i64> = row.get("number")?;
            Ok((row.get::<_, String>("reason")?, deploy.map(DeployNumber)))
        },
    )?;
    let (reason, deploy) = told.unwrap_or_default();
    Ok(StepView {
        step: found.step,
        deploy,
        reason,
        attempts: attempts(tx, id)?,
    })
}

fn attempts(tx: &Connection, step: StepId) -> Result<Vec<AttemptView>, Error> {
    rows(
        tx,
        "SELECT * FROM step_attempts WHERE step = ?1 ORDER BY id",
        [step.0],
        |row| {
            Ok(AttemptView {
                id: AttemptId(row.get("id")?),
                call: text(row, "call")?,
                artifact: text(row, "artifact")?,
                key: row.get("key")?,
                started_at: time(row, "started_at")?,
                ended_at: time_opt(row, "ended_at")?,
                outcome: text_opt(row, "outcome")?,
                error: row.get("error")?,
            })
        },
    )
}

fn history(tx: &Connection, id: RegistrationId) -> Result<Vec<RegistrationEvent>, Error> {
    rows(
        tx,
        "SELECT * FROM registration_events WHERE registration = ?1 ORDER BY id",
        [id.0],
        |row| {
            Ok(RegistrationEvent {
                at: time(row, "at")?,
                event: row.get("event")?,
                state: text(row, "state")?,
                detail: row.get("detail")?,
                actor: row.get("actor")?,
            })
        },
    )
}

/// Finds what may be left: what is uncertain, what may be there twice, and looks that were given up.
fn doubts(tx: &Connection, place: Place) -> Result<Vec<Doubt>, Error> {
    let found = rows(
        tx,
        "SELECT r.*, s.last_error, coalesce(s.parked OR s.state = 'failed', 1) AS parked,
           coalesce(s.kind = 'check' AND s.state = 'failed', 0) AS unseen
         FROM registrations r LEFT JOIN steps s ON s.id = (
           SELECT max(id) FROM steps WHERE registration = r.id
             AND state NOT IN ('done', 'superseded', 'forgotten'))
         WHERE r.project = ?1 AND r.environment = ?2 AND r.state <> 'forgotten'
         ORDER BY r.id",
        [place.project.0, place.environment.0],
        |row| {
            let registration = registration_row::read(row)?;
            let unseen: bool = row.get("unseen")?;
            let mut kinds = Vec::new();
            if registration.state == RegistrationState::Uncertain || unseen {
                kinds.push(DoubtKind::PossibleOrphan);
            }
            if registration.possible_double {
                kinds.push(DoubtKind::PossibleDouble);
            }
            let last_error: Option<String> = row.get("last_error")?;
            let parked: bool = row.get("parked")?;
            Ok(kinds
                .into_iter()
                .map(|kind| Doubt {
                    kind,
                    registration: registration.id,
                    state: registration.state,
                    webhook: registration.webhook.clone(),
                    user: registration.subject.user.clone(),
                    last_error: last_error.clone(),
                    parked,
                })
                .collect::<Vec<_>>())
        },
    )?;
    Ok(found.into_iter().flatten().collect())
}
