//! Values and environments over the API.

use serde_json::json;

use crate::world::{AT, World};

#[tokio::test]
async fn a_secret_is_set_listed_by_presence_and_unset() {
    let world = World::new().await;
    let value = "a-secret-that-must-not-show";
    let path = format!("{AT}/secrets/TOKEN");
    let set = world.change("PUT", &path, &json!({ "value": value })).await;
    assert!(!String::from_utf8_lossy(&set.body).contains(value));
    let set = set.is(200);
    assert_eq!(set["changed"], true);
    assert_eq!(set["value"]["version"], 1);
    let listed = world.get(&format!("{AT}/secrets")).await;
    assert!(!String::from_utf8_lossy(&listed.body).contains(value));
    assert_eq!(listed.is(200)["items"][0]["set"], true);
    let unset = world.change("DELETE", &path, &json!({})).await.is(200);
    assert_eq!(unset["value"]["set"], false);
    let again = world.change("DELETE", &path, &json!({})).await;
    assert_eq!(again.is(422)["code"], "value-unknown");
}

#[tokio::test]
async fn a_change_tells_how_it_goes_to_those_who_ask_for_events() {
    let world = World::new().await;
    let path = format!("{AT}/variables/FLAVOUR");
    let headers = [
        ("content-type", "application/json"),
        ("accept", "text/event-stream"),
    ];
    let reply = world
        .send("PUT", &path, &headers, r#"{"value": "sweet"}"#)
        .await;
    assert_eq!(reply.headers["content-type"], "text/event-stream");
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    assert!(text.contains("event: done"), "{text}");
    assert!(text.contains(r#""value":"sweet""#), "{text}");
}

#[tokio::test]
async fn an_environment_is_made_changed_and_deleted() {
    let world = World::new().await;
    let path = "/api/v1/environments/review";
    let name = json!({ "name": "review" });
    let made = world.post("/api/v1/environments", &name).await.is(201);
    assert_eq!(made["public_url"], json!(null));
    let twice = world.post("/api/v1/environments", &name).await;
    assert_eq!(twice.is(409)["code"], "environment-exists");
    let change = json!({ "public_url": "https://a.example", "allow_hosts": ["127.0.0.1:8080"] });
    let updated = world.change("PATCH", path, &change).await.is(200);
    assert_eq!(updated["environment"]["public_url"], "https://a.example");
    assert_eq!(
        updated["environment"]["allowed_hosts"],
        json!(["127.0.0.1:8080"])
    );
    let portless = json!({ "allow_hosts": ["127.0.0.1"] });
    let refused = world.change("PATCH", path, &portless).await;
    assert_eq!(refused.is(400)["code"], "request-invalid");
    let away = world
        .change("PATCH", path, &json!({ "public_url": null }))
        .await
        .is(200);
    assert_eq!(away["environment"]["public_url"], json!(null));
    let deleted = world.change("DELETE", path, &json!({})).await.is(200);
    assert_eq!(deleted["environment"]["name"], "review");
    assert_eq!(world.get(path).await.status, 404);
}

#[tokio::test]
async fn nothing_is_done_to_all_subscriptions_because_a_name_was_left_out() {
    let world = World::with_hello().await;
    for what in ["retry", "resubscribe", "forget"] {
        let path = format!("{AT}/subscriptions/{what}");
        let refused = world.post(&path, &json!({})).await;
        assert_eq!(refused.is(400)["code"], "request-invalid");
        let one = world.post(&path, &json!({ "registration": 4711 })).await;
        assert_eq!(one.is(404)["code"], "registration-unknown");
    }
    let all = world
        .post(
            &format!("{AT}/subscriptions/retry"),
            &json!({ "all": true }),
        )
        .await
        .is(200);
    assert_eq!(all["items"], json!([]));
}
