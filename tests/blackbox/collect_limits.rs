//! What `collect` and `subscription-props` may use, and what becomes of a deploy
//! whose guest takes more: it fails, and what was live stays live.

use harness::{Outcome, Project, TestEnvironment, hostile, set_table_size, with_settings};
use serde_json::{Value, json};

/// More than any stack holds.
pub(crate) const ENDLESS: u64 = 1 << 31;

/// A project whose honest component is live.
pub(crate) fn with_something_live(environment: &TestEnvironment) -> Project<'_> {
    let project = environment.project("hostile", hostile());
    let _ = project.deploy().ok();
    project
}

/// Deploys a component that is refused, and sees that nothing changed.
#[track_caller]
pub(crate) fn refused(project: &Project<'_>, component: &[u8], code: &str) -> Outcome {
    let before = project.items(&["objects", "list", "--all"]);
    project.set_component(component);
    let outcome = project.deploy().exits(1).fails_as(code);
    assert_eq!(outcome.json()["status"], "failed", "{outcome}");
    assert_eq!(project.items(&["objects", "list", "--all"]), before);
    let _ = project.run("hello", &json!(null)).ok();
    outcome
}

fn settings(collect: &str, amount: u64) -> Vec<u8> {
    with_settings(hostile(), &json!({ "collect": collect, "amount": amount }))
}

/// Goes up to a limit of `collect` and past it.
#[track_caller]
fn check(what: &str, within: u64, beyond: u64, words: &str) {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    project.set_component(&settings(what, within));
    let _ = project.deploy().ok();
    let _ = refused(&project, &settings(what, beyond), "collect-failed").says(words);
}

#[test]
fn a_collect_that_loops_is_stopped() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    // Less than the default, so that a busy machine reaches it before the wall time.
    project.set_file("[limits]\ncpu_ms = 300\n");
    project.set_component(&settings("spin", 20));
    let _ = project.deploy().ok();
    let _ = refused(&project, &settings("spin", 0), "collect-failed").says("300ms of CPU time");
}

#[test]
fn a_collect_that_holds_too_much_memory_is_stopped() {
    check("memory", 50, 70, "64 MiB of memory");
}

#[test]
fn a_collect_that_recurses_without_end_is_stopped() {
    check("recurse", 1_000, ENDLESS, "called itself without end");
}

#[test]
fn a_collect_that_returns_too_much_is_refused() {
    check("large", 1 << 20, 17 << 20, "16 MiB");
}

#[test]
fn a_collect_that_panics_names_message_and_line() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let _ = refused(&project, &settings("panic", 0), "collect-failed")
        .says("a panic as ordered")
        .says("src/deeds.rs:");
}

#[test]
fn a_table_that_is_too_large_is_refused() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let _ = refused(
        &project,
        &set_table_size(hostile(), 20_001),
        "collect-failed",
    )
    .says("20000 table elements");
}

#[test]
fn a_flood_of_log_lines_is_cut_and_said() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", &settings("log", 900));
    let lines = |project: &Project<'_>| {
        let deploy = project.deploy().ok().json()["deploy"].to_string();
        let logs = ["deploys", "logs", &deploy, "--env", "development"];
        let logs = project.tidegate(logs).finish().ok().json();
        let items = logs["items"].as_array().expect("a log has items").clone();
        let of_guest = |line: &&Value| line["message"].to_string().contains("\"line ");
        (items.iter().filter(of_guest).count(), logs.to_string())
    };
    assert_eq!(lines(&project).0, 900);
    project.set_component(&settings("log", 100_000));
    let (kept, logs) = lines(&project);
    assert_eq!(kept, 1_000);
    assert!(
        logs.contains("left out") || logs.contains("limit"),
        "it is said"
    );
}

#[test]
fn waiting_in_collect_takes_no_time() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", &settings("wait", 3_600_000));
    let _ = project.deploy().ok();
}

#[test]
fn collect_sees_no_value_and_no_store() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    for what in ["undeclared", "kv-value", "secret-in-output", "requests"] {
        let _ = refused(&project, &settings(what, 1), "declaration-invalid").says("Unavailable");
    }
    let _ = refused(&project, &settings("elsewhere", 1), "declaration-invalid");
}

#[test]
fn a_million_objects_are_refused_and_ten_thousand_are_not() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let refusal = {
        project.set_component(&settings("objects", 1_000_000));
        project.deploy().exits(1)
    };
    let code = refusal.json()["code"].clone();
    let codes = [json!("collect-failed"), json!("declaration-invalid")];
    assert!(codes.contains(&code), "{refusal}");
    assert_eq!(project.items(&["objects", "list"]).len(), 2);
    project.set_component(&settings("objects", 10_000));
    let _ = project.deploy().ok();
    assert_eq!(project.items(&["objects", "list"]).len(), 10_002);
}

#[test]
fn names_that_look_like_others_are_refused() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let refusal = refused(&project, &settings("lookalike", 0), "declaration-invalid");
    let _ = refusal.says("U+043E").says("only the letters a to z");
}

#[test]
fn every_fault_of_a_list_is_reported_at_once_and_where() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let refusal = refused(&project, &settings("faults", 0), "declaration-invalid");
    let mut refusal = refusal.says("src/faults.rs:7");
    for name in [
        "bad-schema",
        "bad-host",
        "dangling",
        "bad-trigger",
        "nowhere",
        "no-such-webhook",
    ] {
        refusal = refusal.says(name);
    }
    let _ =
        refused(&project, &settings("duplicate", 0), "declaration-invalid").says("action hello");
}

#[test]
fn errors_that_a_guest_returns_are_shown_with_their_places() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let _ = refused(&project, &settings("errors", 3), "declaration-invalid")
        .says("fault 0")
        .says("fault 2")
        .says("src/lists.rs:1");
}

#[test]
fn props_that_fail_fail_the_deploy() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    project.set_file("[limits]\ncpu_ms = 300\n");
    for (what, words) in [
        ("spin", "300ms of CPU time"),
        ("panic", "a panic as ordered"),
        ("kv-value", "Unavailable"),
        ("nonsense", "nonsense"),
    ] {
        let settings = json!({ "webhooks": true, "props": what, "amount": 0 });
        let component = with_settings(hostile(), &settings);
        let _ = refused(&project, &component, "props-failed").says(words);
    }
}
