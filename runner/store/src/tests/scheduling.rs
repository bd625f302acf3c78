//! What schedules, events and webhooks start.

use std::time::Duration;

use domain::declare::{
    AppEvent, Auth, CatchUp, Integration, Object, SettingType, Trigger, UserSetting, Workflow,
};
use domain::{ObjectKind, RunId, RunStatus, Timestamp, UserId};

use super::fixture::{Fixture, action, at, hook};
use crate::{
    FinishRun, KvWrite, PutAccount, QueueRun, RunFilter, RunKind, RunOn, RunRecord, RunUsage,
    SendEvent,
};

/// 22:13:20 on the 14th of November 2023 is second 0 of these tests; ticks are on the minute.
const MINUTE: i64 = 40;

fn workflow(name: &str, trigger: Trigger, integration: Option<&str>) -> Workflow {
    Workflow {
        name: name.to_owned(),
        title: String::new(),
        integration: integration.map(str::to_owned),
        trigger,
        on_by_default: true,
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        timeout_ms: None,
        renamed_from: None,
        location: None,
    }
}

fn on_event(name: &str, integration: Option<&str>) -> Workflow {
    let trigger = Trigger::Event {
        name: "placed".to_owned(),
    };
    workflow(name, trigger, integration)
}

fn scheduled(cron: &str, catch_up: CatchUp) -> Object {
    Object::Workflow(workflow(
        "tidy",
        Trigger::Schedule {
            cron: cron.to_owned(),
            time_zone: "UTC".to_owned(),
            catch_up,
        },
        None,
    ))
}

fn event() -> Object {
    Object::AppEvent(AppEvent {
        name: "placed".to_owned(),
        title: String::new(),
        schema: "{}".to_owned(),
        renamed_from: None,
        location: None,
    })
}

/// An integration that users have to set up.
fn shop() -> Object {
    Object::Integration(Integration {
        name: "shop".to_owned(),
        title: String::new(),
        auth: Auth::None,
        settings: vec![UserSetting {
            name: "language".to_owned(),
            title: String::new(),
            of_type: SettingType::Text,
            required: false,
            default: None,
        }],
        renamed_from: None,
        location: None,
    })
}

async fn connect(fixture: &Fixture, user: &str) {
    fixture
        .store
        .put_user(PutAccount {
            place: fixture.place,
            user: UserId(user.to_owned()),
            account: None,
            actor: "test".to_owned(),
            now: at(0),
        })
        .await
        .unwrap();
}

async fn send(fixture: &Fixture) -> Option<Vec<RunId>> {
    let store = &fixture.store;
    let spec = store
        .live_object(
            fixture.place,
            ObjectKind::AppEvent,
            "placed".parse().unwrap(),
        )
        .await
        .unwrap()?;
    store
        .send_event(SendEvent {
            place: fixture.place,
            event: "placed".parse().unwrap(),
            spec,
            payload: "{\"order\":7}".to_owned(),
            now: at(9),
        })
        .await
        .unwrap()
}

async fn runs(fixture: &Fixture) -> Vec<RunRecord> {
    let store = &fixture.store;
    let mut runs = store
        .runs(fixture.place, RunFilter::default(), 100)
        .await
        .unwrap();
    runs.reverse();
    runs
}

/// Object and user of each run.
async fn started(fixture: &Fixture) -> Vec<String> {
    let label = |run: RunRecord| match run.user {
        Some(user) => format!("{} {user}", run.object),
        None => run.object.to_string(),
    };
    runs(fixture).await.into_iter().map(label).collect()
}

#[tokio::test]
async fn an_event_starts_one_run_or_one_for_each_user() {
    let fixture = Fixture::new().await;
    connect(&fixture, "ada").await;
    connect(&fixture, "grace").await;
    let off = Workflow {
        on_by_default: false,
        ..on_event("off", Some("shop"))
    };
    // No user can switch what is not tied to users, so it is on.
    let alone = Workflow {
        on_by_default: false,
        ..on_event("alone", None)
    };
    let objects = vec![
        event(),
        shop(),
        Object::Workflow(on_event("notify", Some("shop"))),
        Object::Workflow(off),
        Object::Workflow(alone),
        Object::Workflow(workflow("asked", Trigger::Request, None)),
    ];
    fixture.deploy(objects, &[]).await;
    assert_eq!(send(&fixture).await.unwrap().len(), 3);
    assert_eq!(
        started(&fixture).await,
        ["alone", "notify ada", "notify grace"]
    );
    let first = &runs(&fixture).await[0];
    assert_eq!(first.trigger, "event placed");
    assert_eq!(first.input, "{\"order\":7}");
    assert_eq!(first.status, RunStatus::Queued);
}

#[tokio::test]
async fn an_event_that_is_not_live_or_is_declared_otherwise_starts_nothing() {
    let fixture = Fixture::new().await;
    let objects = vec![event(), Object::Workflow(on_event("notify", None))];
    fixture.deploy(objects, &[]).await;
    let store = &fixture.store;
    let other = store
        .send_event(SendEvent {
            place: fixture.place,
            event: "placed".parse().unwrap(),
            spec: "{}".to_owned(),
            payload: "{}".to_owned(),
            now: at(9),
        })
        .await
        .unwrap();
    assert_eq!(other, None);
    fixture.deploy(vec![action("a", "1")], &[]).await;
    assert_eq!(send(&fixture).await, None);
    assert!(runs(&fixture).await.is_empty());
}

#[tokio::test]
async fn what_a_webhook_returns_starts_its_workflows_with_the_result() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let trigger = Trigger::Webhook {
        name: "w".to_owned(),
    };
    let objects = vec![
        hook("w"),
        Object::Workflow(workflow("react", trigger, None)),
        event(),
        Object::Workflow(on_event("notify", None)),
    ];
    fixture.deploy(objects, &[("w", "1")]).await;
    let artifact = store.live(fixture.place).await.unwrap().unwrap().artifact;
    let handled = QueueRun::new(fixture.place, RunKind::Webhook, "w".parse().unwrap(), at(5));
    let failed = store
        .begin_run(handled.clone(), RunOn::Live(artifact))
        .await
        .unwrap()
        .unwrap();
    let finish = |run, status| FinishRun {
        run,
        status,
        next_attempt_at: None,
        output: Some("{\"n\":1}".to_owned()),
        error: None,
        logs: Vec::new(),
        requests: Vec::new(),
        usage: RunUsage::default(),
        duration: Duration::ZERO,
        kv_writes: vec![KvWrite {
            key: "seen".to_owned(),
            value: Some(vec![1]),
        }],
        now: at(6),
    };
    let after = store
        .finish_run(finish(failed, RunStatus::Failed))
        .await
        .unwrap();
    assert_eq!(after.started, []);
    let run = store
        .begin_run(handled, RunOn::Live(artifact))
        .await
        .unwrap()
        .unwrap();
    let after = store
        .finish_run(finish(run, RunStatus::Succeeded))
        .await
        .unwrap();
    let record = store.run(after.started[0]).await.unwrap().unwrap();
    assert_eq!(after.started.len(), 1);
    assert_eq!(record.object.as_str(), "react");
    assert_eq!(record.input, "{\"n\":1}");
    assert_eq!(record.parent, Some(run));
    assert_eq!(record.trigger, "webhook w");
}

async fn tick(fixture: &Fixture, seconds: i64) -> usize {
    let ticked = fixture.store.tick(at(seconds)).await.unwrap();
    assert!(ticked.next.is_none_or(|next| next > at(seconds)));
    ticked.started.len()
}

#[tokio::test]
async fn a_tick_starts_one_run_however_often_it_is_looked_for() {
    let fixture = Fixture::new().await;
    fixture
        .deploy(vec![scheduled("* * * * *", CatchUp::Once)], &[])
        .await;
    assert_eq!(tick(&fixture, MINUTE - 1).await, 0);
    let next = fixture.store.tick(at(MINUTE - 1)).await.unwrap().next;
    assert_eq!(next, Some(at(MINUTE)));
    assert_eq!(tick(&fixture, MINUTE).await, 1);
    assert_eq!(tick(&fixture, MINUTE).await, 0);
    // A restart looks at every schedule anew.
    fixture.store.rewind_schedules().await.unwrap();
    assert_eq!(tick(&fixture, MINUTE + 59).await, 0);
    assert_eq!(tick(&fixture, MINUTE + 60).await, 1);
    // The clock goes back over both ticks, and on again.
    assert_eq!(tick(&fixture, MINUTE - 30).await, 0);
    assert_eq!(tick(&fixture, MINUTE + 60).await, 0);
    let ticks: Vec<Timestamp> = runs(&fixture)
        .await
        .into_iter()
        .map(|run| run.tick.unwrap().at)
        .collect();
    assert_eq!(ticks, [at(MINUTE), at(MINUTE + 60)]);
}

#[tokio::test]
async fn ticks_that_were_missed_are_caught_up_once_or_not_at_all() {
    for (catch_up, expected) in [(CatchUp::Once, 1), (CatchUp::Skip, 0)] {
        let fixture = Fixture::new().await;
        fixture
            .deploy(vec![scheduled("0 * * * *", catch_up)], &[])
            .await;
        // The hours of 23, 0 and 1 o'clock have gone by.
        let now = 4 * 3600;
        assert_eq!(tick(&fixture, now).await, expected, "{catch_up:?}");
        assert_eq!(tick(&fixture, now).await, 0);
        if let Some(run) = runs(&fixture).await.first() {
            let tick = run.tick.unwrap().at;
            assert_eq!(tick.to_string(), "2023-11-15T02:00:00.000Z");
        }
    }
}

#[tokio::test]
async fn a_schedule_goes_on_over_deploys_and_counts_anew_when_it_changes() {
    let fixture = Fixture::new().await;
    let minutely = || scheduled("* * * * *", CatchUp::Once);
    fixture.deploy(vec![minutely()], &[]).await;
    // All deploys of these tests are made at second 2. Another that leaves the
    // schedule as it is loses no tick that is due.
    assert_eq!(tick(&fixture, MINUTE).await, 1);
    fixture
        .deploy(vec![minutely(), action("a", "1")], &[])
        .await;
    assert_eq!(tick(&fixture, MINUTE).await, 0);
    // A schedule that is not live does not tick.
    fixture.deploy(vec![action("a", "1")], &[]).await;
    assert_eq!(tick(&fixture, MINUTE + 600).await, 0);
    assert_eq!(fixture.store.tick(at(0)).await.unwrap().next, None);
    // One that was changed counts from the deploy: its tick of 22:14 has had
    // its run already, which is found out and not repeated.
    fixture
        .deploy(vec![scheduled("14 * * * *", CatchUp::Once)], &[])
        .await;
    assert_eq!(tick(&fixture, MINUTE).await, 0);
    assert_eq!(tick(&fixture, MINUTE + 3600).await, 1);
}
