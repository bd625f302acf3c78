//! Which artifact makes which call: who subscribed also unsubscribes.

use harness::{Project, Provider, TestEnvironment, hooks20, with_settings};
use serde_json::{Value, json};

/// A project with one webhook of version `1`, deployed.
pub(crate) fn deployed<'a>(
    environment: &'a TestEnvironment,
    settings: &Value,
) -> (Project<'a>, Provider) {
    let provider = Provider::start();
    let project = environment.project("hooks", &with_settings(hooks20(), settings));
    let _ = project.set_secret("TOKEN", "a token for the tests").ok();
    let _ = project.set_variable("API_URL", provider.url()).ok();
    project.allow_host(provider.host());
    let _ = project.deploy().ok();
    (project, provider)
}

#[test]
fn unsubscribe_runs_on_the_artifact_that_subscribed() {
    let environment = TestEnvironment::new();
    let (project, provider) = deployed(&environment, &json!({ "version": "1", "count": 1 }));
    let owner = project.items(&["subscriptions", "list"])[0].clone();

    project.set_component(&with_settings(
        hooks20(),
        &json!({ "version": "2", "count": 1 }),
    ));
    let second = project.deploy().ok().json();
    assert_eq!(
        provider.ledger().calls.len(),
        1,
        "code alone changes no subscription"
    );
    let listed = project.items(&["subscriptions", "list"]);
    assert_eq!(listed[0]["artifact"], owner["artifact"]);
    assert_ne!(listed[0]["artifact"], second["artifact"]);
    assert_eq!(listed[0]["deploy"], 1);

    let _ = project.set_variable("EVENTS", "issues").ok();
    let calls: Vec<(String, String)> = provider
        .ledger()
        .calls
        .into_iter()
        .map(|call| (call.method, call.user_agent.unwrap_or_default()))
        .collect();
    let expected = [
        ("POST", "hooks20/1"),
        ("DELETE", "hooks20/1"),
        ("POST", "hooks20/2"),
    ];
    assert_eq!(calls, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn resubscribe_moves_a_subscription_to_the_live_artifact() {
    let environment = TestEnvironment::new();
    let (project, provider) = deployed(&environment, &json!({ "version": "1", "count": 1 }));
    project.set_component(&with_settings(
        hooks20(),
        &json!({ "version": "2", "count": 1 }),
    ));
    let second = project.deploy().ok().json();
    let resubscribe = [
        "subscriptions",
        "resubscribe",
        "hook-01",
        "--env",
        "development",
    ];
    let _ = project.tidegate(resubscribe).finish().ok();
    let listed = project.items(&["subscriptions", "list"]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0]["artifact"], second["artifact"]);
    assert_eq!(provider.ledger().hooks.len(), 1);
}

#[test]
fn overlap_subscribes_before_it_unsubscribes() {
    let environment = TestEnvironment::new();
    let settings = |basis: &str| json!({ "count": 1, "overlap": true, "basis": basis });
    let (project, provider) = deployed(&environment, &settings("a"));
    project.set_component(&with_settings(hooks20(), &settings("b")));
    let _ = project.deploy().ok();
    let ledger = provider.ledger();
    let methods: Vec<&str> = ledger
        .calls
        .iter()
        .map(|call| call.method.as_str())
        .collect();
    assert_eq!(methods, ["POST", "POST", "DELETE"]);
    assert_eq!(ledger.hooks.len(), 1);
}

#[test]
fn removed_webhooks_go_before_changed_ones_and_new_ones_come_last() {
    let environment = TestEnvironment::new();
    // 1 changes, 2 to 4 go; then 1 changes again, and 2 to 4 come.
    let (project, provider) = deployed(&environment, &json!({ "count": 4, "basis": "a" }));
    let deploy = |count: u32, basis: &str| {
        project.set_component(&with_settings(
            hooks20(),
            &json!({ "count": count, "basis": basis }),
        ));
        let before = provider.ledger().calls.len();
        let _ = project.deploy().ok();
        let calls = provider.ledger().calls.split_off(before);
        let of_first = |path: &str| path.contains("/hook-01/");
        calls
            .iter()
            .map(|call| of_first(&call.path))
            .collect::<Vec<_>>()
    };
    assert_eq!(deploy(1, "b"), [false, false, false, true, true]);
    assert_eq!(deploy(4, "c"), [true, true, false, false, false]);
}

#[test]
fn forgetting_a_registration_drops_what_is_owed_and_names_who_did_it() {
    let environment = TestEnvironment::new();
    let (project, provider) = deployed(&environment, &json!({ "count": 1 }));
    provider.set(&json!({ "refuse_delete": { "status": 500 } }));
    project.set_component(&with_settings(hooks20(), &json!({ "count": 0 })));
    let deploy = crate::github::deploy_at_once(&project).exits(7).json();
    let registration = project.items(&["subscriptions", "list"])[0]["registration"].to_string();
    let registration = registration.trim_matches('"');
    let forget = [
        "subscriptions",
        "forget",
        registration,
        "--env",
        "development",
        "--yes",
    ];
    let _ = project.tidegate(forget).finish().ok();
    assert_eq!(project.status()["steps"], json!([]));
    let number = deploy["deploy"].to_string();
    let shown = project
        .tidegate(["deploys", "show", &number, "--env", "development"])
        .finish()
        .ok()
        .json();
    assert_eq!(shown["status"], "incomplete");
    let who = shown["forgotten_by"].as_str().unwrap_or_default();
    assert!(who.contains("tester"), "{shown}");
}
