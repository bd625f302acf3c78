//! How deliveries are signed: verifying what a provider sent, and signing as it would.
//!
//! Every scheme is made into the same three parts: what is signed, the
//! signatures that the request carries, and the keys that may have made them.
//! Time is passed in, and signatures are compared in constant time.

mod key;
mod sign;
mod standard;
#[cfg(test)]
mod tests;

use std::time::Duration;

use subtle::ConstantTimeEq as _;

use crate::declare::{HmacDigest, Signature, SignatureEncoding};
use crate::secret::Secret;
use crate::time::Timestamp;
use key::Mac;

pub use key::KeyError;
pub use sign::sign;

/// How far the time that a request was signed at may lie from now, either way.
pub const TOLERANCE: Duration = Duration::from_secs(300);

/// The most signatures of one request that are looked at.
const MAX_SIGNATURES: usize = 16;

/// The headers of a request, in order; names are compared without regard to case.
pub type Headers = [(String, Vec<u8>)];

/// Says why a delivery is not taken for the provider's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header is missing.
    #[error("the header `{0}` is missing")]
    Missing(String),
    /// A header is there more than once, so that it could mean either.
    #[error("the header `{0}` is there more than once")]
    Repeated(String),
    /// A header is not written as the scheme has it.
    #[error("the header `{0}` cannot be read")]
    Malformed(String),
    /// It was signed too long ago, or in the future.
    #[error("it was signed at {signed_at} s, more than {} s from now", TOLERANCE.as_secs())]
    Untimely {
        /// The time that was signed, in seconds since the Unix epoch.
        signed_at: u64,
    },
    /// No signature is one that a key of ours makes.
    #[error("no signature matches")]
    Mismatch,
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Verifies that a request was signed with one of `keys`, at a time near `now` where the
/// scheme signs one. What is not signed at all, by declaration, is let through.
///
/// # Errors
/// When it was not, or when that cannot be told.
pub fn verify(
    scheme: &Signature,
    keys: &[Secret],
    headers: &Headers,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refusal> {
    match scheme {
        Signature::None => Ok(()),
        Signature::StandardWebhooks { .. } => standard::verify(keys, headers, body, now),
        Signature::Github { .. } => {
            let text = header(headers, GITHUB_HEADER)?;
            let hex = text.strip_prefix("sha256=");
            let sent = decode(SignatureEncoding::Hex, GITHUB_HEADER, hex)?;
            match_any(keys, HmacDigest::Sha256, &[body], &[sent])
        }
        Signature::Stripe { .. } => stripe(keys, headers, body, now),
        Signature::Shopify { .. } => {
            let text = header(headers, SHOPIFY_HEADER)?;
            let sent = decode(SignatureEncoding::Base64, SHOPIFY_HEADER, Some(text))?;
            match_any(keys, HmacDigest::Sha256, &[body], &[sent])
        }
        Signature::Slack { .. } => {
            let time = header(headers, SLACK_TIME)?;
            timely(SLACK_TIME, time, now)?;
            let hex = header(headers, SLACK_HEADER)?.strip_prefix("v0=");
            let sent = decode(SignatureEncoding::Hex, SLACK_HEADER, hex)?;
            let signed = [b"v0:", time.as_bytes(), b":", body];
            match_any(keys, HmacDigest::Sha256, &signed, &[sent])
        }
        Signature::Hmac {
            header: name,
            digest,
            encoding,
            prefix,
            template,
            timestamp_header,
            ..
        } => {
            let time = match timestamp_header {
                Some(name) => {
                    let time = header(headers, name)?;
                    timely(name, time, now)?;
                    time
                }
                None => "",
            };
            let text = header(headers, name)?.strip_prefix(prefix.trim_start());
            let sent = decode(*encoding, name, text)?;
            let signed = filled(template, time, body);
            match_any(keys, *digest, &signed, &[sent])
        }
    }
}

const GITHUB_HEADER: &str = "x-hub-signature-256";
const STRIPE_HEADER: &str = "stripe-signature";
const SHOPIFY_HEADER: &str = "x-shopify-hmac-sha256";
const SLACK_HEADER: &str = "x-slack-signature";
const SLACK_TIME: &str = "x-slack-request-timestamp";

fn stripe(keys: &[Secret], headers: &Headers, body: &[u8], now: Timestamp) -> Result<(), Refusal> {
    let malformed = || Refusal::Malformed(STRIPE_HEADER.to_owned());
    let mut time = None;
    let mut sent = Vec::new();
    for part in header(headers, STRIPE_HEADER)?.split(',') {
        match part.trim().split_once('=').ok_or_else(malformed)? {
            ("t", _) if time.is_some() => return Err(malformed()),
            ("t", text) => time = Some(text),
            ("v1", hex) if sent.len() < MAX_SIGNATURES => {
                sent.push(decode(SignatureEncoding::Hex, STRIPE_HEADER, Some(hex))?);
            }
            // Test-mode signatures, and what may come.
            (_, _) => {}
        }
    }
    let time = time.ok_or_else(malformed)?;
    timely(STRIPE_HEADER, time, now)?;
    let signed = [time.as_bytes(), b".", body];
    match_any(keys, HmacDigest::Sha256, &signed, &sent)
}

/// Returns the only value of a header.
fn header<'a>(headers: &'a Headers, name: &str) -> Result<&'a str, Refusal> {
    let mut found = headers
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name));
    let (_, value) = found
        .next()
        .ok_or_else(|| Refusal::Missing(name.to_owned()))?;
    if found.next().is_some() {
        return Err(Refusal::Repeated(name.to_owned()));
    }
    std::str::from_utf8(value)
        .map(str::trim)
        .map_err(|_| Refusal::Malformed(name.to_owned()))
}

/// Checks a time in seconds against the present.
fn timely(name: &str, text: &str, now: Timestamp) -> Result<(), Refusal> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let signed_at: u64 = text
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| Refusal::Malformed(name.to_owned()))?;
    let now = now.as_millis().div_euclid(1_000);
    let apart = i128::from(now) - i128::from(signed_at);
    if apart.unsigned_abs() <= u128::from(TOLERANCE.as_secs()) {
        Ok(())
    } else {
        Err(Refusal::Untimely { signed_at })
    }
}

/// Reads a signature; `None` stands for one without its prefix.
fn decode(encoding: SignatureEncoding, name: &str, text: Option<&str>) -> Result<Vec<u8>, Refusal> {
    let decoded = text.and_then(|text| match encoding {
        SignatureEncoding::Hex => hex::decode(text).ok(),
        SignatureEncoding::Base64 => key::from_base64(text),
    });
    decoded.ok_or_else(|| Refusal::Malformed(name.to_owned()))
}

/// Fills a template; what is filled in is not looked at again.
fn filled<'a>(template: &'a str, time: &'a str, body: &'a [u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        parts.push(before.as_bytes());
        rest = if let Some(after) = from.strip_prefix("{body}") {
            parts.push(body);
            after
        } else if let Some(after) = from.strip_prefix("{timestamp}") {
            parts.push(time.as_bytes());
            after
        } else {
            let (brace, after) = from.split_at(1);
            parts.push(brace.as_bytes());
            after
        };
    }
    parts.push(rest.as_bytes());
    parts
}

/// Looks for a signature among `sent` that one of the keys makes of `signed`.
fn match_any(
    keys: &[Secret],
    digest: HmacDigest,
    signed: &[&[u8]],
    sent: &[Vec<u8>],
) -> Result<(), Refusal> {
    for key in keys {
        let made = Mac::verbatim(key, digest)?.of(signed);
        if any_equal(made.as_ref(), sent) {
            return Ok(());
        }
    }
    Err(Refusal::Mismatch)
}

/// Compares with every signature, each in constant time.
fn any_equal(made: &[u8], sent: &[Vec<u8>]) -> bool {
    sent.iter()
        .fold(subtle::Choice::from(0), |found, one| {
            found | made.ct_eq(one.as_slice())
        })
        .into()
}
