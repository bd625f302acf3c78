//! Guests without WebAssembly: an artifact is a script, and hooks call the provider in memory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::declare::{
    Action, ChangeOrder, DeployList, Hooks, Object, Respond, Signature, VariableUse, Webhook,
};
use domain::{ArtifactDigest, Limits, Secret, Subscription, Timestamp};
use engine::{Clock, Guest, Guests};
use sandbox::{
    Call, CheckAnswer, CollectError, Collected, Compiler, Failure, Fate, Grants, LoadError, Log,
    Output, Report, RequestRecord, Usage,
};
use serde::{Deserialize, Serialize};

use crate::provider::{Answer, Hook, Provider};
use crate::world::VirtualClock;

/// A webhook as a script has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScriptedHook {
    pub(crate) name: String,
    pub(crate) props: String,
    pub(crate) overlap: bool,
    pub(crate) check: bool,
    pub(crate) refresh: bool,
    /// Whether its props hold the variable `FLAVOUR`.
    pub(crate) flavoured: bool,
    /// Whether each connected user has one; the props hold the user's id.
    pub(crate) per_user: bool,
    /// The name it had before.
    pub(crate) renamed_from: Option<String>,
    /// Whether it cannot do without the variable `NEEDED`.
    pub(crate) needy: bool,
}

impl ScriptedHook {
    pub(crate) fn new(name: &str, props: &str) -> Self {
        Self {
            name: name.to_owned(),
            props: props.to_owned(),
            overlap: false,
            check: true,
            refresh: false,
            flavoured: false,
            per_user: false,
            renamed_from: None,
            needy: false,
        }
    }
}

/// What an artifact holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Script {
    pub(crate) hooks: Vec<ScriptedHook>,
    /// Makes artifacts differ that declare the same.
    pub(crate) code: u32,
}

/// Loads scripts.
pub(crate) struct ScriptedGuests {
    pub(crate) provider: Provider,
    pub(crate) clock: Arc<VirtualClock>,
}

struct ScriptedGuest {
    script: Script,
    provider: Provider,
    clock: Arc<VirtualClock>,
}

#[async_trait]
impl Guests for ScriptedGuests {
    async fn load(
        &self,
        _artifact: ArtifactDigest,
        file: &Path,
        _compiler: Compiler,
    ) -> Result<Arc<dyn Guest>, LoadError> {
        let text = std::fs::read_to_string(file).unwrap();
        Ok(Arc::new(ScriptedGuest {
            script: serde_json::from_str(&text).unwrap(),
            provider: self.provider.clone(),
            clock: Arc::clone(&self.clock),
        }))
    }
}

#[async_trait]
impl Guest for ScriptedGuest {
    async fn collect(&self, _limits: &Limits) -> Result<Collected, CollectError> {
        // Something is always declared, so that a script without webhooks is no empty list.
        let mut objects = vec![Object::Action(action())];
        objects.extend(
            self.script
                .hooks
                .iter()
                .map(|hook| Object::Webhook(webhook(hook))),
        );
        Ok(Collected {
            list: DeployList {
                objects,
                uses: Vec::new(),
            },
            log: Log::default(),
            usage: Usage::default(),
        })
    }

    async fn call(&self, call: Call, grants: Grants) -> Report {
        let now_ms = u64::try_from(self.clock.now().as_millis()).unwrap();
        match call {
            Call::SubscriptionProps { webhook, user } => {
                let hook = self.hook(&webhook);
                if let Some(user) = user {
                    return props_of(hook, &user.0);
                }
                if let Some(verbatim) = hook.props.strip_prefix('=') {
                    let props = serde_json::to_string(verbatim).unwrap();
                    return report(Ok(Output::Props(props)), &[]);
                }
                let flavour = grants.variables.get("FLAVOUR").cloned().flatten();
                let props = match flavour.filter(|_| hook.flavoured) {
                    Some(flavour) => format!("{} {} {flavour}", hook.name, hook.props),
                    None => format!("{} {}", hook.name, hook.props),
                };
                report(
                    Ok(Output::Props(serde_json::to_string(&props).unwrap())),
                    &[],
                )
            }
            Call::Subscribe { registration, .. } => {
                let hook = Hook {
                    endpoint: registration.endpoint,
                    key: registration.key,
                    props: serde_json::from_str(&registration.props).unwrap(),
                    expires_at_ms: None,
                };
                subscribed(self.provider.subscribe(now_ms, hook))
            }
            Call::Refresh {
                unsubscribe_props, ..
            } => subscribed(self.provider.refresh(now_ms, id_of(&unsubscribe_props))),
            Call::Unsubscribe {
                unsubscribe_props, ..
            } => match self.provider.unsubscribe(id_of(&unsubscribe_props)) {
                Answer::Ok(()) => report(Ok(Output::Unsubscribed), &[Fate::Answered]),
                Answer::Refused { retryable } => refused(retryable),
                Answer::Lost => lost(),
            },
            Call::Check { registration, .. } => {
                let found = self.provider.check(&registration.endpoint);
                let answer = if found.is_empty() {
                    CheckAnswer::Absent
                } else {
                    CheckAnswer::Found(found.into_iter().map(subscription).collect())
                };
                report(Ok(Output::Check(answer)), &[Fate::Answered])
            }
            Call::RunAction { .. } | Call::RunWorkflow { .. } | Call::Receive { .. } => {
                report(Ok(Output::Run("null".to_owned())), &[])
            }
        }
    }
}

impl ScriptedGuest {
    fn hook(&self, name: &str) -> &ScriptedHook {
        let mut hooks = self.script.hooks.iter();
        hooks.find(|hook| hook.name == name).unwrap()
    }
}

/// Returns the props of a user's subscription; those of the user `broken` fail.
fn props_of(hook: &ScriptedHook, user: &str) -> Report {
    if user == "broken" {
        let failure = Failure::Guest {
            retryable: false,
            message: "this user has no account".to_owned(),
            retry_after: None,
        };
        return report(Err(failure), &[]);
    }
    let props = format!("{} {} {user}", hook.name, hook.props);
    report(
        Ok(Output::Props(serde_json::to_string(&props).unwrap())),
        &[],
    )
}

fn action() -> Action {
    Action {
        name: "always".to_owned(),
        title: String::new(),
        integration: None,
        input: "{}".to_owned(),
        output: "{}".to_owned(),
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        timeout_ms: None,
        idempotent: false,
        renamed_from: None,
        location: None,
    }
}

fn webhook(hook: &ScriptedHook) -> Webhook {
    Webhook {
        name: hook.name.clone(),
        title: String::new(),
        integration: None,
        per_user: hook.per_user,
        hooks: Hooks {
            subscription: true,
            refresh: hook.refresh,
            check: hook.check,
        },
        secrets: Vec::new(),
        variables: vec![variable("FLAVOUR", true), variable("NEEDED", !hook.needy)],
        hosts: Vec::new(),
        signature: Signature::None,
        dedupe: None,
        respond: Respond::Ack,
        silence_seconds: None,
        order: if hook.overlap {
            ChangeOrder::Overlap
        } else {
            ChangeOrder::Replace
        },
        challenge: None,
        timeout_ms: None,
        renamed_from: hook.renamed_from.clone(),
        location: None,
    }
}

fn variable(name: &str, optional: bool) -> VariableUse {
    VariableUse {
        name: name.to_owned(),
        optional,
        default: None,
        subscription: false,
    }
}

fn id_of(props: &Secret) -> u64 {
    serde_json::from_str(props.expose()).unwrap()
}

fn subscription((id, hook): (u64, Hook)) -> Subscription {
    Subscription {
        unsubscribe_props: Secret::new(id.to_string()),
        expires_at: hook
            .expires_at_ms
            .map(|millis| Timestamp::from_millis(i64::try_from(millis).unwrap())),
        signing_secret: None,
    }
}

fn subscribed(answer: Answer<(u64, Hook)>) -> Report {
    match answer {
        Answer::Ok(made) => report(
            Ok(Output::Subscription(subscription(made))),
            &[Fate::Answered],
        ),
        Answer::Refused { retryable } => refused(retryable),
        Answer::Lost => lost(),
    }
}

fn refused(retryable: bool) -> Report {
    let failure = Failure::Guest {
        retryable,
        message: "the provider said no".to_owned(),
        retry_after: None,
    };
    report(Err(failure), &[Fate::Answered])
}

fn lost() -> Report {
    let failure = Failure::Guest {
        retryable: true,
        message: "no answer came".to_owned(),
        retry_after: None,
    };
    report(Err(failure), &[Fate::NoAnswer])
}

fn report(outcome: Result<Output, Failure>, requests: &[Fate]) -> Report {
    Report {
        outcome,
        usage: Usage::default(),
        requests: requests
            .iter()
            .map(|fate| RequestRecord {
                method: "POST".to_owned(),
                origin: "https://provider.test".to_owned(),
                path: "/hooks".to_owned(),
                status: (*fate == Fate::Answered).then_some(200),
                duration: Duration::ZERO,
                fate: *fate,
                error: None,
            })
            .collect(),
        log: Log::default(),
        kv_writes: Vec::new(),
    }
}
