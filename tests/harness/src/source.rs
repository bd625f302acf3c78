//! Copies of the examples' source, for tests that change it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::environment::TestEnvironment;
use crate::programs;

/// Copies an example into an environment and returns where it is.
///
/// Its package is renamed: all guests share one target directory, in which
/// a component is found by its package's name alone.
///
/// # Panics
/// When it cannot be copied.
#[must_use]
pub fn copy_example(environment: &TestEnvironment, name: &str, package: &str) -> PathBuf {
    let copy = environment.path("examples");
    copy_directory(&programs::repository().join("examples"), &copy);
    let sdk = programs::repository().join("guest-sdk");
    edit(
        &copy.join("Cargo.toml"),
        "\"../guest-sdk\"",
        &format!("{sdk:?}"),
    );
    let example = copy.join(name);
    let rename = |text: &str| format!("name = {text:?}");
    edit(&example.join("Cargo.toml"), &rename(name), &rename(package));
    edit(&copy.join("Cargo.lock"), &rename(name), &rename(package));
    example
}

/// Replaces a text in a file.
///
/// # Panics
/// When the file does not have it.
pub fn edit(file: &Path, text: &str, by: &str) {
    let before = fs::read_to_string(file).expect("a source file is text");
    assert!(before.contains(text), "{} has no {text}", file.display());
    fs::write(file, before.replace(text, by)).expect("a copy can be written");
}

/// Copies what belongs to the source: neither hidden files nor what builds leave.
fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new directory takes another");
    for entry in fs::read_dir(from).expect("the examples can be read") {
        let entry = entry.expect("the examples can be read");
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') || name == "target" {
            continue;
        }
        if entry.path().is_dir() {
            copy_directory(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).expect("a file can be copied");
        }
    }
}
