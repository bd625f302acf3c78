//! The contract favours no language and no SDK.

use harness::{TestEnvironment, bare};
use serde_json::json;

#[test]
fn a_guest_without_the_sdk_deploys_and_runs() {
    let environment = TestEnvironment::new();
    let project = environment.project("bare", bare());
    assert_eq!(project.deploy().ok().json()["status"], "succeeded");
    let input = json!({ "text": "as it was" });
    assert_eq!(project.run("echo", &input).ok().json()["output"], input);
}
