//! Tells at a glance that an ordinary schema is valid.
//!
//! Compiling a schema takes fifty times as long as reading it, and the schemas
//! that are derived from types use few keywords. What is not known here is
//! left to the compiler; what is accepted here, the compiler accepts.

use serde_json::{Map, Value};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Returns whether a schema is surely valid.
pub(super) fn is_plainly_valid(schema: &Value) -> bool {
    let dialect_is_known = schema
        .get("$schema")
        .is_none_or(|dialect| dialect.as_str() == Some(DIALECT));
    dialect_is_known && is_schema(schema, schema, Depth::Root)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Root,
    Below,
}

fn is_schema(schema: &Value, root: &Value, depth: Depth) -> bool {
    match schema {
        Value::Bool(_) => true,
        Value::Object(map) => map
            .iter()
            .all(|(key, value)| is_keyword(key, value, root, depth)),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => false,
    }
}

fn is_keyword(key: &str, value: &Value, root: &Value, depth: Depth) -> bool {
    match key {
        "$schema" => depth == Depth::Root,
        "title" | "description" | "$comment" | "format" => value.is_string(),
        "default" | "const" => true,
        "examples" | "enum" => value.is_array(),
        "deprecated" | "readOnly" | "writeOnly" | "uniqueItems" => value.is_boolean(),
        "type" => is_type(value),
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" => value.is_number(),
        "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
            value.is_u64()
        }
        "required" => value.as_array().is_some_and(|names| are_distinct(names)),
        "items" | "additionalProperties" | "not" | "contains" | "propertyNames" => {
            is_schema(value, root, Depth::Below)
        }
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => value.as_array().is_some_and(|parts| {
            !parts.is_empty() && parts.iter().all(|part| is_schema(part, root, Depth::Below))
        }),
        "properties" | "$defs" | "definitions" => value.as_object().is_some_and(|parts| {
            parts
                .values()
                .all(|part| is_schema(part, root, Depth::Below))
        }),
        "$ref" => value
            .as_str()
            .is_some_and(|reference| is_definition(reference, root)),
        _ => false,
    }
}

fn is_type(value: &Value) -> bool {
    const TYPES: [&str; 7] = [
        "null", "boolean", "object", "array", "number", "string", "integer",
    ];
    let is_one = |name: &Value| name.as_str().is_some_and(|name| TYPES.contains(&name));
    match value {
        Value::Array(names) => !names.is_empty() && are_distinct(names) && names.iter().all(is_one),
        name => is_one(name),
    }
}

/// Returns whether all are strings, no two alike; `false` for many, which the compiler sorts out.
fn are_distinct(names: &[Value]) -> bool {
    names.len() <= 64
        && names
            .iter()
            .enumerate()
            .all(|(index, name)| name.is_string() && !names[..index].contains(name))
}

/// Returns whether a reference leads to one of the root's own definitions.
fn is_definition(reference: &str, root: &Value) -> bool {
    let definitions = |place: &str| root.get(place).and_then(Value::as_object);
    let holds = |definitions: Option<&Map<String, Value>>, name: &str| {
        !name.contains(['~', '%', '/'])
            && name.is_ascii()
            && definitions.is_some_and(|definitions| definitions.contains_key(name))
    };
    match reference.strip_prefix("#/$defs/") {
        Some(name) => holds(definitions("$defs"), name),
        None => reference
            .strip_prefix("#/definitions/")
            .is_some_and(|name| holds(definitions("definitions"), name)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::schema::InputSchema;

    #[test]
    fn a_schema_as_types_give_it_is_plainly_valid() {
        assert!(is_plainly_valid(&json!({
            "$schema": DIALECT,
            "title": "Order",
            "type": "object",
            "properties": {
                "id": {"type": "string", "minLength": 1},
                "note": {"type": ["string", "null"], "default": null},
                "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
                "count": {"type": "integer", "format": "uint32", "minimum": 0},
            },
            "required": ["id", "lines"],
            "additionalProperties": false,
            "$defs": {"Line": {"oneOf": [{"const": "a"}, {"enum": ["b", "c"]}]}},
        })));
    }

    #[test]
    fn what_is_not_known_is_left_to_the_compiler() {
        for schema in [
            json!({"$schema": "http://json-schema.org/draft-07/schema#"}),
            json!({"pattern": "("}),
            json!({"not": {"$id": "a"}}),
            json!({"not": {"$schema": DIALECT}}),
            json!({"$ref": "#/$defs/none"}),
            json!({"type": "strnig"}),
            json!({"type": ["string", "string"]}),
            json!({"required": ["a", 1]}),
            json!({"anyOf": []}),
            json!({"minLength": -1}),
            json!({"x-own": 1}),
            json!(7),
        ] {
            assert!(!is_plainly_valid(&schema), "{schema}");
        }
    }

    fn schema() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            prop::sample::select(vec![
                json!({"type": "string"}),
                json!({"type": ["null", "integer"], "minimum": -1.5e300}),
                json!({"$ref": "#/$defs/a"}),
                json!({"$ref": "#/definitions/b c"}),
                json!({"enum": []}),
                json!({"required": ["a"], "maxLength": u64::MAX}),
                json!(null),
            ]),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let names = prop::sample::select(vec![
                "items",
                "not",
                "allOf",
                "prefixItems",
                "properties",
                "$defs",
                "definitions",
                "additionalProperties",
                "default",
                "enum",
                "contains",
                "title",
                "a",
                "b c",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(names.prop_map(str::to_owned), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_plainly_valid_the_compiler_accepts(schema in schema()) {
            if is_plainly_valid(&schema) {
                let compiled = InputSchema::compile(&schema.to_string());
                prop_assert!(compiled.is_ok(), "{schema}: {:?}", compiled.err());
            }
        }
    }
}
