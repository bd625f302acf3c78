//! The data directory, its key and its lock.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use domain::Secret;

use super::fixture::{Fixture, secret_key};
use crate::{DataDir, DataDirError, Error, KeySource, LockError, Store};

const CHILD: &str = "TIDEGATE_TEST_LOCK_DIR";

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn a_data_directory_is_its_owners_alone() {
    let fixture = Fixture::new().await;
    let path = fixture.data.path();
    assert_eq!(mode(path), 0o700);
    assert_eq!(mode(&path.join("key")), 0o600);
    assert_eq!(mode(&path.join("tidegate.db")), 0o600);
    assert_eq!(fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
    assert_eq!(fs::read_to_string(path.join("key")).unwrap().len(), 64);
}

#[tokio::test]
async fn a_key_that_others_can_read_is_refused() {
    let fixture = Fixture::new().await;
    let key = fixture.data.path().join("key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let error = DataDir::open(fixture.data.path(), &KeySource::File).unwrap_err();
    assert!(
        matches!(error, DataDirError::KeyTooOpen { mode: 0o640, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_that_is_missing_is_not_replaced_by_a_new_one() {
    let fixture = Fixture::new().await;
    let key = fixture.data.path().join("key");
    fs::remove_file(&key).unwrap();
    let error = DataDir::open(fixture.data.path(), &KeySource::File).unwrap_err();
    assert!(matches!(error, DataDirError::KeyMissing { .. }), "{error}");
    assert!(!key.exists());
}

#[tokio::test]
async fn another_key_is_named_and_refused() {
    let fixture = Fixture::new().await;
    fixture.set_secret("TOKEN", "a-secret-value").await;
    let given = KeySource::Given(Secret::new("ab".repeat(32)));
    let other = DataDir::open(fixture.data.path(), &given).unwrap();
    let error = Store::open(&other).await.unwrap_err();
    assert!(matches!(error, Error::WrongKey { .. }), "{error}");
    let bad = KeySource::Given(Secret::new("hunter2-hunter2"));
    let error = DataDir::open(fixture.data.path(), &bad).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_key_that_is_given_writes_no_key_file() {
    let dir = tempfile::tempdir().unwrap();
    let given = KeySource::Given(Secret::new("0f".repeat(32)));
    let data = DataDir::open(dir.path().join("data"), &given).unwrap();
    Store::open(&data).await.unwrap();
    assert!(!data.path().join("key").exists());
}

#[test]
fn a_directory_that_cannot_be_created_says_what_and_where() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = DataDir::open(file.path().join("data"), &KeySource::File).unwrap_err();
    assert!(error.to_string().starts_with("cannot create "), "{error}");
}

#[tokio::test]
async fn a_lock_is_refused_while_it_is_held_and_given_after() {
    let fixture = Fixture::new().await;
    let held = fixture
        .data
        .lock("tidegate deploy", Duration::ZERO)
        .await
        .unwrap();
    assert!(fixture.data.is_owned());
    let error = fixture
        .data
        .lock("tidegate dev", Duration::ZERO)
        .await
        .unwrap_err();
    match error {
        LockError::Held { pid, command, .. } => {
            assert_eq!(pid, std::process::id());
            assert_eq!(command, "tidegate deploy");
        }
        LockError::File { .. } => panic!("{error}"),
    }
    drop(held);
    assert!(!fixture.data.is_owned());
    let _held = fixture
        .data
        .lock("tidegate dev", Duration::ZERO)
        .await
        .unwrap();
}

/// What the other process of the next test does; by itself it has nothing to lock.
#[tokio::test]
async fn a_child_process_holds_the_lock_it_is_told_to() {
    let Some(path) = std::env::var_os(CHILD) else {
        assert!(!DataDir::exists("/nonexistent"));
        return;
    };
    let data = DataDir::open(path, &KeySource::File).unwrap();
    let _held = data.lock("tidegate serve", Duration::ZERO).await.unwrap();
    eprintln!("held");
    let mut rest = String::new();
    std::io::stdin().read_to_string(&mut rest).unwrap();
}

#[tokio::test]
async fn the_lock_of_a_process_that_is_killed_is_free() {
    let fixture = Fixture::new().await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("tests::directories::a_child_process_holds_the_lock_it_is_told_to")
        .env(CHILD, fixture.data.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "held"));
    let error = fixture
        .data
        .lock("tidegate dev", Duration::ZERO)
        .await
        .unwrap_err();
    match error {
        LockError::Held { pid, command, .. } => {
            assert_eq!((pid, command.as_str()), (child.id(), "tidegate serve"));
        }
        LockError::File { .. } => panic!("{error}"),
    }
    // Reads need no lock.
    let reader = Store::open(&fixture.data).await.unwrap();
    assert_eq!(reader.projects().await.unwrap().len(), 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let _held = fixture
        .data
        .lock("tidegate dev", Duration::from_secs(10))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_disk_changes_nothing_and_reads_go_on() {
    let fixture = Fixture::new().await;
    fixture.set_secret("TOKEN", "before").await;
    fixture
        .store
        .database()
        .maintain(|connection| {
            let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
            connection.pragma_update(None, "max_page_count", pages)?;
            Ok(())
        })
        .await
        .unwrap();
    let big = Secret::new("x".repeat(1 << 20));
    let error = fixture
        .store
        .set_value(
            fixture.place,
            secret_key("BIG"),
            big.clone(),
            "ada".to_owned(),
            super::fixture::at(2),
        )
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DiskFull), "{error}");
    let values = fixture.store.list_values(fixture.place).await.unwrap();
    assert_eq!(values.len(), 1);
    fixture.tamper("PRAGMA max_page_count = 1000000").await;
    let set = fixture.set_secret("BIG", big.expose()).await;
    assert_eq!(set.version, 1);
}
