//! The journal of steps: an attempt is two commits, one before the guest is called, one after.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use domain::{
    ArtifactDigest, Attempt, DeployNumber, HookOutcome, Requests, Secret, Step, StepKind,
    Subscription, conclude,
};
use rusqlite::{Connection, TransactionBehavior};
use store::{BeginAttempt, FinishAttempt, NewOwner, Store};

use crate::directory::{connect, copy_database};
use crate::measure::{Side, Times, timed};
use crate::project;
use crate::scene::{NOW, Scene};
use crate::table::{Limit, Row};

const OBJECTS: usize = 10_000;
/// Attempts between two turns.
const TURN: usize = 25;

/// Measures attempts of 500 subscribes beside two commits of one row each.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let scene = runtime.block_on(applied())?;
    let steps = runtime.block_on(scene.store.open_steps(scene.place))?;
    let by_hand = scene.file_beside("floor.db");
    copy_database(&scene.database(), &by_hand)?;
    let mut floor = floor_connection(&by_hand)?;

    let mut times = Times::default();
    for (round, turn) in steps.chunks(TURN).enumerate() {
        for side in Side::in_turn(round) {
            let (done, time) = timed(|| match side {
                Side::Ours => runtime.block_on(attempts(&scene.store, turn)),
                Side::Floor => turn
                    .iter()
                    .try_for_each(|step| by_hand_twice(&mut floor, step)),
            });
            done?;
            times.add(side, per_attempt(time, turn.len()));
        }
    }
    Ok(vec![Row::in_turns(
        "journalled attempt: begin and finish, 2 durable commits",
        &times,
        Limit::None,
    )])
}

async fn applied() -> Result<Scene> {
    let scene = Scene::new().await?;
    let ready = scene.ready(&project::declared(OBJECTS, 1)?, 1).await?;
    let _ = scene.store.apply(ready.apply).await?;
    Ok(scene)
}

fn per_attempt(time: Duration, attempts: usize) -> Duration {
    time / u32::try_from(attempts).unwrap_or(u32::MAX)
}

async fn attempts(store: &Store, steps: &[Step]) -> Result<()> {
    for step in steps {
        attempt(store, step).await?;
    }
    Ok(())
}

/// Attempts a step with success, without calling any guest.
pub(crate) async fn attempt(store: &Store, step: &Step) -> Result<()> {
    let artifact = ArtifactDigest::of(b"the artifact that attempts");
    let begun = store
        .begin_attempt(
            step.id,
            BeginAttempt {
                call: step.kind,
                artifact,
                deploy: DeployNumber(1),
                webhook: step.webhook.clone(),
                public_url: "http://127.0.0.1:4601".to_owned(),
                key: "key".to_owned(),
                variables: [("TOPIC".to_owned(), "orders".to_owned())].into(),
                now: NOW,
            },
        )
        .await?;
    let finish = FinishAttempt {
        attempt: begun.id,
        step: step.id,
        conclusion: conclude(success(step, begun.attempts), NOW, 0),
        owner: (step.kind == StepKind::Subscribe).then(|| NewOwner {
            artifact,
            deploy: DeployNumber(1),
            webhook: step.webhook.clone(),
            variables: [("TOPIC".to_owned(), "orders".to_owned())].into(),
        }),
        new_key: "next key".to_owned(),
        extra_keys: Vec::new(),
        recheck_at: NOW,
        kv_writes: Vec::new(),
        now: NOW,
    };
    let _ = store.finish_attempt(finish).await?;
    Ok(())
}

fn success(step: &Step, attempts: u32) -> Attempt {
    Attempt {
        kind: step.kind,
        call: step.kind,
        registration: domain::RegistrationState::Wanted,
        attempts,
        checks: 0,
        unwanted: false,
        can_check: false,
        known: None,
        siblings: Vec::new(),
        expires_at: None,
        needs_issued_secret: false,
        was_unknown: false,
        outcome: HookOutcome::Subscribed(Subscription {
            unsubscribe_props: Secret::new(format!("{{\"hook\":{}}}", step.id)),
            expires_at: None,
            signing_secret: None,
        }),
        requests: Requests::Answered,
    }
}

const ONE_ROW: &str = "UPDATE steps SET state = ?2 WHERE id = ?1";

fn floor_connection(path: &Path) -> Result<Connection> {
    let connection = connect(path)?;
    drop(connection.prepare_cached(ONE_ROW)?);
    Ok(connection)
}

fn by_hand_twice(connection: &mut Connection, step: &Step) -> Result<()> {
    for state in ["running", "done"] {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction
            .prepare_cached(ONE_ROW)?
            .execute((step.id.0, state))?;
        transaction.commit()?;
    }
    Ok(())
}
