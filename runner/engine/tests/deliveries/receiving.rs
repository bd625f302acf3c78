//! What is taken, what is refused, and what handlers get.

use std::time::Duration;

use domain::declare::{DedupeKey, HmacDigest, Signature, SignatureEncoding};
use domain::{RunStatus, Secret};
use engine::IngressRefusal;

use crate::world::{World, delivery_of, environment, key, project, request, webhook, workflow};

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_handler_gets_the_bytes_that_came_and_starts_the_workflows_of_its_webhook() {
    let world = World::new();
    let objects = vec![webhook("orders", |_| {}), workflow("ship", "orders")];
    let life = world.with(objects).await;
    let (token, mut request) = life.signed("orders", "{\"n\": 7}\r\n", "72d3").await;
    request.query = "/extra?topic=a%20b".to_owned();
    request.headers.push(("X-Raw".to_owned(), vec![0xff, 0]));
    let answer = life.owner.receive(&token, request).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    world.act([crate::world::Act::Return(r#"{"order":7}"#, None)]);
    life.work_off().await;

    let (delivery, context) = world.seen().remove(0);
    assert_eq!(text(&delivery.body), "{\"n\": 7}\r\n");
    assert_eq!(delivery.query, "/extra?topic=a%20b");
    assert!(
        delivery
            .headers
            .contains(&("x-raw".to_owned(), vec![0xff, 0]))
    );
    assert!(
        delivery
            .headers
            .iter()
            .all(|(name, _)| name.to_ascii_lowercase() == *name)
    );
    assert!(
        !format!("{delivery:?}").contains(&token),
        "the guest saw the token"
    );
    let id = delivery_of(&answer);
    assert_eq!(delivery.id, id.to_string());
    assert_eq!(context.idempotency_key, format!("delivery-{id}"));

    let handled = life.owner.delivery(id).await.unwrap();
    assert_eq!(handled.status, Some(RunStatus::Succeeded));
    assert_eq!(handled.key.as_deref(), Some("72d3"));
    let runs = life
        .owner
        .runs(&project(), &environment(), 10)
        .await
        .unwrap();
    let ship = runs
        .iter()
        .find(|run| run.object == "workflow ship")
        .unwrap();
    assert_eq!(ship.input, serde_json::json!({"order": 7}));
    assert_eq!(ship.trigger, "webhook orders");
}

#[tokio::test]
async fn an_unknown_address_a_bad_signature_and_a_disabled_webhook_look_the_same() {
    let world = World::new();
    let life = world.with(vec![webhook("orders", |_| {})]).await;
    let (token, good) = life.signed("orders", "{}", "1").await;
    let refused = async |token: &str, request| {
        let refusal = life.owner.receive(token, request).await.unwrap_err();
        assert!(matches!(refusal, IngressRefusal::Unknown), "{refusal:?}");
        assert_eq!(
            (refusal.status(), refusal.retry_after_seconds()),
            (404, None)
        );
    };
    refused("0000", good.clone()).await;
    let mut changed = good.clone();
    changed.body = b"{ }".to_vec();
    refused(&token, changed).await;
    refused(&token, request("POST", "", Vec::new(), "{}")).await;
    refused(&token, request("GET", "?a=b", Vec::new(), "")).await;
    life.deploy(vec![webhook("others", |_| {})]).await;
    refused(&token, good.clone()).await;
    assert_eq!(life.deliveries().await.len(), 0);
    assert_eq!(world.seen().len(), 0, "no guest ran");

    // The address is the same when the webhook is back.
    life.deploy(vec![webhook("orders", |_| {})]).await;
    assert_eq!(life.owner.receive(&token, good).await.unwrap().status, 200);
}

#[tokio::test]
async fn what_came_before_is_acknowledged_and_not_handled_again() {
    let world = World::new();
    let by_order = webhook("orders", |webhook| {
        webhook.dedupe = Some(DedupeKey::Pointer("/order".to_owned()));
    });
    let life = world.with(vec![by_order]).await;
    let first = life.send("orders", r#"{"order":7}"#, "1").await.unwrap();
    let again = life
        .send("orders", r#"{"order":7,"b":1}"#, "2")
        .await
        .unwrap();
    let other = life.send("orders", r#"{"order":8}"#, "1").await.unwrap();
    assert_eq!(again, first);
    assert_ne!(delivery_of(&other), delivery_of(&first));
    life.work_off().await;
    assert_eq!(world.seen().len(), 2);
    let late = life.send("orders", r#"{"order":7}"#, "3").await.unwrap();
    assert_eq!(late, first);
    life.work_off().await;
    assert_eq!(world.seen().len(), 2);
}

#[tokio::test]
async fn a_get_request_is_answered_with_the_declared_parameter_and_nothing_else() {
    let world = World::new();
    let challenged = webhook("meta", |webhook| {
        webhook.challenge = Some("hub.challenge".to_owned());
    });
    let life = world.with(vec![challenged]).await;
    let (token, _) = life.signed("meta", "", "1").await;
    let get = async |query: &str| {
        let request = request("GET", query, Vec::new(), "");
        life.owner.receive(&token, request).await
    };
    let answer = get("?hub.mode=subscribe&hub%2Echallenge=a%2Bb+c%3Cx%3E%zz&x=y")
        .await
        .unwrap();
    assert_eq!((answer.status, text(&answer.body)), (200, "a+b c<x>%zz"));
    assert!(
        answer.headers.contains(&(
            "content-type".to_owned(),
            b"text/plain; charset=utf-8".to_vec()
        )),
        "no browser takes it for a page"
    );
    for query in [
        "",
        "?hub.mode=subscribe",
        "?hub.challenge=",
        "/hub.challenge=a",
    ] {
        assert!(
            matches!(get(query).await, Err(IngressRefusal::Unknown)),
            "{query}"
        );
    }
    assert_eq!(life.deliveries().await.len(), 0);
}

#[tokio::test]
async fn slacks_check_of_an_address_is_answered_once_it_is_verified() {
    let world = World::new();
    let slack = webhook("slack", |webhook| {
        webhook.signature = Signature::Slack { key: key() };
    });
    let life = world.with(vec![slack]).await;
    let check = r#"{"type":"url_verification","challenge":"3eZb"}"#;
    let answer = life.send("slack", check, "1").await.unwrap();
    assert_eq!((answer.status, text(&answer.body)), (200, "3eZb"));
    let (token, _) = life.signed("slack", check, "1").await;
    let unsigned = request("POST", "", Vec::new(), check);
    let refused = life.owner.receive(&token, unsigned).await;
    assert!(matches!(refused, Err(IngressRefusal::Unknown)));
    assert_eq!(life.deliveries().await.len(), 0);
}

#[tokio::test]
async fn a_body_of_1_mib_is_taken_and_a_larger_one_is_not() {
    let world = World::new();
    let life = world.with(vec![webhook("orders", |_| {})]).await;
    let most = "x".repeat(1 << 20);
    assert_eq!(life.send("orders", &most, "1").await.unwrap().status, 200);
    let refusal = life
        .send("orders", &format!("{most}x"), "2")
        .await
        .unwrap_err();
    assert!(matches!(refusal, IngressRefusal::TooLarge(1_048_576)));
    assert_eq!(refusal.status(), 413);
}

#[tokio::test]
async fn an_address_gets_200_requests_at_once_and_100_a_second() {
    let world = World::new();
    let life = world
        .with(vec![webhook("orders", |_| {}), webhook("others", |_| {})])
        .await;
    let (token, request) = life.signed("orders", "{}", "1").await;
    for _ in 0..200 {
        life.owner.receive(&token, request.clone()).await.unwrap();
    }
    let refusal = life
        .owner
        .receive(&token, request.clone())
        .await
        .unwrap_err();
    assert_eq!(
        (refusal.status(), refusal.retry_after_seconds()),
        (429, Some(1))
    );
    assert_eq!(life.send("others", "{}", "1").await.unwrap().status, 200);
    world.clock.advance(Duration::from_millis(10));
    life.owner.receive(&token, request.clone()).await.unwrap();
    assert!(life.owner.receive(&token, request).await.is_err());
}

#[tokio::test]
async fn without_its_key_a_webhook_asks_to_come_again_and_status_says_so() {
    let world = World::new();
    let life = world.live().await;
    life.set_secret("KEY", "a-key-for-now").await;
    life.deploy(vec![webhook("orders", |_| {})]).await;
    let (token, request) = life.signed("orders", "{}", "1").await;
    assert_eq!(life.status_notes().await, "");
    let unset = engine::ValueRequest {
        project: project(),
        environment: environment(),
        key: domain::ValueKey {
            kind: domain::ValueKind::Secret,
            name: "KEY".to_owned(),
        },
    };
    let unset = life
        .owner
        .unset_value(unset, engine::Force::Yes, &engine::Unobserved);
    unset.await.unwrap();
    let refusal = life
        .owner
        .receive(&token, request.clone())
        .await
        .unwrap_err();
    assert_eq!(
        (refusal.status(), refusal.retry_after_seconds()),
        (503, Some(60))
    );
    let notes = life.status_notes().await;
    assert!(notes.contains("secret KEY is not set"), "{notes}");
    life.set_secret("KEY", "a-key-for-now").await;
    assert_eq!(
        life.owner.receive(&token, request).await.unwrap().status,
        200
    );
}

#[tokio::test]
async fn what_is_signed_as_each_provider_would_is_taken() {
    let hmac = Signature::Hmac {
        key: key(),
        header: "X-Signature".to_owned(),
        digest: HmacDigest::Sha512,
        encoding: SignatureEncoding::Base64,
        prefix: "v=".to_owned(),
        template: "{timestamp}.{body}".to_owned(),
        timestamp_header: Some("X-Time".to_owned()),
    };
    for signature in [
        Signature::None,
        Signature::StandardWebhooks { key: key() },
        Signature::Github { key: key() },
        Signature::Stripe { key: key() },
        Signature::Shopify { key: key() },
        Signature::Slack { key: key() },
        hmac,
    ] {
        let world = World::new();
        let object = webhook("orders", |webhook| webhook.signature = signature.clone());
        let life = world.live().await;
        life.set_secret("KEY", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
            .await;
        life.deploy(vec![object]).await;
        let answer = life.send("orders", r#"{"id":"evt_1"}"#, "1").await;
        assert_eq!(answer.unwrap().status, 200, "{signature:?}");
        if signature != Signature::None {
            let (token, mut request) = life.signed("orders", "{}", "2").await;
            request.body.push(b' ');
            let refused = life.owner.receive(&token, request).await;
            assert!(
                matches!(refused, Err(IngressRefusal::Unknown)),
                "{signature:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_public_key_verifies_what_its_owner_signed() {
    let world = World::new();
    let object = webhook("orders", |webhook| {
        webhook.signature = Signature::StandardWebhooks { key: key() };
    });
    let life = world.live().await;
    // The first key of RFC 8032.
    life.set_secret("KEY", "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
        .await;
    life.deploy(vec![object]).await;
    let token = {
        let addresses = life
            .owner
            .addresses(&project(), &environment())
            .await
            .unwrap();
        let url = addresses[0].url.clone().unwrap();
        url.strip_prefix("http://127.0.0.1:4601/hooks/")
            .unwrap()
            .to_owned()
    };
    let private = Secret::new("whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
    let scheme = Signature::StandardWebhooks { key: key() };
    let now = domain::Timestamp::from_millis(1_700_000_000_000);
    let headers = domain::sign(&scheme, &private, b"{}", now, "1").unwrap();
    let headers = headers
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()));
    let request = request("POST", "", headers.collect(), "{}");
    assert_eq!(
        life.owner.receive(&token, request).await.unwrap().status,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_come_at_once_each_is_told_of_its_own_delivery() {
    let world = World::new();
    let life = world.with(vec![webhook("orders", |_| {})]).await;
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..120 {
        let id = (number % 60).to_string();
        let (token, request) = life.signed("orders", &format!("{{\"n\":{id}}}"), &id).await;
        let owner = std::sync::Arc::clone(&life.owner);
        sending.spawn(async move { (id, owner.receive(&token, request).await.unwrap()) });
    }
    let answers = sending.join_all().await;
    let deliveries = life.deliveries().await;
    assert_eq!(deliveries.len(), 60);
    for (id, answer) in answers {
        let named = delivery_of(&answer);
        let stored = deliveries.iter().find(|one| one.delivery == named).unwrap();
        assert_eq!(stored.key, Some(id));
    }
    life.work_off().await;
    assert_eq!(world.seen().len(), 60);
}
