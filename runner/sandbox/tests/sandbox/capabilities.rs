//! What a guest is granted, and that it sees nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{LogLevel, Secret};
use sandbox::{Account, Call, Credential, Grants, KvRead, KvWrite, LogSource, Output, UserGrant};

use crate::fixture::{Fixture, grants};
use crate::guest::Guest;

/// Asks for a value named by the input. Answers it as a JSON string, `null`
/// without one, or the number of the error's case.
fn asker(function: &str) -> Guest {
    Guest::action(&format!(
        "{ASK}
         (call $answer (i32.const 2048))"
    ))
    .item(ANSWER)
    .import(
        &format!("tidegate:project/{function}"),
        "$ask (param i32 i32 i32)",
    )
}

const ASK: &str = "(call $ask (local.get $input) (local.get $input_len) (i32.const 2048))";

const ANSWER: &str = "(func $answer (param $r i32) (result i32)
    (local $len i32)
    (if (i32.load8_u (local.get $r)) (then
      (i32.store8 (i32.const 3000)
        (i32.add (i32.const 48) (i32.load8_u (i32.add (local.get $r) (i32.const 4)))))
      (return (call $ok (i32.const 3000) (i32.const 1)))))
    (if (i32.eqz (i32.load8_u (i32.add (local.get $r) (i32.const 4)))) (then
      (i32.store (i32.const 3000) (i32.const 0x6c6c756e))
      (return (call $ok (i32.const 3000) (i32.const 4)))))
    (local.set $len (i32.load (i32.add (local.get $r) (i32.const 12))))
    (i32.store8 (i32.const 3000) (i32.const 34))
    (memory.copy (i32.const 3001)
      (i32.load (i32.add (local.get $r) (i32.const 8))) (local.get $len))
    (i32.store8 (i32.add (i32.const 3001) (local.get $len)) (i32.const 34))
    (call $ok (i32.const 3000) (i32.add (i32.const 2) (local.get $len))))";

async fn ask(fixture: &Fixture, guest: &Guest, name: &str, grants: &Grants) -> String {
    match fixture.run(guest, name, grants.clone()).await.outcome {
        Ok(Output::Run(output)) => output,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_declared_values_are_seen() {
    let fixture = Fixture::new();
    let mut grants = grants();
    let secret = |value: &str| Some(Secret::new(value));
    grants.secrets = [
        ("SET".to_owned(), secret("s3cret")),
        ("UNSET".to_owned(), None),
    ]
    .into();
    grants.variables = [
        ("SET".to_owned(), Some("v".to_owned())),
        ("UNSET".to_owned(), None),
    ]
    .into();
    grants.app_config = [("SET".to_owned(), secret("c")), ("UNSET".to_owned(), None)].into();
    for (function, value) in [
        ("values@1.0.0 secret", "\"s3cret\""),
        ("values@1.0.0 variable", "\"v\""),
        ("values@1.0.0 app-config", "\"c\""),
    ] {
        let guest = asker(function);
        assert_eq!(ask(&fixture, &guest, "SET", &grants).await, value);
        assert_eq!(ask(&fixture, &guest, "UNSET", &grants).await, "null");
        let report = fixture.run(&guest, "OTHER", grants.clone()).await;
        assert_eq!(
            report.outcome,
            Ok(Output::Run("0".to_owned())),
            "undeclared"
        );
        let remark = &report.log.lines[0];
        assert_eq!(
            (remark.source, remark.level),
            (LogSource::Host, LogLevel::Warn)
        );
        assert!(
            remark
                .message
                .contains("`OTHER`, which it does not declare")
        );
    }
}

#[tokio::test]
async fn settings_and_account_are_those_of_the_operations_user() {
    let fixture = Fixture::new();
    let setting = asker("users@1.0.0 setting");
    let mut grants = grants();
    assert_eq!(
        ask(&fixture, &setting, "channel", &grants).await,
        "0",
        "no user"
    );
    grants.user = Some(UserGrant {
        settings: BTreeMap::from([("channel".to_owned(), Some("7".to_owned()))]),
        account: Account::Undeclared,
    });
    assert_eq!(ask(&fixture, &setting, "channel", &grants).await, "\"7\"");
    assert_eq!(
        ask(&fixture, &setting, "other", &grants).await,
        "1",
        "undeclared"
    );

    let credential = Guest::action(
        "(call $credential (i32.const 2048))
         (if (i32.load8_u (i32.const 2048)) (then
           (i32.store8 (i32.const 3000)
             (i32.add (i32.const 48) (i32.load8_u (i32.const 2056))))
           (return (call $ok (i32.const 3000) (i32.const 1)))))
         (if (i32.eqz (i32.load8_u (i32.const 2056))) (then
           (return (call $ok (i32.const 3008) (i32.const 4)))))
         (call $ok (i32.load (i32.const 2064)) (i32.load (i32.const 2068)))",
    )
    .item("(data (i32.const 3008) \"null\")")
    .import(
        "tidegate:project/users@1.0.0 credential",
        "$credential (param i32)",
    );
    assert_eq!(
        ask(&fixture, &credential, "1", &grants).await,
        "1",
        "undeclared"
    );
    let mut with = |account| {
        if let Some(user) = &mut grants.user {
            user.account = account;
        }
        grants.clone()
    };
    let missing = with(Account::Missing);
    assert_eq!(ask(&fixture, &credential, "1", &missing).await, "null");
    let connected = with(Account::Connected(Credential {
        value: Secret::new("{\"token\":\"abc\"}"),
        scopes: vec!["repo".to_owned()],
        expires_at_ms: Some(1),
    }));
    // A guest that returns a credential whole returns nothing of it.
    assert_eq!(
        ask(&fixture, &credential, "1", &connected).await,
        "\"[redacted]\""
    );
}

struct Fixed;

#[async_trait]
impl KvRead for Fixed {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, String> {
        match key {
            "broken" => Err("the disk is on fire".to_owned()),
            "known" => Ok(Some(b"stored".to_vec())),
            _ => Ok(None),
        }
    }

    async fn keys(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}

/// Sets the key named by the input to `new`, then reads `known`.
fn writer(ending: &str) -> Guest {
    Guest::action(&format!(
        "(call $set (local.get $input) (local.get $input_len)
           (i32.const 4096) (i32.const 3) (i32.const 2048))
         (call $ask (i32.const 4100) (i32.const 5) (i32.const 2048))
         {ending}"
    ))
    .item(ANSWER)
    .item("(data (i32.const 4096) \"new\") (data (i32.const 4100) \"known\")")
    .import("tidegate:project/kv@1.0.0 get", "$ask (param i32 i32 i32)")
    .import(
        "tidegate:project/kv@1.0.0 set",
        "$set (param i32 i32 i32 i32 i32)",
    )
}

#[tokio::test]
async fn writes_to_the_store_are_read_back_and_handed_over_with_the_result() {
    let fixture = Fixture::new();
    let mut grants = grants();
    grants.kv = Some(Arc::new(Fixed));
    let writer_ok = writer("(call $answer (i32.const 2048))");
    for (key, read) in [("other", "\"stored\""), ("known", "\"new\"")] {
        let report = fixture.run(&writer_ok, key, grants.clone()).await;
        assert_eq!(report.outcome, Ok(Output::Run(read.to_owned())));
        assert_eq!(
            report.kv_writes,
            [KvWrite::Set {
                key: key.to_owned(),
                value: b"new".to_vec(),
            }]
        );
    }
    for failing in [
        "(call $fail (i32.const 0) (i32.const 4096) (i32.const 3))",
        "unreachable",
    ] {
        let report = fixture.run(&writer(failing), "other", grants.clone()).await;
        assert!(report.outcome.is_err());
        assert_eq!(report.kv_writes, []);
    }
}

#[tokio::test]
async fn keys_and_values_of_the_store_have_limits() {
    let fixture = Fixture::new();
    let mut grants = grants();
    let get = asker("kv@1.0.0 get");
    assert_eq!(
        ask(&fixture, &get, "known", &grants).await,
        "0",
        "unavailable"
    );
    grants.kv = Some(Arc::new(Fixed));
    assert_eq!(ask(&fixture, &get, "known", &grants).await, "\"stored\"");
    assert_eq!(ask(&fixture, &get, "", &grants).await, "1", "bad key");
    assert_eq!(ask(&fixture, &get, &"k".repeat(512), &grants).await, "null");
    assert_eq!(ask(&fixture, &get, &"k".repeat(513), &grants).await, "1");
    assert_eq!(ask(&fixture, &get, "broken", &grants).await, "3", "failed");

    let set = Guest::action(
        "(call $set (i32.const 4096) (i32.const 1) (local.get $input) (local.get $input_len)
           (i32.const 2048))
         (i32.store8 (i32.const 3000) (i32.add (i32.const 48)
           (i32.mul (i32.load8_u (i32.const 2048)) (i32.load8_u (i32.const 2052)))))
         (call $ok (i32.const 3000) (i32.const 1))",
    )
    .item("(data (i32.const 4096) \"k\")")
    .import(
        "tidegate:project/kv@1.0.0 set",
        "$set (param i32 i32 i32 i32 i32)",
    );
    assert_eq!(
        ask(&fixture, &set, &"v".repeat(64 * 1024), &grants).await,
        "0"
    );
    assert_eq!(
        ask(&fixture, &set, &"v".repeat(64 * 1024 + 1), &grants).await,
        "2"
    );
}

#[tokio::test]
async fn subscription_props_see_values_but_neither_store_nor_user() {
    let fixture = Fixture::new();
    let mut grants = grants();
    grants.kv = Some(Arc::new(Fixed));
    grants.variables = [("events".to_owned(), Some("push".to_owned()))].into();
    grants.user = Some(UserGrant {
        settings: BTreeMap::from([("events".to_owned(), Some("7".to_owned()))]),
        account: Account::Missing,
    });
    for (function, expected) in [
        ("values@1.0.0 variable", "\"push\""),
        ("kv@1.0.0 get", "0"),
        ("users@1.0.0 setting", "2"),
    ] {
        let guest = Guest::new()
            .on(
                "subscription-props",
                "(call $ask (local.get $name) (local.get $name_len) (i32.const 2048))
                 (call $answer (i32.const 2048))",
            )
            .item(ANSWER)
            .import(
                &format!("tidegate:project/{function}"),
                "$ask (param i32 i32 i32)",
            );
        let component = fixture.load(&guest).await;
        let props = Call::SubscriptionProps {
            webhook: "events".to_owned(),
            user: None,
        };
        let report = fixture
            .sandbox
            .call(&component, props, grants.clone())
            .await;
        assert_eq!(
            report.outcome,
            Ok(Output::Props(expected.to_owned())),
            "{function}"
        );
    }
}

#[tokio::test]
async fn secrets_are_taken_out_of_logs_outputs_errors_and_crashes() {
    let fixture = Fixture::new();
    let mut grants = grants();
    let value = "hunter2-hunter2";
    grants.secrets = [("S".to_owned(), Some(Secret::new(value)))].into();
    let print = "(call $write (call $stdout) (local.get $input) (local.get $input_len)
           (i32.const 3000))
         (call $log (i32.const 4) (local.get $input) (local.get $input_len)
           (i32.const 0) (i32.const 0))";
    let guest = |ending: &str| {
        Guest::action(&format!("{print} {ending}"))
            .import(
                "tidegate:project/log@1.0.0 write",
                "$log (param i32 i32 i32 i32 i32)",
            )
            .import("wasi:cli/stdout@0.2.6 get-stdout", "$stdout (result i32)")
            .import(
                "wasi:io/streams@0.2.6 [method]output-stream.blocking-write-and-flush",
                "$write (param i32 i32 i32 i32)",
            )
    };
    let json = format!("{{\"a\":\"{value}\"}}");
    for ending in [
        "(call $ok (local.get $input) (local.get $input_len))",
        "(call $fail (i32.const 1) (local.get $input) (local.get $input_len))",
        "unreachable",
    ] {
        let report = fixture.run(&guest(ending), &json, grants.clone()).await;
        let shown = format!("{report:?}");
        assert!(!shown.contains(value), "{shown}");
        let lines = &report.log.lines;
        assert_eq!(lines.len(), 2);
        for line in lines {
            assert_eq!(line.message, "{\"a\":\"[redacted]\"}");
        }
        assert_eq!(lines[0].level, LogLevel::Error);
        // What was printed without a newline is a line at the end.
        assert_eq!(lines[1].source, LogSource::Stdout);
    }
    let shown = format!("{grants:?}");
    assert!(!shown.contains(value), "{shown}");
}
