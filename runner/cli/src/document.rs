//! The documents of `--format json`: `{"kind": …, "version": 1, …}`.

use engine::{DeployReport, DeploySummary, StatusReport, ValueChangeReport};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// The version of every document's shape.
const VERSION: u32 = 1;

/// Makes a document whose fields are those of `body`.
///
/// # Panics
/// When `body` is no record, or has a field `kind` or `version` of its own.
pub(crate) fn document<T: Serialize>(kind: &str, body: &T) -> Value {
    let mut document = Map::new();
    document.insert("kind".to_owned(), kind.into());
    document.insert("version".to_owned(), VERSION.into());
    for (name, value) in fields(body) {
        let before = document.insert(name, value);
        assert!(before.is_none(), "a document's own field is never replaced");
    }
    Value::Object(document)
}

/// Writes a document with its kind and version before its other fields.
pub(crate) struct KindFirst<'a>(pub(crate) &'a Value);

impl Serialize for KindFirst<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const FIRST: [&str; 2] = ["kind", "version"];
        let Value::Object(map) = self.0 else {
            return self.0.serialize(serializer);
        };
        let mut fields = serializer.serialize_map(Some(map.len()))?;
        for (name, value) in FIRST.iter().filter_map(|name| map.get_key_value(*name)) {
            fields.serialize_entry(name, value)?;
        }
        for (name, value) in map
            .iter()
            .filter(|(name, _)| !FIRST.contains(&name.as_str()))
        {
            fields.serialize_entry(name, value)?;
        }
        fields.end()
    }
}

/// Makes a document with a list.
pub(crate) fn items<T: Serialize>(kind: &str, items: &[T]) -> Value {
    json!({ "kind": kind, "version": VERSION, "items": items })
}

/// Returns the fields of a record.
///
/// # Panics
/// When it is none.
pub(crate) fn fields<T: Serialize>(body: &T) -> Map<String, Value> {
    match serde_json::to_value(body) {
        Ok(Value::Object(map)) => map,
        Ok(_) | Err(_) => unreachable!("the body of a document is a record"),
    }
}

/// Returns the fields of a deploy, or of its summary, as documents name them.
///
/// `version` is the document's own, so the deploy's is `deployed_version`
/// wherever a deploy is shown.
pub(crate) fn deploy_fields<T: Serialize>(deploy: &T) -> Map<String, Value> {
    let mut map = fields(deploy);
    if let Some(version) = map.remove("version") {
        map.insert("deployed_version".to_owned(), version);
    }
    map
}

/// Makes the document of a deploy.
pub(crate) fn deploy(report: &DeployReport) -> Value {
    document("deploy", &deploy_fields(report))
}

/// Makes the document of a list of deploys.
pub(crate) fn deploys(deploys: &[DeploySummary]) -> Value {
    let deploys: Vec<_> = deploys.iter().map(deploy_fields).collect();
    items("deploys", &deploys)
}

/// Makes the document of what is live.
pub(crate) fn status(reports: &[StatusReport]) -> Value {
    let with_live = |report: &StatusReport| {
        let mut map = fields(report);
        if let Some(live) = &report.live {
            map.insert("live".to_owned(), deploy_fields(live).into());
        }
        map
    };
    let reports: Vec<_> = reports.iter().map(with_live).collect();
    items("status", &reports)
}

/// Makes the document of a changed value.
pub(crate) fn value_change(report: &ValueChangeReport) -> Value {
    let mut map = fields(report);
    if let Some(deploy) = &report.reconfigure {
        map.insert("reconfigure".to_owned(), deploy_fields(deploy).into());
    }
    document("value_change", &map)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{KindFirst, deploy_fields, document, items};

    #[test]
    fn a_document_names_its_kind_and_version_beside_the_bodys_fields() {
        assert_eq!(
            document("build", &json!({"size_bytes": 7})),
            json!({"kind": "build", "version": 1, "size_bytes": 7})
        );
        assert_eq!(
            items("runs", &[1, 2]),
            json!({"kind": "runs", "version": 1, "items": [1, 2]})
        );
    }

    #[test]
    fn kind_and_version_come_first() {
        let document = document("build", &json!({"artifact": "abc"}));
        assert_eq!(
            serde_json::to_string(&KindFirst(&document)).unwrap(),
            r#"{"kind":"build","version":1,"artifact":"abc"}"#
        );
    }

    #[test]
    fn a_deploys_version_gives_way_to_the_documents() {
        let fields = deploy_fields(&json!({"deploy": 3, "version": "1.2.0"}));
        assert_eq!(
            document("deploy", &fields),
            json!({"kind": "deploy", "version": 1, "deploy": 3, "deployed_version": "1.2.0"})
        );
    }
}
