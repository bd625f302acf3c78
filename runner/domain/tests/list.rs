//! What the canonical form of a deploy list depends on, and what not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use domain::CheckedList;
use domain::declare::{DeployList, Location, Object};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A list that sets every field of every kind of object.
fn everything() -> Value {
    let values = json!({
        "secrets": [{"name": "KEY", "optional": false, "subscription": true}],
        "variables": [
            {"name": "API_URL", "optional": false, "default": "https://shop.example", "subscription": true},
            {"name": "EVENTS", "optional": true, "default": null, "subscription": false},
        ],
        "hosts": ["${API_URL}", "shop.example"],
        "timeout_ms": 500,
        "renamed_from": "former",
        "title": "Title",
        "integration": "shop",
    });
    let with_values = |object: Value| {
        let mut all = values.as_object().expect("an object").clone();
        all.extend(object.as_object().expect("an object").clone());
        Value::Object(all)
    };
    json!({
        "objects": [
            with_values(json!({"kind": "workflow", "name": "by-clock", "on_by_default": true,
                "secrets": [], "variables": [], "hosts": [],
                "trigger": {"on": "schedule", "cron": "0 9 * * *", "time_zone": "UTC", "catch_up": "once"}})),
            with_values(json!({"kind": "workflow", "name": "by-webhook", "on_by_default": false,
                "secrets": [], "variables": [], "hosts": [], "renamed_from": null,
                "trigger": {"on": "webhook", "name": "orders"}})),
            with_values(json!({"kind": "webhook", "name": "orders", "per_user": true,
                "hooks": {"subscription": true, "refresh": true, "check": true},
                "signature": {"scheme": "hmac", "key": {"from": "secret", "name": "KEY"},
                    "header": "x-signature", "digest": "sha256", "encoding": "hex", "prefix": "v1=",
                    "template": "{timestamp}.{body}", "timestamp_header": "x-time"},
                "dedupe": {"pointer": "/id"}, "respond": {"when": "sync", "deadline_ms": 1000},
                "silence_seconds": 60, "order": "overlap", "challenge": "challenge"})),
            with_values(json!({"kind": "action", "name": "refund", "idempotent": true,
                "secrets": [{"name": "KEY", "optional": false, "subscription": false}],
                "variables": [{"name": "API_URL", "optional": false, "default": null, "subscription": false}],
                "input": {"type": "object", "required": ["id"], "default": 2.5},
                "output": {"b": 1, "a": [true, "x", 1.25e-3]}})),
            {"kind": "app_event", "name": "placed", "title": "Placed", "schema": {"type": "string"},
                "renamed_from": null},
            {"kind": "integration", "name": "shop", "title": "Shop", "renamed_from": null,
                "auth": {"type": "oauth2", "authorize_url": "https://shop.example/a",
                    "token_url": "https://shop.example/t", "scopes": ["read"], "app_config": ["client_id"]},
                "settings": [
                    {"name": "size", "title": "Size", "of_type": {"type": "choice", "values": ["s", "m"]},
                        "required": true, "default": "\"m\""},
                    {"name": "note", "title": "Note", "of_type": {"type": "text"},
                        "required": false, "default": null},
                ]},
        ],
        "uses": [
            {"project": "billing", "used": {"kind": "event", "name": "paid", "schema": {"type": "string"}}},
            {"project": "billing", "used": {"kind": "action", "name": "refund", "input": true, "output": {}}},
        ],
    })
}

fn list() -> DeployList {
    serde_json::from_value(everything()).unwrap()
}

fn read(value: &Value) -> Result<CheckedList, serde_json::Error> {
    CheckedList::from_json(&value.to_string())
}

/// Returns every value that one edit of `value` gives.
fn edits(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!("edited"), json!(1)],
        Value::Bool(is) => vec![json!(!is)],
        Value::Number(number) => vec![json!(number.as_f64().unwrap() + 0.5), json!(7_654)],
        Value::String(text) => vec![
            json!(format!("{text}x")),
            Value::Null,
            // The other names of the enums that a list has.
            json!("sha1"),
            json!("base64"),
            json!("replace"),
            json!("skip"),
            json!("standard_webhooks"),
        ],
        Value::Array(items) => {
            let mut all: Vec<Value> = (0..items.len())
                .map(|index| {
                    let mut fewer = items.clone();
                    fewer.remove(index);
                    Value::Array(fewer)
                })
                .collect();
            for (index, item) in items.iter().enumerate() {
                for edited in edits(item) {
                    let mut changed = items.clone();
                    changed[index] = edited;
                    all.push(Value::Array(changed));
                }
            }
            all
        }
        Value::Object(map) => {
            let mut all = Vec::new();
            for (key, item) in map {
                for edited in edits(item) {
                    let mut changed = map.clone();
                    changed.insert(key.clone(), edited);
                    all.push(Value::Object(changed));
                }
            }
            all
        }
    }
}

#[test]
fn a_faultless_list_is_accepted_in_canonical_order() {
    let checked = CheckedList::new(list()).unwrap();
    let keys: Vec<String> = checked
        .items()
        .iter()
        .map(|item| item.key.to_string())
        .collect();
    assert_eq!(
        keys,
        [
            "integration shop",
            "action refund",
            "webhook orders",
            "workflow by-clock",
            "workflow by-webhook",
            "app event placed",
        ]
    );
}

#[test]
fn a_list_with_a_fault_is_not_accepted() {
    let mut faulty = list();
    faulty.objects.retain(|object| object.name() != "shop");
    let findings = CheckedList::new(faulty).unwrap_err();
    assert_eq!(findings.len(), 4, "{findings:?}");
}

#[test]
fn what_to_json_writes_from_json_reads_unchanged() {
    let checked = CheckedList::new(list()).unwrap();
    let again = CheckedList::from_json(&checked.to_json()).unwrap();
    // Schemas come back in canonical form, everything else as it was.
    assert_eq!(again.to_json(), checked.to_json());
    assert_eq!(again.hash(), checked.hash());
    assert_eq!(again.uses().len(), checked.uses().len());
    let specs = |list: &CheckedList| -> Vec<_> {
        list.items()
            .iter()
            .map(|item| {
                (
                    item.key.clone(),
                    item.renamed_from.clone(),
                    item.spec.clone(),
                )
            })
            .collect()
    };
    assert_eq!(specs(&again), specs(&checked));
    assert_eq!(CheckedList::from_json(&again.to_json()).unwrap(), again);
}

#[test]
fn a_schema_as_deep_as_validation_allows_reads_back() {
    let deep = (0..100).fold(json!(true), |inner, _| json!({"not": inner}));
    let mut with_deep = list();
    for object in &mut with_deep.objects {
        if let Object::AppEvent(event) = object {
            event.schema = deep.to_string();
        }
    }
    let checked = CheckedList::new(with_deep).unwrap();
    let again = CheckedList::from_json(&checked.to_json()).unwrap();
    assert_eq!(again.hash(), checked.hash());
}

#[test]
fn every_field_that_changes_changes_the_hash() {
    let original = read(&everything()).unwrap().hash();
    let mut seen = std::collections::BTreeSet::new();
    for edited in edits(&everything()) {
        if edited == everything() {
            continue;
        }
        // An edit of a type's name, say, gives what is no list.
        let Ok(checked) = read(&edited) else { continue };
        assert_ne!(checked.hash(), original, "{edited}");
        seen.insert(checked.hash());
    }
    assert!(seen.len() > 150, "only {} edits were lists", seen.len());
}

#[test]
fn white_space_and_the_order_of_keys_in_a_schema_mean_nothing() {
    let schema = |text: &str| {
        let mut changed = list();
        for object in &mut changed.objects {
            if let Object::AppEvent(event) = object {
                event.schema = text.to_owned();
            }
        }
        CheckedList::new(changed).unwrap().hash()
    };
    assert_eq!(
        schema(r#"{"type":"string","maxLength":3}"#),
        schema("{ \"maxLength\": 3,\n \"type\": \"string\" }")
    );
    assert_ne!(
        schema(r#"{"type":"string","maxLength":3}"#),
        schema(r#"{"type":"string","maxLength":4}"#)
    );
}

#[test]
fn where_an_object_is_declared_does_not_count() {
    let mut moved = list();
    for (line, object) in (1..).zip(&mut moved.objects) {
        let location = match object {
            Object::Integration(item) => &mut item.location,
            Object::Action(item) => &mut item.location,
            Object::Webhook(item) => &mut item.location,
            Object::Workflow(item) => &mut item.location,
            Object::AppEvent(item) => &mut item.location,
        };
        *location = Some(Location {
            file: "src/lib.rs".to_owned(),
            line,
        });
    }
    let moved = CheckedList::new(moved).unwrap();
    assert_eq!(moved.locations().len(), 6);
    assert_eq!(moved.hash(), CheckedList::new(list()).unwrap().hash());
}

proptest! {
    #[test]
    fn the_order_in_which_a_guest_lists_means_nothing(
        objects in Just(list().objects).prop_shuffle(),
        uses in Just(list().uses).prop_shuffle(),
    ) {
        let shuffled = CheckedList::new(DeployList { objects, uses }).unwrap();
        let original = CheckedList::new(list()).unwrap();
        prop_assert_eq!(shuffled, original);
    }
}
