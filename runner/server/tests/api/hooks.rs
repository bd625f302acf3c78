//! What third parties send, on the port for webhooks.

use engine::{SampleRequest, SignedDelivery};
use serde_json::json;

use crate::world::{Reply, World, begin, whole};

const AT: &str = "/api/v1/projects/hooks/environments/development";

/// A world in which one webhook has an address; its provider cannot be reached.
async fn with_webhook() -> (World, SignedDelivery) {
    let world = World::new().await;
    let settings = json!({ "version": "1", "count": 1 });
    let artifact = world
        .upload(&harness::with_settings(harness::hooks20(), &settings))
        .await;
    for (value, content) in [
        ("secrets/TOKEN", "a token for the tests"),
        ("variables/API_URL", "http://127.0.0.1:9"),
    ] {
        let path = format!("{AT}/{value}");
        let body = json!({ "value": content });
        let _ = world.change("PUT", &path, &body).await.is(200);
    }
    let body = json!({ "artifact": artifact, "settle_timeout_seconds": 0 });
    let begun = world.post(&format!("{AT}/deploys"), &body).await.is(202);
    let events = begun["events"].as_str().unwrap().to_owned();
    let done = world.events(&events, None).await.done().await;
    assert_eq!(done["result"]["status"], "incomplete", "{done}");
    let sample = SampleRequest {
        project: "hooks".parse().unwrap(),
        environment: "development".parse().unwrap(),
        webhook: "hook-01".to_owned(),
        user: None,
        body: br#"{"zen": "calm"}"#.to_vec(),
        id: None,
    };
    let sample = world.owner.sample_delivery(sample).await.unwrap();
    (world, sample)
}

async fn deliver(world: &World, method: &str, path: &str, body: Vec<u8>) -> Reply {
    let address = world.server.ingress_addr().unwrap();
    let tunnel = [
        ("host", "abc.tunnel.example"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", "https://provider.example"),
    ];
    whole(begin(address, method, path, &tunnel, body.into()).await).await
}

#[tokio::test]
async fn a_delivery_through_a_tunnel_is_stored_before_it_is_acknowledged() {
    let (world, sample) = with_webhook().await;
    let path = format!("{}/more?a=b", sample.path);
    let taken = deliver(&world, "POST", &path, sample.body.clone()).await;
    assert!(taken.status.is_success(), "{taken:?}");
    let listed = world.get(&format!("{AT}/deliveries")).await.is(200);
    assert_eq!(
        listed["items"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );
    let delivery = listed["items"][0]["delivery"].as_i64().unwrap();
    assert_eq!(listed["items"][0]["webhook"], "hook-01");
    let shown = world.get(&format!("/api/v1/deliveries/{delivery}")).await;
    let shown = shown.is(200);
    assert_eq!(shown["content"]["query"], "/more?a=b");
    assert_eq!(shown["content"]["body"], r#"{"zen": "calm"}"#);
    let token = sample.path.trim_start_matches("/hooks/");
    assert!(!shown.to_string().contains(token), "the token is not shown");
    let replay = format!("/api/v1/deliveries/{delivery}/replays");
    let replayed = world.post(&replay, &json!({})).await.is(202);
    assert_eq!(replayed["runs"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_token_that_nobody_has_looks_like_a_path_that_is_not_there() {
    let (world, sample) = with_webhook().await;
    let looks = |reply: Reply| {
        let names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
        (reply.status, names, reply.body)
    };
    let nothing = looks(deliver(&world, "POST", "/nothing", Vec::new()).await);
    let token = deliver(&world, "POST", "/hooks/0123456789abcdef", b"{}".to_vec()).await;
    assert_eq!(looks(token), nothing);
    let method = deliver(&world, "DELETE", &sample.path, Vec::new()).await;
    assert_eq!(looks(method), nothing);
}

#[tokio::test]
async fn no_delivery_is_larger_than_1_mib() {
    let (world, sample) = with_webhook().await;
    let most = 1024 * 1024;
    let large = deliver(&world, "POST", &sample.path, vec![b' '; most + 1]).await;
    assert_eq!(large.status, 413);
    let fits = deliver(&world, "POST", &sample.path, vec![b' '; most]).await;
    assert!(fits.status.is_success(), "{fits:?}");
}

#[tokio::test]
async fn the_api_says_where_webhooks_are_received() {
    let world = World::new().await;
    let addresses = world.get("/api/v1/addresses").await.is(200);
    let ingress = world.server.ingress_addr().unwrap().to_string();
    assert_eq!(addresses["ingress"], ingress);
    assert_eq!(addresses["api"], world.server.api_addr().to_string());
}
