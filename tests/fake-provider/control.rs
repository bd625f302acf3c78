//! The address that tests steer the provider by.

use std::io;
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::github::Provider;
use crate::modes::Modes;
use crate::wire::{self, Request};

/// Serves one request of a test: `GET /ledger`, `PUT /modes`, `POST /release`, `PUT /hooks`.
pub(crate) fn serve(provider: &Provider, connection: TcpStream) -> io::Result<()> {
    let request = Request::read(&connection)?;
    let (status, body) = match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/ledger") => (200, json!(provider.state().ledger)),
        ("PUT", "/modes") => set_modes(provider, &request.body),
        ("POST", "/release") => {
            provider.release();
            (200, Value::Null)
        }
        ("PUT", "/hooks") => keep_hooks(provider, &request.body),
        (method, path) => (404, json!(format!("there is no {method} {path}"))),
    };
    wire::answer(&connection, status, &[], Some(&body))
}

fn set_modes(provider: &Provider, body: &[u8]) -> (u16, Value) {
    match serde_json::from_slice::<Modes>(body) {
        Ok(modes) => {
            provider.state().modes = modes;
            (200, Value::Null)
        }
        Err(error) => (400, json!(error.to_string())),
    }
}

/// Removes every hook that is not named, as a person would who tidies up.
fn keep_hooks(provider: &Provider, body: &[u8]) -> (u16, Value) {
    match serde_json::from_slice::<Vec<u64>>(body) {
        Ok(ids) => {
            let hooks = &mut provider.state().ledger.hooks;
            hooks.retain(|hook| ids.contains(&hook.id));
            (200, Value::Null)
        }
        Err(error) => (400, json!(error.to_string())),
    }
}
