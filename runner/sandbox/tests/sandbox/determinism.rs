//! `collect` gives the same list always and everywhere.

use domain::Limits;
use domain::declare::Object;
use sandbox::{CollectError, Compiler, LogSource};

use crate::fixture::Fixture;
use crate::guest::Guest;

/// Declares one app event whose name, 144 letters, tells everything that could differ.
fn witness() -> Guest {
    Guest::new()
        .on(
            "collect",
            "(local $nan f64)
             (call $letters (i32.const 4096) (call $random_u64))
             (call $random (i64.const 8) (i32.const 2048))
             (call $letters (i32.const 4112) (i64.load (i32.load (i32.const 2048))))
             (call $letters (i32.const 4128) (call $insecure))
             (call $seed (i32.const 2048))
             (call $letters (i32.const 4144) (i64.load (i32.const 2048)))
             (call $letters (i32.const 4160) (i64.load (i32.const 2056)))
             (call $letters (i32.const 4176) (call $now))
             (call $block (call $wait (i64.const 3600000000000)))
             (call $letters (i32.const 4192) (call $now))
             (call $wall (i32.const 2048))
             (call $letters (i32.const 4208) (i64.load (i32.const 2048)))
             (local.set $nan (f64.div (f64.const 0) (f64.load (i32.const 3072))))
             (call $letters (i32.const 4224) (i64.reinterpret_f64 (local.get $nan)))
             (call $event (i32.const 4096) (i32.const 144))",
        )
        .item(EVENT)
        .import(
            "wasi:random/random@0.2.6 get-random-u64",
            "$random_u64 (result i64)",
        )
        .import(
            "wasi:random/random@0.2.6 get-random-bytes",
            "$random (param i64 i32)",
        )
        .import(
            "wasi:random/insecure@0.2.6 get-insecure-random-u64",
            "$insecure (result i64)",
        )
        .import(
            "wasi:random/insecure-seed@0.2.6 insecure-seed",
            "$seed (param i32)",
        )
        .import("wasi:clocks/monotonic-clock@0.2.6 now", "$now (result i64)")
        .import(
            "wasi:clocks/monotonic-clock@0.2.6 subscribe-duration",
            "$wait (param i64) (result i32)",
        )
        .import("wasi:clocks/wall-clock@0.2.6 now", "$wall (param i32)")
        .import(
            "wasi:io/poll@0.2.6 [method]pollable.block",
            "$block (param i32)",
        )
}

/// Returns a deploy list of one app event with a name and nothing else.
pub(crate) const EVENT: &str = "(func $event (param $name i32) (param $len i32) (result i32)
    (i32.store8 (i32.const 8192) (i32.const 4))
    (i32.store (i32.const 8196) (local.get $name))
    (i32.store (i32.const 8200) (local.get $len))
    (i32.store (i32.const 1028) (i32.const 8192))
    (i32.store (i32.const 1032) (i32.const 1))
    (i32.const 1024))";

fn number(letters: &str) -> u64 {
    letters
        .bytes()
        .rev()
        .fold(0, |number, letter| number * 16 + u64::from(letter - b'a'))
}

#[tokio::test]
async fn the_same_artifact_gives_the_same_list_whenever_and_wherever_it_is_asked() {
    let bytes = witness().build();
    let mut lists = Vec::new();
    for compiler in [Compiler::Optimizing, Compiler::Fast] {
        let fixture = Fixture::new();
        let (artifact, path) = fixture.store(&bytes);
        let component = fixture
            .sandbox
            .load(artifact, &path, compiler)
            .await
            .unwrap();
        for _ in 0..50 {
            let collected = fixture
                .sandbox
                .collect(&component, &Limits::collect())
                .await;
            lists.push(collected.unwrap().list);
        }
    }
    let Object::AppEvent(event) = &lists[0].objects[0] else {
        panic!("an app event was declared");
    };
    let words: Vec<u64> = (0..9)
        .map(|i| number(&event.name[i * 16..][..16]))
        .collect();
    assert!(
        words[6] - words[5] >= 3_600_000_000_000,
        "the wait took its time"
    );
    assert_eq!(
        words[7],
        946_684_800 + 3_600,
        "every collect begins at the turn of 2000"
    );
    assert_eq!(words[8], 0x7ff8_0000_0000_0000, "NaNs are canonical");
    let first = &lists[0];
    assert!(lists.iter().all(|list| list == first), "{lists:#?}");
    // A change of these changes deploy lists that were made with them.
    assert_eq!(words[3], 0x2063_6f6c_6c65_6374);
}

#[tokio::test]
async fn collect_reaches_no_value_no_store_no_user_and_no_network() {
    let fixture = Fixture::new();
    let guest = Guest::new()
        .on(
            "collect",
            "(call $secret (i32.const 0) (i32.const 1) (i32.const 2048))
             (call $note (i32.const 4096) (i32.const 2048) (i32.const 4))
             (call $variable (i32.const 0) (i32.const 1) (i32.const 2048))
             (call $note (i32.const 4098) (i32.const 2048) (i32.const 4))
             (call $get (i32.const 0) (i32.const 1) (i32.const 2048))
             (call $note (i32.const 4100) (i32.const 2048) (i32.const 4))
             (call $setting (i32.const 0) (i32.const 1) (i32.const 2048))
             (call $note (i32.const 4102) (i32.const 2048) (i32.const 4))
             (call $event (i32.const 4096) (i32.const 8))",
        )
        .item(EVENT)
        .item(
            "(func $note (param $to i32) (param $from i32) (param $payload i32)
               (i32.store8 (local.get $to)
                 (i32.add (i32.const 48) (i32.load8_u (local.get $from))))
               (i32.store8 (i32.add (local.get $to) (i32.const 1))
                 (i32.add (i32.const 48)
                   (i32.load8_u (i32.add (local.get $from) (local.get $payload))))))",
        )
        .import(
            "tidegate:project/values@1.0.0 secret",
            "$secret (param i32 i32 i32)",
        )
        .import(
            "tidegate:project/values@1.0.0 variable",
            "$variable (param i32 i32 i32)",
        )
        .import("tidegate:project/kv@1.0.0 get", "$get (param i32 i32 i32)")
        .import(
            "tidegate:project/users@1.0.0 setting",
            "$setting (param i32 i32 i32)",
        );
    let list = fixture.collect(&guest).await.unwrap().list;
    // An error each; `unavailable` is case 1 of values, 0 of kv, 2 of users.
    assert_eq!(list.objects[0].name(), "11111012");
}

#[tokio::test]
async fn what_the_guest_finds_wrong_itself_is_told_with_its_log() {
    let fixture = Fixture::new();
    let guest = Guest::new()
        .on(
            "collect",
            "(call $log (i32.const 3) (i32.const 2048) (i32.const 4) (i32.const 0) (i32.const 0))
             (i32.store8 (i32.const 1024) (i32.const 1))
             (i32.store (i32.const 1028) (i32.const 4096))
             (i32.store (i32.const 1032) (i32.const 1))
             (i32.store (i32.const 4096) (i32.const 2048))
             (i32.store (i32.const 4100) (i32.const 4))
             (i32.const 1024)",
        )
        .item("(data (i32.const 2048) \"oops\")")
        .import(
            "tidegate:project/log@1.0.0 write",
            "$log (param i32 i32 i32 i32 i32)",
        );
    match fixture.collect(&guest).await {
        Err(CollectError::Findings { findings, log }) => {
            assert_eq!(findings.len(), 1);
            assert_eq!(findings[0].message, "oops");
            assert_eq!(
                (findings[0].object.as_ref(), &findings[0].location),
                (None, &None)
            );
            assert_eq!(log.lines[0].message, "oops");
            assert_eq!(log.lines[0].source, LogSource::Log);
        }
        other => panic!("expected findings, found {other:?}"),
    }
}
