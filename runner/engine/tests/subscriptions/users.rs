//! Webhooks of which each connected user has a subscription.

use domain::DeployStatus;

use crate::guests::{Script, ScriptedHook};
use crate::provider::Mood;
use crate::world::World;

fn script(props: &str) -> Script {
    Script {
        hooks: vec![ScriptedHook {
            per_user: true,
            ..ScriptedHook::new("inbox", props)
        }],
        code: 0,
    }
}

/// A project that is deployed, with two connected users.
fn world() -> World {
    let world = World::new();
    world.deploy(&script("1")).unwrap();
    assert!(world.provider.holds().is_empty(), "there is no user yet");
    world.connect("ada");
    world.connect("grace");
    world
}

#[test]
fn each_user_has_a_subscription_that_follows_the_props() {
    let world = world();
    let report = world.deploy(&script("1")).unwrap();
    assert_eq!(report.status, DeployStatus::Succeeded);
    assert_eq!(world.provider.holds(), ["inbox 1 ada", "inbox 1 grace"]);
    let endpoints: Vec<String> = world
        .provider
        .hooks()
        .into_iter()
        .map(|h| h.endpoint)
        .collect();
    assert_ne!(endpoints[0], endpoints[1]);
    world.deploy(&script("2")).unwrap();
    assert_eq!(world.provider.holds(), ["inbox 2 ada", "inbox 2 grace"]);
    world.deploy(&Script::default()).unwrap();
    assert!(world.provider.holds().is_empty());
}

#[test]
fn one_users_failing_props_keep_no_other_from_a_subscription() {
    let world = world();
    world.connect("broken");
    let report = world.deploy(&script("1")).unwrap();
    assert_eq!(report.status, DeployStatus::Incomplete);
    assert_eq!(report.unconfigured.len(), 1);
    let user = report.unconfigured[0].user.as_ref().unwrap();
    assert_eq!(user.0, "broken");
    assert_eq!(world.provider.holds(), ["inbox 1 ada", "inbox 1 grace"]);
}

#[test]
fn a_kill_between_users_loses_and_doubles_none() {
    let points = {
        let world = world();
        world.deploy_until(&script("1"), None).points.len()
    };
    for point in 0..points {
        let world = world();
        world.provider.on_subscribe(Mood::Willing);
        world.deploy_until(&script("1"), Some(point));
        world.deploy(&script("1")).unwrap();
        assert_eq!(
            world.provider.holds(),
            ["inbox 1 ada", "inbox 1 grace"],
            "killed at point {point}"
        );
    }
}
