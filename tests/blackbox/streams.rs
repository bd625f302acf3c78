//! What is printed where.

use harness::{TestEnvironment, hostile};
use serde_json::{Value, json};

#[test]
fn follow_prints_one_document_a_line_and_the_deploy_last() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let follow = ["deploy", "--env", "development", "--follow"];
    let lines = project.tidegate(follow).finish().ok().json_lines();
    for line in &lines {
        assert!(line["kind"].is_string() && line["version"] == 1, "{line}");
    }
    let stages = lines
        .iter()
        .filter(|line| line.to_string().contains("\"apply\""));
    assert!(stages.count() >= 2, "a stage begins and ends: {lines:#?}");
    let last = lines.last().expect("there are lines");
    assert_eq!(last["kind"], "deploy");
    assert_eq!(last["status"], "succeeded");
}

#[test]
fn json_is_all_there_is_on_standard_output_even_when_it_fails() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    project.set_file("[build]\ncommand = \"echo spam; echo more >&2; exit 1\"\n");
    let failed = project.deploy().exits(1).fails_as("build-failed");
    let document = failed.json();
    assert_eq!(document["kind"], "error");
    assert_eq!(document["version"], 1);
    assert!(
        document["message"]
            .as_str()
            .is_some_and(|text| text.contains("exit")),
        "{document}"
    );
    assert!(
        failed.stderr.contains("spam") && failed.stderr.contains("more"),
        "{failed}"
    );
}

#[test]
fn what_a_guest_says_cannot_steer_the_terminal() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let _ = project.deploy().ok();
    let input = json!({ "what": "\u{1b}[2J\u{7}" }).to_string();
    let run = ["run", "act", "--env", "development", "--input", &input];
    let run = project.text(run).finish().exits(1);
    assert!(!run.printed().contains('\u{1b}'), "{run}");
    assert!(!run.printed().contains('\u{7}'), "{run}");
}

#[test]
fn colour_is_used_only_when_asked_for() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let plain = project
        .text(["deploy", "--env", "development"])
        .finish()
        .ok();
    assert!(!plain.printed().contains('\u{1b}'), "{plain}");
    let colour =
        |invocation: harness::Invocation| invocation.finish().printed().contains("\u{1b}[");
    let wrong = || project.text(["run", "nothing", "--input", "1"]);
    assert!(colour(wrong().arg("--color").arg("always")));
    assert!(colour(wrong().var("CLICOLOR_FORCE", "1")));
    assert!(!colour(
        wrong()
            .var("CLICOLOR_FORCE", "1")
            .arg("--color")
            .arg("never")
    ));
}

#[test]
fn a_deploys_log_is_kept_and_can_be_read_later() {
    let environment = TestEnvironment::new();
    let settings = json!({ "collect": "log", "amount": 3 });
    let project = environment.project("hostile", &harness::with_settings(hostile(), &settings));
    let _ = project.deploy().ok();
    let logs = project.tidegate(["deploys", "logs", "1", "--env", "development"]);
    let logs = logs.finish().ok().json();
    let items: &Vec<Value> = logs["items"].as_array().expect("a log has items");
    let collected = |line: &&Value| line["object"] == "collect";
    assert_eq!(items.iter().filter(collected).count(), 3, "{logs}");
    for stage in [
        "build", "store", "collect", "props", "plan", "apply", "settle",
    ] {
        assert!(
            items.iter().any(|line| line["stage"] == stage),
            "{stage}: {logs}"
        );
    }
    let changes = |line: &Value| line["object"] == "action hello";
    assert!(items.iter().any(changes), "{logs}");
    for (index, line) in items.iter().enumerate() {
        assert_eq!(line["sequence"], index + 1, "{line}");
        assert!(
            line["time"]
                .as_str()
                .is_some_and(|time| time.ends_with('Z')),
            "{line}"
        );
    }
}
