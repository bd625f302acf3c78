//! A server on a data directory of its own, and a client that says what it likes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use domain::ArtifactDigest;
use engine::{Engine, Owner, Settings};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use server::{ListenOn, Server};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) const AT: &str = "/api/v1/projects/hello/environments/staging";

/// A server, and what it works on.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) owner: Arc<Owner>,
    directory: TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Checks the status and returns the body.
    pub(crate) fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }
}

/// A stream of events.
pub(crate) struct Stream {
    body: Incoming,
    text: String,
}

/// One event: its id, its name and its document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) document: Value,
}

impl World {
    pub(crate) async fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let settings = Settings::new(directory.path().join("data"), "tester", "test");
        let engine = Engine::open(settings).await.unwrap();
        let owner = Arc::new(engine.own(Duration::ZERO).await.unwrap());
        let server = server::start(server::Settings {
            owner: Arc::clone(&owner),
            api: ListenOn::loopback(0),
            ingress: Some(ListenOn::loopback(0)),
        })
        .await
        .unwrap();
        Self {
            server,
            owner,
            directory,
        }
    }

    /// A world in which the example `hello` is live in `staging`.
    pub(crate) async fn with_hello() -> Self {
        let world = Self::new().await;
        let artifact = world.upload(harness::hello()).await;
        let begun = world
            .post(&format!("{AT}/deploys"), &json!({ "artifact": artifact }))
            .await
            .is(202);
        let events = begun["events"].as_str().unwrap().to_owned();
        let done = world.events(&events, None).await.done().await;
        assert_eq!(done["result"]["status"], "succeeded", "{done}");
        world
    }

    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) async fn upload(&self, component: &[u8]) -> String {
        let artifact = ArtifactDigest::of(component).to_string();
        let path = format!("/api/v1/artifacts/{artifact}");
        let bytes = [("content-type", "application/octet-stream")];
        let put = self.send("PUT", &path, &bytes, component.to_vec()).await;
        let _ = put.is(201);
        artifact
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], Vec::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.change("POST", path, body).await
    }

    pub(crate) async fn change(&self, method: &str, path: &str, body: &Value) -> Reply {
        let json = [("content-type", "application/json")];
        self.send(method, path, &json, body.to_string()).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        whole(begin(self.server.api_addr(), method, path, headers, body.into()).await).await
    }

    /// Follows events, after the one with this id.
    pub(crate) async fn events(&self, path: &str, last: Option<&str>) -> Stream {
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(last.map(|last| ("last-event-id", last)));
        let address = self.server.api_addr();
        let response = begin(address, "GET", path, &headers, Bytes::new()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream {
            body: response.into_body(),
            text: String::new(),
        }
    }
}

impl Stream {
    /// Waits for the next event; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = read(event);
                self.text = rest.to_owned();
                match event {
                    Some(event) => return Some(event),
                    // A comment.
                    None => continue,
                }
            }
            let frame = tokio::time::timeout(DEADLINE, self.body.frame()).await;
            let data = frame.expect("an event comes in time")?.ok()?.into_data();
            self.text
                .push_str(std::str::from_utf8(&data.ok()?).unwrap());
        }
    }

    /// Waits for all that is left.
    pub(crate) async fn rest(mut self) -> Vec<Sent> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    /// Waits for the end and returns its document.
    pub(crate) async fn done(self) -> Value {
        let last = self.rest().await.pop().unwrap();
        assert_eq!(last.name.as_deref(), Some("done"), "{last:?}");
        last.document
    }
}

fn read(text: &str) -> Option<Sent> {
    let field = |name: &str| {
        let prefix = format!("{name}: ");
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(&prefix).map(str::to_owned))
    };
    Some(Sent {
        document: serde_json::from_str(&field("data")?).unwrap(),
        id: field("id"),
        name: field("event"),
    })
}

/// Sends a request on a connection of its own and returns the beginning of the answer.
///
/// Headers may repeat, and `host` is the address unless it is given.
pub(crate) async fn begin(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> http::Response<Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", address.to_string());
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body)).unwrap();
    let response = tokio::time::timeout(DEADLINE, sender.send_request(request)).await;
    response.expect("an answer comes in time").unwrap()
}

pub(crate) async fn whole(response: http::Response<Incoming>) -> Reply {
    let (parts, body) = response.into_parts();
    Reply {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}
