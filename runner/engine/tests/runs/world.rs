//! A data directory, guests and a clock that outlive every engine that works on them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::{EnvironmentName, Place, ProjectName, RunId, RunStatus, Timestamp};
use engine::{
    ActionRun, Atomicity, Build, BuildError, BuildOutput, BuildProfile, BuiltComponent, Clock,
    DeployRequest, Engine, LeaseWait, Owner, Parts, Point, Probe, Removal, RunReport, Settings,
    Source, Unobserved,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{Notify, watch};

use crate::guests::{Declared, Script, Stage};

/// No test takes so long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that goes on only when a test says so.
pub(crate) struct TestClock(watch::Sender<i64>);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap();
        self.0.send_modify(|now| *now += millis);
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(*self.0.borrow())
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.borrow().unsigned_abs())
    }

    async fn sleep(&self, wait: Duration) {
        let until = self.now().after(wait).as_millis();
        self.0
            .subscribe()
            .wait_for(|now| *now >= until)
            .await
            .unwrap();
    }
}

/// Stops everything at one point.
struct Killer {
    at: Option<Point>,
    dead: Notify,
}

#[async_trait]
impl Probe for Killer {
    async fn reached(&self, point: Point) {
        if self.at == Some(point) {
            self.dead.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

pub(crate) struct World {
    directory: TempDir,
    pub(crate) stage: Stage,
    pub(crate) clock: Arc<TestClock>,
    deployed: AtomicU32,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir_in("/dev/shm")
                .or_else(|_| tempfile::tempdir())
                .unwrap(),
            stage: Stage::new(),
            // A few seconds after a full minute.
            clock: Arc::new(TestClock(watch::Sender::new(1_700_000_045_000))),
            deployed: AtomicU32::new(0),
        }
    }

    /// Lives one life of an engine, which ends when `work` does, or dies at a point.
    pub(crate) fn live<T: Send + 'static, F>(
        &self,
        dies_at: Option<Point>,
        work: impl FnOnce(Arc<Owner>) -> F + Send + 'static,
    ) -> Option<T>
    where
        F: Future<Output = T> + Send,
    {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let killer = Arc::new(Killer {
            at: dies_at,
            dead: Notify::new(),
        });
        let parts = Parts {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            guests: Some(Arc::new(self.stage.clone())),
            probe: Arc::clone(&killer) as Arc<dyn Probe>,
            planner: domain::plan,
        };
        let settings = Settings::new(self.directory.path().join("data"), "test", "test");
        let ended = runtime.block_on(async move {
            let life = tokio::spawn(async move {
                let engine = Engine::with_parts(settings, parts).await.unwrap();
                let owner = engine.own(PATIENCE).await.unwrap();
                work(Arc::new(owner)).await
            });
            tokio::time::timeout(PATIENCE, async {
                tokio::select! {
                    biased;
                    () = killer.dead.notified() => None,
                    ended = life => Some(ended.unwrap()),
                }
            })
            .await
            .expect("what the test waits for does not come")
        });
        runtime.shutdown_timeout(PATIENCE);
        ended
    }

    /// Writes a component and returns the request that deploys it.
    pub(crate) fn component(
        &self,
        project: &str,
        objects: Vec<Declared>,
        code: u32,
    ) -> DeployRequest {
        let number = self.deployed.fetch_add(1, Ordering::SeqCst);
        let path = self.directory.path().join(format!("component-{number}"));
        let script = Script { objects, code };
        std::fs::write(&path, serde_json::to_string(&script).unwrap()).unwrap();
        DeployRequest {
            project: project.parse().unwrap(),
            environment: environment(),
            source: Source::Build(Arc::new(Written(path)), BuildProfile::Dev),
            version: None,
            description: None,
            atomic: Atomicity::Plain,
            lease: LeaseWait::Wait,
            settle_timeout: Duration::from_secs(60),
            removal: Removal::AllowAll,
        }
    }

    /// Reads what the guests have counted.
    pub(crate) fn count(&self) -> u8 {
        let directory = self.directory.path().join("data");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let directory = store::DataDir::open(directory, &store::KeySource::File).unwrap();
            let store = store::Store::open(&directory).await.unwrap();
            let place = Place {
                project: domain::ProjectId(1),
                environment: domain::EnvironmentId(1),
            };
            let count = store.kv_get(place, "count".to_owned()).await.unwrap();
            count.unwrap()[0]
        })
    }

    /// Deploys objects, in a life of its own.
    pub(crate) fn deploy(&self, objects: Vec<Declared>) {
        let request = self.component("shop", objects, 1);
        self.live(None, |owner| async move {
            deploy(&owner, request).await;
        });
    }
}

pub(crate) async fn deploy(owner: &Owner, request: DeployRequest) {
    owner.deploy(request, &Unobserved).await.unwrap();
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

pub(crate) fn act() -> Declared {
    Declared::Action {
        name: "act".to_owned(),
        idempotent: false,
    }
}

/// Asks for a run of an action of a project.
pub(crate) fn ask(project: &str, action: &str) -> ActionRun {
    ActionRun {
        project: project.parse().unwrap(),
        environment: environment(),
        action: action.to_owned(),
        input: json!({"n": 1}),
    }
}

pub(crate) async fn submit(owner: &Owner) -> RunId {
    owner.submit(ask("shop", "act")).await.unwrap()
}

/// Waits until a run stands so.
pub(crate) async fn stands(owner: &Owner, run: RunId, status: RunStatus) -> RunReport {
    let mut commits = owner.commits();
    loop {
        commits.borrow_and_update();
        let report = owner.run_report(run).await.unwrap();
        if report.status == status {
            return report;
        }
        commits.changed().await.unwrap();
    }
}

/// Lets time go by until a run stands so.
pub(crate) async fn comes_to(
    owner: &Owner,
    clock: &TestClock,
    run: RunId,
    status: RunStatus,
) -> RunReport {
    loop {
        let report = owner.run_report(run).await.unwrap();
        if report.status == status {
            return report;
        }
        clock.advance(Duration::from_secs(1));
        if report.status == RunStatus::Retrying
            && let Some(at) = report.next_attempt_at
        {
            clock.advance(at.since(clock.now()));
        }
    }
}

/// Runs that the store has, oldest first.
pub(crate) async fn all_runs(owner: &Owner) -> Vec<RunReport> {
    let mut runs = owner.runs(&project(), &environment(), 1_000).await.unwrap();
    runs.reverse();
    runs
}
