//! Runs that wait: whose turn it is, how attempts begin and end, what a crash leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::{ArtifactDigest, MAX_ATTEMPTS, Patience, Place, RunId, RunStatus, Timestamp};
use rusqlite::Connection;

use super::fixture::{Fixture, action, at};
use crate::{
    BegunAttemptOfRun, DataDir, Error, FinishRun, KeySource, QueueRun, RunError, RunFilter,
    RunKind, RunOn, RunUsage, Store, Waiting,
};

fn queued(place: Place, now: Timestamp) -> QueueRun {
    QueueRun::new(place, RunKind::Action, "a".parse().unwrap(), now)
}

/// A place where the action `a` is live, and its artifact.
async fn deployed() -> (Fixture, ArtifactDigest) {
    let fixture = Fixture::new().await;
    fixture.deploy(vec![action("a", "1")], &[]).await;
    let live = fixture.store.live(fixture.place).await.unwrap().unwrap();
    (fixture, live.artifact)
}

fn ended(run: RunId, status: RunStatus, next: Option<Timestamp>) -> FinishRun {
    let failed = status != RunStatus::Succeeded;
    FinishRun {
        run,
        status,
        next_attempt_at: next,
        output: (!failed).then(|| "{}".to_owned()),
        error: failed.then(|| RunError {
            code: "run-failed".to_owned(),
            message: "no".to_owned(),
            retryable: true,
        }),
        logs: Vec::new(),
        requests: Vec::new(),
        usage: RunUsage::default(),
        duration: Duration::from_millis(1),
        kv_writes: Vec::new(),
        now: at(20),
    }
}

async fn status(fixture: &Fixture, run: RunId) -> RunStatus {
    fixture.store.run(run).await.unwrap().unwrap().status
}

async fn turns(store: &Store, waiting: Waiting, now: Timestamp) -> Vec<i64> {
    let turns = store.waiting_runs(waiting, now).await.unwrap();
    turns.into_iter().map(|turn| turn.run.0).collect()
}

fn room(limit: usize) -> Waiting {
    Waiting {
        per_place: 16,
        limit,
        ..Waiting::default()
    }
}

#[tokio::test]
async fn a_run_that_waits_begins_only_on_what_is_live() {
    let (fixture, artifact) = deployed().await;
    let store = &fixture.store;
    let run = store
        .enqueue_run(queued(fixture.place, at(5)))
        .await
        .unwrap();
    let record = store.run(run).await.unwrap().unwrap();
    assert_eq!(record.status, RunStatus::Queued);
    assert_eq!((record.artifact, record.started_at), (None, None));
    let other = ArtifactDigest::of(b"another");
    let begun = store.begin_attempt_of_run(run, other, at(6)).await.unwrap();
    assert_eq!(begun, BegunAttemptOfRun::NotLive);
    assert_eq!(status(&fixture, run).await, RunStatus::Queued);
    let begun = store
        .begin_attempt_of_run(run, artifact, at(6))
        .await
        .unwrap();
    assert_eq!(begun, BegunAttemptOfRun::Begun { attempt: 1 });
    let again = store
        .begin_attempt_of_run(run, artifact, at(7))
        .await
        .unwrap();
    assert_eq!(again, BegunAttemptOfRun::NotWaiting(RunStatus::Running));
    // The object is gone, the artifact's deploy is not the live one.
    fixture.deploy(vec![action("b", "1")], &[]).await;
    let gone = store
        .enqueue_run(queued(fixture.place, at(8)))
        .await
        .unwrap();
    let live = store.live(fixture.place).await.unwrap().unwrap().artifact;
    for artifact in [artifact, live] {
        let begun = store
            .begin_attempt_of_run(gone, artifact, at(9))
            .await
            .unwrap();
        assert_eq!(begun, BegunAttemptOfRun::NotLive);
    }
    assert_eq!(
        store
            .begin_run(queued(fixture.place, at(8)), RunOn::Live(artifact))
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn each_attempt_is_kept_and_the_run_shows_the_last() {
    let (fixture, artifact) = deployed().await;
    let store = &fixture.store;
    let run = store
        .enqueue_run(queued(fixture.place, at(5)))
        .await
        .unwrap();
    store
        .begin_attempt_of_run(run, artifact, at(6))
        .await
        .unwrap();
    store
        .finish_run(ended(run, RunStatus::Retrying, Some(at(30))))
        .await
        .unwrap();
    let record = store.run(run).await.unwrap().unwrap();
    assert_eq!(record.next_attempt_at, Some(at(30)));
    assert_eq!(record.finished_at, None);
    assert_eq!(record.error.unwrap().code, "run-failed");
    fixture.deploy(vec![action("a", "2")], &[]).await;
    let newer = store.live(fixture.place).await.unwrap().unwrap().artifact;
    store
        .begin_attempt_of_run(run, newer, at(31))
        .await
        .unwrap();
    store
        .finish_run(ended(run, RunStatus::Succeeded, None))
        .await
        .unwrap();
    let record = store.run(run).await.unwrap().unwrap();
    assert_eq!(record.artifact, Some(newer));
    assert_eq!((record.attempts, record.error), (2, None));
    assert_eq!(record.started_at, Some(at(6)));
    let attempts = store.run_attempts(run).await.unwrap();
    let seen: Vec<_> = attempts
        .iter()
        .map(|attempt| (attempt.number, attempt.artifact, attempt.outcome))
        .collect();
    assert_eq!(
        seen,
        [
            (1, artifact, RunStatus::Failed),
            (2, newer, RunStatus::Succeeded)
        ]
    );
    assert!(store.run_attempt_logs(run, 2).await.unwrap().is_some());
    assert!(store.run_attempt_logs(run, 3).await.unwrap().is_none());
}

#[tokio::test]
async fn a_run_that_is_over_ends_no_second_time_and_does_not_begin_again() {
    let (fixture, artifact) = deployed().await;
    let store = &fixture.store;
    let run = store
        .begin_run(queued(fixture.place, at(5)), RunOn::Live(artifact))
        .await
        .unwrap()
        .unwrap();
    // No attempt of a running run leaves it waiting for its first.
    let error = store
        .finish_run(ended(run, RunStatus::Queued, None))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::IllegalRunMove(_)), "{error}");
    store
        .finish_run(ended(run, RunStatus::Failed, None))
        .await
        .unwrap();
    let error = store
        .finish_run(ended(run, RunStatus::Succeeded, None))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
    let begun = store
        .begin_attempt_of_run(run, artifact, at(6))
        .await
        .unwrap();
    assert_eq!(begun, BegunAttemptOfRun::NotWaiting(RunStatus::Failed));
    let cancelled = store.cancel_run(run, at(7)).await.unwrap();
    assert_eq!(cancelled, Err(RunStatus::Failed));
}

#[tokio::test]
async fn places_take_turns_however_much_waits_in_one_of_them() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let mut places = vec![fixture.place];
    for name in ["second", "third"] {
        let project = store
            .ensure_project(name.parse().unwrap(), at(0))
            .await
            .unwrap();
        places.push(Place {
            project: project.id,
            environment: fixture.place.environment,
        });
    }
    // Runs 1 to 6 wait in the first place, 7 and 8 in the second, 9 in the third.
    for (place, count) in [(0, 6), (1, 2), (2, 1)] {
        for _ in 0..count {
            store
                .enqueue_run(queued(places[place], at(5)))
                .await
                .unwrap();
        }
    }
    let now = at(6);
    assert_eq!(turns(store, room(5), now).await, [1, 7, 9, 2, 8]);
    assert_eq!(turns(store, room(2), now).await, [1, 7]);
    let after = |place| Waiting {
        after: Some(places[place]),
        ..room(2)
    };
    assert_eq!(turns(store, after(1), now).await, [9, 1]);
    assert_eq!(turns(store, after(2), now).await, [1, 7]);
    let busy = Waiting {
        busy: BTreeMap::from([(places[0], BTreeSet::from([RunId(1), RunId(2)]))]),
        per_place: 3,
        ..room(9)
    };
    assert_eq!(turns(store, busy, now).await, [3, 7, 9, 8]);
}

#[tokio::test]
async fn a_run_that_is_retried_waits_for_its_time_unless_the_clock_went_back() {
    let (fixture, artifact) = deployed().await;
    let store = &fixture.store;
    let mut runs = Vec::new();
    for wait in [100, 50] {
        let run = store
            .begin_run(queued(fixture.place, at(5)), RunOn::Live(artifact))
            .await
            .unwrap()
            .unwrap();
        store
            .finish_run(ended(run, RunStatus::Retrying, Some(at(wait))))
            .await
            .unwrap();
        runs.push(run.0);
    }
    assert_eq!(turns(store, room(9), at(49)).await, [0_i64; 0]);
    assert_eq!(store.next_run_due(at(49)).await.unwrap(), Some(at(50)));
    assert_eq!(turns(store, room(9), at(50)).await, [runs[1]]);
    assert_eq!(store.next_run_due(at(50)).await.unwrap(), Some(at(100)));
    assert_eq!(turns(store, room(9), at(100)).await, [runs[1], runs[0]]);
    assert_eq!(store.next_run_due(at(100)).await.unwrap(), None);
    // No run waits for days: the clock was wrong when these were stored.
    let days_before = at(-3 * 86_400);
    assert_eq!(turns(store, room(9), days_before).await, [runs[1], runs[0]]);
    // One that waits for its first attempt has no time to wait for.
    let fresh = store
        .enqueue_run(queued(fixture.place, at(200)))
        .await
        .unwrap();
    assert_eq!(turns(store, room(9), at(10)).await, [fresh.0]);
}

#[tokio::test]
async fn a_crash_leaves_for_another_attempt_what_may_be_repeated() {
    let (fixture, artifact) = deployed().await;
    let store = &fixture.store;
    let mut runs = BTreeMap::new();
    for patience in Patience::ALL {
        let run = QueueRun {
            patience,
            ..queued(fixture.place, at(5))
        };
        let run = store
            .begin_run(run, RunOn::Live(artifact))
            .await
            .unwrap()
            .unwrap();
        runs.insert(patience, run);
    }
    let recovered = store.recover(at(9)).await.unwrap();
    assert_eq!(recovered.runs.len(), 3);
    let answered = store.run(runs[&Patience::Answered]).await.unwrap().unwrap();
    assert_eq!(answered.status, RunStatus::Interrupted);
    assert_eq!(answered.finished_at, Some(at(9)));
    assert_eq!(answered.error.unwrap().code, "run-interrupted");
    for patience in [Patience::Repeatable, Patience::Queued] {
        let record = store.run(runs[&patience]).await.unwrap().unwrap();
        assert_eq!(record.status, RunStatus::Retrying);
        assert_eq!(record.next_attempt_at, Some(at(9)));
        // Whoever waited for an answer is gone.
        assert_eq!(record.patience, Patience::Queued);
        let attempts = store.run_attempts(record.id).await.unwrap();
        assert_eq!(attempts[0].outcome, RunStatus::Interrupted);
    }
    assert!(store.recover(at(10)).await.unwrap().runs.is_empty());
}

#[tokio::test]
async fn a_run_that_takes_every_process_with_it_is_given_up() {
    let (fixture, artifact) = deployed().await;
    let store = &fixture.store;
    let run = store
        .enqueue_run(queued(fixture.place, at(5)))
        .await
        .unwrap();
    for attempt in 1..=MAX_ATTEMPTS {
        let begun = store
            .begin_attempt_of_run(run, artifact, at(6))
            .await
            .unwrap();
        assert_eq!(begun, BegunAttemptOfRun::Begun { attempt });
        store.recover(at(7)).await.unwrap();
    }
    assert_eq!(status(&fixture, run).await, RunStatus::Dead);
}

#[tokio::test]
async fn only_what_waits_fails_without_an_attempt() {
    let (fixture, artifact) = deployed().await;
    let store = &fixture.store;
    let error = || RunError {
        code: "object-unknown".to_owned(),
        message: "gone".to_owned(),
        retryable: false,
    };
    let waiting = store
        .enqueue_run(queued(fixture.place, at(5)))
        .await
        .unwrap();
    store
        .fail_waiting_run(waiting, error(), at(6))
        .await
        .unwrap();
    let record = store.run(waiting).await.unwrap().unwrap();
    assert_eq!(record.status, RunStatus::Failed);
    assert_eq!((record.attempts, record.finished_at), (0, Some(at(6))));
    let running = store
        .begin_run(queued(fixture.place, at(5)), RunOn::Live(artifact))
        .await
        .unwrap()
        .unwrap();
    for run in [waiting, running] {
        let refused = store
            .fail_waiting_run(run, error(), at(7))
            .await
            .unwrap_err();
        assert!(matches!(refused, Error::IllegalRunMove(_)), "{refused}");
    }
    let place = fixture.place;
    assert_eq!(store.count_runs(place, RunStatus::Failed).await.unwrap(), 1);
    assert_eq!(store.count_runs(place, RunStatus::Queued).await.unwrap(), 0);
}

#[tokio::test]
async fn what_waits_or_was_interrupted_is_cancelled_and_what_runs_is_not() {
    let (fixture, artifact) = deployed().await;
    let store = &fixture.store;
    let waiting = store
        .enqueue_run(queued(fixture.place, at(5)))
        .await
        .unwrap();
    assert_eq!(store.cancel_run(waiting, at(6)).await.unwrap(), Ok(()));
    let record = store.run(waiting).await.unwrap().unwrap();
    assert_eq!(record.status, RunStatus::Cancelled);
    assert_eq!(record.finished_at, Some(at(6)));
    assert_eq!(turns(store, room(9), at(7)).await, [0_i64; 0]);
    let running = QueueRun {
        patience: Patience::Answered,
        ..queued(fixture.place, at(5))
    };
    let running = store
        .begin_run(running, RunOn::Live(artifact))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        store.cancel_run(running, at(6)).await.unwrap(),
        Err(RunStatus::Running)
    );
    store.recover(at(7)).await.unwrap();
    assert_eq!(store.cancel_run(running, at(8)).await.unwrap(), Ok(()));
    let error = store.cancel_run(RunId(99), at(8)).await.unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
}

#[tokio::test]
async fn runs_of_an_older_database_are_kept_with_their_logs_and_ids_are_not_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let key = KeySource::Given(domain::Secret::new("00".repeat(32)));
    let data = DataDir::open(dir.path().join("data"), &key).unwrap();
    let dump = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/dumps/0001.sql");
    let connection = Connection::open(data.database()).unwrap();
    connection
        .execute_batch(&std::fs::read_to_string(dump).unwrap())
        .unwrap();
    connection
        .execute_batch(
            r#"INSERT INTO run_details VALUES (1,
                 '[{"at":"2023-11-14T22:13:20Z","level":"info","message":"hi","fields":{}}]', '[]');
               INSERT INTO runs (id, project, environment, kind, object, artifact, trigger, status,
                 input, started_at)
                 SELECT 7, project, environment, kind, object, artifact, trigger, 'running', input,
                   started_at FROM runs;
               UPDATE sqlite_sequence SET seq = 40 WHERE name = 'runs';
               INSERT INTO objects VALUES (9, 1, 1, 'workflow', 'tidy', 1,
                 '{"kind":"workflow","name":"tidy","trigger":{"on":"schedule","cron":"0 * * * *",
                   "time_zone":"UTC","catch_up":"once"},"on_by_default":false,"title":"",
                   "integration":null,"secrets":[],"variables":[],"hosts":[],"timeout_ms":null,
                   "renamed_from":null}', 1);"#,
        )
        .unwrap();
    drop(connection);
    let store = Store::open(&data).await.unwrap();
    let place = store.deployed(None).await.unwrap()[0].place;
    let runs = store.runs(place, RunFilter::default(), 10).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.id.0).collect::<Vec<_>>(), [7, 1]);
    assert_eq!(runs[1].attempts, 1);
    assert_eq!(store.run_logs(RunId(1)).await.unwrap()[0].message, "hi");
    assert_eq!(store.run_attempts(RunId(1)).await.unwrap().len(), 1);
    // The process that ran it is gone: nobody knows what it did.
    store.recover(at(9)).await.unwrap();
    let cut = store.run(RunId(7)).await.unwrap().unwrap();
    assert_eq!(cut.status, RunStatus::Interrupted);
    let next = store.enqueue_run(queued(place, at(9))).await.unwrap();
    assert_eq!(next, RunId(41));
    // Deployed two hours and a half before now, it has missed ticks, and catches up once.
    let deployed = store.deployed(None).await.unwrap()[0].deployed_at;
    let now = deployed.after(Duration::from_secs(9_000));
    let ticked = store.tick(now).await.unwrap();
    assert_eq!(ticked.started.len(), 1);
    assert_eq!(store.examine().await.unwrap().problems, []);
}
