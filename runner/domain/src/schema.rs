//! JSON Schemas that a project declares, compiled to check values with.

mod plain;
mod weight;

use std::fmt;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

/// The deepest nesting of a schema. A deploy list wraps schemas in a few
/// levels more, and JSON of more than 128 levels is not read back.
const MAX_DEPTH: usize = 100;
/// The most schemas that one may stand for, its references followed.
const MAX_WEIGHT: u64 = 100_000;
/// The most faults of one schema, or violations of one value, that are told.
const MAX_TOLD: usize = 20;
/// The most characters of one message.
const MAX_MESSAGE: usize = 400;
/// The most steps that one `pattern` may take on one string.
const PATTERN_STEPS: usize = 100_000;
/// The most bytes that one compiled `pattern` may take.
const PATTERN_BYTES: usize = 1 << 20;

/// Says why a text is no schema that values can be checked with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The text is not JSON.
    #[error("it is not JSON: {reason}")]
    NotJson {
        /// What the parser says.
        reason: String,
    },
    /// The schema is nested too deeply.
    #[error("it is nested {depth} levels deep, at most {MAX_DEPTH} are allowed")]
    TooDeep {
        /// Its levels.
        depth: usize,
    },
    /// The schema stands for too many others.
    #[error("its references unfold to {weight} schemas, at most {MAX_WEIGHT} are allowed")]
    TooHeavy {
        /// How many it stands for.
        weight: u64,
    },
    /// The JSON breaks the rules of JSON Schema, or refers to what is not in it.
    #[error("it is not a valid JSON Schema: {}", .faults.join("; "))]
    Invalid {
        /// Where and how, at most 20.
        faults: Vec<String>,
    },
}

/// One way in which a value breaks its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaViolation {
    /// The JSON Pointer of the offending value; of the missing one, where one is required.
    pub pointer: String,
    /// What is wrong, in words that do not repeat the value.
    pub message: String,
}

impl fmt::Display for SchemaViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.message)
    }
}

/// A compiled schema, to check the input of runs with.
///
/// The dialect is what `$schema` says, else 2020-12. Nothing is ever fetched:
/// a `$ref` to another document is an error when the schema is compiled.
#[derive(Debug)]
pub struct InputSchema {
    validator: Validator,
}

impl InputSchema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// When the text is not JSON, not a valid JSON Schema, refers to another
    /// document, or is too deep or too heavy to be checked in reasonable time.
    pub fn compile(text: &str) -> Result<Self, SchemaError> {
        compiled(&read(text)?).map(|validator| Self { validator })
    }

    /// Finds out whether a schema compiles, faster than compiling it where that can be seen at a glance.
    pub(crate) fn verify(text: &str) -> Result<(), SchemaError> {
        let schema = read(text)?;
        if plain::is_plainly_valid(&schema) {
            return Ok(());
        }
        compiled(&schema).map(drop)
    }

    /// Checks a value.
    ///
    /// # Errors
    /// Every violation, up to 20.
    pub fn check(&self, value: &Value) -> Result<(), Vec<SchemaViolation>> {
        if self.validator.is_valid(value) {
            return Ok(());
        }
        let errors = self.validator.iter_errors(value).take(MAX_TOLD);
        let mut violations: Vec<_> = errors.map(|error| violation(&error)).collect();
        violations.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        Err(violations)
    }
}

/// Reads a schema that is small enough to compile and to check with.
fn read(text: &str) -> Result<Value, SchemaError> {
    let schema: Value = serde_json::from_str(text).map_err(|error| SchemaError::NotJson {
        reason: told(&error.to_string()),
    })?;
    let depth = depth(&schema);
    if depth > MAX_DEPTH {
        return Err(SchemaError::TooDeep { depth });
    }
    let weight = weight::weigh(&schema);
    if weight > MAX_WEIGHT {
        return Err(SchemaError::TooHeavy { weight });
    }
    Ok(schema)
}

fn compiled(schema: &Value) -> Result<Validator, SchemaError> {
    let patterns = PatternOptions::fancy_regex()
        .backtrack_limit(PATTERN_STEPS)
        .size_limit(PATTERN_BYTES)
        .dfa_size_limit(PATTERN_BYTES);
    jsonschema::options()
        .offline()
        .with_pattern_options(patterns)
        .build(schema)
        .map_err(|first| SchemaError::Invalid {
            faults: every_fault(schema, &first),
        })
}

/// Lists all that the dialect's own schema says; what else stopped the compiler, if it says nothing.
fn every_fault(schema: &Value, first: &ValidationError<'_>) -> Vec<String> {
    let mut faults = Vec::new();
    if let Ok(dialect) = jsonschema::meta::validator_for(schema) {
        for error in dialect.iter_errors(schema) {
            // The parts of a dialect often say the same.
            let fault = fault(&error);
            if faults.len() < MAX_TOLD && !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    if faults.is_empty() {
        faults.push(fault(first));
    }
    faults.sort();
    faults
}

fn fault(error: &ValidationError<'_>) -> String {
    let message = told(&error.to_string());
    match error.instance_path().as_str() {
        "" => message,
        pointer => format!("at `{}`: {message}", told(pointer)),
    }
}

fn violation(error: &ValidationError<'_>) -> SchemaViolation {
    let at = error.instance_path().as_str();
    let pointer = match error.kind() {
        ValidationErrorKind::Required {
            property: Value::String(name),
        } => format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")),
        _ => at.to_owned(),
    };
    SchemaViolation {
        pointer,
        message: told(&error.masked().to_string()),
    }
}

/// Cuts a message short and keeps it on one line.
fn told(message: &str) -> String {
    let mut out: String = message
        .chars()
        .take(MAX_MESSAGE)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if message.chars().nth(MAX_MESSAGE).is_some() {
        out.push('…');
    }
    out
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compile(schema: &Value) -> Result<InputSchema, SchemaError> {
        InputSchema::compile(&schema.to_string())
    }

    fn violations(schema: &Value, value: &Value) -> Vec<String> {
        compile(schema)
            .unwrap()
            .check(value)
            .err()
            .unwrap_or_default()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn a_violation_names_the_field() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "age": true,
                "a/b": {"type": "object", "required": ["~x"]},
            },
            "required": ["name", "age"],
            "additionalProperties": false,
        });
        assert_eq!(
            violations(&schema, &json!({"name": 7, "a/b": {}, "odd": 1})),
            [
                "Additional properties are not allowed ('odd' was unexpected)",
                "/age: \"age\" is a required property",
                "/a~1b/~0x: \"~x\" is a required property",
                "/name: value is not of type \"string\"",
            ]
        );
        assert_eq!(
            violations(&schema, &json!({"name": "Ada", "age": 36})),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_violation_does_not_repeat_the_value() {
        let told = violations(&json!({"type": "integer"}), &json!("hunter2"));
        assert_eq!(told.len(), 1);
        assert!(!told[0].contains("hunter2"), "{told:?}");
    }

    #[test]
    fn what_is_no_schema_is_refused_with_every_reason() {
        let deep = (0..200).fold(json!(true), |inner, _| json!({"not": inner}));
        let cases = [
            ("{", "it is not JSON"),
            ("7", "it is not a valid JSON Schema"),
            (r#"{"type": "strnig"}"#, "at `/type`"),
            (r#"{"type": 1, "required": "a"}"#, "at `/required`"),
            (r#"{"type": 1, "required": "a"}"#, "at `/type`"),
            (r#"{"pattern": "("}"#, "it is not a valid JSON Schema"),
            (r##"{"$ref": "#/$defs/none"}"##, "/$defs/none"),
            (r#"{"$ref": "https://example.com/a.json"}"#, "example.com"),
            (r#"{"$ref": "file:///etc/passwd"}"#, "file:///etc/passwd"),
            (r#"{"$schema": "https://example.com/own"}"#, "example.com"),
            (&deep.to_string(), "it is "),
        ];
        for (text, expected) in cases {
            let error = InputSchema::compile(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn true_false_and_every_dialect_are_schemas() {
        for schema in [
            json!(true),
            json!({}),
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}),
            json!({"$schema": "https://json-schema.org/draft/2020-12/schema"}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}),
        ] {
            assert!(compile(&schema).is_ok(), "{schema}");
        }
        assert_eq!(violations(&json!(false), &json!(1)).len(), 1);
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
            json!({"anyOf": [{"$ref": "#"}], "not": {"$ref": "#"}}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}),
            json!({"$dynamicRef": "#a", "$dynamicAnchor": "a"}),
        ] {
            if let Ok(schema) = compile(&schema) {
                let _ = schema.check(&json!({"a": [1, 2, {}]}));
            }
        }
    }

    #[test]
    fn a_schema_that_doubles_at_every_level_is_refused() {
        let mut defs = serde_json::Map::new();
        for level in 0..40 {
            let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
            defs.insert(format!("d{level}"), json!({"allOf": [next.clone(), next]}));
        }
        defs.insert("d40".to_owned(), json!({"type": "string"}));
        let error = compile(&json!({"$ref": "#/$defs/d0", "$defs": defs})).unwrap_err();
        assert!(matches!(error, SchemaError::TooHeavy { .. }), "{error}");
    }

    #[test]
    fn a_pattern_that_backtracks_without_end_is_a_violation() {
        let schema = json!({"pattern": "^(a+)+(?!b)c$"});
        let value = json!("a".repeat(40));
        assert_eq!(violations(&schema, &value).len(), 1);
    }
}
