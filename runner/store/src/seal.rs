//! Encryption at rest: what is sealed opens only with the key, and only in its own row.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use domain::Secret;
use zeroize::Zeroizing;

use crate::Error;

/// The first byte of what is sealed: how the rest is to be read.
const FORM: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 24;

/// The data directory's key, from which each purpose has its own.
pub(crate) struct MasterKey(Zeroizing<[u8; 32]>);

impl MasterKey {
    pub(crate) fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(purpose, self.0.as_ref()))
    }
}

/// The keys of each purpose.
pub(crate) struct Keys {
    id: [u8; KEY_ID],
    cipher: XChaCha20Poly1305,
    tokens: Zeroizing<[u8; 32]>,
    cache: Zeroizing<[u8; 32]>,
}

/// Where a sealed value stands: it opens nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct Spot<'a> {
    /// The table and column, as `table.column`.
    pub(crate) column: &'static str,
    /// What identifies the row.
    pub(crate) row: &'a str,
}

impl Keys {
    pub(crate) fn derive(master: &MasterKey) -> Self {
        let mut id = [0; KEY_ID];
        let digest = master.derive("tidegate 2026 key id");
        id.copy_from_slice(&digest[..KEY_ID]);
        let sealing = master.derive("tidegate 2026 sealed columns");
        Self {
            id,
            cipher: XChaCha20Poly1305::new((&*sealing).into()),
            tokens: master.derive("tidegate 2026 endpoint token hash"),
            cache: master.derive("tidegate 2026 compiled code cache"),
        }
    }

    /// Returns the key's id in hexadecimal; it tells nothing about the key.
    pub(crate) fn id(&self) -> String {
        hex::encode(self.id)
    }

    pub(crate) fn cache(&self) -> [u8; 32] {
        *self.cache
    }

    /// Hashes an endpoint token, so that it is found without being stored.
    pub(crate) fn token_hash(&self, token: &Secret) -> [u8; 32] {
        blake3::keyed_hash(&self.tokens, token.expose().as_bytes()).into()
    }

    /// Seals a value for one spot.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub(crate) fn seal(&self, spot: Spot<'_>, value: &Secret) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| Error::NoRandomness)?;
        let sealed = self
            .cipher
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: value.expose().as_bytes(),
                    aad: &self.binding(spot),
                },
            )
            .map_err(|_| Error::Unsealable(spot.column))?;
        let mut out = Vec::with_capacity(1 + KEY_ID + NONCE + sealed.len());
        out.push(FORM);
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what was sealed for this spot.
    ///
    /// # Errors
    /// When it was sealed with another key or for another spot, or was changed.
    pub(crate) fn open(&self, spot: Spot<'_>, sealed: &[u8]) -> Result<Secret, Error> {
        let damaged = || Error::Unsealable(spot.column);
        let (&form, rest) = sealed.split_first().ok_or_else(damaged)?;
        let (id, rest) = rest.split_at_checked(KEY_ID).ok_or_else(damaged)?;
        let (nonce, body) = rest.split_at_checked(NONCE).ok_or_else(damaged)?;
        if form != FORM {
            return Err(damaged());
        }
        if id != self.id {
            return Err(Error::WrongKey {
                expected: hex::encode(id),
                found: self.id(),
            });
        }
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| damaged())?;
        let opened = self
            .cipher
            .decrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: body,
                    aad: &self.binding(spot),
                },
            )
            .map_err(|_| damaged())?;
        String::from_utf8(opened)
            .map(Secret::new)
            .map_err(|_| damaged())
    }

    fn binding(&self, spot: Spot<'_>) -> Vec<u8> {
        let mut aad = vec![FORM];
        aad.extend_from_slice(&self.id);
        aad.extend_from_slice(spot.column.as_bytes());
        aad.push(0);
        aad.extend_from_slice(spot.row.as_bytes());
        aad
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(byte: u8) -> Keys {
        Keys::derive(&MasterKey::new(Zeroizing::new([byte; 32])))
    }

    const SPOT: Spot<'static> = Spot {
        column: "held_values.sealed",
        row: "1/1/secret/TOKEN/1",
    };

    #[test]
    fn what_is_sealed_opens_in_its_own_spot_only() {
        let keys = keys(7);
        let sealed = keys.seal(SPOT, &Secret::new("hunter2-hunter2")).unwrap();
        assert_eq!(
            keys.open(SPOT, &sealed).unwrap().expose(),
            "hunter2-hunter2"
        );
        for other in [
            Spot {
                row: "1/2/secret/TOKEN/1",
                ..SPOT
            },
            Spot {
                column: "registrations.token_sealed",
                ..SPOT
            },
        ] {
            assert!(matches!(
                keys.open(other, &sealed),
                Err(Error::Unsealable(_))
            ));
        }
    }

    #[test]
    fn another_key_and_a_changed_byte_are_told_apart() {
        let sealed = keys(7).seal(SPOT, &Secret::new("value")).unwrap();
        assert!(matches!(
            keys(8).open(SPOT, &sealed),
            Err(Error::WrongKey { .. })
        ));
        for index in [0, 20, 40, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(keys(7).open(SPOT, &changed).is_err(), "{index}");
        }
        for cut in 0..sealed.len() {
            assert!(keys(7).open(SPOT, &sealed[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn two_seals_of_one_value_differ() {
        let keys = keys(7);
        let value = Secret::new("value");
        assert_ne!(
            keys.seal(SPOT, &value).unwrap(),
            keys.seal(SPOT, &value).unwrap()
        );
    }
}
