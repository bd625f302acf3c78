//! What one operation may use.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use domain::Limits;
use domain::{HostPattern, HostPort, Secret};

use crate::host::kv::KvRead;
use crate::http::RequestLog;

/// Everything that one operation is granted; whatever is not in it, the guest cannot reach.
#[derive(Clone)]
pub struct Grants {
    /// The object that runs, for messages: `action greet`.
    pub object: String,
    /// The environment, for messages that name the command to run.
    pub environment: String,
    /// The declared secrets, with their values where they have one.
    pub secrets: BTreeMap<String, Option<Secret>>,
    /// The declared variables, with the value set, else the default declared.
    pub variables: BTreeMap<String, Option<String>>,
    /// The app configuration of the object's integration.
    pub app_config: BTreeMap<String, Option<Secret>>,
    /// The hosts that the object declares.
    pub hosts: Vec<HostPattern>,
    /// Hosts and ports at private addresses that the environment's operator allows.
    pub allowed_private: Vec<HostPort>,
    /// The connected user that the operation is for.
    pub user: Option<UserGrant>,
    /// The key-value store; without one it is unavailable.
    pub kv: Option<Arc<dyn KvRead>>,
    /// The limits.
    pub limits: Limits,
    /// Further values that must not appear in what the guest logs and returns.
    pub redact: Vec<Secret>,
    /// Where the requests are recorded; a clone kept elsewhere can be read even
    /// when the call is dropped. One log serves one call.
    pub requests: RequestLog,
}

impl Grants {
    /// Creates grants that allow nothing but to compute and to log.
    #[must_use]
    pub fn new(object: impl Into<String>, limits: Limits) -> Self {
        Self {
            object: object.into(),
            environment: "development".to_owned(),
            secrets: BTreeMap::new(),
            variables: BTreeMap::new(),
            app_config: BTreeMap::new(),
            hosts: Vec::new(),
            allowed_private: Vec::new(),
            user: None,
            kv: None,
            limits,
            redact: Vec::new(),
            requests: RequestLog::default(),
        }
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grants")
            .field("object", &self.object)
            .field("hosts", &self.hosts)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What an operation may see of its connected user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserGrant {
    /// The declared settings, each with a JSON text: the user's value, else the default.
    pub settings: BTreeMap<String, Option<String>>,
    /// The user's account with the integration.
    pub account: Account,
}

/// A user's account with the integration that an object belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// The object's integration has no accounts, or it belongs to none.
    Undeclared,
    /// The user has not connected an account.
    Missing,
    /// The user has connected one.
    Connected(Credential),
}

/// What gives access to a user's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// A JSON object as the team's backend stored it.
    pub value: Secret,
    /// The scopes granted.
    pub scopes: Vec<String>,
    /// When it expires, in milliseconds since the Unix epoch.
    pub expires_at_ms: Option<u64>,
}
