//! The backend that asks the host.

use std::time::Duration;

use super::bindings::tidegate::project::{kv, log, users, values};
use super::outgoing;
use crate::backend::{Backend, KvError, LookupError, RawCredential, SendError};
use crate::log::Level;

pub(super) struct Host;

impl Backend for Host {
    fn secret(&self, name: &str) -> Result<Option<String>, LookupError> {
        values::secret(name).map_err(value_error)
    }

    fn variable(&self, name: &str) -> Result<Option<String>, LookupError> {
        values::variable(name).map_err(value_error)
    }

    fn app_config(&self, name: &str) -> Result<Option<String>, LookupError> {
        values::app_config(name).map_err(value_error)
    }

    fn setting(&self, name: &str) -> Result<Option<String>, LookupError> {
        users::setting(name).map_err(user_error)
    }

    fn credential(&self) -> Result<Option<RawCredential>, LookupError> {
        let credential = users::credential().map_err(user_error)?;
        Ok(credential.map(|it| RawCredential {
            value: it.value,
            scopes: it.scopes,
            expires_at_ms: it.expires_at_ms,
        }))
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        kv::get(key).map_err(kv_error)
    }

    fn kv_set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        kv::set(key, value).map_err(kv_error)
    }

    fn kv_delete(&self, key: &str) -> Result<(), KvError> {
        kv::delete(key).map_err(kv_error)
    }

    fn kv_keys(&self, prefix: &str, limit: u32) -> Result<Vec<String>, KvError> {
        kv::keys(prefix, limit).map_err(kv_error)
    }

    fn log(&self, level: Level, message: &str, fields: &[(String, String)]) {
        let level = match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| log::Field {
                name: name.clone(),
                value: value.clone(),
            })
            .collect();
        log::write(level, message, &fields);
    }

    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Option<Duration>,
    ) -> Result<http::Response<Vec<u8>>, SendError> {
        outgoing::send(request, timeout)
    }
}

fn value_error(error: values::ValueError) -> LookupError {
    match error {
        values::ValueError::Undeclared => LookupError::Undeclared,
        values::ValueError::Unavailable => LookupError::Unavailable,
    }
}

fn user_error(error: users::UserError) -> LookupError {
    match error {
        users::UserError::NoUser => LookupError::NoUser,
        users::UserError::Undeclared => LookupError::Undeclared,
        users::UserError::Unavailable => LookupError::Unavailable,
    }
}

fn kv_error(error: kv::KvError) -> KvError {
    match error {
        kv::KvError::Unavailable => KvError::Unavailable,
        kv::KvError::BadKey => KvError::BadKey,
        kv::KvError::TooLarge => KvError::TooLarge,
        kv::KvError::Failed(message) => KvError::Failed(message),
    }
}
