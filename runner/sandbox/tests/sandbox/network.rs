//! Outgoing HTTP, against servers on this machine's loopback.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::Requests;
use sandbox::{Call, Failure, Fate, Grants, Limit, LogSource, Output, Report, Resolve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::fixture::{Fixture, action, grants, limit_message};
use crate::guest::Guest;

/// A guest that sends requests to the authority in its input. Its body is made
/// of `$send`, `$await`, `$read` and `$status`.
fn client(body: &str) -> Guest {
    let types = |function: &str| format!("wasi:http/types@0.2.6 {function}");
    Guest::action(&format!(
        "(local $future i32) (local $response i32) (local $i i32) {body}"
    ))
    .item("(data (i32.const 4096) \"content-length\")")
    .item("(data (i32.const 4112) \"broken\") (data (i32.const 4128) \"/\")")
    .item("(global $scheme (mut i32) (i32.const 0))")
    .item(
        ";; Makes a request, to be sent with `$hand`.
        (func $make (param $at i32) (param $len i32) (param $fields i32) (result i32)
          (local $request i32)
          (local.set $request (call $request (local.get $fields)))
          (drop (call $set_scheme (local.get $request) (i32.const 1) (global.get $scheme)
            (i32.const 0) (i32.const 0)))
          (drop (call $set_authority (local.get $request) (i32.const 1)
            (local.get $at) (local.get $len)))
          (drop (call $set_path (local.get $request) (i32.const 1)
            (i32.const 4128) (i32.const 1)))
          (local.get $request))
        (func $hand (param $request i32) (result i32)
          (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 2048))
          (if (i32.load8_u (i32.const 2048)) (then unreachable))
          (i32.load (i32.const 2056)))
        (func $send (param $at i32) (param $len i32) (result i32)
          (call $hand (call $make (local.get $at) (local.get $len) (call $fields))))
        ;; Returns a response, or -1 with the error at 2072.
        (func $await (param $future i32) (result i32)
          (call $block (call $subscribe (local.get $future)))
          (call $get (local.get $future) (i32.const 2048))
          (if (i32.load8_u (i32.const 2064)) (then (return (i32.const -1))))
          (i32.load (i32.const 2072)))
        ;; Reads a response's body; returns whether it came whole.
        (func $read (param $response i32) (result i32)
          (local $stream i32)
          (call $consume (local.get $response) (i32.const 2048))
          (call $stream (i32.load (i32.const 2052)) (i32.const 2048))
          (local.set $stream (i32.load (i32.const 2052)))
          (loop $on
            (call $blocking_read (local.get $stream) (i64.const 65536) (i32.const 2048))
            (br_if $on (i32.eqz (i32.load8_u (i32.const 2048)))))
          (i32.load8_u (i32.const 2052)))
        (func $digits (param $at i32) (param $number i32)
          (i32.store8 (local.get $at)
            (i32.add (i32.const 48) (i32.div_u (local.get $number) (i32.const 100))))
          (i32.store8 (i32.add (local.get $at) (i32.const 1))
            (i32.add (i32.const 48)
              (i32.rem_u (i32.div_u (local.get $number) (i32.const 10)) (i32.const 10))))
          (i32.store8 (i32.add (local.get $at) (i32.const 2))
            (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10)))))
        ;; Fails with the message of an internal error, else with the error's number.
        (func $error (result i32)
          (if (i32.eq (i32.const 38) (i32.load8_u (i32.const 2072))) (then
            (return (call $fail (i32.const 1)
              (i32.load (i32.const 2084)) (i32.load (i32.const 2088))))))
          (call $digits (i32.const 3000) (i32.load8_u (i32.const 2072)))
          (call $fail (i32.const 1) (i32.const 3000) (i32.const 3)))
        (func $answer (param $response i32) (result i32)
          (if (i32.eq (i32.const -1) (local.get $response)) (then (return (call $error))))
          (call $digits (i32.const 3000) (call $status (local.get $response)))
          (call $ok (i32.const 3000) (i32.const 3)))",
    )
    .import(&types("[constructor]fields"), "$fields (result i32)")
    .import(
        &types("[method]fields.append"),
        "$append (param i32 i32 i32 i32 i32 i32)",
    )
    .import(
        &types("[constructor]outgoing-request"),
        "$request (param i32) (result i32)",
    )
    .import(
        &types("[method]outgoing-request.set-scheme"),
        "$set_scheme (param i32 i32 i32 i32 i32) (result i32)",
    )
    .import(
        &types("[method]outgoing-request.set-authority"),
        "$set_authority (param i32 i32 i32 i32) (result i32)",
    )
    .import(
        &types("[method]outgoing-request.set-path-with-query"),
        "$set_path (param i32 i32 i32 i32) (result i32)",
    )
    .import(
        &types("[method]outgoing-request.set-method"),
        "$set_method (param i32 i32 i32 i32) (result i32)",
    )
    .import(
        &types("[method]outgoing-request.body"),
        "$body (param i32 i32)",
    )
    .import(
        &types("[method]outgoing-body.write"),
        "$open (param i32 i32)",
    )
    .import(
        "wasi:io/streams@0.2.6 [method]output-stream.blocking-write-and-flush",
        "$write (param i32 i32 i32 i32)",
    )
    .import(
        "wasi:http/outgoing-handler@0.2.6 handle",
        "$handle (param i32 i32 i32 i32)",
    )
    .import(
        &types("[method]future-incoming-response.subscribe"),
        "$subscribe (param i32) (result i32)",
    )
    .import(
        &types("[method]future-incoming-response.get"),
        "$get (param i32 i32)",
    )
    .import(
        &types("[method]incoming-response.status"),
        "$status (param i32) (result i32)",
    )
    .import(
        &types("[method]incoming-response.consume"),
        "$consume (param i32 i32)",
    )
    .import(
        &types("[method]incoming-body.stream"),
        "$stream (param i32 i32)",
    )
    .import(
        "wasi:io/streams@0.2.6 [method]input-stream.blocking-read",
        "$blocking_read (param i32 i64 i32)",
    )
    .import(
        "wasi:io/poll@0.2.6 [method]pollable.block",
        "$block (param i32)",
    )
}

const SEND: &str = "(local.set $response
    (call $await (call $send (local.get $input) (local.get $input_len))))";

/// Sends a request and reads the status alone.
fn asker() -> Guest {
    client(&format!("{SEND} (call $answer (local.get $response))"))
}

/// Sends a request and reads the response to its end.
fn reader() -> Guest {
    client(&format!(
        "{SEND}
         (if (i32.eq (i32.const -1) (local.get $response)) (then (return (call $error))))
         (call $digits (i32.const 3000) (call $status (local.get $response)))
         (if (i32.eqz (call $read (local.get $response)))
           (then (return (call $fail (i32.const 1) (i32.const 4112) (i32.const 6)))))
         (call $ok (i32.const 3000) (i32.const 3))"
    ))
}

/// A server that reads each request's head and then answers it.
struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    reached: Arc<Notify>,
}

impl Server {
    /// Answers with these bytes and closes the connection; without bytes, never.
    async fn start(answer: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            reached: Arc::default(),
        };
        let (requests, reached) = (Arc::clone(&server.requests), Arc::clone(&server.reached));
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                if read_head(&mut stream).await.is_err() {
                    continue;
                }
                requests.fetch_add(1, Ordering::SeqCst);
                reached.notify_one();
                match &answer {
                    Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
                    None => open.push(stream),
                }
            }
        });
        server
    }

    fn authority(&self) -> String {
        self.address.to_string()
    }

    fn served(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Grants what it takes to reach the server.
    fn grants(&self) -> Grants {
        self.grants_for(&self.authority())
    }

    fn grants_for(&self, host: &str) -> Grants {
        let mut grants = grants();
        grants.hosts = vec![host.parse().unwrap()];
        grants.allowed_private = vec![self.authority().parse().unwrap()];
        grants
    }
}

async fn read_head(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

fn response(body: &str) -> Option<String> {
    Some(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ))
}

async fn run(fixture: &Fixture, guest: &Guest, server: &Server, grants: Grants) -> Report {
    fixture.run(guest, &server.authority(), grants).await
}

fn refusal(report: &Report) -> String {
    match &report.outcome {
        Err(Failure::Guest { message, .. }) => message.clone(),
        other => panic!("expected the guest's error, found {other:?}"),
    }
}

fn fates(report: &Report) -> Vec<Fate> {
    report.requests.iter().map(|request| request.fate).collect()
}

#[tokio::test]
async fn a_declared_host_is_called_and_the_request_is_recorded() {
    let fixture = Fixture::new();
    let server = Server::start(response("hello")).await;
    for guest in [asker(), reader()] {
        let report = run(&fixture, &guest, &server, server.grants()).await;
        assert_eq!(report.outcome, Ok(Output::Run("200".to_owned())));
        let [request] = report.requests.as_slice() else {
            panic!("{:?}", report.requests);
        };
        assert_eq!(request.method, "GET");
        assert_eq!(request.origin, format!("http://{}", server.authority()));
        assert_eq!(request.status, Some(200));
        assert_eq!(request.fate, Fate::Answered);
        assert_eq!(report.requests_fate(), Requests::Answered);
    }
    assert_eq!(server.served(), 2);
}

#[tokio::test]
async fn a_host_at_a_private_address_needs_the_declaration_and_the_operator() {
    let fixture = Fixture::new();
    let server = Server::start(response("")).await;
    let mut undeclared = server.grants();
    undeclared.hosts.clear();
    let mut not_allowed = server.grants();
    not_allowed.allowed_private.clear();
    let authority = server.authority();
    for (grants, code, expected) in [
        (
            undeclared,
            "015",
            format!("add hosts = [\"{authority}\"] to it"),
        ),
        (
            not_allowed,
            "004",
            format!("tidegate env update development --allow-host {authority}"),
        ),
    ] {
        let report = run(&fixture, &asker(), &server, grants).await;
        assert_eq!(refusal(&report), code, "denied, or a forbidden address");
        let error = report.requests[0].error.as_ref().unwrap();
        assert!(error.contains(&expected), "{error}");
        assert_eq!(fates(&report), [Fate::NotSent]);
        assert_eq!(report.requests_fate(), Requests::None);
        let remark = report.log.lines.last().unwrap();
        assert_eq!(remark.source, LogSource::Host);
        assert!(remark.message.contains(&expected), "{}", remark.message);
    }
    assert_eq!(server.served(), 0);
}

/// Gives one address after the other.
struct Changing {
    answers: Vec<io::Result<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Resolve for Changing {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        match &self.answers[number] {
            Ok(addresses) => Ok(addresses.clone()),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }
}

fn resolving(answers: Vec<io::Result<Vec<IpAddr>>>) -> Fixture {
    Fixture::with(|settings| {
        settings.resolver = Some(Arc::new(Changing {
            answers,
            asked: AtomicUsize::new(0),
        }));
    })
}

#[tokio::test]
async fn a_name_that_resolves_to_another_address_the_second_time_is_checked_again() {
    let server = Server::start(response("")).await;
    let other: IpAddr = [127, 0, 0, 2].into();
    let fixture = resolving(vec![Ok(vec![server.address.ip()]), Ok(vec![other])]);
    let host = format!("rebind.example:{}", server.address.port());
    let twice = client(&format!(
        "{SEND} {SEND} (call $answer (local.get $response))"
    ));
    let report = fixture.run(&twice, &host, server.grants_for(&host)).await;
    assert_eq!(refusal(&report), "004", "a forbidden address");
    let error = report.requests[1].error.as_ref().unwrap();
    assert!(
        error.contains("it resolves to 127.0.0.2, a loopback address"),
        "{error}"
    );
    assert_eq!(fates(&report), [Fate::Answered, Fate::NotSent]);
    assert_eq!(server.served(), 1);
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_sends_nothing() {
    let server = Server::start(response("")).await;
    let fixture = resolving(vec![Err(io::Error::other("no such name"))]);
    let report = fixture
        .run(
            &asker(),
            "gone.example",
            server.grants_for("gone.example:80"),
        )
        .await;
    assert_eq!(refusal(&report), "001", "a DNS error");
    assert_eq!(fates(&report), [Fate::NotSent]);
    assert!(
        report.requests[0]
            .error
            .as_ref()
            .unwrap()
            .contains("no such name")
    );
}

#[tokio::test]
async fn redirects_are_given_to_the_guest_and_not_followed() {
    let fixture = Fixture::new();
    let redirect = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n\
                    content-length: 0\r\n\r\n";
    let server = Server::start(Some(redirect.to_owned())).await;
    let report = run(&fixture, &reader(), &server, server.grants()).await;
    assert_eq!(report.outcome, Ok(Output::Run("302".to_owned())));
    assert_eq!(report.requests.len(), 1);
}

#[tokio::test]
async fn a_request_that_went_out_without_a_complete_response_has_no_answer() {
    let fixture = Fixture::new();
    let half = "HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n0123456789";
    for (answer, status) in [(String::new(), None), (half.to_owned(), Some(201))] {
        let server = Server::start(Some(answer)).await;
        let report = run(&fixture, &reader(), &server, server.grants()).await;
        assert!(report.outcome.is_err(), "{:?}", report.outcome);
        assert_eq!(fates(&report), [Fate::NoAnswer], "{:?}", report.requests);
        assert_eq!(report.requests[0].status, status);
        assert_eq!(report.requests_fate(), Requests::Unanswered);
    }
}

#[tokio::test]
async fn what_never_reached_a_server_was_not_sent() {
    let fixture = Fixture::new();
    let server = Server::start(response("")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut grants = server.grants_for(&closed);
    grants.allowed_private.push(closed.parse().unwrap());
    let report = fixture.run(&asker(), &closed, grants).await;
    assert_eq!(refusal(&report), "006", "connection refused");
    assert_eq!(fates(&report), [Fate::NotSent]);

    // A server that speaks no TLS: the request stays inside.
    let tls = client(&format!(
        "(global.set $scheme (i32.const 1)) {SEND} (call $answer (local.get $response))"
    ));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Nobody need be there any more to read it.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let mut grants = server.grants_for(&plain);
    grants.allowed_private.push(plain.parse().unwrap());
    let report = fixture.run(&tls, &plain, grants).await;
    assert_eq!(refusal(&report), "012", "a TLS error");
    assert_eq!(fates(&report), [Fate::NotSent]);
    assert_eq!(server.served(), 0);
}

#[tokio::test]
async fn a_guest_that_is_stopped_while_it_waits_leaves_a_request_without_answer() {
    let fixture = Fixture::new();
    let server = Server::start(None).await;
    let mut grants = server.grants();
    grants.limits.wall = Duration::from_millis(300);
    let report = run(&fixture, &asker(), &server, grants).await;
    limit_message(&report, Limit::Wall);
    assert_eq!(fates(&report), [Fate::NoAnswer]);
    fixture.still_serves().await;
}

#[tokio::test]
async fn the_requests_of_a_call_that_was_dropped_can_still_be_read() {
    let fixture = Fixture::new();
    let server = Server::start(None).await;
    let component = fixture.load(&asker()).await;
    let grants = server.grants();
    let requests = grants.requests.clone();
    let input = server.authority();
    tokio::select! {
        report = fixture.sandbox.call(&component, action(&input), grants) => {
            panic!("nobody answered, but {report:?}");
        }
        () = server.reached.notified() => {}
    }
    let records = requests.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].fate, Fate::NoAnswer);
    assert_eq!(requests.fate(), Requests::Unanswered);
    fixture.still_serves().await;
}

#[tokio::test]
async fn an_operation_makes_so_many_requests_and_no_more() {
    let fixture = Fixture::new();
    let server = Server::start(response("")).await;
    let guest = client(&format!(
        "(loop $on
           {SEND}
           (if (i32.eq (i32.const -1) (local.get $response)) (then (return (call $error))))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $on (i32.lt_u (local.get $i) (i32.const 3))))
         (call $answer (local.get $response))"
    ));
    for (limit, served) in [(3, 3), (2, 2)] {
        let before = server.served();
        let mut grants = server.grants();
        grants.limits.requests = limit;
        let report = run(&fixture, &guest, &server, grants).await;
        assert_eq!(server.served() - before, served);
        if limit == 3 {
            assert!(report.outcome.is_ok(), "{:?}", report.outcome);
        } else {
            assert_eq!(refusal(&report), "011", "no more requests");
            let remark = &report.log.lines[0].message;
            assert!(remark.contains("has made the 2 requests"), "{remark}");
        }
    }
}

#[tokio::test]
async fn a_response_may_be_as_long_as_the_limit_and_no_longer() {
    let fixture = Fixture::new();
    for (length, whole) in [(1_000, true), (1_001, false)] {
        let server = Server::start(response(&"x".repeat(length))).await;
        let mut grants = server.grants();
        grants.limits.body = 1_000;
        let report = run(&fixture, &reader(), &server, grants).await;
        if whole {
            assert_eq!(report.outcome, Ok(Output::Run("200".to_owned())));
            assert_eq!(fates(&report), [Fate::Answered]);
        } else {
            assert_eq!(refusal(&report), "broken");
            assert_eq!(fates(&report), [Fate::NoAnswer]);
            let error = report.requests[0].error.as_ref().unwrap();
            assert!(error.contains("exceeds limit: 1000 bytes"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_request_body_that_announces_or_has_too_much_is_refused() {
    let fixture = Fixture::new();
    let server = Server::start(response("")).await;
    let announcing = client(
        "(local.set $i (call $fields))
         (call $append (local.get $i) (i32.const 4096) (i32.const 14)
           (i32.const 4200) (i32.const 4) (i32.const 2048))
         (local.set $i (call $make (local.get $input) (local.get $input_len) (local.get $i)))
         (call $body (local.get $i) (i32.const 2048))
         (call $answer (call $await (call $hand (local.get $i))))",
    )
    .item("(data (i32.const 4200) \"9001\")");
    let mut grants = server.grants();
    grants.limits.body = 9_000;
    let report = run(&fixture, &announcing, &server, grants.clone()).await;
    assert_eq!(refusal(&report), "017", "the request's body is too large");
    assert_eq!(fates(&report), [Fate::NotSent]);

    // Three times 4,096 bytes, into a stream whose length was not announced.
    let streaming = client(
        "(local $out i32)
         (local.set $i (call $make (local.get $input) (local.get $input_len) (call $fields)))
         ;; A POST: a GET's body of unknown length is not sent at all.
         (drop (call $set_method (local.get $i) (i32.const 2) (i32.const 0) (i32.const 0)))
         (call $body (local.get $i) (i32.const 2048))
         (call $open (i32.load (i32.const 2052)) (i32.const 2048))
         (local.set $out (i32.load (i32.const 2052)))
         (local.set $future (call $hand (local.get $i)))
         (call $write (local.get $out) (i32.const 0) (i32.const 4096) (i32.const 2048))
         (call $write (local.get $out) (i32.const 0) (i32.const 4096) (i32.const 2048))
         (call $write (local.get $out) (i32.const 0) (i32.const 4096) (i32.const 2048))
         (call $answer (call $await (local.get $future)))",
    );
    let silent = Server::start(None).await;
    let mut grants = silent.grants();
    grants.limits.body = 9_000;
    let report = run(&fixture, &streaming, &silent, grants).await;
    assert_eq!(refusal(&report), "017");
    assert_eq!(fates(&report), [Fate::NoAnswer], "a part of it went out");
}

#[tokio::test]
async fn subscription_props_have_no_network() {
    let fixture = Fixture::new();
    let server = Server::start(response("")).await;
    let component = fixture
        .load(&asker().on(
            "subscription-props",
            "(call $answer (call $await (call $send (local.get $name) (local.get $name_len))))",
        ))
        .await;
    let props = Call::SubscriptionProps {
        webhook: server.authority(),
        user: None,
    };
    let report = fixture
        .sandbox
        .call(&component, props, server.grants())
        .await;
    let message = refusal(&report);
    assert!(
        message.contains("`subscription-props` has no network"),
        "{message}"
    );
    assert_eq!(server.served(), 0);
}
