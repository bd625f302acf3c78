//! Runs: how they stand, the moves that they may make, and what follows from an attempt.

use std::time::Duration;

use crate::attempt::{MAX_ATTEMPTS, back_off};
use crate::stable::stable_enum;
use crate::time::Timestamp;

stable_enum! {
    /// How a run stands, or ended.
    pub enum RunStatus {
        /// Waiting for its first attempt.
        Queued = "queued",
        /// An attempt is under way.
        Running = "running",
        /// Waiting for its next attempt.
        Retrying = "retrying",
        /// It gave an output.
        Succeeded = "succeeded",
        /// It gave an error.
        Failed = "failed",
        /// Given up after as many attempts as there may be.
        Dead = "dead",
        /// Somebody cancelled it.
        Cancelled = "cancelled",
        /// Cut short by a crash, and nothing tries it again.
        Interrupted = "interrupted",
    }
}

/// A move that no run makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a run cannot go from {} to {}", from.as_str(), to.as_str())]
pub struct IllegalRunMove {
    /// Where the run is.
    pub from: RunStatus,
    /// Where it was to go.
    pub to: RunStatus,
}

impl RunStatus {
    /// Moves to another status: the one place that knows which moves there are.
    ///
    /// # Errors
    /// When there is no such move.
    pub const fn moved(self, to: Self) -> Result<Self, IllegalRunMove> {
        let legal = match self {
            // What is not live any more fails without an attempt.
            Self::Queued | Self::Retrying => {
                matches!(to, Self::Running | Self::Failed | Self::Cancelled)
            }
            Self::Running => matches!(
                to,
                Self::Retrying
                    | Self::Succeeded
                    | Self::Failed
                    | Self::Dead
                    | Self::Cancelled
                    | Self::Interrupted
            ),
            Self::Interrupted => matches!(to, Self::Cancelled),
            Self::Succeeded | Self::Failed | Self::Dead | Self::Cancelled => false,
        };
        if legal {
            Ok(to)
        } else {
            Err(IllegalRunMove { from: self, to })
        }
    }

    /// Returns whether an attempt is under way or will be made.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Retrying => true,
            Self::Succeeded | Self::Failed | Self::Dead | Self::Cancelled | Self::Interrupted => {
                false
            }
        }
    }
}

stable_enum! {
    /// Whether a run has more than one attempt.
    pub enum Patience {
        /// Somebody waits for the answer: the first attempt is the last, and a
        /// crash during it leaves unknown what it did.
        Answered = "answered",
        /// Somebody waits for the answer, but its action may be repeated after a crash.
        Repeatable = "repeatable",
        /// Nobody waits: it is tried until it succeeds, fails for good or is given up.
        Queued = "queued",
    }
}

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunOutcome {
    /// An output.
    Succeeded,
    /// An error.
    Failed {
        /// Whether another attempt may succeed.
        retryable: bool,
        /// How long to wait for it, where the guest knows.
        retry_after: Option<Duration>,
    },
    /// Somebody cancelled it while it was under way.
    Cancelled,
}

/// An attempt of a run that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunAttempt {
    /// Whether the run has more of them.
    pub patience: Patience,
    /// Attempts so far, this one included.
    pub attempts: u32,
    /// What it came to.
    pub outcome: RunOutcome,
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunConclusion {
    /// Where the run goes.
    pub status: RunStatus,
    /// When it is attempted next, if it is.
    pub next_attempt_at: Option<Timestamp>,
}

/// Concludes what follows from an attempt; `random` is any random number.
#[must_use]
pub fn conclude_run(attempt: &RunAttempt, now: Timestamp, random: u64) -> RunConclusion {
    let over = |status| RunConclusion {
        status,
        next_attempt_at: None,
    };
    match (attempt.outcome, attempt.patience) {
        (RunOutcome::Succeeded, _) => over(RunStatus::Succeeded),
        (RunOutcome::Cancelled, _) => over(RunStatus::Cancelled),
        (
            RunOutcome::Failed {
                retryable: false, ..
            },
            _,
        )
        | (RunOutcome::Failed { .. }, Patience::Answered | Patience::Repeatable) => {
            over(RunStatus::Failed)
        }
        (RunOutcome::Failed { retry_after, .. }, Patience::Queued) => {
            if attempt.attempts >= MAX_ATTEMPTS {
                return over(RunStatus::Dead);
            }
            let wait = back_off(attempt.attempts, random, retry_after);
            RunConclusion {
                status: RunStatus::Retrying,
                next_attempt_at: Some(now.after(wait)),
            }
        }
    }
}

/// Where a run goes when the process died during an attempt; what is tried again is due at once.
///
/// An attempt that takes its process with it counts like any other, so that
/// no run can do so without end.
#[must_use]
pub const fn run_after_crash(patience: Patience, attempts: u32) -> RunStatus {
    match patience {
        Patience::Answered => RunStatus::Interrupted,
        Patience::Repeatable | Patience::Queued if attempts >= MAX_ATTEMPTS => RunStatus::Dead,
        Patience::Repeatable | Patience::Queued => RunStatus::Retrying,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_run_makes_exactly_the_moves_of_its_table() {
        use RunStatus::{
            Cancelled, Dead, Failed, Interrupted, Queued, Retrying, Running, Succeeded,
        };
        let table = [
            (Queued, vec![Running, Failed, Cancelled]),
            (
                Running,
                vec![Retrying, Succeeded, Failed, Dead, Cancelled, Interrupted],
            ),
            (Retrying, vec![Running, Failed, Cancelled]),
            (Succeeded, vec![]),
            (Failed, vec![]),
            (Dead, vec![]),
            (Cancelled, vec![]),
            (Interrupted, vec![Cancelled]),
        ];
        assert_eq!(table.len(), RunStatus::ALL.len());
        for (from, legal) in table {
            for to in RunStatus::ALL {
                assert_eq!(
                    from.moved(to).is_ok(),
                    legal.contains(&to),
                    "{from:?} {to:?}"
                );
            }
        }
    }

    fn check(patience: Patience, attempts: u32, outcome: RunOutcome, expected: RunStatus) {
        let attempt = RunAttempt {
            patience,
            attempts,
            outcome,
        };
        let concluded = conclude_run(&attempt, Timestamp::EPOCH, 0);
        assert_eq!(concluded.status, expected, "{attempt:?}");
        assert_eq!(
            concluded.next_attempt_at.is_some(),
            expected == RunStatus::Retrying,
            "{attempt:?}"
        );
    }

    const MAY_SUCCEED: RunOutcome = RunOutcome::Failed {
        retryable: true,
        retry_after: None,
    };
    const FINAL: RunOutcome = RunOutcome::Failed {
        retryable: false,
        retry_after: None,
    };

    #[test]
    fn only_what_nobody_waits_for_is_retried_and_not_without_end() {
        for patience in [Patience::Answered, Patience::Repeatable] {
            check(patience, 1, MAY_SUCCEED, RunStatus::Failed);
        }
        check(Patience::Queued, 1, MAY_SUCCEED, RunStatus::Retrying);
        check(Patience::Queued, 11, MAY_SUCCEED, RunStatus::Retrying);
        check(Patience::Queued, 12, MAY_SUCCEED, RunStatus::Dead);
        check(Patience::Queued, 1, FINAL, RunStatus::Failed);
        check(
            Patience::Queued,
            12,
            RunOutcome::Succeeded,
            RunStatus::Succeeded,
        );
        check(
            Patience::Queued,
            1,
            RunOutcome::Cancelled,
            RunStatus::Cancelled,
        );
    }

    #[test]
    fn a_crash_leaves_for_another_attempt_only_what_may_be_repeated() {
        for (patience, attempts, expected) in [
            (Patience::Answered, 1, RunStatus::Interrupted),
            (Patience::Repeatable, 1, RunStatus::Retrying),
            (Patience::Queued, 11, RunStatus::Retrying),
            (Patience::Queued, 12, RunStatus::Dead),
        ] {
            assert_eq!(run_after_crash(patience, attempts), expected);
            assert!(RunStatus::Running.moved(expected).is_ok());
        }
    }

    proptest! {
        #[test]
        fn a_conclusion_is_a_legal_move_and_waits_as_long_as_asked(
            attempts in 1_u32..40,
            random: u64,
            asked in prop::option::of(0_u64..100_000),
            patience in prop::sample::select(vec![
                Patience::Answered, Patience::Repeatable, Patience::Queued,
            ]),
        ) {
            let outcome = RunOutcome::Failed {
                retryable: true,
                retry_after: asked.map(Duration::from_secs),
            };
            let attempt = RunAttempt { patience, attempts, outcome };
            let now = Timestamp::from_millis(1_700_000_000_000);
            let concluded = conclude_run(&attempt, now, random);
            prop_assert!(RunStatus::Running.moved(concluded.status).is_ok());
            if let (Some(at), Some(asked)) = (concluded.next_attempt_at, asked) {
                prop_assert_eq!(at.since(now), Duration::from_secs(asked.min(24 * 3600)));
            }
        }
    }
}
