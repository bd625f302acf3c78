//! How much work a schema is, counted before it is compiled.
//!
//! References let a short schema stand for an immense one: forty definitions
//! that each name the next one twice make a billion checks of one value.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

/// So few references unfold a schema to at most twenty times its size, which
/// is not worth the counting.
const FEW: usize = 8;
/// The keywords that refer to another schema.
const REFERRING: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// Counts the schemas that checking one value visits, references followed; at most `u64::MAX`.
///
/// A reference back to what is being counted counts as one. A schema with few
/// references weighs one as a whole.
pub(super) fn weigh(schema: &Value) -> u64 {
    if references(schema) <= FEW {
        return 1;
    }
    unfolded(schema)
}

fn references(node: &Value) -> usize {
    match node {
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| usize::from(REFERRING.contains(&key.as_str())) + references(item))
            .sum(),
        Value::Array(items) => items.iter().map(references).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn unfolded(schema: &Value) -> u64 {
    let mut scale = Scale {
        resources: Vec::new(),
        anchors: HashMap::new(),
        weights: HashMap::new(),
        open: HashSet::new(),
    };
    scale.index(schema);
    scale.weigh(schema, schema)
}

/// A node's address: two nodes that read the same are still two.
type Node = *const Value;

struct Scale<'a> {
    /// What has an identifier of its own.
    resources: Vec<(&'a str, &'a Value)>,
    anchors: HashMap<&'a str, &'a Value>,
    weights: HashMap<Node, u64>,
    /// What is being counted.
    open: HashSet<Node>,
}

impl<'a> Scale<'a> {
    fn index(&mut self, node: &'a Value) {
        match node {
            Value::Object(map) => {
                if let Some(id) = id_of(map) {
                    self.resources.push((id, node));
                }
                for key in ["$anchor", "$dynamicAnchor"] {
                    if let Some(Value::String(anchor)) = map.get(key) {
                        self.anchors.insert(anchor, node);
                    }
                }
                map.values().for_each(|item| self.index(item));
            }
            Value::Array(items) => items.iter().for_each(|item| self.index(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Weighs a node within the resource that its references start from.
    fn weigh(&mut self, node: &'a Value, resource: &'a Value) -> u64 {
        if !node.is_object() && !node.is_array() {
            return 0;
        }
        if let Some(weight) = self.weights.get(&std::ptr::from_ref(node)) {
            return *weight;
        }
        if !self.open.insert(std::ptr::from_ref(node)) {
            return 1;
        }
        let weight = match node {
            Value::Object(map) => self.weigh_object(map, node, resource),
            Value::Array(items) => self.sum(items.iter(), resource),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        };
        self.open.remove(&std::ptr::from_ref(node));
        self.weights.insert(std::ptr::from_ref(node), weight);
        weight
    }

    fn weigh_object(
        &mut self,
        map: &'a Map<String, Value>,
        node: &'a Value,
        resource: &'a Value,
    ) -> u64 {
        let resource = if id_of(map).is_some() { node } else { resource };
        // Definitions cost only where something refers to them.
        let parts = map
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "$defs" | "definitions"))
            .map(|(_, item)| item);
        let mut weight = self.sum(parts, resource).saturating_add(1);
        for key in REFERRING {
            if let Some(Value::String(reference)) = map.get(key)
                && let Some((target, resource)) = self.resolve(reference, resource)
            {
                weight = weight.saturating_add(self.weigh(target, resource));
            }
        }
        weight
    }

    fn sum(&mut self, parts: impl Iterator<Item = &'a Value>, resource: &'a Value) -> u64 {
        parts.fold(0, |sum, part| {
            sum.saturating_add(self.weigh(part, resource))
        })
    }

    /// Finds what a reference means, and its resource; `None` for what lies outside the schema.
    fn resolve(&self, reference: &str, resource: &'a Value) -> Option<(&'a Value, &'a Value)> {
        let (address, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let resource = if address.is_empty() {
            resource
        } else {
            let (_, found) = self
                .resources
                .iter()
                .find(|(id, _)| address.ends_with(id) || id.ends_with(address))?;
            found
        };
        let fragment = decode(fragment);
        let target = if fragment.is_empty() || fragment.starts_with('/') {
            resource.pointer(&fragment)?
        } else {
            self.anchors.get(fragment.as_str())?
        };
        Some((target, resource))
    }
}

fn id_of(map: &Map<String, Value>) -> Option<&str> {
    map.get("$id")
        .or_else(|| map.get("id"))
        .and_then(Value::as_str)
}

/// Decodes the `%` escapes of a URI's fragment; what is none stays as it is.
fn decode(fragment: &str) -> String {
    let bytes = fragment.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_weighs_what_checking_a_value_visits() {
        let cases = [
            (json!(true), 0),
            (json!({}), 1),
            (json!({"type": "string", "enum": ["a", "b"]}), 1),
            // The map of properties counts as one more.
            (json!({"properties": {"a": {}, "b": {"type": "string"}}}), 4),
            (json!({"$defs": {"unused": {"not": {}}}}), 1),
            (
                json!({"allOf": [{"$ref": "#/$defs/a%62"}, {"$ref": "#/$defs/ab"}], "$defs": {"ab": {"not": {}}}}),
                7,
            ),
            (
                json!({"$ref": "#here", "$defs": {"a": {"$anchor": "here"}}}),
                2,
            ),
            (
                json!({"$ref": "b.json#/$defs/c", "$defs": {"a": {"$id": "https://x.com/b.json", "$defs": {"c": {"not": {}}}}}}),
                3,
            ),
            (json!({"$ref": "https://elsewhere.com/a"}), 1),
            (json!({"$ref": "#"}), 2),
            (json!({"properties": {"child": {"$ref": "#"}}}), 4),
        ];
        for (schema, expected) in cases {
            assert_eq!(unfolded(&schema), expected, "{schema}");
        }
    }
}
