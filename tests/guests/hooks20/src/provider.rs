//! The calls to the provider, which speaks a part of GitHub's API.

use outgoing::{Request, Response, send};
use serde_json::{Value, json};

use crate::bindings::exports::tidegate::project::guest::{OperationError, Registration};
use crate::bindings::tidegate::project::operations::Failure;
use crate::settings::Settings;
use crate::{secret, variable};

/// Hooks on one page of a list.
const PAGE: usize = 100;

/// Creates a hook and returns its id.
pub(crate) fn create(webhook: &str, registration: &Registration) -> Result<String, OperationError> {
    let events: Value = serde_json::from_str(&registration.props)
        .map(|props: Value| props["events"].clone())
        .unwrap_or_default();
    let body = json!({
        "config": { "url": registration.endpoint },
        "events": events.as_str().unwrap_or_default().split(',').collect::<Vec<_>>(),
    });
    let answer = call(
        "POST",
        &format!("/repos/acme/{webhook}/hooks"),
        &[("idempotency-key", &registration.key)],
        body.to_string().as_bytes(),
    )?;
    let hook = understood(answer, &[201])?;
    Ok(hook["id"].to_string())
}

/// Deletes a hook; one that is not there any more is deleted.
pub(crate) fn delete(webhook: &str, id: &str) -> Result<(), OperationError> {
    let path = format!("/repos/acme/{webhook}/hooks/{id}");
    understood(call("DELETE", &path, &[], &[])?, &[204, 404, 410]).map(drop)
}

/// Returns the ids of the hooks that deliver to an address.
pub(crate) fn list(webhook: &str, endpoint: &str) -> Result<Vec<String>, OperationError> {
    let mut found = Vec::new();
    for page in 1.. {
        let path = format!("/repos/acme/{webhook}/hooks?per_page={PAGE}&page={page}");
        let hooks = understood(call("GET", &path, &[], &[])?, &[200])?;
        let hooks = hooks.as_array().map(Vec::as_slice).unwrap_or_default();
        let ours = |hook: &&Value| hook["config"]["url"] == *endpoint;
        found.extend(hooks.iter().filter(ours).map(|hook| hook["id"].to_string()));
        if hooks.len() < PAGE {
            break;
        }
    }
    Ok(found)
}

fn call(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response, OperationError> {
    let bearer = format!("Bearer {}", secret("TOKEN")?);
    let agent = format!("hooks20/{}", Settings::read().version);
    let mut all = vec![("authorization", bearer.as_str()), ("user-agent", &agent)];
    all.extend_from_slice(headers);
    let url = format!("{}{path}", variable("API_URL")?);
    send(&Request {
        method,
        url: &url,
        headers: &all,
        body,
    })
    .map_err(|message| retryable(message, None))
}

fn understood(answer: Response, good: &[u16]) -> Result<Value, OperationError> {
    if good.contains(&answer.status) {
        return Ok(serde_json::from_slice(&answer.body).unwrap_or_default());
    }
    let message = format!(
        "the provider answered {}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    if answer.status == 429 || answer.status >= 500 {
        return Err(retryable(message, answer.retry_after_s));
    }
    Err(crate::refused(message))
}

fn retryable(message: String, retry_after_s: Option<u64>) -> OperationError {
    OperationError::Retryable(Failure {
        message,
        retry_after_ms: retry_after_s.map(|seconds| seconds * 1000),
    })
}
