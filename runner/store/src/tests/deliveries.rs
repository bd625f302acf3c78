//! Deliveries, the runs that handle them, and the addresses at which they come.

use std::sync::Arc;
use std::time::Duration;

use domain::declare::{ChangeOrder, Hooks, Object, Signature, SigningKey, Webhook};
use domain::{RunStatus, Secret, Timestamp, UserId};

use super::fixture::{Fixture, at, hook, secret_key, webhook};
use crate::{
    Accept, Accepted, AddressOf, DeliveryFilter, Force, MissingEndpoint, PutAccount, Receiver,
    RunFilter, RunKind,
};

/// A webhook that nobody subscribes for.
fn by_hand(name: &str, change: impl FnOnce(&mut Webhook)) -> Object {
    let Object::Webhook(mut webhook) = webhook(name, ChangeOrder::Replace, &["KEY"]) else {
        panic!("a webhook");
    };
    webhook.hooks = Hooks::default();
    webhook.signature = Signature::Github {
        key: SigningKey::Secret {
            name: "KEY".to_owned(),
        },
    };
    change(&mut webhook);
    for secret in &mut webhook.secrets {
        secret.subscription = webhook.hooks.subscription;
    }
    Object::Webhook(webhook)
}

impl Fixture {
    /// Gives addresses to those that have none; their tokens are `address-0`, `address-1`, ….
    async fn give_addresses(&self) -> Vec<MissingEndpoint> {
        let missing = self
            .store
            .missing_endpoints(Some(self.place))
            .await
            .unwrap();
        let new = missing
            .iter()
            .cloned()
            .enumerate()
            .map(|(index, one)| (one, Secret::new(format!("address-{index}"))))
            .collect();
        self.store.add_endpoints(new, at(5)).await.unwrap();
        missing
    }

    async fn receiver(&self, token: &str) -> Option<Receiver> {
        self.store
            .receiver(Secret::new(token), at(6))
            .await
            .unwrap()
    }

    async fn accept(&self, deliveries: Vec<Accept>) -> Vec<Accepted> {
        let deliveries = deliveries.into_iter().map(Arc::new).collect();
        self.store.accept_deliveries(deliveries).await.unwrap()
    }

    async fn rows(&self, sql: &'static str) -> i64 {
        self.store
            .database()
            .maintain(move |connection| Ok(connection.query_row(sql, [], |row| row.get(0))?))
            .await
            .unwrap()
    }
}

fn delivery(receiver: &Receiver, dedupe: Option<&str>, second: i64) -> Accept {
    Accept {
        place: receiver.place,
        address: receiver.address,
        object: receiver.object,
        webhook: receiver.webhook.name.parse().unwrap(),
        user: receiver.user.clone(),
        received_at: at(second),
        dedupe: dedupe.map(str::to_owned),
        method: "POST".to_owned(),
        query: "?a=b".to_owned(),
        headers: vec![("x-raw".to_owned(), vec![0xff, b'a'])],
        body: vec![0, 159, 146, 150],
    }
}

/// A place with the webhook `orders`, that nobody subscribes for, and its address.
async fn with_address() -> (Fixture, Receiver) {
    let fixture = Fixture::new().await;
    fixture.set_secret("KEY", "first-key").await;
    fixture.deploy(vec![by_hand("orders", |_| {})], &[]).await;
    fixture.give_addresses().await;
    let receiver = fixture.receiver("address-0").await.unwrap();
    (fixture, receiver)
}

#[tokio::test]
async fn what_is_accepted_is_stored_as_it_came_and_a_run_waits_for_it() {
    let (fixture, receiver) = with_address().await;
    let accepted = fixture
        .accept(vec![delivery(&receiver, Some("a"), 7)])
        .await;
    let Accepted::Stored { delivery: id, run } = accepted[0] else {
        panic!("{accepted:?}");
    };
    let stored = fixture.store.delivery(id).await.unwrap().unwrap();
    assert_eq!(stored.headers, [("x-raw".to_owned(), vec![0xff, b'a'])]);
    assert_eq!(stored.query, "?a=b");
    assert_eq!(
        (stored.run, stored.status),
        (Some(run), Some(RunStatus::Queued))
    );
    assert_eq!(stored.size, 4);
    assert_eq!(stored.address, receiver.address);
    let body = fixture.store.delivery_body(id).await.unwrap();
    assert_eq!(body.unwrap(), [0, 159, 146, 150]);
    let run = fixture.store.run(run).await.unwrap().unwrap();
    assert_eq!((run.kind, run.delivery), (RunKind::Webhook, Some(id)));
    let counts = fixture.store.delivery_counts(fixture.place).await.unwrap();
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [(RunStatus::Queued, 1)]
    );
}

#[tokio::test]
async fn a_key_is_known_again_in_the_same_batch_and_in_later_ones() {
    let (fixture, receiver) = with_address().await;
    let batch = ["a", "b", "a"].map(|key| delivery(&receiver, Some(key), 7));
    let accepted = fixture.accept(batch.to_vec()).await;
    let Accepted::Stored {
        delivery: first, ..
    } = accepted[0]
    else {
        panic!("{accepted:?}");
    };
    assert!(matches!(accepted[1], Accepted::Stored { .. }));
    assert_eq!(accepted[2], Accepted::Duplicate { delivery: first });
    let again = fixture
        .accept(vec![delivery(&receiver, Some("a"), 8)])
        .await;
    assert_eq!(again, [Accepted::Duplicate { delivery: first }]);
    let without = [None, None].map(|key| delivery(&receiver, key, 9));
    for accepted in fixture.accept(without.to_vec()).await {
        assert!(matches!(accepted, Accepted::Stored { .. }));
    }
    let runs = fixture
        .store
        .runs(fixture.place, RunFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(runs.len(), 4);
}

#[tokio::test]
async fn a_batch_is_stored_as_a_whole_or_not_at_all() {
    let (fixture, receiver) = with_address().await;
    let mut bad = delivery(&receiver, None, 7);
    bad.object = domain::ObjectId(99);
    let batch = vec![Arc::new(delivery(&receiver, None, 7)), Arc::new(bad)];
    assert!(fixture.store.accept_deliveries(batch).await.is_err());
    assert_eq!(fixture.rows("SELECT count(*) FROM deliveries").await, 0);
    assert_eq!(fixture.rows("SELECT count(*) FROM runs").await, 0);
}

#[tokio::test]
async fn lists_are_paged_and_filtered() {
    let (fixture, receiver) = with_address().await;
    let batch = (0..5).map(|n| delivery(&receiver, None, n)).collect();
    let ids: Vec<_> = fixture
        .accept(batch)
        .await
        .into_iter()
        .map(|accepted| match accepted {
            Accepted::Stored { delivery, .. } | Accepted::Duplicate { delivery } => delivery,
        })
        .collect();
    let list = async |filter: DeliveryFilter, limit| {
        let found = fixture.store.deliveries(fixture.place, filter, limit);
        let found = found.await.unwrap().into_iter();
        found.map(|record| record.id).collect::<Vec<_>>()
    };
    assert_eq!(list(DeliveryFilter::default(), 2).await, [ids[4], ids[3]]);
    let before = DeliveryFilter {
        before: Some(ids[1]),
        ..DeliveryFilter::default()
    };
    assert_eq!(list(before, 10).await, [ids[0]]);
    let of_another = DeliveryFilter {
        webhook: Some("other".parse().unwrap()),
        ..DeliveryFilter::default()
    };
    assert_eq!(list(of_another, 10).await, []);
    let failed = DeliveryFilter {
        status: Some(RunStatus::Failed),
        ..DeliveryFilter::default()
    };
    assert_eq!(list(failed, 10).await, []);
}

#[tokio::test]
async fn content_goes_with_the_last_run_and_the_key_stays_known_for_its_time() {
    let (fixture, receiver) = with_address().await;
    let accepted = fixture
        .accept(vec![delivery(&receiver, Some("a"), 7)])
        .await;
    let Accepted::Stored { delivery: id, .. } = accepted[0] else {
        panic!("{accepted:?}");
    };
    let replay = fixture.store.replay_delivery(id, at(8)).await.unwrap();
    let run = fixture.store.run(replay).await.unwrap().unwrap();
    assert_eq!(run.delivery, Some(id));
    assert_eq!(run.object.as_str(), "orders");
    fixture.tamper("DELETE FROM runs WHERE id = 1").await;
    assert!(fixture.store.delivery_body(id).await.unwrap().is_some());
    assert_eq!(fixture.store.prune_deliveries(at(100)).await.unwrap(), 0);
    fixture.tamper("DELETE FROM runs").await;
    assert_eq!(fixture.store.delivery_body(id).await.unwrap(), None);
    let bare = fixture.store.delivery(id).await.unwrap().unwrap();
    assert_eq!(
        (bare.headers.len(), bare.query.as_str(), bare.run),
        (0, "", None)
    );
    assert!(fixture.store.replay_delivery(id, at(9)).await.is_err());
    assert_eq!(fixture.store.prune_deliveries(at(7)).await.unwrap(), 0);
    let again = fixture
        .accept(vec![delivery(&receiver, Some("a"), 9)])
        .await;
    assert_eq!(again, [Accepted::Duplicate { delivery: id }]);
    assert_eq!(fixture.store.prune_deliveries(at(8)).await.unwrap(), 1);
    let anew = fixture
        .accept(vec![delivery(&receiver, Some("a"), 9)])
        .await;
    assert!(matches!(anew[0], Accepted::Stored { .. }));
}

#[tokio::test]
async fn only_webhooks_that_nobody_subscribes_for_get_an_address_of_their_own_and_keep_it() {
    let fixture = Fixture::new().await;
    let objects = || vec![hook("subscribed"), by_hand("orders", |_| {})];
    fixture.deploy(objects(), &[("subscribed", "{}")]).await;
    assert_eq!(fixture.give_addresses().await.len(), 1);
    assert_eq!(fixture.give_addresses().await, []);
    let before = fixture.receiver("address-0").await.unwrap();
    assert_eq!(before.webhook.name, "orders");
    assert_eq!(before.keys, [], "the secret has no value yet");

    fixture
        .deploy(vec![hook("subscribed")], &[("subscribed", "{}")])
        .await;
    assert!(fixture.receiver("address-0").await.is_none(), "disabled");
    fixture.deploy(objects(), &[("subscribed", "{}")]).await;
    let back = fixture.receiver("address-0").await.unwrap();
    assert_eq!(back.address, before.address);

    let subscribing = by_hand("orders", |webhook| webhook.hooks.subscription = true);
    fixture.deploy(vec![subscribing], &[]).await;
    assert!(
        fixture.receiver("address-0").await.is_none(),
        "it has subscriptions now"
    );
    assert!(fixture.receiver("another").await.is_none());
    assert_eq!(fixture.store.examine().await.unwrap().problems, []);
}

#[tokio::test]
async fn each_connected_user_has_an_address_and_keys_of_their_own() {
    let fixture = Fixture::new().await;
    let object = by_hand("inbox", |webhook| webhook.per_user = true);
    fixture.deploy(vec![object], &[]).await;
    assert_eq!(fixture.give_addresses().await, []);
    for user in ["ada", "grace"] {
        fixture
            .store
            .put_user(PutAccount {
                place: fixture.place,
                user: UserId(user.to_owned()),
                account: None,
                actor: "test".to_owned(),
                now: at(1),
            })
            .await
            .unwrap();
    }
    assert_eq!(fixture.give_addresses().await.len(), 2);
    let ada = fixture.receiver("address-0").await.unwrap();
    let grace = fixture.receiver("address-1").await.unwrap();
    assert_eq!(ada.user.as_ref().unwrap().0, "ada");
    let both = vec![delivery(&ada, Some("a"), 7), delivery(&grace, Some("a"), 7)];
    for accepted in fixture.accept(both).await {
        assert!(matches!(accepted, Accepted::Stored { .. }), "{accepted:?}");
    }
    let addresses = fixture.store.addresses(fixture.place, at(8)).await.unwrap();
    let users: Vec<_> = addresses
        .iter()
        .map(|one| one.user.clone().unwrap().0)
        .collect();
    assert_eq!(users, ["ada", "grace"]);
    assert_eq!(addresses[0].token.expose(), "address-0");
    assert_eq!(addresses[0].last_delivery_at, Some(at(7)));
    fixture
        .tamper("DELETE FROM connected_users WHERE user = 'ada'")
        .await;
    assert!(fixture.receiver("address-0").await.is_none());
}

#[tokio::test]
async fn what_was_subscribed_with_a_former_secret_may_still_be_signed_with_it() {
    let fixture = Fixture::new().await;
    fixture.set_secret("KEY", "first-key").await;
    let object = by_hand("orders", |webhook| webhook.hooks.subscription = true);
    fixture.deploy(vec![object], &[("orders", "{}")]).await;
    let token = "endpoint-token-00000001";
    let keys = async || {
        let receiver = fixture.receiver(token).await.unwrap();
        assert!(matches!(receiver.address, AddressOf::Registration(_)));
        let keys = receiver.keys.iter().map(|key| key.expose().to_owned());
        keys.collect::<Vec<_>>()
    };
    assert_eq!(keys().await, ["first-key"]);
    fixture.set_secret("KEY", "second-key").await;
    assert_eq!(keys().await, ["second-key", "first-key"]);
    fixture.set_secret("KEY", "third-key").await;
    assert_eq!(keys().await, ["third-key", "first-key"]);
    for value in ["fourth-key", "fifth-key", "sixth-key"] {
        fixture.set_secret("KEY", value).await;
    }
    assert_eq!(keys().await, ["sixth-key"], "only a few are kept");
    let unset = fixture.store.unset_value(
        fixture.place,
        secret_key("KEY"),
        Force::Yes,
        "ada".to_owned(),
        at(2),
    );
    unset.await.unwrap();
    assert!(keys().await.is_empty());
}

#[tokio::test]
async fn a_key_of_an_address_that_nobody_subscribed_is_the_secret_as_it_is() {
    let (fixture, receiver) = with_address().await;
    assert_eq!(receiver.keys, [Secret::new("first-key")]);
    fixture.set_secret("KEY", "second-key").await;
    let receiver = fixture.receiver("address-0").await.unwrap();
    assert_eq!(receiver.keys, [Secret::new("second-key")]);
}

#[tokio::test]
async fn an_address_that_closes_later_is_open_until_then() {
    let fixture = Fixture::new().await;
    fixture.deploy(vec![hook("w")], &[("w", "{}")]).await;
    fixture
        .tamper("UPDATE registrations SET state = 'gone', open_until = 1700000100000")
        .await;
    let token = || Secret::new("endpoint-token-00000001");
    let open = |second| {
        let now: Timestamp = at(second);
        fixture.store.receiver(token(), now)
    };
    assert!(open(99).await.unwrap().is_some());
    assert!(open(100).await.unwrap().is_none());
    let later = at(0).after(Duration::from_secs(99));
    assert_eq!(
        fixture
            .store
            .addresses(fixture.place, later)
            .await
            .unwrap()
            .len(),
        1
    );
}
