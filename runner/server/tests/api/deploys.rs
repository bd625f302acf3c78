//! Deploys over the API, and following them.

use domain::{EnvironmentName, ProjectName};
use engine::{Atomicity, DeployRequest, LeaseWait, Removal, Source, Unobserved};
use serde_json::{Value, json};

use crate::world::{AT, Sent, World};

fn kinds(events: &[Sent]) -> Vec<String> {
    let kind = |sent: &Sent| sent.document["kind"].as_str().unwrap().to_owned();
    events.iter().map(kind).collect()
}

#[tokio::test]
async fn a_deploy_is_followed_from_its_number_to_its_report() {
    let world = World::new().await;
    let artifact = world.upload(harness::hello()).await;
    let body = json!({ "artifact": artifact, "version": "1.2.0", "description": "by hand" });
    let reply = world.post(&format!("{AT}/deploys"), &body).await;
    let location = reply.headers["location"].to_str().unwrap().to_owned();
    let begun = reply.is(202);
    assert_eq!(begun["deploy"], 1);
    assert_eq!(location, format!("{AT}/deploys/1"));
    let events = format!("{location}/events");
    assert_eq!(begun["events"], events.as_str());

    let told = world.events(&events, None).await.rest().await;
    assert_eq!(told[0].document["kind"], "deploy_began");
    assert_eq!(told[0].document["version"], 1);
    let finished: Vec<&Value> = told
        .iter()
        .filter(|sent| sent.document["kind"] == "stage_finished")
        .map(|sent| &sent.document["name"])
        .collect();
    assert_eq!(
        finished,
        ["store", "collect", "props", "plan", "apply", "settle"]
    );
    let done = &told.last().unwrap().document;
    assert_eq!(done["result"]["status"], "succeeded");
    assert_eq!(done["result"]["version"], "1.2.0");
    assert_eq!(done["result"]["description"], "by hand");
    assert_eq!(world.get(&location).await.is(200), done["result"]);
    let logs = world.get(&format!("{location}/logs")).await.is(200);
    assert!(!logs["items"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn whoever_comes_back_gets_what_came_after_the_last_event_it_saw() {
    let world = World::with_hello().await;
    let events = format!("{AT}/deploys/1/events");
    let all = world.events(&events, None).await.rest().await;
    for (index, sent) in all.iter().enumerate() {
        let rest = world.events(&events, sent.id.as_deref()).await.rest().await;
        assert_eq!(rest, all[index + 1..], "after {index}");
    }
    // An id of another process is none that can be gone on from.
    let foreign = world.events(&events, Some("999-3")).await.rest().await;
    assert_eq!(foreign, all);
}

#[tokio::test]
async fn a_deploy_goes_on_when_whoever_asked_for_it_has_gone_away() {
    let world = World::new().await;
    let artifact = world.upload(harness::hello()).await;
    let mut commits = world.owner.commits();
    let path = format!("{AT}/deploys");
    let body = json!({ "artifact": artifact });
    tokio::select! {
        // The connection ends as soon as the deploy has a row.
        _ = commits.changed() => {}
        _ = world.post(&path, &body) => {}
    }
    loop {
        let listed = world.get(&path).await;
        if listed.status == 200 && listed.json()["items"][0]["status"] == "succeeded" {
            break;
        }
        commits.changed().await.unwrap();
    }
}

#[tokio::test]
async fn a_deploy_that_this_api_was_not_asked_for_can_be_followed_too() {
    let world = World::with_hello().await;
    let artifact = world.get(&format!("{AT}/deploys/1")).await.is(200)["artifact"].clone();
    let request = DeployRequest {
        project: "hello".parse::<ProjectName>().unwrap(),
        environment: "production".parse::<EnvironmentName>().unwrap(),
        source: Source::Artifact(serde_json::from_value(artifact).unwrap()),
        version: None,
        description: None,
        atomic: Atomicity::Plain,
        lease: LeaseWait::Wait,
        settle_timeout: std::time::Duration::ZERO,
        removal: Removal::Confirm,
    };
    let report = world.owner.deploy(request, &Unobserved).await.unwrap();
    let events = "/api/v1/projects/hello/environments/production/deploys/1/events";
    let told = world.events(events, None).await.rest().await;
    let kinds = kinds(&told);
    assert_eq!(kinds[0], "deploy_began");
    assert!(kinds.contains(&"log".to_owned()), "{kinds:?}");
    let expected = serde_json::to_value(report).unwrap();
    assert_eq!(told.last().unwrap().document["result"], expected);
    let none = world.get(&format!("{AT}/deploys/9/events")).await;
    assert_eq!(none.is(404)["code"], "deploy-unknown");
}

#[tokio::test]
async fn a_deploy_that_fails_ends_with_its_problem() {
    let world = World::new().await;
    let artifact = world.upload(b"no component").await;
    let body = json!({ "artifact": artifact });
    let begun = world.post(&format!("{AT}/deploys"), &body).await.is(202);
    let events = begun["events"].as_str().unwrap();
    let done = world.events(events, None).await.done().await;
    assert_eq!(done.get("result"), None);
    let problem = &done["problem"];
    assert_eq!(problem["code"], "component-invalid");
    assert_eq!(problem["status"], 422);
    assert_eq!(problem["deploy"]["status"], "failed");
    assert_eq!(problem["deploy"]["deploy"], 1);
}

#[tokio::test]
async fn a_build_that_failed_elsewhere_is_a_failed_deploy() {
    let world = World::new().await;
    let failure =
        json!({ "reason": "failed", "command": "cargo build", "status": "exit status 101" });
    let build = json!({
        "duration_ms": 1_500,
        "result": { "failure": failure },
        "output": ["error: it does not compile"],
    });
    let body = json!({ "build": build });
    let begun = world.post(&format!("{AT}/deploys"), &body).await.is(202);
    let events = begun["events"].as_str().unwrap();
    let done = world.events(events, None).await.done().await;
    assert_eq!(done["problem"]["code"], "build-failed");
    let deploy = world.get(&format!("{AT}/deploys/1")).await.is(200);
    assert_eq!(deploy["stages"][0]["name"], "build");
    assert_eq!(deploy["stages"][0]["duration_ms"], 1_500);
    let logs = world.get(&format!("{AT}/deploys/1/logs")).await.is(200);
    assert!(logs.to_string().contains("it does not compile"), "{logs}");
}

#[tokio::test]
async fn what_is_to_be_deployed_is_said_once() {
    let world = World::new().await;
    for body in [json!({}), json!({ "artifact": null })] {
        let refused = world.post(&format!("{AT}/deploys"), &body).await;
        assert_eq!(refused.is(400)["code"], "request-invalid");
    }
    let unknown = json!({ "artifact": "0".repeat(64) });
    let begun = world.post(&format!("{AT}/deploys"), &unknown).await.is(202);
    let events = begun["events"].as_str().unwrap();
    let done = world.events(events, None).await.done().await;
    assert_eq!(done["problem"]["code"], "artifact-unknown");
}

#[tokio::test]
async fn deploys_are_listed_in_parts() {
    let world = World::with_hello().await;
    let artifact = world.get(&format!("{AT}/deploys/1")).await.is(200)["artifact"].clone();
    for _ in 0..4 {
        let body = json!({ "artifact": artifact });
        let begun = world.post(&format!("{AT}/deploys"), &body).await.is(202);
        let events = begun["events"].as_str().unwrap();
        world.events(events, None).await.done().await;
    }
    let mut seen = Vec::new();
    let mut path = format!("{AT}/deploys?limit=2");
    loop {
        let part = world.get(&path).await.is(200);
        let items = part["items"].as_array().unwrap();
        seen.extend(items.iter().map(|item| item["deploy"].as_i64().unwrap()));
        match part["next_cursor"].as_str() {
            Some(cursor) => path = format!("{AT}/deploys?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    let odd = world.get(&format!("{AT}/deploys?cursor=x")).await;
    assert_eq!(odd.is(400)["code"], "request-invalid");
}

#[tokio::test]
async fn a_plan_is_answered_at_once_or_as_it_goes() {
    let world = World::new().await;
    let artifact = world.upload(harness::hello()).await;
    let body = json!({ "artifact": artifact });
    let plan = world.post(&format!("{AT}/plans"), &body).await.is(200);
    assert_eq!(plan["changes"][0]["name"], "greet", "{plan}");
    let nothing = world.get(&format!("{AT}/deploys")).await.is(200);
    assert_eq!(nothing["items"], json!([]));
}
