use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Mutex;

use super::*;

#[derive(Debug, Default)]
struct Lines(Mutex<Vec<String>>);

impl BuildOutput for Lines {
    fn line(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

impl Lines {
    fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

const LIMIT: Duration = Duration::from_secs(300);

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Writes a program for a test's own PATH.
///
/// Another process writes it: were it open here while another test's thread
/// forks, it could not be run ("text file busy").
fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    let written = Command::new("/bin/sh")
        .args([
            "-c",
            "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$2\"",
            "sh",
            script,
        ])
        .arg(&path)
        .status()
        .unwrap();
    assert!(written.success());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A folder with a package, and one with the programs that its build finds.
struct Faked {
    folder: tempfile::TempDir,
}

impl Faked {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        write(&folder.path().join("project/Cargo.toml"), "");
        std::fs::create_dir(folder.path().join("bin")).unwrap();
        let faked = Self { folder };
        faked.program(
            "rustc",
            &format!("echo '{}'", faked.path("sysroot").display()),
        );
        faked
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        program(&self.path("bin"), name, script);
    }

    fn library(&self) -> PathBuf {
        self.path("sysroot/lib/rustlib/wasm32-wasip2/lib")
    }

    fn with_target(self) -> Self {
        std::fs::create_dir_all(self.library()).unwrap();
        self
    }

    /// Makes a cargo that reports components of manifests and target kinds.
    fn cargo_makes(&self, components: &[(&str, &str, &str)]) {
        let messages: Vec<String> = components
            .iter()
            .map(|(manifest, kind, name)| {
                serde_json::json!({
                    "reason": "compiler-artifact",
                    "manifest_path": self.path(manifest),
                    "target": {"name": name, "kind": [kind]},
                    "filenames": [
                        self.path(&format!("{name}.rlib")),
                        self.path(&format!("{name}.wasm")),
                    ],
                })
                .to_string()
            })
            .collect();
        self.program(
            "cargo",
            &format!("cat <<'END'\n{}\nEND", messages.join("\n")),
        );
    }

    async fn build(&self, output: &Lines) -> Result<BuiltComponent, BuildError> {
        let environment = Environment::of_this_process().with("PATH", {
            let mut path = self.path("bin").into_os_string();
            path.push(":/bin:/usr/bin");
            path
        });
        CargoBuild::within(environment, self.path("project"), LIMIT)
            .build(BuildProfile::Dev, output)
            .await
    }
}

#[tokio::test]
async fn a_package_is_built_to_a_component_and_its_errors_come_in_colour() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    write(
        &root.join("Cargo.toml"),
        "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\"]\n[dependencies]\nother = { path = \"other\" }\n[workspace]\n",
    );
    write(&root.join("src/lib.rs"), "pub use other::seven;\n");
    write(
        &root.join("other/Cargo.toml"),
        "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n",
    );
    write(
        &root.join("other/src/lib.rs"),
        "pub fn seven() -> u8 {\n    7\n}\n",
    );
    let build = CargoBuild::new(root.clone(), LIMIT);
    let output = Lines::default();
    let built = build.build(BuildProfile::Dev, &output).await.unwrap();
    assert_eq!(
        built.path,
        root.join("target/wasm32-wasip2/debug/tiny.wasm"),
        "{}",
        output.text()
    );
    assert_eq!(built.commit, None);
    // The preamble of a component, which a core module has not.
    assert_eq!(
        std::fs::read(&built.path).unwrap()[..8],
        *b"\0asm\x0d\0\x01\0"
    );

    write(
        &root.join("src/lib.rs"),
        "pub const SEVEN: u8 = \"seven\";\n",
    );
    let output = Lines::default();
    let error = build.build(BuildProfile::Dev, &output).await.unwrap_err();
    assert!(matches!(error, BuildError::Failed { .. }), "{error}");
    let text = output.text();
    assert!(text.contains("\u{1b}["), "{text}");
    assert!(
        text.contains("E0308") && text.contains("src/lib.rs:1:23"),
        "{text}"
    );
    assert!(!text.contains("\"reason\""), "{text}");
}

#[tokio::test]
async fn a_folder_without_package_says_what_else_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let error = CargoBuild::new(folder.path().to_owned(), LIMIT)
        .build(BuildProfile::Dev, &Lines::default())
        .await
        .unwrap_err();
    assert!(matches!(error, BuildError::Missing { .. }), "{error}");
    assert!(error.to_string().contains("Cargo.toml"), "{error}");
}

#[tokio::test]
async fn a_missing_target_is_installed_and_said() {
    let faked = Faked::new();
    faked.cargo_makes(&[("project/Cargo.toml", "cdylib", "tiny")]);
    faked.program(
        "rustup",
        &format!(
            "echo \"rustup $*\"; mkdir -p '{}'",
            faked.library().display()
        ),
    );
    let output = Lines::default();
    let built = faked.build(&output).await.unwrap();
    assert_eq!(built.path, faked.path("tiny.wasm"));
    assert_eq!(
        output.text(),
        "The Rust target wasm32-wasip2 is missing: running `rustup target add wasm32-wasip2`\nrustup target add wasm32-wasip2"
    );
}

#[tokio::test]
async fn a_missing_target_that_cannot_be_installed_is_explained() {
    let without_rustup = Faked::new();
    // The test's own rustup may be in the folders that the fakes are added to.
    without_rustup.program("rustup", "exit 1");
    let library = without_rustup.library();
    let no_network = without_rustup.build(&Lines::default()).await.unwrap_err();
    assert_eq!(
        no_network.to_string(),
        "the Rust target wasm32-wasip2 is missing: the build command `rustup target add wasm32-wasip2` failed with exit status 1; run `rustup target add wasm32-wasip2` where there is a network"
    );

    without_rustup.program("rustup", "exit 0");
    let elsewhere = without_rustup.build(&Lines::default()).await.unwrap_err();
    assert!(
        elsewhere
            .to_string()
            .contains(&format!("which looks in {}", library.display())),
        "{elsewhere}"
    );

    let nowhere = without_rustup.path("bin/rustup");
    std::fs::remove_file(nowhere).unwrap();
    let environment = Environment::of_this_process().with("PATH", without_rustup.path("bin"));
    // Without a shell in PATH the fake compiler still runs: its interpreter is absolute.
    let error = CargoBuild::within(environment, without_rustup.path("project"), LIMIT)
        .build(BuildProfile::Dev, &Lines::default())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("install Rust with https://rustup.rs"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_cargo_is_explained() {
    let faked = Faked::new().with_target();
    let environment = Environment::of_this_process().with("PATH", faked.path("bin"));
    let error = CargoBuild::within(environment, faked.path("project"), LIMIT)
        .build(BuildProfile::Dev, &Lines::default())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cargo is missing: install Rust with https://rustup.rs"
    );
}

#[tokio::test]
async fn the_target_is_looked_for_once() {
    let faked = Faked::new().with_target();
    faked.cargo_makes(&[("project/Cargo.toml", "cdylib", "tiny")]);
    let calls = faked.path("calls");
    faked.program(
        "rustc",
        &format!(
            "echo x >> '{}'; echo '{}'",
            calls.display(),
            faked.path("sysroot").display()
        ),
    );
    let environment = Environment::of_this_process().with("PATH", {
        let mut path = faked.path("bin").into_os_string();
        path.push(":/bin:/usr/bin");
        path
    });
    let build = CargoBuild::within(environment, faked.path("project"), LIMIT);
    for _ in 0..3 {
        build
            .build(BuildProfile::Dev, &Lines::default())
            .await
            .unwrap();
    }
    assert_eq!(std::fs::read_to_string(calls).unwrap(), "x\n");
}

#[tokio::test]
async fn the_component_is_the_packages_own_library_or_its_only_binary() {
    let own = "project/Cargo.toml";
    type Made<'a> = &'a [(&'a str, &'a str, &'a str)];
    let cases: [(Made<'_>, Result<&str, &str>); 5] = [
        (
            &[(own, "bin", "tool"), (own, "cdylib", "tiny")],
            Ok("tiny.wasm"),
        ),
        (&[(own, "bin", "tool")], Ok("tool.wasm")),
        (
            &[(own, "bin", "a"), (own, "bin", "b")],
            Err("has several: a, b; one project is one component"),
        ),
        (
            &[("other/Cargo.toml", "cdylib", "other")],
            Err("crate-type = [\"cdylib\"]"),
        ),
        (&[], Err("cargo made no `.wasm` file")),
    ];
    for (made, expected) in cases {
        let faked = Faked::new().with_target();
        write(&faked.path("other/Cargo.toml"), "");
        faked.cargo_makes(made);
        let built = faked.build(&Lines::default()).await;
        match (built, expected) {
            (Ok(built), Ok(name)) => assert_eq!(built.path, faked.path(name)),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{made:?}: {error}");
            }
            (built, expected) => panic!("{made:?}: {built:?}, not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn the_profile_decides_how_cargo_is_called_and_its_words_are_passed_on() {
    let faked = Faked::new().with_target();
    faked.program("cargo", "echo \"$*\"; echo warning >&2; exit 101");
    let environment = Environment::of_this_process().with("PATH", faked.path("bin"));
    let build = CargoBuild::within(environment, faked.path("project"), LIMIT);
    for (profile, called) in [
        (BuildProfile::Dev, "cargo build --target wasm32-wasip2"),
        (
            BuildProfile::Release,
            "cargo build --target wasm32-wasip2 --release",
        ),
    ] {
        let output = Lines::default();
        let error = build.build(profile, &output).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the build command `{called}` failed with exit status 101")
        );
        let text = output.text();
        let arguments = called.strip_prefix("cargo ").unwrap();
        assert!(
            text.contains(arguments) && text.contains("warning"),
            "{text}"
        );
    }
}
