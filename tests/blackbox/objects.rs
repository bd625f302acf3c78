//! Objects follow the deploy list, with ids that stay.

use harness::{Project, TestEnvironment, hooks20, with_settings};
use serde_json::{Value, json};

fn deploy_count(project: &Project<'_>, count: u32, version: &str) -> Value {
    // Without a token the webhooks stay unconfigured, which is all that is wanted here.
    project.set_component(&with_settings(
        hooks20(),
        &json!({ "count": count, "version": version }),
    ));
    project.deploy().json()
}

fn actions(deploy: &Value) -> Vec<(String, String)> {
    let changes = deploy["changes"].as_array().expect("a deploy has changes");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    changes
        .iter()
        .map(|change| (text(&change["action"]), text(&change["name"])))
        .collect()
}

fn of(action: &str, name: &str) -> (String, String) {
    (action.to_owned(), name.to_owned())
}

#[test]
fn an_object_that_goes_and_comes_back_is_the_same_object() {
    let environment = TestEnvironment::new();
    let project = environment.project("hooks", hooks20());
    let ids = || -> Vec<(Value, Value)> {
        let objects = project.items(&["objects", "list", "--all"]);
        let pair = |object: &Value| (object["name"].clone(), object["id"].clone());
        objects.iter().map(pair).collect()
    };
    let first = deploy_count(&project, 2, "1");
    let added = [of("add", "who"), of("add", "hook-01"), of("add", "hook-02")];
    assert_eq!(actions(&first), added);
    let before = ids();
    let second = deploy_count(&project, 1, "1");
    assert_eq!(actions(&second), [of("disable", "hook-02")]);
    assert_eq!(project.items(&["objects", "list"]).len(), 2);
    let third = deploy_count(&project, 2, "1");
    assert_eq!(actions(&third), [of("re-enable", "hook-02")]);
    assert_eq!(ids(), before);
}

#[test]
fn a_plan_shows_what_a_deploy_then_does_and_changes_nothing() {
    let environment = TestEnvironment::new();
    let project = environment.project("hooks", hooks20());
    let _ = deploy_count(&project, 1, "1");
    let before = project.items(&["objects", "list"]);
    project.set_component(&with_settings(
        hooks20(),
        &json!({ "count": 2, "version": "2" }),
    ));
    let plan = project.tidegate(["plan", "--env", "development"]);
    let plan = plan.finish().ok().json();
    assert_eq!(project.items(&["objects", "list"]), before);
    let expected = [
        of("modify", "who"),
        of("modify", "hook-01"),
        of("add", "hook-02"),
    ];
    assert_eq!(actions(&plan), expected);
    let title = &plan["changes"][0]["fields"][0];
    assert_eq!(title["field"], "title");
    assert_eq!(title["before"], "Who of version 1");
    assert_eq!(title["after"], "Who of version 2");
    assert!(plan["fingerprint"].is_string(), "{plan}");

    let deploy = project.deploy().json();
    assert_eq!(deploy["changes"], plan["changes"]);
    assert_eq!(deploy["deploy_list_hash"], plan["deploy_list_hash"]);
}

#[test]
fn runs_execute_what_is_live_and_not_the_newest_file() {
    let environment = TestEnvironment::new();
    let project = environment.project("hooks", hooks20());
    let live = deploy_count(&project, 0, "1");
    project.set_component(&with_settings(
        hooks20(),
        &json!({ "count": 0, "version": "2" }),
    ));
    let run = project.run("who", &json!(null)).ok().json();
    assert_eq!(run["output"], json!({ "version": "1" }));
    assert_eq!(run["artifact"], live["artifact"]);
}

#[test]
fn environments_hold_their_objects_separately() {
    let environment = TestEnvironment::new();
    let project = environment.project("hooks", hooks20());
    let _ = deploy_count(&project, 0, "1");
    project.set_component(&with_settings(
        hooks20(),
        &json!({ "count": 0, "version": "2" }),
    ));
    let staging = project
        .tidegate(["deploy", "--env", "staging"])
        .finish()
        .ok()
        .json();
    assert_eq!(staging["deploy"], 1, "deploys are numbered per environment");
    let run = |name: &str| {
        let run = project.tidegate(["run", "who", "--env", name, "--input", "null"]);
        run.finish().ok().json()["output"]["version"].clone()
    };
    assert_eq!([run("development"), run("staging")], ["1", "2"]);
    let _ = project
        .tidegate(["run", "who", "--input", "null"])
        .finish()
        .exits(2)
        .fails_as("environment-required");
}

#[test]
fn an_artifact_that_is_stored_deploys_without_its_source() {
    let environment = TestEnvironment::new();
    let project = environment.project("hooks", hooks20());
    let first = deploy_count(&project, 0, "1");
    let _ = deploy_count(&project, 0, "2");
    let artifact = first["artifact"]
        .as_str()
        .expect("a deploy has an artifact");
    let again = ["deploy", "--env", "development", "--artifact", artifact];
    let again = project.tidegate(again).finish().ok().json();
    assert_eq!(again["artifact"], first["artifact"]);
    let run = project.run("who", &json!(null)).ok().json();
    assert_eq!(run["output"], json!({ "version": "1" }));
    let kept = project
        .tidegate(["artifacts", "gc", "--dry-run"])
        .finish()
        .ok()
        .json();
    for item in kept["items"].as_array().expect("a listing has items") {
        assert_ne!(item["removed"], true, "both are within retention: {item}");
    }
}
