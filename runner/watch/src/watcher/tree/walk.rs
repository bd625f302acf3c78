//! Goes through folders, watching each before it is listed, so that nothing falls between.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{
    Findings, Folder, FolderId, Folders, Rules, Scope, Stamp, Tree, content_of, is_lock, normal,
};
use crate::watcher::ignores::is_made;
use crate::watcher::sources::Sources;

/// A folder to go through, and the rules of the one that it is in.
type Next = (PathBuf, Rules);

impl<F: Folders> Tree<F> {
    /// Finds out anew what is to be watched, and watches it.
    ///
    /// Tells what came, went or changed in the folders that were watched before.
    pub(super) fn renew(&mut self, findings: &mut Findings) {
        let sources = Sources::of(&self.project, &self.sources);
        let before_sources = std::mem::replace(&mut self.sources, sources);
        let before_folders = std::mem::take(&mut self.folders);
        let before_files = std::mem::take(&mut self.files);
        self.linked.clear();

        self.watch_around(findings);
        let mut links = Vec::new();
        for root in self.sources.folders.clone() {
            if self.rules_at(&root).is_none() {
                let rules = Rules::above(&root);
                self.walk(vec![(root, rules)], &mut links, findings);
            }
        }
        self.walk_links(links, findings);
        for file in self.sources.files.clone() {
            self.note(&file);
        }
        self.unwatch(&before_folders);

        for root in before_sources.folders.intersection(&self.sources.folders) {
            if id_in(&before_folders, root) != id_in(&self.folders, root) {
                findings.changed.insert(root.clone());
            }
        }
        self.compare(&before_sources, &before_files, findings);
    }

    /// Tells the files that differ from those before, where they were watched before too.
    fn compare(
        &self,
        before_sources: &Sources,
        before: &BTreeMap<PathBuf, Stamp>,
        findings: &mut Findings,
    ) {
        let was_read = |path: &Path| {
            before_sources.files.contains(path)
                || path
                    .ancestors()
                    .any(|above| before_sources.folders.contains(above))
        };
        let differs = |path: &PathBuf| match self.files.get(path) {
            // What is only ignored now is still there.
            None => !path.exists(),
            stamp => before.get(path) != stamp && was_read(path),
        };
        for path in before.keys().chain(self.files.keys()) {
            // A lock file is told by what is in it.
            if !is_lock(path) && differs(path) {
                findings.changed.insert(path.clone());
            }
        }
    }

    /// Watches the folders around all that is read, as far as they exist.
    fn watch_around(&mut self, findings: &mut Findings) {
        let sources = &self.sources;
        let anchors = sources.folders.iter().chain(&sources.files);
        self.holders = anchors
            .chain([&self.project.root])
            .flat_map(|anchor| anchor.ancestors().skip(1))
            .chain(sources.folders.iter().map(PathBuf::as_path))
            .chain([self.project.root.as_path()])
            .map(Path::to_owned)
            .collect();
        for folder in self.holders.clone() {
            self.watch_one_around(&folder, findings);
        }
    }

    fn watch_one_around(&mut self, folder: &Path, findings: &mut Findings) {
        let Some(id) = id_of(folder) else { return };
        if !self.folders.contains_key(folder)
            && self.takes(folder, id)
            && self.add(folder, findings)
        {
            self.enter(folder.to_owned(), id, Scope::Around);
        }
    }

    /// Watches a folder; returns whether it is there.
    fn add(&mut self, folder: &Path, findings: &mut Findings) -> bool {
        match self.native.add(folder) {
            Ok(is_there) => is_there,
            Err(error) => {
                // The first names what all of them suffer from.
                findings.error.get_or_insert(error);
                false
            }
        }
    }

    fn enter(&mut self, folder: PathBuf, id: FolderId, scope: Scope) {
        self.by_id.insert(id, folder.clone());
        self.folders.insert(folder, Folder { id, scope });
    }

    /// Returns whether a folder may be watched by this name: not where another name of it is watched.
    fn takes(&mut self, folder: &Path, id: FolderId) -> bool {
        let Some(other) = self.by_id.get(&id).filter(|other| *other != folder) else {
            return true;
        };
        match self.folders.get(other) {
            // Another folder has that name, and this one's number was another's.
            Some(found) if found.id != id => return true,
            Some(_) if id_of(other) == Some(id) => return false,
            Some(_) | None => {}
        }
        // It was moved. Both names are one watch, which would end with the old name.
        let other = other.clone();
        self.native.remove(&other);
        self.folders.remove(&other);
        true
    }

    /// Goes through a folder that is new or may be another than before.
    pub(super) fn rescan(&mut self, folder: &Path, findings: &mut Findings) {
        let inherited = match folder.parent().and_then(|parent| self.rules_at(parent)) {
            Some(rules) => rules.clone(),
            None => Rules::above(folder),
        };
        let (before_folders, before_files) = self.forget(folder);
        let mut links = Vec::new();
        self.walk(vec![(folder.to_owned(), inherited)], &mut links, findings);
        self.walk_links(links, findings);
        let now = self.files.range(folder.to_owned()..);
        for (path, stamp) in now.take_while(|(path, _)| path.starts_with(folder)) {
            if before_files.get(path) != Some(stamp) {
                findings.changed.insert(path.clone());
            }
        }
        let removed = before_files
            .into_keys()
            .filter(|path| !self.files.contains_key(path));
        findings.changed.extend(removed);
        self.unwatch(&before_folders);
    }

    /// Goes through the folders that links lead to, last, so that each has its own name first.
    fn walk_links(&mut self, mut links: Vec<Next>, findings: &mut Findings) {
        while let Some(link) = links.pop() {
            self.walk(vec![link], &mut links, findings);
        }
    }

    fn walk(&mut self, mut next: Vec<Next>, links: &mut Vec<Next>, findings: &mut Findings) {
        while let Some((folder, inherited)) = next.pop() {
            let Some(id) = id_of(&folder) else { continue };
            let is_root = self.sources.folders.contains(&folder);
            if !is_root && is_made(&folder, &self.project.root) {
                continue;
            }
            if !self.takes(&folder, id) || !self.add(&folder, findings) {
                continue;
            }
            let rules = inherited.enter(&folder);
            self.enter(folder.clone(), id, Scope::Inside(rules.clone()));
            // One that cannot be listed was removed a moment ago, which will be told.
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let Ok(kind) = entry.file_type() else {
                    continue;
                };
                let path = entry.path();
                if self.ignores(&path, kind.is_dir()) {
                    continue;
                }
                if kind.is_dir() {
                    next.push((path, rules.clone()));
                } else if kind.is_symlink() && path.is_dir() {
                    links.push((path, rules.clone()));
                } else {
                    self.note_link(&path, findings);
                    self.note(&path);
                }
            }
        }
    }

    /// Takes note of a file as it is now.
    fn note(&mut self, path: &Path) {
        let Ok(found) = fs::metadata(path) else {
            return;
        };
        if found.is_dir() {
            return;
        }
        if is_lock(path)
            && !self.locks.contains_key(path)
            && let Some(content) = content_of(path)
        {
            self.locks.insert(path.to_owned(), content);
        }
        self.files.insert(path.to_owned(), Stamp::of(&found));
    }

    /// Watches where a link leads, if it is one.
    pub(super) fn note_link(&mut self, path: &Path, findings: &mut Findings) {
        if !path.is_symlink() {
            return;
        }
        let target = normal(path);
        if let Some(folder) = target.parent() {
            self.watch_one_around(folder, findings);
        }
        self.note(&target);
        self.linked.insert(target);
    }
}

fn id_in(folders: &BTreeMap<PathBuf, Folder>, folder: &Path) -> Option<FolderId> {
    folders.get(folder).map(|found| found.id)
}

fn id_of(folder: &Path) -> Option<FolderId> {
    let found = fs::metadata(folder).ok()?;
    found.is_dir().then(|| (found.dev(), found.ino()))
}
