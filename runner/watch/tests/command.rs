//! Builds by a project's own command.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use engine::{Build, BuildError, BuildOutput, BuildProfile};
use tokio::net::unix::pipe;
use tokio::sync::Notify;
use watch::{CommandBuild, build_of, find_project};

const LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
struct Lines {
    lines: Mutex<Vec<String>>,
    came: Notify,
}

impl BuildOutput for Lines {
    fn line(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
        self.came.notify_one();
    }
}

impl Lines {
    fn sorted(&self) -> Vec<String> {
        let mut lines = self.lines.lock().unwrap().clone();
        lines.sort();
        lines
    }
}

fn command(root: &Path, command: &str, timeout: Duration) -> CommandBuild {
    CommandBuild::new(
        root.to_owned(),
        command.to_owned(),
        "out.wasm".into(),
        timeout,
    )
}

fn project(file: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tidegate.toml"), file).unwrap();
    folder
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
        .args(["-c", "commit.gpgsign=false"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A pipe that every process which a command starts holds open.
struct Held {
    receiver: pipe::Receiver,
}

impl Held {
    fn new(folder: &Path) -> Self {
        let path = folder.join("held");
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let receiver = pipe::OpenOptions::new().open_receiver(&path).unwrap();
        Self { receiver }
    }

    /// Waits until nobody holds it any more.
    async fn released(&self) {
        let all_gone = async {
            loop {
                self.receiver.readable().await.unwrap();
                match self.receiver.try_read(&mut [0; 64]) {
                    Ok(0) => return,
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all_gone)
            .await
            .expect("a process of the build is still there");
    }
}

/// Starts a process, and one below that one, which never end and hold the pipe.
const HANGS: &str =
    "exec 3>held; (sh -c 'while :; do sleep 1000; done' & wait) & echo started; wait";

#[tokio::test]
async fn a_command_makes_the_component_and_what_it_says_is_passed_on() {
    let folder = project(
        "name = \"a\"\ncomponent = \"dist/a.wasm\"\n[build]\ncommand = \"mkdir -p dist && echo $TIDEGATE_BUILD_PROFILE > dist/a.wasm; echo out; echo err >&2\"",
    );
    let project = find_project(folder.path()).unwrap();
    let output = Lines::default();
    let built = build_of(&project)
        .build(BuildProfile::Release, &output)
        .await
        .unwrap();
    assert_eq!(built.path, project.root.join("dist/a.wasm"));
    assert_eq!(std::fs::read_to_string(&built.path).unwrap(), "release\n");
    assert_eq!(output.sorted(), ["err", "out"]);
}

#[tokio::test]
async fn a_component_without_a_command_is_taken_as_it_is() {
    let folder = project("name = \"a\"\ncomponent = \"a.wasm\"");
    let project = find_project(folder.path()).unwrap();
    let build = build_of(&project);
    let error = build
        .build(BuildProfile::Dev, &Lines::default())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("a.wasm cannot be read"),
        "{error}"
    );
    std::fs::write(folder.path().join("a.wasm"), "x").unwrap();
    let built = build
        .build(BuildProfile::Dev, &Lines::default())
        .await
        .unwrap();
    assert_eq!(built.path, project.root.join("a.wasm"));
}

#[tokio::test]
async fn a_command_that_fails_is_told_with_its_status() {
    let folder = tempfile::tempdir().unwrap();
    for (text, expected) in [
        (
            "exit 3",
            "the build command `exit 3` failed with exit status 3",
        ),
        (
            "kill -TERM $$",
            "the build command `kill -TERM $$` failed with signal: 15 (SIGTERM)",
        ),
    ] {
        let error = command(folder.path(), text, LIMIT)
            .build(BuildProfile::Dev, &Lines::default())
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_command_that_makes_no_component_is_told_what_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["true", "mkdir out.wasm"] {
        let error = command(folder.path(), text, LIMIT)
            .build(BuildProfile::Dev, &Lines::default())
            .await
            .unwrap_err();
        assert!(matches!(error, BuildError::NoComponent { .. }), "{error}");
        let path = folder.path().join("out.wasm");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_command_that_hangs_is_stopped_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let held = Held::new(folder.path());
    let error = command(folder.path(), HANGS, Duration::from_secs(1))
        .build(BuildProfile::Dev, &Lines::default())
        .await
        .unwrap_err();
    assert!(
        matches!(error, BuildError::TimedOut { seconds: 1, .. }),
        "{error}"
    );
    held.released().await;
}

#[tokio::test]
async fn a_build_that_is_dropped_ends_with_all_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let held = Held::new(folder.path());
    let output = Lines::default();
    let build = command(folder.path(), HANGS, LIMIT);
    tokio::select! {
        built = build.build(BuildProfile::Dev, &output) => panic!("{built:?}"),
        () = output.came.notified() => {}
    }
    held.released().await;
}

#[tokio::test]
async fn what_a_command_leaves_running_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let held = Held::new(folder.path());
    let text = "touch out.wasm; exec 3>held; while :; do sleep 1000; done & echo done";
    let output = Lines::default();
    command(folder.path(), text, LIMIT)
        .build(BuildProfile::Dev, &output)
        .await
        .unwrap();
    assert_eq!(output.sorted(), ["done"]);
    held.released().await;
}

#[tokio::test]
async fn a_command_reads_nothing_from_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    command(folder.path(), "cat > out.wasm", LIMIT)
        .build(BuildProfile::Dev, &Lines::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_command_that_cannot_be_started_names_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let error = command(&gone, "true", LIMIT)
        .build(BuildProfile::Dev, &Lines::default())
        .await
        .unwrap_err();
    assert!(matches!(error, BuildError::Start { .. }), "{error}");
    assert!(
        error.to_string().contains(gone.to_str().unwrap()),
        "{error}"
    );
}

#[tokio::test]
async fn the_commit_and_whether_the_tree_is_dirty_are_known() {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    std::fs::write(folder.path().join(".gitignore"), "out.wasm\n").unwrap();
    let build = command(folder.path(), "touch out.wasm", LIMIT);
    let commit_of = async |profile| {
        build
            .build(profile, &Lines::default())
            .await
            .unwrap()
            .commit
    };
    let commit = async || commit_of(BuildProfile::Release).await;
    assert_eq!(commit_of(BuildProfile::Dev).await, None, "no commit yet");
    assert_eq!(commit().await, None, "no commit yet");

    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-q", "-m", "first"]);
    let head = git(folder.path(), &["rev-parse", "HEAD"]);
    let clean = commit().await.unwrap();
    assert_eq!((clean.hash.as_str(), clean.dirty), (head.as_str(), false));
    // The tree is not looked through, so it is not called clean.
    let dev = commit_of(BuildProfile::Dev).await.unwrap();
    assert_eq!((dev.hash.as_str(), dev.dirty), (head.as_str(), true));

    std::fs::write(folder.path().join("new"), "").unwrap();
    let dirty = commit().await.unwrap();
    assert_eq!((dirty.hash.as_str(), dirty.dirty), (head.as_str(), true));
}
