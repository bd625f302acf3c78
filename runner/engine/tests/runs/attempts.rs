//! What becomes of a run that waits, attempt by attempt.

use std::sync::Arc;
use std::time::Duration;

use domain::{RunStatus, Secret, ValueKey, ValueKind};
use engine::{ActionRun, Code, Coded, DispatchLimits, Engine, RunError, Unobserved, ValueRequest};
use serde_json::json;
use tokio::sync::Notify;

use crate::guests::{Act, Declared};
use crate::world::{World, act, all_runs, ask, comes_to, environment, project, stands, submit};

const MAY_SUCCEED: Act = Act::Refuse {
    retryable: true,
    after: None,
};

#[test]
fn a_run_is_retried_with_the_same_key_until_it_succeeds() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.stage.next("act", MAY_SUCCEED);
    world.stage.next("act", Act::Exceed);
    let clock = Arc::clone(&world.clock);
    let report = world
        .live(None, |owner| async move {
            let dispatcher = owner.dispatch(DispatchLimits::default());
            let run = submit(&owner).await;
            let report = comes_to(&owner, &clock, run, RunStatus::Succeeded).await;
            dispatcher.stop(Duration::ZERO).await;
            report
        })
        .unwrap();
    assert_eq!(report.attempts, 3);
    assert_eq!(report.output, Some(json!(1)));
    let outcomes: Vec<RunStatus> = report.history.iter().map(|one| one.outcome).collect();
    assert_eq!(
        outcomes,
        [RunStatus::Failed, RunStatus::Failed, RunStatus::Succeeded]
    );
    let calls = world.stage.calls();
    assert_eq!(calls.len(), 3);
    for (number, call) in (1..).zip(&calls) {
        assert_eq!((call.attempt, call.key.as_str()), (number, "run-1"));
    }
}

#[test]
fn a_guest_that_says_when_is_not_tried_before() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.stage.next(
        "act",
        Act::Refuse {
            retryable: true,
            after: Some(Duration::from_secs(7_200)),
        },
    );
    world.live(None, |owner| async move {
        let _dispatcher = owner.dispatch(DispatchLimits::default());
        let run = submit(&owner).await;
        let report = stands(&owner, run, RunStatus::Retrying).await;
        let began = report.started_at.unwrap();
        let wait = report.next_attempt_at.unwrap().since(began);
        assert_eq!(wait, Duration::from_secs(7_200));
    });
}

#[test]
fn a_run_that_never_succeeds_is_dead_after_12_attempts() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.stage.usually(MAY_SUCCEED);
    let clock = Arc::clone(&world.clock);
    let report = world
        .live(None, |owner| async move {
            let _dispatcher = owner.dispatch(DispatchLimits::default());
            let run = submit(&owner).await;
            let report = comes_to(&owner, &clock, run, RunStatus::Dead).await;
            let notes = notes(&owner).await;
            assert!(
                notes.contains("1 run was given up after 12 attempts"),
                "{notes}"
            );
            report
        })
        .unwrap();
    assert_eq!((report.attempts, report.history.len()), (12, 12));
    assert_eq!(report.error.unwrap().code, "run-failed");
    assert_eq!(world.stage.calls().len(), 12);
}

#[test]
fn status_says_that_what_waits_has_nobody_to_start_it() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.live(None, |owner| async move {
        submit(&owner).await;
        submit(&owner).await;
        assert_eq!(notes(&owner).await, "");
        let engine = Engine::clone(&owner);
        drop(owner);
        let notes = notes(&engine).await;
        assert!(notes.contains("2 runs wait and no process"), "{notes}");
    });
}

async fn notes(engine: &Engine) -> String {
    let reports = engine
        .status(&project(), Some(&environment()))
        .await
        .unwrap();
    reports[0].notes.join("; ")
}

#[test]
fn a_final_error_is_the_last_word() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.stage.next(
        "act",
        Act::Refuse {
            retryable: false,
            after: None,
        },
    );
    let report = world
        .live(None, |owner| async move {
            let _dispatcher = owner.dispatch(DispatchLimits::default());
            let run = submit(&owner).await;
            stands(&owner, run, RunStatus::Failed).await
        })
        .unwrap();
    assert_eq!((report.attempts, report.next_attempt_at), (1, None));
}

#[test]
fn a_run_that_somebody_waits_for_is_tried_once() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.stage.next("act", MAY_SUCCEED);
    let report = world
        .live(None, |owner| async move {
            owner.run(ask("shop", "act")).await.unwrap()
        })
        .unwrap();
    assert_eq!((report.status, report.attempts), (RunStatus::Failed, 1));
}

#[test]
fn an_input_that_is_not_valid_starts_nothing() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.live(None, |owner| async move {
        let wrong = ActionRun {
            input: json!({"n": "one"}),
            ..ask("shop", "act")
        };
        for refused in [
            owner.submit(wrong.clone()).await.unwrap_err(),
            owner.run(wrong).await.unwrap_err(),
        ] {
            assert_eq!(refused.code(), Code::InputInvalid);
            assert!(refused.to_string().contains("/n"), "{refused}");
        }
        assert!(all_runs(&owner).await.is_empty());
    });
    assert!(world.stage.calls().is_empty());
}

#[test]
fn a_run_that_lacks_a_value_waits_until_it_is_set() {
    let world = World::new();
    world.deploy(vec![Declared::Needy]);
    let clock = Arc::clone(&world.clock);
    let report = world
        .live(None, |owner| async move {
            let _dispatcher = owner.dispatch(DispatchLimits::default());
            let run = owner.submit(ask("shop", "needy")).await.unwrap();
            let waiting = stands(&owner, run, RunStatus::Retrying).await;
            let why = waiting.error.unwrap();
            assert_eq!(why.code, "value-unknown");
            assert!(why.message.contains("NEEDED"), "{}", why.message);
            let request = ValueRequest {
                project: project(),
                environment: environment(),
                key: ValueKey {
                    kind: ValueKind::Variable,
                    name: "NEEDED".to_owned(),
                },
            };
            owner
                .set_value(request, Secret::new("yes"), &Unobserved)
                .await
                .unwrap();
            comes_to(&owner, &clock, run, RunStatus::Succeeded).await
        })
        .unwrap();
    assert_eq!(world.stage.calls().len(), 1);
    assert_eq!(report.attempts, 2);
}

#[test]
fn a_run_that_waits_is_cancelled_and_never_called() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.live(None, |owner| async move {
        let run = submit(&owner).await;
        let report = owner.cancel(run).await.unwrap();
        assert_eq!(report.status, RunStatus::Cancelled);
        let _dispatcher = owner.dispatch(DispatchLimits::default());
        let other = submit(&owner).await;
        stands(&owner, other, RunStatus::Succeeded).await;
        let error = owner.cancel(other).await.unwrap_err();
        assert!(matches!(error, RunError::NotCancellable { .. }), "{error}");
    });
    assert_eq!(world.stage.calls().len(), 1);
}

#[test]
fn a_run_under_way_is_stopped_when_it_is_cancelled() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.stage.usually(Act::Hang);
    let stage = world.stage.clone();
    world.live(None, |owner| async move {
        let _dispatcher = owner.dispatch(DispatchLimits::default());
        let queued = submit(&owner).await;
        stage.called(1).await;
        let report = owner.cancel(queued).await.unwrap();
        assert_eq!(report.status, RunStatus::Cancelled);
        assert_eq!(report.history[0].outcome, RunStatus::Cancelled);
        // The same for one that somebody waits for, who is told.
        let asker = Arc::clone(&owner);
        let answer = tokio::spawn(async move { asker.run(ask("shop", "act")).await });
        stage.called(2).await;
        let run = all_runs(&owner).await.last().unwrap().run;
        owner.cancel(run).await.unwrap();
        let told = answer.await.unwrap().unwrap();
        assert_eq!((told.run, told.status), (run, RunStatus::Cancelled));
        // Nothing of the guests is left.
        stage.busy(0).await;
    });
}

#[test]
fn more_than_there_is_room_for_is_refused_and_not_kept_in_memory() {
    let world = World::new();
    world.deploy(vec![act()]);
    let released = Arc::new(Notify::new());
    world.stage.usually(Act::Hang);
    let stage = world.stage.clone();
    world.live(None, |owner| async move {
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..256 {
            let owner = Arc::clone(&owner);
            waiting.spawn(async move { owner.run(ask("shop", "act")).await });
        }
        stage.called(256).await;
        let error = owner.run(ask("shop", "act")).await.unwrap_err();
        assert_eq!(error.code(), Code::Overloaded);
        // Room comes back with the end of each.
        let run = all_runs(&owner).await[0].run;
        owner.cancel(run).await.unwrap();
        waiting.join_next().await.unwrap().unwrap().unwrap();
        stage.next("act", Act::Wait(Arc::clone(&released)));
        released.notify_one();
        let report = owner.run(ask("shop", "act")).await.unwrap();
        assert_eq!(report.status, RunStatus::Succeeded);
    });
}
