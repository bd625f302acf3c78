//! A guest author's day: webhooks tried out without a provider, runs repeated at every save,
//! and what waits in the queue.

use std::fs;

use harness::{Dev, Project, Scripted, TestEnvironment, eventually, inbox, request};
use serde_json::{Value, json};

/// The key that the shop signs with, in the form of Standard Webhooks.
const SHOP_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const IN: [&str; 2] = ["--env", "development"];

/// A project with its secrets, not deployed yet.
fn configured(environment: &TestEnvironment) -> Project<'_> {
    let project = environment.project("inbox", inbox());
    let _ = project.set_secret("SHOP_SECRET", SHOP_SECRET).ok();
    let _ = project.set_secret("PING_SECRET", "a key of pings").ok();
    project
}

/// A project that is live.
fn live(environment: &TestEnvironment) -> Project<'_> {
    let project = configured(environment);
    assert_eq!(project.deploy().ok().json()["status"], "succeeded");
    project
}

fn send(project: &Project<'_>, webhook: &str, more: &[&str]) -> harness::Outcome {
    let send = project.tidegate(["webhook", "send", webhook]);
    send.args(IN).args(more).finish()
}

fn order(id: u64, cents: u64) -> String {
    json!({ "id": id, "total_cents": cents }).to_string()
}

fn noted(project: &Project<'_>) -> Value {
    project.run("noted", &json!({})).ok().json()["output"].clone()
}

/// What has to hold for `webhook send`, whoever receives.
fn sends(project: &Project<'_>) {
    let sent = send(project, "orders", &["--input", &order(7, 1200)]);
    let sent = sent.ok().json();
    assert_eq!(sent["kind"], "webhook_sent");
    assert_eq!(sent["webhook"], "orders");
    assert_eq!(sent["status"], 200);
    assert_eq!(sent["duplicate"], false);
    assert!(sent["duration_ms"].is_u64(), "{sent}");
    assert_eq!(sent["handled"]["run"], sent["run"]);
    assert_eq!(sent["handled"]["object"], "webhook orders");
    assert_eq!(
        sent["handled"]["output"],
        json!({"id": 7, "total_cents": 1200})
    );
    assert_eq!(sent["started"][0]["object"], "workflow note-order");
    assert_eq!(sent["started"][0]["output"], 1);
    assert_eq!(noted(project)["orders"], 1);

    let delivery = sent["delivery"].to_string();
    let again = send(project, "orders", &["--delivery", &delivery])
        .ok()
        .json();
    assert_eq!(again["duplicate"], true, "{again}");
    assert_eq!(
        (&again["delivery"], &again["run"]),
        (&sent["delivery"], &sent["run"])
    );
    assert_eq!(
        noted(project)["orders"],
        1,
        "a duplicate is not handled again"
    );
    let new = send(project, "orders", &["--delivery", &delivery, "--new-id"]);
    let new = new.ok().json();
    assert_eq!(new["duplicate"], false, "{new}");
    assert_ne!(new["delivery"], sent["delivery"]);
    assert_eq!(new["started"][0]["output"], 2);

    let failed = send(project, "orders", &["--input", &order(8, 0)]);
    let failed = failed.fails_as("run-failed").exits(1).json();
    assert_eq!(failed["handled"]["status"], "failed");
    assert_eq!(
        failed["handled"]["error"]["message"],
        "an order costs something"
    );
    assert_eq!(failed["started"], json!([]));
    let unlucky = send(project, "orders", &["--input", &order(9, 13)]);
    let unlucky = unlucky.fails_as("run-failed").exits(1).json();
    assert_eq!(unlucky["handled"]["status"], "succeeded");
    assert_eq!(unlucky["started"][0]["status"], "failed");

    let forged = ["--header", "webhook-signature: v1,AAAA", "--input", "{}"];
    let forged = send(project, "orders", &forged);
    let forged = forged.fails_as("delivery-refused").exits(1).json();
    assert_eq!(forged["status"], 404);
    assert_eq!(
        (&forged["delivery"], &forged["run"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_webhook_is_tried_out_with_nothing_running() {
    let environment = TestEnvironment::new();
    sends(&live(&environment));
}

#[test]
fn a_webhook_is_tried_out_at_the_port_of_a_running_dev() {
    let environment = TestEnvironment::new();
    let project = configured(&environment);
    let mut dev = Dev::start(project.tidegate(["dev"]));
    assert_eq!(dev.settled()["kind"], "live");
    sends(&project);
    let deliveries = project.items(&["deliveries", "list"]);
    assert_eq!(deliveries.len(), 4, "what was refused is not stored");
    let _ = dev.interrupt().ok();
}

#[test]
fn a_handlers_own_answer_is_shown_and_what_tells_deliveries_apart_may_be_in_the_body() {
    let environment = TestEnvironment::new();
    let project = live(&environment);
    // What a file holds is sent byte for byte, and signed so.
    fs::write(project.directory().join("ping"), "{ \"id\":\t1 }\r\n").unwrap();
    let topic = ["--header", "X-Topic: orders"];
    let first = send(&project, "pings", &["--input", "@ping", topic[0], topic[1]]);
    let first = first.ok().json();
    assert_eq!(first["answer"], "pong orders");
    assert_eq!(first["handled"]["output"], "orders");
    let id = first["delivery"].to_string();
    let shown = project.tidegate(["deliveries", "show", &id]).finish().ok();
    assert_eq!(shown.json()["content"]["body"], "{ \"id\":\t1 }\r\n");
    let piped = project.tidegate(["webhook", "send", "pings", "--input", "-"]);
    let piped = piped.args(IN).input("{\"id\":1}").finish().ok().json();
    assert_eq!(piped["duplicate"], true);
    let same = send(&project, "pings", &["--delivery", &id, "--new-id"]);
    let same = same.says("is in the body").ok().json();
    assert_eq!(same["duplicate"], true, "{same}");
    let other = send(&project, "pings", &["--input", "{\"id\":2}"])
        .ok()
        .json();
    assert_eq!(
        (&other["duplicate"], &other["answer"]),
        (&json!(false), &json!("pong "))
    );
}

#[test]
fn what_cannot_be_sent_says_why() {
    let environment = TestEnvironment::new();
    let project = live(&environment);
    let refused = |webhook: &str, more: &[&str], code: i32, name: &str| {
        let _ = send(&project, webhook, more).fails_as(name).exits(code);
    };
    refused("order", &[], 2, "object-unknown");
    refused("orders", &["--input", "order.json"], 2, "input-invalid");
    refused("orders", &["--input", "@nowhere"], 2, "input-invalid");
    refused("orders", &["--delivery", "77"], 2, "delivery-unknown");
    refused("orders", &["--user", "ada"], 2, "address-missing");
    let unset = ["secrets", "unset", "SHOP_SECRET"];
    let _ = project.tidegate(unset).args(IN).finish();
    refused("orders", &[], 2, "value-unknown");
    assert_eq!(project.items(&["deliveries", "list"]), [] as [Value; 0]);
    // Nobody listens at a port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    refused("pings", &["--url", &url], 1, "delivery-refused");
}

#[test]
fn a_delivery_is_sent_to_an_address_that_is_named() {
    let environment = TestEnvironment::new();
    let project = configured(&environment);
    let mut dev = Dev::start(project.tidegate(["dev"]));
    let hooks = dev.next_of("serving")["webhooks_url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(dev.settled()["kind"], "live");
    let sent = send(
        &project,
        "orders",
        &["--url", &hooks, "--input", &order(1, 5)],
    );
    assert_eq!(sent.ok().json()["handled"]["status"], "succeeded");
    let astray = format!("{hooks}/elsewhere");
    let sent = send(
        &project,
        "orders",
        &["--url", &astray, "--input", &order(2, 5)],
    );
    let _ = sent.fails_as("delivery-refused").exits(1);
    let _ = dev.interrupt().ok();
}

#[test]
fn a_delivery_that_nobody_waits_for_waits_for_the_next_command_that_writes() {
    let environment = TestEnvironment::new();
    let project = live(&environment);
    let sent = send(&project, "orders", &["--no-wait", "--input", &order(1, 5)]);
    let run = sent.ok().json()["run"].to_string();
    let stands = |status: &str| {
        let shown = project.tidegate(["runs", "show", &run]).finish().ok();
        assert_eq!(shown.json()["status"], status, "{shown}");
    };
    stands("queued");
    let notes = project.status()["notes"].to_string();
    assert!(notes.contains("1 run waits"), "{notes}");
    let _ = project.set_variable("UNUSED", "1").ok();
    stands("succeeded");
    assert_eq!(project.status()["notes"], json!([]));
    assert_eq!(
        noted(&project)["orders"],
        1,
        "and what it started has run too"
    );
}

#[test]
fn a_handler_that_is_to_be_tried_again_later_is_not_told_as_handled() {
    let environment = TestEnvironment::new();
    let project = live(&environment);
    let sent = send(
        &project,
        "orders",
        &["--timeout", "0", "--input", &order(1, 99)],
    );
    let sent = sent.fails_as("run-unfinished").exits(1).json();
    assert_eq!(sent["status"], 200, "the provider need not send it again");
    assert_eq!(sent["handled"]["status"], "retrying");
    assert_eq!(sent["handled"]["error"]["message"], "the shelf is locked");
    let notes = project.status()["notes"].to_string();
    assert!(notes.contains("1 run waits"), "{notes}");
}

#[test]
fn app_events_and_replayed_deliveries_are_handled_before_the_command_ends() {
    let environment = TestEnvironment::new();
    let project = live(&environment);
    let payload = [
        "events",
        "send",
        "happened",
        "--payload",
        r#"{"what":"a sale"}"#,
    ];
    let event = project.tidegate(payload).args(IN).finish().ok().json();
    assert_eq!(event["runs"].as_array().unwrap().len(), 1);
    assert_eq!(noted(&project)["happened"], "a sale");
    let sent = send(&project, "orders", &["--input", &order(1, 5)])
        .ok()
        .json();
    let delivery = sent["delivery"].to_string();
    let replay = project.tidegate(["deliveries", "replay", &delivery]);
    let run = replay.finish().ok().json()["run"].to_string();
    let shown = project
        .tidegate(["runs", "show", &run])
        .finish()
        .ok()
        .json();
    assert_eq!(shown["status"], "succeeded");
    assert_eq!(noted(&project)["orders"], 2);
}

#[test]
fn run_finds_an_action_and_else_a_workflow_that_requests_start() {
    let environment = TestEnvironment::new();
    let project = live(&environment);
    let check = || {
        let run = |name: &str, more: &[&str]| {
            let run = project.tidegate(["run", name]).args(IN).args(more);
            run.finish()
        };
        let input = ["--input", r#"{"what":"all"}"#];
        let exported = run("export", &input).ok().json();
        assert_eq!(exported["object"], "workflow export");
        assert_eq!(exported["output"], "workflow all");
        assert_eq!(run("shared", &[]).ok().json()["output"], "action");
        let workflow = run("shared", &["--workflow"]).ok().json();
        assert_eq!(workflow["output"], "workflow");
        let other = run("note-order", &[]).exits(2);
        assert!(other.says("webhook orders").code == Some(2));
        let _ = run("exprt", &[]).fails_as("object-unknown").exits(2);
        let unknown = run("noted", &["--workflow"]);
        let _ = unknown.fails_as("object-unknown").exits(2);
        let said = project.text(["run", "export", "--input", r#"{"what":"it"}"#]);
        let _ = said.args(IN).finish().ok().says("workflow export");
    };
    check();
    let mut dev = Dev::start(project.tidegate(["dev"]));
    let _ = dev.settled();
    check();
    let _ = dev.interrupt().ok();
}

#[test]
fn a_watched_run_is_repeated_at_every_save_that_goes_live() {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, 3);
    let mut dev = scripted.start();
    assert_eq!(dev.settled()["kind"], "live");
    let run = scripted.project.run("who", &json!(null)).ok().json();
    let id = run["run"].to_string();
    let replay = ["runs", "replay", &id, "--watch"];
    let watching = scripted.project.tidegate(replay).start();
    let line = |index: usize| {
        eventually("a repeated run", || {
            let text = watching.stdout_so_far();
            let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
            let line = whole.lines().nth(index)?;
            Some(serde_json::from_str::<Value>(line).expect("each line is a document"))
        })
    };
    let first = line(0);
    assert_eq!(first["kind"], "replayed");
    assert_eq!(
        (&first["compared_with"], &first["changed"]),
        (&run["run"], &json!(false))
    );
    assert_eq!(
        (&first["status"], &first["artifact"]),
        (&run["status"], &run["artifact"])
    );
    scripted.save("1");
    assert_eq!(dev.settled()["kind"], "live");
    let second = line(1);
    assert_eq!(second["compared_with"], first["run"]);
    assert_eq!(second["changed"], true);
    let change =
        json!({"path": "/output/version", "change": "changed", "before": "0", "after": "1"});
    assert_eq!(second["changes"], json!([change]), "{second}");
    assert_ne!(second["artifact"], first["artifact"]);
    // What does not go live repeats nothing.
    scripted.save("broken");
    assert_eq!(dev.settled()["kind"], "error");
    scripted.save("2");
    assert_eq!(dev.settled()["kind"], "live");
    assert_eq!(line(2)["changes"][0]["after"], "2");
    watching.interrupt();
    let ended = watching.wait().ok();
    assert_eq!(ended.json_lines().len(), 3, "{ended}");

    // Whoever watches is told when nobody deploys any more.
    let watching = scripted.project.text(replay).start();
    eventually("the first", || {
        watching
            .stdout_so_far()
            .contains("/output/version")
            .then_some(())
    });
    let _ = dev.interrupt().ok();
    let _ = watching.wait().fails_as("owner-gone").exits(1);
    let alone = scripted.project.tidegate(replay).finish();
    let alone = alone.fails_as("owner-missing").exits(1);
    let _ = alone.says("tidegate dev");
}

#[test]
fn what_a_provider_signs_is_what_is_sent() {
    let environment = TestEnvironment::new();
    let project = configured(&environment);
    let mut dev = Dev::start(project.tidegate(["dev"]));
    let hooks = dev.next_of("serving")["webhooks_url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(dev.settled()["kind"], "live");
    let sent = send(&project, "orders", &["--input", &order(1, 5)])
        .ok()
        .json();
    let id = sent["delivery"].to_string();
    let shown = project
        .tidegate(["deliveries", "show", &id])
        .finish()
        .ok()
        .json();
    let headers: Vec<(&str, &str)> = shown["content"]["headers"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| Some((one["name"].as_str()?, one["value"].as_str()?)))
        .filter(|(name, _)| !["host", "content-length"].contains(name))
        .collect();
    // The same request, from somebody who knows nothing of Tidegate but the address.
    let shown = project.tidegate(["objects", "show", "webhook", "orders"]);
    let shown = shown.args(IN).finish().ok().json();
    let url = shown["object"]["addresses"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = url.split_once("/hooks/").unwrap().1;
    let url = format!("{hooks}/hooks/{path}");
    let answer = request("POST", &url, &headers, order(1, 5).as_bytes());
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .to_lowercase()
            .contains(&format!("tidegate-delivery: {id}"))
    );
    let answer = request("POST", &url, &headers, order(2, 5).as_bytes());
    assert_eq!(answer.status, 404, "it is the body that was signed");
    let _ = dev.interrupt().ok();
}
