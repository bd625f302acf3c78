//! Guests without WebAssembly: an artifact is a list of objects and a number, what calls do is scripted.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::declare::{
    Action, AppEvent, CatchUp, DeployList, Object, Trigger, VariableUse, Workflow,
};
use domain::{ArtifactDigest, Limits};
use engine::{Guest, Guests};
use sandbox::{
    Call, CollectError, Collected, Compiler, Failure, Grants, KvWrite, LoadError, Log, Output,
    Report, RunContext, Usage,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

/// An object as a script has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Declared {
    /// An action with an input `{"n": integer}`.
    Action { name: String, idempotent: bool },
    /// An action that cannot do without the variable `NEEDED`.
    Needy,
    /// A workflow that requests start.
    Workflow(String),
    /// A workflow that the event `placed` starts, and the event.
    OnPlaced(String),
    /// A workflow that ticks.
    Scheduled(String),
}

/// What an artifact holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Script {
    pub(crate) objects: Vec<Declared>,
    /// Makes artifacts differ; calls return it.
    pub(crate) code: u32,
}

/// What one call does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Returns the artifact's code.
    Return,
    /// Adds one to `count` in the key-value store.
    Count,
    /// Returns an error.
    Refuse {
        retryable: bool,
        after: Option<Duration>,
    },
    /// Goes past a limit.
    Exceed,
    /// Returns when it is released.
    Wait(Arc<Notify>),
    /// Never returns.
    Hang,
    /// Takes its task with it.
    Panic,
}

/// One call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) object: String,
    pub(crate) code: u32,
    pub(crate) attempt: u32,
    pub(crate) key: String,
    pub(crate) input: String,
}

/// What is scripted and what was called; it outlives every engine.
#[derive(Clone)]
pub(crate) struct Stage(Arc<Inner>);

struct Inner {
    acts: Mutex<HashMap<String, VecDeque<Act>>>,
    usual: Mutex<Act>,
    calls: watch::Sender<Vec<Called>>,
    /// How many calls are under way, and how many there were at most.
    busy: watch::Sender<(usize, usize)>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            acts: Mutex::default(),
            usual: Mutex::new(Act::Return),
            calls: watch::Sender::new(Vec::new()),
            busy: watch::Sender::new((0, 0)),
        }))
    }

    /// Scripts the next call of an object.
    pub(crate) fn next(&self, object: &str, act: Act) {
        let mut acts = self.0.acts.lock().unwrap();
        acts.entry(object.to_owned()).or_default().push_back(act);
    }

    /// Scripts every call that is not scripted otherwise.
    pub(crate) fn usually(&self, act: Act) {
        *self.0.usual.lock().unwrap() = act;
    }

    pub(crate) fn calls(&self) -> Vec<Called> {
        self.0.calls.borrow().clone()
    }

    /// The objects that were called, in order.
    pub(crate) fn order(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.object).collect()
    }

    /// Waits until so many calls were made.
    pub(crate) async fn called(&self, count: usize) {
        let mut calls = self.0.calls.subscribe();
        calls.wait_for(|calls| calls.len() >= count).await.unwrap();
    }

    /// Waits until so many calls are under way.
    pub(crate) async fn busy(&self, count: usize) {
        let mut busy = self.0.busy.subscribe();
        busy.wait_for(|(now, _)| *now == count).await.unwrap();
    }

    pub(crate) fn busiest(&self) -> usize {
        self.0.busy.borrow().1
    }

    fn act(&self, object: &str) -> Act {
        let mut acts = self.0.acts.lock().unwrap();
        let scripted = acts.get_mut(object).and_then(VecDeque::pop_front);
        scripted.unwrap_or_else(|| self.0.usual.lock().unwrap().clone())
    }

    fn enter(&self) -> Busy {
        self.0.busy.send_modify(|(now, most)| {
            *now += 1;
            *most = (*most).max(*now);
        });
        Busy(self.clone())
    }
}

/// A call that is under way; dropping it counts as its end.
struct Busy(Stage);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.0.busy.send_modify(|(now, _)| *now -= 1);
    }
}

#[async_trait]
impl Guests for Stage {
    async fn load(
        &self,
        _artifact: ArtifactDigest,
        file: &Path,
        _compiler: Compiler,
    ) -> Result<Arc<dyn Guest>, LoadError> {
        let text = std::fs::read_to_string(file).unwrap();
        Ok(Arc::new(Actor {
            script: serde_json::from_str(&text).unwrap(),
            stage: self.clone(),
        }))
    }
}

struct Actor {
    script: Script,
    stage: Stage,
}

#[async_trait]
impl Guest for Actor {
    async fn collect(&self, _limits: &Limits) -> Result<Collected, CollectError> {
        let objects = self.script.objects.iter().flat_map(declare).collect();
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
        let (name, input, context) = match call {
            Call::RunAction {
                name,
                input,
                context,
            }
            | Call::RunWorkflow {
                name,
                input,
                context,
            } => (name, input, context),
            other => panic!("no script for {}", other.operation()),
        };
        let _busy = self.stage.enter();
        let act = self.stage.act(&name);
        self.note(&name, input, &context);
        self.play(act, &grants).await
    }
}

impl Actor {
    fn note(&self, name: &str, input: String, context: &RunContext) {
        let called = Called {
            object: name.to_owned(),
            code: self.script.code,
            attempt: context.attempt,
            key: context.idempotency_key.clone(),
            input,
        };
        self.stage.0.calls.send_modify(|calls| calls.push(called));
    }

    async fn play(&self, act: Act, grants: &Grants) -> Report {
        let mut kv_writes = Vec::new();
        let outcome = match act {
            Act::Return => Ok(()),
            Act::Count => {
                let kv = grants.kv.as_ref().unwrap();
                let before = kv.get("count").await.unwrap().map_or(0, |bytes| bytes[0]);
                kv_writes.push(KvWrite::Set {
                    key: "count".to_owned(),
                    value: vec![before + 1],
                });
                Ok(())
            }
            Act::Refuse { retryable, after } => Err(Failure::Guest {
                retryable,
                message: "not today".to_owned(),
                retry_after: after,
            }),
            Act::Exceed => Err(Failure::Limit {
                limit: sandbox::Limit::Wall,
                message: "it took too long".to_owned(),
            }),
            Act::Wait(released) => {
                released.notified().await;
                Ok(())
            }
            Act::Hang => std::future::pending().await,
            Act::Panic => panic!("the host has a fault"),
        };
        Report {
            outcome: outcome.map(|()| Output::Run(self.script.code.to_string())),
            usage: Usage::default(),
            requests: Vec::new(),
            log: Log::default(),
            kv_writes,
        }
    }
}

fn declare(declared: &Declared) -> Vec<Object> {
    match declared {
        Declared::Action { name, idempotent } => vec![action(name, *idempotent, &[])],
        Declared::Needy => vec![action("needy", false, &["NEEDED"])],
        Declared::Workflow(name) => vec![workflow(name, Trigger::Request)],
        Declared::OnPlaced(name) => vec![
            Object::AppEvent(AppEvent {
                name: "placed".to_owned(),
                title: String::new(),
                schema: SCHEMA.to_owned(),
                renamed_from: None,
                location: None,
            }),
            workflow(
                name,
                Trigger::Event {
                    name: "placed".to_owned(),
                },
            ),
        ],
        Declared::Scheduled(name) => vec![workflow(
            name,
            Trigger::Schedule {
                cron: "* * * * *".to_owned(),
                time_zone: "UTC".to_owned(),
                catch_up: CatchUp::Once,
            },
        )],
    }
}

const SCHEMA: &str = r#"{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}"#;

fn action(name: &str, idempotent: bool, variables: &[&str]) -> Object {
    Object::Action(Action {
        name: name.to_owned(),
        title: String::new(),
        integration: None,
        input: SCHEMA.to_owned(),
        output: "{}".to_owned(),
        secrets: Vec::new(),
        variables: variables
            .iter()
            .map(|name| VariableUse {
                name: (*name).to_owned(),
                optional: false,
                default: None,
                subscription: false,
            })
            .collect(),
        hosts: Vec::new(),
        timeout_ms: None,
        idempotent,
        renamed_from: None,
        location: None,
    })
}

fn workflow(name: &str, trigger: Trigger) -> Object {
    Object::Workflow(Workflow {
        name: name.to_owned(),
        title: String::new(),
        integration: None,
        trigger,
        on_by_default: false,
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        timeout_ms: None,
        renamed_from: None,
        location: None,
    })
}
