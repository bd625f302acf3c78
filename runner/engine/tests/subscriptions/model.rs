//! A naive model of what the provider should hold in the end, against random histories.
//!
//! The model knows the scripts and the provider, nothing of plans and steps.

use std::collections::BTreeMap;

use domain::{Desired, Plan, Snapshot, StepKind};
use engine::{PlaceRequest, Selector};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::guests::{Script, ScriptedHook};
use crate::provider::{Hook, Mood};
use crate::world::{World, environment, project};

/// Something that happens.
#[derive(Debug, Clone)]
enum Happening {
    Deploy { script: Script, kill: Option<usize> },
    RollBack,
    Flavour { flavour: u8, kill: Option<usize> },
    Subscribing(Mood),
    Unsubscribing(Mood),
    Forget(prop::sample::Index),
    Settle,
}

fn mood() -> impl Strategy<Value = Mood> {
    prop_oneof![
        3 => Just(Mood::Willing),
        1 => Just(Mood::Refusing),
        1 => Just(Mood::Denying),
        1 => Just(Mood::Silent),
        1 => Just(Mood::Deaf),
        1 => Just(Mood::Late),
    ]
}

fn script() -> impl Strategy<Value = Script> {
    let hook = |name: &'static str| {
        prop::option::weighted(
            0.7,
            (0..3_u8, any::<bool>(), any::<bool>()).prop_map(move |(props, overlap, flavoured)| {
                ScriptedHook {
                    overlap,
                    flavoured,
                    ..ScriptedHook::new(name, &props.to_string())
                }
            }),
        )
    };
    (hook("a"), hook("b"), hook("c"), 0..2_u32).prop_map(|(a, b, c, code)| Script {
        hooks: [a, b, c].into_iter().flatten().collect(),
        code,
    })
}

fn kill() -> impl Strategy<Value = Option<usize>> {
    prop::option::weighted(0.3, 0..30_usize)
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (script(), kill()).prop_map(|(script, kill)| Happening::Deploy { script, kill }),
        1 => Just(Happening::RollBack),
        2 => (0..3_u8, kill()).prop_map(|(flavour, kill)| Happening::Flavour { flavour, kill }),
        3 => mood().prop_map(Happening::Subscribing),
        3 => mood().prop_map(Happening::Unsubscribing),
        1 => any::<prop::sample::Index>().prop_map(Happening::Forget),
        1 => Just(Happening::Settle),
    ]
}

/// What is live, as the store says by the number of its artifact's script.
fn live_script(world: &World, scripts: &BTreeMap<String, Script>) -> Option<Script> {
    let digest = world
        .live(None, |owner| async move {
            let name = environment();
            let status = owner.status(&project(), Some(&name)).await.ok()?;
            status[0]
                .live
                .as_ref()?
                .artifact
                .map(|digest| digest.to_string())
        })
        .result
        .unwrap()?;
    Some(scripts[&digest].clone())
}

fn flavour_set(world: &World) -> Option<String> {
    world
        .live(None, |owner| async move {
            let kind = domain::ValueKind::Variable;
            let values = owner
                .values_list(&project(), &environment(), kind)
                .await
                .unwrap();
            values.into_iter().find_map(|value| value.value)
        })
        .result
        .unwrap()
}

/// What the provider should hold: one subscription of each live webhook, and
/// besides them what somebody had forgotten.
fn expected(script: &Script, flavour: Option<&str>) -> Vec<String> {
    let mut props: Vec<String> = script
        .hooks
        .iter()
        .map(|hook| match flavour.filter(|_| hook.flavoured) {
            Some(flavour) => format!("{} {} {flavour}", hook.name, hook.props),
            None => format!("{} {}", hook.name, hook.props),
        })
        .collect();
    props.sort();
    props
}

/// Forgets one registration; returns what the provider held for it, or may come to hold.
fn forget(world: &World, index: prop::sample::Index) -> bool {
    world
        .live(None, move |owner| async move {
            let at = PlaceRequest {
                project: project(),
                environment: environment(),
            };
            let Ok(all) = owner.registrations(&project(), &environment()).await else {
                return false;
            };
            if all.is_empty() {
                return false;
            }
            let selector = Selector::Registration(all[index.index(all.len())].registration);
            owner.forget(&at, &selector).await.is_ok()
        })
        .result
        .unwrap()
}

/// Lives through a history and says what is wrong in the end.
fn check(history: &[Happening], planner: engine::Planner) -> Result<(), String> {
    let mut world = World::new();
    world.planner = planner;
    let mut scripts = BTreeMap::new();
    let mut forgot = false;
    for happening in history {
        match happening {
            Happening::Deploy { script, kill } => {
                let text = serde_json::to_string(script).unwrap();
                let digest = domain::ArtifactDigest::of(text.as_bytes()).to_string();
                scripts.insert(digest, script.clone());
                let _ = world.deploy_until(script, *kill);
            }
            Happening::RollBack => {
                let _ =
                    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.roll_back()));
            }
            Happening::Flavour { flavour, kill } => {
                world.set_flavour(&format!("f{flavour}"), *kill);
            }
            Happening::Subscribing(mood) => world.provider.on_subscribe(*mood),
            Happening::Unsubscribing(mood) => world.provider.on_unsubscribe(*mood),
            Happening::Forget(index) => forgot |= forget(&world, *index),
            Happening::Settle => world.settle(),
        }
    }
    world.provider.on_subscribe(Mood::Willing);
    world.provider.on_unsubscribe(Mood::Willing);
    world.settle();
    // What was given up is tried once more when a person asks.
    world.live(None, |owner| async move {
        let at = PlaceRequest {
            project: project(),
            environment: environment(),
        };
        let _ = owner.retry(&at, &Selector::All).await;
    });
    world.settle();
    let Some(live) = live_script(&world, &scripts) else {
        return Ok(());
    };
    if forgot {
        // What is forgotten is not made again until the next deploy plans anew.
        world.deploy(&live).map_err(|error| error.to_string())?;
        world.settle();
    }
    let wanted = expected(&live, flavour_set(&world).as_deref());
    compare(&wanted, &world.provider.hooks(), forgot).map_err(|error| {
        format!(
            "{error}\n{}\n{:#?}",
            journal(&world),
            world.provider.calls()
        )
    })
}

/// Tells what the journal says, for whoever has to find out what went wrong.
fn journal(world: &World) -> String {
    world
        .live(None, |owner| async move {
            let name = environment();
            let status = owner.status(&project(), Some(&name)).await.unwrap();
            let mut text = format!("{:#?}", status[0]);
            for id in 1..40 {
                let id = domain::RegistrationId(id);
                if let Ok(one) = owner.registration(&project(), &name, id).await {
                    let events: Vec<String> = one
                        .history
                        .iter()
                        .map(|event| event.event.clone())
                        .collect();
                    text += &format!(
                        "\n{id} {} {} {}: {events:#?}",
                        one.webhook, one.props, one.state
                    );
                }
            }
            text
        })
        .result
        .unwrap()
}

fn compare(wanted: &[String], hooks: &[Hook], forgot: bool) -> Result<(), String> {
    let mut left: Vec<&str> = hooks.iter().map(|hook| hook.props.as_str()).collect();
    for props in wanted {
        match left.iter().position(|held| held == props) {
            Some(index) => {
                left.remove(index);
            }
            None => return Err(format!("`{props}` is missing; held: {hooks:?}")),
        }
    }
    if left.is_empty() || forgot {
        Ok(())
    } else {
        Err(format!("too much is held: {left:?}; wanted: {wanted:?}"))
    }
}

fn run(cases: u32, max_shrink_iters: u32, planner: engine::Planner) -> Result<(), String> {
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_iters,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&prop::collection::vec(happening(), 1..10), |history| {
            check(&history, planner).map_err(TestCaseError::fail)
        })
        .map_err(|error| error.to_string())
}

#[test]
fn whatever_happens_the_provider_holds_in_the_end_what_is_live() {
    let cases = std::env::var("TIDEGATE_MODEL_CASES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(40);
    if let Err(error) = run(cases, 200, domain::plan) {
        panic!("{error}");
    }
}

#[test]
fn late_subscribes_and_silent_unsubscribes_end_well() {
    let hook = |name: &str, props: &str, overlap| ScriptedHook {
        overlap,
        ..ScriptedHook::new(name, props)
    };
    let deploy = |hooks: Vec<ScriptedHook>, code, kill| Happening::Deploy {
        script: Script { hooks, code },
        kill,
    };
    let history = [
        Happening::Unsubscribing(Mood::Silent),
        Happening::Subscribing(Mood::Late),
        deploy(
            vec![hook("b", "2", false), hook("c", "0", true)],
            1,
            Some(27),
        ),
        deploy(vec![hook("b", "1", true)], 1, Some(16)),
        deploy(vec![hook("a", "0", true), hook("c", "0", true)], 1, None),
        deploy(vec![hook("c", "1", false)], 0, Some(11)),
        deploy(
            vec![
                hook("a", "1", true),
                hook("b", "1", false),
                hook("c", "0", true),
            ],
            1,
            None,
        ),
    ];
    if let Err(error) = check(&history, domain::plan) {
        panic!("{error}");
    }
}

#[test]
fn the_unsubscribe_of_one_found_beside_another_leaves_the_other_alone() {
    let history = [
        Happening::Subscribing(Mood::Late),
        Happening::Unsubscribing(Mood::Silent),
        Happening::Deploy {
            script: Script {
                hooks: vec![ScriptedHook::new("a", "0")],
                code: 0,
            },
            kill: None,
        },
    ];
    if let Err(error) = check(&history, domain::plan) {
        panic!("{error}");
    }
}

/// Forgets to end what a deploy replaces.
fn careless(snapshot: &Snapshot, desired: &Desired<'_>) -> Plan {
    let mut plan = domain::plan(snapshot, desired);
    let steps = &mut plan.subscriptions.steps;
    if let Some(last) = steps.last()
        && last.kind == StepKind::Unsubscribe
    {
        steps.pop();
        plan.subscriptions.leave.pop();
    }
    plan
}

#[test]
fn the_model_finds_a_planner_that_forgets_an_unsubscribe() {
    assert!(run(200, 0, careless).is_err(), "the model finds nothing");
}
