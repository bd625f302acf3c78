//! From a save to live, and what a dev loop takes of memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use harness::{Dev, Scripted, TestEnvironment, copy_example, edit};
use serde_json::Value;

use crate::measure::{Side, median};
use crate::table::{Limit, Row};

/// Saves of each kind.
const ROUNDS: usize = 15;

/// After how many deploys the memory is looked at again, and once more.
const FEW: u32 = 20;
const DEPLOYS: u32 = 1_000;

/// What a dev loop at rest may take of memory.
const AT_REST: u64 = 80 << 20;

/// What stands in the source and is written anew at each save.
const FIRST: &str = "Refund an order";

/// Measures saves of the example `orders`, which has five objects, with a dev
/// loop and with cargo alone, in turns.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let environments = [(); 2].map(|()| TestEnvironment::new());
    let mut ours = Ours::start(&environments[0])?;
    let mut floor = Floor::start(&environments[1])?;
    let mut changed = [Vec::new(), Vec::new()];
    let mut unchanged = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        for side in Side::in_turn(round) {
            let (index, times) = match side {
                Side::Ours => (0, ours.saves(round)?),
                Side::Floor => (1, floor.saves(round)?),
            };
            changed[index].push(times.0);
            unchanged[index].push(times.1);
        }
    }
    let beyond = |[ours, floor]: &[Vec<Duration>; 2]| {
        (median(ours).saturating_sub(median(floor)), median(floor))
    };
    let (live, build) = beyond(&changed);
    let (nothing, check) = beyond(&unchanged);
    let mut rows = vec![
        Row::of_two(
            "save to live beyond cargo build (the floor), 5 objects",
            live,
            build,
            Limit::Time(Duration::from_millis(150)),
        ),
        Row::of_two(
            "unchanged save, likewise, with the debounce of 10 ms",
            nothing,
            check,
            Limit::Time(Duration::from_millis(70)),
        ),
    ];
    rows.extend(memory()?);
    Ok(rows)
}

/// The source that is saved.
struct Source {
    file: PathBuf,
    text: String,
}

impl Source {
    fn of(environment: &TestEnvironment, package: &str) -> Result<(Self, PathBuf)> {
        let directory = copy_example(environment, "orders", package);
        edit(
            &directory.join("tidegate.toml"),
            "name = \"orders\"",
            &format!("name = {package:?}"),
        );
        let file = directory.join("src/lib.rs");
        let text = fs::read_to_string(&file)?;
        ensure!(text.contains(FIRST), "the example has no `{FIRST}`");
        Ok((Self { file, text }, directory))
    }

    fn save(&self, round: usize) -> Result<()> {
        let text = self.text.replace(FIRST, &format!("{FIRST} ({round})"));
        Ok(fs::write(&self.file, text)?)
    }
}

struct Ours {
    dev: Dev,
    source: Source,
}

impl Ours {
    fn start(environment: &TestEnvironment) -> Result<Self> {
        let (source, directory) = Source::of(environment, "orders-ours")?;
        let dev = environment
            .tidegate(["--format", "json", "dev"])
            .dir(&directory);
        let mut dev = Dev::start(dev);
        let settled = dev.settled();
        ensure!(settled["kind"] == "live", "{settled}");
        Ok(Self { dev, source })
    }

    /// Saves a change, and then the same again; returns how long each took.
    fn saves(&mut self, round: usize) -> Result<(Duration, Duration)> {
        let live = self.save(round, "live")?;
        let unchanged = self.save(round, "unchanged")?;
        Ok((live, unchanged))
    }

    fn save(&mut self, round: usize, expected: &str) -> Result<Duration> {
        let start = Instant::now();
        self.source.save(round)?;
        let settled = self.dev.settled();
        let time = start.elapsed();
        ensure!(settled["kind"] == expected, "{settled}");
        Ok(time)
    }
}

struct Floor {
    directory: PathBuf,
    source: Source,
}

impl Floor {
    fn start(environment: &TestEnvironment) -> Result<Self> {
        let (source, directory) = Source::of(environment, "orders-floor")?;
        let floor = Self { directory, source };
        floor.build()?;
        Ok(floor)
    }

    fn saves(&mut self, round: usize) -> Result<(Duration, Duration)> {
        Ok((self.save(round)?, self.save(round)?))
    }

    fn save(&self, round: usize) -> Result<Duration> {
        let start = Instant::now();
        self.source.save(round)?;
        self.build()?;
        Ok(start.elapsed())
    }

    fn build(&self) -> Result<()> {
        let status = Command::new("cargo")
            .args(["build", "--target", "wasm32-wasip2"])
            .current_dir(&self.directory)
            .env_clear()
            .envs(harness::tool_variables())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        ensure!(status.success(), "cargo build failed");
        Ok(())
    }
}

/// Measures a dev loop at rest, and again after many deploys.
fn memory() -> Result<Vec<Row>> {
    let environment = TestEnvironment::new();
    let scripted = Scripted::new(&environment, 16);
    let mut dev = scripted.start();
    let settled = dev.settled();
    ensure!(settled["kind"] == "live", "{settled}");
    let before = resident(&mut dev)?;
    let mut after_few = before;
    for deploy in 1..=DEPLOYS {
        if deploy == FEW {
            after_few = resident(&mut dev)?;
        }
        scripted.save(&(deploy % 16).to_string());
        let settled: Value = dev.settled();
        ensure!(settled["kind"] == "live", "{settled}");
    }
    let after = resident(&mut dev)?;
    Ok(vec![
        Row::bytes("dev loop at rest", before, Limit::Bytes(AT_REST)),
        Row::bytes(
            format!("the same after {FEW} deploys"),
            after_few,
            Limit::Bytes(AT_REST),
        ),
        Row::bytes(
            format!("the same after {DEPLOYS} deploys"),
            after,
            Limit::Bytes(AT_REST),
        ),
    ])
}

fn resident(dev: &mut Dev) -> Result<u64> {
    let status = Path::new("/proc")
        .join(dev.running().id().to_string())
        .join("status");
    let text = fs::read_to_string(status)?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = kib.context("the system tells what is resident")?.parse()?;
    Ok(kib << 10)
}
