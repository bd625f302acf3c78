//! A project in a folder of its own, and a watcher of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use watch::{Changes, Watcher, find_project, watch};

/// Longer than anything takes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A manifest that ends where dependencies can be added.
pub(crate) const PACKAGE: &str =
    "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[dependencies]\n";

/// Writes a file, and the folders that it is in.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A project that nobody watches yet.
pub(crate) struct Prepared {
    folder: tempfile::TempDir,
}

/// A project that is watched.
pub(crate) struct Scene {
    prepared: Prepared,
    pub(crate) watcher: Watcher,
    placed: u32,
}

impl Prepared {
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.folder
            .path()
            .canonicalize()
            .unwrap()
            .join("all")
            .join(name)
    }

    pub(crate) fn watch(self) -> Scene {
        let watcher = watch(&find_project(&self.outside("project")).unwrap()).unwrap();
        Scene {
            prepared: self,
            watcher,
            placed: 0,
        }
    }
}

impl Scene {
    /// Prepares a project of one package without dependencies.
    pub(crate) fn prepare() -> Prepared {
        let prepared = Self::with("name = \"a\"\n");
        write(&prepared.outside("project/Cargo.toml"), PACKAGE);
        write(&prepared.outside("project/src/lib.rs"), "");
        prepared
    }

    /// Prepares a project with nothing but a project file.
    pub(crate) fn with(project_file: &str) -> Prepared {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("all")).unwrap();
        let prepared = Prepared { folder };
        write(&prepared.outside("project/tidegate.toml"), project_file);
        prepared
    }

    /// Watches a project of one package without dependencies.
    pub(crate) fn package() -> Self {
        Self::prepare().watch()
    }

    pub(crate) fn write_package(&self) {
        write(&self.at("tidegate.toml"), "name = \"a\"\n");
        write(&self.at("Cargo.toml"), PACKAGE);
        write(&self.at("src/lib.rs"), "");
    }

    /// Returns a path in the project's folder.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        let root = self.outside("project");
        if name.is_empty() {
            root
        } else {
            root.join(name)
        }
    }

    /// Returns a path in the folder around the project.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.prepared
            .folder
            .path()
            .canonicalize()
            .unwrap()
            .join("all")
            .join(name)
    }

    /// Gives a file another content in one stroke, which is one event.
    pub(crate) fn put(&self, name: &str, text: &str) {
        let aside = self.prepared.folder.path().join("aside");
        write(&aside, text);
        fs::rename(aside, self.at(name)).unwrap();
    }

    /// Puts a file, or the one that is there, where it is in one stroke.
    pub(crate) fn place(&self, name: &str) {
        let text = fs::read_to_string(self.at(name)).unwrap_or_default();
        self.put(name, &text);
    }

    /// Waits for what is told next.
    pub(crate) async fn next(&mut self) -> Changes {
        tokio::time::timeout(PATIENCE, self.watcher.changed())
            .await
            .expect("nothing is told")
            .unwrap()
    }

    /// Waits until all of these have been told; returns what was told last.
    pub(crate) async fn all_of(&mut self, names: &[&str]) -> Changes {
        let mut missing = names.to_vec();
        self.until(|changes| {
            missing.retain(|name| !changes.paths.contains(&PathBuf::from(name)));
            missing.is_empty()
        })
        .await
    }

    /// Waits for something to be told.
    pub(crate) async fn until(&mut self, mut is: impl FnMut(&Changes) -> bool) -> Changes {
        loop {
            let changes = self.next().await;
            if is(&changes) {
                return changes;
            }
        }
    }

    /// Waits until all that has happened is told, whatever it is.
    pub(crate) async fn flush(&mut self) {
        let mark = self.mark();
        self.until(|changes| changes.paths.contains(&mark)).await;
    }

    /// Waits until all that has happened is told, and sees that it was nothing.
    pub(crate) async fn nothing_more(&mut self) {
        let mark = self.mark();
        let changes = self.next().await;
        assert_eq!((changes.paths, changes.more), (vec![mark], 0));
    }

    /// Makes a file that is watched, with one event, which comes after all before.
    fn mark(&mut self) -> PathBuf {
        self.placed += 1;
        let name = if self.at("Cargo.toml").exists() || self.at("main.py").exists() {
            // First in order, so that it is among those that are named.
            format!("!{}", self.placed)
        } else {
            "tidegate.toml".to_owned()
        };
        self.place(&name);
        name.into()
    }

    /// Runs cargo in the project's folder.
    pub(crate) fn cargo(&self, arguments: &[&str]) {
        let output = Command::new("cargo")
            .args(arguments)
            .current_dir(self.at(""))
            .env_remove("CARGO_TARGET_DIR")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}
