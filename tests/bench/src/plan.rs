//! Planning: a pure function, so there is no floor to measure it against.

use anyhow::{Result, ensure};

use crate::measure::{median, timed};
use crate::project::declared;
use crate::scene::{Scene, planned};
use crate::table::{Limit, Row};

const OBJECTS: usize = 10_000;
const ROUNDS: usize = 11;

/// Measures plans of a first deploy, of one that changes nothing, and of one that changes everything.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (one, two) = (declared(OBJECTS, 1)?, declared(OBJECTS, 2)?);
    let scene = runtime.block_on(Scene::new())?;
    let empty = runtime.block_on(scene.store.snapshot(scene.place))?;
    runtime.block_on(scene.deploy(&one, 1))?;
    let full = runtime.block_on(scene.store.snapshot(scene.place))?;

    let mut rows = Vec::new();
    for (name, snapshot, list, generation, changes) in [
        ("first", &empty, &one, 1, OBJECTS),
        ("again, unchanged", &full, &one, 1, 0),
        ("again, all changed", &full, &two, 2, OBJECTS),
    ] {
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let (plan, time) = timed(|| planned(snapshot, list, generation));
            ensure!(plan.changes.len() == changes, "{name} is not what it says");
            times.push(time);
        }
        let name = format!("plan, 10,000 objects, {name}");
        rows.push(Row::alone(name, median(&times), Limit::None));
    }
    Ok(rows)
}
