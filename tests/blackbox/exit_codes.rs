//! Every exit code, and wrong usage.

use harness::{TestEnvironment, hostile, with_settings};
use serde_json::json;

#[test]
fn zero_is_done_and_one_is_failed() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let _ = project.deploy().ok();
    let _ = project.run("hello", &json!(null)).exits(0);
    let failed = project.run("act", &json!({ "what": "nonsense" })).exits(1);
    assert_eq!(failed.json()["status"], "failed");
}

#[test]
fn two_is_wrong_usage() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let _ = project.deploy().ok();
    for (words, code) in [
        (&["frobnicate"][..], "usage-invalid"),
        (&["deploy", "--no-such-flag"], "usage-invalid"),
        (&["deploy", "--env", "not a name"], "usage-invalid"),
        (&["run", "nothing", "--input", "1"], "object-unknown"),
        (&["run", "hello", "--input", "{"], "input-invalid"),
        (
            &["run", "hello", "--input", "@missing.json"],
            "input-invalid",
        ),
        (
            &["deploys", "show", "99", "--env", "development"],
            "deploy-unknown",
        ),
        (&["runs", "show", "99"], "run-unknown"),
        (
            &["objects", "list", "--env", "nowhere"],
            "environment-unknown",
        ),
        (
            &["subscriptions", "show", "99", "--env", "development"],
            "registration-unknown",
        ),
        (
            &["rollback", "--env", "development"],
            "nothing-to-roll-back-to",
        ),
        (&["explain", "no-such-code"], "usage-invalid"),
    ] {
        let outcome = project.tidegate(words).finish().exits(2);
        assert_eq!(outcome.json()["kind"], "error", "{outcome}");
        let _ = outcome.fails_as(code);
    }
    let nowhere = environment.tidegate(["status"]).finish().exits(2);
    let _ = nowhere.fails_as("project-not-found").says("tidegate new");
}

#[test]
fn two_is_changes_with_detailed_exitcode() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let plan = ["plan", "--env", "development", "--detailed-exitcode"];
    let _ = project.tidegate(plan).finish().exits(2);
    let _ = project.deploy().ok();
    let _ = project.tidegate(plan).finish().exits(0);
}

#[test]
fn four_is_input_needed_and_names_the_flag() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let _ = project.deploy().ok();
    project.set_component(&with_settings(hostile(), &json!({ "collect": "nothing" })));
    let _ = project
        .deploy()
        .exits(4)
        .fails_as("removes-everything")
        .says("--allow-remove-all");
}

#[test]
fn every_error_code_is_explained() {
    let environment = TestEnvironment::new();
    let listed = environment
        .tidegate(["explain", "--format", "json"])
        .finish()
        .ok()
        .json();
    let items = listed["items"].as_array().expect("a listing has items");
    assert!(items.len() > 30, "{listed}");
    for item in items {
        let code = item["code"].as_str().expect("each has a code");
        let _ = environment
            .tidegate(["explain", code])
            .finish()
            .ok()
            .says(code);
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    let environment = TestEnvironment::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let _ = environment
            .tidegate(["completions", shell])
            .finish()
            .ok()
            .says("rollback");
    }
}

#[test]
fn times_are_rfc_3339_in_utc_and_durations_are_milliseconds() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let deploy = project.deploy().ok().json();
    for name in ["started_at", "finished_at"] {
        let time = deploy[name].as_str().unwrap_or_default();
        assert!(
            time.ends_with('Z') && time.contains('T'),
            "{name}: {deploy}"
        );
    }
    for stage in deploy["stages"].as_array().expect("a deploy has stages") {
        assert!(stage["duration_ms"].is_u64(), "{stage}");
    }
}
