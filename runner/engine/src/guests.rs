//! What the engine needs of the sandbox, so that tests can put scripted guests in its place.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{ArtifactDigest, Limits};
use sandbox::{
    Call, CollectError, Collected, Compiler, Component, Grants, LoadError, Report, Sandbox,
};

/// Makes guests of artifacts.
#[async_trait]
pub trait Guests: Send + Sync {
    /// Loads an artifact, compiling it unless that was done before.
    ///
    /// # Errors
    /// When the artifact is not a component that can run here.
    async fn load(
        &self,
        artifact: ArtifactDigest,
        file: &Path,
        compiler: Compiler,
    ) -> Result<Arc<dyn Guest>, LoadError>;
}

/// A component that is ready to run.
#[async_trait]
pub trait Guest: Send + Sync {
    /// Collects what the project declares.
    ///
    /// # Errors
    /// When the guest has no list to give.
    async fn collect(&self, limits: &Limits) -> Result<Collected, CollectError>;

    /// Runs one operation in a fresh instance.
    async fn call(&self, call: Call, grants: Grants) -> Report;
}

#[async_trait]
impl Guests for Sandbox {
    async fn load(
        &self,
        artifact: ArtifactDigest,
        file: &Path,
        compiler: Compiler,
    ) -> Result<Arc<dyn Guest>, LoadError> {
        let component = Sandbox::load(self, artifact, file, compiler).await?;
        Ok(Arc::new(Sandboxed {
            sandbox: self.clone(),
            component,
        }))
    }
}

struct Sandboxed {
    sandbox: Sandbox,
    component: Arc<Component>,
}

#[async_trait]
impl Guest for Sandboxed {
    async fn collect(&self, limits: &Limits) -> Result<Collected, CollectError> {
        self.sandbox.collect(&self.component, limits).await
    }

    async fn call(&self, call: Call, grants: Grants) -> Report {
        self.sandbox.call(&self.component, call, grants).await
    }
}
