//! One process owns a data directory.

use harness::{Project, Provider, Running, TestEnvironment, eventually, github};
use serde_json::json;

/// A project whose deploy is held by its provider, and so owns the data directory.
fn held<'a>(environment: &'a TestEnvironment) -> (Project<'a>, Provider, Running) {
    let (project, provider) = crate::github::configured(environment);
    provider.set(&json!({ "hold_create": "until_released" }));
    let deploy = project.tidegate(["deploy", "--env", "development"]).start();
    eventually("a held call", || {
        (provider.ledger().held == 1).then_some(())
    });
    (project, provider, deploy)
}

#[test]
fn a_second_process_waits_for_the_first_to_end() {
    let environment = TestEnvironment::new();
    let (project, provider, deploy) = held(&environment);
    let set = ["vars", "set", "UNUSED", "1", "--env", "development"];
    let second = project.tidegate(set).start();
    provider.release();
    assert_eq!(deploy.wait().ok().json()["status"], "succeeded");
    let _ = second.wait().ok();
}

#[test]
fn a_second_process_that_has_waited_long_enough_is_told_who_owns_it() {
    let environment = TestEnvironment::new();
    let (project, _provider, deploy) = held(&environment);
    let id = deploy.id().to_string();
    let _ = project
        .set_variable("UNUSED", "1")
        .exits(5)
        .fails_as("data-directory-owned")
        .says(&format!("process {id}"))
        .says("`deploy`");
}

#[test]
fn a_deploy_that_shall_not_wait_is_refused_while_another_is_at_work() {
    let environment = TestEnvironment::new();
    let (project, _provider, mut deploy) = held(&environment);
    let no_wait = ["deploy", "--env", "development", "--no-wait"];
    let _ = project
        .tidegate(no_wait)
        .finish()
        .exits(5)
        .fails_as("data-directory-owned");
    assert!(
        deploy.is_running(),
        "it did not wait for the end of the other"
    );
}

#[test]
fn reading_needs_no_ownership() {
    let environment = TestEnvironment::new();
    let (project, _provider, mut deploy) = held(&environment);
    let status = project.status();
    assert_eq!(status["steps"][0]["state"], "running", "{status}");
    assert!(
        status["owner"]
            .to_string()
            .contains(&deploy.id().to_string()),
        "{status}"
    );
    assert_eq!(project.items(&["objects", "list"]).len(), 3);
    assert!(deploy.is_running());
}

#[test]
fn a_killed_owner_is_recovered() {
    let environment = TestEnvironment::new();
    let (project, provider, deploy) = held(&environment);
    let _ = deploy.kill();
    let status = project.status();
    assert_eq!(status["owner"], json!(null), "{status}");
    // It is stored as running, and nobody is there to run it.
    assert_eq!(status["live"]["status"], "incomplete", "{status}");
    provider.set(&json!({}));
    provider.release();
    assert_eq!(provider.settled_ledger().hooks.len(), 1);
    assert_eq!(project.deploy().ok().json()["status"], "succeeded");
    assert_eq!(provider.ledger().hooks.len(), 1);
}

#[test]
fn the_lease_of_a_dead_process_holds_nobody_up() {
    let environment = TestEnvironment::new();
    let (project, provider) = crate::github::configured(&environment);
    provider.set(&json!({ "hold_create": "until_released" }));
    let atomic = ["deploy", "--env", "development", "--atomic"];
    let deploy = project.tidegate(atomic).start();
    eventually("a held call", || {
        (provider.ledger().held == 1).then_some(())
    });
    let locks = project.tidegate(["locks", "list"]).finish().ok().json();
    assert_eq!(locks["items"][0]["environment"], "development", "{locks}");
    let _ = deploy.kill();
    provider.set(&json!({}));
    provider.release();
    project.set_component(github());
    let no_wait = ["deploy", "--env", "development", "--no-wait"];
    let _ = project.tidegate(no_wait).finish().ok();
    let locks = project.tidegate(["locks", "list"]).finish().ok().json();
    assert_eq!(locks["items"], json!([]));
    assert_eq!(provider.settled_ledger().hooks.len(), 1);
}

#[test]
fn a_deploy_killed_before_it_applied_is_interrupted_and_changed_nothing() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", harness::hostile());
    let _ = project.deploy().ok();
    let before = project.items(&["objects", "list"]);
    project.set_file("[build]\ncommand = \"touch began && sleep 1000\"\n");
    let deploy = project.tidegate(["deploy", "--env", "development"]).start();
    let began = project.directory().join("began");
    eventually("the build", || began.exists().then_some(()));
    let _ = deploy.kill();
    project.set_file("");
    let set = ["vars", "set", "UNUSED", "1", "--env", "development"];
    let _ = project.tidegate(set).finish().ok();
    assert_eq!(project.items(&["objects", "list"]), before);
    let deploys = project.items(&["deploys", "list"]);
    let killed = deploys.iter().find(|deploy| deploy["deploy"] == 2);
    let killed = killed.expect("every attempt is a row");
    assert_eq!(killed["status"], "interrupted", "{deploys:?}");
}
