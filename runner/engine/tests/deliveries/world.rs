//! A data directory, a clock that a test moves, and guests that do what they are told.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::declare::{
    ChangeOrder, DeployList, Hooks, Object, Respond, SecretUse, Signature, SigningKey, Trigger,
    Webhook, Workflow,
};
use domain::{
    ArtifactDigest, DeliveryId, EnvironmentName, Limits, ProjectName, RunStatus, Secret,
    Subscription, Timestamp, ValueKey, ValueKind,
};
use engine::{
    Atomicity, Build, BuildError, BuildOutput, BuildProfile, BuiltComponent, Clock, DeliveryReport,
    DeliverySelection, DeployReport, DeployRequest, DispatchLimits, Engine, Guest, Guests,
    IngressAnswer, IngressRefusal, IngressRequest, LeaseWait, Owner, Parts, Removal, SampleRequest,
    Settings, Source, Unobserved, ValueRequest,
};
use sandbox::{
    Call, CheckAnswer, CollectError, Collected, Compiler, Delivery, Failure, Grants, KvWrite,
    LoadError, Log, Output, Report, Response, RunContext, Usage,
};
use tempfile::TempDir;
use tokio::sync::{Notify, watch};

/// The key that signs unless a test says otherwise.
pub(crate) const KEY: &str = "first-signing-key";

/// A clock that goes on only when a test moves it.
pub(crate) struct ManualClock(watch::Sender<i64>);

impl ManualClock {
    pub(crate) fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap();
        self.0.send_modify(|now| *now += millis);
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(*self.0.borrow())
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.borrow().unsigned_abs())
    }

    async fn sleep(&self, wait: Duration) {
        let mut now = self.0.subscribe();
        let until = *now.borrow() + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX / 4);
        now.wait_for(|now| *now >= until).await.unwrap();
    }
}

/// What a handler does with one delivery.
pub(crate) enum Act {
    /// It returns this, and counts the delivery in the key-value store.
    Return(&'static str, Option<Response>),
    /// It says that it may go better another time.
    Retry,
    /// It says no for good.
    Refuse,
    /// It waits until it is let go, then succeeds.
    Wait(Arc<Notify>),
}

/// What guests are told and have seen, over every process.
#[derive(Default)]
pub(crate) struct Stage {
    pub(crate) acts: Mutex<VecDeque<Act>>,
    pub(crate) seen: Mutex<Vec<(Delivery, RunContext)>>,
    pub(crate) called: Notify,
    /// The addresses that were subscribed, oldest first.
    pub(crate) endpoints: Mutex<Vec<String>>,
    /// What `unsubscribe` waits for, if it waits.
    pub(crate) clings: Mutex<Option<Arc<Notify>>>,
}

struct Actors(Arc<Stage>);

struct Actor {
    stage: Arc<Stage>,
    objects: Vec<Object>,
}

#[async_trait]
impl Guests for Actors {
    async fn load(
        &self,
        _artifact: ArtifactDigest,
        file: &Path,
        _compiler: Compiler,
    ) -> Result<Arc<dyn Guest>, LoadError> {
        let text = std::fs::read_to_string(file).unwrap();
        Ok(Arc::new(Actor {
            stage: Arc::clone(&self.0),
            objects: serde_json::from_str(&text).unwrap(),
        }))
    }
}

#[async_trait]
impl Guest for Actor {
    async fn collect(&self, _limits: &Limits) -> Result<Collected, CollectError> {
        Ok(Collected {
            list: DeployList {
                objects: self.objects.clone(),
                uses: Vec::new(),
            },
            log: Log::default(),
            usage: Usage::default(),
        })
    }

    async fn call(&self, call: Call, grants: Grants) -> Report {
        match call {
            Call::Receive {
                delivery, context, ..
            } => self.receive(delivery, context, grants).await,
            Call::SubscriptionProps { .. } => report(Ok(Output::Props("1".to_owned()))),
            Call::Subscribe { registration, .. } => {
                let mut endpoints = self.stage.endpoints.lock().unwrap();
                endpoints.push(registration.endpoint);
                report(Ok(Output::Subscription(Subscription {
                    unsubscribe_props: Secret::new("1"),
                    expires_at: None,
                    signing_secret: Some(Secret::new("issued-signing-key")),
                })))
            }
            Call::Unsubscribe { .. } => {
                let go = self.stage.clings.lock().unwrap().take();
                if let Some(go) = go {
                    self.stage.called.notify_one();
                    go.notified().await;
                }
                report(Ok(Output::Unsubscribed))
            }
            Call::Check { .. } => report(Ok(Output::Check(CheckAnswer::Absent))),
            Call::RunAction { .. } | Call::RunWorkflow { .. } | Call::Refresh { .. } => {
                report(Ok(Output::Run("null".to_owned())))
            }
        }
    }
}

impl Actor {
    async fn receive(&self, delivery: Delivery, context: RunContext, grants: Grants) -> Report {
        let act = self.stage.acts.lock().unwrap().pop_front();
        let key = format!("handled-{}", delivery.id);
        self.stage.seen.lock().unwrap().push((delivery, context));
        self.stage.called.notify_one();
        let (output, response) = match act {
            Some(Act::Return(output, response)) => (output, response),
            Some(Act::Retry) => return failed(true),
            Some(Act::Refuse) => return failed(false),
            Some(Act::Wait(go)) => {
                go.notified().await;
                ("{}", None)
            }
            None => ("{}", None),
        };
        let mut count = grants
            .kv
            .unwrap()
            .get(&key)
            .await
            .unwrap()
            .unwrap_or_default();
        count.push(b'x');
        Report {
            kv_writes: vec![KvWrite::Set { key, value: count }],
            ..report(Ok(Output::Received {
                output: output.to_owned(),
                response,
            }))
        }
    }
}

fn failed(retryable: bool) -> Report {
    report(Err(Failure::Guest {
        retryable,
        message: "not now".to_owned(),
        retry_after: None,
    }))
}

fn report(outcome: Result<Output, Failure>) -> Report {
    Report {
        outcome,
        usage: Usage::default(),
        requests: Vec::new(),
        log: Log::default(),
        kv_writes: Vec::new(),
    }
}

/// What outlives every process.
pub(crate) struct World {
    pub(crate) directory: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) stage: Arc<Stage>,
}

/// One process that owns the data directory.
pub(crate) struct Life {
    pub(crate) owner: Arc<Owner>,
    build: PathBuf,
}

impl World {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self {
            directory: directory.unwrap(),
            clock: Arc::new(ManualClock(watch::Sender::new(1_700_000_000_000))),
            stage: Arc::default(),
        }
    }

    /// Begins a life; the one before must be over.
    pub(crate) async fn live(&self) -> Life {
        let parts = Parts {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            guests: Some(Arc::new(Actors(Arc::clone(&self.stage)))),
            ..Parts::default()
        };
        let settings = Settings::new(self.directory.path().join("data"), "test", "test");
        let engine = Engine::with_parts(settings, parts).await.unwrap();
        let owner = engine.own(Duration::from_secs(10)).await.unwrap();
        Life {
            owner: Arc::new(owner),
            build: self.directory.path().join("component"),
        }
    }

    /// Begins a life in which this is live, with the signing key set.
    pub(crate) async fn with(&self, objects: Vec<Object>) -> Life {
        let life = self.live().await;
        life.set_secret("KEY", KEY).await;
        life.deploy(objects).await;
        life
    }

    pub(crate) fn act(&self, acts: impl IntoIterator<Item = Act>) {
        self.stage.acts.lock().unwrap().extend(acts);
    }

    pub(crate) fn seen(&self) -> Vec<(Delivery, RunContext)> {
        self.stage.seen.lock().unwrap().clone()
    }
}

impl Life {
    pub(crate) async fn deploy(&self, objects: Vec<Object>) -> DeployReport {
        std::fs::write(&self.build, serde_json::to_string(&objects).unwrap()).unwrap();
        let request = DeployRequest {
            project: project(),
            environment: environment(),
            source: Source::Build(Arc::new(Written(self.build.clone())), BuildProfile::Dev),
            version: None,
            description: None,
            atomic: Atomicity::Plain,
            lease: LeaseWait::Wait,
            settle_timeout: Duration::ZERO,
            removal: Removal::AllowAll,
        };
        self.owner.deploy(request, &Unobserved).await.unwrap()
    }

    pub(crate) async fn set_secret(&self, name: &str, value: &str) {
        let request = ValueRequest {
            project: project(),
            environment: environment(),
            key: ValueKey {
                kind: ValueKind::Secret,
                name: name.to_owned(),
            },
        };
        let value = Secret::new(value);
        self.owner
            .set_value(request, value, &Unobserved)
            .await
            .unwrap();
    }

    /// Makes a signed request to a webhook, as the provider would; returns the token too.
    pub(crate) async fn signed(
        &self,
        webhook: &str,
        body: &str,
        id: &str,
    ) -> (String, IngressRequest) {
        let sample = self
            .owner
            .sample_delivery(SampleRequest {
                project: project(),
                environment: environment(),
                webhook: webhook.to_owned(),
                user: None,
                body: body.as_bytes().to_vec(),
                id: Some(id.to_owned()),
            })
            .await
            .unwrap();
        let token = sample.path.strip_prefix("/hooks/").unwrap().to_owned();
        let headers = sample
            .headers
            .into_iter()
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        (token, request("POST", "", headers, body))
    }

    pub(crate) async fn send(
        &self,
        webhook: &str,
        body: &str,
        id: &str,
    ) -> Result<IngressAnswer, IngressRefusal> {
        let (token, request) = self.signed(webhook, body, id).await;
        self.owner.receive(&token, request).await
    }

    /// Runs what waits until no run of a delivery is open any more.
    pub(crate) async fn work_off(&self) {
        let dispatcher = self.owner.dispatch(DispatchLimits::default());
        self.until(|runs| runs.iter().all(|run| !run.is_open()))
            .await;
        dispatcher.stop(Duration::from_secs(3600)).await;
    }

    /// Waits until the newest runs of the deliveries stand as they should.
    pub(crate) async fn until(&self, wanted: impl Fn(&[RunStatus]) -> bool) {
        let mut commits = self.owner.commits();
        loop {
            commits.borrow_and_update();
            let deliveries = self.deliveries().await;
            let runs: Vec<RunStatus> = deliveries.iter().filter_map(|one| one.status).collect();
            if wanted(&runs) {
                return;
            }
            tokio::time::timeout(Duration::from_secs(60), commits.changed())
                .await
                .unwrap_or_else(|_| panic!("they stand at {runs:?}"))
                .unwrap();
        }
    }

    /// Returns all deliveries, oldest first.
    pub(crate) async fn deliveries(&self) -> Vec<DeliveryReport> {
        let selection = DeliverySelection {
            limit: 1_000,
            ..DeliverySelection::default()
        };
        let found = self
            .owner
            .deliveries(&project(), &environment(), selection)
            .await
            .unwrap();
        found.deliveries.into_iter().rev().collect()
    }

    pub(crate) async fn status_notes(&self) -> String {
        let reports = self.owner.status(&project(), Some(&environment())).await;
        reports.unwrap()[0].notes.join("\n")
    }

    /// Ends the life; nothing of it goes on.
    pub(crate) async fn end(self) {
        let owner = Arc::downgrade(&self.owner);
        drop(self.owner);
        // What answers a provider still holds an engine, and no owner.
        assert!(owner.upgrade().is_none(), "somebody still owns it");
    }
}

/// Reads the delivery's id from an answer.
pub(crate) fn delivery_of(answer: &IngressAnswer) -> DeliveryId {
    let header = answer
        .headers
        .iter()
        .find(|(name, _)| name == "tidegate-delivery");
    String::from_utf8(header.unwrap().1.clone())
        .unwrap()
        .parse()
        .unwrap()
}

pub(crate) fn request(
    method: &str,
    query: &str,
    headers: Vec<(String, Vec<u8>)>,
    body: &str,
) -> IngressRequest {
    IngressRequest {
        method: method.to_owned(),
        query: query.to_owned(),
        headers,
        body: body.as_bytes().to_vec(),
        received_at: Timestamp::from_millis(1_700_000_000_000),
    }
}

struct Written(PathBuf);

#[async_trait]
impl Build for Written {
    async fn build(
        &self,
        _profile: BuildProfile,
        _output: &dyn BuildOutput,
    ) -> Result<BuiltComponent, BuildError> {
        Ok(BuiltComponent {
            path: self.0.clone(),
            commit: None,
        })
    }
}

pub(crate) fn project() -> ProjectName {
    "shop".parse().unwrap()
}

pub(crate) fn environment() -> EnvironmentName {
    "development".parse().unwrap()
}

pub(crate) fn key() -> SigningKey {
    SigningKey::Secret {
        name: "KEY".to_owned(),
    }
}

/// A webhook that is set up by hand, signed as GitHub does.
pub(crate) fn webhook(name: &str, change: impl FnOnce(&mut Webhook)) -> Object {
    let mut webhook = Webhook {
        name: name.to_owned(),
        title: String::new(),
        integration: None,
        per_user: false,
        hooks: Hooks::default(),
        secrets: vec![SecretUse {
            name: "KEY".to_owned(),
            optional: true,
            subscription: false,
        }],
        variables: Vec::new(),
        hosts: Vec::new(),
        signature: Signature::Github { key: key() },
        dedupe: None,
        respond: Respond::Ack,
        silence_seconds: None,
        order: ChangeOrder::Replace,
        challenge: None,
        timeout_ms: None,
        renamed_from: None,
        location: None,
    };
    change(&mut webhook);
    Object::Webhook(webhook)
}

pub(crate) fn sync(name: &str) -> Object {
    webhook(name, |webhook| {
        webhook.respond = Respond::Sync { deadline_ms: 3_000 };
    })
}

/// A workflow that a webhook triggers.
pub(crate) fn workflow(name: &str, webhook: &str) -> Object {
    Object::Workflow(Workflow {
        name: name.to_owned(),
        title: String::new(),
        integration: None,
        trigger: Trigger::Webhook {
            name: webhook.to_owned(),
        },
        on_by_default: true,
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        timeout_ms: None,
        renamed_from: None,
        location: None,
    })
}
