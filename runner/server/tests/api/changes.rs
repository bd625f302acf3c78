//! The stream that pages live by, and the server's end.

use std::time::Duration;

use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn a_page_is_told_at_once_and_at_every_change() {
    let world = World::new().await;
    let mut changes = world.events("/api/v1/changes", None).await;
    let first = changes.next().await.unwrap();
    assert_eq!(first.name.as_deref(), Some("change"));
    let before = first.document["commits"].as_u64().unwrap();
    let name = json!({ "name": "review" });
    let _ = world.post("/api/v1/environments", &name).await.is(201);
    let second = changes.next().await.unwrap();
    assert!(second.document["commits"].as_u64().unwrap() > before);
}

#[tokio::test]
async fn the_server_ends_though_somebody_still_listens() {
    let world = World::new().await;
    let mut changes = world.events("/api/v1/changes", None).await;
    assert!(changes.next().await.is_some());
    let over = world.server.stop(Duration::from_secs(30)).await;
    assert!(over, "nothing is left under way");
    assert_eq!(changes.next().await, None);
}

#[tokio::test]
async fn what_is_due_is_done_when_that_is_asked_for() {
    let world = World::new().await;
    let settled = world.post("/api/v1/settle", &json!({})).await;
    assert_eq!(settled.is(200), json!({}));
    let locks = world.get("/api/v1/locks").await.is(200);
    assert_eq!(locks["items"], json!([]));
}
