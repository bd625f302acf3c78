//! Copies of the examples' source, for tests that change it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::environment::TestEnvironment;
use crate::programs;

/// Copies the examples into an environment and returns where they are.
///
/// # Panics
/// When they cannot be copied.
#[must_use]
pub fn copy_examples(environment: &TestEnvironment) -> PathBuf {
    let copy = environment.path("examples");
    copy_directory(&programs::repository().join("examples"), &copy);
    let manifest = copy.join("Cargo.toml");
    let sdk = programs::repository().join("guest-sdk");
    edit(&manifest, "\"../guest-sdk\"", &format!("{sdk:?}"));
    copy
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
