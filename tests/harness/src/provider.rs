//! The tests' side of the fake provider.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::condition::eventually;
use crate::programs;

/// A provider that runs for as long as this value lives.
#[derive(Debug)]
pub struct Provider {
    child: Child,
    /// The provider ends when this pipe does, even if the test is killed.
    _stdin: ChildStdin,
    addresses: Addresses,
}

#[derive(Debug, Deserialize)]
struct Addresses {
    api: String,
    control: String,
}

/// What a provider holds, and what it was asked.
#[derive(Debug, Clone, Deserialize)]
pub struct Ledger {
    /// Every call, in the order of arrival.
    pub calls: Vec<Call>,
    /// The hooks that there are, oldest first.
    pub hooks: Vec<Hook>,
    /// The issues that were created.
    pub issues: Vec<Issue>,
    /// Creations that are held back.
    pub held: u32,
}

/// One call.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// Counts from 1.
    pub sequence: u64,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The digest of the body.
    pub body_sha256: String,
    /// The header of that name.
    pub user_agent: Option<String>,
    /// The header of that name.
    pub idempotency_key: Option<String>,
    /// What it was answered; none while it is under way.
    pub status: Option<u16>,
    /// Whether it changed what the provider holds.
    pub committed: bool,
    /// Whether the answer was kept from the client.
    pub answer_lost: bool,
}

/// A hook.
#[derive(Debug, Clone, Deserialize)]
pub struct Hook {
    /// Its id.
    pub id: u64,
    /// `owner/name`.
    pub repository: String,
    /// Where it delivers to.
    pub url: String,
    /// What it delivers.
    pub events: Vec<String>,
    /// The digest of its secret.
    pub secret_sha256: Option<String>,
    /// The idempotency key that it was created with.
    pub key: Option<String>,
    /// The call that created it.
    pub created_by: u64,
}

/// An issue.
#[derive(Debug, Clone, Deserialize)]
pub struct Issue {
    /// Its number.
    pub number: u64,
    /// `owner/name`.
    pub repository: String,
    /// Its title.
    pub title: String,
}

impl Provider {
    /// Starts one that behaves well.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        let mut child = Command::new(programs::fake_provider())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the provider starts");
        let stdin = child.stdin.take().expect("standard input is piped");
        let stdout = child.stdout.take().expect("standard output is piped");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("the provider says where it is");
        Self {
            child,
            _stdin: stdin,
            addresses: serde_json::from_str(&line).expect("the provider prints its addresses"),
        }
    }

    /// Returns its base URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.addresses.api
    }

    /// Returns its host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.addresses.api.trim_start_matches("http://")
    }

    /// Sets how it misbehaves; what is not named behaves well.
    ///
    /// # Panics
    /// When it knows no such mode.
    pub fn set(&self, modes: &Value) {
        self.control("PUT", "/modes", &modes.to_string());
    }

    /// Lets every held creation go on.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn release(&self) {
        self.control("POST", "/release", "");
    }

    /// Removes every hook but these, as a person would who tidies up.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn keep_hooks(&self, ids: &[u64]) {
        let ids = Value::from(ids);
        self.control("PUT", "/hooks", &ids.to_string());
    }

    /// Returns its ledger.
    ///
    /// # Panics
    /// When it does not answer.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let body = self.control("GET", "/ledger", "");
        serde_json::from_str(&body).expect("a ledger is as declared")
    }

    /// Returns its ledger once every call that has arrived is carried out, or cannot be any more.
    ///
    /// # Panics
    /// When a call stays under way.
    #[must_use]
    pub fn settled_ledger(&self) -> Ledger {
        eventually("the provider to carry out what it was asked", || {
            let ledger = self.ledger();
            let over = |call: &Call| call.status.is_some();
            ledger.calls.iter().all(over).then_some(ledger)
        })
    }

    fn control(&self, method: &str, path: &str, body: &str) -> String {
        let host = self.addresses.control.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).expect("the provider listens");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("the provider reads");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .expect("the provider answers");
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .expect("the answer has a head");
        assert!(
            head.starts_with("HTTP/1.1 200 "),
            "{method} {path}: {answer}"
        );
        body.to_owned()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ledger {
    /// Returns the calls of one method, in their order.
    #[must_use]
    pub fn calls_of(&self, method: &str) -> Vec<&Call> {
        self.calls
            .iter()
            .filter(|call| call.method == method)
            .collect()
    }

    /// Returns the one hook that there is.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    #[must_use]
    pub fn only_hook(&self) -> &Hook {
        assert_eq!(self.hooks.len(), 1, "{self:#?}");
        &self.hooks[0]
    }
}
