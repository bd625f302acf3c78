//! A value to begin with, made from a JSON Schema.

use serde_json::{Map, Value, json};

/// How deep values are made; a schema that refers to itself has no end.
const DEPTH: u8 = 6;

/// Makes a value that has the shape a schema asks for, for a person to fill in.
///
/// It need not satisfy every constraint.
pub(super) fn example(schema: &Value) -> Value {
    of(schema, schema, DEPTH)
}

fn of(schema: &Value, root: &Value, depth: u8) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(given) = given(schema) {
        return given.clone();
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| root.pointer(pointer));
        return target.map_or(Value::Null, |target| of(target, root, depth - 1));
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema[several].as_array().and_then(|all| all.first()) {
            return of(first, root, depth - 1);
        }
    }
    match kind(schema) {
        Some("object") => object(schema, root, depth),
        Some("array") => Value::Array(Vec::new()),
        Some("string") => json!(""),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(0)),
        Some("boolean") => json!(false),
        Some(_) => Value::Null,
        None => json!({}),
    }
}

/// Returns the value that the schema itself suggests.
fn given(schema: &Value) -> Option<&Value> {
    let first = |member: &str| schema[member].as_array()?.first();
    first("examples")
        .or_else(|| schema.get("default"))
        .or_else(|| schema.get("const"))
        .or_else(|| first("enum"))
}

fn kind(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        _ if schema["properties"].is_object() => Some("object"),
        _ => None,
    }
}

/// Makes an object with the members that are required or, where none is, with all.
fn object(schema: &Value, root: &Value, depth: u8) -> Value {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else {
        return json!({});
    };
    let members: Map<String, Value> = properties
        .iter()
        .filter(|(name, _)| required.is_empty() || required.contains(&name.as_str()))
        .map(|(name, member)| (name.clone(), of(member, root, depth - 1)))
        .collect();
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::example;

    fn check(schema: &Value, expected: &Value) {
        assert_eq!(&example(schema), expected, "{schema}");
    }

    #[test]
    fn an_example_has_the_members_that_a_schema_requires() {
        let schema = json!({
            "type": "object",
            "required": ["name", "count", "kind", "address"],
            "properties": {
                "name": {"type": "string"},
                "nick": {"type": ["string", "null"]},
                "count": {"type": "integer", "minimum": 1},
                "kind": {"enum": ["new", "old"]},
                "address": {"$ref": "#/$defs/Address"},
            },
            "$defs": {"Address": {"properties": {"city": {"type": "string", "default": "Rome"}}}},
        });
        let expected = json!({"name": "", "count": 1, "kind": "new", "address": {"city": "Rome"}});
        check(&schema, &expected);
    }

    #[test]
    fn a_schema_that_refers_to_itself_has_an_example_that_ends() {
        let schema = json!({"type": "object", "properties": {"next": {"$ref": "#"}}});
        assert!(example(&schema).is_object());
    }

    #[test]
    fn a_schema_that_says_nothing_gives_an_empty_object() {
        check(&json!({}), &json!({}));
        check(&json!(true), &json!({}));
        check(&Value::Null, &json!({}));
        check(
            &json!({"anyOf": [{"type": "boolean"}, {"type": "null"}]}),
            &json!(false),
        );
        check(&json!({"$ref": "#/nowhere"}), &Value::Null);
    }
}
