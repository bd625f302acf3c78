//! Providers that wait for the handler's answer.

use std::sync::Arc;
use std::time::Duration;

use domain::RunStatus;
use sandbox::Response;
use tokio::sync::Notify;

use crate::world::{Act, KEY, World, delivery_of, sync};

fn response(body: &str) -> Option<Response> {
    Some(Response {
        status: 201,
        headers: vec![
            ("Content-Type".to_owned(), b"text/xml".to_vec()),
            ("Transfer-Encoding".to_owned(), b"chunked".to_vec()),
        ],
        body: body.as_bytes().to_vec(),
    })
}

#[tokio::test]
async fn the_handlers_answer_is_given_without_secrets() {
    let world = World::new();
    let life = world.with(vec![sync("twilio")]).await;
    world.act([Act::Return("{}", response(&format!("<Say>{KEY}</Say>")))]);
    let answer = life.send("twilio", "{}", "1").await.unwrap();
    assert_eq!(answer.status, 201);
    assert_eq!(answer.body, b"<Say>[redacted]</Say>");
    let names: Vec<&str> = answer
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["content-type", "tidegate-delivery"]);
    let delivery = life.owner.delivery(delivery_of(&answer)).await.unwrap();
    assert_eq!(delivery.status, Some(RunStatus::Succeeded));
}

#[tokio::test]
async fn a_dispatcher_that_is_quicker_gives_the_answer_as_well() {
    let world = World::new();
    let life = world.with(vec![sync("twilio")]).await;
    let dispatcher = life.owner.dispatch(engine::DispatchLimits::default());
    for number in 0..50 {
        world.act([Act::Return("{}", response("hello"))]);
        let answer = life
            .send("twilio", "{}", &number.to_string())
            .await
            .unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (201, b"hello".as_slice())
        );
    }
    assert_eq!(world.seen().len(), 50, "each is handled once");
    dispatcher.stop(Duration::from_secs(3600)).await;
}

#[tokio::test]
async fn past_its_deadline_a_delivery_is_acknowledged_and_goes_on() {
    let world = World::new();
    let life = world.with(vec![sync("slow")]).await;
    let go = Arc::new(Notify::new());
    world.act([Act::Wait(Arc::clone(&go))]);
    let (token, request) = life.signed("slow", "{}", "1").await;
    let owner = Arc::clone(&life.owner);
    let waiting = tokio::spawn(async move { owner.receive(&token, request).await });
    world.stage.called.notified().await;
    assert!(!waiting.is_finished());
    world.clock.advance(Duration::from_millis(3_000));
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let id = delivery_of(&answer);
    let running = life.owner.delivery(id).await.unwrap();
    assert_eq!(running.status, Some(RunStatus::Running));
    go.notify_one();
    life.until(|runs| runs == [RunStatus::Succeeded]).await;
    assert_eq!(life.owner.delivery(id).await.unwrap().attempts, 1);
}

#[tokio::test]
async fn a_provider_that_hangs_up_does_not_end_the_handler() {
    let world = World::new();
    let life = world.with(vec![sync("slow")]).await;
    let go = Arc::new(Notify::new());
    world.act([Act::Wait(Arc::clone(&go))]);
    let (token, request) = life.signed("slow", "{}", "1").await;
    let owner = Arc::clone(&life.owner);
    let waiting = tokio::spawn(async move { owner.receive(&token, request).await });
    world.stage.called.notified().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    go.notify_one();
    life.until(|runs| runs == [RunStatus::Succeeded]).await;
}

#[tokio::test]
async fn what_will_be_tried_again_is_acknowledged_and_what_failed_for_good_is_an_error() {
    let world = World::new();
    let life = world.with(vec![sync("twilio")]).await;
    world.act([Act::Retry]);
    let later = life.send("twilio", "{}", "1").await.unwrap();
    assert_eq!(later.status, 200);
    let delivery = life.owner.delivery(delivery_of(&later)).await.unwrap();
    assert_eq!(delivery.status, Some(RunStatus::Retrying));

    world.act([Act::Refuse]);
    let never = life.send("twilio", "{}", "2").await.unwrap();
    assert_eq!(never.status, 500);
    let delivery = life.owner.delivery(delivery_of(&never)).await.unwrap();
    assert_eq!(delivery.status, Some(RunStatus::Failed));

    world.clock.advance(Duration::from_secs(60));
    life.work_off().await;
    assert_eq!(world.seen().len(), 3);
    let (first, second) = (&world.seen()[0], &world.seen()[2]);
    assert_eq!(first.0, second.0, "the handler gets the same again");
    assert_eq!(first.1.idempotency_key, second.1.idempotency_key);
    assert_eq!((first.1.attempt, second.1.attempt), (1, 2));
}
