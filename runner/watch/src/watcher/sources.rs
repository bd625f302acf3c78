//! What a project's build reads: which folders with all that is in them, and which single files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use toml::{Table, Value};

use crate::project_file::{PROJECT_FILE, ProjectFile};

/// The name of cargo's lock file, which a build may write.
pub(super) const LOCK: &str = "Cargo.lock";
const MANIFEST: &str = "Cargo.toml";
/// What cargo and rustup look for in a folder and in all above it.
const SETTINGS: [&str; 4] = [
    ".cargo/config.toml",
    ".cargo/config",
    "rust-toolchain.toml",
    "rust-toolchain",
];
const DEPENDENCIES: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

/// The folders and files that a build reads, there or not.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sources {
    /// Folders that are read with all that is in them.
    pub(super) folders: BTreeSet<PathBuf>,
    /// Files that are read wherever they are, ignored or not.
    pub(super) files: BTreeSet<PathBuf>,
    /// What is read to know all this, as it was when it could last be understood.
    manifests: BTreeMap<PathBuf, Arc<Table>>,
}

impl Sources {
    /// Finds what the build of a project reads.
    ///
    /// What cannot be understood now, as a manifest in the middle of an edit,
    /// is taken as it was in `before`.
    pub(super) fn of(project: &ProjectFile, before: &Self) -> Self {
        let mut sources = Self::default();
        let root = &project.root;
        sources.files.insert(root.join(PROJECT_FILE));
        if let (Some(component), None) = (&project.component, &project.build_command) {
            // Something else makes it, and nothing but it is read.
            sources.files.insert(normal(&root.join(component)));
            return sources;
        }
        sources.folders.insert(root.clone());
        // A command in a folder with a manifest most likely runs cargo.
        if project.component.is_none() || root.join(MANIFEST).is_file() {
            let mut reading = Reading {
                before,
                sources: &mut sources,
            };
            reading.project(root);
        }
        sources
    }

    /// Returns whether other sources may be read once this file has changed.
    pub(super) fn depend_on(&self, path: &Path) -> bool {
        self.manifests.contains_key(path)
            || (self.files.contains(path)
                && path.extension().is_some_and(|ending| ending == "toml"))
            || path.file_name().is_some_and(|name| name == MANIFEST)
    }
}

struct Reading<'a> {
    before: &'a Sources,
    sources: &'a mut Sources,
}

/// The manifest that a package takes common settings from, and its folder.
type Workspace = Option<(PathBuf, Arc<Table>)>;

impl Reading<'_> {
    fn project(&mut self, root: &Path) {
        self.sources.files.insert(root.join(LOCK));
        let workspace = self.manifest(&root.join(MANIFEST)).and_then(|own| {
            let found = self.workspace(root, &own);
            if let Some((folder, table)) = &found {
                self.sources.files.insert(folder.join(LOCK));
                self.replacements(folder, table);
            }
            found
        });
        for above in root.ancestors() {
            for setting in SETTINGS {
                self.sources.files.insert(above.join(setting));
            }
            self.settings(above);
        }
        if let Some(home) = cargo_home() {
            self.sources.files.insert(home.join("config.toml"));
            self.sources.files.insert(home.join("config"));
        }
        // A manifest that comes to stand above the package may become its workspace.
        for above in root.ancestors() {
            self.sources.files.insert(above.join(MANIFEST));
            if workspace.as_ref().is_some_and(|(top, _)| top == above) {
                break;
            }
        }
        self.packages(root);
    }

    /// Reads a package and those that it depends on by path.
    fn packages(&mut self, root: &Path) {
        let mut seen = BTreeSet::new();
        let mut next = vec![root.to_owned()];
        next.extend(self.sources.folders.iter().cloned());
        while let Some(folder) = next.pop() {
            if !seen.insert(folder.clone()) {
                continue;
            }
            let manifest = folder.join(MANIFEST);
            self.sources.files.insert(manifest.clone());
            if let Some(table) = self.manifest(&manifest) {
                next.extend(self.package(&folder, &table));
            }
            self.sources.folders.insert(folder);
        }
    }

    /// Returns the folders of the packages that one depends on by path.
    fn package(&mut self, folder: &Path, table: &Arc<Table>) -> Vec<PathBuf> {
        let workspace = self.workspace(folder, table);
        if let Some((top, _)) = &workspace {
            self.sources.files.insert(top.join(MANIFEST));
        }
        for file in code_files(table) {
            let path = normal(&folder.join(file));
            if !path.starts_with(folder) {
                self.sources.files.insert(path);
            }
        }
        let mut found = Vec::new();
        for (name, value) in dependencies(table) {
            if let Some(path) = path_of(value) {
                found.push(normal(&folder.join(path)));
            } else if let (Some(true), Some((top, common))) =
                (value.get("workspace").and_then(Value::as_bool), &workspace)
            {
                let inherited = common
                    .get("workspace")
                    .and_then(|workspace| workspace.get("dependencies"))
                    .and_then(|dependencies| dependencies.get(name))
                    .and_then(path_of);
                found.extend(inherited.map(|path| normal(&top.join(path))));
            }
        }
        found
    }

    /// Finds the workspace that a package belongs to, which may be its own manifest.
    fn workspace(&mut self, folder: &Path, own: &Arc<Table>) -> Workspace {
        if own.contains_key("workspace") {
            return Some((folder.to_owned(), own.clone()));
        }
        let named = own
            .get("package")
            .and_then(|package| package.get("workspace"))
            .and_then(Value::as_str);
        if let Some(named) = named {
            let top = normal(&folder.join(named));
            let table = self.manifest(&top.join(MANIFEST))?;
            return Some((top, table));
        }
        for above in folder.ancestors().skip(1) {
            if let Some(table) = self.manifest(&above.join(MANIFEST))
                && table.contains_key("workspace")
            {
                return Some((above.to_owned(), table));
            }
        }
        None
    }

    /// Reads the folders that a manifest or a setting puts in the place of packages.
    fn replacements(&mut self, folder: &Path, table: &Table) {
        let patched = table.get("patch").and_then(Value::as_table);
        let replaced = table.get("replace").and_then(Value::as_table);
        let paths = patched
            .into_iter()
            .flat_map(|patch| patch.values().filter_map(Value::as_table))
            .chain(replaced)
            .flat_map(Table::values)
            .filter_map(path_of);
        for path in paths {
            self.sources.folders.insert(normal(&folder.join(path)));
        }
    }

    fn settings(&mut self, above: &Path) {
        for setting in SETTINGS.iter().take(2) {
            let Some(table) = self.manifest(&above.join(setting)) else {
                continue;
            };
            self.replacements(above, &table);
            let paths = table.get("paths").and_then(Value::as_array);
            for path in paths.into_iter().flatten().filter_map(Value::as_str) {
                self.sources.folders.insert(normal(&above.join(path)));
            }
        }
    }

    fn manifest(&mut self, path: &Path) -> Option<Arc<Table>> {
        if let Some(known) = self.sources.manifests.get(path) {
            return Some(known.clone());
        }
        let text = fs::read_to_string(path).ok()?;
        let table = match text.parse::<Table>() {
            Ok(table) => Arc::new(table),
            Err(_) => self.before.manifests.get(path)?.clone(),
        };
        self.sources
            .manifests
            .insert(path.to_owned(), table.clone());
        Some(table)
    }
}

/// Lists the dependencies of a manifest, for any target.
fn dependencies(table: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let per_target = table
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(|targets| targets.values().filter_map(Value::as_table));
    std::iter::once(table)
        .chain(per_target)
        .flat_map(|table| DEPENDENCIES.iter().filter_map(|kind| table.get(*kind)))
        .filter_map(Value::as_table)
        .flatten()
}

/// Lists the source files that a manifest names.
fn code_files(table: &Table) -> impl Iterator<Item = &str> {
    let build = table
        .get("package")
        .and_then(|package| package.get("build"));
    let library = table.get("lib").and_then(|library| library.get("path"));
    let binaries = table.get("bin").and_then(Value::as_array);
    let binaries = binaries
        .into_iter()
        .flatten()
        .filter_map(|binary| binary.get("path"));
    build
        .into_iter()
        .chain(library)
        .chain(binaries)
        .filter_map(Value::as_str)
}

fn path_of(dependency: &Value) -> Option<&str> {
    dependency.get("path").and_then(Value::as_str)
}

fn cargo_home() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"));
    let home = std::env::var_os("CARGO_HOME").map_or_else(home, |home| Some(home.into()))?;
    Some(normal(&home))
}

/// Returns a path as the operating system writes it, or without `.` and `..` where nothing is.
pub(super) fn normal(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => {
                clean.push(component);
            }
        }
    }
    // What is missing may be below a link that is not.
    match (clean.parent(), clean.file_name()) {
        (Some(parent), Some(name)) => match parent.canonicalize() {
            Ok(parent) => parent.join(name),
            Err(_) => clean,
        },
        _ => clean,
    }
}
