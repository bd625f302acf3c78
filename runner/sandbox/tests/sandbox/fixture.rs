//! A sandbox in a directory of its own, and short ways to use it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::{ArtifactDigest, Limits};
use sandbox::{
    Call, CollectError, Collected, Compiler, Component, Failure, Grants, Limit, LoadError, Output,
    Report, RunContext, Sandbox, Settings,
};
use tempfile::TempDir;

use crate::guest::Guest;

pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) dir: TempDir,
}

pub(crate) const KEY: [u8; 32] = [7; 32];

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(dir.path().join("cache"), KEY);
        settings.slots = 4;
        change(&mut settings);
        Self {
            sandbox: Sandbox::open(settings).unwrap(),
            dir,
        }
    }

    /// Stores bytes as an artifact.
    pub(crate) fn store(&self, bytes: &[u8]) -> (ArtifactDigest, PathBuf) {
        let artifact = ArtifactDigest::of(bytes);
        let path = self.dir.path().join(artifact.to_string());
        std::fs::write(&path, bytes).unwrap();
        (artifact, path)
    }

    pub(crate) async fn load_bytes(&self, bytes: &[u8]) -> Result<Arc<Component>, LoadError> {
        let (artifact, path) = self.store(bytes);
        self.sandbox
            .load(artifact, &path, Compiler::Optimizing)
            .await
    }

    pub(crate) async fn load(&self, guest: &Guest) -> Arc<Component> {
        self.load_bytes(&guest.build()).await.unwrap()
    }

    /// Runs a guest's action with an input.
    pub(crate) async fn run(&self, guest: &Guest, input: &str, grants: Grants) -> Report {
        let component = self.load(guest).await;
        self.sandbox.call(&component, action(input), grants).await
    }

    pub(crate) async fn collect(&self, guest: &Guest) -> Result<Collected, CollectError> {
        let component = self.load(guest).await;
        self.sandbox.collect(&component, &Limits::collect()).await
    }

    /// Checks that the host serves on after whatever a guest did to it.
    pub(crate) async fn still_serves(&self) {
        let guest = Guest::action("(call $ok (local.get $input) (local.get $input_len))");
        let report = self.run(&guest, "1", grants()).await;
        assert_eq!(report.outcome, Ok(Output::Run("1".to_owned())));
        assert_eq!(self.sandbox.free_slots(), 4);
    }
}

pub(crate) fn action(input: &str) -> Call {
    Call::RunAction {
        name: "greet".to_owned(),
        input: input.to_owned(),
        context: context(),
    }
}

pub(crate) fn context() -> RunContext {
    RunContext {
        run: "1".to_owned(),
        attempt: 1,
        idempotency_key: "key".to_owned(),
        user: None,
    }
}

/// Grants with limits that tests can hit, and time enough for a slow machine.
pub(crate) fn grants() -> Grants {
    Grants::new("action greet", limits())
}

pub(crate) fn limits() -> Limits {
    Limits {
        wall: Duration::from_secs(60),
        ..Limits::operations()
    }
}

pub(crate) fn with_limits(change: impl FnOnce(&mut Limits)) -> Grants {
    let mut grants = grants();
    change(&mut grants.limits);
    grants
}

/// Returns the message of the limit that a report says was hit.
pub(crate) fn limit_message(report: &Report, expected: Limit) -> String {
    match &report.outcome {
        Err(Failure::Limit { limit, message }) if *limit == expected => message.clone(),
        other => panic!("expected the limit {expected:?}, found {other:?}"),
    }
}
