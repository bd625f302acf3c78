//! A project whose "compiler" is a script, so that a dev loop can be watched at work.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::component::with_settings;
use crate::dev::Dev;
use crate::environment::TestEnvironment;
use crate::guests::hooks20;
use crate::project::Project;

/// Notes that it was started, then picks the component that the source names, or fails.
const BUILD: &str = r#"set -eu
echo started >> "$1/builds"
version=$(cat src/version)
other=$(cat src/other)
case "$version$other" in
  *broken*) echo "error: the source is broken" >&2; exit 1 ;;
esac
cp "$1/versions/$version.wasm" out.wasm
"#;

/// A project that deploys what its two source files say.
///
/// `src/version` names one of the versions, or `junk`, which is no component;
/// `broken` in it or in `src/other` makes the build fail. Every version
/// declares the action `who`, which answers with the version's name.
#[derive(Debug)]
pub struct Scripted<'a> {
    /// The project.
    pub project: Project<'a>,
    outside: PathBuf,
}

impl<'a> Scripted<'a> {
    /// Makes the project with its versions, `0` and so on; the source is version `0`.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn new(environment: &'a TestEnvironment, versions: u32) -> Self {
        let outside = environment.path("outside");
        let folder = outside.join("versions");
        fs::create_dir_all(&folder).expect("a new directory takes another");
        for version in 0..versions {
            let path = folder.join(format!("{version}.wasm"));
            fs::write(path, component(version)).expect("a directory takes a component");
        }
        fs::write(folder.join("junk.wasm"), b"no component at all").expect("and a file");
        fs::write(outside.join("builds"), "").expect("and another");
        let project = environment.project("scripted", b"");
        fs::remove_file(project.directory().join("component.wasm")).expect("it is there");
        fs::create_dir(project.directory().join("src")).expect("a project takes a folder");
        project.write("build.sh", BUILD);
        project.write("src/version", "0");
        project.write("src/other", "fine");
        let command = format!("sh build.sh {}", outside.display());
        project.write(
            "tidegate.toml",
            &format!("name = \"scripted\"\ncomponent = \"out.wasm\"\n\n[build]\ncommand = \"{command}\"\n"),
        );
        Self { project, outside }
    }

    /// Starts the dev loop on free ports.
    pub fn start(&self) -> Dev {
        Dev::start(self.project.tidegate(["dev"]))
    }

    /// Saves another version.
    pub fn save(&self, version: &str) {
        self.project.write("src/version", version);
    }

    /// Returns the path of a file outside the project, which nothing watches.
    #[must_use]
    pub fn outside(&self, name: &str) -> PathBuf {
        self.outside.join(name)
    }

    /// Returns what a run of `who` answers now.
    ///
    /// # Panics
    /// When the run fails.
    #[must_use]
    pub fn answer(&self) -> Value {
        let run = self.project.run("who", &json!(null)).ok();
        run.json()["output"]["version"].clone()
    }

    /// Returns how many builds were started.
    ///
    /// # Panics
    /// When nobody can tell.
    #[must_use]
    pub fn builds(&self) -> usize {
        let text = fs::read_to_string(self.outside("builds")).expect("builds are noted");
        text.lines().count()
    }

    /// Returns the project's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.project.directory()
    }
}

fn component(version: u32) -> Vec<u8> {
    let settings = json!({ "version": version.to_string(), "count": 0 });
    with_settings(hooks20(), &settings)
}
