//! Deliveries that outlive the process that took them.

use std::sync::Arc;
use std::time::Duration;

use domain::RunStatus;
use engine::DispatchLimits;
use tokio::sync::Notify;

use crate::world::{Act, World, delivery_of, sync, webhook};

/// Reads how often a delivery's handling was committed.
async fn handled(world: &World, delivery: domain::DeliveryId) -> usize {
    let directory = world.directory.path().join("data");
    let directory = store::DataDir::open(directory, &store::KeySource::File).unwrap();
    let store = store::Store::open(&directory).await.unwrap();
    let place = store.deployed(None).await.unwrap()[0].place;
    let value = store.kv_get(place, format!("handled-{delivery}")).await;
    value.unwrap().map_or(0, |value| value.len())
}

#[tokio::test]
async fn what_was_taken_and_not_handled_is_handled_by_the_next_process() {
    let world = World::new();
    let life = world.with(vec![webhook("orders", |_| {})]).await;
    let answer = life.send("orders", "{}", "1").await.unwrap();
    life.end().await;
    assert_eq!(world.seen().len(), 0);

    let life = world.live().await;
    assert_eq!(life.deliveries().await[0].status, Some(RunStatus::Queued));
    let again = life.send("orders", "{}", "1").await.unwrap();
    assert_eq!(again, answer, "it is known");
    life.work_off().await;
    assert_eq!(world.seen().len(), 1);
    assert_eq!(handled(&world, delivery_of(&answer)).await, 1);
}

#[tokio::test]
async fn what_was_being_handled_is_handled_again_and_counts_once() {
    let world = World::new();
    let life = world.with(vec![webhook("orders", |_| {})]).await;
    let answer = life.send("orders", "{}", "1").await.unwrap();
    world.act([Act::Wait(Arc::new(Notify::new()))]);
    let dispatcher = life.owner.dispatch(DispatchLimits::default());
    world.stage.called.notified().await;
    // It does not wait for the handler, which never comes to an end.
    let ended = tokio::spawn(dispatcher.stop(Duration::ZERO));
    world.clock.advance(Duration::from_millis(1));
    ended.await.unwrap();
    drop(life);

    let life = world.live().await;
    world.clock.advance(Duration::from_secs(60));
    life.work_off().await;
    let delivery = life.owner.delivery(delivery_of(&answer)).await.unwrap();
    assert_eq!(delivery.status, Some(RunStatus::Succeeded));
    assert_eq!(delivery.attempts, 2);
    assert_eq!(world.seen().len(), 2);
    assert_eq!(handled(&world, delivery_of(&answer)).await, 1);
}

#[tokio::test]
async fn what_waits_for_an_answer_is_as_durable_as_the_rest() {
    let world = World::new();
    let life = world.with(vec![sync("orders")]).await;
    world.act([Act::Retry]);
    let answer = life.send("orders", "{}", "1").await.unwrap();
    life.end().await;
    let life = world.live().await;
    world.clock.advance(Duration::from_secs(60));
    life.work_off().await;
    assert_eq!(handled(&world, delivery_of(&answer)).await, 1);
}
