//! Registrations that end by themselves.

use std::time::Duration;

use crate::guests::{Script, ScriptedHook};
use crate::provider::Mood;
use crate::world::World;
use engine::Unobserved;

const HOUR: Duration = Duration::from_secs(3600);

fn script(refresh: bool, overlap: bool) -> Script {
    let mut hook = ScriptedHook::new("w", "1");
    hook.refresh = refresh;
    hook.overlap = overlap;
    Script {
        hooks: vec![hook],
        code: 0,
    }
}

fn settle_due(world: &World) {
    world.live(None, |owner| async move {
        owner.settle_due(&Unobserved).await.unwrap()
    });
}

fn count(world: &World, call: &str) -> usize {
    world
        .provider
        .calls()
        .iter()
        .filter(|one| one.starts_with(call))
        .count()
}

#[test]
fn a_registration_is_refreshed_before_it_expires_and_not_sooner() {
    let world = World::new();
    world.provider.expire_after(Some(8 * 3_600_000));
    world.deploy(&script(true, false)).unwrap();
    world.clock.advance(5 * HOUR);
    settle_due(&world);
    assert_eq!(count(&world, "refresh"), 0);
    world.clock.advance(HOUR + HOUR / 2);
    settle_due(&world);
    assert_eq!(count(&world, "refresh"), 1);
    settle_due(&world);
    assert_eq!(count(&world, "refresh"), 1);
    assert_eq!(world.provider.hooks().len(), 1);
}

#[test]
fn what_cannot_be_refreshed_is_replaced() {
    for overlap in [false, true] {
        for refresh in [false, true] {
            let world = World::new();
            world.provider.expire_after(Some(8 * 3_600_000));
            world.deploy(&script(refresh, overlap)).unwrap();
            let first = world.provider.hooks();
            world.clock.advance(7 * HOUR);
            if refresh {
                world.provider.on_refresh(Mood::Denying);
                settle_due(&world);
                world.provider.on_refresh(Mood::Willing);
                world.clock.advance(HOUR);
            }
            world.provider.expire_after(None);
            world.settle();
            let hooks = world.provider.hooks();
            assert_eq!(hooks.len(), 1, "overlap {overlap}, refresh {refresh}");
            assert_ne!(hooks[0].endpoint, first[0].endpoint);
        }
    }
}

#[test]
fn in_overlap_the_old_one_is_refreshed_until_another_is_there() {
    let world = World::new();
    world.provider.expire_after(Some(8 * 3_600_000));
    world.deploy(&script(true, true)).unwrap();
    let mut changed = script(true, true);
    changed.hooks[0].props = "2".to_owned();
    world.provider.on_subscribe(Mood::Denying);
    world.deploy(&changed).unwrap();
    world.clock.advance(7 * HOUR);
    settle_due(&world);
    assert_eq!(count(&world, "refresh"), 1);
    assert_eq!(world.provider.holds(), ["w 1"]);
    world.provider.on_subscribe(Mood::Willing);
    world.deploy(&changed).unwrap();
    world.provider.expire_after(None);
    assert_eq!(world.provider.holds(), ["w 2"]);
}

#[test]
fn a_crash_after_a_refused_refresh_loses_no_replacement() {
    let prepared = || {
        let world = World::new();
        world.provider.expire_after(Some(8 * 3_600_000));
        world.deploy(&script(true, false)).unwrap();
        world.clock.advance(7 * HOUR);
        world.provider.on_refresh(Mood::Denying);
        world.provider.expire_after(None);
        world
    };
    let due = |world: &World, kill| {
        world
            .live(kill, |owner| async move {
                owner.settle_due(&Unobserved).await.unwrap()
            })
            .points
    };
    for point in 0..due(&prepared(), None).len() {
        let world = prepared();
        let first = world.provider.hooks();
        due(&world, Some(point));
        world.settle();
        let hooks = world.provider.hooks();
        assert_eq!(hooks.len(), 1, "killed at point {point}");
        assert_ne!(
            hooks[0].endpoint, first[0].endpoint,
            "killed at point {point}"
        );
    }
}

#[test]
fn a_refresh_whose_answer_was_lost_is_resolved() {
    for mood in [Mood::Silent, Mood::Deaf] {
        let world = World::new();
        world.provider.expire_after(Some(8 * 3_600_000));
        world.deploy(&script(true, false)).unwrap();
        world.clock.advance(7 * HOUR);
        world.provider.on_refresh(mood);
        settle_due(&world);
        world.provider.on_refresh(Mood::Willing);
        world.clock.advance(Duration::from_secs(60));
        settle_due(&world);
        let hooks = world.provider.hooks();
        assert_eq!(hooks.len(), 1, "{mood:?}");
        assert!(
            hooks[0].expires_at_ms > Some(1_700_000_000_000 + 8 * 3_600_000),
            "{mood:?}"
        );
    }
}
