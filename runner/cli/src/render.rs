//! What reports look like to people: pure functions from a report to text.

mod address;
mod change;
mod deploy;
mod plan;
mod run;
mod status;
mod step;
mod subscription;

pub(crate) use self::address::addresses;
pub(crate) use self::deploy::{deploy, deploys};
pub(crate) use self::plan::plan;
pub(crate) use self::run::{run_facts, run_failure, runs};
pub(crate) use self::status::status;
pub(crate) use self::subscription::{subscription, subscriptions};

/// How much of a long list is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// What fits on a screen.
    Screen,
    /// All of it.
    Full,
}

impl Length {
    /// Returns how many of `count` lines are shown.
    fn shown(self, count: usize) -> usize {
        const SCREEN: usize = 40;
        match self {
            Self::Screen => count.min(SCREEN),
            Self::Full => count,
        }
    }
}
