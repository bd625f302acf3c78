//! Providers that say no, now or for good.

use harness::TestEnvironment;
use serde_json::{Value, json};

use crate::github::{configured, deploy_at_once, status_of};

#[test]
fn a_provider_that_asks_for_patience_gets_it() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    provider.set(&json!({
        "refuse_create": { "status": 429, "retry_after_s": 1, "times": 1 },
    }));
    let deploy = project.deploy().ok().json();
    assert_eq!(deploy["status"], "succeeded");
    assert_eq!(deploy["subscription_steps"][0]["attempts"], 2, "{deploy}");
    let ledger = provider.ledger();
    assert_eq!(ledger.calls_of("POST").len(), 2);
    assert_eq!(ledger.hooks.len(), 1);
}

#[test]
fn a_final_refusal_waits_for_somebody_and_retry_brings_it_on() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    provider.set(&json!({ "refuse_create": { "status": 403 } }));
    let deploy = project.deploy().exits(7).json();
    assert_eq!(deploy["status"], "incomplete");
    assert_eq!(
        deploy["subscription_steps"][0]["state"], "failed",
        "{deploy}"
    );
    assert_eq!(
        provider.ledger().calls.len(),
        1,
        "it is not tried again by itself"
    );
    provider.set(&json!({}));
    let retry = ["subscriptions", "retry", "--env", "development"];
    let _ = project.tidegate(retry).finish().ok();
    assert_eq!(provider.ledger().hooks.len(), 1);
    assert_eq!(status_of(&project, &deploy), "succeeded");
}

#[test]
fn a_corrected_secret_brings_a_refused_subscription_on() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    provider.set(&json!({ "token": "the right token" }));
    let deploy = project.deploy().exits(7).json();
    assert_eq!(provider.ledger().hooks.len(), 0);
    let change = project.set_secret("GITHUB_TOKEN", "the right token");
    let change = change.ok().json();
    assert_eq!(change["reconfigure"]["status"], "succeeded", "{change}");
    assert_eq!(provider.ledger().hooks.len(), 1);
    // The deploy that the new value brought about took the step over.
    assert_eq!(status_of(&project, &deploy), "incomplete");
    assert_eq!(project.status()["steps"], json!([]));
}

#[test]
fn an_atomic_deploy_whose_step_fails_is_undone() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    project.set_component(&harness::with_settings(harness::hostile(), &json!({})));
    let _ = project.deploy().ok();
    let before = project.items(&["objects", "list"]);
    provider.set(&json!({ "refuse_create": { "status": 403 } }));
    project.set_component(harness::github());
    let atomic = [
        "deploy",
        "--env",
        "development",
        "--atomic",
        "--settle-timeout",
        "5",
    ];
    let deploy = project.tidegate(atomic).finish().exits(1).json();
    assert_eq!(deploy["status"], "rolled-back", "{deploy}");
    assert_eq!(project.items(&["objects", "list"]), before);
    assert_eq!(provider.ledger().hooks.len(), 0);
    assert_eq!(project.status()["steps"], json!([]));
}

#[test]
fn an_atomic_deploy_takes_back_the_steps_that_were_done() {
    let environment = TestEnvironment::new();
    let settings = |count: u32| json!({ "count": count });
    let (project, provider) = crate::ownership::deployed(&environment, &settings(0));
    // One of three is created, the others are refused for good.
    provider.set(&json!({ "refuse_create": { "status": 403, "after": 1 } }));
    project.set_component(&harness::with_settings(harness::hooks20(), &settings(3)));
    let atomic = ["deploy", "--env", "development", "--atomic"];
    let deploy = project.tidegate(atomic).finish().exits(1).json();
    assert_eq!(deploy["status"], "rolled-back", "{deploy}");
    let ledger = provider.ledger();
    assert_eq!(ledger.calls_of("DELETE").len(), 1, "{ledger:#?}");
    assert_eq!(ledger.hooks.len(), 0, "{ledger:#?}");
    assert_eq!(project.items(&["objects", "list"]).len(), 1);
}

#[test]
fn a_failed_subscription_never_holds_the_others_back() {
    let environment = TestEnvironment::new();
    let component = harness::with_settings(harness::hostile(), &json!({ "webhooks": true }));
    let project = environment.project("hostile", &component);
    project.set_file("[limits]\ncpu_ms = 300\n");
    let deploy = deploy_at_once(&project).exits(7).json();
    let steps = deploy["subscription_steps"]
        .as_array()
        .expect("a deploy has steps");
    let state = |webhook: &str| -> Value {
        let step = steps.iter().find(|step| step["webhook"] == webhook);
        step.expect("each webhook has a step")["state"].clone()
    };
    assert_eq!(state("fine"), "done", "{deploy}");
    assert_ne!(state("stuck"), "done", "{deploy}");
    assert!(deploy.to_string().contains("CPU"), "{deploy}");
}
