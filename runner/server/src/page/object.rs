//! One object: what it declares, and a form to call it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Html;
use domain::ObjectKind;
use domain::declare::{Auth, CatchUp, Object, Respond, SecretUse, Signature, Trigger, VariableUse};
use engine::ObjectReport;
use serde::Deserialize;
use serde_json::Value;

use super::choices::encoded;
use super::example::example;
use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};
use super::parts::Tone;
use super::text;

#[derive(Deserialize)]
pub(super) struct Which {
    kind: String,
    name: String,
}

/// Something to know of an object.
struct Fact {
    name: &'static str,
    value: String,
    /// Where it leads, within the place.
    path: Option<String>,
}

/// A JSON Schema.
struct Schema {
    title: &'static str,
    text: String,
}

/// How an object is called from its page.
struct Call {
    title: &'static str,
    label: &'static str,
    button: &'static str,
    /// The API's path within the place.
    path: String,
    /// The member of the request's body that holds what was written.
    field: &'static str,
    example: String,
    command: String,
}

impl Call {
    fn rows(&self) -> usize {
        self.example.lines().count().clamp(4, 20)
    }
}

#[derive(Template)]
#[template(path = "object.html")]
struct ObjectPage {
    frame: Frame,
    object: ObjectReport,
    facts: Vec<Fact>,
    schemas: Vec<Schema>,
    call: Option<Call>,
}

impl ObjectPage {
    fn runs_path(&self) -> Option<String> {
        match self.object.kind {
            ObjectKind::Action | ObjectKind::Webhook | ObjectKind::Workflow => {
                let object = format!("{} {}", self.object.kind, self.object.name);
                Some(format!(
                    "{}/runs?object={}",
                    self.frame.base(),
                    encoded(&object)
                ))
            }
            ObjectKind::Integration | ObjectKind::AppEvent => None,
        }
    }

    /// Returns the command that gives the environment a public URL.
    fn public_url(&self) -> String {
        let place = self.frame.place.as_ref();
        let name = place.map_or("ENVIRONMENT", |place| place.environment.as_str());
        format!("env update {name} --public-url URL")
    }

    fn has_subscriptions(&self) -> bool {
        self.object.kind == ObjectKind::Webhook
    }
}

/// Shows one object.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
    Path(Which { kind, name }): Path<Which>,
) -> Result<Html<String>, Failure> {
    let kind = ObjectKind::from_name(&kind)
        .ok_or_else(|| Failure::missing(format!("There is no kind of object `{kind}`.")))?;
    let (project, environment) = (&place.project, &place.environment);
    let object = pages
        .engine
        .object(project, environment, kind, &name)
        .await?;
    let declared = serde_json::from_value::<Object>(object.declaration.clone()).ok();
    render(&ObjectPage {
        frame: pages.frame(&place, Section::Objects).await?,
        facts: declared.as_ref().map(facts).unwrap_or_default(),
        schemas: declared.as_ref().map(schemas).unwrap_or_default(),
        call: declared.as_ref().and_then(call),
        object,
    })
}

fn call(object: &Object) -> Option<Call> {
    match object {
        Object::Action(action) => {
            let input = example(&parsed(&action.input));
            Some(Call {
                title: "Run it",
                label: "Input, as JSON",
                button: "Run",
                path: format!("/actions/{}/runs", action.name),
                field: "input",
                command: format!(
                    "run {} --input {}",
                    action.name,
                    text::shell(&text::line(&input))
                ),
                example: text::json(&input),
            })
        }
        Object::Workflow(workflow) if workflow.trigger == Trigger::Request => Some(Call {
            title: "Run it",
            label: "Input, as JSON",
            button: "Run",
            path: format!("/workflows/{}/runs", workflow.name),
            field: "input",
            example: "{}".to_owned(),
            command: format!("run {} --input '{{}}'", workflow.name),
        }),
        Object::AppEvent(event) => {
            let payload = example(&parsed(&event.schema));
            Some(Call {
                title: "Send it",
                label: "Payload, as JSON",
                button: "Send",
                path: format!("/events/{}", event.name),
                field: "payload",
                command: format!(
                    "events send {} --payload {}",
                    event.name,
                    text::shell(&text::line(&payload))
                ),
                example: text::json(&payload),
            })
        }
        Object::Integration(_) | Object::Webhook(_) | Object::Workflow(_) => None,
    }
}

fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).unwrap_or(Value::Null)
}

fn schemas(object: &Object) -> Vec<Schema> {
    let schema = |title, text: &str| Schema {
        title,
        text: text::json(&parsed(text)),
    };
    match object {
        Object::Action(action) => vec![
            schema("Input schema", &action.input),
            schema("Output schema", &action.output),
        ],
        Object::AppEvent(event) => vec![schema("Schema", &event.schema)],
        Object::Integration(_) | Object::Webhook(_) | Object::Workflow(_) => Vec::new(),
    }
}

/// The facts of an object, most telling first; those that say nothing are left out.
#[derive(Default)]
struct Facts(Vec<Fact>);

impl Facts {
    fn add(&mut self, name: &'static str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.0.push(Fact {
                name,
                value,
                path: None,
            });
        }
    }

    fn link(&mut self, name: &'static str, kind: ObjectKind, object: &str) {
        self.0.push(Fact {
            name,
            value: object.to_owned(),
            path: Some(format!("/objects/{}/{object}", kind.as_str())),
        });
    }

    fn integration(&mut self, integration: Option<&String>) {
        if let Some(name) = integration {
            self.link("Integration", ObjectKind::Integration, name);
        }
    }

    fn needs(&mut self, secrets: &[SecretUse], variables: &[VariableUse], hosts: &[String]) {
        let secrets = secrets.iter().map(|it| optional(&it.name, it.optional));
        self.add("Secrets", joined(secrets));
        let variables = variables.iter().map(|it| match &it.default {
            Some(default) => format!("{} (default {default})", it.name),
            None => optional(&it.name, it.optional),
        });
        self.add("Variables", joined(variables));
        self.add("Hosts", hosts.join(", "));
    }

    fn timeout(&mut self, milliseconds: Option<u32>) {
        if let Some(milliseconds) = milliseconds {
            self.add("Time limit", text::duration(u64::from(milliseconds)));
        }
    }
}

fn optional(name: &str, optional: bool) -> String {
    if optional {
        format!("{name} (optional)")
    } else {
        name.to_owned()
    }
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn facts(object: &Object) -> Vec<Fact> {
    let mut facts = Facts::default();
    match object {
        Object::Integration(it) => {
            facts.add("Title", &it.title);
            facts.add("Users connect", auth(&it.auth));
            let settings = it.settings.iter().map(|setting| {
                let required = if setting.required { " (required)" } else { "" };
                format!("{}{required}", setting.name)
            });
            facts.add("User settings", joined(settings));
        }
        Object::Action(it) => {
            facts.add("Title", &it.title);
            facts.integration(it.integration.as_ref());
            facts.needs(&it.secrets, &it.variables, &it.hosts);
            facts.timeout(it.timeout_ms);
            if it.idempotent {
                facts.add("Idempotent", "yes: it may be repeated after a crash");
            }
        }
        Object::Webhook(it) => {
            facts.add("Title", &it.title);
            facts.integration(it.integration.as_ref());
            if it.per_user {
                facts.add("Subscribed", "for each connected user");
            }
            facts.add("Signature", signature(&it.signature));
            facts.add("Answers", answers(it.respond));
            facts.needs(&it.secrets, &it.variables, &it.hosts);
            facts.timeout(it.timeout_ms);
        }
        Object::Workflow(it) => {
            facts.add("Title", &it.title);
            facts.integration(it.integration.as_ref());
            trigger(&mut facts, &it.trigger);
            facts.add(
                "For a user who has not said otherwise",
                if it.on_by_default { "on" } else { "off" },
            );
            facts.needs(&it.secrets, &it.variables, &it.hosts);
            facts.timeout(it.timeout_ms);
        }
        Object::AppEvent(it) => facts.add("Title", &it.title),
    }
    facts.0
}

fn auth(auth: &Auth) -> String {
    match auth {
        Auth::None => "not at all".to_owned(),
        Auth::Basic => "with a user name and a password".to_owned(),
        Auth::ApiKey { title } => format!("with a key: {title}"),
        Auth::Oauth2 { scopes, .. } if scopes.is_empty() => "by OAuth 2".to_owned(),
        Auth::Oauth2 { scopes, .. } => format!("by OAuth 2, scopes {}", scopes.join(", ")),
    }
}

const fn signature(signature: &Signature) -> &'static str {
    match signature {
        Signature::None => "none: anyone who learns the address can send deliveries",
        Signature::StandardWebhooks { .. } => "Standard Webhooks",
        Signature::Github { .. } => "GitHub",
        Signature::Stripe { .. } => "Stripe",
        Signature::Shopify { .. } => "Shopify",
        Signature::Slack { .. } => "Slack",
        Signature::Hmac { .. } => "HMAC",
    }
}

fn answers(respond: Respond) -> String {
    match respond {
        Respond::Ack => "as soon as a delivery is stored".to_owned(),
        Respond::Sync { deadline_ms } => {
            let deadline = text::duration(u64::from(deadline_ms));
            format!("by the handler, within {deadline}")
        }
    }
}

fn trigger(facts: &mut Facts, trigger: &Trigger) {
    match trigger {
        Trigger::Request => facts.add("Started by", "a request"),
        Trigger::Webhook { name } => facts.link("Started by webhook", ObjectKind::Webhook, name),
        Trigger::Event { name } => facts.link("Started by event", ObjectKind::AppEvent, name),
        Trigger::Schedule {
            cron,
            time_zone,
            catch_up,
        } => {
            let missed = match catch_up {
                CatchUp::Once => "missed ticks are made up for once",
                CatchUp::Skip => "missed ticks are skipped",
            };
            facts.add("Schedule", format!("{cron} ({time_zone}); {missed}"));
        }
    }
}
