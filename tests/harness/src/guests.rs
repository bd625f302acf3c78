//! Guests, each compiled once for a whole run of the tests.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::environment::tool_variables;
use crate::programs;

/// Declares guests: what each is, and where its source lies in the repository.
macro_rules! guests {
    ($( $(#[$doc:meta])* $name:ident = $folder:literal; )+) => {
        $(
            $(#[$doc])*
            ///
            /// # Panics
            /// When it does not build.
            #[must_use]
            pub fn $name() -> &'static [u8] {
                static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
                COMPONENT.get_or_init(|| build(stringify!($name), &programs::repository().join($folder)))
            }
        )+
    };
}

guests! {
    /// Returns the component of the example `hello`.
    hello = "examples/hello";
    /// Returns the component of the example `github`.
    github = "examples/github";
    /// Returns the component of the example `orders`.
    orders = "examples/orders";
    /// Returns the component of the guest that is written without the SDK.
    bare = "tests/guests/bare";
    /// Returns the component that breaks limits.
    hostile = "tests/guests/hostile";
    /// Returns the component with twenty webhooks.
    hooks20 = "tests/guests/hooks20";
    /// Returns the component whose webhooks are set up by hand.
    inbox = "tests/guests/inbox";
}

/// Returns the directory of an example.
#[must_use]
pub fn example_directory(name: &str) -> PathBuf {
    programs::repository().join("examples").join(name)
}

/// Returns the directory of one of the tests' own guests.
#[must_use]
pub fn guest_directory(name: &str) -> PathBuf {
    programs::repository().join("tests/guests").join(name)
}

/// Builds a guest from source that a test has changed.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn build_variant(directory: &Path) -> Vec<u8> {
    let _lock = locked();
    let built = compile(directory, &target_directory(), "--offline");
    fs::read(&built).expect("a built component can be read")
}

/// Builds a guest, or takes what another process of the same run has built.
fn build(label: &str, directory: &Path) -> Vec<u8> {
    let _lock = locked();
    let target = target_directory();
    let ready = target.join("ready");
    let component = ready.join(format!("{label}.wasm"));
    let stamp = ready.join(format!("{label}.run"));
    let run = env::var("NEXTEST_RUN_ID").unwrap_or_default();
    let known = !run.is_empty() && fs::read_to_string(&stamp).is_ok_and(|built| built == run);
    if !known {
        let built = compile(directory, &target, "--locked");
        fs::copy(&built, &component).expect("the target directory takes a component");
        fs::write(&stamp, run).expect("the target directory takes a file");
    }
    fs::read(&component).expect("a built component can be read")
}

/// Returns the target directory that all guests share.
fn target_directory() -> PathBuf {
    programs::target_directory().join("guests")
}

/// Makes sure that one process at a time builds guests and copies what it built.
fn locked() -> File {
    let ready = target_directory().join("ready");
    fs::create_dir_all(&ready).expect("the target directory takes another");
    let lock = File::create(ready.join("lock")).expect("the target directory takes a file");
    lock.lock().expect("the target directory's lock is local");
    lock
}

/// Compiles a package and returns its component.
fn compile(directory: &Path, target: &Path, network: &str) -> PathBuf {
    let output = Command::new("cargo")
        .current_dir(directory)
        .args(["build", "--release", network])
        .args(["--target", "wasm32-wasip2"])
        .args(["--message-format", "json-render-diagnostics"])
        .env_clear()
        .envs(tool_variables())
        .env("HOME", env::var_os("HOME").unwrap_or_default())
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo starts");
    assert!(
        output.status.success(),
        "{} does not build:\n{}",
        directory.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let messages = String::from_utf8_lossy(&output.stdout);
    component_of(&messages).unwrap_or_else(|| {
        panic!("{} made no component:\n{messages}", directory.display());
    })
}

/// Finds the component among cargo's messages: the last one belongs to the package itself.
fn component_of(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|file| file.as_str().map(PathBuf::from))
        .rfind(|file| {
            file.extension()
                .is_some_and(|extension| extension == "wasm")
        })
}
