//! The first load of an artifact whose machine code is cached, keyed hash included.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

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
const FUNCTIONS: [usize; 2] = [500, 9_000];

/// Measures components of about 0.5 and 8.5 MiB of machine code, and the example `hello`.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let directory = temporary()?;
    let mut settings = Settings::new(cache(directory.path()), [1; 32]);
    // Each component gives way to the other one, so that every load is a first one.
    settings.loaded = 1;
    let sandbox = Sandbox::open(settings)?;
    let bare = Bare::new(4)?;
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
        Row {
            name: format!("the same, each of {more:.1} MiB more"),
            ours: per_mib(big_times.ours(), small_times.ours()),
            floor: Some(per_mib(big_times.floor(), small_times.floor())),
            limit: Limit::Time(Duration::from_micros(400)),
        },
        row(&hello, &hello_times, " (hello)", Limit::None)?,
    ])
}

fn row(artifact: &Artifact, times: &Times, what: &str, limit: Limit) -> Result<Row> {
    Ok(Row {
        name: format!(
            "first load, cached, {:.2} MiB of machine code{what}",
            artifact.code_mib()?
        ),
        ours: times.ours(),
        floor: Some(times.floor()),
        limit,
    })
}

struct Loads {
    runtime: Runtime,
    sandbox: Sandbox,
    bare: Bare,
}

impl Loads {
    fn artifact(&self, directory: &Path, component: &[u8]) -> Result<Artifact> {
        self.runtime
            .block_on(Artifact::compiled(&self.sandbox, directory, component))
    }

    fn measure(&self, artifact: &Artifact, other: &Artifact) -> Result<Times> {
        let mut times = Times::default();
        // What was compiled a moment ago must not still be in memory.
        self.load(other)?;
        for round in 0..ROUNDS {
            for side in Side::in_turn(round) {
                let time = match side {
                    Side::Ours => {
                        self.load(other)?;
                        let (loaded, time) = timed(|| self.load(artifact));
                        ensure!(!loaded?.was_compiled(), "the machine code was not cached");
                        time
                    }
                    Side::Floor => {
                        black_box(self.bare.load(&other.code)?);
                        let (loaded, time) = timed(|| self.bare.load(&artifact.code));
                        black_box(loaded?);
                        time
                    }
                };
                times.add(side, time);
            }
        }
        Ok(times)
    }

    fn load(&self, artifact: &Artifact) -> Result<Arc<Component>> {
        let load = self
            .sandbox
            .load(artifact.digest, &artifact.file, Compiler::Optimizing);
        Ok(self.runtime.block_on(load)?)
    }
}
