//! The transaction that makes a deploy live, beside its own statements written by hand.
//!
//! Both start from the same database. What the floor is given was computed
//! before: ids of objects are all that it finds out itself. Afterwards both
//! databases must hold the same rows, so that the floor cannot do less.

mod by_hand;
mod same;

use std::sync::Arc;

use anyhow::Result;
use domain::CheckedList;
use tokio::runtime::Runtime;

use crate::apply::by_hand::Work;
use crate::directory::{connect, copy_database};
use crate::measure::{Side, Times, timed};
use crate::project::declared;
use crate::scene::Scene;
use crate::table::{Limit, Row};

const OBJECTS: usize = 10_000;
const ROUNDS: usize = 15;

/// Measures a first deploy, one that changes nothing, and one that changes everything.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (one, two) = (declared(OBJECTS, 1)?, declared(OBJECTS, 2)?);
    let empty = runtime.block_on(Scene::new())?;
    let full = runtime.block_on(async {
        let scene = empty.copy().await?;
        scene.deploy(&one, 1).await?;
        anyhow::Ok(scene)
    })?;
    [
        ("first", &empty, &one, 1),
        ("again, unchanged", &full, &one, 1),
        ("again, all changed and resubscribed", &full, &two, 2),
    ]
    .into_iter()
    .map(|(name, scene, list, generation)| {
        let times = rounds(&runtime, scene, list, generation)?;
        let name = format!("apply, 10,000 objects, {name}");
        Ok(Row::in_turns(name, &times, Limit::Times(1.5)))
    })
    .collect()
}

fn rounds(
    runtime: &Runtime,
    template: &Scene,
    list: &Arc<CheckedList>,
    generation: u32,
) -> Result<Times> {
    let mut times = Times::default();
    for round in 0..ROUNDS {
        let scene = runtime.block_on(template.copy())?;
        let ready = runtime.block_on(scene.ready(list, generation))?;
        let file = scene.file_beside("floor.db");
        copy_database(&scene.database(), &file)?;
        let work = Work::of(&ready);
        let mut floor = connect(&file)?;
        by_hand::prepare(&floor)?;
        let mut apply = Some(ready.apply);
        for side in Side::in_turn(round) {
            match side {
                Side::Ours => {
                    if let Some(apply) = apply.take() {
                        let (applied, time) = timed(|| runtime.block_on(scene.store.apply(apply)));
                        let _ = applied?;
                        times.add(side, time);
                    }
                }
                Side::Floor => {
                    let (applied, time) = timed(|| by_hand::apply(&mut floor, &work));
                    applied?;
                    times.add(side, time);
                }
            }
        }
        same::check(&connect(&scene.database())?, &floor)?;
    }
    Ok(times)
}
