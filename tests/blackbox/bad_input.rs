//! What bad input gets: an error that says what and what to do, and no change.

use std::fs::{self, File};
use std::io::Write;

use harness::{TestEnvironment, eventually, hostile};
use serde_json::json;

use crate::collect_limits::{refused, with_something_live};

#[test]
fn a_file_that_is_no_component_is_refused() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let core_module = b"\0asm\x01\0\0\0";
    let truncated = &hostile()[..hostile().len() / 2];
    let mut damaged = hostile().to_vec();
    // Past the header, where types stand; its end holds names for debuggers only.
    damaged[256..512].fill(0xff);
    for (component, words) in [
        (&b"not wasm at all"[..], "not WebAssembly"),
        (b"", "not WebAssembly"),
        (core_module, "core WebAssembly module"),
        (truncated, "truncated"),
        (&damaged, "damaged"),
    ] {
        let _ = refused(&project, component, "component-invalid").says(words);
    }
}

#[test]
fn a_component_of_200_mib_is_refused_unread() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let path = project.directory().join("component.wasm");
    let mut file = File::create(&path).expect("there is room for a file");
    file.write_all(&hostile()[..1024]).expect("there is room");
    file.set_len(200 << 20)
        .expect("a sparse file takes no room");
    let _ = project
        .deploy()
        .exits(1)
        .fails_as("component-invalid")
        .says("at most");
    let _ = project.run("hello", &json!(null)).ok();
}

/// Replaces a text in a component by another of the same length.
fn replaced(component: &[u8], text: &str, by: &str) -> Vec<u8> {
    assert_eq!(text.len(), by.len());
    let mut component = component.to_vec();
    let mut at = 0;
    while at + text.len() <= component.len() {
        if component[at..].starts_with(text.as_bytes()) {
            component[at..at + by.len()].copy_from_slice(by.as_bytes());
            at += by.len();
        } else {
            at += 1;
        }
    }
    component
}

#[test]
fn another_version_of_the_contract_is_refused_with_both_versions() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let component = replaced(
        hostile(),
        "tidegate:project/guest@1.0.0",
        "tidegate:project/guest@9.0.0",
    );
    let _ = refused(&project, &component, "contract-unsupported")
        .says("9.0.0")
        .says("1.0.0")
        .says("build it with an SDK");
}

#[test]
fn imports_that_are_not_offered_are_refused_by_name() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let component = replaced(hostile(), "wasi:random/", "evil:random/");
    let _ = refused(&project, &component, "import-unsupported").says("evil:random/");
}

#[test]
fn a_missing_component_is_named() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    fs::remove_file(project.directory().join("component.wasm")).expect("it is there");
    let _ = project
        .deploy()
        .exits(1)
        .fails_as("component-missing")
        .says("component.wasm");
}

#[test]
fn a_project_file_with_unknown_keys_is_refused_with_the_nearest_known_ones() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    project.set_file("[limit]\nmemory = 1\n");
    let _ = project
        .deploy()
        .exits(2)
        .fails_as("project-file-invalid")
        .says("tidegate.toml:4")
        .says("`limits`");
    project.write("tidegate.toml", "name = \"hostile\ncomponent =");
    let _ = project.deploy().exits(2).fails_as("project-file-invalid");
    project.write("tidegate.toml", "name = \"no such name!\"\n");
    let _ = project
        .deploy()
        .exits(2)
        .fails_as("project-file-invalid")
        .says("letters");
}

#[test]
fn a_build_command_that_fails_changes_nothing_and_is_heard() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    project.set_file("[build]\ncommand = \"echo the compiler speaks >&2; exit 3\"\n");
    let _ = project
        .deploy()
        .exits(1)
        .fails_as("build-failed")
        .says("the compiler speaks")
        .says("3");
    let deploys = project.items(&["deploys", "list"]);
    let failed = deploys.iter().find(|deploy| deploy["deploy"] == 2);
    assert_eq!(failed.expect("a failed build is a row")["status"], "failed");
    project.set_file("[build]\ncommand = \"no-such-program-at-all\"\n");
    let _ = project.deploy().exits(1).fails_as("build-failed");
    project.set_file("");
    let _ = project.run("hello", &json!(null)).ok();
}

#[test]
fn a_build_command_that_hangs_is_stopped_with_all_it_started() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    project
        .set_file("[build]\ncommand = \"sleep 1000 & echo $! > id; wait\"\ntimeout_seconds = 1\n");
    let _ = project
        .deploy()
        .exits(1)
        .fails_as("build-timed-out")
        .says("1 s");
    let id = fs::read_to_string(project.directory().join("id")).expect("the build began");
    let status = format!("/proc/{}/status", id.trim());
    eventually("the end of what the build started", || {
        let text = fs::read_to_string(&status).unwrap_or_default();
        (text.is_empty() || text.contains("State:\tZ")).then_some(())
    });
}

#[test]
fn input_that_does_not_fit_the_schema_names_its_fields_and_runs_nothing() {
    let environment = TestEnvironment::new();
    let project = environment.project("hello", harness::hello());
    let _ = project.deploy().ok();
    let _ = project
        .run("greet", &json!({ "nam": "Ada" }))
        .exits(2)
        .fails_as("input-invalid")
        .says("name");
    let _ = project
        .run("greet", &json!({ "name": 7 }))
        .exits(2)
        .says("name");
    assert_eq!(project.items(&["runs", "list"]).len(), 0);
}
