//! Each limit: a guest that breaks it, one that just does not, and a host that goes on serving.

use std::time::Duration;

use sandbox::{Limit, Output};

use crate::fixture::{Fixture, grants, limit_message, with_limits};
use crate::guest::Guest;

const MIB: u64 = 1024 * 1024;

fn ok_input() -> &'static str {
    "(call $ok (local.get $input) (local.get $input_len))"
}

fn sleeper() -> Guest {
    Guest::action(
        "(call $block (call $wait (i64.const 3600000000000)))
         (call $ok (local.get $input) (local.get $input_len))",
    )
    .import(
        "wasi:clocks/monotonic-clock@0.2.6 subscribe-duration",
        "$wait (param i64) (result i32)",
    )
    .import(
        "wasi:io/poll@0.2.6 [method]pollable.block",
        "$block (param i32)",
    )
}

#[tokio::test]
async fn an_operation_that_waits_is_stopped_at_its_wall_time() {
    let fixture = Fixture::new();
    let grants = with_limits(|limits| limits.wall = Duration::from_millis(200));
    let report = fixture.run(&sleeper(), "1", grants).await;
    let message = limit_message(&report, Limit::Wall);
    assert!(
        message.starts_with("run-action of action greet was stopped after 200ms"),
        "{message}"
    );
    assert!(report.usage.wall >= Duration::from_millis(200));
    fixture.still_serves().await;
}

#[tokio::test]
async fn an_operation_that_spins_is_stopped_at_its_cpu_time() {
    let fixture = Fixture::new();
    let grants = with_limits(|limits| limits.cpu = Duration::from_millis(50));
    let report = fixture
        .run(
            &Guest::action("(loop $on (br $on)) unreachable"),
            "1",
            grants,
        )
        .await;
    let message = limit_message(&report, Limit::Cpu);
    assert!(message.contains("50ms of CPU time"), "{message}");
    assert!(report.usage.cpu >= Duration::from_millis(50));
    fixture.still_serves().await;
}

#[tokio::test]
async fn the_hosts_work_for_an_operation_is_charged_to_it() {
    let fixture = Fixture::new();
    let guest = Guest::action(
        "(loop $on
           (call $log (i32.const 2) (i32.const 0) (i32.const 60000) (i32.const 0) (i32.const 0))
           (br $on))
         unreachable",
    )
    .import(
        "tidegate:project/log@1.0.0 write",
        "$log (param i32 i32 i32 i32 i32)",
    );
    let grants = with_limits(|limits| limits.cpu = Duration::from_millis(50));
    let report = fixture.run(&guest, "1", grants).await;
    limit_message(&report, Limit::Cpu);
    assert!(report.log.truncated);
    fixture.still_serves().await;
}

/// Grows its memory by as many pages as the input is long, and aborts if it cannot.
fn grower() -> Guest {
    Guest::action(
        "(if (i32.eq (i32.const -1) (memory.grow (local.get $input_len))) (then unreachable))
         (i32.store8 (i32.const 2048) (i32.const 49))
         (call $ok (i32.const 2048) (i32.const 1))",
    )
}

#[tokio::test]
async fn memory_beyond_the_limit_is_refused_and_named() {
    let fixture = Fixture::new();
    // Four pages are there at the start.
    let grants = || with_limits(|limits| limits.memory = 20 * 65536);
    let report = fixture.run(&grower(), &"x".repeat(16), grants()).await;
    assert_eq!(report.outcome, Ok(Output::Run("1".to_owned())));
    assert_eq!(report.usage.peak_memory_bytes, 20 * 65536);
    let report = fixture.run(&grower(), &"x".repeat(17), grants()).await;
    let message = limit_message(&report, Limit::Memory);
    assert!(
        message.contains("more than 1280 KiB of memory"),
        "{message}"
    );
    fixture.still_serves().await;
}

#[tokio::test]
async fn a_guest_that_starts_with_too_much_memory_is_refused() {
    let fixture = Fixture::new();
    let guest = Guest::action(ok_input()).memory("(memory (export \"memory\") 21)");
    let grants = with_limits(|limits| limits.memory = 20 * 65536);
    limit_message(&fixture.run(&guest, "1", grants).await, Limit::Memory);
    let grants = with_limits(|limits| limits.memory = 21 * 65536);
    let report = fixture.run(&guest, "1", grants).await;
    assert!(report.outcome.is_ok());
}

#[tokio::test]
async fn table_elements_beyond_the_limit_are_refused_and_named() {
    let fixture = Fixture::new();
    let guest = Guest::action(
        "(if (i32.eq (i32.const -1)
             (table.grow $t (ref.null func) (i32.mul (i32.const 100) (local.get $input_len))))
           (then unreachable))
         (i32.store8 (i32.const 2048) (i32.const 49))
         (call $ok (i32.const 2048) (i32.const 1))",
    )
    .item("(table $t 100 funcref)");
    let grants = || with_limits(|limits| limits.table_elements = 1_000);
    // Beside these 900 the wrapping component has a few of its own.
    let report = fixture.run(&guest, "12345678", grants()).await;
    assert!(report.outcome.is_ok(), "{:?}", report.outcome);
    let report = fixture.run(&guest, "1234567890", grants()).await;
    let message = limit_message(&report, Limit::Tables);
    assert!(
        message.contains("more than 1000 table elements"),
        "{message}"
    );
    fixture.still_serves().await;
}

#[tokio::test]
async fn a_returned_value_may_be_as_long_as_the_limit_and_no_longer() {
    let fixture = Fixture::new();
    let text = |len: u64| format!("\"{}\"", "a".repeat(usize::try_from(len).unwrap() - 2));
    for (limit, shown) in [(1_000, "1000 bytes"), (2 * MIB, "2 MiB")] {
        let grants = || with_limits(|limits| limits.returned = limit);
        let guest = Guest::action(ok_input());
        let report = fixture.run(&guest, &text(limit), grants()).await;
        assert_eq!(report.outcome, Ok(Output::Run(text(limit))));
        let report = fixture.run(&guest, &text(limit + 1), grants()).await;
        let message = limit_message(&report, Limit::Returned);
        assert!(message.contains(shown), "{message}");
        let report = fixture.run(&guest, &text(3 * limit), grants()).await;
        limit_message(&report, Limit::Returned);
    }
    fixture.still_serves().await;
}

#[tokio::test]
async fn a_call_to_the_host_that_carries_too_much_is_refused() {
    let fixture = Fixture::new();
    let guest = Guest::action(
        "(call $log (i32.const 2) (local.get $input) (local.get $input_len) (i32.const 0) (i32.const 0))
         (call $ok (i32.const 2048) (i32.const 1))",
    )
    .item("(data (i32.const 2048) \"1\")")
    .import(
        "tidegate:project/log@1.0.0 write",
        "$log (param i32 i32 i32 i32 i32)",
    );
    let grants = || with_limits(|limits| limits.returned = MIB);
    let report = fixture
        .run(&guest, &"x".repeat(1024 * 1024), grants())
        .await;
    assert!(report.outcome.is_ok(), "{:?}", report.outcome);
    let report = fixture
        .run(&guest, &"x".repeat(2 * 1024 * 1024), grants())
        .await;
    limit_message(&report, Limit::HostCall);
    fixture.still_serves().await;
}

#[tokio::test]
async fn a_guest_that_hoards_host_objects_is_stopped() {
    let fixture = Fixture::new();
    let guest = Guest::action("(loop $on (drop (call $wait (i64.const 1))) (br $on)) unreachable")
        .import(
            "wasi:clocks/monotonic-clock@0.2.6 subscribe-duration",
            "$wait (param i64) (result i32)",
        );
    let message = limit_message(&fixture.run(&guest, "1", grants()).await, Limit::Handles);
    assert!(message.contains("too many host objects"), "{message}");
    fixture.still_serves().await;
}

#[tokio::test]
async fn random_bytes_are_given_in_portions() {
    let fixture = Fixture::new();
    let guest = |bytes: u64| {
        Guest::action(&format!(
            "(call $random (i64.const {bytes}) (i32.const 2048))
             (i32.store8 (i32.const 2048) (i32.const 49))
             (call $ok (i32.const 2048) (i32.const 1))"
        ))
        .import(
            "wasi:random/random@0.2.6 get-random-bytes",
            "$random (param i64 i32)",
        )
    };
    let report = fixture.run(&guest(MIB), "1", grants()).await;
    assert!(report.outcome.is_ok(), "{:?}", report.outcome);
    let report = fixture.run(&guest(MIB + 1), "1", grants()).await;
    limit_message(&report, Limit::Random);
    fixture.still_serves().await;
}

#[tokio::test]
async fn header_fields_do_not_grow_without_end() {
    let fixture = Fixture::new();
    let guest = Guest::action(
        "(local $fields i32)
         (local.set $fields (call $new))
         (loop $on
           (call $append (local.get $fields) (i32.const 2048) (i32.const 1)
             (i32.const 4096) (i32.const 1000) (i32.const 3000))
           (br $on))
         unreachable",
    )
    .item("(data (i32.const 2048) \"x\")")
    .item(&format!(
        "(data (i32.const 4096) \"{}\")",
        "v".repeat(1_000)
    ))
    .import(
        "wasi:http/types@0.2.6 [constructor]fields",
        "$new (result i32)",
    )
    .import(
        "wasi:http/types@0.2.6 [method]fields.append",
        "$append (param i32 i32 i32 i32 i32 i32)",
    );
    limit_message(&fixture.run(&guest, "1", grants()).await, Limit::Headers);
    fixture.still_serves().await;
}

#[tokio::test]
async fn a_log_is_kept_up_to_its_limits_and_says_that_there_was_more() {
    let fixture = Fixture::new();
    let guest = Guest::action(
        "(local $i i32)
         (loop $on
           (call $log (i32.const 2) (i32.const 2048) (i32.const 10) (i32.const 0) (i32.const 0))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $on (i32.lt_u (local.get $i) (i32.const 20))))
         (call $ok (local.get $input) (local.get $input_len))",
    )
    .item("(data (i32.const 2048) \"0123456789\")")
    .import(
        "tidegate:project/log@1.0.0 write",
        "$log (param i32 i32 i32 i32 i32)",
    );
    for (lines, bytes, kept) in [(20, 200, 20), (19, 200, 19), (20, 199, 19)] {
        let grants = with_limits(|limits| {
            limits.log_lines = lines;
            limits.log_bytes = bytes;
        });
        let report = fixture.run(&guest, "1", grants).await;
        assert!(report.outcome.is_ok());
        assert_eq!(report.log.lines.len(), kept, "{lines} {bytes}");
        assert_eq!(report.log.truncated, kept < 20);
    }
}

#[tokio::test]
async fn collect_has_limits_of_its_own() {
    let fixture = Fixture::new();
    let guest = Guest::new().on("collect", "(loop $on (br $on)) unreachable");
    let component = fixture.load(&guest).await;
    let mut limits = domain::Limits::collect();
    limits.cpu = Duration::from_millis(20);
    let error = fixture
        .sandbox
        .collect(&component, &limits)
        .await
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("collect of the project was stopped"),
        "{message}"
    );
    fixture.still_serves().await;
}
