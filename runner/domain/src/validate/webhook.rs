//! The rules for webhooks: hooks, signatures and answers.

use super::report::About;
use crate::declare::{DedupeKey, Respond, Signature, SigningKey, Webhook};
use crate::names::shown;

/// The longest time that a provider is kept waiting for an answer.
const MAX_DEADLINE_MS: u32 = 30_000;

/// Checks a webhook.
pub(super) fn check(webhook: &Webhook, about: &mut About<'_>) {
    check_hooks(webhook, about);
    check_key(webhook, about);
    check_hmac(&webhook.signature, about);
    check_deliveries(webhook, about);
}

fn check_hooks(webhook: &Webhook, about: &mut About<'_>) {
    if webhook.hooks.subscription {
        return;
    }
    for (has, hook) in [
        (webhook.hooks.refresh, "refresh"),
        (webhook.hooks.check, "check"),
    ] {
        if has {
            about.add(format!(
                "it has the hook `{hook}`, which needs the subscription hooks as well"
            ));
        }
    }
}

fn check_key(webhook: &Webhook, about: &mut About<'_>) {
    let declares = |name: &str| webhook.secrets.iter().any(|secret| secret.name == name);
    match webhook.signature.key() {
        Some(SigningKey::Secret { name }) if !declares(name) => about.add(format!(
            "deliveries are signed with the secret `{}`, which it does not declare",
            shown(name)
        )),
        Some(SigningKey::Issued) if !webhook.hooks.subscription => about.add(
            "its signing key is issued at `subscribe`, but it has no subscription hooks".to_owned(),
        ),
        Some(SigningKey::Secret { .. } | SigningKey::Issued) | None => {}
    }
}

fn check_hmac(signature: &Signature, about: &mut About<'_>) {
    let Signature::Hmac {
        header,
        prefix,
        template,
        timestamp_header,
        ..
    } = signature
    else {
        return;
    };
    check_header("signature", header, about);
    if prefix.chars().any(|c| c != ' ' && !c.is_ascii_graphic()) {
        about.add(format!(
            "the signature's prefix `{}` cannot stand in a header",
            shown(prefix)
        ));
    }
    if !template.contains("{body}") {
        about.add(format!(
            "the signature's template `{}` lacks `{{body}}`: the body would not be signed",
            shown(template)
        ));
    }
    let signs_time = template.contains("{timestamp}");
    match timestamp_header {
        Some(header) => {
            check_header("timestamp", header, about);
            if !signs_time {
                about.add(
                    "it names a timestamp header, but the signature's template lacks `{timestamp}`"
                        .to_owned(),
                );
            }
        }
        None if signs_time => about.add(
            "the signature's template has `{timestamp}` in it, but no timestamp header is named"
                .to_owned(),
        ),
        None => {}
    }
}

fn check_deliveries(webhook: &Webhook, about: &mut About<'_>) {
    match &webhook.dedupe {
        None => {}
        Some(DedupeKey::Header(header)) => check_header("dedupe", header, about),
        Some(DedupeKey::Pointer(pointer)) => {
            if let Err(reason) = check_pointer(pointer) {
                about.add(format!(
                    "the dedupe key `{}` is not a JSON Pointer: {reason}",
                    shown(pointer)
                ));
            }
        }
    }
    if let Respond::Sync { deadline_ms } = webhook.respond
        && !(1..=MAX_DEADLINE_MS).contains(&deadline_ms)
    {
        about.add(format!(
            "it answers within {deadline_ms} ms, 1 to {MAX_DEADLINE_MS} ms are allowed"
        ));
    }
    if webhook.silence_seconds == Some(0) {
        about.add("its silence time is 0 s, at least 1 s is needed".to_owned());
    }
    if let Some(challenge) = &webhook.challenge
        && (challenge.is_empty() || challenge.chars().any(|c| c.is_control() || c == ' '))
    {
        about.add(format!(
            "the challenge `{}` is not the name of a query parameter",
            shown(challenge)
        ));
    }
}

/// Checks that a text is the name of an HTTP header (a token of RFC 9110).
fn check_header(what: &str, name: &str, about: &mut About<'_>) {
    let is_token = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    if !is_token {
        about.add(format!(
            "the {what} header `{}` is not the name of a header",
            shown(name)
        ));
    }
}

/// Checks that a text is a JSON Pointer (RFC 6901).
fn check_pointer(pointer: &str) -> Result<(), &'static str> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err("it must begin with `/`");
    }
    let mut after_tilde = pointer.split('~').skip(1);
    if after_tilde.all(|rest| rest.starts_with(['0', '1'])) {
        Ok(())
    } else {
        Err("`~` must be written `~0`, and `/` within a key `~1`")
    }
}
