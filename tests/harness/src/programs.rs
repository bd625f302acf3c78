//! Where the programs under test are, and what they were built with.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The directory of the build that the running test belongs to, such as `target/debug`.
fn profile_directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let test = env::current_exe().expect("a running test has a file");
        let mut above = test.ancestors().skip(1);
        let directory = above.find(|directory| !directory.ends_with("deps"));
        directory
            .expect("a test lies below its target directory")
            .to_owned()
    })
}

/// Returns the directory that all builds share, `target`.
pub(crate) fn target_directory() -> &'static Path {
    profile_directory()
        .parent()
        .expect("a profile's directory lies in the target directory")
}

/// Returns the root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this crate lies in tests/harness")
}

/// Returns the program under test.
pub(crate) fn tidegate() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built("tidegate"))
}

/// Returns the provider.
pub(crate) fn fake_provider() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| built("examples/fake-provider"))
}

/// Finds a program beside the running test.
///
/// `cargo test` of the program's own package builds both; where one is not
/// there, or the test belongs to another package, they are built first, once.
fn built(name: &str) -> PathBuf {
    static BUILD: OnceLock<()> = OnceLock::new();
    let path = profile_directory().join(format!("{name}{}", env::consts::EXE_SUFFIX));
    let own = env::var_os("CARGO_PKG_NAME").is_some_and(|package| package == "tidegate");
    if !own || !path.is_file() {
        BUILD.get_or_init(build);
    }
    assert!(path.is_file(), "{} has not been built", path.display());
    path
}

fn build() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(repository())
        .args(["build", "--quiet", "--package", "tidegate"])
        .args(["--bin", "tidegate", "--example", "fake-provider"])
        .arg("--target-dir")
        .arg(target_directory());
    if profile_directory().ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo starts");
    assert!(status.success(), "the program under test does not build");
}
