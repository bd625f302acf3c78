//! Runs while deploys go by, and whose turn it is.

use std::sync::Arc;
use std::time::Duration;

use domain::RunStatus;
use engine::{DispatchLimits, Replay};
use serde_json::json;
use tokio::sync::Notify;

use crate::guests::{Act, Declared};
use crate::world::{World, act, ask, comes_to, deploy, stands, submit};

#[test]
fn a_run_under_way_ends_on_its_artifact_and_the_next_runs_the_new_one() {
    let world = World::new();
    world.deploy(vec![act()]);
    let newer = world.component("shop", vec![act()], 2);
    let released = Arc::new(Notify::new());
    for _ in 0..2 {
        world.stage.next("act", Act::Wait(Arc::clone(&released)));
    }
    let stage = world.stage.clone();
    world.live(None, |owner| async move {
        let _dispatcher = owner.dispatch(DispatchLimits::default());
        let queued = submit(&owner).await;
        let asker = Arc::clone(&owner);
        let answered = tokio::spawn(async move { asker.run(ask("shop", "act")).await });
        stage.called(2).await;
        deploy(&owner, newer).await;
        let next = submit(&owner).await;
        let next = stands(&owner, next, RunStatus::Succeeded).await;
        released.notify_waiters();
        let queued = stands(&owner, queued, RunStatus::Succeeded).await;
        let answered = answered.await.unwrap().unwrap();
        assert_eq!(queued.output, Some(json!(1)));
        assert_eq!(answered.output, Some(json!(1)));
        assert_eq!(next.output, Some(json!(2)));
        assert_eq!(queued.artifact, answered.artifact);
        assert_ne!(queued.artifact, next.artifact);
        let again = owner.replay(queued.run, Replay::Original).await.unwrap();
        assert_eq!(again.output, Some(json!(1)));
        let again = owner.replay(queued.run, Replay::Current).await.unwrap();
        assert_eq!(again.output, Some(json!(2)));
    });
}

#[test]
fn a_retry_runs_what_is_live_by_then() {
    let world = World::new();
    world.deploy(vec![act()]);
    let newer = world.component("shop", vec![act()], 2);
    world.stage.next("act", Act::Exceed);
    let clock = Arc::clone(&world.clock);
    world.live(None, |owner| async move {
        let _dispatcher = owner.dispatch(DispatchLimits::default());
        let run = submit(&owner).await;
        stands(&owner, run, RunStatus::Retrying).await;
        deploy(&owner, newer).await;
        let report = comes_to(&owner, &clock, run, RunStatus::Succeeded).await;
        assert_eq!(report.output, Some(json!(2)));
        assert_ne!(report.history[0].artifact, report.history[1].artifact);
    });
}

#[test]
fn a_run_whose_object_is_gone_fails_for_good_and_says_so() {
    let world = World::new();
    world.deploy(vec![act()]);
    let without = world.component("shop", vec![Declared::Workflow("other".to_owned())], 2);
    world.stage.next("act", Act::Exceed);
    let clock = Arc::clone(&world.clock);
    world.live(None, |owner| async move {
        let dispatcher = owner.dispatch(DispatchLimits::default());
        let retried = submit(&owner).await;
        stands(&owner, retried, RunStatus::Retrying).await;
        dispatcher.stop(Duration::ZERO).await;
        let queued = submit(&owner).await;
        deploy(&owner, without).await;
        let _dispatcher = owner.dispatch(DispatchLimits::default());
        for run in [queued, retried] {
            let report = comes_to(&owner, &clock, run, RunStatus::Failed).await;
            let error = report.error.unwrap();
            assert_eq!(error.code, "object-unknown");
            assert_eq!(
                error.message,
                "action act is not live in development any more"
            );
        }
    });
    assert_eq!(world.stage.calls().len(), 1);
}

#[test]
fn projects_take_turns_and_none_has_more_than_its_share() {
    let world = World::new();
    world.deploy(vec![act()]);
    let named = |name: &str| Declared::Action {
        name: name.to_owned(),
        idempotent: false,
    };
    let others = [
        world.component("books", vec![named("lend")], 1),
        world.component("cakes", vec![named("bake")], 1),
    ];
    let stage = world.stage.clone();
    world.live(None, |owner| async move {
        for other in others {
            deploy(&owner, other).await;
        }
        let mut last = None;
        for (project, action, count) in [
            ("shop", "act", 4),
            ("books", "lend", 2),
            ("cakes", "bake", 1),
        ] {
            for _ in 0..count {
                last = Some(owner.submit(ask(project, action)).await.unwrap());
            }
        }
        let one_at_a_time = DispatchLimits {
            per_place: 1,
            overall: 1,
        };
        let _dispatcher = owner.dispatch(one_at_a_time);
        stage.called(7).await;
        stands(&owner, last.unwrap(), RunStatus::Succeeded).await;
    });
    assert_eq!(
        world.stage.order(),
        ["act", "lend", "bake", "act", "lend", "act", "act"]
    );
    assert_eq!(world.stage.busiest(), 1);
}

#[test]
fn a_place_has_as_many_runs_under_way_as_it_may_and_no_more() {
    let world = World::new();
    world.deploy(vec![act()]);
    let released = Arc::new(Notify::new());
    world.stage.usually(Act::Wait(Arc::clone(&released)));
    let stage = world.stage.clone();
    world.live(None, |owner| async move {
        let limits = DispatchLimits {
            per_place: 3,
            overall: 10,
        };
        let _dispatcher = owner.dispatch(limits);
        let mut runs = Vec::new();
        for _ in 0..7 {
            runs.push(submit(&owner).await);
        }
        stage.busy(3).await;
        let mut commits = owner.commits();
        for called in 3..=7 {
            stage.called(called).await;
            released.notify_one();
        }
        for run in runs {
            while owner.run_report(run).await.unwrap().status != RunStatus::Succeeded {
                released.notify_waiters();
                commits.changed().await.unwrap();
            }
        }
    });
    assert_eq!(world.stage.busiest(), 3);
}
