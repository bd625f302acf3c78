//! `tidegate new`: what it makes builds, passes its own tests and deploys.

use std::process::Command;

use harness::{TestEnvironment, tool_variables};
use serde_json::Value;

/// Makes a project of a template, tests it as its author would, and deploys it.
fn new_project(template: &str) -> Value {
    let environment = TestEnvironment::new();
    // Guests share a target directory, so no two may have one name.
    let name = format!("new-{template}");
    let new = ["new", &name, "--template", template];
    let _ = environment.tidegate(new).finish().ok().says("tidegate dev");
    let directory = environment.path(&name);
    assert!(directory.join("Cargo.lock").is_file());
    assert!(directory.join("vendor").is_dir());
    let tests = Command::new("cargo")
        .args(["test", "--locked", "--quiet"])
        .current_dir(&directory)
        .env_clear()
        .envs(tool_variables())
        .env("HOME", environment.path("home"))
        .output()
        .expect("cargo starts");
    let text = String::from_utf8_lossy(&tests.stdout);
    let errors = String::from_utf8_lossy(&tests.stderr);
    assert!(tests.status.success(), "{text}\n{errors}");
    assert!(text.contains("test result: ok."), "there are tests: {text}");
    let deploy = ["deploy", &name, "--env", "development", "--format", "json"];
    let deploy = environment.tidegate(deploy).finish();
    assert!([Some(0), Some(7)].contains(&deploy.code), "{deploy}");
    let again = environment.tidegate(new).finish().exits(2);
    assert!(again.printed().contains(&name), "{again}");
    deploy.json()
}

#[test]
fn a_new_hello_builds_passes_its_tests_and_deploys() {
    assert_eq!(new_project("hello")["status"], "succeeded");
}

#[test]
fn a_new_webhook_builds_passes_its_tests_and_waits_for_its_values() {
    let deploy = new_project("webhook");
    let kinds = deploy["changes"].to_string();
    assert!(kinds.contains("webhook"), "{deploy}");
}

#[test]
fn a_new_integration_builds_passes_its_tests_and_deploys() {
    let deploy = new_project("integration");
    let kinds = deploy["changes"].to_string();
    assert!(kinds.contains("integration"), "{deploy}");
}
