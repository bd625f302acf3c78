//! From the start of `collect` until its objects are live, through the engine.
//!
//! Each deploy goes to a data directory of its own, so that nothing was
//! collected before; only the directory's key and the machine code are copied,
//! so that nothing is compiled. What is measured begins when the stage
//! `collect` does and ends when the stage `apply` has: collecting in the
//! sandbox, validating, storing the list, the lease, props, plan, transaction.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use domain::{DeployStatus, Stage, StageStatus};
use engine::{
    Atomicity, Build, BuildError, BuildOutput, BuildProfile, BuiltComponent, DeployRequest, Engine,
    Event, LeaseWait, Observer, Removal, Settings, Source,
};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::component::many;
use crate::directory::temporary;
use crate::measure::median;
use crate::table::{Limit, Row};

const SIZES: [u32; 3] = [100, 1_000, 10_000];
const ROUNDS: usize = 9;
/// By how much an object among 10,000 may cost more than one among 1,000.
const LINEAR: f64 = 1.25;

/// Measures first deploys of 100, 1,000 and 10,000 objects.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let component = many()?;
    let mut prepared = Vec::new();
    for size in SIZES {
        prepared.push(runtime.block_on(Prepared::new(&component, size))?);
    }
    let mut times = vec![Vec::new(); SIZES.len()];
    // In turns, so that what disturbs one size disturbs all.
    for _ in 0..ROUNDS {
        for (prepared, times) in prepared.iter().zip(&mut times) {
            times.push(runtime.block_on(prepared.deploy())?);
        }
    }
    let medians: Vec<Duration> = times.iter().map(|times| median(times)).collect();
    let mut rows: Vec<Row> = SIZES
        .into_iter()
        .zip(&medians)
        .map(|(size, time)| {
            let limit = if size == 1_000 {
                Limit::Time(Duration::from_millis(100))
            } else {
                Limit::None
            };
            Row::alone(
                format!("collect to live, cached, {size} objects"),
                *time,
                limit,
            )
        })
        .collect();
    rows.push(Row::of_two(
        "an object among 10,000, beside one among 1,000",
        medians[2] / SIZES[2],
        medians[1] / SIZES[1],
        Limit::Times(LINEAR),
    ));
    Ok(rows)
}

/// A component of some size whose machine code is in a cache.
struct Prepared {
    objects: u32,
    directory: TempDir,
    component: PathBuf,
}

impl Prepared {
    async fn new(component: &[u8], objects: u32) -> Result<Self> {
        let directory = temporary()?;
        let file = directory.path().join("component.wasm");
        let settings = serde_json::json!({ "objects": objects });
        fs::write(&file, harness::with_settings(component, &settings))?;
        let prepared = Self {
            objects,
            component: file,
            directory,
        };
        prepared.deploy_to(&prepared.data()).await?;
        Ok(prepared)
    }

    /// The data directory that has the machine code.
    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Deploys to a new data directory; returns the time from collect to live.
    async fn deploy(&self) -> Result<Duration> {
        let data = self.directory.path().join("new");
        copy_private(&self.data(), &data)?;
        let time = self.deploy_to(&data).await?;
        fs::remove_dir_all(&data)?;
        Ok(time)
    }

    async fn deploy_to(&self, data: &Path) -> Result<Duration> {
        let engine = Engine::open(Settings::new(data, "bench", "bench")).await?;
        let owner = engine.own(Duration::ZERO).await?;
        let watch = Watch::default();
        let report = owner.deploy(self.request()?, &watch).await?;
        ensure!(report.status == DeployStatus::Succeeded, "it is not live");
        let live: u32 = Connection::open(data.join("tidegate.db"))?.query_row(
            "SELECT count(*) FROM objects WHERE live = 1",
            [],
            |row| row.get(0),
        )?;
        ensure!(live == self.objects, "{live} objects are live");
        watch.time()
    }

    fn request(&self) -> Result<DeployRequest> {
        let build = Arc::new(Ready(self.component.clone()));
        Ok(DeployRequest {
            project: "bench".parse()?,
            environment: "development".parse()?,
            source: Source::Build(build, BuildProfile::Release),
            version: Some("1".to_owned()),
            description: None,
            atomic: Atomicity::Plain,
            lease: LeaseWait::Refuse,
            settle_timeout: Duration::from_secs(60),
            removal: Removal::Confirm,
        })
    }
}

/// Copies the key and the machine code of a data directory.
fn copy_private(from: &Path, to: &Path) -> Result<()> {
    // Opening it makes it private, and its cache too.
    store::DataDir::open(to, &store::KeySource::Given(key(from)?))?;
    fs::copy(from.join("key"), to.join("key"))?;
    for entry in fs::read_dir(from.join("cache"))? {
        let entry = entry?;
        fs::copy(entry.path(), to.join("cache").join(entry.file_name()))?;
    }
    Ok(())
}

fn key(data: &Path) -> Result<domain::Secret> {
    Ok(domain::Secret::new(fs::read_to_string(data.join("key"))?))
}

/// A build that was made before.
struct Ready(PathBuf);

#[async_trait]
impl Build for Ready {
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

/// Notes when collecting began and when the objects were live.
#[derive(Default)]
struct Watch(Mutex<[Option<Instant>; 2]>);

impl Watch {
    fn time(&self) -> Result<Duration> {
        let [began, live] = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let began = began.context("nothing was collected")?;
        let live = live.context("nothing went live")?;
        Ok(live.duration_since(began))
    }
}

impl Observer for Watch {
    fn event(&self, event: Event) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::StageStarted(Stage::Collect) => times[0] = Some(Instant::now()),
            Event::StageFinished(stage)
                if stage.name == Stage::Apply && stage.status == StageStatus::Done =>
            {
                times[1] = Some(Instant::now());
            }
            Event::Began { .. }
            | Event::StageStarted(_)
            | Event::StageFinished(_)
            | Event::BuildLine(_)
            | Event::Log(_)
            | Event::Step(_)
            | Event::Waiting(_) => {}
        }
    }
}
