//! One byte form for a JSON value: keys sorted by their bytes, no white space.

use serde::Serialize;
use serde_json::Value;

/// Writes a value in canonical form.
///
/// Object keys are sorted bytewise at every depth; numbers and strings are
/// written as `serde_json` writes them.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, &mut out);
    out
}

/// Writes anything that serialises in canonical form.
///
/// # Panics
/// When `value` does not serialise to JSON, which the types of this crate always do.
#[must_use]
pub fn canonical_of<T: Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).expect("types of the domain serialise to JSON");
    canonical(&value)
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push('{');
            for (index, (key, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(key, out);
                out.push(':');
                write_value(item, out);
            }
            out.push('}');
        }
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push_str(&Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value: Value =
            serde_json::from_str(r#"{"b":{"z":1,"a":[{"y":2,"x":"é\n"}]},"a":null}"#).unwrap();
        assert_eq!(
            canonical(&value),
            r#"{"a":null,"b":{"a":[{"x":"é\n","y":2}],"z":1}}"#
        );
    }
}
