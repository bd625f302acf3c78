//! Runs, key-value writes, logs, the audit log, environments.

use std::time::Duration;

use domain::{ArtifactDigest, LogLevel, Patience, RunId, RunStatus, Stage, StageStatus};
use serde_json::{Map, json};

use super::fixture::{Fixture, action, at};
use crate::{
    EnvironmentError, Error, FinishRun, KvWrite, NewLogLine, QueueRun, RunFilter, RunKind,
    RunLogLine, RunOn, RunRequest, RunUsage, StageRecord,
};

async fn begin(fixture: &Fixture, object: &str) -> RunId {
    let run = QueueRun {
        trigger: "cli".to_owned(),
        input: "{\"name\":\"Ada\"}".to_owned(),
        patience: Patience::Answered,
        ..QueueRun::new(
            fixture.place,
            RunKind::Action,
            object.parse().unwrap(),
            at(1),
        )
    };
    let on = RunOn::Fixed(ArtifactDigest::of(b"component"));
    fixture.store.begin_run(run, on).await.unwrap().unwrap()
}

fn finished(run: RunId, kv_writes: Vec<KvWrite>) -> FinishRun {
    FinishRun {
        run,
        status: RunStatus::Succeeded,
        next_attempt_at: None,
        output: Some("{}".to_owned()),
        error: None,
        logs: vec![RunLogLine {
            at: at(2),
            level: LogLevel::Info,
            message: "hello".to_owned(),
            fields: Map::from_iter([("n".to_owned(), json!(1))]),
        }],
        requests: vec![RunRequest {
            method: "GET".to_owned(),
            host: "example.com".to_owned(),
            status: Some(200),
            error: None,
            duration: Duration::from_millis(7),
        }],
        usage: RunUsage {
            cpu: Duration::from_micros(123),
            peak_memory: 65_536,
        },
        duration: Duration::from_millis(9),
        kv_writes,
        now: at(2),
    }
}

#[tokio::test]
async fn a_run_ends_once_with_its_writes_in_the_same_transaction() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let run = begin(&fixture, "greet").await;
    let write = KvWrite {
        key: "seen/1".to_owned(),
        value: Some(b"yes".to_vec()),
    };
    store.finish_run(finished(run, vec![write])).await.unwrap();
    let record = store.run(run).await.unwrap().unwrap();
    assert_eq!(record.status, RunStatus::Succeeded);
    assert_eq!(record.usage.cpu, Duration::from_micros(123));
    assert_eq!(store.run_logs(run).await.unwrap()[0].message, "hello");
    assert_eq!(store.run_requests(run).await.unwrap()[0].status, Some(200));
    let again = KvWrite {
        key: "seen/2".to_owned(),
        value: Some(b"yes".to_vec()),
    };
    let error = store
        .finish_run(finished(run, vec![again]))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error}");
    let keys = store
        .kv_keys(fixture.place, "seen/".to_owned(), None, 10)
        .await
        .unwrap();
    assert_eq!(keys, ["seen/1"]);
    let value = store
        .kv_get(fixture.place, "seen/1".to_owned())
        .await
        .unwrap();
    assert_eq!(value.as_deref(), Some(&b"yes"[..]));
    // In a prefix, `_` and `%` are letters like others.
    assert!(
        store
            .kv_keys(fixture.place, "s__n".to_owned(), None, 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn runs_are_listed_newest_first_filtered_and_pruned() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let mut runs = Vec::new();
    for object in ["a", "b", "a", "a"] {
        let run = begin(&fixture, object).await;
        store.finish_run(finished(run, Vec::new())).await.unwrap();
        runs.push(run);
    }
    let under_way = begin(&fixture, "a").await;
    let filter = RunFilter {
        object: Some("a".parse().unwrap()),
        status: Some(RunStatus::Succeeded),
        kind: Some(RunKind::Action),
        before: Some(runs[3]),
    };
    let listed = store.runs(fixture.place, filter, 10).await.unwrap();
    let ids: Vec<RunId> = listed.into_iter().map(|run| run.id).collect();
    assert_eq!(ids, [runs[2], runs[0]]);
    assert_eq!(store.prune_runs(at(0), 2).await.unwrap(), 3);
    assert!(store.run(runs[3]).await.unwrap().is_some());
    assert!(store.run_logs(runs[0]).await.unwrap().is_empty());
    assert_eq!(store.prune_runs(at(3), 100).await.unwrap(), 1);
    assert!(store.run(under_way).await.unwrap().is_some());
    let recovered = store.recover(at(9)).await.unwrap();
    assert_eq!(recovered.runs, [under_way]);
    let status = store.run(under_way).await.unwrap().unwrap().status;
    assert_eq!(status, RunStatus::Interrupted);
}

#[tokio::test]
async fn a_deploys_log_and_stages_read_back_in_order() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let (deploy, number) = fixture.begin().await;
    let line = |message: &str| NewLogLine {
        at: at(1),
        level: LogLevel::Warn,
        stage: Some(Stage::Build),
        object: None,
        message: message.to_owned(),
        fields: Map::new(),
    };
    assert_eq!(
        store
            .append_log(deploy, vec![line("1"), line("2")])
            .await
            .unwrap(),
        2
    );
    assert_eq!(store.append_log(deploy, vec![line("3")]).await.unwrap(), 3);
    let rest = store.deploy_logs(deploy, 1, 10).await.unwrap();
    assert_eq!(
        rest.iter()
            .map(|one| one.line.message.as_str())
            .collect::<Vec<_>>(),
        ["2", "3"]
    );
    for stage in [Stage::Collect, Stage::Build] {
        let record = StageRecord {
            stage,
            status: StageStatus::Done,
            duration: Duration::from_micros(1_500),
        };
        store.stage_finished(deploy, record).await.unwrap();
    }
    let record = store.deploy(fixture.place, number).await.unwrap().unwrap();
    assert_eq!(record.stages[0].stage, Stage::Build);
    assert_eq!(record.stages[1].duration, Duration::from_micros(1_500));
    assert_eq!(
        store
            .deploys(fixture.place, Some(number), 10)
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn the_audit_log_can_only_be_added_to_and_shows_a_change() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    fixture.deploy(vec![action("a", "A")], &[]).await;
    fixture.set_secret("TOKEN", "a-secret-value").await;
    assert_eq!(store.verify_audit().await.unwrap(), None);
    let rows = store.audit(None, 10).await.unwrap();
    assert_eq!(
        rows.iter()
            .map(|row| row.action.as_str())
            .collect::<Vec<_>>(),
        ["value.set", "deploy.apply"]
    );
    let refused = store
        .database()
        .maintain(|connection| Ok(connection.execute_batch("DELETE FROM audit")?))
        .await;
    assert!(refused.is_err());
    fixture
        .tamper(
            "DROP TRIGGER audit_keeps_its_words; UPDATE audit SET actor = 'eve' WHERE sequence = 1",
        )
        .await;
    assert_eq!(store.verify_audit().await.unwrap().unwrap().sequence, 1);
}

#[tokio::test]
async fn an_environment_is_deleted_when_nothing_in_it_is_in_use() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let name = || "preview".parse().unwrap();
    let created = store
        .create_environment(name(), "ada".to_owned(), at(1))
        .await
        .unwrap();
    let twice = store
        .create_environment(name(), "ada".to_owned(), at(1))
        .await
        .unwrap_err();
    assert!(matches!(twice, EnvironmentError::Exists(_)), "{twice}");
    let preview = Fixture {
        place: domain::Place {
            environment: created.id,
            ..fixture.place
        },
        ..fixture
    };
    let store = &preview.store;
    preview.deploy(vec![action("a", "A")], &[]).await;
    preview.set_secret("TOKEN", "a-secret-value").await;
    let used = store
        .delete_environment(name(), "ada".to_owned(), at(2))
        .await
        .unwrap_err();
    assert!(
        matches!(&used, EnvironmentError::InUse { in_use, .. } if in_use.len() == 1),
        "{used}"
    );
    preview.deploy(Vec::new(), &[]).await;
    store
        .delete_environment(name(), "ada".to_owned(), at(3))
        .await
        .unwrap();
    assert!(store.environment(name()).await.unwrap().is_none());
    assert!(store.list_values(preview.place).await.unwrap().is_empty());
    assert_eq!(store.examine().await.unwrap().problems, []);
    let built_in = store
        .delete_environment("staging".parse().unwrap(), "ada".to_owned(), at(3))
        .await
        .unwrap_err();
    assert!(
        matches!(built_in, EnvironmentError::BuiltIn(_)),
        "{built_in}"
    );
}
