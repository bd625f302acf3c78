//! App events, and which workflows an event or a webhook starts.

use domain::declare::{Auth, Object, Workflow};
use domain::{ObjectId, ObjectKind, ObjectName, Place, Relation, RunId, Timestamp, UserId};
use rusqlite::{Connection, params};

use crate::columns::{first, from_json, rows};
use crate::queue::{self, QueueRun, Tick};
use crate::runs::RunKind;
use crate::{Error, Store};

/// What starts workflows.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cause<'a> {
    /// A webhook's handler returned.
    Webhook(&'a ObjectName),
    /// An app event was sent.
    Event(&'a ObjectName),
}

impl Cause<'_> {
    const fn kind(&self) -> ObjectKind {
        match self {
            Self::Webhook(_) => ObjectKind::Webhook,
            Self::Event(_) => ObjectKind::AppEvent,
        }
    }

    const fn name(&self) -> &ObjectName {
        match self {
            Self::Webhook(name) | Self::Event(name) => name,
        }
    }

    fn trigger(&self) -> String {
        match self {
            Self::Webhook(name) => format!("webhook {name}"),
            Self::Event(name) => format!("event {name}"),
        }
    }
}

/// An app event that was checked and is sent.
#[derive(Debug, Clone)]
pub struct SendEvent {
    /// Where.
    pub place: Place,
    /// Which.
    pub event: ObjectName,
    /// The declaration that it was checked against, as it is stored.
    pub spec: String,
    /// The event, a JSON text.
    pub payload: String,
    /// The present.
    pub now: Timestamp,
}

impl Store {
    /// Starts the workflows that an event triggers, in one transaction; `None` if
    /// the event is not live with the declaration that it was checked against.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn send_event(&self, send: SendEvent) -> Result<Option<Vec<RunId>>, Error> {
        self.database()
            .write(move |tx| {
                let live = live_spec(tx, send.place, ObjectKind::AppEvent, &send.event)?;
                if live.as_ref() != Some(&send.spec) {
                    return Ok(None);
                }
                let cause = Cause::Event(&send.event);
                start(tx, send.place, &cause, None, None, &send.payload, send.now).map(Some)
            })
            .await
    }

    /// Returns the declaration of a live object, as it is stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn live_object(
        &self,
        place: Place,
        kind: ObjectKind,
        name: ObjectName,
    ) -> Result<Option<String>, Error> {
        self.database()
            .read(move |tx| live_spec(tx, place, kind, &name))
            .await
    }
}

fn live_spec(
    tx: &Connection,
    place: Place,
    kind: ObjectKind,
    name: &ObjectName,
) -> Result<Option<String>, Error> {
    first(
        tx,
        "SELECT spec FROM objects
         WHERE project = ?1 AND environment = ?2 AND kind = ?3 AND name = ?4 AND live = 1",
        params![
            place.project.0,
            place.environment.0,
            kind.as_str(),
            name.as_str()
        ],
        |row| Ok(row.get("spec")?),
    )
}

/// Starts the live workflows that a cause triggers; `only` keeps those that
/// are tied to users to one user.
pub(crate) fn start(
    tx: &Connection,
    place: Place,
    cause: &Cause<'_>,
    only: Option<&UserId>,
    parent: Option<RunId>,
    input: &str,
    now: Timestamp,
) -> Result<Vec<RunId>, Error> {
    let specs: Vec<String> = rows(
        tx,
        "SELECT w.spec FROM objects t
         JOIN relationships r ON r.to_object = t.id AND r.relation = ?5
         JOIN objects w ON w.id = r.from_object
         WHERE t.project = ?1 AND t.environment = ?2 AND t.kind = ?3 AND t.name = ?4
           AND w.live = 1
         ORDER BY w.name",
        params![
            place.project.0,
            place.environment.0,
            cause.kind().as_str(),
            cause.name().as_str(),
            Relation::Trigger.as_str()
        ],
        |row| Ok(row.get("spec")?),
    )?;
    let mut started = Vec::new();
    for spec in specs {
        let workflow = workflow(&spec)?;
        for user in whom(tx, place, &workflow, only)? {
            let run = QueueRun {
                trigger: cause.trigger(),
                user,
                input: input.to_owned(),
                parent,
                ..queue_run(place, &workflow, now)?
            };
            started.push(queue::enqueue(tx, &run)?);
        }
    }
    Ok(started)
}

/// Starts a workflow for a tick of its schedule, once.
pub(crate) fn start_for_tick(
    tx: &Connection,
    place: Place,
    object: ObjectId,
    tick: Timestamp,
    now: Timestamp,
) -> Result<Vec<RunId>, Error> {
    // A clock that went back and forth, or a schedule that was changed and
    // changed back, may come to the same tick again.
    let ran = "SELECT 1 FROM runs WHERE scheduled_object = ?1 AND tick = ?2";
    if first(tx, ran, [object.0, tick.as_millis()], |_| Ok(()))?.is_some() {
        return Ok(Vec::new());
    }
    let sql = "SELECT spec FROM objects WHERE id = ?1 AND live = 1";
    let Some(spec) = first(tx, sql, [object.0], |row| Ok(row.get::<_, String>("spec")?))? else {
        return Ok(Vec::new());
    };
    let workflow = workflow(&spec)?;
    let mut started = Vec::new();
    for user in whom(tx, place, &workflow, None)? {
        let run = QueueRun {
            trigger: format!("schedule {tick}"),
            user,
            tick: Some(Tick { object, at: tick }),
            ..queue_run(place, &workflow, now)?
        };
        started.push(queue::enqueue(tx, &run)?);
    }
    Ok(started)
}

fn queue_run(place: Place, workflow: &Workflow, now: Timestamp) -> Result<QueueRun, Error> {
    let name = workflow
        .name
        .parse()
        .map_err(|_| Error::corrupt(format!("a workflow is named `{}`", workflow.name)))?;
    Ok(QueueRun::new(place, RunKind::Workflow, name, now))
}

fn workflow(spec: &str) -> Result<Workflow, Error> {
    match from_json(spec)? {
        Object::Workflow(workflow) => Ok(workflow),
        Object::Integration(_) | Object::Action(_) | Object::Webhook(_) | Object::AppEvent(_) => {
            Err(Error::corrupt("what is no workflow has a trigger"))
        }
    }
}

/// Returns for whom a workflow runs: for nobody in particular unless its
/// integration is something that users connect or set up, else for each
/// connected user who has it on.
fn whom(
    tx: &Connection,
    place: Place,
    workflow: &Workflow,
    only: Option<&UserId>,
) -> Result<Vec<Option<UserId>>, Error> {
    if !is_tied_to_users(tx, place, workflow)? {
        return Ok(vec![None]);
    }
    if !workflow.on_by_default {
        return Ok(Vec::new());
    }
    rows(
        tx,
        "SELECT user FROM connected_users
         WHERE project = ?1 AND environment = ?2 AND (?3 IS NULL OR user = ?3) ORDER BY user",
        params![
            place.project.0,
            place.environment.0,
            only.map(|user| &user.0)
        ],
        |row| Ok(Some(UserId(row.get("user")?))),
    )
}

fn is_tied_to_users(tx: &Connection, place: Place, workflow: &Workflow) -> Result<bool, Error> {
    let Some(name) = &workflow.integration else {
        return Ok(false);
    };
    let Ok(name) = name.parse::<ObjectName>() else {
        return Ok(false);
    };
    let Some(spec) = live_spec(tx, place, ObjectKind::Integration, &name)? else {
        return Ok(false);
    };
    match from_json(&spec)? {
        Object::Integration(integration) => {
            Ok(integration.auth != Auth::None || !integration.settings.is_empty())
        }
        Object::Action(_) | Object::Webhook(_) | Object::Workflow(_) | Object::AppEvent(_) => {
            Ok(false)
        }
    }
}
