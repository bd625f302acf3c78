//! Ctrl-C.

use std::fs;
use std::path::Path;

use harness::{TestEnvironment, eventually, hostile};
use serde_json::json;

#[test]
fn ctrl_c_during_a_build_ends_the_build_and_changes_nothing() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    project.set_file("[build]\ncommand = \"echo $$ > id; sleep 1000\"\n");
    let deploy = project.tidegate(["deploy", "--env", "development"]).start();
    let file = project.directory().join("id");
    let id = eventually("the build", || {
        let id = fs::read_to_string(&file).unwrap_or_default();
        id.trim().parse::<u32>().ok()
    });
    deploy.interrupt();
    let _ = deploy.wait().exits(130);
    eventually("the end of the build", || is_gone(id).then_some(()));
    assert_eq!(
        project.items(&["objects", "list", "--all"]),
        [] as [serde_json::Value; 0]
    );
}

/// Returns whether a process has ended, if only as a zombie that nobody has waited for.
fn is_gone(id: u32) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(id.to_string()).join("status"));
    status.map_or(true, |status| status.contains("State:\tZ"))
}

#[test]
fn ctrl_c_while_a_provider_is_awaited_leaves_what_the_next_command_finishes() {
    let environment = TestEnvironment::new();
    let (project, provider) = crate::github::configured(&environment);
    provider.set(&json!({ "hold_create": "until_client_gone" }));
    let deploy = project.tidegate(["deploy", "--env", "development"]).start();
    eventually("a held call", || {
        (provider.ledger().held == 1).then_some(())
    });
    deploy.interrupt();
    let _ = deploy.wait().exits(130);
    assert_eq!(provider.settled_ledger().hooks.len(), 1);
    provider.set(&json!({}));
    assert_eq!(project.deploy().ok().json()["status"], "succeeded");
    assert_eq!(provider.ledger().hooks.len(), 1);
}

#[test]
fn dev_stays_until_ctrl_c_and_ends_well() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let mut dev = project.text(["dev"]).start();
    eventually("a live deploy", || {
        let listed = project
            .tidegate(["deploys", "list", "--env", "development"])
            .finish();
        (listed.code == Some(0) && listed.stdout.contains("\"succeeded\"")).then_some(())
    });
    assert!(dev.is_running());
    // It owns the data directory only while it has something to do.
    let _ = project.run("hello", &json!(null)).ok();
    dev.interrupt();
    let _ = dev.wait().ok();
}
