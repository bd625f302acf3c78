//! The end of a dispatcher, and of whoever waits.

use std::sync::Arc;
use std::time::Duration;

use domain::RunStatus;
use engine::DispatchLimits;
use tokio::sync::Notify;

use crate::guests::Act;
use crate::world::{World, act, all_runs, ask, stands, submit};

#[test]
fn a_graceful_end_starts_nothing_more_and_waits_for_what_is_under_way() {
    let world = World::new();
    world.deploy(vec![act()]);
    let released = Arc::new(Notify::new());
    world.stage.next("act", Act::Wait(Arc::clone(&released)));
    let stage = world.stage.clone();
    world.live(None, |owner| async move {
        let limits = DispatchLimits {
            per_place: 1,
            overall: 1,
        };
        let dispatcher = owner.dispatch(limits);
        let first = submit(&owner).await;
        let second = submit(&owner).await;
        stage.called(1).await;
        let stopped = tokio::spawn(dispatcher.stop(Duration::from_secs(30)));
        assert!(!stopped.is_finished());
        released.notify_one();
        stopped.await.unwrap();
        let first = owner.run_report(first).await.unwrap();
        assert_eq!(first.status, RunStatus::Succeeded);
        let second = owner.run_report(second).await.unwrap();
        assert_eq!(second.status, RunStatus::Queued);
    });
}

#[test]
fn a_dispatcher_rests_when_all_that_is_left_waits_for_its_time() {
    let world = World::new();
    world.deploy(vec![act()]);
    let refused = Act::Refuse {
        retryable: true,
        after: Some(Duration::from_secs(60)),
    };
    world.stage.next("act", refused);
    world.live(None, |owner| async move {
        let limits = DispatchLimits {
            per_place: 1,
            overall: 1,
        };
        let first = submit(&owner).await;
        let second = submit(&owner).await;
        let mut dispatcher = owner.dispatch(limits);
        dispatcher.rest().await;
        let first = owner.run_report(first).await.unwrap();
        assert_eq!(first.status, RunStatus::Retrying);
        let second = owner.run_report(second).await.unwrap();
        assert_eq!(second.status, RunStatus::Succeeded);
        dispatcher.stop(Duration::ZERO).await;
    });
}

#[test]
fn what_takes_longer_than_the_deadline_is_cut_short_and_tried_again() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.stage.next("act", Act::Hang);
    let (stage, clock) = (world.stage.clone(), Arc::clone(&world.clock));
    world.live(None, |owner| async move {
        let dispatcher = owner.dispatch(DispatchLimits::default());
        let run = submit(&owner).await;
        stage.called(1).await;
        let stopped = tokio::spawn(dispatcher.stop(Duration::from_secs(30)));
        while !stopped.is_finished() {
            clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
        let report = owner.run_report(run).await.unwrap();
        assert_eq!(report.status, RunStatus::Retrying);
        assert_eq!(report.history[0].outcome, RunStatus::Interrupted);
        stage.busy(0).await;
        let _dispatcher = owner.dispatch(DispatchLimits::default());
        stands(&owner, run, RunStatus::Succeeded).await;
    });
}

#[test]
fn a_run_whose_asker_goes_away_does_not_stay_under_way() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.stage.next("act", Act::Hang);
    let stage = world.stage.clone();
    world.live(None, |owner| async move {
        let asker = Arc::clone(&owner);
        let asked = tokio::spawn(async move { asker.run(ask("shop", "act")).await });
        stage.called(1).await;
        asked.abort();
        let run = all_runs(&owner).await[0].run;
        let report = stands(&owner, run, RunStatus::Interrupted).await;
        assert_eq!(report.error.unwrap().code, "run-interrupted");
        stage.busy(0).await;
    });
}
