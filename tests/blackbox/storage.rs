//! Disks that are full, and data directories that are not what they should be.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use harness::{Outcome, Project, TestEnvironment, hostile, with_settings};
use rusqlite::Connection;
use serde_json::json;

use crate::collect_limits::with_something_live;

/// Writes over a part of a file.
fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new()
        .write(true)
        .open(path)
        .expect("the file is there");
    file.seek(SeekFrom::Start(at))
        .expect("a file can be sought in");
    file.write_all(bytes).expect("a file can be written over");
}

/// Returns the database with everything in its one file.
fn database(project: &Project<'_>) -> PathBuf {
    let path = project.data().join("tidegate.db");
    let connection = Connection::open(&path).expect("the database opens");
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            row.get::<_, i64>(0)
        })
        .map(|busy| assert_eq!(busy, 0, "nobody else has it open"))
        .expect("the log is written back");
    path
}

#[test]
fn a_full_disk_fails_the_deploy_and_loses_nothing() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let before = project.items(&["objects", "list", "--all"]);
    let many = json!({ "collect": "objects", "amount": 2_000 });
    project.set_component(&with_settings(hostile(), &many));
    let size = fs::metadata(database(&project))
        .expect("there is a database")
        .len();
    // The artifact and its compiled form are larger than what is tried here,
    // so they are stored before the disk is full.
    let _ = project
        .tidegate(["plan", "--env", "development"])
        .finish()
        .ok();
    let full = |room: u64| -> Outcome {
        let deploy = project.tidegate(["deploy", "--env", "development"]);
        deploy.file_size(size + room).finish()
    };
    for room in [0, 16 * 1024, 128 * 1024] {
        let outcome = full(room).exits(1).fails_as("disk-full");
        let _ = outcome.says("full");
        assert_eq!(project.items(&["objects", "list", "--all"]), before);
        let _ = project.run("hello", &json!(null)).ok();
    }
    let _ = project.deploy().ok();
    assert_eq!(project.items(&["objects", "list"]).len(), 2_002);
}

#[test]
fn a_disk_that_was_full_from_the_start_is_said_to_be() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    for bytes in [0, 4096, 64 * 1024] {
        let deploy = project.tidegate(["deploy", "--env", "development"]);
        let _ = deploy
            .file_size(bytes)
            .finish()
            .exits(1)
            .fails_as("disk-full");
    }
    let _ = project.deploy().ok();
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let environment = TestEnvironment::new();
    let project = environment.project("hostile", hostile());
    let file = environment.path("a-file");
    fs::write(&file, "in the way").expect("there is room");
    // Nobody, whatever their rights, makes a directory in these.
    for place in [
        file.as_path(),
        &file.join("below"),
        Path::new("/proc/tidegate"),
    ] {
        let deploy = project.tidegate(["deploy", "--env", "development", "--data"]);
        let outcome = deploy.arg(place).finish().exits(1);
        let name = place.display().to_string();
        let _ = outcome.fails_as("data-directory-unusable").says(&name);
    }
    assert_eq!(
        fs::read_to_string(&file).expect("it is still there"),
        "in the way"
    );
}

#[test]
fn a_database_of_a_newer_program_is_left_alone() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let path = database(&project);
    // `user_version`, which is where the schema's version stands.
    overwrite(&path, 60, &9_999_u32.to_be_bytes());
    let before = fs::read(&path).expect("there is a database");
    for words in [&["deploy", "--env", "development"][..], &["status"]] {
        let _ = project
            .tidegate(words)
            .finish()
            .exits(1)
            .fails_as("database-newer")
            .says("9999")
            .says("newer tidegate");
    }
    assert_eq!(fs::read(&path).expect("there is a database"), before);
}

#[test]
fn a_corrupted_database_is_told_from_a_good_one() {
    let environment = TestEnvironment::new();
    for (name, at, length) in [
        ("head", 0, 64),
        ("schema", 100, 2_000),
        ("pages", 8_192, 60_000),
    ] {
        let project = environment.project(name, hostile());
        let _ = project.deploy().ok();
        let path = database(&project);
        overwrite(&path, at, &vec![0xa5; length]);
        let damaged = fs::read(&path).expect("there is a database");
        let outcome = project.deploy().exits(1);
        let _ = outcome.fails_as("database-corrupt").says("tidegate.db");
        assert_eq!(
            fs::read(&path).expect("it is still there"),
            damaged,
            "{name}"
        );
        let doctor = project.text(["doctor"]).finish();
        assert_ne!(doctor.code, Some(0), "{doctor}");
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let key = project.data().join("key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("it is ours");
    let _ = project
        .deploy()
        .exits(1)
        .fails_as("key-unusable")
        .says("chmod 600");
    fs::remove_file(&key).expect("it is ours");
    let _ = project.deploy().exits(1).fails_as("key-unusable");
}

#[test]
fn a_damaged_artifact_or_cache_never_runs() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let cache = project.data().join("cache");
    let mut damaged = 0;
    for entry in fs::read_dir(&cache).expect("there is a cache") {
        let path = entry.expect("there is a cache").path();
        if path.is_file() && fs::metadata(&path).is_ok_and(|metadata| metadata.len() > 10_000) {
            overwrite(&path, 5_000, &[0xa5; 64]);
            damaged += 1;
        }
    }
    assert!(damaged > 0, "there is compiled code in the cache");
    // It is compiled anew, and nobody notices.
    let _ = project.run("hello", &json!(null)).ok();
}

#[test]
fn a_damaged_artifact_never_goes_live_though_its_code_is_cached() {
    let environment = TestEnvironment::new();
    let project = with_something_live(&environment);
    let before = project.status();
    let listed = project.tidegate(["artifacts", "list"]).finish().ok();
    let digest = listed.json()["items"][0]["artifact"]
        .as_str()
        .expect("an artifact has a digest")
        .to_owned();
    let path = project.data().join(format!("artifacts/{digest}.wasm"));
    overwrite(&path, 5_000, &[0xa5; 64]);
    let deploy = ["deploy", "--env", "development", "--artifact", &digest];
    let _ = project
        .tidegate(deploy)
        .finish()
        .exits(1)
        .fails_as("artifact-damaged");
    assert_eq!(project.status()["live"]["deploy"], before["live"]["deploy"]);
}
