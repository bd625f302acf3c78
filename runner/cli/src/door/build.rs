//! Builds in this process what another one is to deploy.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;
use domain::{Stage, StageStatus};
use engine::{BuildOutput, Event, FinishedBuild, Observer, Source, StageReport};

/// How many of the last lines go with a build that failed.
const KEPT_LINES: usize = 500;

/// Builds what is to be built; what is built or stored already stays as it is.
pub(super) async fn finish(source: Source, observer: &dyn Observer) -> Source {
    let Source::Build(build, profile) = source else {
        return source;
    };
    observer.event(Event::StageStarted(Stage::Build));
    let began = Instant::now();
    let output = KeptOutput {
        observer,
        lines: Mutex::default(),
    };
    let result = build.build(profile, &output).await;
    let took = began.elapsed();
    observer.event(Event::StageFinished(StageReport {
        name: Stage::Build,
        duration_ms: milliseconds(took),
        status: if result.is_ok() {
            StageStatus::Done
        } else {
            StageStatus::Failed
        },
    }));
    let output = if result.is_ok() {
        Vec::new()
    } else {
        output.into_lines()
    };
    Source::Built(FinishedBuild {
        result,
        artifact: None,
        profile,
        took,
        output,
    })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
