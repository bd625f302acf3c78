//! The backend of tests: what was scripted, and what happened.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::answer::{Answer, SentRequest};
use super::context::LogLine;
use super::hosts;
use crate::backend::{Backend, KvError, LookupError, RawCredential, SendError};
use crate::declare::Needs;
use crate::log::Level;

const MOST_KEY_BYTES: usize = 512;
const MOST_VALUE_BYTES: usize = 64 * 1024;
const MOST_WRITTEN_BYTES: usize = 1024 * 1024;

#[derive(Default)]
pub(super) struct Script {
    /// What the object declares; anything goes where the test names no object.
    pub(super) needs: RefCell<Option<Needs>>,
    pub(super) secrets: RefCell<BTreeMap<String, String>>,
    pub(super) variables: RefCell<BTreeMap<String, String>>,
    pub(super) app_config: RefCell<BTreeMap<String, String>>,
    pub(super) settings: RefCell<BTreeMap<String, String>>,
    pub(super) has_user: Cell<bool>,
    pub(super) credential: RefCell<Option<RawCredential>>,
    pub(super) kv: RefCell<BTreeMap<String, Vec<u8>>>,
    pub(super) answers: RefCell<VecDeque<Expected>>,
    pub(super) requests: RefCell<Vec<SentRequest>>,
    pub(super) log: RefCell<Vec<LogLine>>,
    written: Cell<usize>,
}

pub(super) struct Expected {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) answer: Answer,
}

impl Script {
    fn declared(&self, is_declared: impl FnOnce(&Needs) -> bool) -> Result<(), LookupError> {
        match &*self.needs.borrow() {
            Some(needs) if !is_declared(needs) => Err(LookupError::Undeclared),
            _ => Ok(()),
        }
    }

    fn default_of(&self, variable: &str) -> Option<String> {
        let needs = self.needs.borrow();
        let declared = needs.as_ref()?.variables.iter();
        let of_name = declared.into_iter().find(|it| it.name == variable)?;
        of_name.default.map(str::to_owned)
    }

    fn permits(&self, uri: &http::Uri) -> bool {
        let needs = self.needs.borrow();
        let Some(needs) = needs.as_ref() else {
            return true;
        };
        let variable = |name: &str| self.variable(name).ok().flatten();
        needs
            .hosts
            .iter()
            .any(|pattern| hosts::permits(pattern, uri, &variable))
    }

    fn take(&self, method: &str, url: &str) -> Answer {
        let mut answers = self.answers.borrow_mut();
        let position = answers
            .iter()
            .position(|expected| expected.method == method && expected.url == url);
        match position.and_then(|at| answers.remove(at)) {
            Some(expected) => expected.answer,
            None => {
                let left: Vec<_> = answers
                    .iter()
                    .map(|expected| format!("{} {}", expected.method, expected.url))
                    .collect();
                panic!(
                    "unexpected request {method} {url}; answers are left for: [{}]",
                    left.join(", ")
                )
            }
        }
    }

    fn user(&self) -> Result<(), LookupError> {
        if self.has_user.get() {
            Ok(())
        } else {
            Err(LookupError::NoUser)
        }
    }
}

impl Backend for Script {
    fn secret(&self, name: &str) -> Result<Option<String>, LookupError> {
        self.declared(|needs| needs.secrets.iter().any(|it| it.name == name))?;
        Ok(self.secrets.borrow().get(name).cloned())
    }

    fn variable(&self, name: &str) -> Result<Option<String>, LookupError> {
        self.declared(|needs| needs.variables.iter().any(|it| it.name == name))?;
        let set = self.variables.borrow().get(name).cloned();
        Ok(set.or_else(|| self.default_of(name)))
    }

    fn app_config(&self, name: &str) -> Result<Option<String>, LookupError> {
        Ok(self.app_config.borrow().get(name).cloned())
    }

    fn setting(&self, name: &str) -> Result<Option<String>, LookupError> {
        self.user()?;
        Ok(self.settings.borrow().get(name).cloned())
    }

    fn credential(&self) -> Result<Option<RawCredential>, LookupError> {
        self.user()?;
        Ok(self.credential.borrow().clone())
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, KvError> {
        check_key(key)?;
        Ok(self.kv.borrow().get(key).cloned())
    }

    fn kv_set(&self, key: &str, value: &[u8]) -> Result<(), KvError> {
        check_key(key)?;
        let written = self.written.get() + value.len();
        if value.len() > MOST_VALUE_BYTES || written > MOST_WRITTEN_BYTES {
            return Err(KvError::TooLarge);
        }
        self.written.set(written);
        self.kv.borrow_mut().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn kv_delete(&self, key: &str) -> Result<(), KvError> {
        check_key(key)?;
        self.kv.borrow_mut().remove(key);
        Ok(())
    }

    fn kv_keys(&self, prefix: &str, limit: u32) -> Result<Vec<String>, KvError> {
        let limit = usize::try_from(limit.clamp(1, 1000)).unwrap_or(1000);
        let kv = self.kv.borrow();
        let with_prefix = kv.keys().filter(|key| key.starts_with(prefix));
        Ok(with_prefix.take(limit).cloned().collect())
    }

    fn log(&self, level: Level, message: &str, fields: &[(String, String)]) {
        let fields = fields
            .iter()
            .map(|(name, json)| {
                let value = serde_json::from_str(json).expect("the SDK writes fields as JSON");
                (name.clone(), value)
            })
            .collect();
        self.log.borrow_mut().push(LogLine {
            level,
            message: message.to_owned(),
            fields,
        });
    }

    fn send(
        &self,
        request: http::Request<Vec<u8>>,
        timeout: Option<Duration>,
    ) -> Result<http::Response<Vec<u8>>, SendError> {
        let (parts, body) = request.into_parts();
        if !self.permits(&parts.uri) {
            return Err(SendError::Denied);
        }
        let sent = SentRequest {
            method: parts.method.to_string(),
            url: parts.uri.to_string(),
            headers: parts.headers,
            body,
            timeout,
        };
        let answer = self.take(&sent.method, &sent.url);
        self.requests.borrow_mut().push(sent);
        answer.0
    }
}

fn check_key(key: &str) -> Result<(), KvError> {
    if key.is_empty() || key.len() > MOST_KEY_BYTES {
        return Err(KvError::BadKey);
    }
    Ok(())
}
