//! A component that is ready to run.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use domain::ArtifactDigest;
use wasmtime::component::Linker;

use crate::bindings::ProjectPre;
use crate::engine::Runtime;
use crate::guest::{Guest, Reach};

/// What makes machine code of components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compiler {
    /// Compiles in a third of the time, to code that is slower. A component
    /// that it cannot compile is given to the other one.
    Fast,
    /// Compiles to fast code.
    Optimizing,
}

impl Compiler {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Optimizing => "optimizing",
        }
    }
}

/// A loaded artifact: compiled, and linked with what the host offers.
pub struct Component {
    artifact: ArtifactDigest,
    file: PathBuf,
    compiled_now: bool,
    pub(crate) runtime: Arc<Runtime>,
    inner: wasmtime::component::Component,
    operations: OnceLock<ProjectPre<Guest>>,
    deterministic: OnceLock<ProjectPre<Guest>>,
}

impl Component {
    pub(crate) fn new(
        artifact: ArtifactDigest,
        file: &Path,
        runtime: Arc<Runtime>,
        inner: wasmtime::component::Component,
        compiled_now: bool,
    ) -> Self {
        Self {
            artifact,
            file: file.to_owned(),
            compiled_now,
            runtime,
            inner,
            operations: OnceLock::new(),
            deterministic: OnceLock::new(),
        }
    }

    /// Returns the artifact it was made from.
    #[must_use]
    pub const fn artifact(&self) -> ArtifactDigest {
        self.artifact
    }

    /// Returns what compiled it: not always what was asked for.
    #[must_use]
    pub fn compiler(&self) -> Compiler {
        self.runtime.compiler
    }

    /// Returns whether it was compiled by this load, and not found in the cache.
    #[must_use]
    pub const fn was_compiled(&self) -> bool {
        self.compiled_now
    }

    /// Returns the stored artifact's file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the component linked for operations that reach this far.
    pub(crate) fn linked(&self, reach: Reach) -> wasmtime::Result<&ProjectPre<Guest>> {
        let (cell, linker) = match reach {
            Reach::Nothing | Reach::Values => (&self.deterministic, &self.runtime.deterministic),
            Reach::Everything => (&self.operations, &self.runtime.operations),
        };
        if let Some(linked) = cell.get() {
            return Ok(linked);
        }
        let linked = self.link(linker)?;
        Ok(cell.get_or_init(|| linked))
    }

    fn link(&self, linker: &Linker<Guest>) -> wasmtime::Result<ProjectPre<Guest>> {
        ProjectPre::new(linker.instantiate_pre(&self.inner)?)
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component")
            .field("artifact", &self.artifact)
            .field("compiler", &self.compiler())
            .finish_non_exhaustive()
    }
}
