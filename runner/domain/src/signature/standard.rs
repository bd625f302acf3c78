//! Standard Webhooks: `v1` by HMAC, `v1a` by Ed25519, several signatures in one header.

use super::key::{StandardKey, from_base64};
use super::{Headers, MAX_SIGNATURES, Refusal, any_equal, header, timely};
use crate::secret::Secret;
use crate::time::Timestamp;

pub(super) const ID: &str = "webhook-id";
pub(super) const TIME: &str = "webhook-timestamp";
pub(super) const SIGNATURE: &str = "webhook-signature";

/// The signatures of one request, by version.
#[derive(Default)]
struct Sent {
    v1: Vec<Vec<u8>>,
    v1a: Vec<Vec<u8>>,
}

pub(super) fn verify(
    keys: &[Secret],
    headers: &Headers,
    body: &[u8],
    now: Timestamp,
) -> Result<(), Refusal> {
    let id = header(headers, ID)?;
    let time = header(headers, TIME)?;
    timely(TIME, time, now)?;
    let sent = read(header(headers, SIGNATURE)?)?;
    let parts = [id.as_bytes(), b".", time.as_bytes(), b".", body];
    for key in keys {
        let matches = match StandardKey::parse(key)? {
            StandardKey::Mac(mac) => any_equal(mac.of(&parts).as_ref(), &sent.v1),
            key @ (StandardKey::Public(_) | StandardKey::Private(_)) => {
                let message = parts.concat();
                sent.v1a.iter().any(|one| key.made(&message, one))
            }
        };
        if matches {
            return Ok(());
        }
    }
    Err(Refusal::Mismatch)
}

/// Reads a list such as `v1,BASE64 v1a,BASE64`; versions to come are passed over.
fn read(text: &str) -> Result<Sent, Refusal> {
    let malformed = || Refusal::Malformed(SIGNATURE.to_owned());
    let mut sent = Sent::default();
    for one in text.split_ascii_whitespace().take(MAX_SIGNATURES) {
        let (version, signature) = one.split_once(',').ok_or_else(malformed)?;
        let into = match version {
            "v1" => &mut sent.v1,
            "v1a" => &mut sent.v1a,
            _ => continue,
        };
        into.push(from_base64(signature).ok_or_else(malformed)?);
    }
    Ok(sent)
}
