//! Tells what a build writes among its own source from what people save there.
//!
//! A change during a build means one more build. A build whose output lies
//! among what is watched would thus never come to its end; files that change
//! in several builds in a row, and nothing else with them, are looked at more
//! closely: they count as changed only if their content is another one when
//! the build is over than it was after the build before.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use watch::Changes;

/// In how many builds in a row a file must have changed to be suspected.
const IN_A_ROW: u32 = 3;

/// What is known of files that change while builds run.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// How many builds in a row each has changed in.
    rows: BTreeMap<PathBuf, u32>,
    /// What changed in the build that runs.
    now: BTreeSet<PathBuf>,
    /// Files that builds write, with a digest of their content when it was
    /// looked at last, if it was; a file that is not there has none.
    written: BTreeMap<PathBuf, Option<Option<u64>>>,
}

/// What a change during a build means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Somebody changed the source.
    Source,
    /// The build wrote it; the first time that it is taken for that.
    NewOutput,
    /// The build wrote it, as before.
    Output,
}

impl Output {
    /// Takes what changed while a build runs.
    pub(super) fn changed(&mut self, changes: &Changes) -> Meaning {
        if changes.more > 0
            || changes.everything
            || changes.project_file
            || changes.paths.is_empty()
        {
            return Meaning::Source;
        }
        self.now.extend(changes.paths.iter().cloned());
        if self.all(changes, |output, path| output.written.contains_key(path)) {
            return Meaning::Output;
        }
        let suspected = self.all(changes, |output, path| {
            output.written.contains_key(path)
                || output.rows.get(path).is_some_and(|row| row + 1 >= IN_A_ROW)
        });
        if suspected {
            for path in &changes.paths {
                self.written.entry(path.clone()).or_insert(None);
            }
            return Meaning::NewOutput;
        }
        Meaning::Source
    }

    /// Takes the end of a build, well or not; returns whether what it wrote is
    /// other than after the one before, so that it may be somebody's change.
    pub(super) fn ended(&mut self, root: &Path) -> bool {
        self.next_row();
        self.differs(root)
    }

    /// Returns whether output is other than when this was asked last; the
    /// first time it is, for nobody knows what the build has seen of it.
    pub(super) fn differs(&mut self, root: &Path) -> bool {
        let mut differs = false;
        for (path, before) in &mut self.written {
            let after = Some(content(&root.join(path)));
            differs |= *before != after;
            *before = after;
        }
        differs
    }

    /// Takes that a newer change cancelled the build.
    pub(super) fn cancelled(&mut self) {
        self.next_row();
    }

    fn next_row(&mut self) {
        let now = std::mem::take(&mut self.now);
        self.rows = now
            .into_iter()
            .map(|path| {
                let row = self.rows.get(&path).copied().unwrap_or(0) + 1;
                (path, row)
            })
            .collect();
    }

    fn all(&self, changes: &Changes, is: impl Fn(&Self, &PathBuf) -> bool) -> bool {
        changes.paths.iter().all(|path| is(self, path))
    }
}

/// Returns a digest of a file's content, for comparing within this process.
fn content(path: &Path) -> Option<u64> {
    let bytes = std::fs::read(path).ok()?;
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Changes, Meaning, Output};

    fn changes(paths: &[&str]) -> Changes {
        Changes {
            paths: paths.iter().map(Into::into).collect(),
            more: 0,
            everything: false,
            project_file: false,
            gone: false,
            first_seen: Instant::now(),
        }
    }

    #[test]
    fn what_changes_in_three_builds_in_a_row_is_their_output() {
        let root = tempfile::tempdir().unwrap();
        let mut output = Output::default();
        for _ in 0..2 {
            assert_eq!(output.changed(&changes(&["dist.js"])), Meaning::Source);
            output.cancelled();
        }
        assert_eq!(output.changed(&changes(&["dist.js"])), Meaning::NewOutput);
        std::fs::write(root.path().join("dist.js"), "1").unwrap();
        assert!(
            output.ended(root.path()),
            "nobody knows what that build has seen of it"
        );
        assert_eq!(output.changed(&changes(&["dist.js"])), Meaning::Output);
        assert!(!output.ended(root.path()));
    }

    #[test]
    fn output_with_another_content_may_be_somebodys_change() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("dist.js");
        let mut output = Output::default();
        for _ in 0..3 {
            let _ = output.changed(&changes(&["dist.js"]));
            output.cancelled();
        }
        std::fs::write(&file, "1").unwrap();
        let _ = output.ended(root.path());
        let _ = output.changed(&changes(&["dist.js"]));
        std::fs::write(&file, "2").unwrap();
        assert!(output.ended(root.path()));
        assert!(!output.ended(root.path()), "that is told once");
    }

    #[test]
    fn a_change_beside_the_output_is_one_of_the_source() {
        let mut output = Output::default();
        for _ in 0..3 {
            let _ = output.changed(&changes(&["dist.js"]));
            output.cancelled();
        }
        let both = changes(&["dist.js", "src/lib.rs"]);
        assert_eq!(output.changed(&both), Meaning::Source);
    }

    #[test]
    fn a_file_saved_in_every_other_build_is_no_output() {
        let mut output = Output::default();
        for _ in 0..4 {
            assert_eq!(output.changed(&changes(&["src/lib.rs"])), Meaning::Source);
            output.cancelled();
            output.cancelled();
        }
    }
}
