//! What a newcomer tries first.

use harness::{TestEnvironment, example_directory, orders};
use serde_json::json;

#[test]
fn hello_deploys_from_source_and_greets() {
    let environment = TestEnvironment::new();
    let data = environment.path("data");
    let hello = example_directory("hello");
    let in_hello = |words: &[&str]| {
        let invocation = environment.tidegate(["--format", "json", "--data"]);
        invocation.arg(&data).args(words)
    };
    let deploy = in_hello(&["deploy", "--env", "development"]).arg(&hello);
    let deploy = deploy.finish().ok().json();
    assert_eq!(deploy["kind"], "deploy");
    assert_eq!(deploy["version"], 1);
    assert_eq!(deploy["status"], "succeeded");
    assert_eq!(deploy["deploy"], 1);
    let stages: Vec<&str> = deploy["stages"]
        .as_array()
        .expect("a deploy has stages")
        .iter()
        .filter_map(|stage| stage["name"].as_str())
        .collect();
    assert_eq!(
        stages,
        [
            "build", "store", "collect", "props", "plan", "apply", "settle"
        ]
    );
    let run = in_hello(&["run", "greet", "--input", r#"{"name":"Ada"}"#, "--path"]).arg(&hello);
    let run = run.finish().ok().json();
    assert_eq!(run["status"], "succeeded");
    assert_eq!(run["output"], json!({ "greeting": "Hello, Ada!" }));
    assert_eq!(run["artifact"], deploy["artifact"]);
}

#[test]
fn hello_answers_people_in_words() {
    let environment = TestEnvironment::new();
    let project = environment.project("hello", harness::hello());
    let _ = project
        .text(["deploy", "--env", "development"])
        .finish()
        .ok()
        .says("greet");
    let _ = project
        .text(["run", "greet", "--input", r#"{"name":"Ada"}"#])
        .finish()
        .ok()
        .says("Hello, Ada!");
}

#[test]
fn dev_with_once_deploys_to_development_and_ends() {
    let environment = TestEnvironment::new();
    let project = environment.project("hello", harness::hello());
    let _ = project.text(["dev", "--once"]).finish().ok();
    let live = project.items(&["objects", "list"]);
    assert_eq!(live.len(), 1);
    assert_eq!(live[0]["name"], "greet");
}

#[test]
fn orders_declares_every_kind_but_a_webhook() {
    let environment = TestEnvironment::new();
    let project = environment.project("orders", orders());
    let _ = project.deploy().ok();
    let mut objects: Vec<(String, String)> = project
        .items(&["objects", "list"])
        .iter()
        .map(|object| {
            let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
            (text("kind"), text("name"))
        })
        .collect();
    objects.sort();
    let expected = [
        ("action", "refund"),
        ("app_event", "order-placed"),
        ("integration", "shop"),
        ("workflow", "daily-summary"),
        ("workflow", "notify-warehouse"),
    ];
    assert_eq!(objects, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn a_compile_error_is_shown_as_the_compiler_says_it_and_changes_nothing() {
    let environment = TestEnvironment::new();
    let hello = harness::copy_example(&environment, "hello", "hello-broken");
    let deploy = |code: i32| {
        let deploy = environment.tidegate(["deploy", "--env", "development"]);
        deploy.arg(&hello).finish().exits(code)
    };
    let _ = deploy(0);
    harness::edit(
        &hello.join("src/lib.rs"),
        "Hello, ",
        "Goodbye, \" + nonsense + \"",
    );
    let _ = deploy(1)
        .fails_as("build-failed")
        .says("src/lib.rs:")
        .says("error");
    let run = environment.tidegate(["run", "greet", "--input", r#"{"name":"Ada"}"#, "--path"]);
    let _ = run.arg(&hello).finish().ok().says("Hello, Ada!");
}

#[test]
fn a_build_prints_the_artifact_that_a_deploy_makes_live() {
    let environment = TestEnvironment::new();
    let project = environment.project("hello", harness::hello());
    let build = project.tidegate(["build"]).finish().ok().json();
    let size = harness::hello().len();
    assert_eq!(build["size_bytes"], size);
    assert_eq!(project.deploy().ok().json()["artifact"], build["artifact"]);
}
