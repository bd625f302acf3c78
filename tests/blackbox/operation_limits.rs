//! One limit of operations at a time: just below it all is well, past it the
//! guest is stopped and told so, and the next operation is none the worse.

use harness::{Outcome, Project, Provider, TestEnvironment, hostile};
use serde_json::json;

use crate::collect_limits::ENDLESS;

fn act(project: &Project<'_>, what: &str, amount: u64) -> Outcome {
    project.run("act", &json!({ "what": what, "amount": amount }))
}

/// A deployed project that lowers its limits.
fn deployed<'a>(environment: &'a TestEnvironment, limits: &str) -> Project<'a> {
    let project = environment.project("hostile", hostile());
    project.set_file(&format!("[limits]\n{limits}\n"));
    let _ = project.deploy().ok();
    project
}

/// Goes up to a limit and past it.
#[track_caller]
fn check(limits: &str, what: &str, within: u64, beyond: u64, code: &str, words: &str) {
    let environment = TestEnvironment::new();
    check_in(
        &deployed(&environment, limits),
        what,
        within,
        beyond,
        code,
        words,
    );
}

#[track_caller]
fn check_in(project: &Project<'_>, what: &str, within: u64, beyond: u64, code: &str, words: &str) {
    let _ = act(project, what, within).ok();
    let run = act(project, what, beyond).exits(1).says(words).json();
    assert_eq!(run["status"], "failed", "{run}");
    assert_eq!(run["error"]["code"], code, "{run}");
    let _ = project.run("hello", &json!(null)).ok();
}

const LIMIT: &str = "limit-exceeded";

#[test]
fn cpu_time_is_limited() {
    // 0 is without end.
    check("cpu_ms = 600", "spin", 100, 0, LIMIT, "CPU time");
}

#[test]
fn wall_time_is_limited_though_a_guest_only_waits() {
    check("wall_ms = 3000", "wait", 10, 3_600_000, LIMIT, "3s");
}

#[test]
fn memory_is_limited() {
    check("", "memory", 200, 300, LIMIT, "256 MiB of memory");
}

#[test]
fn a_project_lowers_its_memory() {
    check(
        "memory = 33554432",
        "memory",
        20,
        40,
        LIMIT,
        "32 MiB of memory",
    );
}

#[test]
fn what_is_returned_is_limited() {
    let most = 4 << 20;
    check("", "output", most, most + 1, LIMIT, "4 MiB");
}

#[test]
fn recursion_ends_with_the_stack() {
    let trap = "run-trapped";
    check(
        "",
        "recurse",
        1_000,
        ENDLESS,
        trap,
        "called itself without end",
    );
}

#[test]
fn random_bytes_are_limited() {
    let most = 1 << 20;
    check("", "random", most, most + 1, LIMIT, "random bytes");
}

#[test]
fn host_objects_are_limited() {
    check("", "handles", 900, 1_100, LIMIT, "host objects");
}

#[test]
fn header_fields_are_limited() {
    check("", "field", 60_000, 70_000, LIMIT, "header fields");
}

#[test]
fn keys_and_values_of_the_store_are_limited() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "");
    let failed = "run-failed";
    check_in(
        &project,
        "kv-value",
        64 * 1024,
        64 * 1024 + 1,
        failed,
        "TooLarge",
    );
    check_in(&project, "kv-key", 512, 513, failed, "BadKey");
    check_in(&project, "kv-run", 15, 17, failed, "TooLarge");
}

#[test]
fn requests_are_limited() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "");
    let provider = Provider::start();
    let _ = project.set_variable("TARGET", provider.url()).ok();
    project.allow_host(provider.host());
    check_in(
        &project,
        "requests",
        50,
        51,
        "run-failed",
        "ConnectionLimitReached",
    );
    let logs = project.text(["runs", "logs", "2"]);
    let _ = logs
        .finish()
        .ok()
        .says("the 50 requests that one operation may make");
    assert_eq!(provider.ledger().calls.len(), 100, "the 51st is never sent");
}

#[test]
fn bodies_are_limited_in_both_directions() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "body = 100000");
    let provider = Provider::start();
    let _ = project.set_variable("TARGET", provider.url()).ok();
    project.allow_host(provider.host());
    check_in(
        &project,
        "receive-bytes",
        100_000,
        100_001,
        "run-failed",
        "body",
    );
    check_in(
        &project,
        "send-bytes",
        100_000,
        100_001,
        "run-failed",
        "body",
    );
}

#[test]
fn logs_are_limited_and_say_so_without_failing_the_run() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "log_lines = 100\nlog_bytes = 5000");
    let lines = |what: &str, amount: u64| {
        let run = act(&project, what, amount).ok().json();
        let id = run["run"].to_string();
        let logs = project.tidegate(["runs", "logs", id.trim_matches('"')]);
        let logs = logs.finish().ok().json();
        logs["items"].as_array().expect("a log has items").clone()
    };
    for what in ["log", "print"] {
        assert_eq!(lines(what, 100).len(), 100);
        let cut = lines(what, 5_000);
        assert_eq!(cut.len(), 101, "a hundred lines and the host's remark");
        assert!(cut[100].to_string().contains("left out"), "{}", cut[100]);
    }
    assert_eq!(
        lines("log-bytes", 5_000)[0]["message"]
            .as_str()
            .map(str::len),
        Some(5_000)
    );
    assert!(!lines("log-bytes", 5_001)[0].to_string().contains("xxxx"));
}

#[test]
fn a_table_as_large_as_the_project_allows_is_the_most() {
    let environment = TestEnvironment::new();
    // `collect` may have 20,000 elements, and this component has 19,000 and some.
    let project = deployed(&environment, "");
    let _ = project.run("hello", &json!(null)).ok();
    project.set_file("[limits]\ntable_elements = 10000\n");
    let run = project
        .run("hello", &json!(null))
        .exits(1)
        .says("10000 table elements");
    assert_eq!(run.json()["error"]["code"], LIMIT);
}

#[test]
fn a_panic_names_its_message_and_the_guests_own_lines() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "");
    let run = act(&project, "panic", 0)
        .exits(1)
        .says("a panic as ordered")
        .json();
    assert_eq!(run["error"]["code"], "run-trapped", "{run}");
    let message = run["error"]["message"].as_str().unwrap_or_default();
    let frames: Vec<&str> = message.lines().skip(1).map(str::trim).collect();
    assert!(frames[0].starts_with("at act (src/deeds.rs:"), "{run}");
    assert!(frames[1].starts_with("at run_action (src/lib.rs:"), "{run}");
    assert!(
        !run.to_string().contains(env!("CARGO_MANIFEST_DIR")),
        "{run}"
    );
    let _ = project.run("hello", &json!(null)).ok();
}

#[test]
fn a_guest_that_ends_its_process_ends_only_itself() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "");
    let _ = act(&project, "exit", 0)
        .exits(1)
        .says("ended its own process");
    let _ = project.run("hello", &json!(null)).ok();
}

#[test]
fn an_output_that_is_not_json_is_refused() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "");
    let _ = act(&project, "not-json", 0).exits(1).says("JSON");
}

#[test]
fn the_host_shows_no_file_variable_argument_socket_thread_or_process() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "");
    let run = act(&project, "host", 0).ok().json();
    let expected = json!({
        "file": false, "written": false, "directory": false, "variables": 0, "arguments": 0,
        "socket": false, "thread": false, "process": false, "input": "",
    });
    assert_eq!(run["output"], expected);
    assert!(!project.directory().join("planted").exists());
}

#[test]
fn a_request_elsewhere_names_the_declaration_that_would_permit_it() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "");
    let _ = act(&project, "elsewhere", 0)
        .exits(1)
        .says("example.test")
        .says("hosts")
        .says("action act");
}

#[test]
fn a_declared_private_host_needs_the_operators_word_too() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "");
    let provider = Provider::start();
    let _ = project.set_variable("TARGET", provider.url()).ok();
    let flag = format!("--allow-host {}", provider.host());
    let _ = act(&project, "requests", 1).exits(1).says(&flag);
    assert_eq!(provider.ledger().calls.len(), 0);
    project.allow_host(provider.host());
    let _ = act(&project, "requests", 1).ok();
}

#[test]
fn writes_of_a_run_that_fails_are_not_kept() {
    let environment = TestEnvironment::new();
    let project = deployed(&environment, "");
    let _ = act(&project, "kv-set-and-fail", 0).exits(1);
    assert_eq!(act(&project, "kv-read", 0).ok().json()["output"], json!([]));
    let _ = act(&project, "kv-value", 1).ok();
    assert_eq!(
        act(&project, "kv-read", 0).ok().json()["output"],
        json!(["key"])
    );
}
