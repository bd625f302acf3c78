//! Deliveries for subscriptions, while one takes the place of another.

use std::sync::Arc;
use std::time::Duration;

use domain::Secret;
use domain::declare::{ChangeOrder, Object, Signature, SigningKey};
use engine::{IngressRefusal, IngressRequest};
use tokio::sync::Notify;

use crate::world::{KEY, World, delivery_of, environment, key, project, request, webhook};

/// A webhook whose subscription depends on the key that signs.
fn subscribing(order: ChangeOrder) -> Object {
    webhook("orders", |webhook| {
        webhook.hooks.subscription = true;
        webhook.hooks.check = true;
        webhook.order = order;
        webhook.secrets[0].subscription = true;
    })
}

fn signed(with: &str, id: &str) -> IngressRequest {
    let scheme = Signature::Github { key: key() };
    let now = domain::Timestamp::from_millis(1_700_000_000_000);
    let headers = domain::sign(&scheme, &Secret::new(with), b"{}", now, id).unwrap();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()));
    request("POST", "", headers.collect(), "{}")
}

fn token(endpoint: &str) -> &str {
    endpoint.rsplit_once('/').unwrap().1
}

#[tokio::test]
async fn while_subscriptions_overlap_each_address_takes_its_own_key_and_duplicates_are_one() {
    let world = World::new();
    let life = world.with(vec![subscribing(ChangeOrder::Overlap)]).await;
    life.set_secret("KEY", "second-signing-key").await;
    let endpoints = world.stage.endpoints.lock().unwrap().clone();
    let [old, new] = [token(&endpoints[0]), token(&endpoints[1])];
    let before = life.owner.receive(old, signed(KEY, "1")).await.unwrap();
    let again = life
        .owner
        .receive(new, signed("second-signing-key", "1"))
        .await
        .unwrap();
    assert_eq!(
        delivery_of(&again),
        delivery_of(&before),
        "found per webhook, not per address"
    );
    let stale = life.owner.receive(new, signed(KEY, "2")).await;
    assert!(
        matches!(stale, Err(IngressRefusal::Unknown)),
        "the new one was never signed so"
    );
    world.clock.advance(Duration::from_secs(72 * 3600 + 1));
    let closed = life.owner.receive(old, signed(KEY, "3")).await;
    assert!(matches!(closed, Err(IngressRefusal::Unknown)));
    life.owner
        .receive(new, signed("second-signing-key", "3"))
        .await
        .unwrap();
}

#[tokio::test]
async fn the_old_address_is_good_until_its_subscription_is_gone() {
    let world = World::new();
    let life = world.with(vec![subscribing(ChangeOrder::Replace)]).await;
    let go = Arc::new(Notify::new());
    *world.stage.clings.lock().unwrap() = Some(Arc::clone(&go));
    let old = world.stage.endpoints.lock().unwrap()[0].clone();
    let receive = async |id: &str| life.owner.receive(token(&old), signed(KEY, id)).await;
    let while_it_goes = async {
        world.stage.called.notified().await;
        receive("1").await.unwrap();
        go.notify_one();
    };
    tokio::join!(life.set_secret("KEY", "second-signing-key"), while_it_goes);
    let new = world.stage.endpoints.lock().unwrap()[1].clone();
    assert!(matches!(receive("2").await, Err(IngressRefusal::Unknown)));
    life.owner
        .receive(token(&new), signed("second-signing-key", "2"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_key_that_the_provider_issued_verifies_its_own_subscription() {
    let world = World::new();
    let issued = webhook("orders", |webhook| {
        webhook.hooks.subscription = true;
        webhook.silence_seconds = Some(60);
        webhook.signature = Signature::Github {
            key: SigningKey::Issued,
        };
    });
    let life = world.with(vec![issued]).await;
    let endpoint = world.stage.endpoints.lock().unwrap()[0].clone();
    let other = life.owner.receive(token(&endpoint), signed(KEY, "1")).await;
    assert!(matches!(other, Err(IngressRefusal::Unknown)));
    world.clock.advance(Duration::from_secs(61));
    let shown = async || {
        let found = life.owner.registrations(&project(), &environment()).await;
        found.unwrap().remove(0)
    };
    assert!(shown().await.silent_since.is_some());
    let mut request = signed("issued-signing-key", "1");
    request.received_at = domain::Timestamp::from_millis(1_700_000_061_000);
    let answer = life.owner.receive(token(&endpoint), request).await.unwrap();
    assert_eq!(shown().await.silent_since, None);
    let delivery = life.owner.delivery(delivery_of(&answer)).await.unwrap();
    assert_eq!(delivery.registration, Some(shown().await.registration));
}
