//! What the project does, with GitHub scripted.

use serde_json::{Value, json};
use tidegate_sdk::test::{self, Answer, Context};
use tidegate_sdk::{Check, Subscription};

use crate::{Hook, NewIssue, Props, RepositoryEvents, create_issue};

const HOOKS: &str = "https://api.github.com/repos/octo/hello/hooks";
const ENDPOINT: &str = "https://tidegate.example/hooks/test-token";

fn context() -> Context {
    Context::of::<RepositoryEvents>()
        .with_secret("GITHUB_TOKEN", "token")
        .with_secret("WEBHOOK_SECRET", "hush")
        .with_variable("REPOSITORY", "octo/hello")
        .with_variable("EVENTS", "push, issues,push,")
}

fn props() -> Props {
    Props {
        repository: "octo/hello".to_owned(),
        events: ["issues", "push"].map(str::to_owned).into(),
    }
}

fn page(page: usize) -> String {
    format!("{HOOKS}?per_page=100&page={page}")
}

fn listed(id: u64, url: &str) -> Value {
    json!({ "id": id, "config": { "url": url } })
}

fn already_exists() -> Answer {
    Answer::json(
        422,
        &json!({ "message": "Validation Failed", "errors": [{ "message": "Hook already exists on this repository" }] }),
    )
}

#[test]
fn props_are_the_repository_and_the_sorted_events() {
    assert_eq!(RepositoryEvents::props(&context()).expect("set"), props());
}

#[test]
fn props_refuse_what_is_no_repository_or_no_event() {
    for (name, value) in [
        ("REPOSITORY", "hello"),
        ("REPOSITORY", "octo/hello/../../user"),
        ("REPOSITORY", "/hello"),
        ("EVENTS", " , "),
    ] {
        let ctx = context().with_variable(name, value);
        let error = RepositoryEvents::props(&ctx).expect_err(value);
        assert!(error.to_string().contains(name), "{error}");
        assert!(!error.is_retryable());
    }
}

#[test]
fn subscribing_creates_a_hook_for_the_endpoint() {
    let ctx = context().answer("POST", HOOKS, Answer::json(201, &json!({ "id": 7 })));
    let subscription = RepositoryEvents::subscribe(&ctx, test::registration(props()));
    let subscription = subscription.expect("subscribed");
    assert_eq!(subscription.unsubscribe_props(), &Hook { id: 7 });

    let sent = &ctx.requests()[0];
    assert_eq!(sent.header("authorization"), Some("Bearer token"));
    assert_eq!(sent.header("idempotency-key"), Some("test-key"));
    assert_eq!(
        sent.json(),
        json!({
            "name": "web",
            "active": true,
            "events": ["issues", "push"],
            "config": {
                "url": ENDPOINT,
                "content_type": "json",
                "secret": "hush",
                "insecure_ssl": "0",
            },
        })
    );
}

#[test]
fn another_address_of_the_api_is_used_and_permitted() {
    let url = "http://127.0.0.1:8080/api/v3/repos/octo/hello/hooks";
    let ctx = context()
        .with_variable("GITHUB_API_URL", "http://127.0.0.1:8080/api/v3/")
        .answer("POST", url, Answer::json(201, &json!({ "id": 7 })));
    assert!(RepositoryEvents::subscribe(&ctx, test::registration(props())).is_ok());
}

#[test]
fn an_existing_hook_for_the_endpoint_makes_way() {
    let ctx = context()
        .answer("POST", HOOKS, already_exists())
        .answer(
            "GET",
            &page(1),
            Answer::json(
                200,
                &json!([listed(3, "https://other.example"), listed(6, ENDPOINT)]),
            ),
        )
        .answer("DELETE", &format!("{HOOKS}/6"), Answer::status(204))
        .answer("POST", HOOKS, Answer::json(201, &json!({ "id": 7 })));
    let subscription = RepositoryEvents::subscribe(&ctx, test::registration(props()));
    assert_eq!(
        subscription.expect("subscribed"),
        Subscription::new(Hook { id: 7 })
    );
    assert!(ctx.unused_answers().is_empty());
}

#[test]
fn any_other_refusal_is_final_and_says_why() {
    let ctx = context().answer("POST", HOOKS, already_exists()).answer(
        "GET",
        &page(1),
        Answer::json(200, &json!([])),
    );
    let error = RepositoryEvents::subscribe(&ctx, test::registration(props()));
    let error = error.expect_err("refused");
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("Validation Failed"), "{error}");
}

#[test]
fn a_failing_github_is_tried_again() {
    for (answer, delay) in [
        (Answer::status(502), None),
        (Answer::status(429).header("Retry-After", "60"), Some(60)),
        (Answer::broken("connection reset"), None),
    ] {
        let ctx = context().answer("POST", HOOKS, answer);
        let error = RepositoryEvents::subscribe(&ctx, test::registration(props()));
        let error = error.expect_err("no answer");
        assert!(error.is_retryable(), "{error}");
        assert_eq!(error.retry_after().map(|delay| delay.as_secs()), delay);
    }
}

#[test]
fn unsubscribing_deletes_the_hook() {
    let ctx = context().answer("DELETE", &format!("{HOOKS}/7"), Answer::status(204));
    RepositoryEvents::unsubscribe(&ctx, test::registration(props()), Hook { id: 7 })
        .expect("unsubscribed");
    assert_eq!(
        ctx.requests()[0].header("idempotency-key"),
        Some("test-key")
    );
}

#[test]
fn a_hook_that_is_gone_carries_the_status_that_counts_as_done() {
    let ctx = context().answer("DELETE", &format!("{HOOKS}/7"), Answer::status(404));
    let error = RepositoryEvents::unsubscribe(&ctx, test::registration(props()), Hook { id: 7 });
    let status = error.expect_err("gone").http_status();
    assert_eq!(status.map(|status| status.as_u16()), Some(404));
}

#[test]
fn checking_reads_every_page() {
    let full: Vec<_> = (1..=100)
        .map(|id| {
            listed(
                id,
                if id == 50 {
                    ENDPOINT
                } else {
                    "https://other.example"
                },
            )
        })
        .collect();
    let last = json!([listed(101, ENDPOINT), { "id": 102, "config": {} }]);
    let ctx = context()
        .answer("GET", &page(1), Answer::json(200, &full))
        .answer("GET", &page(2), Answer::json(200, &last));
    let answer = RepositoryEvents::check(&ctx, test::registration(props()), None);
    let found = [50, 101].map(|id| Subscription::new(Hook { id }));
    assert_eq!(answer.expect("checked"), Check::Found(found.into()));
}

#[test]
fn checking_tells_absent_from_unsure() {
    let ctx = context().answer("GET", &page(1), Answer::json(200, &json!([])));
    let answer = RepositoryEvents::check(&ctx, test::registration(props()), None);
    assert_eq!(answer.expect("checked"), Check::Absent);

    let full: Vec<_> = (1..=100)
        .map(|id| listed(id, "https://other.example"))
        .collect();
    let mut ctx = context();
    for number in 1..=20 {
        ctx = ctx.answer("GET", &page(number), Answer::json(200, &full));
    }
    let answer = RepositoryEvents::check(&ctx, test::registration(props()), None);
    assert_eq!(answer.expect("checked"), Check::Unsure);
}

#[test]
fn a_delivery_becomes_the_input_of_workflows() {
    let ctx = context();
    let payload = json!({
        "action": "opened",
        "repository": { "full_name": "octo/hello", "private": false },
        "sender": { "login": "ada" },
        "issue": { "number": 1 },
    });
    let delivery = test::delivery(payload.to_string()).with_header("X-GitHub-Event", "issues");
    let event = RepositoryEvents::receive(&ctx, delivery).expect("received");
    assert_eq!(event.event, "issues");
    assert_eq!(event.action.as_deref(), Some("opened"));
    assert_eq!(event.repository.as_deref(), Some("octo/hello"));
    assert_eq!(event.sender.as_deref(), Some("ada"));

    let error = RepositoryEvents::receive(&ctx, test::delivery("{}"));
    assert!(error.is_err_and(|error| !error.is_retryable()));
}

#[test]
fn an_issue_is_created_with_the_runs_key() {
    let ctx = Context::of::<create_issue>()
        .with_secret("GITHUB_TOKEN", "token")
        .with_variable("REPOSITORY", "octo/hello")
        .with_idempotency_key("run-1")
        .answer(
            "POST",
            "https://api.github.com/repos/octo/hello/issues",
            Answer::json(
                201,
                &json!({ "number": 5, "html_url": "https://github.com/octo/hello/issues/5" }),
            ),
        );
    let issue = NewIssue {
        title: "It is broken".to_owned(),
        body: None,
        labels: Vec::new(),
    };
    assert_eq!(create_issue(&ctx, issue).expect("created").number, 5);
    let sent = &ctx.requests()[0];
    assert_eq!(sent.header("idempotency-key"), Some("run-1"));
    assert_eq!(sent.json(), json!({ "title": "It is broken" }));
}

#[test]
fn the_project_declares_what_it_is() {
    let list = test::collect(&crate::project()).expect("no fault");
    assert_eq!(list.names("integration"), ["github"]);
    assert_eq!(list.names("action"), ["create-issue"]);
    let webhook = list.object("webhook", "repository-events");
    assert_eq!(
        webhook["signature"],
        json!({ "github": { "secret": "WEBHOOK_SECRET" } })
    );
    assert_eq!(
        webhook["hooks"],
        json!({ "subscription": true, "refresh": false, "check": true })
    );
    assert_eq!(webhook["hosts"], json!(["${GITHUB_API_URL}"]));
    assert_eq!(webhook["secrets"][1]["subscription"], true);
}
