//! Signing a payload as a provider would, for trying a webhook out.

use super::key::{KeyError, Mac, StandardKey, to_base64};
use super::{
    GITHUB_HEADER, SHOPIFY_HEADER, SLACK_HEADER, SLACK_TIME, STRIPE_HEADER, filled, standard,
};
use crate::declare::{HmacDigest, Signature, SignatureEncoding};
use crate::secret::Secret;
use crate::time::Timestamp;

/// Returns the headers that a provider would send with a body signed at `now`: the signature,
/// and the delivery's id where the provider sends one in a header.
///
/// # Errors
/// When the key cannot sign.
pub fn sign(
    scheme: &Signature,
    key: &Secret,
    body: &[u8],
    now: Timestamp,
    id: &str,
) -> Result<Vec<(String, String)>, KeyError> {
    let time = now.as_millis().div_euclid(1_000).max(0).to_string();
    let sha256 = HmacDigest::Sha256;
    let headers = match scheme {
        Signature::None => Vec::new(),
        Signature::StandardWebhooks { .. } => return standard_webhooks(key, body, &time, id),
        Signature::Github { .. } => {
            let mac = hex::encode(Mac::verbatim(key, sha256)?.of(&[body]));
            vec![
                ("x-github-delivery", id.to_owned()),
                (GITHUB_HEADER, format!("sha256={mac}")),
            ]
        }
        Signature::Stripe { .. } => {
            let signed = [time.as_bytes(), b".", body];
            let mac = hex::encode(Mac::verbatim(key, sha256)?.of(&signed));
            vec![(STRIPE_HEADER, format!("t={time},v1={mac}"))]
        }
        Signature::Shopify { .. } => {
            let mac = to_base64(Mac::verbatim(key, sha256)?.of(&[body]).as_ref());
            vec![
                ("x-shopify-webhook-id", id.to_owned()),
                (SHOPIFY_HEADER, mac),
            ]
        }
        Signature::Slack { .. } => {
            let signed = [b"v0:", time.as_bytes(), b":", body];
            let mac = hex::encode(Mac::verbatim(key, sha256)?.of(&signed));
            vec![(SLACK_TIME, time), (SLACK_HEADER, format!("v0={mac}"))]
        }
        Signature::Hmac {
            header,
            digest,
            encoding,
            prefix,
            template,
            timestamp_header,
            ..
        } => {
            let tag = Mac::verbatim(key, *digest)?.of(&filled(template, &time, body));
            let mac = match encoding {
                SignatureEncoding::Hex => hex::encode(tag),
                SignatureEncoding::Base64 => to_base64(tag.as_ref()),
            };
            let mut headers = vec![(header.as_str(), format!("{prefix}{mac}"))];
            headers.extend(timestamp_header.as_ref().map(|name| (name.as_str(), time)));
            headers
        }
    };
    Ok(headers
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect())
}

fn standard_webhooks(
    key: &Secret,
    body: &[u8],
    time: &str,
    id: &str,
) -> Result<Vec<(String, String)>, KeyError> {
    let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
    let signature = match StandardKey::parse(key)? {
        StandardKey::Mac(mac) => format!("v1,{}", to_base64(mac.of(&parts).as_ref())),
        StandardKey::Private(pair) => {
            let made = pair.sign(&parts.concat());
            format!("v1a,{}", to_base64(made.as_ref()))
        }
        StandardKey::Public(_) => return Err(KeyError::PublicOnly),
    };
    Ok(vec![
        (standard::ID.to_owned(), id.to_owned()),
        (standard::TIME.to_owned(), time.to_owned()),
        (standard::SIGNATURE.to_owned(), signature),
    ])
}
