//! What the provider holds and what it was asked, in the order in which it happened.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::wire::Request;

/// Everything that tests may count.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Ledger {
    pub(crate) calls: Vec<Call>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) issues: Vec<Issue>,
    /// Creations that wait to be carried out.
    pub(crate) held: u32,
    #[serde(skip)]
    last_id: u64,
}

/// One call, as it was received.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Call {
    /// Counts from 1, in the order in which requests were read to their end.
    pub(crate) sequence: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body_sha256: String,
    pub(crate) user_agent: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    /// The status answered, or that would have been; none while it is under way.
    pub(crate) status: Option<u16>,
    /// Whether it changed what the provider holds.
    pub(crate) committed: bool,
    /// Whether the answer was kept from the client.
    pub(crate) answer_lost: bool,
}

/// A hook that the provider holds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Hook {
    pub(crate) id: u64,
    /// `owner/repository`.
    pub(crate) repository: String,
    pub(crate) url: String,
    pub(crate) events: Vec<String>,
    /// The digest of the secret, so that a test sees whether it changed.
    pub(crate) secret_sha256: Option<String>,
    pub(crate) key: Option<String>,
    /// The call that created it.
    pub(crate) created_by: u64,
}

/// An issue that was created.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) repository: String,
    pub(crate) title: String,
}

impl Ledger {
    /// Notes that a request has arrived, and returns its number.
    pub(crate) fn arrived(&mut self, request: &Request) -> u64 {
        let sequence = self.calls.len() as u64 + 1;
        self.calls.push(Call {
            sequence,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            body_sha256: digest(&request.body),
            user_agent: request.header("user-agent").map(str::to_owned),
            idempotency_key: request.header("idempotency-key").map(str::to_owned),
            status: None,
            committed: false,
            answer_lost: false,
        });
        sequence
    }

    /// Returns a call that has arrived.
    pub(crate) fn call(&mut self, sequence: u64) -> &mut Call {
        let index = usize::try_from(sequence - 1).expect("a ledger fits into memory");
        &mut self.calls[index]
    }

    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// Returns the SHA-256 of some bytes, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
