//! What is taken out of a guest's texts, and how JSON stays JSON without it.

use domain::{REDACTED, Redactor, Secret};
use serde_json::Value;

use crate::grants::{Account, Grants};

/// Parts of the names under which credentials hold what nobody may see.
const TELLING: [&str; 4] = ["token", "secret", "password", "key"];

/// Prepares to take out everything secret that a guest was granted.
pub(crate) fn redactor_of(grants: &Grants) -> Redactor {
    let mut values: Vec<Secret> = Vec::new();
    for secret in grants
        .secrets
        .values()
        .chain(grants.app_config.values())
        .flatten()
        .chain(&grants.redact)
    {
        add_forms(secret.expose(), &mut values);
    }
    if let Some(user) = &grants.user
        && let Account::Connected(credential) = &user.account
    {
        add_forms(credential.value.expose(), &mut values);
        if let Ok(parts) = serde_json::from_str(credential.value.expose()) {
            add_parts(&parts, false, &mut values);
        }
    }
    Redactor::new(&values)
}

/// Adds a value as it is, as JSON writes it, and line by line, as logs show it.
fn add_forms(value: &str, values: &mut Vec<Secret>) {
    values.push(Secret::new(value));
    let escaped = Value::from(value).to_string();
    let escaped = &escaped[1..escaped.len() - 1];
    if escaped != value {
        values.push(Secret::new(escaped));
        values.extend(value.lines().map(Secret::new));
    }
}

fn add_parts(part: &Value, telling: bool, values: &mut Vec<Secret>) {
    match part {
        Value::String(text) if telling => add_forms(text, values),
        Value::Array(items) => {
            for item in items {
                add_parts(item, telling, values);
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                let name = name.to_ascii_lowercase();
                let telling = telling || TELLING.iter().any(|part| name.contains(part));
                add_parts(value, telling, values);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Takes secrets out of a JSON text, which stays one.
pub(crate) fn redact_json(redactor: &Redactor, json: String) -> String {
    let plain = redactor.redact(json.clone());
    if plain == json {
        return json;
    }
    let whole = || Value::from(REDACTED).to_string();
    let Ok(mut value) = serde_json::from_str(&json) else {
        return whole();
    };
    redact_value(redactor, &mut value);
    let text = value.to_string();
    // What still shows a secret has one that spans several values.
    if redactor.redact(text.clone()) == text {
        text
    } else {
        whole()
    }
}

fn redact_value(redactor: &Redactor, value: &mut Value) {
    match value {
        Value::String(text) => *text = redactor.redact(std::mem::take(text)),
        Value::Number(number) => {
            let text = number.to_string();
            let clean = redactor.redact(text.clone());
            if clean != text {
                *value = Value::from(clean);
            }
        }
        Value::Array(items) => {
            for item in items {
                redact_value(redactor, item);
            }
        }
        Value::Object(fields) => {
            *fields = std::mem::take(fields)
                .into_iter()
                .map(|(name, mut value)| {
                    redact_value(redactor, &mut value);
                    (redactor.redact(name), value)
                })
                .collect();
        }
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use domain::Limits;

    use super::*;
    use crate::grants::{Credential, UserGrant};

    fn redactor(values: &[&str]) -> Redactor {
        let mut grants = Grants::new("action a", Limits::operations());
        grants.redact = values.iter().copied().map(Secret::new).collect();
        redactor_of(&grants)
    }

    #[test]
    fn json_stays_json_whatever_is_taken_out_of_it() {
        let redactor = redactor(&["hunter2-hunter2", "12345678", "\"a\":{\"b\""]);
        for (json, expected) in [
            (r#"{"x":"hunter2-hunter2!"}"#, r#"{"x":"[redacted]!"}"#),
            (r#"{"hunter2-hunter2":1}"#, r#"{"[redacted]":1}"#),
            (r#"[123456789]"#, r#"["[redacted]9"]"#),
            (r#"{"a":{"b":1}}"#, r#""[redacted]""#),
            (r#"{ "x" : 1 }"#, r#"{ "x" : 1 }"#),
        ] {
            assert_eq!(redact_json(&redactor, json.to_owned()), expected);
        }
    }

    #[test]
    fn a_secret_is_found_as_json_writes_it_and_line_by_line() {
        let redactor = redactor(&["-----BEGIN-----\nabcdefgh\n"]);
        let logged = redactor.redact("key abcdefgh".to_owned());
        assert_eq!(logged, "key [redacted]");
        let quoted = redactor.redact(r#"{"k":"-----BEGIN-----\nabcdefgh\n"}"#.to_owned());
        assert_eq!(quoted, r#"{"k":"[redacted]"}"#);
    }

    #[test]
    fn the_secret_parts_of_a_credential_are_found_and_its_scopes_are_not() {
        let mut grants = Grants::new("action a", Limits::operations());
        grants.user = Some(UserGrant {
            settings: BTreeMap::new(),
            account: Account::Connected(Credential {
                value: Secret::new(
                    r#"{"access_token":"gho_0123456789","scope":"repo admin:hooks"}"#,
                ),
                scopes: Vec::new(),
                expires_at_ms: None,
            }),
        });
        let redactor = redactor_of(&grants);
        assert_eq!(
            redactor.redact("gho_0123456789 repo admin:hooks".to_owned()),
            "[redacted] repo admin:hooks"
        );
    }
}
