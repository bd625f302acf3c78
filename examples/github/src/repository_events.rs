//! The webhook that subscribes itself to a repository's events.

use std::collections::BTreeSet;

use tidegate_sdk::http::{Method, StatusCode};
use tidegate_sdk::{
    Check, Context, Delivery, Error, HookContext, Registration, Result, Subscription, data, webhook,
};

use crate::api;

/// How many hooks GitHub lists at once, at most.
const PER_PAGE: usize = 100;
/// A repository has far fewer hooks; a list that does not end is not believed.
const MOST_PAGES: usize = 20;

/// The events of a repository.
pub struct RepositoryEvents;

/// What the subscription depends on: a change of it makes a new hook.
#[data]
#[derive(Debug, Clone, PartialEq)]
pub struct Props {
    /// The repository, as `owner/name`.
    pub repository: String,
    /// The names of the events, sorted.
    pub events: BTreeSet<String>,
}

/// A hook of the repository.
#[data]
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    /// GitHub's id of it.
    pub id: u64,
}

/// What a delivery is about: the input of workflows on this webhook.
#[data]
pub struct RepositoryEvent {
    /// The event's name, such as `issues`.
    pub event: String,
    /// What happened, such as `opened`, where the event says so.
    pub action: Option<String>,
    /// The repository, as `owner/name`, where the event has one.
    pub repository: Option<String>,
    /// Whoever did it.
    pub sender: Option<String>,
}

/// Events of a repository
#[webhook(
    integration = "github",
    secrets(GITHUB_TOKEN, WEBHOOK_SECRET(subscription)),
    variables(
        GITHUB_API_URL(subscription) = "https://api.github.com",
        REPOSITORY,
        EVENTS
    ),
    hosts("${GITHUB_API_URL}"),
    signature = github(secret = WEBHOOK_SECRET),
    dedupe = header("X-GitHub-Delivery")
)]
impl RepositoryEvents {
    pub fn props(ctx: &HookContext) -> Result<Props> {
        let events: BTreeSet<_> = ctx
            .variable("EVENTS")?
            .split(',')
            .map(|event| event.trim().to_owned())
            .filter(|event| !event.is_empty())
            .collect();
        if events.is_empty() {
            return Err(Error::final_("EVENTS names no event"));
        }
        Ok(Props {
            repository: api::repository(ctx)?,
            events,
        })
    }

    /// Creates the hook.
    ///
    /// GitHub refuses with 422 what it does not understand, and a hook that
    /// exists. The endpoint is this registration's own, so one that exists was
    /// made by an attempt whose answer was lost, perhaps with an older secret:
    /// it makes way. Any other 422 will be no better next time, and stays the
    /// final error that it is.
    pub fn subscribe(
        ctx: &HookContext,
        registration: Registration<Props>,
    ) -> Result<Subscription<Hook>> {
        let refused = match create(ctx, &registration) {
            Err(error) if error.http_status() == Some(StatusCode::UNPROCESSABLE_ENTITY) => error,
            created => return created.map(Subscription::new),
        };
        let existing = hooks(ctx, &registration)?.unwrap_or_default();
        if existing.is_empty() {
            return Err(refused);
        }
        for hook in existing {
            delete(ctx, &registration, &hook)?;
        }
        create(ctx, &registration).map(Subscription::new)
    }

    pub fn unsubscribe(
        ctx: &HookContext,
        registration: Registration<Props>,
        hook: Hook,
    ) -> Result<()> {
        delete(ctx, &registration, &hook)
    }

    /// Looks for the endpoint among the repository's hooks.
    pub fn check(
        ctx: &HookContext,
        registration: Registration<Props>,
        _known: Option<Hook>,
    ) -> Result<Check<Hook>> {
        Ok(match hooks(ctx, &registration)? {
            Some(hooks) => Check::from_found(hooks.into_iter().map(Subscription::new)),
            None => Check::Unsure,
        })
    }

    pub fn receive(ctx: &Context, delivery: Delivery) -> Result<RepositoryEvent> {
        let event = delivery
            .header("X-GitHub-Event")
            .ok_or_else(|| Error::final_("the delivery has no header `X-GitHub-Event`"))?;
        let payload: Payload = delivery.json()?;
        ctx.log()
            .field("event", event)
            .field("action", &payload.action)
            .info("received");
        Ok(RepositoryEvent {
            event: event.to_owned(),
            action: payload.action,
            repository: payload.repository.map(|it| it.full_name),
            sender: payload.sender.map(|it| it.login),
        })
    }
}

#[data]
struct Payload {
    action: Option<String>,
    repository: Option<Repository>,
    sender: Option<Sender>,
}

#[data]
struct Repository {
    full_name: String,
}

#[data]
struct Sender {
    login: String,
}

#[data]
struct NewHook {
    name: String,
    active: bool,
    events: BTreeSet<String>,
    config: NewConfig,
}

#[data]
struct NewConfig {
    url: String,
    content_type: String,
    secret: String,
    insecure_ssl: String,
}

#[data]
struct ListedHook {
    id: u64,
    config: ListedConfig,
}

#[data]
struct ListedConfig {
    /// Hooks of GitHub's own services have none.
    url: Option<String>,
}

fn create(ctx: &HookContext, registration: &Registration<Props>) -> Result<Hook> {
    let Props { repository, events } = &registration.props;
    let hook = NewHook {
        name: "web".to_owned(),
        active: true,
        events: events.clone(),
        config: NewConfig {
            url: registration.endpoint.clone(),
            content_type: "json".to_owned(),
            secret: ctx.secret("WEBHOOK_SECRET")?.expose().to_owned(),
            insecure_ssl: "0".to_owned(),
        },
    };
    api::request(ctx, Method::POST, repository, "/hooks")?
        .header("Idempotency-Key", &registration.key)
        .json(&hook)?
        .send()?
        .error_for_status()?
        .json()
}

/// Deletes a hook; one that is gone already is an error that carries the
/// status 404, which counts as done in `unsubscribe`.
fn delete(ctx: &HookContext, registration: &Registration<Props>, hook: &Hook) -> Result<()> {
    let path = format!("/hooks/{}", hook.id);
    api::request(ctx, Method::DELETE, &registration.props.repository, &path)?
        .header("Idempotency-Key", &registration.key)
        .send()?
        .error_for_status()?;
    Ok(())
}

/// Lists the hooks that deliver to the registration's endpoint; `None` where
/// the list does not end.
fn hooks(ctx: &HookContext, registration: &Registration<Props>) -> Result<Option<Vec<Hook>>> {
    let mut found = Vec::new();
    for page in 1..=MOST_PAGES {
        let listed: Vec<ListedHook> =
            api::request(ctx, Method::GET, &registration.props.repository, "/hooks")?
                .query("per_page", PER_PAGE)
                .query("page", page)
                .send()?
                .error_for_status()?
                .json()?;
        let is_last = listed.len() < PER_PAGE;
        let of_endpoint = listed
            .into_iter()
            .filter(|hook| hook.config.url.as_deref() == Some(&registration.endpoint));
        found.extend(of_endpoint.map(|hook| Hook { id: hook.id }));
        if is_last {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
