//! What web pages may try, and what the port for webhooks tells.

use serde_json::json;

use crate::world::{World, begin, whole};

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn a_name_that_was_made_to_point_here_reads_nothing() {
    let world = World::new().await;
    let headers = [("host", "evil.example:4600")];
    let refused = world.send("GET", "/api/v1/projects", &headers, "").await;
    let cors = "access-control-allow-origin";
    assert!(!refused.headers.contains_key(cors));
    insta::assert_json_snapshot!(refused.is(403), @r#"
    {
      "code": "request-refused",
      "detail": "the request is for another host than this server",
      "status": 403,
      "title": "request refused",
      "type": "urn:tidegate:problem:request-refused"
    }
    "#);
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let world = World::new().await;
    let origin = ("origin", "http://evil.example");
    let create = r#"{"name": "theirs"}"#;
    let post = world
        .send("POST", "/api/v1/environments", &[JSON, origin], create)
        .await;
    assert_eq!(post.is(403)["code"], "request-refused");
    // What a browser asks before such a request is not answered with a yes.
    let ask = [origin, ("access-control-request-method", "POST")];
    let asked = world
        .send("OPTIONS", "/api/v1/environments", &ask, "")
        .await;
    assert_eq!(asked.status, 403);
    let allowed = asked
        .headers
        .keys()
        .any(|name| name.as_str().starts_with("access-control"));
    assert!(!allowed, "{asked:?}");
    let there = world.get("/api/v1/environments/theirs").await;
    assert_eq!(there.status, 404);
}

#[tokio::test]
async fn a_form_changes_nothing() {
    let world = World::new().await;
    for content in ["application/x-www-form-urlencoded", "text/plain"] {
        let form = [("content-type", content)];
        let create = r#"{"name": "theirs"}"#;
        let post = world
            .send("POST", "/api/v1/environments", &form, create)
            .await;
        assert_eq!(post.is(403)["code"], "request-refused");
    }
    assert_eq!(world.get("/api/v1/environments/theirs").await.status, 404);
}

#[tokio::test]
async fn the_page_of_the_server_itself_may_change_things() {
    let world = World::new().await;
    let address = world.server.api_addr();
    let host = format!("localhost:{}", address.port());
    let origin = format!("http://{host}");
    let own = [JSON, ("host", host.as_str()), ("origin", origin.as_str())];
    let create = r#"{"name": "ours"}"#;
    let made = world
        .send("POST", "/api/v1/environments", &own, create)
        .await;
    assert_eq!(made.is(201)["name"], "ours");
}

#[tokio::test]
async fn every_answer_keeps_browsers_from_making_more_of_it() {
    let world = World::new().await;
    let reply = world.get("/api/v1/projects").await;
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    assert_eq!(reply.headers["cross-origin-resource-policy"], "same-origin");
    assert_eq!(reply.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let world = World::new().await;
    let unknown = world.get("/api/v1/nothing").await.is(404);
    assert_eq!(unknown["code"], "path-unknown");
    let method = world.change("DELETE", "/api/v1/projects", &json!({})).await;
    assert_eq!(method.is(405)["code"], "path-unknown");
    let name = world
        .get("/api/v1/projects/a%20b/environments/e/status")
        .await;
    assert_eq!(name.is(400)["code"], "request-invalid");
    let body = world
        .post("/api/v1/environments", &json!({ "nome": "a" }))
        .await
        .is(400);
    let detail = body["detail"].as_str().unwrap();
    assert!(detail.contains("nome"), "{body}");
    let project = world
        .get("/api/v1/projects/nobody/environments/staging/deploys")
        .await;
    assert_eq!(project.is(404)["code"], "project-unknown");
}

#[tokio::test]
async fn the_port_for_webhooks_tells_nothing_of_anything_else() {
    let world = World::new().await;
    let address = world.server.ingress_addr().unwrap();
    assert_ne!(address, world.server.api_addr());
    for path in ["/", "/api/v1/projects", "/hooks", "/hooks/", "/hooks/a/b"] {
        for method in ["GET", "POST", "DELETE"] {
            let tunnel = [
                ("host", "abc.tunnel.example"),
                ("origin", "https://a.example"),
            ];
            let reply = whole(begin(address, method, path, &tunnel, "".into()).await).await;
            assert_eq!(reply.status, 404, "{method} {path}");
            assert!(reply.body.is_empty(), "{reply:?}");
            let told: Vec<&str> = reply.headers.keys().map(http::HeaderName::as_str).collect();
            let dull = |name: &&&str| matches!(**name, "content-length" | "date");
            assert_eq!(told.iter().filter(dull).count(), told.len(), "{told:?}");
        }
    }
}
