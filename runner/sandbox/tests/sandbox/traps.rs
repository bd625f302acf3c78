//! Crashes: what is said about them.

use sandbox::{Failure, Trap};

use crate::fixture::{Fixture, grants};
use crate::guest::Guest;

async fn trap(fixture: &Fixture, guest: &Guest) -> Trap {
    match fixture.run(guest, "1", grants()).await.outcome {
        Err(Failure::Trap(trap)) => trap,
        other => panic!("expected a trap, found {other:?}"),
    }
}

#[tokio::test]
async fn a_crash_names_operation_object_reason_and_functions() {
    let fixture = Fixture::new();
    let guest = Guest::action("(call $divide (i32.const 0))")
        .item("(func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))");
    let trap = trap(&fixture, &guest).await;
    assert_eq!(trap.subject, "run-action of action greet");
    assert_eq!(trap.reason, "it divided by zero");
    assert_eq!(trap.panic, None);
    assert_eq!(trap.frames[0].function, "divide");
    fixture.still_serves().await;
}

#[tokio::test]
async fn recursion_without_end_is_recognised_by_its_function() {
    let fixture = Fixture::new();
    let on_the_hosts_stack = Guest::action("(call $again (i32.const 0))").item(
        "(func $again (param i32) (result i32)
           (i32.add (i32.const 1) (call $again (local.get 0))))",
    );
    // As compilers do it: a stack in memory that grows down to below its start.
    let on_its_own_stack = Guest::action("(call $again (i32.const 0))")
        .item("(global $stack (mut i32) (i32.const 60000))")
        .item(
            "(func $again (param i32) (result i32)
               (global.set $stack (i32.sub (global.get $stack) (i32.const 1000)))
               (i32.store (global.get $stack) (i32.const 7))
               (i32.add (i32.const 1) (call $again (local.get 0))))",
        );
    for guest in [on_the_hosts_stack, on_its_own_stack] {
        let trap = trap(&fixture, &guest).await;
        assert!(
            trap.reason.contains("`again` called itself without end"),
            "{trap}"
        );
        assert!(trap.frames.len() < 4, "{trap}");
    }
    fixture.still_serves().await;
}

#[tokio::test]
async fn ending_the_process_is_explained() {
    let fixture = Fixture::new();
    let guest = Guest::action("(call $exit (i32.const 1)) unreachable")
        .import("wasi:cli/exit@0.2.6 exit", "$exit (param i32)");
    let trap = trap(&fixture, &guest).await;
    assert!(
        trap.reason.contains("ended its own process with code 1"),
        "{trap}"
    );
}

#[tokio::test]
async fn a_panics_message_is_taken_from_standard_error() {
    let fixture = Fixture::new();
    let text = "thread '<unnamed>' panicked at src/lib.rs:7:9:\\nno such order\\nnote: run with\\n";
    let guest = Guest::action(&format!(
        "(call $write (call $stderr) (i32.const 2048) (i32.const {}) (i32.const 3000))
         unreachable",
        text.len() - 3
    ))
    .item(&format!("(data (i32.const 2048) \"{text}\")"))
    .import("wasi:cli/stderr@0.2.6 get-stderr", "$stderr (result i32)")
    .import(
        "wasi:io/streams@0.2.6 [method]output-stream.blocking-write-and-flush",
        "$write (param i32 i32 i32 i32)",
    );
    let trap = trap(&fixture, &guest).await;
    assert_eq!(trap.reason, "it panicked or aborted");
    assert_eq!(
        trap.panic.as_deref(),
        Some("no such order (src/lib.rs:7:9)")
    );
}

#[tokio::test]
async fn what_the_contract_does_not_allow_is_no_crash_but_a_broken_contract() {
    let fixture = Fixture::new();
    let not_json = Guest::action("(call $ok (i32.const 2048) (i32.const 3))")
        .item("(data (i32.const 2048) \"{a}\")");
    let not_utf8 = Guest::action("(call $ok (i32.const 2048) (i32.const 2))")
        .item("(data (i32.const 2048) \"\\ff\\fe\")");
    let out_of_bounds = Guest::action("(call $ok (i32.const 2048) (i32.const 0x7fffffff))");
    for (guest, expected) in [
        (not_json, "must be JSON, and is not from line 1, column 2"),
        (not_utf8, "utf-8"),
        (out_of_bounds, "out of bounds"),
    ] {
        match fixture.run(&guest, "1", grants()).await.outcome {
            Err(Failure::BadContract { message }) => {
                assert!(message.contains(expected), "{message}");
                assert!(message.contains("action greet"), "{message}");
            }
            other => panic!("expected a broken contract, found {other:?}"),
        }
    }
    fixture.still_serves().await;
}
