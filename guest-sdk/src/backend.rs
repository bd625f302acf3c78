//! What a project asks of its host, apart from how it is asked.
//!
//! In a component the answers come from Tidegate; in a test they are scripted.

use std::time::Duration;

use crate::log::Level;

/// Why a declared value cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LookupError {
    /// The object that runs did not declare it.
    Undeclared,
    #[cfg_attr(
        not(any(target_os = "wasi", test)),
        expect(dead_code, reason = "only a real host says so")
    )]
    /// It cannot be read in this operation.
    Unavailable,
    /// The operation is for no connected user.
    NoUser,
}

/// Why the key-value store refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KvError {
    #[cfg_attr(
        not(any(target_os = "wasi", test)),
        expect(dead_code, reason = "only a real host says so")
    )]
    Unavailable,
    BadKey,
    TooLarge,
    #[cfg_attr(
        not(any(target_os = "wasi", test)),
        expect(dead_code, reason = "only a real host says so")
    )]
    Failed(String),
}

/// Why a request has no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SendError {
    /// No declared host permits it.
    Denied,
    #[cfg_attr(
        not(any(target_os = "wasi", test)),
        expect(dead_code, reason = "only a real host says so")
    )]
    /// The name resolves to an address that guests may not reach.
    ForbiddenAddress,
    #[cfg_attr(
        not(any(target_os = "wasi", test)),
        expect(dead_code, reason = "only a real host says so")
    )]
    /// A body, or the header, is larger than the host allows.
    TooLarge(String),
    #[cfg_attr(
        not(any(target_os = "wasi", test)),
        expect(dead_code, reason = "only a real host says so")
    )]
    /// It could not be sent as it is.
    Invalid(String),
    /// Anything that may pass.
    Transport(String),
}

/// A credential as the host hands it over.
#[derive(Debug, Clone)]
pub(crate) struct RawCredential {
    pub(crate) value: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at_ms: Option<u64>,
}

pub(crate) trait Backend {
    fn secret(&self, name: &str) -> Result<Option<String>, LookupError>;
    fn variable(&self, name: &str) -> Result<Option<String>, LookupError>;
    fn app_config(&self, name: &str) -> Result<Option<String>, LookupError>;
    /// A setting of the connected user, as a JSON text.
    fn setting(&self, name: &str) -> Result<Option<String>, LookupError>;
    fn credential(&self) -> Result<Option<RawCredential>, LookupError>;

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError>;
    fn kv_set(&self, key: &str, value: &[u8]) -> Result<(), KvError>;
    fn kv_delete(&self, key: &str) -> Result<(), KvError>;
    fn kv_keys(&self, prefix: &str, limit: u32) -> Result<Vec<String>, KvError>;

    /// Fields are pairs of a name and a JSON text.
    fn log(&self, level: Level, message: &str, fields: &[(String, String)]);

    /// Sends one request and reads the whole answer; follows no redirect.
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Option<Duration>,
    ) -> Result<http::Response<Vec<u8>>, SendError>;
}
