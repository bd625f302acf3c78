//! Migrations, and databases that are not as they should be.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;

use super::fixture::{Fixture, hook};
use crate::{DataDir, Error, KeySource, Problem, RunFilter, Store, schema};

fn dump(version: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/dumps/{version:04}.sql"))
}

#[tokio::test]
async fn opening_twice_does_no_harm() {
    let fixture = Fixture::new().await;
    let again = Store::open(&fixture.data).await.unwrap();
    assert_eq!(again.environments().await.unwrap().len(), 3);
    let path = fixture.data.database();
    let mut connection = Connection::open(&path).unwrap();
    schema::migrate(&mut connection, &path, &fixture.data.keys().id()).unwrap();
    assert_eq!(again.environments().await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_database_of_every_version_is_brought_up_to_date() {
    for version in 1..=schema::VERSION {
        let dir = tempfile::tempdir().unwrap();
        let key = KeySource::Given(domain::Secret::new("00".repeat(32)));
        let data = DataDir::open(dir.path().join("data"), &key).unwrap();
        let sql = fs::read_to_string(dump(version)).unwrap();
        let connection = Connection::open(data.database()).unwrap();
        connection.execute_batch(&sql).unwrap();
        drop(connection);
        let store = Store::open(&data).await.unwrap();
        let projects = store.projects().await.unwrap();
        assert_eq!(projects[0].name.as_str(), "demo", "version {version}");
        let place = store.deployed(None).await.unwrap()[0].place;
        let snapshot = store.snapshot(place).await.unwrap();
        assert_eq!(snapshot.objects[0].key.name.as_str(), "greet");
        assert_eq!(snapshot.values.values().copied().collect::<Vec<_>>(), [3]);
        let deploys = store.deploys(place, None, 10).await.unwrap();
        assert_eq!(deploys[0].status, domain::DeployStatus::Succeeded);
        let runs = store.runs(place, RunFilter::default(), 10).await.unwrap();
        assert_eq!(runs[0].object.as_str(), "greet");
        let health = store.examine().await.unwrap();
        assert_eq!(health.schema, schema::VERSION);
        assert_eq!(health.problems, []);
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let fixture = Fixture::new().await;
    fixture.tamper("PRAGMA user_version = 99").await;
    let error = Store::open(&fixture.data).await.unwrap_err();
    assert!(
        matches!(error, Error::NewerSchema { found: 99, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let data = DataDir::open(dir.path(), &KeySource::File).unwrap();
    fs::write(
        data.database(),
        "this is not a database, though it is long enough".repeat(100),
    )
    .unwrap();
    let error = Store::open(&data).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
}

#[tokio::test]
async fn pages_that_were_overwritten_are_damage_and_no_panic() {
    let fixture = Fixture::new().await;
    fixture.deploy(vec![hook("w")], &[("w", "{}")]).await;
    fixture.tamper("PRAGMA wal_checkpoint(TRUNCATE)").await;
    let path = fixture.data.database();
    let mut bytes = fs::read(&path).unwrap();
    for byte in &mut bytes[8192..] {
        *byte = 0xa5;
    }
    drop(fixture.store);
    fs::write(&path, bytes).unwrap();
    let failed = match Store::open(&fixture.data).await {
        Ok(store) => store.projects().await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(failed, Error::Corrupt(_)), "{failed:?}");
}

#[tokio::test]
async fn a_state_that_nobody_knows_is_damage() {
    let fixture = Fixture::new().await;
    fixture.deploy(vec![hook("w")], &[("w", "{}")]).await;
    fixture.tamper("UPDATE steps SET state = 'finished'").await;
    let error = fixture.store.open_steps(fixture.place).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
}

#[tokio::test]
async fn the_doctor_finds_what_was_tampered_with() {
    let fixture = Fixture::new().await;
    fixture.deploy(vec![hook("w")], &[("w", "{}")]).await;
    fixture.set_secret("TOKEN", "a-secret-value").await;
    assert_eq!(fixture.store.examine().await.unwrap().problems, []);
    let artifact = fixture.store.artifacts().await.unwrap()[0].digest;
    fs::write(
        fixture.store.artifact_path(artifact).await.unwrap(),
        "other",
    )
    .unwrap();
    fixture
        .tamper(
            "UPDATE registrations SET token_sealed = x'00';
             UPDATE held_values SET version = 7;
             PRAGMA foreign_keys = OFF; DELETE FROM deploys; PRAGMA foreign_keys = ON;
             DROP TRIGGER audit_keeps_its_words; UPDATE audit SET actor = 'eve' WHERE sequence = 1;",
        )
        .await;
    let problems = fixture.store.examine().await.unwrap().problems;
    let has = |wanted: fn(&Problem) -> bool| problems.iter().any(wanted);
    assert!(
        has(|p| matches!(p, Problem::ArtifactDamaged(_))),
        "{problems:?}"
    );
    assert!(
        has(|p| matches!(p, Problem::DanglingReference(_))),
        "{problems:?}"
    );
    assert!(has(
        |p| matches!(p, Problem::Unsealable(what) if what == "secret TOKEN")
    ));
    assert!(has(
        |p| matches!(p, Problem::Unsealable(what) if what.contains("token_sealed"))
    ));
    assert!(has(|p| matches!(p, Problem::Audit(_))), "{problems:?}");
}
