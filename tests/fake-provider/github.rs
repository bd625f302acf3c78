//! The part of GitHub's API that the tests' guests call.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::ledger::{Hook, Issue, Ledger, digest};
use crate::modes::{Hold, Modes, Refusal, take_one, take_refusal};
use crate::wire::{self, Request};

/// The provider's state, shared by its two addresses.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) modes: Modes,
    /// Counts the releases, so that one of them frees all that wait for it.
    releases: u64,
}

impl Provider {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics with the lock")
    }

    /// Lets every held creation go on.
    pub(crate) fn release(&self) {
        self.state().releases += 1;
        self.released.notify_all();
    }

    fn hold(&self, connection: &TcpStream) {
        let mut state = self.state();
        let hold = state.modes.hold_create;
        if hold == Hold::Never {
            return;
        }
        state.ledger.held += 1;
        if hold == Hold::UntilReleased {
            let seen = state.releases;
            state = self
                .released
                .wait_while(state, |state| state.releases == seen)
                .expect("no thread panics with the lock");
        } else {
            drop(state);
            wait_for_the_end(connection);
            state = self.state();
        }
        state.ledger.held -= 1;
    }
}

fn wait_for_the_end(mut connection: &TcpStream) {
    let mut rest = [0; 64];
    while matches!(connection.read(&mut rest), Ok(1..)) {}
}

/// What a call is answered with.
#[derive(Debug)]
struct Answer {
    status: u16,
    retry_after_s: Option<u64>,
    body: Option<Value>,
    /// Whether what the provider holds has changed.
    committed: bool,
    /// Whether the client gets to see it.
    lost: bool,
}

impl Answer {
    fn of(status: u16, body: Value) -> Self {
        Self {
            status,
            retry_after_s: None,
            body: Some(body),
            committed: false,
            lost: false,
        }
    }

    fn error(status: u16, message: &str) -> Self {
        Self::of(status, json!({ "message": message }))
    }

    fn refused(refusal: &Refusal) -> Self {
        Self {
            retry_after_s: refusal.retry_after_s,
            ..Self::error(refusal.status, "refused because the test says so")
        }
    }
}

/// What a request asks for.
enum Route<'a> {
    ListHooks(String),
    CreateHook(String),
    DeleteHook(String, &'a str),
    CreateIssue(String),
    /// An answer of so many bytes.
    Bytes(u64),
    /// The number of bytes that were sent.
    CountBytes,
}

impl<'a> Route<'a> {
    fn of(request: &'a Request) -> Option<Self> {
        let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let (repository, rest) = match segments.as_slice() {
            ["repos", owner, name, rest @ ..] => (format!("{owner}/{name}"), rest),
            ["bytes", count] => return Some(Self::Bytes(count.parse().ok()?)),
            ["bytes"] => return Some(Self::CountBytes),
            _ => return None,
        };
        match (request.method.as_str(), rest) {
            ("GET", ["hooks"]) => Some(Self::ListHooks(repository)),
            ("POST", ["hooks"]) => Some(Self::CreateHook(repository)),
            ("DELETE", ["hooks", id]) => Some(Self::DeleteHook(repository, id)),
            ("POST", ["issues"]) => Some(Self::CreateIssue(repository)),
            _ => None,
        }
    }
}

/// Serves one call.
pub(crate) fn serve(provider: &Provider, connection: TcpStream) -> io::Result<()> {
    let request = Request::read(&connection)?;
    let (sequence, half) = {
        let mut state = provider.state();
        (
            state.ledger.arrived(&request),
            Duration::from_millis(state.modes.delay_ms / 2),
        )
    };
    thread::sleep(half);
    let route = Route::of(&request);
    if matches!(route, Some(Route::CreateHook(_))) {
        provider.hold(&connection);
    }
    let answer = carry_out(&mut provider.state(), &request, route, sequence);
    thread::sleep(half);
    if answer.lost {
        return connection.shutdown(Shutdown::Both);
    }
    let retry_after = answer
        .retry_after_s
        .map(|seconds| ("retry-after", seconds.to_string()));
    wire::answer(
        &connection,
        answer.status,
        retry_after.as_slice(),
        answer.body.as_ref(),
    )
}

/// Does what is asked and enters it into the ledger, at once.
fn carry_out(
    state: &mut State,
    request: &Request,
    route: Option<Route<'_>>,
    sequence: u64,
) -> Answer {
    let open = matches!(route, Some(Route::Bytes(_) | Route::CountBytes));
    let answer = if open || authorised(&state.modes, request) {
        match route {
            Some(Route::ListHooks(repository)) => list_hooks(state, request, &repository),
            Some(Route::CreateHook(repository)) => {
                create_hook(state, request, repository, sequence)
            }
            Some(Route::DeleteHook(repository, id)) => delete_hook(state, &repository, id),
            Some(Route::CreateIssue(repository)) => create_issue(state, request, repository),
            Some(Route::Bytes(count)) => bytes(count),
            Some(Route::CountBytes) => Answer::of(200, json!(request.body.len())),
            None => Answer::error(404, "Not Found"),
        }
    } else {
        Answer::error(401, "Bad credentials")
    };
    let call = state.ledger.call(sequence);
    call.status = Some(answer.status);
    call.committed = answer.committed;
    call.answer_lost = answer.lost;
    answer
}

fn authorised(modes: &Modes, request: &Request) -> bool {
    let token = request
        .header("authorization")
        .and_then(|value| value.strip_prefix("Bearer "));
    match (token, &modes.token) {
        (None | Some(""), _) => false,
        (Some(_), None) => true,
        (Some(token), Some(accepted)) => token == accepted,
    }
}

fn list_hooks(state: &mut State, request: &Request, repository: &str) -> Answer {
    if let Some(refusal) = take_refusal(&mut state.modes.refuse_list) {
        return Answer::refused(&refusal);
    }
    let number = |name: &str, otherwise: usize| {
        let text = request.parameter(name)?;
        Some(text.parse::<usize>().unwrap_or(otherwise).max(1))
    };
    let per_page = number("per_page", 30).unwrap_or(30).min(100);
    let page = number("page", 1).unwrap_or(1);
    let hooks: Vec<Value> = state
        .ledger
        .hooks
        .iter()
        .filter(|hook| hook.repository == repository)
        .skip((page - 1) * per_page)
        .take(per_page)
        .map(shown)
        .collect();
    Answer::of(200, Value::Array(hooks))
}

fn create_hook(state: &mut State, request: &Request, repository: String, sequence: u64) -> Answer {
    if let Some(refusal) = take_refusal(&mut state.modes.refuse_create) {
        return Answer::refused(&refusal);
    }
    let lost = take_one(&mut state.modes.lose_create_answers);
    let Some(wanted) = WantedHook::parse(&request.body) else {
        return Answer::error(422, "Validation Failed: config.url");
    };
    let key = request.header("idempotency-key").map(str::to_owned);
    let ledger = &mut state.ledger;
    if state.modes.honour_key && key.is_some() {
        let known = ledger.hooks.iter().find(|hook| hook.key == key);
        if let Some(hook) = known {
            return Answer {
                lost,
                ..Answer::of(201, shown(hook))
            };
        }
    }
    let twin = |hook: &Hook| hook.repository == repository && hook.url == wanted.url;
    if !state.modes.allow_duplicates && ledger.hooks.iter().any(twin) {
        return Answer::error(422, "Hook already exists on this repository");
    }
    let hook = Hook {
        id: ledger.next_id(),
        repository,
        url: wanted.url,
        events: wanted.events,
        secret_sha256: wanted
            .secret
            .as_ref()
            .map(|secret| digest(secret.as_bytes())),
        key,
        created_by: sequence,
    };
    let body = shown(&hook);
    ledger.hooks.push(hook);
    Answer {
        committed: true,
        lost,
        ..Answer::of(201, body)
    }
}

fn delete_hook(state: &mut State, repository: &str, id: &str) -> Answer {
    if let Some(refusal) = take_refusal(&mut state.modes.refuse_delete) {
        return Answer::refused(&refusal);
    }
    let lost = take_one(&mut state.modes.lose_delete_answers);
    let hooks = &mut state.ledger.hooks;
    let is_it = |hook: &Hook| hook.repository == repository && hook.id.to_string() == id;
    let Some(index) = hooks.iter().position(is_it) else {
        return Answer::error(404, "Not Found");
    };
    hooks.remove(index);
    Answer {
        status: 204,
        retry_after_s: None,
        body: None,
        committed: true,
        lost,
    }
}

fn create_issue(state: &mut State, request: &Request, repository: String) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(title) = body["title"].as_str() else {
        return Answer::error(422, "Validation Failed: title");
    };
    let number = state.ledger.next_id();
    state.ledger.issues.push(Issue {
        number,
        repository: repository.clone(),
        title: title.to_owned(),
    });
    Answer {
        committed: true,
        ..Answer::of(
            201,
            json!({
                "id": number,
                "number": number,
                "title": title,
                "html_url": format!("https://github.example/{repository}/issues/{number}"),
            }),
        )
    }
}

/// Answers with a body of exactly so many bytes: a JSON text.
fn bytes(count: u64) -> Answer {
    let digits = usize::try_from(count).unwrap_or(usize::MAX).min(1 << 28);
    if digits < 2 {
        return Answer::of(200, json!(1));
    }
    Answer::of(200, Value::String("x".repeat(digits - 2)))
}

/// A hook as a client asks for it.
struct WantedHook {
    url: String,
    secret: Option<String>,
    events: Vec<String>,
}

impl WantedHook {
    fn parse(body: &[u8]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let config = &body["config"];
        Some(Self {
            url: config["url"].as_str()?.to_owned(),
            secret: config["secret"].as_str().map(str::to_owned),
            events: match &body["events"] {
                Value::Array(events) => events
                    .iter()
                    .filter_map(|event| event.as_str().map(str::to_owned))
                    .collect(),
                _ => vec!["push".to_owned()],
            },
        })
    }
}

/// A hook as clients see it: never with its secret.
fn shown(hook: &Hook) -> Value {
    let mut config = json!({ "url": hook.url, "content_type": "json" });
    if hook.secret_sha256.is_some() {
        config["secret"] = json!("********");
    }
    json!({
        "id": hook.id,
        "name": "web",
        "active": true,
        "events": hook.events,
        "config": config,
    })
}
