//! A secret's value is nowhere but in the mind of the guest.

use harness::{Outcome, Project, TestEnvironment, hostile, occurrences};
use serde_json::{Value, json};

const SECRET: &str = "xyzzy-2f9c1e-not-to-be-seen";

fn ask(project: &Project<'_>, what: &str) -> Outcome {
    project.run("act", &json!({ "what": what }))
}

/// Everything a guest can do to tell a secret, each done once.
fn tell_everything(project: &Project<'_>) -> Vec<Outcome> {
    let mut outcomes = vec![
        project.set_secret("TOKEN", SECRET).ok(),
        project.deploy().ok(),
        project
            .tidegate(["secrets", "list", "--env", "development"])
            .finish()
            .ok(),
    ];
    for (what, code) in [
        ("secret-in-output", 0),
        ("secret-in-log", 0),
        ("secret-printed", 0),
        ("secret-in-error", 1),
        ("secret-in-panic", 1),
    ] {
        let run = ask(project, what).exits(code);
        outcomes.push(run);
    }
    for run in project.items(&["runs", "list"]) {
        let id = run["run"].to_string();
        let id = id.trim_matches('"');
        for view in ["show", "logs"] {
            outcomes.push(project.tidegate(["runs", view, id]).finish().ok());
            outcomes.push(project.text(["runs", view, id, "-v"]).finish().ok());
        }
    }
    outcomes.push(project.text(["status", "-v"]).finish().ok());
    outcomes.push(project.text(["doctor"]).finish());
    outcomes
}

#[test]
fn a_secrets_value_is_in_no_file_and_no_output() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let outcomes = tell_everything(&project);
    for outcome in &outcomes {
        assert!(!outcome.printed().contains(SECRET), "{outcome}");
    }
    let told = outcomes
        .iter()
        .filter(|outcome| outcome.printed().contains("leak: ["));
    assert!(
        told.count() > 2,
        "what the guest said is there, without the value"
    );
    let printed = environment.path("printed");
    let everything: String = outcomes.iter().map(Outcome::printed).collect();
    std::fs::write(&printed, everything).expect("there is room for a file");
    assert_eq!(occurrences(&environment.path(""), SECRET), []);
}

#[test]
fn a_secrets_value_is_in_no_file_while_the_process_that_has_it_is_killed() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let _ = project.set_secret("TOKEN", SECRET).ok();
    let _ = project.deploy().ok();
    let input = json!({ "what": "secret-printed-then-spin" }).to_string();
    let run = project.tidegate(["run", "act", "--env", "development", "--input", &input]);
    let run = run.start();
    harness::eventually("a run", || {
        let runs = project.items(&["runs", "list"]);
        (!runs.is_empty()).then_some(())
    });
    let _ = run.kill();
    // The database's write-ahead log is left as the kill left it.
    assert_eq!(occurrences(&environment.path(""), SECRET), []);
}

#[test]
fn a_planted_leak_is_found() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let _ = tell_everything(&project);
    // Redaction is by value, so what a guest encodes is its own affair; and a
    // search that finds nothing has to be seen finding something.
    let _ = ask(&project, "secret-in-base64").ok();
    let found = occurrences(&project.data(), SECRET);
    assert!(
        found.iter().any(|found| found.form == "base64"),
        "{found:?}"
    );
}

#[test]
fn a_secret_is_shown_by_its_presence_only() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let _ = project.set_secret("TOKEN", SECRET).ok();
    let _ = project.deploy().ok();
    let listed = project.items(&["secrets", "list"]);
    let token = listed.iter().find(|secret| secret["name"] == "TOKEN");
    let token = token.expect("a set secret is listed");
    assert_eq!(token["set"], true);
    assert_eq!(token["version"], 1);
    assert_eq!(token["value"], Value::Null);
    assert_eq!(token["used_by"], json!(["action act"]));
}

#[test]
fn a_deploy_never_deletes_a_value() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let _ = project.set_secret("TOKEN", SECRET).ok();
    let _ = project.deploy().ok();
    let nothing = json!({ "collect": "nothing" });
    project.set_component(&harness::with_settings(hostile(), &nothing));
    let removal = ["deploy", "--env", "development", "--allow-remove-all"];
    let _ = project.tidegate(removal).finish().ok();
    project.set_component(hostile());
    let _ = project.deploy().ok();
    let run = ask(&project, "secret-in-base64").ok().json();
    assert!(run["output"]["leak"].is_string(), "{run}");
}

#[test]
fn a_guest_reads_no_secret_that_it_did_not_declare() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let _ = project.set_secret("OTHER", SECRET).ok();
    let _ = project.deploy().ok();
    let _ = ask(&project, "undeclared").exits(1).says("undeclared");
}
