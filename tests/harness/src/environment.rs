//! A place of its own for one test.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::invocation::Invocation;
use crate::programs;
use crate::project::Project;

/// A temporary directory with a home, and an environment that knows nothing of the user's.
#[derive(Debug)]
pub struct TestEnvironment {
    directory: TempDir,
}

impl TestEnvironment {
    /// Makes an empty one.
    ///
    /// # Panics
    /// When there is no room for temporary files.
    #[must_use]
    pub fn new() -> Self {
        let directory = TempDir::with_prefix("tidegate-").expect("there is room for a directory");
        let environment = Self { directory };
        fs::create_dir(environment.path("home")).expect("a new directory takes a home");
        fs::create_dir(environment.path("tmp")).expect("a new directory takes another");
        environment.share_builds();
        environment
    }

    /// Returns a path in it.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Prepares an invocation of the program in the directory itself.
    pub fn tidegate<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Invocation {
        Invocation::new(self.directory.path(), self.variables(), arguments)
    }

    /// Makes a project of a component that is already built.
    #[must_use]
    pub fn project(&self, name: &str, component: &[u8]) -> Project<'_> {
        Project::new(self, name, component)
    }

    /// Lets guests that the program builds share one target directory.
    ///
    /// Cargo finds this file from any project below; the program passes no
    /// variable of cargo's on.
    fn share_builds(&self) {
        let shared = programs::target_directory().join("guests");
        let cargo = self.path(".cargo");
        fs::create_dir(&cargo).expect("a new directory takes another");
        fs::write(
            cargo.join("config.toml"),
            format!("[build]\ntarget-dir = {shared:?}\n"),
        )
        .expect("a new directory takes a file");
    }

    pub(crate) fn variables(&self) -> Vec<(OsString, OsString)> {
        let mut variables = vec![
            ("HOME".into(), self.path("home").into()),
            ("TMPDIR".into(), self.path("tmp").into()),
            ("USER".into(), "tester".into()),
        ];
        variables.extend(tool_variables());
        variables
    }
}

impl Default for TestEnvironment {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns where the tools that build guests are, which a cleared environment forgets.
#[must_use]
pub fn tool_variables() -> Vec<(OsString, OsString)> {
    let mut variables = vec![("PATH".into(), env::var_os("PATH").unwrap_or_default())];
    let home = env::var_os("HOME").unwrap_or_default();
    for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let given = env::var_os(name);
        let value = given.unwrap_or_else(|| Path::new(&home).join(folder).into());
        if Path::new(&value).is_dir() {
            variables.push((name.into(), value));
        }
    }
    variables
}
