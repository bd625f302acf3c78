//! What the next life makes of the runs that a death has cut short.

use std::sync::Arc;

use domain::RunStatus;
use engine::{DispatchLimits, Point};

use crate::guests::{Act, Declared};
use crate::world::{World, act, all_runs, ask, comes_to, stands, submit};

#[test]
fn wherever_a_queued_run_is_killed_it_succeeds_in_the_end_and_counts_once() {
    for point in [Point::RunBegun, Point::RunReturned, Point::RunFinished] {
        let world = World::new();
        world.deploy(vec![act()]);
        world.stage.usually(Act::Count);
        let killed = world.live(Some(point), |owner| async move {
            let _dispatcher = owner.dispatch(DispatchLimits::default());
            let run = submit(&owner).await;
            stands(&owner, run, RunStatus::Cancelled).await;
        });
        assert!(killed.is_none(), "{point:?} was not reached");
        let clock = Arc::clone(&world.clock);
        let report = world
            .live(None, |owner| async move {
                let run = all_runs(&owner).await[0].run;
                let _dispatcher = owner.dispatch(DispatchLimits::default());
                let report = comes_to(&owner, &clock, run, RunStatus::Succeeded).await;
                let next = submit(&owner).await;
                stands(&owner, next, RunStatus::Succeeded).await;
                report
            })
            .unwrap();
        let attempts = if point == Point::RunFinished { 1 } else { 2 };
        assert_eq!(report.attempts, attempts, "{point:?}");
        // The second run has found what the first wrote, once.
        assert_eq!(world.count(), 2, "{point:?}");
    }
}

#[test]
fn of_what_somebody_waited_for_only_idempotent_actions_are_tried_again() {
    for idempotent in [false, true] {
        let world = World::new();
        world.deploy(vec![Declared::Action {
            name: "act".to_owned(),
            idempotent,
        }]);
        let killed = world.live(Some(Point::RunReturned), |owner| async move {
            owner.run(ask("shop", "act")).await.map(|report| report.run)
        });
        assert!(killed.is_none());
        let clock = Arc::clone(&world.clock);
        let report = world
            .live(None, move |owner| async move {
                let run = all_runs(&owner).await[0].run;
                let _dispatcher = owner.dispatch(DispatchLimits::default());
                if idempotent {
                    return comes_to(&owner, &clock, run, RunStatus::Succeeded).await;
                }
                // Another run goes by: this one is not waited for.
                let other = submit(&owner).await;
                stands(&owner, other, RunStatus::Succeeded).await;
                stands(&owner, run, RunStatus::Interrupted).await
            })
            .unwrap();
        assert_eq!(report.attempts, 1 + u32::from(idempotent));
        assert_eq!(report.history[0].outcome, RunStatus::Interrupted);
    }
}

#[test]
fn an_attempt_that_panics_is_cut_short_and_the_others_go_on() {
    let world = World::new();
    world.deploy(vec![act()]);
    world.stage.next("act", Act::Panic);
    let clock = Arc::clone(&world.clock);
    world.live(None, |owner| async move {
        let _dispatcher = owner.dispatch(DispatchLimits::default());
        let run = submit(&owner).await;
        let report = comes_to(&owner, &clock, run, RunStatus::Succeeded).await;
        assert_eq!(report.history[0].outcome, RunStatus::Interrupted);
        assert_eq!(report.attempts, 2);
    });
}
