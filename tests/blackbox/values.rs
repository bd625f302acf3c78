//! Values that something at a third party still needs, and environments that still hold something.

use harness::{Project, Provider, TestEnvironment, hooks20, with_settings};
use serde_json::{Value, json};

use crate::github::deploy_at_once;
use crate::ownership::deployed;

#[test]
fn a_secret_that_a_subscription_needs_is_not_unset_by_mistake() {
    let environment = TestEnvironment::new();
    let (project, provider) = deployed(&environment, &json!({ "count": 1 }));
    let unset = ["secrets", "unset", "TOKEN", "--env", "development"];
    let _ = project
        .tidegate(unset)
        .finish()
        .exits(5)
        .fails_as("value-needed")
        .says("hook-01");
    assert_eq!(provider.ledger().hooks.len(), 1);
    let forced = project.tidegate(unset).arg("--force").finish();
    assert!([Some(0), Some(7)].contains(&forced.code), "{forced}");

    // The step that ends the subscription waits for the value, and goes on with it.
    project.set_component(&with_settings(hooks20(), &json!({ "count": 0 })));
    let deploy = deploy_at_once(&project).exits(7).json();
    let step = &deploy["subscription_steps"][0];
    assert_eq!(step["action"], "unsubscribe", "{deploy}");
    assert!(step["awaiting"].to_string().contains("TOKEN"), "{step}");
    assert_eq!(provider.ledger().hooks.len(), 1);
    let _ = project.set_secret("TOKEN", "another token").ok();
    assert_eq!(provider.ledger().hooks.len(), 0);
    assert_eq!(project.status()["steps"], json!([]));
}

/// A project with two hooks in an environment of its own, `trial`.
fn deployed_to_trial(environment: &TestEnvironment) -> (Project<'_>, Provider) {
    let provider = Provider::start();
    let settings = json!({ "count": 2 });
    let project = environment.project("hooks", &with_settings(hooks20(), &settings));
    let _ = project.tidegate(["env", "create", "trial"]).finish().ok();
    let update = ["env", "update", "trial", "--allow-host", provider.host()];
    let update = project.tidegate(update);
    let _ = update
        .args(["--public-url", "https://trial.example"])
        .finish()
        .ok();
    let secret = project.tidegate(["secrets", "set", "TOKEN", "--env", "trial"]);
    let _ = secret.input("a token for the tests").finish().ok();
    let variable = ["vars", "set", "API_URL", provider.url(), "--env", "trial"];
    let _ = project.tidegate(variable).finish().ok();
    let _ = project.tidegate(["deploy", "--env", "trial"]).finish().ok();
    assert_eq!(provider.ledger().hooks.len(), 2);
    (project, provider)
}

#[test]
fn deleting_an_environment_ends_its_subscriptions_first() {
    let environment = TestEnvironment::new();
    let (project, provider) = deployed_to_trial(&environment);
    let delete = ["env", "delete", "trial", "--yes"];
    let deleted = project.tidegate(delete).finish().ok().json();
    assert_eq!(deleted["forgotten"], json!([]));
    assert_eq!(provider.ledger().hooks.len(), 0);
    let gone = ["objects", "list", "--env", "trial"];
    let _ = project
        .tidegate(gone)
        .finish()
        .exits(2)
        .fails_as("environment-unknown");
}

#[test]
fn an_environment_whose_subscriptions_cannot_be_ended_is_deleted_only_by_force() {
    let environment = TestEnvironment::new();
    let (project, provider) = deployed_to_trial(&environment);
    // Without the token nothing can be said to the provider.
    let unset = ["secrets", "unset", "TOKEN", "--env", "trial", "--force"];
    let _ = project.tidegate(unset).finish();
    let delete = ["env", "delete", "trial", "--yes"];
    let _ = project
        .tidegate(delete)
        .finish()
        .exits(5)
        .fails_as("environment-in-use")
        .says("--force");
    let forced = project.tidegate(delete).arg("--force").finish().ok();
    let forgotten = forced.json()["forgotten"].to_string();
    for webhook in ["hook-01", "hook-02"] {
        assert!(forgotten.contains(webhook), "{webhook}: {forgotten}");
    }
    assert_eq!(provider.ledger().hooks.len(), 2);
}

#[test]
fn status_says_when_nobody_is_there_to_retry() {
    let environment = TestEnvironment::new();
    let (project, provider) = deployed(&environment, &json!({ "count": 0 }));
    let notes = |status: &Value| status["notes"].to_string();
    assert!(!notes(&project.status()).contains("nothing is retrying"));
    provider.set(&json!({ "refuse_create": { "status": 500 } }));
    project.set_component(&with_settings(hooks20(), &json!({ "count": 1 })));
    let _ = deploy_at_once(&project).exits(7);
    assert!(notes(&project.status()).contains("nothing is retrying"));
}

#[test]
fn dev_goes_on_with_what_is_owed() {
    let environment = TestEnvironment::new();
    let (project, provider) = deployed(&environment, &json!({ "count": 0 }));
    provider.set(&json!({ "refuse_create": { "status": 500 } }));
    project.set_component(&with_settings(hooks20(), &json!({ "count": 1 })));
    let _ = deploy_at_once(&project).exits(7);
    let dev = project.text(["dev"]).start();
    harness::eventually("another attempt", || {
        (provider.ledger().calls_of("POST").len() > 2).then_some(())
    });
    provider.set(&json!({}));
    harness::eventually("the hook", || {
        (provider.ledger().hooks.len() == 1).then_some(())
    });
    harness::eventually("the end of the deploy", || {
        dev.stderr_so_far().contains("Ctrl-C ends it").then_some(())
    });
    dev.signal(harness::Signal::TERM);
    let _ = dev.wait().ok();
}

#[test]
fn the_history_of_a_subscription_can_be_read() {
    let environment = TestEnvironment::new();
    let (project, provider) = deployed(&environment, &json!({ "count": 0 }));
    provider.set(&json!({ "refuse_create": { "status": 503, "times": 1 } }));
    project.set_component(&with_settings(hooks20(), &json!({ "count": 1 })));
    let _ = project.deploy().ok();
    let id = project.items(&["subscriptions", "list"])[0]["registration"].to_string();
    let show = [
        "subscriptions",
        "show",
        id.trim_matches('"'),
        "--env",
        "development",
    ];
    let shown = project.tidegate(show).finish().ok().json().to_string();
    assert!(shown.contains("503"), "the refusal is part of it: {shown}");
}

#[test]
fn a_run_is_replayed_on_what_is_live_or_on_what_ran() {
    let environment = TestEnvironment::new();
    let project = environment.project("hooks", hooks20());
    let version = |version: &str| {
        let settings = json!({ "count": 0, "version": version });
        project.set_component(&with_settings(hooks20(), &settings));
        let _ = project.deploy().ok();
    };
    version("1");
    let run = project.run("who", &json!(null)).ok().json();
    version("2");
    let id = run["run"].to_string();
    let replay = |more: &[&str]| {
        let replay = project.tidegate(["runs", "replay", id.trim_matches('"')]);
        replay.args(more).finish().ok().json()["output"]["version"].clone()
    };
    assert_eq!(replay(&[]), "2");
    assert_eq!(replay(&["--original"]), "1");
}

#[test]
fn a_deploys_version_and_description_are_kept() {
    let environment = TestEnvironment::new();
    let project = environment.project("hooks", hooks20());
    project.set_component(&with_settings(hooks20(), &json!({ "count": 0 })));
    let deploy = ["deploy", "--env", "development", "--version", "1.2.3"];
    let deploy = project
        .tidegate(deploy)
        .args(["--description", "the third fix"]);
    let deploy = deploy.finish().ok().json();
    assert_eq!(deploy["deployed_version"], "1.2.3");
    let shown = ["deploys", "show", "1", "--env", "development"];
    let shown = project.tidegate(shown).finish().ok().json();
    assert_eq!(shown["description"], "the third fix");
    assert_eq!(shown["deployed_version"], "1.2.3");
    assert!(
        shown["actor"]
            .as_str()
            .is_some_and(|actor| actor.starts_with("tester")),
        "{shown}"
    );
}
