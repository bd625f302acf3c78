//! An artifact on disk whose machine code the sandbox has compiled and cached.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use domain::ArtifactDigest;
use sandbox::{Compiler, Sandbox};

/// An artifact with its files.
pub(crate) struct Artifact {
    pub(crate) digest: ArtifactDigest,
    pub(crate) file: PathBuf,
    /// The file of its machine code.
    pub(crate) code: PathBuf,
}

impl Artifact {
    /// Writes an artifact and has it compiled.
    ///
    /// # Errors
    /// When it cannot be written or compiled.
    pub(crate) async fn compiled(
        sandbox: &Sandbox,
        directory: &Path,
        component: &[u8],
    ) -> Result<Self> {
        let digest = ArtifactDigest::of(component);
        let file = directory.join(format!("{digest}.wasm"));
        fs::write(&file, component)?;
        sandbox.load(digest, &file, Compiler::Optimizing).await?;
        let prefix = digest.to_string();
        let code = fs::read_dir(cache(directory))?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| {
                let name = path.file_name().and_then(|name| name.to_str());
                name.is_some_and(|name| name.starts_with(&prefix) && name.ends_with(".code"))
            })
            .context("the sandbox cached no machine code")?;
        Ok(Self { digest, file, code })
    }

    /// Returns the size of the machine code's file in MiB.
    ///
    /// # Errors
    /// When it is gone.
    pub(crate) fn code_mib(&self) -> Result<f64> {
        let bytes = u32::try_from(fs::metadata(&self.code)?.len())?;
        Ok(f64::from(bytes) / 1024.0 / 1024.0)
    }
}

/// Returns where the machine code of artifacts in a directory is cached.
pub(crate) fn cache(directory: &Path) -> PathBuf {
    directory.join("cache")
}
