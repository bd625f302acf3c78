//! A data directory, a provider and a clock that outlive every engine that works on them.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::{EnvironmentName, ProjectName, Timestamp, ValueKey, ValueKind};
use engine::{
    Atomicity, Build, BuildError, BuildOutput, BuildProfile, BuiltComponent, Clock, DeployError,
    DeployReport, DeployRequest, Engine, LeaseWait, Owner, Parts, Planner, Point, Probe, Removal,
    RollbackRequest, Settings, Source, Unobserved, ValueRequest,
};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::guests::{Script, ScriptedGuests};
use crate::provider::Provider;

/// A clock that goes on only when somebody waits.
#[derive(Debug)]
pub(crate) struct VirtualClock(AtomicI64);

impl VirtualClock {
    pub(crate) fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }

    async fn sleep(&self, wait: Duration) {
        self.advance(wait.max(Duration::from_millis(1)));
        tokio::task::yield_now().await;
    }
}

/// Counts the points that are reached, and stops everything at one of them.
#[derive(Default)]
struct Killer {
    reached: AtomicUsize,
    at: Option<usize>,
    dead: Notify,
    points: Mutex<Vec<Point>>,
}

#[async_trait]
impl Probe for Killer {
    async fn reached(&self, point: Point) {
        let index = self.reached.fetch_add(1, Ordering::SeqCst);
        self.points.lock().unwrap().push(point);
        if self.at == Some(index) {
            self.dead.notify_one();
        }
        if self.at.is_some_and(|at| index >= at) {
            // The process is dead: nothing goes on.
            std::future::pending::<()>().await;
        }
    }
}

/// How one life of an engine ended.
pub(crate) struct Life<T> {
    /// What it came to; nothing if it was killed before.
    pub(crate) result: Option<T>,
    /// The points that it reached.
    pub(crate) points: Vec<Point>,
}

/// What outlives every process.
pub(crate) struct World {
    directory: TempDir,
    pub(crate) provider: Provider,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) planner: Planner,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            directory: directory().unwrap(),
            provider: Provider::new(),
            clock: Arc::new(VirtualClock(AtomicI64::new(1_700_000_000_000))),
            planner: domain::plan,
        }
    }

    /// Lives one life: a process that owns the data directory, and dies at the `kill`th point.
    pub(crate) fn live<T: Send + 'static, F>(
        &self,
        kill: Option<usize>,
        work: impl FnOnce(Owner) -> F + Send + 'static,
    ) -> Life<T>
    where
        F: Future<Output = T> + Send,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let killer = Arc::new(Killer {
            at: kill,
            ..Killer::default()
        });
        let parts = Parts {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            guests: Some(Arc::new(ScriptedGuests {
                provider: self.provider.clone(),
                clock: Arc::clone(&self.clock),
            })),
            probe: Arc::clone(&killer) as Arc<dyn Probe>,
            planner: self.planner,
        };
        let settings = Settings::new(self.directory.path().join("data"), "test", "test");
        let dead = Arc::clone(&killer);
        let result = runtime.block_on(async move {
            let life = tokio::spawn(async move {
                let engine = Engine::with_parts(settings, parts).await.unwrap();
                let owner = engine.own(Duration::from_secs(10)).await.unwrap();
                work(owner).await
            });
            tokio::select! {
                biased;
                () = dead.dead.notified() => None,
                result = life => Some(result.unwrap()),
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(10));
        let points = killer.points.lock().unwrap().clone();
        Life { result, points }
    }

    /// Deploys a script, in one life.
    pub(crate) fn deploy(&self, script: &Script) -> Result<DeployReport, DeployError> {
        self.deploy_until(script, None).result.unwrap()
    }

    /// Deploys a script, and dies at the `kill`th point.
    pub(crate) fn deploy_until(
        &self,
        script: &Script,
        kill: Option<usize>,
    ) -> Life<Result<DeployReport, DeployError>> {
        let request = self.request(script);
        self.live(kill, |owner| async move {
            owner.deploy(request, &Unobserved).await
        })
    }

    pub(crate) fn deploy_atomically(
        &self,
        script: &Script,
        kill: Option<usize>,
    ) -> Life<Result<DeployReport, DeployError>> {
        let request = DeployRequest {
            atomic: Atomicity::Atomic,
            ..self.request(script)
        };
        self.live(kill, |owner| async move {
            owner.deploy(request, &Unobserved).await
        })
    }

    pub(crate) fn roll_back(&self) -> Result<DeployReport, DeployError> {
        let request = RollbackRequest {
            project: project(),
            environment: environment(),
            to: None,
            atomic: Atomicity::Plain,
            lease: LeaseWait::Wait,
            settle_timeout: Duration::ZERO,
        };
        self.live(None, |owner| async move {
            owner.rollback(request, &Unobserved).await
        })
        .result
        .unwrap()
    }

    pub(crate) fn set_flavour(&self, flavour: &str, kill: Option<usize>) {
        let request = ValueRequest {
            project: project(),
            environment: environment(),
            key: ValueKey {
                kind: ValueKind::Variable,
                name: "FLAVOUR".to_owned(),
            },
        };
        let value = domain::Secret::new(flavour);
        self.live(kill, |owner| async move {
            // A reconfigure that fails stays due; the end of the test sees to it.
            let _ = owner.set_value(request, value, &Unobserved).await;
        });
    }

    /// Connects a user, as the team's backend will.
    pub(crate) fn connect(&self, user: &str) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let put = store::PutAccount {
            place: domain::Place {
                project: domain::ProjectId(1),
                environment: self.environment_id(&runtime),
            },
            user: domain::UserId(user.to_owned()),
            account: None,
            actor: "test".to_owned(),
            now: self.clock.now(),
        };
        runtime.block_on(async { self.store().await.put_user(put).await.unwrap() });
    }

    async fn store(&self) -> store::Store {
        let directory = self.directory.path().join("data");
        let directory = store::DataDir::open(directory, &store::KeySource::File).unwrap();
        store::Store::open(&directory).await.unwrap()
    }

    fn environment_id(&self, runtime: &tokio::runtime::Runtime) -> domain::EnvironmentId {
        runtime.block_on(async {
            let store = self.store().await;
            store.environment(environment()).await.unwrap().unwrap().id
        })
    }

    /// Lets everything that will ever be due come due.
    pub(crate) fn settle(&self) {
        let clock = Arc::clone(&self.clock);
        self.live(None, |owner| async move {
            // Refreshes recur for ever, so there is an end to patience.
            for _ in 0..500 {
                owner.settle_due(&Unobserved).await.unwrap();
                match owner.next_due().await.unwrap() {
                    Some(wait) if wait < Duration::from_secs(48 * 3600) => clock.advance(wait),
                    Some(_) | None => return,
                }
            }
        });
    }

    fn request(&self, script: &Script) -> DeployRequest {
        DeployRequest {
            project: project(),
            environment: environment(),
            source: Source::Build(self.build(script), BuildProfile::Dev),
            version: None,
            description: None,
            atomic: Atomicity::Plain,
            lease: LeaseWait::Wait,
            settle_timeout: Duration::from_secs(60),
            removal: Removal::AllowAll,
        }
    }

    fn build(&self, script: &Script) -> Arc<dyn Build> {
        let text = serde_json::to_string(script).unwrap();
        let path = self.directory.path().join("component");
        std::fs::write(&path, text).unwrap();
        Arc::new(Written(path))
    }
}

/// Makes a directory, in memory where the machine has such a place: what is
/// killed here is a task, so nothing depends on what reached a disk.
fn directory() -> std::io::Result<TempDir> {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir())
}

struct Written(std::path::PathBuf);

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
