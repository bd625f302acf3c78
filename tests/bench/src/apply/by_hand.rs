//! The floor: the statements of applying, prepared, with parameters that are at hand.

use std::collections::HashMap;

use domain::{ObjectKey, ObjectKind, Target, Wait, values_used};
use rusqlite::{Connection, Params, TransactionBehavior, params};
use serde_json::json;
use store::PlanDocument;

use crate::scene::{ACTOR, NOW, Ready};

const LEASE: &str = "SELECT * FROM leases WHERE project = ?1 AND environment = ?2";
const DEPLOY: &str = "SELECT project, environment, number, version, status, applied_at
    FROM deploys WHERE id = ?1";
const RUNNING: &str = "SELECT id FROM steps WHERE project = ?1 AND environment = ?2
    AND state = 'running' AND state NOT IN ('done', 'superseded', 'forgotten') LIMIT 1";
const LIVE: &str =
    "SELECT c.artifact, d.number FROM deployments c JOIN deploys d ON d.id = c.deploy
    WHERE c.project = ?1 AND c.environment = ?2 AND c.ended_at IS NULL";
const REGISTRATIONS: &str = "SELECT * FROM registrations
    WHERE project = ?1 AND environment = ?2 AND state NOT IN ('gone', 'forgotten')
      AND found_beside IS NULL ORDER BY id";
const WAITS: &str =
    "SELECT w.step, w.waits_for FROM steps s JOIN step_waits w ON w.waits_for = s.id
    WHERE s.project = ?1 AND s.environment = ?2
      AND s.state NOT IN ('done', 'superseded', 'forgotten') ORDER BY w.waits_for";
const STEPS: &str = "SELECT s.*, r.object, r.user, r.webhook FROM steps s
    JOIN registrations r ON r.id = s.registration WHERE s.project = ?1 AND s.environment = ?2
      AND s.state NOT IN ('done', 'superseded', 'forgotten') AND r.found_beside IS NULL
    ORDER BY s.id";
const VALUES: &str = "SELECT kind, name, version FROM held_values
    WHERE project = ?1 AND environment = ?2 AND (plain IS NOT NULL OR sealed IS NOT NULL)";
const PUBLIC_URL: &str = "SELECT public_url FROM environments WHERE id = ?1";
const OBJECTS: &str =
    "SELECT id, kind, name, spec FROM objects WHERE project = ?1 AND environment = ?2";
const DISABLE: &str =
    "UPDATE objects SET live = 0 WHERE project = ?1 AND environment = ?2 AND live = 1";
const ENABLE: &str = "UPDATE objects SET live = 1 WHERE id = ?1";
const UPDATE: &str =
    "UPDATE objects SET live = 1, name = ?2, spec = ?3, changed_by = ?4 WHERE id = ?1";
const INSERT: &str =
    "INSERT INTO objects (project, environment, kind, name, live, spec, changed_by)
    VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)";
const UNRELATE: &str = "DELETE FROM relationships WHERE from_object IN (
    SELECT id FROM objects WHERE project = ?1 AND environment = ?2)";
const RELATE: &str =
    "INSERT INTO relationships (from_object, relation, to_object) VALUES (?1, ?2, ?3)";
const FORGET_VALUES: &str = "DELETE FROM object_values WHERE project = ?1 AND environment = ?2";
const NOTE_VALUE: &str =
    "INSERT INTO object_values (project, environment, kind, name) VALUES (?1, ?2, ?3, ?4)";
const EXTRAS: &str = "SELECT s.id FROM steps s JOIN registrations r ON r.id = s.registration
    WHERE s.project = ?1 AND s.environment = ?2 AND r.found_beside IS NOT NULL
      AND s.state NOT IN ('done', 'superseded', 'forgotten') ORDER BY s.id";
const REGISTRATION: &str = "SELECT * FROM registrations WHERE id = ?1";
const MOVE: &str = "UPDATE registrations SET state = ?2,
    down_since = CASE WHEN ?2 IN ('live', 'gone', 'forgotten') THEN NULL ELSE down_since END
    WHERE id = ?1";
const EVENT: &str =
    "INSERT INTO registration_events (registration, at, event, state, detail, actor)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const REGISTER: &str = "INSERT INTO registrations (project, environment, object, user, webhook,
      owner, deploy, props, basis_values, public_url, variables, state, created_at, token_sealed,
      token_hash, key, found_beside)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, x'', ?14, ?15, ?16)";
const SEAL: &str = "UPDATE registrations SET token_sealed = ?2 WHERE id = ?1";
const STEP: &str = "INSERT INTO steps (project, environment, registration, deploy, kind, state,
      wave, reason, next_attempt_at, created_at)
    VALUES (?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?7, ?8, ?9)";
const WAIT: &str =
    "INSERT INTO step_waits (step, waits_for) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
const UNDEPLOY: &str = "UPDATE deployments SET ended_at = ?3
    WHERE project = ?1 AND environment = ?2 AND ended_at IS NULL";
const DEPLOYED: &str = "INSERT INTO deployments (project, environment, deploy, artifact, version,
      deployed_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const APPLIED: &str = "UPDATE deploys SET artifact = ?2, list_hash = ?3, applied_at = ?4,
      plan = ?5, unconfigured = ?6, atomic = ?7, atomic_previous = ?8
    WHERE id = ?1";
const NOT_DUE: &str = "DELETE FROM due_reconfigures WHERE project = ?1 AND environment = ?2";
const RELEASE: &str = "DELETE FROM leases WHERE project = ?1 AND environment = ?2 AND token = ?3";
const SUBJECT: &str = "SELECT p.name AS project, e.name AS environment
    FROM projects p, environments e WHERE p.id = ?1 AND e.id = ?2";
const LAST_AUDIT: &str = "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1";
const AUDIT: &str = "INSERT INTO audit (sequence, at, actor, action, subject, details, hash)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const ALL: [&str; 34] = [
    LEASE,
    DEPLOY,
    RUNNING,
    LIVE,
    REGISTRATIONS,
    WAITS,
    STEPS,
    VALUES,
    PUBLIC_URL,
    OBJECTS,
    DISABLE,
    ENABLE,
    UPDATE,
    INSERT,
    UNRELATE,
    RELATE,
    FORGET_VALUES,
    NOTE_VALUE,
    EXTRAS,
    REGISTRATION,
    MOVE,
    EVENT,
    REGISTER,
    SEAL,
    STEP,
    WAIT,
    UNDEPLOY,
    DEPLOYED,
    APPLIED,
    NOT_DUE,
    RELEASE,
    SUBJECT,
    LAST_AUDIT,
    AUDIT,
];

/// As long as a sealed token.
const SEALED: [u8; 80] = [7; 80];

/// Prepares every statement, so that none is while it is measured.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    ALL.into_iter()
        .try_for_each(|sql| connection.prepare_cached(sql).map(drop))
}

/// Everything that is to be written, as parameters of statements.
pub(super) struct Work {
    place: [i64; 2],
    deploy: i64,
    number: i64,
    artifact: String,
    list_hash: String,
    token: String,
    plan: String,
    unconfigured: String,
    details: String,
    items: Vec<Item>,
    relationships: Vec<(usize, &'static str, usize)>,
    values: Vec<(&'static str, String)>,
    leave: Vec<i64>,
    create: Vec<Create>,
    steps: Vec<Step>,
}

struct Item {
    kind: &'static str,
    name: String,
    spec: String,
}

struct Create {
    item: usize,
    webhook: String,
    props: String,
    values: String,
    public_url: String,
    variables: String,
    key: String,
    hash: [u8; 32],
}

struct Step {
    target: Target,
    kind: &'static str,
    wave: u8,
    reason: String,
    waits: Vec<Wait>,
}

impl Work {
    pub(super) fn of(ready: &Ready) -> Self {
        let apply = &ready.apply;
        let plan = &apply.plan.subscriptions;
        assert!(
            plan.supersede.is_empty()
                && plan.adopt.is_empty()
                && plan.discard.is_empty()
                && plan.revive.is_empty(),
            "nothing is open when a measured deploy begins"
        );
        let items = apply.list.items();
        let index = |key: &ObjectKey| {
            items
                .binary_search_by(|item| item.key.cmp(key))
                .expect("a relationship is between items")
        };
        Self {
            place: [apply.place.project.0, apply.place.environment.0],
            deploy: apply.deploy.0,
            number: ready.number.0,
            artifact: apply.artifact.to_string(),
            list_hash: apply.list.hash().to_string(),
            token: apply.lease.0.clone(),
            plan: text(&PlanDocument::of(&apply.plan)),
            unconfigured: text(&plan.unconfigured),
            details: domain::canonical(&json!({
                "deploy": ready.number,
                "artifact": apply.artifact,
                "deploy_list_hash": apply.list.hash(),
            })),
            items: items
                .iter()
                .map(|item| Item {
                    kind: item.key.kind.as_str(),
                    name: item.key.name.to_string(),
                    spec: item.spec.clone(),
                })
                .collect(),
            relationships: apply
                .list
                .relationships()
                .iter()
                .map(|one| (index(&one.from), one.relation.as_str(), index(&one.to)))
                .collect(),
            values: values_used(&apply.list)
                .into_iter()
                .map(|key| (key.kind.as_str(), key.name))
                .collect(),
            leave: plan.leave.iter().map(|id| id.0).collect(),
            create: creates(ready, index),
            steps: plan
                .steps
                .iter()
                .map(|step| Step {
                    target: step.target,
                    kind: step.kind.as_str(),
                    wave: step.wave.number(),
                    reason: step.reason.clone(),
                    waits: step.waits_for.clone(),
                })
                .collect(),
        }
    }
}

fn creates(ready: &Ready, index: impl Fn(&ObjectKey) -> usize) -> Vec<Create> {
    let apply = &ready.apply;
    let created = apply.plan.subscriptions.create.iter();
    created
        .zip(&apply.registrations)
        .enumerate()
        .map(|(nth, (new, secrets))| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&nth.to_le_bytes());
            hash[8..16].copy_from_slice(&ready.number.0.to_le_bytes());
            Create {
                item: index(&ObjectKey {
                    kind: ObjectKind::Webhook,
                    name: new.webhook.clone(),
                }),
                webhook: new.webhook.to_string(),
                props: new.basis.props.clone(),
                values: text(&new.basis.values.iter().collect::<Vec<_>>()),
                public_url: new.basis.public_url.clone(),
                variables: text(&secrets.variables),
                key: secrets.key.clone(),
                hash,
            }
        })
        .collect()
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it has text keys only")
}

/// Applies, in one transaction.
pub(super) fn apply(connection: &mut Connection, work: &Work) -> rusqlite::Result<()> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    read_facts(&tx, work)?;
    let ids = write_objects(&tx, work)?;
    relate(&tx, work, &ids)?;
    write_journal(&tx, work, &ids)?;
    note(&tx, work)?;
    tx.commit()
}

fn read_facts(tx: &Connection, work: &Work) -> rusqlite::Result<()> {
    read(tx, LEASE, work.place)?;
    read(tx, DEPLOY, [work.deploy])?;
    for sql in [RUNNING, LIVE, REGISTRATIONS, WAITS, STEPS, VALUES] {
        read(tx, sql, work.place)?;
    }
    read(tx, PUBLIC_URL, [work.place[1]])
}

/// Reads every column of every row and keeps none.
fn read(tx: &Connection, sql: &str, params: impl Params) -> rusqlite::Result<()> {
    let mut statement = tx.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            std::hint::black_box(row.get_ref(column)?);
        }
    }
    Ok(())
}

fn write_objects(tx: &Connection, work: &Work) -> rusqlite::Result<Vec<i64>> {
    let [project, environment] = work.place;
    let stored = stored(tx, work)?;
    tx.prepare_cached(DISABLE)?.execute(work.place)?;
    let mut enable = tx.prepare_cached(ENABLE)?;
    let mut update = tx.prepare_cached(UPDATE)?;
    let mut insert = tx.prepare_cached(INSERT)?;
    work.items
        .iter()
        .map(|item| {
            let known = stored
                .get(item.kind)
                .and_then(|names| names.get(&item.name));
            match known {
                Some((id, spec)) if *spec == item.spec => enable.execute([id]).map(|_| *id),
                Some((id, _)) => update
                    .execute(params![id, item.name, item.spec, work.deploy])
                    .map(|_| *id),
                None => insert.insert(params![
                    project,
                    environment,
                    item.kind,
                    item.name,
                    item.spec,
                    work.deploy
                ]),
            }
        })
        .collect()
}

type Stored = HashMap<String, HashMap<String, (i64, String)>>;

fn stored(tx: &Connection, work: &Work) -> rusqlite::Result<Stored> {
    let mut statement = tx.prepare_cached(OBJECTS)?;
    let mut rows = statement.query(work.place)?;
    let mut stored = Stored::new();
    while let Some(row) = rows.next()? {
        let kind = row.get_ref(1)?.as_str()?;
        let object = (row.get(2)?, (row.get(0)?, row.get(3)?));
        match stored.get_mut(kind) {
            Some(names) => names.extend([object]),
            None => {
                stored.insert(kind.to_owned(), HashMap::from([object]));
            }
        }
    }
    Ok(stored)
}

fn relate(tx: &Connection, work: &Work, ids: &[i64]) -> rusqlite::Result<()> {
    tx.prepare_cached(UNRELATE)?.execute(work.place)?;
    let mut insert = tx.prepare_cached(RELATE)?;
    for (from, relation, to) in &work.relationships {
        insert.execute(params![ids[*from], relation, ids[*to]])?;
    }
    tx.prepare_cached(FORGET_VALUES)?.execute(work.place)?;
    let mut insert = tx.prepare_cached(NOTE_VALUE)?;
    for (kind, name) in &work.values {
        insert.execute(params![work.place[0], work.place[1], kind, name])?;
    }
    Ok(())
}

fn write_journal(tx: &Connection, work: &Work, ids: &[i64]) -> rusqlite::Result<()> {
    read(tx, EXTRAS, work.place)?;
    for id in &work.leave {
        read(tx, REGISTRATION, [id])?;
        tx.prepare_cached(MOVE)?.execute(params![id, "leaving"])?;
        event(tx, *id, "leaving", "leaving")?;
    }
    let mut created = Vec::new();
    for new in &work.create {
        created.push(register(tx, work, new, ids[new.item])?);
    }
    let mut steps = Vec::new();
    for step in &work.steps {
        steps.push(plan_step(tx, work, step, &created, &steps)?);
    }
    Ok(())
}

fn register(tx: &Connection, work: &Work, new: &Create, object: i64) -> rusqlite::Result<i64> {
    let id = tx.prepare_cached(REGISTER)?.insert(params![
        work.place[0],
        work.place[1],
        object,
        None::<String>,
        new.webhook,
        work.artifact,
        work.number,
        new.props,
        new.values,
        new.public_url,
        new.variables,
        "wanted",
        NOW.as_millis(),
        new.hash,
        new.key,
        None::<i64>
    ])?;
    tx.prepare_cached(SEAL)?.execute(params![id, SEALED])?;
    event(tx, id, "wanted", "wanted")?;
    Ok(id)
}

fn event(tx: &Connection, id: i64, what: &str, state: &str) -> rusqlite::Result<()> {
    let nothing = None::<String>;
    tx.prepare_cached(EVENT)?
        .execute(params![id, NOW.as_millis(), what, state, nothing, nothing])
        .map(drop)
}

fn plan_step(
    tx: &Connection,
    work: &Work,
    step: &Step,
    created: &[i64],
    earlier: &[i64],
) -> rusqlite::Result<i64> {
    let registration = match step.target {
        Target::Existing(id) => id.0,
        Target::New(index) => created[index],
    };
    let id = tx.prepare_cached(STEP)?.insert(params![
        work.place[0],
        work.place[1],
        registration,
        work.deploy,
        step.kind,
        step.wave,
        step.reason,
        None::<i64>,
        NOW.as_millis()
    ])?;
    for wait in &step.waits {
        let on = match wait {
            Wait::Existing(step) => step.0,
            Wait::Planned(index) => earlier[*index],
        };
        tx.prepare_cached(WAIT)?.execute([id, on])?;
    }
    Ok(id)
}

fn note(tx: &Connection, work: &Work) -> rusqlite::Result<()> {
    let [project, environment] = work.place;
    let now = NOW.as_millis();
    tx.prepare_cached(UNDEPLOY)?
        .execute(params![project, environment, now])?;
    tx.prepare_cached(DEPLOYED)?.execute(params![
        project,
        environment,
        work.deploy,
        work.artifact,
        "1",
        now
    ])?;
    tx.prepare_cached(APPLIED)?.execute(params![
        work.deploy,
        work.artifact,
        work.list_hash,
        now,
        work.plan,
        work.unconfigured,
        false,
        None::<i64>
    ])?;
    tx.prepare_cached(NOT_DUE)?.execute(work.place)?;
    tx.prepare_cached(RELEASE)?
        .execute(params![project, environment, work.token])?;
    read(tx, SUBJECT, work.place)?;
    let mut last = tx.prepare_cached(LAST_AUDIT)?;
    let last: i64 = last.query([])?.next()?.map_or(Ok(0), |row| row.get(0))?;
    tx.prepare_cached(AUDIT)?
        .execute(params![
            last + 1,
            now,
            ACTOR,
            "deploy.apply",
            "bench/development",
            work.details,
            [7_u8; 32]
        ])
        .map(drop)
}
