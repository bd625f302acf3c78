//! What cargo reports, one JSON object a line.

use std::path::{Path, PathBuf};

use engine::BuildError;
use serde::Deserialize;

/// One line of cargo's standard output.
#[derive(Debug)]
pub(super) enum Message {
    /// What the compiler says, as it would print it.
    Diagnostic(String),
    /// Something was built, or was up to date.
    Artifact(Artifact),
    /// A message that nobody here needs.
    Other,
    /// No message: something that a build script or a macro printed.
    Text,
}

/// Files that cargo made of one target of a package.
#[derive(Debug, Deserialize)]
pub(super) struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    filenames: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Line {
    CompilerMessage {
        message: Rendered,
    },
    CompilerArtifact(Artifact),
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Rendered {
    rendered: Option<String>,
}

impl Message {
    /// Reads a line.
    pub(super) fn read(line: &str) -> Self {
        match serde_json::from_str(line) {
            Ok(Line::CompilerMessage { message }) => {
                message.rendered.map_or(Self::Other, Self::Diagnostic)
            }
            Ok(Line::CompilerArtifact(artifact)) => Self::Artifact(artifact),
            Ok(Line::Other) => Self::Other,
            Err(_) => Self::Text,
        }
    }
}

/// The components that were made of one package, and of none that it depends on.
#[derive(Debug)]
pub(super) struct Components<'a> {
    manifest: &'a Path,
    of_libraries: Vec<(String, PathBuf)>,
    of_binaries: Vec<(String, PathBuf)>,
}

impl<'a> Components<'a> {
    /// Looks for those of the package with this canonical manifest path.
    pub(super) fn of(manifest: &'a Path) -> Self {
        Self {
            manifest,
            of_libraries: Vec::new(),
            of_binaries: Vec::new(),
        }
    }

    /// Takes note of what was built.
    pub(super) fn add(&mut self, artifact: Artifact) {
        let component = artifact
            .filenames
            .into_iter()
            .find(|file| file.extension().is_some_and(|ending| ending == "wasm"));
        // Of all the packages that are told of, few have one.
        let Some(component) = component else { return };
        let is_ours = artifact
            .manifest_path
            .canonicalize()
            .is_ok_and(|path| path == self.manifest);
        if !is_ours {
            return;
        }
        let list = if artifact.target.kind.iter().any(|kind| kind == "bin") {
            &mut self.of_binaries
        } else {
            &mut self.of_libraries
        };
        list.push((artifact.target.name, component));
    }

    /// Returns the one that the package is deployed as: its library's, else its only binary's.
    pub(super) fn only(self) -> Result<PathBuf, BuildError> {
        let mut found = if self.of_libraries.is_empty() {
            self.of_binaries
        } else {
            self.of_libraries
        };
        match (found.pop(), found.is_empty()) {
            (Some((_, component)), true) => Ok(component),
            (Some((last, _)), false) => {
                let mut names: Vec<_> = found.into_iter().map(|(name, _)| name).collect();
                names.push(last);
                Err(BuildError::NoComponent {
                    reason: format!(
                        "the package of {} has several: {}; one project is one component",
                        self.manifest.display(),
                        names.join(", ")
                    ),
                })
            }
            (None, _) => Err(BuildError::NoComponent {
                reason: format!(
                    "cargo made no `.wasm` file of the package of {}; a library needs `crate-type = [\"cdylib\"]` under `[lib]`",
                    self.manifest.display()
                ),
            }),
        }
    }
}
