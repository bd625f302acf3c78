//! A webhook that is renamed keeps its registration, whatever happens to it meanwhile.

use std::time::Duration;

use domain::DeployStatus;
use engine::{PlaceRequest, Selector, Unobserved};

use crate::guests::{Script, ScriptedHook};
use crate::provider::Mood;
use crate::world::{World, environment, project};

/// A webhook whose props do not hold its name.
fn named(name: &str, before: Option<&str>) -> Script {
    Script {
        hooks: vec![ScriptedHook {
            renamed_from: before.map(str::to_owned),
            ..ScriptedHook::new(name, "=p")
        }],
        code: u32::from(before.is_some()),
    }
}

#[test]
fn a_rename_calls_nobody_and_keeps_the_address() {
    let world = World::new();
    world.deploy(&named("old", None)).unwrap();
    let before = world.provider.hooks();
    let report = world.deploy(&named("new", Some("old"))).unwrap();
    assert_eq!(report.status, DeployStatus::Succeeded);
    assert_eq!(world.provider.hooks(), before);
    assert_eq!(world.provider.calls().len(), 1);
}

#[test]
fn a_rename_while_a_subscribe_is_open_ends_well() {
    for mood in [Mood::Deaf, Mood::Silent, Mood::Late, Mood::Refusing] {
        let world = World::new();
        world.provider.on_subscribe(mood);
        world.deploy(&named("old", None)).unwrap();
        world.provider.on_subscribe(Mood::Willing);
        world.deploy(&named("new", Some("old"))).unwrap();
        world.settle();
        assert_eq!(world.provider.holds(), ["p"], "{mood:?}");
    }
}

#[test]
fn a_renamed_webhook_is_replaced_when_its_registration_expires() {
    let world = World::new();
    world.provider.expire_after(Some(8 * 3_600_000));
    world.deploy(&named("old", None)).unwrap();
    let first = world.provider.hooks();
    world.deploy(&named("new", Some("old"))).unwrap();
    world.provider.expire_after(None);
    world.clock.advance(Duration::from_secs(9 * 3600));
    world.live(None, |owner| async move {
        owner.settle_due(&Unobserved).await.unwrap()
    });
    world.settle();
    let hooks = world.provider.hooks();
    assert_eq!(hooks.len(), 1);
    assert_ne!(hooks[0].endpoint, first[0].endpoint);
}

#[test]
fn a_renamed_webhook_is_made_anew_by_either_name() {
    for name in ["old", "new"] {
        let world = World::new();
        world.deploy(&named("old", None)).unwrap();
        let first = world.provider.hooks();
        world.deploy(&named("new", Some("old"))).unwrap();
        let made = world.live(None, move |owner| async move {
            let at = PlaceRequest {
                project: project(),
                environment: environment(),
            };
            let selector = Selector::Webhook(name.parse().unwrap());
            owner.resubscribe(&at, &selector).await.unwrap().len()
        });
        assert_eq!(made.result, Some(1), "{name}");
        world.settle();
        let hooks = world.provider.hooks();
        assert_eq!(hooks.len(), 1, "{name}");
        assert_ne!(hooks[0].endpoint, first[0].endpoint, "{name}");
    }
}
