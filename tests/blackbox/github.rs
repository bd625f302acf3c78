//! The example `github` against a fake GitHub: subscriptions follow what is deployed.

use harness::{Outcome, Project, Provider, TestEnvironment, github};
use serde_json::{Value, json};

/// A configured project, not deployed yet, and its provider.
pub(crate) fn configured(environment: &TestEnvironment) -> (Project<'_>, Provider) {
    let provider = Provider::start();
    let project = environment.project("github", github());
    let _ = project
        .set_secret("GITHUB_TOKEN", "a token for the tests")
        .ok();
    let _ = project
        .set_secret("WEBHOOK_SECRET", "the first secret")
        .ok();
    let _ = project.set_variable("GITHUB_API_URL", provider.url()).ok();
    let _ = project.set_variable("REPOSITORY", "octo/hello").ok();
    let _ = project.set_variable("EVENTS", "push").ok();
    project.allow_host(provider.host());
    (project, provider)
}

/// Deploys, giving subscriptions no time to settle in a second attempt.
pub(crate) fn deploy_at_once(project: &Project<'_>) -> Outcome {
    project
        .tidegate(["deploy", "--env", "development", "--settle-timeout", "0"])
        .finish()
}

/// Returns the status of a deploy as it stands.
pub(crate) fn status_of(project: &Project<'_>, deploy: &Value) -> String {
    let number = deploy["deploy"].to_string();
    let shown = project
        .tidegate(["deploys", "show", &number, "--env", "development"])
        .finish()
        .ok()
        .json();
    shown["status"]
        .as_str()
        .expect("a deploy has a status")
        .to_owned()
}

#[test]
fn the_first_deploy_creates_one_hook_and_the_same_again_changes_nothing() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    assert_eq!(project.deploy().ok().json()["status"], "succeeded");
    let ledger = provider.ledger();
    let hook = ledger.only_hook();
    assert_eq!(hook.repository, "octo/hello");
    assert_eq!(hook.events, ["push"]);
    assert!(
        hook.url.starts_with("http://127.0.0.1:4601/hooks/"),
        "{hook:?}"
    );
    assert!(hook.key.is_some(), "{hook:?}");
    assert_eq!(ledger.calls.len(), 1, "{ledger:#?}");

    let again = project.deploy().ok().json();
    assert_eq!(again["status"], "succeeded");
    assert_eq!(again["changes"], json!([]));
    assert_eq!(again["subscription_steps"], json!([]));
    assert_eq!(provider.ledger().calls.len(), 1);
}

#[test]
fn setting_a_variable_of_the_props_replaces_the_hook() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    let _ = project.deploy().ok();
    let before = provider.ledger().only_hook().clone();
    let change = project.set_variable("EVENTS", "push,issues").ok().json();
    assert_eq!(change["reconfigure"]["status"], "succeeded", "{change}");
    assert_eq!(change["reconfigure"]["cause"], "reconfigure");
    let ledger = provider.ledger();
    let hook = ledger.only_hook();
    assert_eq!(hook.events, ["issues", "push"]);
    assert_ne!(
        hook.url, before.url,
        "each registration has an address of its own"
    );
    let methods: Vec<&str> = ledger
        .calls
        .iter()
        .map(|call| call.method.as_str())
        .collect();
    assert_eq!(methods, ["POST", "DELETE", "POST"]);

    let _ = project.set_variable("EVENTS", "push,issues").ok();
    assert_eq!(
        provider.ledger().calls.len(),
        3,
        "the same value again is no change"
    );
}

#[test]
fn rotating_the_signing_secret_registers_anew() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    let _ = project.deploy().ok();
    let before = provider.ledger().only_hook().clone();
    let _ = project
        .set_secret("WEBHOOK_SECRET", "the second secret")
        .ok();
    let ledger = provider.ledger();
    let hook = ledger.only_hook();
    assert_ne!(hook.id, before.id);
    assert_ne!(hook.secret_sha256, before.secret_sha256);

    let _ = project.set_secret("GITHUB_TOKEN", "another token").ok();
    assert_eq!(
        provider.ledger().calls.len(),
        ledger.calls.len(),
        "the subscription does not depend on the token"
    );
}

#[test]
fn a_changed_public_url_registers_anew() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    let _ = project.deploy().ok();
    let update = ["env", "update", "development", "--public-url"];
    let _ = project
        .tidegate(update)
        .arg("https://hooks.example")
        .finish()
        .ok();
    let ledger = provider.ledger();
    let hook = ledger.only_hook();
    assert!(
        hook.url.starts_with("https://hooks.example/hooks/"),
        "{hook:?}"
    );
}

#[test]
fn a_webhook_stays_unconfigured_until_its_values_are_set() {
    let environment = TestEnvironment::new();
    let provider = Provider::start();
    let project = environment.project("github", github());
    let deploy = project.deploy().exits(7).json();
    assert_eq!(deploy["status"], "incomplete");
    let named = deploy["unconfigured"].to_string();
    for value in ["REPOSITORY", "GITHUB_TOKEN", "WEBHOOK_SECRET"] {
        assert!(named.contains(value), "{value}: {named}");
    }
    project.allow_host(provider.host());
    for (name, value) in [
        ("GITHUB_API_URL", provider.url()),
        ("REPOSITORY", "octo/hello"),
        ("EVENTS", "push"),
    ] {
        let _ = project.set_variable(name, value);
    }
    let _ = project.set_secret("GITHUB_TOKEN", "a token for the tests");
    assert_eq!(provider.ledger().hooks.len(), 0);
    let _ = project
        .set_secret("WEBHOOK_SECRET", "the first secret")
        .ok();
    assert_eq!(provider.ledger().only_hook().repository, "octo/hello");
    assert_eq!(project.status()["steps"], json!([]));
}

#[test]
fn removing_the_webhook_from_the_source_deletes_its_hook() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    let _ = project.deploy().ok();
    let source = harness::copy_example(&environment, "github", "github-without-webhook");
    let list = "project!(GitHub, RepositoryEvents, create_issue)";
    harness::edit(
        &source.join("src/lib.rs"),
        list,
        "project!(GitHub, create_issue)",
    );
    let without = harness::build_variant(&source);
    project.set_component(&without);
    let deploy = project.deploy().ok().json();
    assert_eq!(deploy["changes"][0]["action"], "disable", "{deploy}");
    assert_eq!(
        deploy["changes"][0]["name"], "repository-events",
        "{deploy}"
    );
    let ledger = provider.ledger();
    assert_eq!(ledger.hooks.len(), 0);
    assert_eq!(ledger.calls_of("DELETE").len(), 1);

    let rollback = project.tidegate(["rollback", "--env", "development"]);
    assert_eq!(rollback.finish().ok().json()["status"], "succeeded");
    assert_eq!(provider.ledger().hooks.len(), 1);
}

#[test]
fn an_empty_list_deletes_the_hook_and_rollback_brings_it_back() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    let first = project.deploy().ok().json();
    let before = project.items(&["objects", "list"]);
    project.set_component(&harness::with_settings(
        harness::hostile(),
        &json!({ "collect": "nothing" }),
    ));
    let _ = project.deploy().exits(4).fails_as("removes-everything");
    assert_eq!(
        provider.ledger().hooks.len(),
        1,
        "nothing is removed without a yes"
    );
    let removal = ["deploy", "--env", "development", "--allow-remove-all"];
    let _ = project.tidegate(removal).finish().ok();
    assert_eq!(provider.ledger().hooks.len(), 0);
    assert_eq!(project.items(&["objects", "list"]), Vec::<Value>::new());

    let rollback = project.tidegate(["rollback", "--env", "development"]);
    let rollback = rollback.finish().ok().json();
    assert_eq!(rollback["status"], "succeeded");
    assert_eq!(rollback["artifact"], first["artifact"]);
    assert_eq!(provider.ledger().hooks.len(), 1);
    let after = project.items(&["objects", "list"]);
    assert_eq!(after, before, "objects come back with their ids");
}

#[test]
fn a_provider_that_refuses_to_delete_leaves_the_step_owed_until_it_relents() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    let _ = project.deploy().ok();
    let _ = project
        .tidegate(["env", "create", "unrelated"])
        .finish()
        .ok();
    provider.set(&json!({ "refuse_delete": { "status": 500 } }));
    project.set_component(&harness::with_settings(harness::hostile(), &json!({})));
    let deploy = deploy_at_once(&project).exits(7).json();
    assert_eq!(deploy["status"], "incomplete");
    let step = &deploy["subscription_steps"][0];
    assert_eq!(step["action"], "unsubscribe");
    assert_eq!(step["state"], "retrying");
    assert!(step["last_error"].to_string().contains("500"), "{step}");
    assert!(step["next_attempt_at"].is_string(), "{step}");
    let status = project.status();
    assert_eq!(status["steps"][0]["step"], step["step"], "{status}");
    assert_eq!(provider.ledger().hooks.len(), 1);
    let listed = project.items(&["subscriptions", "list"]);
    assert_eq!(listed[0]["state"], "leaving", "{listed:?}");

    provider.set(&json!({}));
    let retry = ["subscriptions", "retry", "--env", "development"];
    let _ = project.tidegate(retry).finish().ok();
    assert_eq!(provider.ledger().hooks.len(), 0);
    assert_eq!(status_of(&project, &deploy), "succeeded");
    assert_eq!(project.status()["steps"], json!([]));
}

#[test]
fn a_deploy_that_arrives_while_a_step_is_owed_supersedes_it_and_ends_right() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    provider.set(&json!({ "refuse_create": { "status": 503 } }));
    let first = deploy_at_once(&project).exits(7).json();
    assert_eq!(provider.ledger().hooks.len(), 0);
    project.set_component(&harness::with_settings(harness::hostile(), &json!({})));
    let second = deploy_at_once(&project).ok().json();
    assert_eq!(
        second["status"], "succeeded",
        "nothing is left to do: {second}"
    );
    assert_eq!(status_of(&project, &first), "incomplete");
    let shown = project
        .tidegate(["deploys", "show", "1", "--env", "development"])
        .finish()
        .ok()
        .json();
    assert_eq!(shown["superseded_by"], second["deploy"]);
    provider.set(&json!({}));
    project.set_component(github());
    assert_eq!(project.deploy().ok().json()["status"], "succeeded");
    assert_eq!(provider.ledger().hooks.len(), 1);
}

#[test]
fn the_action_creates_an_issue() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    let _ = project.deploy().ok();
    let input = json!({ "title": "It works", "body": "Really." });
    let run = project.run("create-issue", &input).ok().json();
    assert_eq!(run["requests"][0]["status"], 201, "{run}");
    assert_eq!(provider.ledger().issues[0].title, "It works");
}

#[test]
fn an_undeclared_private_host_is_refused_with_what_would_allow_it() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    let _ = project.deploy().ok();
    let deny = [
        "env",
        "update",
        "development",
        "--deny-host",
        provider.host(),
    ];
    let _ = project.tidegate(deny).finish().ok();
    let calls = provider.ledger().calls.len();
    let input = json!({ "title": "It does not work", "body": "" });
    let _ = project
        .run("create-issue", &input)
        .exits(1)
        .says(&format!("--allow-host {}", provider.host()));
    assert_eq!(provider.ledger().calls.len(), calls);
}
