//! Runs over the API.

use serde_json::json;

use crate::world::{AT, World};

#[tokio::test]
async fn an_action_runs_and_its_output_is_the_answer() {
    let world = World::with_hello().await;
    let body = json!({ "input": { "name": "Ada" } });
    let path = format!("{AT}/actions/greet/runs");
    let run = world.post(&path, &body).await.is(200);
    assert_eq!(run["status"], "succeeded");
    assert_eq!(run["output"], json!({ "greeting": "Hello, Ada!" }));
    let id = run["run"].as_i64().unwrap();
    let shown = world.get(&format!("/api/v1/runs/{id}")).await.is(200);
    assert_eq!(shown["output"], run["output"]);
    let again = world
        .post(&format!("/api/v1/runs/{id}/replays"), &json!({}))
        .await
        .is(200);
    assert_eq!(again["replay_of"], id);
    let listed = world.get(&format!("{AT}/runs")).await.is(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn an_input_that_breaks_the_schema_names_each_field_and_starts_nothing() {
    let world = World::with_hello().await;
    let path = format!("{AT}/actions/greet/runs");
    let refused = world.post(&path, &json!({ "input": { "name": 7 } })).await;
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let problem = refused.is(422);
    assert_eq!(problem["code"], "input-invalid");
    assert_eq!(problem["violations"][0]["pointer"], "/name", "{problem}");
    let listed = world.get(&format!("{AT}/runs")).await.is(200);
    assert_eq!(listed["items"], json!([]));
}

#[tokio::test]
async fn an_action_that_is_not_there_is_not_found() {
    let world = World::with_hello().await;
    let path = format!("{AT}/actions/gret/runs");
    let problem = world.post(&path, &json!({})).await.is(404);
    assert_eq!(problem["code"], "object-unknown");
    assert_eq!(problem["hints"], json!(["there is action `greet`"]));
    let run = world.get("/api/v1/runs/4711").await;
    assert_eq!(run.is(404)["code"], "run-unknown");
    let over = world.post("/api/v1/runs/4711/cancel", &json!({})).await;
    assert_eq!(over.is(404)["code"], "run-unknown");
}
