//! How a use case tells, while it goes on, what happens.

use domain::{DeployNumber, Stage};

use crate::report::{LogReport, StageReport, StepReport};

/// What happens during a deploy.
#[derive(Debug, Clone)]
pub enum Event {
    /// The deploy has its number.
    Began {
        /// The number.
        deploy: DeployNumber,
        /// The project.
        project: String,
        /// The environment.
        environment: String,
    },
    /// A stage begins.
    StageStarted(Stage),
    /// A stage is over.
    StageFinished(StageReport),
    /// A line that the build printed, as it coloured it.
    BuildLine(String),
    /// A line of the deploy's log.
    Log(LogReport),
    /// A step moved.
    Step(StepReport),
    /// It waits for something, in words.
    Waiting(String),
}

/// Takes what happens, as it happens; must not block.
pub trait Observer: Send + Sync {
    /// Takes one event.
    fn event(&self, event: Event);
}

/// Takes no notice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn event(&self, _event: Event) {}
}
