//! A project whose component is already built.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::environment::TestEnvironment;
use crate::invocation::Invocation;
use crate::outcome::Outcome;

/// A directory with a `tidegate.toml` and a component, which deploys without any compiler.
#[derive(Debug)]
pub struct Project<'a> {
    environment: &'a TestEnvironment,
    directory: PathBuf,
    name: String,
}

impl<'a> Project<'a> {
    pub(crate) fn new(environment: &'a TestEnvironment, name: &str, component: &[u8]) -> Self {
        let directory = environment.path(name);
        fs::create_dir(&directory).expect("a new directory takes another");
        let project = Self {
            environment,
            directory,
            name: name.to_owned(),
        };
        project.set_component(component);
        project.set_file("");
        project
    }

    /// Returns its directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns where its state is.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.directory.join(".tidegate")
    }

    /// Replaces its component.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn set_component(&self, component: &[u8]) {
        fs::write(self.directory.join("component.wasm"), component)
            .expect("a project takes a component");
    }

    /// Writes its project file, with more lines at the end.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn set_file(&self, more: &str) {
        let text = format!(
            "name = \"{}\"\ncomponent = \"component.wasm\"\n\n{more}",
            self.name
        );
        self.write("tidegate.toml", &text);
    }

    /// Writes a file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.join(name), text).expect("a project takes a file");
    }

    /// Prepares an invocation in its directory that speaks to people.
    pub fn text<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Invocation {
        Invocation::new(&self.directory, self.environment.variables(), arguments)
    }

    /// Prepares an invocation in its directory that answers in JSON.
    pub fn tidegate<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Invocation {
        self.text(["--format", "json"]).args(arguments)
    }

    /// Deploys it to `development`.
    ///
    /// # Panics
    /// When the program cannot be started or hangs.
    pub fn deploy(&self) -> Outcome {
        self.tidegate(["deploy", "--env", "development"]).finish()
    }

    /// Runs an action in `development`.
    ///
    /// # Panics
    /// When the program cannot be started or hangs.
    pub fn run(&self, action: &str, input: &Value) -> Outcome {
        self.tidegate(["run", action, "--env", "development", "--input"])
            .arg(input.to_string())
            .finish()
    }

    /// Sets a secret in `development`.
    ///
    /// # Panics
    /// When the program cannot be started or hangs.
    pub fn set_secret(&self, name: &str, value: &str) -> Outcome {
        self.tidegate(["secrets", "set", name, "--env", "development"])
            .input(value)
            .finish()
    }

    /// Sets a variable in `development`.
    ///
    /// # Panics
    /// When the program cannot be started or hangs.
    pub fn set_variable(&self, name: &str, value: &str) -> Outcome {
        self.tidegate(["vars", "set", name, value, "--env", "development"])
            .finish()
    }

    /// Allows calls to a private host from `development`.
    ///
    /// # Panics
    /// When the program refuses.
    pub fn allow_host(&self, host: &str) {
        let _ = self
            .tidegate(["env", "update", "development", "--allow-host", host])
            .finish()
            .ok();
    }

    /// Returns the `items` of a listing of `development`.
    ///
    /// # Panics
    /// When the program refuses.
    #[must_use]
    pub fn items(&self, listing: &[&str]) -> Vec<Value> {
        let listed = self.tidegate(listing).arg("--env").arg("development");
        let document = listed.finish().ok().json();
        let items = document["items"].as_array();
        items.expect("a listing has items").clone()
    }

    /// Returns what `status` says of `development`.
    ///
    /// # Panics
    /// When the program refuses.
    #[must_use]
    pub fn status(&self) -> Value {
        let status = self.tidegate(["status", "--env", "development"]);
        status.finish().ok().json()["items"][0].clone()
    }
}
