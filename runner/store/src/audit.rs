//! The audit log: rows that are only ever added, each chained to the one before.

use domain::Timestamp;
use serde_json::Value;

use crate::{Error, Store};

/// A row of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Its number, from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done, a stable word such as `deploy.apply`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More of it.
    pub details: Value,
    /// The hash of this row and all before it, in hexadecimal.
    pub hash: String,
}

/// Where the chain of the audit log is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditFault {
    /// The first row that does not fit.
    pub sequence: u64,
    /// What is wrong.
    pub what: String,
}

impl Store {
    /// Adds a row for what happened outside the store's own operations.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn append_audit(
        &self,
        actor: String,
        action: String,
        subject: String,
        details: Value,
        now: Timestamp,
    ) -> Result<(), Error> {
        let _ = (actor, action, subject, details, now);
        todo!()
    }

    /// Returns at most `limit` rows before a number, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, Error> {
        let _ = (before, limit);
        todo!()
    }

    /// Verifies the chain; returns the first fault.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn verify_audit(&self) -> Result<Option<AuditFault>, Error> {
        todo!()
    }
}
