//! Asks git which commit a source folder is at.

use std::path::Path;
use std::time::Duration;

use engine::{BuildProfile, Commit};

use crate::environment::Environment;
use crate::process::Invocation;

/// How long git may take; a build does not fail for want of a commit.
const PATIENCE: Duration = Duration::from_secs(5);

/// Returns the commit that a folder is at; `None` without git, a repository or a commit.
///
/// Whether the tree has changes is looked into for a release only: that goes
/// through all of the tree, which in a large one takes longer than a build of
/// the dev loop. For that loop it is taken to have some.
pub(crate) async fn commit_of(
    profile: BuildProfile,
    folder: &Path,
    environment: &Environment,
) -> Option<Commit> {
    // A reader must not hold up what the developer does in the same repository.
    let environment = environment.clone().with("GIT_OPTIONAL_LOCKS", "0");
    let words: &[&str] = match profile {
        BuildProfile::Dev => &["git", "rev-parse", "--quiet", "--verify", "HEAD"],
        BuildProfile::Release => &[
            "git",
            "status",
            "--porcelain=v2",
            "--branch",
            "--untracked-files=normal",
        ],
    };
    let git = Invocation::of(words, folder.to_owned(), &environment, PATIENCE);
    let mut status = Status::default();
    let read = |line: &str| match profile {
        BuildProfile::Dev => status.read_head(line),
        BuildProfile::Release => status.read(line),
    };
    match git.run(read, |_| {}).await {
        Ok(()) => status.commit(),
        Err(error) => {
            tracing::debug!(error = %error, "no commit is known");
            None
        }
    }
}

#[derive(Debug, Default)]
struct Status {
    hash: Option<String>,
    dirty: bool,
}

impl Status {
    fn read(&mut self, line: &str) {
        if let Some(hash) = line.strip_prefix("# branch.oid ") {
            self.read_hash(hash);
        } else if !line.starts_with('#') {
            self.dirty = true;
        }
    }

    fn read_head(&mut self, line: &str) {
        self.read_hash(line);
        self.dirty = true;
    }

    fn read_hash(&mut self, hash: &str) {
        let is_hash = hash.bytes().all(|b| b.is_ascii_hexdigit());
        self.hash = is_hash.then(|| hash.to_owned());
    }

    fn commit(self) -> Option<Commit> {
        Some(Commit {
            hash: self.hash?,
            dirty: self.dirty,
        })
    }
}
