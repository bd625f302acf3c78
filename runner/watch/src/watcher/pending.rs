//! What has changed and was not told yet, and when it is told.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Changes;
use crate::project_file::PROJECT_FILE;

/// How long nothing may happen before a change is told.
pub(super) const QUIET: Duration = Duration::from_millis(10);
/// How long a change is held back at most.
const LONGEST: Duration = Duration::from_millis(200);
/// How many paths are told by name.
const NAMED: usize = 10;

/// Changes that wait to be told.
#[derive(Debug)]
pub(super) struct Pending {
    first: Instant,
    last: Instant,
    paths: BTreeSet<PathBuf>,
    everything: bool,
}

impl Pending {
    /// Starts with what was first seen at a time.
    pub(super) fn since(first: Instant) -> Self {
        Self {
            first,
            last: first,
            paths: BTreeSet::new(),
            everything: false,
        }
    }

    /// Adds what happened at a time.
    pub(super) fn add(&mut self, at: Instant, paths: BTreeSet<PathBuf>, everything: bool) {
        self.last = self.last.max(at);
        self.paths.extend(paths);
        self.everything |= everything;
    }

    /// Returns when it is told if nothing more happens.
    pub(super) fn due(&self) -> Instant {
        (self.last + QUIET).min(self.first + LONGEST)
    }

    /// Puts it as it is told for a project in the folder `root`.
    pub(super) fn tell(self, root: &Path, gone: bool) -> Changes {
        let project_file = self.paths.contains(&root.join(PROJECT_FILE));
        let all = self.paths.len();
        let relative = |path: PathBuf| match path.strip_prefix(root) {
            Ok(rest) if rest.as_os_str().is_empty() => PathBuf::from("."),
            Ok(rest) => rest.to_owned(),
            Err(_) => path,
        };
        let paths: Vec<_> = self.paths.into_iter().take(NAMED).map(relative).collect();
        Changes {
            more: all - paths.len(),
            paths,
            everything: self.everything,
            project_file: project_file || self.everything,
            gone,
            first_seen: self.first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_10_ms_after_the_last_and_200_ms_after_the_first() {
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut pending = Pending::since(start);
        assert_eq!(pending.due(), ms(10));
        pending.add(ms(8), BTreeSet::new(), false);
        assert_eq!(pending.due(), ms(18));
        for at in (16..=196).step_by(9) {
            pending.add(ms(at), BTreeSet::new(), false);
        }
        assert_eq!(pending.due(), ms(200));
    }

    #[test]
    fn the_first_ten_paths_are_named_from_the_projects_folder() {
        let mut pending = Pending::since(Instant::now());
        let mut paths: BTreeSet<_> = (0..12).map(|n| PathBuf::from(format!("/p/a{n}"))).collect();
        paths.insert("/dep/lib.rs".into());
        paths.insert("/p".into());
        paths.insert("/p/tidegate.toml".into());
        pending.add(Instant::now(), paths, false);
        let told = pending.tell(Path::new("/p"), false);
        assert_eq!(
            told.paths[..3],
            ["/dep/lib.rs", ".", "a0"].map(PathBuf::from)
        );
        assert_eq!((told.paths.len(), told.more), (10, 5));
        assert!(told.project_file);
    }
}
