//! Commands while another process owns the data directory: they go through its API,
//! and nobody who uses them can tell.

use harness::{
    Dev, Outcome, Project, Signal, TestEnvironment, eventually, hello, hooks20, hostile,
    with_settings,
};
use serde_json::{Value, json};

/// Starts the dev loop, and waits until what the project declares is live.
fn dev(project: &Project<'_>) -> Dev {
    let mut dev = Dev::start(project.tidegate(["dev"]));
    let settled = dev.settled();
    assert!(
        matches!(settled["kind"].as_str(), Some("live" | "unchanged")),
        "{settled}"
    );
    dev
}

/// Blanks what differs from one time to the next.
fn timeless(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| {
                let volatile = name.ends_with("_at") || name.ends_with("_ms") || name == "time";
                // The dev loop has compiled for itself, faster and for slower code.
                let volatile = volatile || name == "peak_memory_bytes";
                let value = match (volatile, value) {
                    (true, Value::Null) => Value::Null,
                    (true, _) => "whenever".into(),
                    (false, value) => timeless(value),
                };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

/// What a command came to: its exit code and its document.
fn told(outcome: &Outcome) -> (Option<i32>, Value) {
    (outcome.code, timeless(&outcome.json()))
}

/// Commands that write, in an order in which each finds what it needs.
const COMMANDS: &[&str] = &[
    "run greet --env development --input {\"name\":\"Ada\"}",
    "run greet --env development --input {\"name\":7}",
    "run gret --env development",
    "run ../greet --env development",
    "runs replay 1",
    "runs replay 1 --original",
    "runs replay 999",
    "runs cancel 1",
    "runs cancel 999",
    "vars set FLAVOUR sweet --env development",
    "vars set FLAVOUR sweet --env development",
    "vars unset FLAVOUR --env development",
    "vars unset FLAVOUR --env development",
    "vars set FLAVOUR sweet --env nowhere",
    "secrets set TOKEN --env development",
    "secrets unset TOKEN --env development --force",
    "config set github client_id --env development",
    "env create review",
    "env create review",
    "env update review --public-url https://a.example --allow-host 127.0.0.1:8080",
    "env update review --public-url nonsense",
    "env update review --no-public-url --deny-host 127.0.0.1:8080",
    "env delete review",
    "env delete review --force",
    "env delete production",
    "subscriptions retry --env development",
    "subscriptions retry 77 --env development",
    "subscriptions resubscribe nothing --env development",
    "subscriptions forget 77 --env development",
    "events send nothing --env development",
    "deliveries replay 77",
    "locks break --env development",
    "artifacts gc --dry-run",
    "plan --env production --detailed-exitcode",
    "plan --env nowhere",
    "rollback --env production",
    "deploy --env production --version 1.2.0 --description first",
    "plan --env production --detailed-exitcode",
    "deploy --env production --atomic --no-wait --settle-timeout 5",
    "deploy --env nowhere",
    "deploy --env production --artifact 0000000000000000000000000000000000000000000000000000000000000000",
    "rollback --env production --to 77",
    "rollback --env production --to 1",
];

#[test]
fn commands_come_to_the_same_whether_or_not_another_process_does_the_work() {
    let environment = TestEnvironment::new();
    let alone = environment.project("hello", hello());
    let _ = alone.deploy().ok();
    let elsewhere = TestEnvironment::new();
    let served = elsewhere.project("hello", hello());
    let dev = dev(&served);
    for command in COMMANDS {
        let words = || command.split(' ');
        let here = alone.tidegate(words()).input("a value").finish();
        let there = served.tidegate(words()).input("a value").finish();
        assert_eq!(told(&there), told(&here), "{command}\n{there}");
    }
    let lists = [
        "runs list --env development",
        "runs list --env development --status failed",
        "deliveries list --env development",
        "deploys list --env production",
    ];
    for command in lists {
        let words = || command.split(' ');
        let here = alone.tidegate(words()).finish().ok();
        let there = served.tidegate(words()).finish().ok();
        assert_eq!(told(&there), told(&here), "{command}");
    }
    let _ = dev.interrupt().ok();
}

#[test]
fn what_fails_to_build_or_to_deploy_says_so_whoever_deploys() {
    let environment = TestEnvironment::new();
    let alone = environment.project("hello", hello());
    let _ = alone.deploy().ok();
    let elsewhere = TestEnvironment::new();
    let served = elsewhere.project("hello", hello());
    let _dev = dev(&served);
    let both = |change: &dyn Fn(&Project<'_>), command: &str| {
        let ended = [&alone, &served].map(|project| {
            change(project);
            let outcome = project.tidegate(command.split(' ')).finish();
            let mut told = told(&outcome);
            // The loop deploys each change too, and each has its own directory.
            if let Some(map) = told.1.as_object_mut() {
                for name in ["deploy", "message", "error"] {
                    map.remove(name);
                }
            }
            (told, outcome)
        });
        let [(here, _), (there, outcome)] = ended;
        assert_eq!(there, here, "{command}\n{outcome}");
        outcome
    };
    let failing = |project: &Project<'_>| {
        project.set_file("[build]\ncommand = \"echo spam >&2; exit 1\"\n");
    };
    let failed = both(&failing, "deploy --env production").fails_as("build-failed");
    assert!(failed.stderr.contains("spam"), "{failed}");
    let listed = served.tidegate(["deploys", "list", "--env", "production"]);
    let listed = listed.finish().ok().json();
    assert_eq!(listed["items"][0]["status"], "failed", "{listed}");
    let junk = |project: &Project<'_>| {
        project.set_file("");
        project.set_component(b"no component");
    };
    let _ = both(&junk, "deploy --env production").exits(1);
    let missing = |project: &Project<'_>| {
        std::fs::remove_file(project.directory().join("component.wasm")).unwrap();
    };
    let _ = both(&missing, "deploy --env production").exits(1);
}

#[test]
fn a_followed_deploy_tells_its_events_and_then_its_report() {
    let environment = TestEnvironment::new();
    let project = environment.project("hello", hello());
    let _dev = dev(&project);
    let follow = ["deploy", "--env", "production", "--follow"];
    let lines = project.tidegate(follow).finish().ok().json_lines();
    let finished: Vec<&Value> = lines
        .iter()
        .filter(|line| line["kind"] == "stage_finished")
        .map(|line| &line["name"])
        .collect();
    let stages = [
        "build", "store", "collect", "props", "plan", "apply", "settle",
    ];
    assert_eq!(finished, stages);
    let last = lines.last().unwrap();
    assert_eq!(last["kind"], "deploy");
    let names: Vec<&str> = last["stages"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|stage| stage["name"].as_str())
        .collect();
    assert_eq!(names, stages, "the build is part of the deploy");
}

#[test]
fn removing_everything_needs_a_word_there_too() {
    let environment = TestEnvironment::new();
    let project = environment.project("hooks", &with_settings(hooks20(), &json!({ "count": 0 })));
    let _dev = dev(&project);
    let _ = project
        .tidegate(["deploy", "--env", "production"])
        .finish()
        .ok();
    let empty = with_settings(hostile(), &json!({ "collect": "nothing" }));
    std::fs::write(environment.path("empty.wasm"), empty).unwrap();
    let file = environment.path("empty.wasm");
    let other = environment.path("other");
    std::fs::create_dir(&other).unwrap();
    let text = format!("name = \"hooks\"\ncomponent = {file:?}\n");
    std::fs::write(other.join("tidegate.toml"), text).unwrap();
    let data = project.data();
    let deploy = || {
        let deploy = ["deploy", "--env", "production", "--yes", "--data"];
        project.tidegate(deploy).arg(&data).arg(&other)
    };
    let _ = deploy().finish().exits(4).fails_as("removes-everything");
    let removed = deploy().arg("--allow-remove-all").finish().ok().json();
    assert_eq!(removed["status"], "succeeded");
}

#[test]
fn a_changed_value_reconfigures_and_resubscribing_calls_the_provider() {
    let environment = TestEnvironment::new();
    let (project, provider) = crate::github::configured(&environment);
    let _dev = dev(&project);
    eventually("the first hook", || {
        (provider.ledger().hooks.len() == 1).then_some(())
    });
    let set = project.set_variable("EVENTS", "push,issues").ok().json();
    assert_eq!(set["reconfigure"]["status"], "succeeded", "{set}");
    assert_eq!(provider.ledger().only_hook().events, ["issues", "push"]);
    let before = provider.ledger().calls.len();
    let again = ["subscriptions", "resubscribe", "repository-events"];
    let made = project
        .tidegate(again)
        .args(["--env", "development"])
        .finish()
        .ok()
        .json();
    assert_eq!(made["items"][0]["state"], "live", "{made}");
    assert_eq!(provider.ledger().calls.len(), before + 2);
    provider.set(&json!({ "refuse_create": { "status": 422 } }));
    let refused = project.set_variable("EVENTS", "push").exits(7).json();
    assert_eq!(refused["reconfigure"]["status"], "incomplete");
    provider.set(&json!({}));
    let retry = ["subscriptions", "retry", "--env", "development"];
    let _ = project.tidegate(retry).finish().ok();
    assert_eq!(provider.ledger().only_hook().events, ["push"]);
}

/// A deploy to `development` that another process carries out and its provider holds.
fn held<'a>(
    environment: &'a TestEnvironment,
) -> (Project<'a>, harness::Provider, Dev, harness::Running) {
    let (project, provider) = crate::github::configured(environment);
    let mut dev = Dev::start(project.tidegate(["dev", "--env", "staging"]));
    assert_eq!(dev.settled()["kind"], "live");
    provider.set(&json!({ "hold_create": "until_released" }));
    let deploy = project.tidegate(["deploy", "--env", "development"]).start();
    eventually("a held call", || {
        (provider.ledger().held == 1).then_some(())
    });
    (project, provider, dev, deploy)
}

#[test]
fn a_command_is_told_that_the_process_it_waits_for_has_died() {
    let environment = TestEnvironment::new();
    let (project, provider, mut dev, deploy) = held(&environment);
    dev.running().signal(Signal::KILL);
    let _ = deploy.wait().exits(1).fails_as("owner-gone");
    drop(dev);
    provider.release();
    // The next that writes puts in order what was left, and does it itself.
    let _ = project.set_variable("UNUSED", "1").ok();
}

#[test]
fn a_deploy_goes_on_when_the_command_that_asked_for_it_is_killed() {
    let environment = TestEnvironment::new();
    let (project, provider, dev, deploy) = held(&environment);
    let _ = deploy.kill();
    provider.release();
    eventually("the deploy's end", || {
        let list = ["deploys", "list", "--env", "development"];
        let listed = project.tidegate(list).finish().ok().json();
        (listed["items"][0]["status"] == "succeeded").then_some(())
    });
    let _ = dev.interrupt().ok();
}

#[test]
fn an_address_that_a_dead_process_left_leads_nobody_astray() {
    let environment = TestEnvironment::new();
    let project = environment.project("hello", hello());
    let mut first = dev(&project);
    first.running().signal(Signal::KILL);
    eventually("its end", || (!first.running().is_running()).then_some(()));
    let set = project.set_variable("FLAVOUR", "sweet").ok().json();
    assert_eq!(set["changed"], true);
    let _second = dev(&project);
    let set = project.set_variable("FLAVOUR", "sour").ok().json();
    assert_eq!(set["value"]["version"], 2);
}
