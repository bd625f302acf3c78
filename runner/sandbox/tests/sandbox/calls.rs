//! Operations: arguments, results, and what happens to others meanwhile.

use std::sync::Arc;
use std::time::Duration;

use domain::{Secret, Subscription, Timestamp, UserId};
use sandbox::{
    Call, CheckAnswer, Component, Delivery, Failure, Output, Registration, Report, Response,
    Sandbox,
};

use crate::fixture::{Fixture, action, context, grants, with_limits};
use crate::guest::Guest;

fn registration() -> Registration {
    Registration {
        props: "{}".to_owned(),
        endpoint: "https://example.com/hooks/1".to_owned(),
        key: "key".to_owned(),
        user: Some(UserId("ada".to_owned())),
    }
}

async fn call(fixture: &Fixture, guest: &Guest, call: Call) -> Report {
    let component = fixture.load(guest).await;
    fixture.sandbox.call(&component, call, grants()).await
}

#[tokio::test]
async fn a_guests_own_errors_are_told_apart_with_their_delay() {
    let fixture = Fixture::new();
    for (case, retryable) in [(0, true), (1, false)] {
        let guest = Guest::action(&format!(
            "(call $fail (i32.const {case}) (local.get $input) (local.get $input_len))"
        ));
        let report = fixture.run(&guest, "try later", grants()).await;
        assert_eq!(
            report.outcome,
            Err(Failure::Guest {
                retryable,
                message: "try later".to_owned(),
                retry_after: Some(Duration::from_millis(1_500)),
            })
        );
    }
}

#[tokio::test]
async fn each_run_has_a_fresh_instance() {
    let fixture = Fixture::new();
    let guest = Guest::action(
        "(i32.store8 (i32.const 2048) (i32.add (i32.const 1) (i32.load8_u (i32.const 2048))))
         (call $ok (i32.const 2048) (i32.const 1))",
    )
    .item("(data (i32.const 2048) \"0\")");
    for _ in 0..3 {
        let report = fixture.run(&guest, "1", grants()).await;
        assert_eq!(report.outcome, Ok(Output::Run("1".to_owned())));
    }
}

/// Writes `result<subscription, _>` with props `"p"`, an expiry and a signing secret.
const SUBSCRIBED: &str = "(i32.store (i32.const 1032) (i32.const 2048))
    (i32.store (i32.const 1036) (i32.const 3))
    (i32.store8 (i32.const 1040) (i32.const 1))
    (i64.store (i32.const 1048) (i64.const 1700000000123))
    (i32.store8 (i32.const 1056) (i32.const 1))
    (i32.store (i32.const 1060) (i32.const 2056))
    (i32.store (i32.const 1064) (i32.const 6))
    (i32.const 1024)";

fn subscription() -> Subscription {
    Subscription {
        unsubscribe_props: Secret::new("\"p\""),
        expires_at: Some(Timestamp::from_millis(1_700_000_000_123)),
        signing_secret: Some(Secret::new("whsec_")),
    }
}

fn hooks() -> Guest {
    Guest::new()
        .item("(data (i32.const 2048) \"\\\"p\\\"\")")
        .item("(data (i32.const 2056) \"whsec_\")")
}

#[tokio::test]
async fn hooks_return_subscriptions() {
    let fixture = Fixture::new();
    let guest = hooks()
        .on("subscribe", SUBSCRIBED)
        .on("refresh", SUBSCRIBED)
        .on("unsubscribe", "(i32.const 1024)")
        .on(
            "subscription-props",
            "(call $ok (i32.const 2048) (i32.const 3))",
        );
    let webhook = || "events".to_owned();
    let unsubscribe_props = || Secret::new("\"p\"");
    let subscribe = Call::Subscribe {
        webhook: webhook(),
        registration: registration(),
    };
    let refresh = Call::Refresh {
        webhook: webhook(),
        registration: registration(),
        unsubscribe_props: unsubscribe_props(),
    };
    let unsubscribe = Call::Unsubscribe {
        webhook: webhook(),
        registration: registration(),
        unsubscribe_props: unsubscribe_props(),
    };
    let props = Call::SubscriptionProps {
        webhook: webhook(),
        user: None,
    };
    for (hook, expected) in [
        (subscribe, Output::Subscription(subscription())),
        (refresh, Output::Subscription(subscription())),
        (unsubscribe, Output::Unsubscribed),
        (props, Output::Props("\"p\"".to_owned())),
    ] {
        assert_eq!(call(&fixture, &guest, hook).await.outcome, Ok(expected));
    }
}

#[tokio::test]
async fn check_tells_found_from_absent_and_unsure() {
    let fixture = Fixture::new();
    // A variant in a result: cases 0 (with a list), 1 and 2.
    let found = |count: u32| {
        format!(
            "(i32.store (i32.const 1036) (i32.const 4096))
             (i32.store (i32.const 1040) (i32.const {count}))
             (i32.store (i32.const 4096) (i32.const 2048))
             (i32.store (i32.const 4100) (i32.const 3))
             (i32.const 1024)"
        )
    };
    let case =
        |case: u32| format!("(i32.store8 (i32.const 1032) (i32.const {case})) (i32.const 1024)");
    let bare = Subscription {
        expires_at: None,
        signing_secret: None,
        ..subscription()
    };
    for (body, expected) in [
        (found(1), CheckAnswer::Found(vec![bare])),
        (found(0), CheckAnswer::Absent),
        (case(1), CheckAnswer::Absent),
        (case(2), CheckAnswer::Unsure),
    ] {
        let guest = hooks().on("check", &body);
        let check = Call::Check {
            webhook: "events".to_owned(),
            registration: registration(),
            unsubscribe_props: None,
        };
        let report = call(&fixture, &guest, check).await;
        assert_eq!(report.outcome, Ok(Output::Check(expected)), "{body}");
    }
}

#[tokio::test]
async fn unsubscribe_props_that_are_no_json_are_a_broken_contract() {
    let fixture = Fixture::new();
    let guest = Guest::new()
        .item("(data (i32.const 2048) \"oh!\")")
        .on("subscribe", SUBSCRIBED);
    let subscribe = Call::Subscribe {
        webhook: "events".to_owned(),
        registration: registration(),
    };
    match call(&fixture, &guest, subscribe).await.outcome {
        Err(Failure::BadContract { message }) => {
            assert!(
                message.contains("unsubscribe props must be JSON"),
                "{message}"
            );
        }
        other => panic!("expected a broken contract, found {other:?}"),
    }
}

#[tokio::test]
async fn a_delivery_reaches_the_guest_and_its_answer_comes_back() {
    let fixture = Fixture::new();
    // Answers 201 with the delivery's body as body, and the same as output.
    let guest = Guest::new().on(
        "receive",
        "(local $body i32) (local $len i32)
         (local.set $body (i32.load (i32.add (local.get $arguments) (i32.const 40))))
         (local.set $len (i32.load (i32.add (local.get $arguments) (i32.const 44))))
         (i32.store (i32.const 1032) (local.get $body))
         (i32.store (i32.const 1036) (local.get $len))
         (i32.store8 (i32.const 1040) (i32.const 1))
         (i32.store16 (i32.const 1044) (i32.const 201))
         (i32.store (i32.const 1056) (local.get $body))
         (i32.store (i32.const 1060) (local.get $len))
         (i32.const 1024)",
    );
    let receive = Call::Receive {
        webhook: "events".to_owned(),
        delivery: Delivery {
            id: "1".to_owned(),
            method: "POST".to_owned(),
            query: "/".to_owned(),
            headers: vec![("x".to_owned(), b"y".to_vec())],
            body: b"{\"a\":1}".to_vec(),
            received_at_ms: 1,
        },
        context: context(),
    };
    let report = call(&fixture, &guest, receive).await;
    assert_eq!(
        report.outcome,
        Ok(Output::Received {
            output: "{\"a\":1}".to_owned(),
            response: Some(Response {
                status: 201,
                headers: Vec::new(),
                body: b"{\"a\":1}".to_vec(),
            }),
        })
    );
}

fn spinner() -> Guest {
    Guest::action("(loop $on (br $on)) unreachable")
}

fn spawn(sandbox: &Sandbox, component: &Arc<Component>) -> tokio::task::JoinHandle<Report> {
    let (sandbox, component) = (sandbox.clone(), Arc::clone(component));
    tokio::spawn(async move {
        let grants = with_limits(|limits| limits.cpu = Duration::from_secs(60));
        sandbox.call(&component, action("1"), grants).await
    })
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_dropped_gives_its_slot_to_the_next() {
    let fixture = Fixture::with(|settings| settings.slots = 2);
    let spinner = fixture.load(&spinner()).await;
    for _ in 0..20 {
        let calls = [0, 1].map(|_| spawn(&fixture.sandbox, &spinner));
        until(|| fixture.sandbox.free_slots() == 0).await;
        for call in calls {
            call.abort();
            assert!(call.await.unwrap_err().is_cancelled());
        }
        assert_eq!(fixture.sandbox.free_slots(), 2);
    }
    let echo = Guest::action("(call $ok (local.get $input) (local.get $input_len))");
    let report = fixture.run(&echo, "1", grants()).await;
    assert!(report.outcome.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn many_spinning_guests_leave_others_their_share() {
    let fixture = Fixture::with(|settings| settings.slots = 16);
    let spinner = fixture.load(&spinner()).await;
    let calls: Vec<_> = (0..8).map(|_| spawn(&fixture.sandbox, &spinner)).collect();
    until(|| fixture.sandbox.free_slots() == 8).await;
    let echo = Guest::action("(call $ok (local.get $input) (local.get $input_len))");
    // On the only worker, beside eight that never end.
    let mut grants = grants();
    grants.limits.cpu = Duration::from_secs(1);
    let report = fixture.run(&echo, "1", grants).await;
    assert!(report.outcome.is_ok());
    assert!(calls.iter().all(|call| !call.is_finished()));
    for call in calls {
        call.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_slots_wait_for_their_turn() {
    let fixture = Fixture::with(|settings| settings.slots = 1);
    let guest = Guest::action("(call $ok (local.get $input) (local.get $input_len))");
    let component = fixture.load(&guest).await;
    let calls: Vec<_> = (0..50)
        .map(|_| spawn(&fixture.sandbox, &component))
        .collect();
    for call in calls {
        let report = call.await.unwrap();
        assert_eq!(report.outcome, Ok(Output::Run("1".to_owned())));
    }
}
