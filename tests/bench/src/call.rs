//! A small action in a fresh instance, through the sandbox and through bare wasmtime.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use domain::Limits;
use sandbox::{Call, Compiler, Component, Grants, Output, RunContext, Sandbox, Settings};
use tokio::task::JoinSet;

use crate::bare::{Bare, Linked};
use crate::directory::temporary;
use crate::guest_code::{Artifact, cache};
use crate::measure::{Side, Times};
use crate::table::{Limit, Row};

const INPUT: &str = r#"{"name":"Ada"}"#;
const OUTPUT: &str = r#"{"greeting":"Hello, Ada!"}"#;
const SLOTS: u32 = 64;

/// Calls between two turns, and turns, one call at a time.
const ALONE: (usize, usize) = (50, 100);
/// Calls of each of so many tasks between two turns, and turns.
const TOGETHER: (usize, usize, usize) = (50, 32, 21);

/// One component, ready on both sides.
#[derive(Clone)]
struct Greeter {
    sandbox: Sandbox,
    component: Arc<Component>,
    linked: Arc<Linked>,
}

/// Measures calls one after another, and 32 at a time on two threads.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let alone = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let directory = temporary()?;
    let sandbox = Sandbox::open(Settings::new(cache(directory.path()), [1; 32]))?;
    let artifact = alone.block_on(Artifact::compiled(
        &sandbox,
        directory.path(),
        harness::hello(),
    ))?;
    let component =
        alone.block_on(sandbox.load(artifact.digest, &artifact.file, Compiler::Optimizing))?;
    let bare = Bare::new(SLOTS)?;
    let greeter = Greeter {
        sandbox,
        component,
        linked: Arc::new(bare.link(&bare.load(&artifact.code)?)?),
    };
    let one = alone.block_on(one_by_one(&greeter))?;
    let many = runtime.block_on(all_at_once(&greeter))?;
    let row = |how: &str, times: &Times| {
        let name = format!("fresh instance and call of greet, {how}");
        Row::in_turns(name, times, Limit::Times(1.5))
    };
    Ok(vec![
        row("1 thread", &one),
        row("2 threads, 32 at a time", &many),
    ])
}

async fn one_by_one(greeter: &Greeter) -> Result<Times> {
    let (calls, turns) = ALONE;
    let mut times = Times::default();
    // The first turn of each warms up and is not counted.
    for turn in 0..=turns {
        for side in Side::in_turn(turn) {
            for _ in 0..calls {
                let start = Instant::now();
                greeter.greet(side).await?;
                if turn > 0 {
                    times.add(side, start.elapsed());
                }
            }
        }
    }
    Ok(times)
}

/// Measures the time per call, all threads together: the inverse of the throughput.
async fn all_at_once(greeter: &Greeter) -> Result<Times> {
    let (calls, tasks, turns) = TOGETHER;
    let mut times = Times::default();
    for turn in 0..=turns {
        for side in Side::in_turn(turn) {
            let time = together(greeter, side, calls, tasks).await?;
            if turn > 0 {
                times.add(side, time / u32::try_from(calls * tasks)?);
            }
        }
    }
    Ok(times)
}

async fn together(greeter: &Greeter, side: Side, calls: usize, tasks: usize) -> Result<Duration> {
    let start = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..tasks {
        let greeter = greeter.clone();
        running.spawn(async move {
            for _ in 0..calls {
                greeter.greet(side).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    Ok(start.elapsed())
}

impl Greeter {
    async fn greet(&self, side: Side) -> Result<()> {
        let output = match side {
            Side::Ours => self.through_sandbox().await?,
            Side::Floor => self.linked.run_action("greet", INPUT).await?,
        };
        ensure!(output == OUTPUT, "the greeting is {output}");
        Ok(())
    }

    async fn through_sandbox(&self) -> Result<String> {
        let call = Call::RunAction {
            name: "greet".to_owned(),
            input: INPUT.to_owned(),
            context: RunContext {
                run: "1".to_owned(),
                attempt: 1,
                idempotency_key: "key".to_owned(),
                user: None,
            },
        };
        let grants = Grants::new("action greet", Limits::operations());
        let report = self.sandbox.call(&self.component, call, grants).await;
        match report.outcome {
            Ok(Output::Run(output)) => Ok(output),
            other => bail!("the call came to {other:?}"),
        }
    }
}
