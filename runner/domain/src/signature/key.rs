//! The keys that sign deliveries, as they stand in secrets.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::hmac;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use crate::declare::HmacDigest;
use crate::secret::Secret;

/// Says why a signing key cannot be used; the key itself is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is empty: anybody could sign with it.
    #[error("the signing key is empty")]
    Empty,
    /// It is not Base64.
    #[error("the signing key is not Base64 after its prefix, as Standard Webhooks has it")]
    NotBase64,
    /// It is not as long as keys of its kind are.
    #[error("the signing key is not as long as keys with its prefix are")]
    BadLength,
    /// It only verifies.
    #[error("the signing key is a public one, which verifies and cannot sign")]
    PublicOnly,
}

/// Padding is left out by some who write Base64.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

pub(super) fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// A symmetric key.
pub(super) struct Mac(hmac::Key);

impl Mac {
    /// Takes the secret's bytes as the key, as most providers do.
    pub(super) fn verbatim(key: &Secret, digest: HmacDigest) -> Result<Self, KeyError> {
        Self::new(key.expose().as_bytes(), digest)
    }

    fn new(key: &[u8], digest: HmacDigest) -> Result<Self, KeyError> {
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        let algorithm = match digest {
            HmacDigest::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            HmacDigest::Sha256 => hmac::HMAC_SHA256,
            HmacDigest::Sha512 => hmac::HMAC_SHA512,
        };
        Ok(Self(hmac::Key::new(algorithm, key)))
    }

    /// Makes the signature of the parts, one after the other.
    pub(super) fn of(&self, parts: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        context.sign()
    }
}

/// A key as Standard Webhooks writes it.
pub(super) enum StandardKey {
    /// `whsec_`, or no prefix: the version `v1`.
    Mac(Mac),
    /// `whpk_`: it verifies the version `v1a`.
    Public(Vec<u8>),
    /// `whsk_`: it signs the version `v1a`.
    Private(Box<Ed25519KeyPair>),
}

/// An Ed25519 seed or public key, in bytes.
const ED25519_KEY: usize = 32;

impl StandardKey {
    pub(super) fn parse(key: &Secret) -> Result<Self, KeyError> {
        let text = key.expose().trim();
        let decode = |text: &str| from_base64(text).ok_or(KeyError::NotBase64);
        if let Some(text) = text.strip_prefix("whpk_") {
            let bytes = decode(text)?;
            return match bytes.len() {
                ED25519_KEY => Ok(Self::Public(bytes)),
                _ => Err(KeyError::BadLength),
            };
        }
        if let Some(text) = text.strip_prefix("whsk_") {
            let bytes = decode(text)?;
            // Some write the public key after the seed.
            let seed = match bytes.len() {
                ED25519_KEY | 64 => &bytes[..ED25519_KEY],
                _ => return Err(KeyError::BadLength),
            };
            let pair = Ed25519KeyPair::from_seed_unchecked(seed);
            return pair
                .map(|pair| Self::Private(Box::new(pair)))
                .map_err(|_| KeyError::BadLength);
        }
        let bytes = decode(text.strip_prefix("whsec_").unwrap_or(text))?;
        Mac::new(&bytes, HmacDigest::Sha256).map(Self::Mac)
    }

    /// Returns whether the public half of an asymmetric key says that it made the signature.
    pub(super) fn made(&self, message: &[u8], signature: &[u8]) -> bool {
        let public = match self {
            Self::Mac(_) => return false,
            Self::Public(bytes) => bytes.as_slice(),
            Self::Private(pair) => pair.public_key().as_ref(),
        };
        UnparsedPublicKey::new(&ED25519, public)
            .verify(message, signature)
            .is_ok()
    }
}
