//! What people see of deliveries and addresses, and replays.

use std::time::Duration;

use domain::declare::Signature;
use domain::{DeliveryId, ObjectKind, RunStatus};
use engine::{Code, Coded as _, DeliverySelection, SampleError, SampleRequest};

use crate::world::{Act, World, delivery_of, environment, key, project, request, webhook};

#[tokio::test]
async fn a_webhook_that_nobody_subscribes_for_shows_its_address() {
    let world = World::new();
    let life = world.with(vec![webhook("orders", |_| {})]).await;
    let (token, _) = life.signed("orders", "{}", "1").await;
    let show = async || {
        let (project, environment) = (project(), environment());
        let kind = ObjectKind::Webhook;
        let object = life.owner.object(&project, &environment, kind, "orders");
        object.await.unwrap().addresses
    };
    let address = show().await.remove(0);
    let url = format!("http://127.0.0.1:4601/hooks/{token}");
    assert_eq!(address.url.as_deref(), Some(url.as_str()));
    assert_eq!(address.last_delivery_at, None);
    life.send("orders", "{}", "1").await.unwrap();
    assert!(show().await[0].last_delivery_at.is_some());
    life.deploy(vec![webhook("orders", |webhook| {
        webhook.title = "Orders".to_owned()
    })])
    .await;
    assert_eq!(show().await[0].url, address.url, "it stays");
}

#[tokio::test]
async fn silence_is_told_and_ends_with_the_next_delivery() {
    let world = World::new();
    let quiet = webhook("orders", |webhook| webhook.silence_seconds = Some(3_600));
    let life = world.with(vec![quiet]).await;
    world.clock.advance(Duration::from_secs(3_600));
    assert_eq!(life.status_notes().await, "");
    world.clock.advance(Duration::from_secs(1));
    let notes = life.status_notes().await;
    assert!(
        notes.contains("webhook orders has had no delivery since 2023-11-14T22:13:20"),
        "{notes}"
    );
    let (token, mut request) = life.signed("orders", "{}", "1").await;
    request.received_at = domain::Timestamp::from_millis(1_700_003_601_000);
    life.owner.receive(&token, request).await.unwrap();
    assert_eq!(life.status_notes().await, "");
}

#[tokio::test]
async fn a_delivery_is_shown_with_its_content_and_without_credentials() {
    let world = World::new();
    let open = webhook("orders", |webhook| webhook.signature = Signature::None);
    let life = world.with(vec![open]).await;
    let (token, _) = life.signed("orders", "", "1").await;
    let headers = vec![
        ("Authorization".to_owned(), b"Bearer abc".to_vec()),
        ("X-Topic".to_owned(), b"orders".to_vec()),
    ];
    let mut sent = request("POST", "?a=b", headers, "");
    sent.body = vec![0xff, 0xfe];
    let answer = life.owner.receive(&token, sent).await.unwrap();
    let shown = life.owner.delivery(delivery_of(&answer)).await.unwrap();
    let content = shown.content.unwrap();
    assert_eq!(
        (content.body, content.body_base64.as_deref()),
        (None, Some("//4="))
    );
    let headers: Vec<(&str, &str)> = content
        .headers
        .iter()
        .map(|header| (header.name.as_str(), header.value.as_str()))
        .collect();
    assert_eq!(
        headers,
        [("authorization", "[redacted]"), ("x-topic", "orders")]
    );
    let unknown = life.owner.delivery(DeliveryId(99)).await.unwrap_err();
    assert_eq!(unknown.code(), Code::DeliveryUnknown);
}

#[tokio::test]
async fn deliveries_are_listed_by_webhook_and_status_with_counts() {
    let world = World::new();
    let life = world
        .with(vec![webhook("a", |_| {}), webhook("b", |_| {})])
        .await;
    life.send("a", "{}", "1").await.unwrap();
    world.act([Act::Refuse]);
    life.work_off().await;
    life.send("b", "{}", "1").await.unwrap();
    let list = async |webhook: Option<&str>, status| {
        let selection = DeliverySelection {
            webhook: webhook.map(str::to_owned),
            status,
            before: None,
            limit: 10,
        };
        let (project, environment) = (project(), environment());
        let found = life.owner.deliveries(&project, &environment, selection);
        let found = found.await.unwrap();
        let names = found.deliveries.into_iter().map(|one| one.webhook);
        (names.collect::<Vec<_>>(), found.runs)
    };
    let (all, counts) = list(None, None).await;
    assert_eq!(all, ["b", "a"]);
    assert_eq!(counts[&RunStatus::Failed], 1);
    assert_eq!(counts[&RunStatus::Queued], 1);
    assert_eq!(list(Some("a"), None).await.0, ["a"]);
    assert_eq!(list(None, Some(RunStatus::Queued)).await.0, ["b"]);
    assert!(list(Some("not a name"), None).await.0.is_empty());
}

#[tokio::test]
async fn a_replay_hands_the_same_delivery_to_the_handler_that_is_live_under_the_same_key() {
    let world = World::new();
    let life = world.with(vec![webhook("orders", |_| {})]).await;
    let answer = life.send("orders", "{\"a\": 1}", "1").await.unwrap();
    world.act([Act::Refuse]);
    life.work_off().await;
    let id = delivery_of(&answer);
    life.deploy(vec![webhook("orders", |webhook| {
        webhook.title = "Better".to_owned()
    })])
    .await;
    let run = life.owner.replay_delivery(id).await.unwrap();
    life.work_off().await;
    let seen = world.seen();
    assert_eq!(seen[0].0, seen[1].0);
    assert_eq!(seen[0].1.idempotency_key, seen[1].1.idempotency_key);
    assert_ne!(seen[0].1.run, seen[1].1.run);
    let shown = life.owner.delivery(id).await.unwrap();
    assert_eq!(
        (shown.run, shown.status),
        (Some(run), Some(RunStatus::Succeeded))
    );
    let unknown = life
        .owner
        .replay_delivery(DeliveryId(99))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::DeliveryUnknown);
}

#[tokio::test]
async fn what_cannot_be_made_up_is_said() {
    let world = World::new();
    let life = world.live().await;
    life.deploy(vec![
        webhook("orders", |_| {}),
        webhook("inbox", |webhook| webhook.per_user = true),
        webhook("standard", |webhook| {
            webhook.signature = Signature::StandardWebhooks { key: key() };
        }),
    ])
    .await;
    let sample = async |name: &str| {
        let request = SampleRequest {
            project: project(),
            environment: environment(),
            webhook: name.to_owned(),
            user: None,
            body: Vec::new(),
            id: None,
        };
        life.owner.sample_delivery(request).await.unwrap_err()
    };
    assert_eq!(sample("nothing").await.code(), Code::ObjectUnknown);
    assert!(matches!(
        sample("inbox").await,
        SampleError::NoAddress { .. }
    ));
    let error = sample("orders").await;
    assert!(
        matches!(&error, SampleError::NoKey { needs, .. } if needs == "secret KEY"),
        "{error}"
    );
    life.set_secret("KEY", "not base64!").await;
    assert_eq!(sample("standard").await.code(), Code::SigningKeyUnusable);
}
