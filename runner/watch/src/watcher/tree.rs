//! What is watched and how it was last seen; decides what an event means.

mod walk;

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::WatchError;
use super::backend::{Certainty, Folders, Notice};
use super::ignores::{CACHE_TAG, GITIGNORE, Rules, never_watched};
use super::sources::{LOCK, Sources, normal};
use crate::project_file::ProjectFile;

/// A folder, whatever it is called now.
type FolderId = (u64, u64);

/// How a file was when it was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            inode: found.ino(),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
        }
    }
}

/// Why a folder is watched.
#[derive(Debug)]
enum Scope {
    /// For what is in it, but for what these rules ignore.
    Inside(Rules),
    /// Only to see a folder or file come, go and change that is read.
    Around,
}

#[derive(Debug)]
struct Folder {
    id: FolderId,
    scope: Scope,
}

/// Who may have written cargo's lock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LockWriter {
    /// A build that runs and has a reason to.
    Build,
    /// Anybody else.
    Somebody,
}

/// What came of events.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// The paths at which something changed.
    pub(super) changed: BTreeSet<PathBuf>,
    /// Whether anything at all may have changed.
    pub(super) everything: bool,
    /// Whether the build has a reason to write cargo's lock file.
    pub(super) lock_due: bool,
    /// Whether the build wrote the lock file that it had a reason to write.
    pub(super) lock_written: bool,
    /// What is not watched as it should be.
    pub(super) error: Option<WatchError>,
}

/// Everything that is watched for a project.
#[derive(Debug)]
pub(super) struct Tree<F> {
    native: F,
    project: ProjectFile,
    sources: Sources,
    folders: BTreeMap<PathBuf, Folder>,
    by_id: HashMap<FolderId, PathBuf>,
    files: BTreeMap<PathBuf, Stamp>,
    /// Where links in the sources lead: files that are read under another name.
    linked: BTreeSet<PathBuf>,
    /// The folders around all that is read, and those that are read.
    holders: BTreeSet<PathBuf>,
    /// Lock files that were written, and by whom; looked into when all is quiet,
    /// for who writes one empties it first.
    written_locks: BTreeMap<PathBuf, LockWriter>,
    /// What was in the lock files; kept when one is removed, for the build will make it again.
    locks: HashMap<PathBuf, u64>,
}

impl<F: Folders> Tree<F> {
    /// Watches what the build of a project reads.
    pub(super) fn plant(native: F, project: ProjectFile) -> Result<Self, WatchError> {
        let mut tree = Self {
            native,
            project,
            sources: Sources::default(),
            folders: BTreeMap::new(),
            by_id: HashMap::new(),
            files: BTreeMap::new(),
            linked: BTreeSet::new(),
            holders: BTreeSet::new(),
            written_locks: BTreeMap::new(),
            locks: HashMap::new(),
        };
        if let Err(source) = fs::read_dir(&tree.project.root) {
            return Err(WatchError::NoFolder {
                path: tree.project.root,
                source,
            });
        }
        let mut findings = Findings::default();
        tree.renew(&mut findings);
        match findings.error {
            Some(error) => Err(error),
            None => Ok(tree),
        }
    }

    /// Goes on with another project file.
    pub(super) fn follow(&mut self, project: ProjectFile, findings: &mut Findings) {
        self.project = project;
        self.renew(findings);
    }

    /// Returns whether the project's folder is not there.
    pub(super) fn gone(&self) -> bool {
        !self.project.root.is_dir()
    }

    /// Finds out what a handful of notices mean.
    pub(super) fn take_in(&mut self, notices: Vec<Notice>, lock: LockWriter) -> Findings {
        let mut findings = Findings::default();
        let mut renew = false;
        let mut paths = BTreeMap::new();
        for notice in notices {
            match notice {
                Notice::At(found, certainty) => {
                    for path in found {
                        let known = paths.entry(path).or_insert(certainty);
                        *known = certainty.max(*known);
                    }
                }
                Notice::Overflow => {
                    findings.everything = true;
                    renew = true;
                }
                Notice::Failed(error) => findings.error = Some(error),
            }
        }
        for (path, certainty) in paths {
            renew |= self.notice(&path, certainty, lock, &mut findings);
        }
        let other_sources = Self::any_changed(&findings, |path| self.sources.depend_on(path));
        findings.lock_due |= other_sources;
        if renew || other_sources || Self::any_changed(&findings, changes_rules) {
            self.renew(&mut findings);
        }
        findings
    }

    /// Takes in what happened at one path; returns whether all has to be looked at again.
    fn notice(
        &mut self,
        path: &Path,
        certainty: Certainty,
        lock: LockWriter,
        findings: &mut Findings,
    ) -> bool {
        if !self.is_listed(path) {
            if self.holders.contains(path) {
                if certainty == Certainty::Changed {
                    findings.changed.extend(self.roots_below(path));
                }
                return certainty == Certainty::Changed;
            }
            if !self.is_inside(path) {
                return changes_rules(path) && self.is_above(path);
            }
        }
        self.look(path, certainty, lock, findings);
        path.file_name().is_some_and(|name| name == CACHE_TAG)
    }

    fn any_changed(findings: &Findings, is: impl Fn(&Path) -> bool) -> bool {
        findings.changed.iter().any(|path| is(path))
    }

    /// Returns whether a file is one of those that are read wherever they are.
    fn is_listed(&self, path: &Path) -> bool {
        self.sources.files.contains(path) || self.linked.contains(path)
    }

    fn roots_below(&self, path: &Path) -> Vec<PathBuf> {
        let roots = self.sources.folders.iter().chain([&self.project.root]);
        roots
            .filter(|root| root.starts_with(path))
            .cloned()
            .collect()
    }

    fn is_above(&self, path: &Path) -> bool {
        path.parent()
            .is_some_and(|folder| !self.roots_below(folder).is_empty())
    }

    /// Returns whether a path is a watched folder, or directly in one, for the sake of what is in it.
    fn is_inside(&self, path: &Path) -> bool {
        self.rules_at(path).is_some()
            || path
                .parent()
                .is_some_and(|folder| self.rules_at(folder).is_some())
    }

    fn rules_at(&self, folder: &Path) -> Option<&Rules> {
        match &self.folders.get(folder)?.scope {
            Scope::Inside(rules) => Some(rules),
            Scope::Around => None,
        }
    }

    /// Looks at what is at a path now.
    fn look(
        &mut self,
        path: &Path,
        certainty: Certainty,
        lock: LockWriter,
        findings: &mut Findings,
    ) {
        let Ok(found) = fs::metadata(path) else {
            // A link that leads nowhere is as good as none.
            return self.lost(path, findings);
        };
        let known = self.files.contains_key(path) || self.folders.contains_key(path);
        if !known && self.ignores(path, found.is_dir()) {
            return;
        }
        if found.is_dir() {
            if certainty == Certainty::Changed || !self.folders.contains_key(path) {
                self.rescan(path, findings);
            }
            return;
        }
        if self.folders.contains_key(path) {
            self.lost(path, findings);
        }
        self.note_link(path, findings);
        let stamp = Stamp::of(&found);
        let before = self.files.insert(path.to_owned(), stamp);
        if certainty == Certainty::Maybe && before == Some(stamp) {
            return;
        }
        if is_lock(path) {
            self.written_locks.entry(path.to_owned()).or_insert(lock);
            return;
        }
        findings.changed.insert(path.to_owned());
    }

    /// Takes note that nothing is at a path any more.
    fn lost(&mut self, path: &Path, findings: &mut Findings) {
        if self.files.remove(path).is_some() {
            // A build makes it again.
            findings.lock_due |= is_lock(path);
            findings.changed.insert(path.to_owned());
        }
        let (folders, files) = self.forget(path);
        findings.changed.extend(files.into_keys());
        self.unwatch(&folders);
    }

    /// Takes all that is at and below a path off the books.
    fn forget(&mut self, path: &Path) -> (BTreeMap<PathBuf, Folder>, BTreeMap<PathBuf, Stamp>) {
        (
            split_below(&mut self.folders, path),
            split_below(&mut self.files, path),
        )
    }

    /// Stops watching those of some folders that are not on the books, by this name or another.
    fn unwatch(&mut self, folders: &BTreeMap<PathBuf, Folder>) {
        for (path, folder) in folders {
            if self.folders.contains_key(path) {
                continue;
            }
            if self.by_id.get(&folder.id) == Some(path) {
                self.by_id.remove(&folder.id);
                self.native.remove(path);
            }
        }
    }

    /// Returns whether lock files were written that have to be looked into when all is quiet.
    pub(super) fn has_written_locks(&self) -> bool {
        !self.written_locks.is_empty()
    }

    /// Looks into the lock files that were written.
    pub(super) fn read_locks(&mut self) -> Findings {
        let mut findings = Findings::default();
        for (path, writer) in std::mem::take(&mut self.written_locks) {
            let Some(content) = content_of(&path) else {
                continue;
            };
            let before = self.locks.insert(path.clone(), content);
            if before == Some(content) {
                continue;
            }
            match writer {
                LockWriter::Build => findings.lock_written = true,
                LockWriter::Somebody => {
                    findings.changed.insert(path);
                }
            }
        }
        findings
    }

    /// Returns whether a path in a watched folder is none of the build's.
    fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        if self.is_listed(path) {
            return false;
        }
        let Some(name) = path.file_name() else {
            return false;
        };
        let rules = path.parent().and_then(|folder| self.rules_at(folder));
        never_watched(name)
            || rules.is_some_and(|rules| rules.ignore(path, is_folder))
            || self.is_component(path, name)
    }

    /// Returns whether a path is the component that a command makes, or is on its way to become it.
    fn is_component(&self, path: &Path, name: &OsStr) -> bool {
        let (Some(component), Some(_)) = (&self.project.component, &self.project.build_command)
        else {
            return false;
        };
        let component = self.project.root.join(component);
        let made = component.file_name().unwrap_or_default();
        // Tools write `x.wasm.tmp` or `.x.wasm.1234` and rename it.
        path.parent() == component.parent()
            && contains(name.as_encoded_bytes(), made.as_encoded_bytes())
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

fn is_lock(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == LOCK)
}

/// Returns whether other paths may be ignored once this one has changed.
fn changes_rules(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == GITIGNORE)
}

/// Returns what stands for the content of a file; `None` for one that is empty or not there.
fn content_of(path: &Path) -> Option<u64> {
    let content = fs::read(path).ok().filter(|content| !content.is_empty())?;
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    Some(hasher.finish())
}

/// Takes the entries at and below a path out of a map.
fn split_below<T>(map: &mut BTreeMap<PathBuf, T>, path: &Path) -> BTreeMap<PathBuf, T> {
    // Paths are ordered by their parts, so what is below one follows it.
    let mut below = map.split_off(path);
    let after = below.keys().find(|key| !key.starts_with(path)).cloned();
    if let Some(after) = after {
        map.append(&mut below.split_off(&after));
    }
    below
}

#[cfg(test)]
mod tests;
