//! How one JSON value differs from another, path by path.

use serde::Serialize;
use serde_json::Value;

use crate::text::clip;

/// The most characters that are shown of a value.
const SHOWN: usize = 80;

/// How a value at a path came to be what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// It was another.
    Changed,
}

/// A difference at one path.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Difference {
    /// Where, as a JSON Pointer.
    pub(super) path: String,
    /// Which.
    pub(super) change: Kind,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Value>,
    /// What is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Value>,
}

impl Difference {
    /// Writes it in a line for people.
    pub(super) fn line(&self) -> String {
        let path = clip(&self.path, SHOWN);
        let written = |value: &Option<Value>| {
            let text = value.as_ref().map(Value::to_string);
            clip(&text.unwrap_or_default(), SHOWN)
        };
        let (before, after) = (written(&self.before), written(&self.after));
        match self.change {
            Kind::Added => format!("+ {path}: {after}"),
            Kind::Removed => format!("- {path}: {before}"),
            Kind::Changed => format!("~ {path}: {before} → {after}"),
        }
    }
}

/// Returns where two values differ, what was added to an object after the rest of it; objects are
/// compared name by name and lists place by place.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(before), Some(after), &mut found);
    found
}

fn compare(
    path: String,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (before, after) {
        (None, None) => {}
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let added = after.keys().filter(|name| !before.contains_key(*name));
            for name in before.keys().chain(added) {
                let path = format!("{path}/{}", escaped(name));
                compare(path, before.get(name), after.get(name), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            for index in 0..before.len().max(after.len()) {
                let path = format!("{path}/{index}");
                compare(path, before.get(index), after.get(index), found);
            }
        }
        (before, after) => found.push(Difference {
            path,
            change: match (before, after) {
                (None, _) => Kind::Added,
                (_, None) => Kind::Removed,
                _ => Kind::Changed,
            },
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

/// Writes a name so that it can stand in a JSON Pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{
        Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
    };
    use serde_json::{Value, json};

    use super::{Kind, differences};

    fn lines(before: &Value, after: &Value) -> Vec<String> {
        let found = differences(before, after);
        found.iter().map(|one| one.line()).collect()
    }

    #[test]
    fn each_path_that_differs_is_named() {
        let before =
            json!({"same": 1, "a/b": {"x": 1, "gone": null}, "list": [1, 2, 3], "kind": 1});
        let after = json!({"same": 1, "a/b": {"x": 2, "new": "n"}, "list": [1, 9], "kind": [1]});
        insta::assert_snapshot!(lines(&before, &after).join("\n"), @r#"
        - /a~1b/gone: null
        ~ /a~1b/x: 1 → 2
        + /a~1b/new: "n"
        ~ /kind: 1 → [1]
        ~ /list/1: 2 → 9
        - /list/2: 3
        "#);
    }

    #[test]
    fn null_is_something_else_than_nothing() {
        assert_eq!(lines(&json!({}), &json!({"a": null})), ["+ /a: null"]);
        assert_eq!(
            lines(&json!({"a": null}), &json!({"a": 0})),
            ["~ /a: null → 0"]
        );
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3_u8).prop_map(Value::from),
            "[a-c/~]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 3, |inner| {
            let names = "[a-c/~]{0,2}";
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::btree_map(names, inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn paths_lead_to_what_was_there_and_what_is(before in json_value(), after in json_value()) {
            let found = differences(&before, &after);
            prop_assert_eq!(found.is_empty(), before == after);
            for one in found {
                prop_assert_eq!(before.pointer(&one.path), one.before.as_ref());
                prop_assert_eq!(after.pointer(&one.path), one.after.as_ref());
                prop_assert_eq!(one.change == Kind::Added, one.before.is_none());
                prop_assert_eq!(one.change == Kind::Removed, one.after.is_none());
                prop_assert!(one.before != one.after);
            }
        }
    }
}
