//! Answers that never arrive: what the provider did is found out, or shown as unknown.

use harness::{TestEnvironment, eventually};
use serde_json::json;

use crate::github::{configured, status_of};
use crate::ownership::deployed;

#[test]
fn check_finds_a_hook_whose_answer_was_lost() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    provider.set(&json!({ "lose_create_answers": 1, "allow_duplicates": true }));
    assert_eq!(project.deploy().ok().json()["status"], "succeeded");
    let ledger = provider.ledger();
    assert_eq!(ledger.hooks.len(), 1, "{ledger:#?}");
    assert_eq!(ledger.calls_of("POST").len(), 1, "{ledger:#?}");
    assert!(!ledger.calls_of("GET").is_empty(), "{ledger:#?}");
    assert_eq!(project.status()["doubtful"], json!([]));
}

#[test]
fn check_says_absent_and_the_call_is_made_again() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    provider.set(&json!({ "hold_create": "until_released" }));
    let deploy = project.tidegate(["deploy", "--env", "development"]).start();
    eventually("a held call", || {
        (provider.ledger().held == 1).then_some(())
    });
    let _ = deploy.kill();
    // It refuses what it held, so nothing was ever committed.
    provider.set(&json!({ "refuse_create": { "status": 500, "times": 1 } }));
    provider.release();
    assert_eq!(provider.settled_ledger().hooks.len(), 0);
    assert_eq!(project.deploy().ok().json()["status"], "succeeded");
    assert_eq!(provider.ledger().hooks.len(), 1);
}

#[test]
fn a_lost_answer_to_a_deletion_is_found_out_too() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    let _ = project.deploy().ok();
    provider.set(&json!({ "lose_delete_answers": 1 }));
    let change = project.set_variable("EVENTS", "issues").ok().json();
    assert_eq!(change["reconfigure"]["status"], "succeeded", "{change}");
    let ledger = provider.ledger();
    assert_eq!(ledger.only_hook().events, ["issues"]);
}

#[test]
fn a_commit_after_the_client_is_gone_leaves_neither_orphan_nor_double() {
    let environment = TestEnvironment::new();
    let (project, provider) = configured(&environment);
    provider.set(&json!({ "hold_create": "until_client_gone", "allow_duplicates": true }));
    let deploy = project.tidegate(["deploy", "--env", "development"]).start();
    eventually("a held call", || {
        (provider.ledger().held == 1).then_some(())
    });
    let _ = deploy.kill();
    eventually("the late commit", || {
        (provider.ledger().hooks.len() == 1).then_some(())
    });
    provider.set(&json!({ "allow_duplicates": true }));
    assert_eq!(project.deploy().ok().json()["status"], "succeeded");
    assert_eq!(provider.ledger().hooks.len(), 1);
    let first = status_of(&project, &json!({ "deploy": 1 }));
    assert!(
        ["succeeded", "incomplete"].contains(&first.as_str()),
        "{first}"
    );
    assert_eq!(project.status()["doubtful"], json!([]));
}

#[test]
fn a_provider_that_honours_the_key_gets_the_same_key_again() {
    let environment = TestEnvironment::new();
    let settings = json!({ "count": 0, "check": false });
    let (project, provider) = deployed(&environment, &settings);
    provider.set(&json!({
        "lose_create_answers": 1, "allow_duplicates": true, "honour_key": true,
    }));
    let one = json!({ "count": 1, "check": false });
    project.set_component(&harness::with_settings(harness::hooks20(), &one));
    let _ = project.deploy();
    let ledger = provider.ledger();
    let keys: Vec<_> = ledger
        .calls_of("POST")
        .iter()
        .map(|call| &call.idempotency_key)
        .collect();
    assert_eq!(keys.len(), 2, "{ledger:#?}");
    assert_eq!(keys[0], keys[1]);
    assert_eq!(ledger.hooks.len(), 1);
}

#[test]
fn without_check_or_key_a_possible_double_is_listed() {
    let environment = TestEnvironment::new();
    let settings = json!({ "count": 0, "check": false });
    let (project, provider) = deployed(&environment, &settings);
    provider.set(&json!({ "lose_create_answers": 1, "allow_duplicates": true }));
    let one = json!({ "count": 1, "check": false });
    project.set_component(&harness::with_settings(harness::hooks20(), &one));
    let _ = project.deploy();
    assert_eq!(provider.ledger().hooks.len(), 2);
    let status = project.status();
    assert_eq!(status["doubtful"][0]["webhook"], "hook-01", "{status}");
    assert_eq!(status["doubtful"][0]["possible_double"], true, "{status}");
}
