//! The process is killed at every journal write and on both sides of every
//! provider call; the end is that of an uninterrupted deploy.

use std::time::Duration;

use domain::{DeployStatus, ObjectKind, RegistrationState};
use engine::{Disabled, Point};

use crate::guests::{Script, ScriptedHook};
use crate::provider::Mood;
use crate::world::{World, environment, project};

/// Fewer kill points than these mean that a probe was lost.
const LEAST_POINTS: usize = 25;

/// The webhooks before: one of each order, one that goes.
fn before(check: bool) -> Script {
    let mut script = Script {
        hooks: vec![
            ScriptedHook::new("changed", "1"),
            ScriptedHook::new("gone", "1"),
            ScriptedHook::new("kept", "1"),
            ScriptedHook::new("overlapping", "1"),
        ],
        code: 1,
    };
    script.hooks[3].overlap = true;
    with_check(script, check)
}

/// The webhooks after.
fn after(check: bool) -> Script {
    let mut script = Script {
        hooks: vec![
            ScriptedHook::new("changed", "2"),
            ScriptedHook::new("kept", "1"),
            ScriptedHook::new("new", "1"),
            ScriptedHook::new("overlapping", "2"),
        ],
        code: 2,
    };
    script.hooks[3].overlap = true;
    with_check(script, check)
}

fn with_check(mut script: Script, check: bool) -> Script {
    for hook in &mut script.hooks {
        hook.check = check;
    }
    script
}

fn wanted(script: &Script) -> Vec<String> {
    let mut props: Vec<String> = script
        .hooks
        .iter()
        .map(|hook| format!("{} {}", hook.name, hook.props))
        .collect();
    props.sort();
    props
}

/// Returns the names of the live webhooks.
fn live_webhooks(world: &World) -> Vec<String> {
    world
        .live(None, |owner| async move {
            let kind = Some(ObjectKind::Webhook);
            owner
                .objects(&project(), &environment(), kind, Disabled::Without)
                .await
                .unwrap()
                .into_iter()
                .map(|object| object.name)
                .collect()
        })
        .result
        .unwrap()
}

fn names(script: &Script) -> Vec<String> {
    script.hooks.iter().map(|hook| hook.name.clone()).collect()
}

/// Returns the registrations that status lists as doubtful.
fn doubtful(world: &World) -> usize {
    world
        .live(None, |owner| async move {
            let name = environment();
            let status = owner.status(&project(), Some(&name)).await.unwrap();
            status[0].doubtful.len()
        })
        .result
        .unwrap()
}

/// Counts the kill points of the change from before to after.
fn points(check: bool) -> Vec<Point> {
    let world = World::new();
    world.deploy(&before(check)).unwrap();
    let life = world.deploy_until(&after(check), None);
    assert_eq!(
        life.result.unwrap().unwrap().status,
        DeployStatus::Succeeded
    );
    assert_eq!(world.provider.holds(), wanted(&after(check)));
    life.points
}

/// Kills the change at one point, recovers, and returns the world with what is live.
fn killed_at(point: usize, check: bool, prepare: impl Fn(&World)) -> (World, Script) {
    let world = World::new();
    prepare(&world);
    world.deploy(&before(check)).unwrap();
    let life = world.deploy_until(&after(check), Some(point));
    assert!(life.result.is_none(), "point {point} was not reached");
    world.settle();
    let live = live_webhooks(&world);
    for script in [before(check), after(check)] {
        if live == names(&script) {
            return (world, script);
        }
    }
    panic!("killed at point {point}, a mixture is live: {live:?}");
}

#[test]
fn there_are_points_on_both_sides_of_every_call_and_write() {
    let points = points(true);
    assert!(points.len() >= LEAST_POINTS, "{points:?}");
    let count = |wanted: Point| points.iter().filter(|point| **point == wanted).count();
    for point in [
        Point::AttemptBegun,
        Point::HookReturned,
        Point::AttemptFinished,
    ] {
        assert_eq!(count(point), 6, "{point:?}");
    }
    assert_eq!(count(Point::Applied), 1);
}

#[test]
fn with_check_nothing_is_orphaned_and_nothing_doubled_wherever_it_is_killed() {
    for point in 0..points(true).len() {
        let (world, live) = killed_at(point, true, |_| {});
        assert_eq!(
            world.provider.holds(),
            wanted(&live),
            "killed at point {point}"
        );
        assert_eq!(doubtful(&world), 0, "killed at point {point}");
        // The developer deploys again, and all is as if nothing had happened.
        let report = world.deploy(&after(true)).unwrap();
        assert_eq!(
            report.status,
            DeployStatus::Succeeded,
            "killed at point {point}"
        );
        assert_eq!(world.provider.holds(), wanted(&after(true)));
    }
}

#[test]
fn a_provider_that_honours_the_key_needs_no_check() {
    for point in 0..points(false).len() {
        let (world, live) = killed_at(point, false, |world| world.provider.honour_keys());
        assert_eq!(
            world.provider.holds(),
            wanted(&live),
            "killed at point {point}"
        );
    }
}

#[test]
fn without_either_each_possible_double_is_listed() {
    let mut doubles = 0;
    for point in 0..points(false).len() {
        let (world, live) = killed_at(point, false, |_| {});
        let (holds, wanted) = (world.provider.holds(), wanted(&live));
        let extra = holds.len() - wanted.len();
        // One life ran at most so many steps at once.
        assert!(extra <= 4, "killed at point {point}: {holds:?}");
        assert!(
            extra <= doubtful(&world),
            "killed at point {point}: {holds:?}"
        );
        for props in wanted {
            assert!(
                holds.contains(&props),
                "killed at point {point}: {props} is missing"
            );
        }
        doubles += extra;
    }
    assert!(doubles > 0, "no kill hit a call, so the test shows nothing");
}

#[test]
fn a_second_kill_during_recovery_changes_nothing() {
    let all = points(true).len();
    for (first, second) in (0..all).map(|first| (first, first * 3 % 8)) {
        let world = World::new();
        world.deploy(&before(true)).unwrap();
        world.deploy_until(&after(true), Some(first));
        world.deploy_until(&after(true), Some(second));
        let report = world.deploy(&after(true)).unwrap();
        assert_eq!(
            report.status,
            DeployStatus::Succeeded,
            "killed at {first}, {second}"
        );
        assert_eq!(
            world.provider.holds(),
            wanted(&after(true)),
            "killed at {first}, {second}"
        );
    }
}

#[test]
fn lost_and_late_answers_end_as_prompt_ones() {
    for mood in [Mood::Silent, Mood::Deaf, Mood::Late] {
        let world = World::new();
        world.deploy(&before(true)).unwrap();
        world.provider.on_subscribe(mood);
        world.provider.on_unsubscribe(mood);
        let report = world.deploy(&after(true));
        world.provider.on_subscribe(Mood::Willing);
        world.provider.on_unsubscribe(Mood::Willing);
        world.settle();
        assert_eq!(
            world.provider.holds(),
            wanted(&after(true)),
            "{mood:?} {report:?}"
        );
        assert_eq!(doubtful(&world), 0, "{mood:?}");
    }
}

#[test]
fn a_refused_unsubscribe_stays_owed_until_the_provider_relents() {
    let world = World::new();
    world.deploy(&before(true)).unwrap();
    world.provider.on_unsubscribe(Mood::Denying);
    let report = world.deploy(&after(true)).unwrap();
    assert_eq!(report.status, DeployStatus::Incomplete);
    // A deploy that arrives meanwhile supersedes it and ends right.
    let again = world.deploy(&before(true)).unwrap();
    assert!(again.deploy > report.deploy);
    world.provider.on_unsubscribe(Mood::Willing);
    world.settle();
    assert_eq!(world.provider.holds(), wanted(&before(true)));
    let first = world
        .live(None, move |owner| async move {
            let engine: &engine::Engine = &owner;
            engine
                .deploy(&project(), &environment(), report.deploy)
                .await
                .unwrap()
        })
        .result
        .unwrap();
    assert_eq!(first.status, DeployStatus::Incomplete);
    assert_eq!(first.superseded_by, Some(again.deploy));
}

#[test]
fn an_atomic_deploy_whose_step_fails_is_undone_wherever_it_is_killed() {
    let count = {
        let world = World::new();
        world.deploy(&before(true)).unwrap();
        world.provider.on_subscribe(Mood::Refusing);
        let life = world.deploy_atomically(&after(true), None);
        let report = life.result.unwrap().unwrap();
        assert_ne!(report.status, DeployStatus::Succeeded);
        life.points.len()
    };
    for point in 0..count {
        let world = World::new();
        world.deploy(&before(true)).unwrap();
        world.provider.on_subscribe(Mood::Refusing);
        world.deploy_atomically(&after(true), Some(point));
        world.provider.on_subscribe(Mood::Willing);
        world.settle();
        let live = live_webhooks(&world);
        let expected = if live == names(&before(true)) {
            before(true)
        } else {
            after(true)
        };
        assert_eq!(live, names(&expected), "killed at point {point}");
        assert_eq!(
            world.provider.holds(),
            wanted(&expected),
            "killed at point {point}"
        );
    }
}

#[test]
fn an_atomic_deploy_whose_steps_are_done_stays_wherever_it_is_killed() {
    let prepared = || {
        let world = World::new();
        world.deploy(&before(true)).unwrap();
        world
    };
    let life = prepared().deploy_atomically(&after(true), None);
    assert_eq!(
        life.result.unwrap().unwrap().status,
        DeployStatus::Succeeded
    );
    for point in 0..life.points.len() {
        let world = prepared();
        world.deploy_atomically(&after(true), Some(point));
        world.settle();
        let report = world.deploy_atomically(&after(true), None);
        let report = report.result.unwrap().unwrap();
        assert_eq!(
            report.status,
            DeployStatus::Succeeded,
            "killed at point {point}"
        );
        assert_eq!(
            world.provider.holds(),
            wanted(&after(true)),
            "killed at point {point}"
        );
    }
}

#[test]
fn an_atomic_deploy_on_nothing_goes_back_to_nothing() {
    let world = World::new();
    world.provider.on_subscribe(Mood::Denying);
    let life = world.deploy_atomically(&before(true), None);
    let report = life.result.unwrap().unwrap();
    assert_eq!(report.status, DeployStatus::RolledBack);
    assert!(live_webhooks(&world).is_empty());
    assert!(world.provider.holds().is_empty());
}

#[test]
fn what_is_forgotten_is_dropped_and_lets_what_waited_go_on() {
    let world = World::new();
    world.deploy(&before(true)).unwrap();
    world.provider.on_unsubscribe(Mood::Refusing);
    world.deploy(&after(true)).unwrap();
    world
        .live(None, |owner| async move {
            let at = engine::PlaceRequest {
                project: project(),
                environment: environment(),
            };
            let owed = owner
                .registrations(&project(), &environment())
                .await
                .unwrap();
            for registration in owed {
                if registration.state == RegistrationState::Leaving {
                    let selector = engine::Selector::Registration(registration.registration);
                    owner.forget(&at, &selector).await.unwrap();
                }
            }
        })
        .result
        .unwrap();
    world.settle();
    let holds = world.provider.holds();
    for props in wanted(&after(true)) {
        assert!(holds.contains(&props), "{props} is missing of {holds:?}");
    }
    assert!(
        holds.contains(&"gone 1".to_owned()),
        "nobody asked the provider to drop it"
    );
}

#[test]
fn waiting_takes_no_longer_than_the_patience_asked_for() {
    let world = World::new();
    world.provider.on_subscribe(Mood::Refusing);
    let start = engine::Clock::elapsed(world.clock.as_ref());
    world.deploy(&before(true)).unwrap();
    let waited = engine::Clock::elapsed(world.clock.as_ref()) - start;
    assert!(waited <= Duration::from_secs(61), "{waited:?}");
}
