//! Measures what the sandbox adds to bare wasmtime, in one run:
//!
//!     cargo run --release -p tidegate-sandbox --example speed -- COMPONENT.wasm ACTION INPUT
//!
//! The action is called in a fresh instance each time. The floor of a load is
//! `deserialize_file` of the same component in an engine of like settings.

#![expect(
    unsafe_code,
    reason = "the floor is what wasmtime does with code that nobody has checked"
)]
#![expect(
    clippy::print_stdout,
    reason = "a program for people, to be read in a terminal"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use domain::{ArtifactDigest, Limits};
use sandbox::{Call, Compiler, Grants, RunContext, Sandbox, Settings};

const ROUNDS: u32 = 2_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what| {
        arguments
            .next()
            .with_context(|| format!("{what} is missing"))
    };
    let file = PathBuf::from(next("the component's file")?);
    let (name, input) = (next("the action's name")?, next("the action's input")?);

    let cache = tempfile::tempdir()?;
    let artifact = ArtifactDigest::of(&std::fs::read(&file)?);
    let sandbox = open(cache.path())?;
    let component = sandbox.load(artifact, &file, Compiler::Optimizing).await?;

    let call = || Call::RunAction {
        name: name.clone(),
        input: input.clone(),
        context: RunContext {
            run: "1".to_owned(),
            attempt: 1,
            idempotency_key: "key".to_owned(),
            user: None,
        },
    };
    let grants = || Grants::new("action", Limits::operations());
    let report = sandbox.call(&component, call(), grants()).await;
    println!("outcome   {:?}", report.outcome);
    for line in &report.log.lines {
        println!("log       {}", line.message);
    }
    if let Err(failure) = &report.outcome {
        println!("{failure}");
    }
    ensure!(report.outcome.is_ok(), "a failing action is not measured");

    let mut calls = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let report = sandbox.call(&component, call(), grants()).await;
        calls.push(start.elapsed());
        ensure!(report.outcome.is_ok());
    }
    println!("call      {:?} (median of {ROUNDS})", median(&mut calls));

    let mut loads = Vec::new();
    for _ in 0..200 {
        let sandbox = open(cache.path())?;
        let start = Instant::now();
        let component = sandbox.load(artifact, &file, Compiler::Optimizing).await?;
        loads.push(start.elapsed());
        ensure!(!component.was_compiled());
    }
    println!(
        "floor     {:?} (deserialize_file)",
        floor(&file, cache.path())?
    );
    println!(
        "load      {:?} (median of 200, from the cache)",
        median(&mut loads)
    );
    Ok(())
}

/// Returns the median time of loading compiled code without checking it.
fn floor(file: &Path, cache: &Path) -> Result<Duration> {
    let mut config = wasmtime::Config::new();
    config
        .allocation_strategy(wasmtime::InstanceAllocationStrategy::pooling())
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .concurrency_support(false);
    let engine = wasmtime::Engine::new(&config)?;
    let code = engine.precompile_component(&std::fs::read(file)?)?;
    let path = cache.join("floor");
    std::fs::write(&path, &code)?;
    println!("code      {} KiB", code.len() / 1024);
    let mut loads = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        // SAFETY: the file was written above from what this engine compiled.
        let component =
            unsafe { wasmtime::component::Component::deserialize_file(&engine, &path)? };
        loads.push(start.elapsed());
        drop(component);
    }
    Ok(median(&mut loads))
}

fn open(cache: &Path) -> Result<Sandbox> {
    let mut settings = Settings::new(cache.join("code"), [1; 32]);
    settings.slots = 8;
    Ok(Sandbox::open(settings)?)
}

fn median(durations: &mut [Duration]) -> Duration {
    durations.sort_unstable();
    durations[durations.len() / 2]
}
