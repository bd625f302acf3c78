//! What can be said of a delivery without its handler: its key, its challenge, and that none came.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::declare::{DedupeKey, Signature, Webhook};
use crate::signature::Headers;
use crate::time::Timestamp;

/// For how long at least a delivery is known, so that it is not handled twice.
pub const KNOWN_FOR: Duration = Duration::from_secs(4 * 24 * 3600);

/// Longer keys are kept as their hash.
const MAX_KEY: usize = 200;

/// Returns what tells a delivery from others of its webhook: the declared key, else the id
/// that the provider gives. Without either, every delivery is one of its own.
#[must_use]
pub fn dedupe_key(webhook: &Webhook, headers: &Headers, body: &[u8]) -> Option<String> {
    let key = match &webhook.dedupe {
        Some(DedupeKey::Header(name)) => header(headers, name),
        Some(DedupeKey::Pointer(pointer)) => at_pointer(body, pointer),
        None => match &webhook.signature {
            Signature::StandardWebhooks { .. } => header(headers, "webhook-id"),
            Signature::Github { .. } => header(headers, "x-github-delivery"),
            Signature::Shopify { .. } => header(headers, "x-shopify-webhook-id"),
            Signature::Stripe { .. } => at_pointer(body, "/id"),
            Signature::Slack { .. } => at_pointer(body, "/event_id"),
            Signature::None | Signature::Hmac { .. } => None,
        },
    }?;
    if key.len() <= MAX_KEY {
        return Some(key);
    }
    Some(format!("sha256:{}", hex::encode(Sha256::digest(key))))
}

/// Returns the first value of a header, if it says anything.
fn header(headers: &Headers, name: &str) -> Option<String> {
    let (_, value) = headers
        .iter()
        .find(|(other, _)| other.eq_ignore_ascii_case(name))?;
    let value = String::from_utf8_lossy(value).trim().to_owned();
    (!value.is_empty()).then_some(value)
}

/// Returns what a JSON Pointer finds: a text as it is, anything else as JSON; nothing for `null`.
fn at_pointer(body: &[u8], pointer: &str) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    match body.pointer(pointer)? {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Returns what Slack wants to hear when it checks an address: the challenge that it sent.
///
/// It must be asked of verified bodies only.
#[must_use]
pub fn slack_challenge(webhook: &Webhook, body: &[u8]) -> Option<String> {
    match webhook.signature {
        Signature::Slack { .. } => {}
        Signature::None
        | Signature::StandardWebhooks { .. }
        | Signature::Github { .. }
        | Signature::Stripe { .. }
        | Signature::Shopify { .. }
        | Signature::Hmac { .. } => return None,
    }
    let body: Value = serde_json::from_slice(body).ok()?;
    if body.get("type")? != "url_verification" {
        return None;
    }
    body.get("challenge")?.as_str().map(str::to_owned)
}

/// Returns since when an address has been silent, once that is longer than the webhook declared.
///
/// It listens since `since`, and `last` is when its last delivery came.
#[must_use]
pub fn silent_since(
    webhook: &Webhook,
    since: Timestamp,
    last: Option<Timestamp>,
    now: Timestamp,
) -> Option<Timestamp> {
    let allowed = Duration::from_secs(webhook.silence_seconds?.into());
    let heard = last.map_or(since, |last| last.max(since));
    (now.since(heard) > allowed).then_some(heard)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declare::{ChangeOrder, Hooks, Respond, SigningKey};

    fn webhook(signature: Signature, dedupe: Option<DedupeKey>) -> Webhook {
        Webhook {
            name: "w".to_owned(),
            title: String::new(),
            integration: None,
            per_user: false,
            hooks: Hooks::default(),
            secrets: Vec::new(),
            variables: Vec::new(),
            hosts: Vec::new(),
            signature,
            dedupe,
            respond: Respond::Ack,
            silence_seconds: Some(60),
            order: ChangeOrder::Replace,
            challenge: None,
            timeout_ms: None,
            renamed_from: None,
            location: None,
        }
    }

    const KEY: SigningKey = SigningKey::Issued;

    #[test]
    fn a_declared_key_goes_before_the_providers_id() {
        let headers = [
            ("X-GitHub-Delivery".to_owned(), b"72d3".to_vec()),
            ("X-Order".to_owned(), b" 7 ".to_vec()),
            ("webhook-id".to_owned(), b"msg_1".to_vec()),
            ("x-shopify-webhook-id".to_owned(), b"b54557e4".to_vec()),
        ];
        let body = br#"{"id":"evt_1","event_id":"Ev1","order":{"n":7},"nothing":null,"empty":""}"#;
        let pointer = |text: &str| Some(DedupeKey::Pointer(text.to_owned()));
        for (signature, dedupe, expected) in [
            (Signature::Github { key: KEY }, None, Some("72d3")),
            (
                Signature::StandardWebhooks { key: KEY },
                None,
                Some("msg_1"),
            ),
            (Signature::Shopify { key: KEY }, None, Some("b54557e4")),
            (Signature::Stripe { key: KEY }, None, Some("evt_1")),
            (Signature::Slack { key: KEY }, None, Some("Ev1")),
            (Signature::None, None, None),
            (
                Signature::Github { key: KEY },
                Some(DedupeKey::Header("x-order".to_owned())),
                Some("7"),
            ),
            (
                Signature::Github { key: KEY },
                pointer("/order"),
                Some(r#"{"n":7}"#),
            ),
            (Signature::None, pointer("/order/n"), Some("7")),
            (Signature::Github { key: KEY }, pointer("/missing"), None),
            (Signature::None, pointer("/nothing"), None),
            (Signature::None, pointer("/empty"), None),
        ] {
            let webhook = webhook(signature, dedupe);
            let found = dedupe_key(&webhook, &headers, body);
            assert_eq!(found.as_deref(), expected, "{webhook:?}");
        }
        let github = webhook(Signature::Stripe { key: KEY }, None);
        assert_eq!(dedupe_key(&github, &[], b"not json"), None);
    }

    #[test]
    fn a_long_key_is_kept_as_its_hash() {
        let webhook = webhook(Signature::None, Some(DedupeKey::Header("x".to_owned())));
        let key = |length: usize| {
            dedupe_key(&webhook, &[("x".to_owned(), vec![b'a'; length])], b"").unwrap()
        };
        assert_eq!(key(200).len(), 200);
        assert_eq!(key(201).len(), "sha256:".len() + 64);
        assert_ne!(key(201), key(202));
    }

    #[test]
    fn only_slack_is_told_its_challenge() {
        let body = br#"{"type":"url_verification","challenge":"3eZb","token":"t"}"#;
        let slack = webhook(Signature::Slack { key: KEY }, None);
        assert_eq!(slack_challenge(&slack, body).as_deref(), Some("3eZb"));
        for other in [
            br#"{"type":"event_callback","challenge":"x"}"#.as_slice(),
            br#"{"type":"url_verification"}"#,
            b"[]",
            b"",
        ] {
            assert_eq!(slack_challenge(&slack, other), None);
        }
        let github = webhook(Signature::Github { key: KEY }, None);
        assert_eq!(slack_challenge(&github, body), None);
    }

    #[test]
    fn silence_counts_from_the_last_delivery_or_the_beginning() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let webhook = webhook(Signature::None, None);
        for (since, last, now, expected) in [
            (0, None, 60, None),
            (0, None, 61, Some(0)),
            (0, Some(50), 110, None),
            (0, Some(50), 111, Some(50)),
            // The last delivery went to an earlier address.
            (100, Some(50), 160, None),
            (100, Some(50), 161, Some(100)),
            // The clock went backwards.
            (100, None, 0, None),
        ] {
            assert_eq!(
                silent_since(&webhook, at(since), last.map(at), at(now)),
                expected.map(at),
                "{since} {last:?} {now}"
            );
        }
        let mut patient = webhook;
        patient.silence_seconds = None;
        assert_eq!(silent_since(&patient, at(0), None, at(1 << 40)), None);
    }
}
