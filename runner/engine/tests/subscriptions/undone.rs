//! Deploys with `--atomic`, and what is unconfigured.

use domain::DeployStatus;
use engine::Point;

use crate::guests::{Script, ScriptedHook};
use crate::provider::Mood;
use crate::world::{World, environment, project};

fn script(props: &str) -> Script {
    Script {
        hooks: vec![ScriptedHook::new("w", props)],
        code: 0,
    }
}

fn atomically(world: &World, script: &Script) -> engine::DeployReport {
    world
        .deploy_atomically(script, None)
        .result
        .unwrap()
        .unwrap()
}

fn live_objects(world: &World) -> usize {
    world
        .live(None, |owner| async move {
            let without = engine::Disabled::Without;
            let objects = owner
                .objects(&project(), &environment(), None, without)
                .await;
            objects.unwrap().len()
        })
        .result
        .unwrap()
}

#[test]
fn what_is_undone_twice_goes_back_to_nothing_twice() {
    let world = World::new();
    world.provider.on_subscribe(Mood::Denying);
    for _ in 0..2 {
        let report = atomically(&world, &script("1"));
        assert_eq!(report.status, DeployStatus::RolledBack);
        assert_eq!(live_objects(&world), 0);
    }
}

#[test]
fn a_value_that_is_set_after_a_crash_does_not_bring_back_what_is_to_be_undone() {
    let world = World::new();
    world.deploy(&script("1")).unwrap();
    world.provider.on_subscribe(Mood::Denying);
    let points = {
        let probe = World::new();
        probe.deploy(&script("1")).unwrap();
        probe.provider.on_subscribe(Mood::Denying);
        probe.deploy_atomically(&script("2"), None).points
    };
    let applied = points
        .iter()
        .position(|point| *point == Point::Applied)
        .unwrap();
    world.deploy_atomically(&script("2"), Some(applied));
    world.provider.on_subscribe(Mood::Refusing);
    world.set_flavour("sweet", None);
    world.provider.on_subscribe(Mood::Willing);
    world.settle();
    assert_eq!(world.provider.holds(), ["w 1"]);
}

#[test]
fn a_webhook_that_waits_for_a_value_is_no_step_that_failed() {
    let world = World::new();
    let mut needy = script("1");
    needy.hooks[0].needy = true;
    let report = atomically(&world, &needy);
    assert_eq!(report.status, DeployStatus::Incomplete);
    assert_eq!(report.unconfigured.len(), 1);
    assert_eq!(live_objects(&world), 2);
    let again = world.deploy(&script("1")).unwrap();
    assert_eq!(again.status, DeployStatus::Succeeded);
}

#[test]
fn a_webhook_that_lost_its_value_begins_nothing_new() {
    let world = World::new();
    world.provider.on_subscribe(Mood::Refusing);
    world.deploy(&script("1")).unwrap();
    world.provider.on_subscribe(Mood::Willing);
    let mut needy = script("1");
    needy.hooks[0].needy = true;
    let report = world.deploy(&needy).unwrap();
    assert_eq!(report.status, DeployStatus::Incomplete);
    world.settle();
    assert!(world.provider.holds().is_empty());
}
