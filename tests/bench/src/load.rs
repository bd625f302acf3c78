//! The first load of an artifact whose machine code is cached, keyed hash included.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sandbox::{Compiler, Component, Sandbox, Settings};
use tokio::runtime::Runtime;

use crate::bare::Bare;
use crate::component::large;
use crate::directory::temporary;
use crate::guest_code::{Artifact, cache};
use crate::measure::{Side, Times, timed};
use crate::table::{Limit, Row};

const ROUNDS: usize = 301;
/// Functions whose machine code is about half a MiB, and 8 MiB more.
const FUNCTIONS: [usize; 2] = [660, 12_000];

/// Measures components of about 0.5 and 8.5 MiB of machine code, and the example `hello`.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    let directory = temporary()?;
    let mut settings = Settings::new(cache(directory.path()), [1; 32]);
    // Each component gives way to the other one, so that every load is a first one.
    settings.loaded = 1;
    let sandbox = Sandbox::open(settings)?;
    let bare = Arc::new(Bare::new(4)?);
    let loads = Loads {
        runtime,
        sandbox,
        bare,
    };
    let [small, big] =
        FUNCTIONS.map(|functions| loads.artifact(directory.path(), &large(functions)?));
    let (small, big) = (small?, big?);
    let hello = loads.artifact(directory.path(), harness::hello())?;

    let small_times = loads.measure(&small, &hello)?;
    let big_times = loads.measure(&big, &small)?;
    let hello_times = loads.measure(&hello, &small)?;
    let more = big.code_mib()? - small.code_mib()?;
    let per_mib = |big: Duration, small: Duration| big.saturating_sub(small).div_f64(more);
    Ok(vec![
        row(&small, &small_times, "", Limit::Times(2.5))?,
        Row::of_two(
            format!("the same, each MiB of {more:.1} more"),
            per_mib(big_times.ours(), small_times.ours()),
            per_mib(big_times.floor(), small_times.floor()),
            Limit::Time(Duration::from_micros(400)),
        ),
        row(&hello, &hello_times, " (hello)", Limit::None)?,
    ])
}

fn row(artifact: &Artifact, times: &Times, what: &str, limit: Limit) -> Result<Row> {
    let size = artifact.code_mib()?;
    let name = format!("first load, cached, {size:.2} MiB of machine code{what}");
    Ok(Row::in_turns(name, times, limit))
}

struct Loads {
    runtime: Runtime,
    sandbox: Sandbox,
    bare: Arc<Bare>,
}

impl Loads {
    fn artifact(&self, directory: &Path, component: &[u8]) -> Result<Artifact> {
        self.runtime
            .block_on(Artifact::compiled(&self.sandbox, directory, component))
    }

    fn measure(&self, artifact: &Artifact, other: &Artifact) -> Result<Times> {
        let mut times = Times::default();
        // What was compiled a moment ago must not still be in memory.
        self.ours(other)?;
        for round in 0..ROUNDS {
            for side in Side::in_turn(round) {
                let time = match side {
                    Side::Ours => {
                        // It gives way now, and is dropped when the time is taken.
                        let _other = self.ours(other)?;
                        let (loaded, time) = self.ours(artifact)?;
                        ensure!(!loaded.was_compiled(), "the machine code was not cached");
                        time
                    }
                    Side::Floor => {
                        let _other = self.floor(other)?;
                        self.floor(artifact)?.1
                    }
                };
                times.add(side, time);
            }
        }
        Ok(times)
    }

    fn ours(&self, artifact: &Artifact) -> Result<(Arc<Component>, Duration)> {
        let (sandbox, digest) = (self.sandbox.clone(), artifact.digest);
        let file = artifact.file.clone();
        self.on_worker(async move {
            let start = Instant::now();
            let loaded = sandbox.load(digest, &file, Compiler::Optimizing).await?;
            Ok((loaded, start.elapsed()))
        })
    }

    fn floor(&self, artifact: &Artifact) -> Result<(wasmtime::component::Component, Duration)> {
        let (bare, code) = (Arc::clone(&self.bare), artifact.code.clone());
        self.on_worker(async move {
            let (loaded, time) = timed(|| bare.load(&code));
            Ok((loaded?, time))
        })
    }

    /// Both sides run where a server's loads do: threads differ in how fast they get memory.
    fn on_worker<T: Send + 'static>(
        &self,
        load: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.runtime.block_on(self.runtime.spawn(load))?
    }
}
