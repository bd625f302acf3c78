//! A build that is over, before anything is made of it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anstream::adapter::strip_str;
use domain::{ArtifactDigest, Stage, StageStatus};

use crate::build::{Build, BuildError, BuildOutput, BuildProfile, BuiltComponent};
use crate::engine::Owner;
use crate::observer::{Event, Observer};
use crate::report::StageReport;

/// How many of the last lines are kept with the deploy of a build that failed.
const KEPT_LINES: usize = 500;

/// A build that is over.
///
/// A loop that builds at every save makes one of these first, and a deploy only
/// of what no newer change has overtaken.
#[derive(Debug, Clone)]
#[must_use]
pub struct FinishedBuild {
    /// What came of it.
    pub result: Result<BuiltComponent, BuildError>,
    /// The artifact, where it is stored already.
    pub artifact: Option<ArtifactDigest>,
    /// How much it could take for a faster component.
    pub profile: BuildProfile,
    /// How long it took.
    pub took: Duration,
    /// The last lines that it printed, without colours; none if it ended well.
    pub output: Vec<String>,
}

impl Owner {
    /// Builds, and stores the component, so that the next build may overwrite its file.
    ///
    /// Dropping the future ends the build and every process that it started.
    pub async fn build_now(
        &self,
        build: &dyn Build,
        profile: BuildProfile,
        observer: &dyn Observer,
    ) -> FinishedBuild {
        observer.event(Event::StageStarted(Stage::Build));
        let started = self.clock.elapsed();
        let output = KeptOutput {
            observer,
            lines: Mutex::default(),
        };
        let result = build.build(profile, &output).await;
        let took = self.clock.elapsed().saturating_sub(started);
        observer.event(Event::StageFinished(StageReport {
            name: Stage::Build,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            status: match result {
                Ok(_) => StageStatus::Done,
                Err(_) => StageStatus::Failed,
            },
        }));
        let output = match result {
            Ok(_) => Vec::new(),
            Err(_) => output.into_lines(),
        };
        let artifact = match &result {
            // What cannot be stored fails in the deploy, which says so.
            Ok(component) => self.store_component(component.path.clone()).await.ok(),
            Err(_) => None,
        };
        FinishedBuild {
            result,
            artifact,
            profile,
            took,
            output,
        }
    }
}

/// Passes a build's lines on and keeps the last of them.
struct KeptOutput<'a> {
    observer: &'a dyn Observer,
    lines: Mutex<VecDeque<String>>,
}

impl KeptOutput<'_> {
    fn into_lines(self) -> Vec<String> {
        let lines = self.lines.into_inner();
        lines.unwrap_or_else(PoisonError::into_inner).into()
    }
}

impl BuildOutput for KeptOutput<'_> {
    fn line(&self, line: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(strip_str(line).to_string());
        drop(lines);
        self.observer.event(Event::BuildLine(line.to_owned()));
    }
}
