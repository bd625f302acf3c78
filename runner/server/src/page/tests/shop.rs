//! A project without WebAssembly, deployed to a real engine in a directory of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode, header};
use domain::declare::{
    Action, AppEvent, ChangeOrder, DeployList, Hooks, Object, Respond, SecretUse, Signature,
    Trigger, Webhook, Workflow,
};
use domain::{ArtifactDigest, Limits, LogLevel, RegistrationId, Secret, ValueKey, ValueKind};
use engine::{
    ActionRun, Atomicity, Build, BuildError, BuildOutput, BuildProfile, BuiltComponent, Clock as _,
    DeployReport, DeployRequest, Engine, Guest, Guests, IngressRequest, LeaseWait, Owner, Parts,
    Removal, RunReport, Settings, Source, SystemClock, Unobserved, ValueRequest,
};
use sandbox::{
    Call, CollectError, Collected, Compiler, Failure, Grants, LoadError, Log, LogLine, LogSource,
    Output, Report, Usage,
};
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::super::{Pages, routes};

/// What a guest may say to make a page do something.
pub(super) const MARKUP: &str = "<script>alert('x')</script>";
/// What must be on no page.
pub(super) const SECRET: &str = "hunter2-hunter2";

/// The project, its engine and its pages.
pub(super) struct Shop {
    directory: TempDir,
    pub(super) owner: Owner,
    routes: Router,
}

/// A page as it came back.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) location: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) caching: Option<String>,
    pub(super) html: String,
}

impl Shop {
    pub(super) async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings::new(directory.path().join("data"), "ada", "test");
        let parts = Parts {
            guests: Some(Arc::new(ShopGuests)),
            ..Parts::default()
        };
        let engine = Engine::with_parts(settings, parts).await.unwrap();
        let owner = engine.own(Duration::ZERO).await.unwrap();
        Self {
            routes: routes::<Pages>().with_state(Pages { engine }),
            directory,
            owner,
        }
    }

    /// Deploys the project to an environment; `code` makes artifacts differ.
    pub(super) async fn deploy(&self, environment: &str, code: &str) -> DeployReport {
        let component = self.directory.path().join("component");
        std::fs::write(&component, code).unwrap();
        let request = DeployRequest {
            project: "shop".parse().unwrap(),
            environment: environment.parse().unwrap(),
            source: Source::Build(Arc::new(Written(component)), BuildProfile::Dev),
            version: None,
            description: Some(MARKUP.to_owned()),
            atomic: Atomicity::Plain,
            lease: LeaseWait::Wait,
            settle_timeout: Duration::ZERO,
            removal: Removal::AllowAll,
        };
        self.owner.deploy(request, &Unobserved).await.unwrap()
    }

    /// Runs the action with this name.
    pub(super) async fn run(&self, name: &str) -> RunReport {
        let request = ActionRun {
            project: "shop".parse().unwrap(),
            environment: "development".parse().unwrap(),
            action: "greet".to_owned(),
            input: serde_json::json!({ "name": name }),
        };
        self.owner.run(request).await.unwrap()
    }

    /// Sets the secret that the webhook needs.
    pub(super) async fn set_secret(&self) {
        let request = ValueRequest {
            project: "shop".parse().unwrap(),
            environment: "development".parse().unwrap(),
            key: ValueKey {
                kind: ValueKind::Secret,
                name: "HOOK_SECRET".to_owned(),
            },
        };
        self.owner
            .set_value(request, Secret::new(SECRET), &Unobserved)
            .await
            .unwrap();
    }

    /// Returns the id of the first registration.
    pub(super) async fn registration(&self) -> RegistrationId {
        let (project, environment) = ("shop".parse().unwrap(), "development".parse().unwrap());
        let all = self.owner.registrations(&project, &environment).await;
        all.unwrap()[0].registration
    }

    /// Delivers something to the webhook that nobody subscribes for.
    pub(super) async fn deliver(&self, body: &str) {
        let (project, environment) = ("shop".parse().unwrap(), "development".parse().unwrap());
        let addresses = self.owner.addresses(&project, &environment).await.unwrap();
        let url = addresses.into_iter().find_map(|address| address.url);
        let url = url.unwrap();
        let (_, token) = url.rsplit_once('/').unwrap();
        let request = IngressRequest {
            method: "POST".to_owned(),
            query: String::new(),
            headers: vec![
                ("x-note".to_owned(), MARKUP.as_bytes().to_vec()),
                ("authorization".to_owned(), SECRET.as_bytes().to_vec()),
            ],
            body: body.as_bytes().to_vec(),
            received_at: SystemClock::default().now(),
        };
        let answer = self.owner.receive(token, request).await.unwrap();
        assert_eq!(answer.status, 200);
    }

    /// Gets a page.
    pub(super) async fn get(&self, path: &str) -> Page {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let text = |response: &Response<Body>, name| {
            let value = response.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Page {
            status: response.status(),
            location: text(&response, header::LOCATION),
            policy: text(&response, header::CONTENT_SECURITY_POLICY),
            caching: text(&response, header::CACHE_CONTROL),
            html: {
                let body = axum::body::to_bytes(response.into_body(), usize::MAX);
                String::from_utf8(body.await.unwrap().to_vec()).unwrap()
            },
        }
    }

    /// Gets a page of the place, which must be there.
    pub(super) async fn page(&self, path: &str) -> String {
        let path = format!("/projects/shop/environments/development{path}");
        let page = self.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.html);
        page.html
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

struct ShopGuests;

#[async_trait]
impl Guests for ShopGuests {
    async fn load(
        &self,
        _artifact: ArtifactDigest,
        _file: &Path,
        _compiler: Compiler,
    ) -> Result<Arc<dyn Guest>, LoadError> {
        Ok(Arc::new(ShopGuest))
    }
}

struct ShopGuest;

#[async_trait]
impl Guest for ShopGuest {
    async fn collect(&self, _limits: &Limits) -> Result<Collected, CollectError> {
        Ok(Collected {
            list: DeployList {
                objects: objects(),
                uses: Vec::new(),
            },
            log: Log::default(),
            usage: Usage::default(),
        })
    }

    async fn call(&self, call: Call, _grants: Grants) -> Report {
        let outcome = match call {
            Call::RunAction { input, .. } if input.contains("trouble") => Err(Failure::Guest {
                retryable: false,
                message: format!("no greeting for {MARKUP}"),
                retry_after: None,
            }),
            Call::RunAction { .. } => Ok(Output::Run(
                serde_json::json!({ "greeting": format!("Hello {MARKUP}") }).to_string(),
            )),
            Call::SubscriptionProps { .. } => {
                Ok(Output::Props("{\"topic\":\"orders\"}".to_owned()))
            }
            Call::Subscribe { .. } => Err(Failure::Guest {
                retryable: true,
                message: format!("the provider said {MARKUP}"),
                retry_after: Some(Duration::from_secs(600)),
            }),
            other => panic!("nobody calls {}", other.operation()),
        };
        Report {
            outcome,
            usage: Usage::default(),
            requests: Vec::new(),
            log: log(),
            kv_writes: Vec::new(),
        }
    }
}

/// Four lines: one fine, one with markup, one with control characters, one an error.
fn log() -> Log {
    let line = |level, message: &str| LogLine {
        level,
        message: message.to_owned(),
        fields: Vec::new(),
        source: LogSource::Log,
        at: Duration::ZERO,
    };
    Log {
        lines: vec![
            line(LogLevel::Debug, "a fine line"),
            line(LogLevel::Info, MARKUP),
            line(LogLevel::Warn, "red \u{1b}[31m and \u{202e}reversed"),
            line(LogLevel::Error, "something broke"),
        ],
        truncated: false,
    }
}

fn objects() -> Vec<Object> {
    let greet = Action {
        name: "greet".to_owned(),
        title: MARKUP.to_owned(),
        integration: None,
        input: r#"{"type":"object","required":["name"],"properties":{"name":{"type":"string"}}}"#
            .to_owned(),
        output: "{}".to_owned(),
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: vec!["api.example.com".to_owned()],
        timeout_ms: None,
        idempotent: true,
        renamed_from: None,
        location: None,
    };
    let event = AppEvent {
        name: "order-placed".to_owned(),
        title: String::new(),
        schema: "{}".to_owned(),
        renamed_from: None,
        location: None,
    };
    let workflow = Workflow {
        name: "notify".to_owned(),
        title: String::new(),
        integration: None,
        trigger: Trigger::Event {
            name: "order-placed".to_owned(),
        },
        on_by_default: true,
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        timeout_ms: None,
        renamed_from: None,
        location: None,
    };
    vec![
        Object::Action(greet),
        Object::AppEvent(event),
        Object::Workflow(workflow),
        Object::Webhook(webhook()),
        Object::Webhook(Webhook {
            name: "pings".to_owned(),
            hooks: Hooks::default(),
            secrets: Vec::new(),
            ..webhook()
        }),
    ]
}

fn webhook() -> Webhook {
    Webhook {
        name: "orders".to_owned(),
        title: String::new(),
        integration: None,
        per_user: false,
        hooks: Hooks {
            subscription: true,
            refresh: false,
            check: false,
        },
        secrets: vec![SecretUse {
            name: "HOOK_SECRET".to_owned(),
            optional: false,
            subscription: true,
        }],
        variables: Vec::new(),
        hosts: Vec::new(),
        signature: Signature::None,
        dedupe: None,
        respond: Respond::Ack,
        silence_seconds: None,
        order: ChangeOrder::Replace,
        challenge: None,
        timeout_ms: None,
        renamed_from: None,
        location: None,
    }
}
