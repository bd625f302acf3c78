//! Steps of the subscription journal and the moves that they may make.

use serde::{Deserialize, Serialize};

use crate::attempt::LONGEST_WAIT;
use crate::ids::{RegistrationId, StepId, UserId};
use crate::stable::stable_enum;
use crate::time::Timestamp;
use crate::{ObjectId, ObjectName};

stable_enum! {
    /// What a step intends.
    pub enum StepKind {
        /// To make the registration.
        Subscribe = "subscribe",
        /// To end it.
        Unsubscribe = "unsubscribe",
        /// To extend it before it expires.
        Refresh = "refresh",
        /// To look once more for what an earlier attempt may have left at the provider.
        Check = "check",
    }
}

stable_enum! {
    /// How far a step has come.
    pub enum StepState {
        /// Not attempted.
        Pending = "pending",
        /// An attempt is under way.
        Running = "running",
        /// An attempt was refused, or had no effect; another will follow.
        Retrying = "retrying",
        /// An attempt may have had an effect that nobody saw.
        Unknown = "unknown",
        /// Over, as intended.
        Done = "done",
        /// Given up, until somebody retries or a value changes.
        Failed = "failed",
        /// A later deploy planned anew.
        Superseded = "superseded",
        /// A person dropped it.
        Forgotten = "forgotten",
    }
}

/// A move that the journal does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a step cannot go from {} to {}", from.as_str(), to.as_str())]
pub struct IllegalMove {
    /// Where the step is.
    pub from: StepState,
    /// Where it was to go.
    pub to: StepState,
}

impl StepState {
    /// Moves to another state: the one place that knows which moves there are.
    ///
    /// # Errors
    /// When there is no such move.
    pub const fn moved(self, to: Self) -> Result<Self, IllegalMove> {
        let legal = match self {
            Self::Pending => matches!(to, Self::Running | Self::Superseded | Self::Forgotten),
            Self::Running => {
                matches!(
                    to,
                    Self::Done | Self::Retrying | Self::Failed | Self::Unknown
                )
            }
            Self::Retrying => matches!(to, Self::Running | Self::Superseded | Self::Forgotten),
            Self::Unknown => {
                matches!(
                    to,
                    Self::Running | Self::Done | Self::Retrying | Self::Forgotten
                )
            }
            Self::Failed => matches!(to, Self::Retrying | Self::Superseded | Self::Forgotten),
            Self::Done | Self::Superseded | Self::Forgotten => false,
        };
        if legal {
            Ok(to)
        } else {
            Err(IllegalMove { from: self, to })
        }
    }

    /// Returns whether something is still owed.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Pending | Self::Running | Self::Retrying | Self::Unknown | Self::Failed => true,
            Self::Done | Self::Superseded | Self::Forgotten => false,
        }
    }
}

/// The order in which the changes of one deploy are begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wave {
    /// What the deploy removed, and what no deploy asked for.
    Removed,
    /// What it changed.
    Changed,
    /// What it added.
    New,
}

impl Wave {
    /// Returns the wave's number, from 1.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Removed => 1,
            Self::Changed => 2,
            Self::New => 3,
        }
    }

    /// Returns the wave with this number.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Removed),
            2 => Some(Self::Changed),
            3 => Some(Self::New),
            _ => None,
        }
    }
}

/// A webhook, for one connected user or for the project.
///
/// The object's id stays the same when the webhook is renamed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The webhook's object.
    pub object: ObjectId,
    /// The connected user.
    pub user: Option<UserId>,
}

/// An open step, as far as the journal knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its id; steps of a subject run in this order.
    pub id: StepId,
    /// What it intends.
    pub kind: StepKind,
    /// How far it has come.
    pub state: StepState,
    /// The registration it works on.
    pub registration: RegistrationId,
    /// The webhook and user that the registration is for.
    pub subject: Subject,
    /// The webhook's name as the registration's owner declared it.
    pub webhook: ObjectName,
    /// When, among the changes of its deploy, it may begin.
    pub wave: Wave,
    /// The steps it waits for that are not yet over.
    pub waits_for: Vec<StepId>,
    /// Attempts of the intended call so far.
    pub attempts: u32,
    /// Attempts so far to find out what an earlier one did.
    pub checks: u32,
    /// When it may be attempted next; `None` for now.
    pub next_attempt_at: Option<Timestamp>,
    /// Whether it has been unknown: what an attempt did is not, or was not, known.
    pub was_unknown: bool,
    /// Whether it is attempted again only when a person asks.
    pub parked: bool,
    /// The values it cannot start without, by name.
    pub awaiting: Vec<String>,
    /// Why the last attempt was not the last.
    pub last_error: Option<String>,
}

impl Step {
    /// Returns whether the wait for the first attempt is over, or is not for the wave to wait for.
    fn lets_later_waves_begin(&self) -> bool {
        if !self.waits_for.is_empty() || !self.awaiting.is_empty() {
            return true;
        }
        match self.state {
            StepState::Pending => false,
            StepState::Running => self.attempts + self.checks > 1,
            StepState::Retrying
            | StepState::Unknown
            | StepState::Done
            | StepState::Failed
            | StepState::Superseded
            | StepState::Forgotten => true,
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        let startable = match self.state {
            StepState::Pending | StepState::Retrying | StepState::Unknown => true,
            StepState::Running
            | StepState::Done
            | StepState::Failed
            | StepState::Superseded
            | StepState::Forgotten => false,
        };
        startable
            && !self.parked
            && self.awaiting.is_empty()
            && self.waits_for.is_empty()
            && self.next_attempt_at.is_none_or(|at| has_come(at, now))
    }
}

/// Returns whether an attempt's time has come. One that lies further ahead than
/// any wait is long was set by a clock that has gone back since.
fn has_come(at: Timestamp, now: Timestamp) -> bool {
    at <= now || at.since(now) > LONGEST_WAIT + LONGEST_WAIT / 10
}

/// How many steps of one project and environment run side by side.
pub const SIDE_BY_SIDE: usize = 8;

/// Picks the steps that may start now.
///
/// `steps` are the open steps of one project and environment. Those of one
/// subject run one at a time, waves begin one after the other, and no more
/// than [`SIDE_BY_SIDE`] run at once.
#[must_use]
pub fn ready_steps(steps: &[Step], now: Timestamp) -> Vec<StepId> {
    let running = |step: &&Step| step.state == StepState::Running;
    let mut busy: Vec<&Subject> = steps.iter().filter(running).map(|s| &s.subject).collect();
    let holding = steps
        .iter()
        .filter(|step| !step.lets_later_waves_begin())
        .map(|step| step.wave)
        .min();
    let mut due: Vec<&Step> = steps
        .iter()
        .filter(|step| step.is_due(now) && holding.is_none_or(|wave| step.wave <= wave))
        .collect();
    due.sort_by_key(|step| (step.wave, step.id));
    let mut picked = Vec::new();
    for step in due {
        if busy.len() >= SIDE_BY_SIDE {
            break;
        }
        if !busy.contains(&&step.subject) {
            busy.push(&step.subject);
            picked.push(step.id);
        }
    }
    picked
}

/// Returns when the next step becomes due, if only time has to pass for it.
#[must_use]
pub fn next_due(steps: &[Step]) -> Option<Timestamp> {
    steps
        .iter()
        .filter(|step| step.is_due(step.next_attempt_at.unwrap_or(Timestamp::from_millis(0))))
        .filter_map(|step| step.next_attempt_at)
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: i64, object: i64, wave: Wave, state: StepState) -> Step {
        Step {
            id: StepId(id),
            kind: StepKind::Subscribe,
            state,
            registration: RegistrationId(id),
            subject: Subject {
                object: ObjectId(object),
                user: None,
            },
            webhook: format!("w{object}").parse().unwrap(),
            wave,
            waits_for: Vec::new(),
            attempts: u32::from(state != StepState::Pending),
            checks: 0,
            next_attempt_at: None,
            was_unknown: false,
            parked: false,
            awaiting: Vec::new(),
            last_error: None,
        }
    }

    fn check(steps: &[Step], expected: &[i64]) {
        let now = Timestamp::from_millis(1_000);
        let ids: Vec<i64> = ready_steps(steps, now).into_iter().map(|id| id.0).collect();
        assert_eq!(ids, expected, "{steps:#?}");
    }

    #[test]
    fn the_journal_knows_exactly_the_moves_of_its_table() {
        use StepState::{Done, Failed, Forgotten, Pending, Retrying, Running, Superseded, Unknown};
        let table = [
            (Pending, vec![Running, Superseded, Forgotten]),
            (Running, vec![Retrying, Unknown, Done, Failed]),
            (Retrying, vec![Running, Superseded, Forgotten]),
            (Unknown, vec![Running, Retrying, Done, Forgotten]),
            (Done, vec![]),
            (Failed, vec![Retrying, Superseded, Forgotten]),
            (Superseded, vec![]),
            (Forgotten, vec![]),
        ];
        for (from, legal) in table {
            for to in StepState::ALL {
                assert_eq!(
                    from.moved(to).is_ok(),
                    legal.contains(&to),
                    "{from:?} {to:?}"
                );
            }
        }
    }

    #[test]
    fn a_wave_begins_when_the_first_attempts_of_the_one_before_are_over() {
        let mut steps = vec![
            step(1, 1, Wave::Removed, StepState::Pending),
            step(2, 2, Wave::Changed, StepState::Pending),
            step(3, 3, Wave::New, StepState::Pending),
        ];
        check(&steps, &[1]);
        steps[0].state = StepState::Running;
        steps[0].attempts = 1;
        check(&steps, &[]);
        steps[0].state = StepState::Retrying;
        steps[0].next_attempt_at = Some(Timestamp::from_millis(9_000));
        check(&steps, &[2]);
    }

    #[test]
    fn a_step_that_waits_for_another_or_for_a_value_holds_no_wave() {
        let mut steps = vec![
            step(1, 1, Wave::Changed, StepState::Pending),
            step(2, 2, Wave::New, StepState::Pending),
        ];
        steps[0].waits_for = vec![StepId(9)];
        check(&steps, &[2]);
        steps[0].waits_for.clear();
        steps[0].awaiting = vec!["TOKEN".to_owned()];
        check(&steps, &[2]);
    }

    #[test]
    fn steps_of_one_webhook_and_user_run_one_at_a_time_in_order() {
        let mut steps = vec![
            step(1, 1, Wave::New, StepState::Pending),
            step(2, 1, Wave::New, StepState::Pending),
            step(3, 1, Wave::New, StepState::Pending),
        ];
        steps[2].subject.user = Some(UserId("ada".to_owned()));
        check(&steps, &[1, 3]);
        steps[0].state = StepState::Running;
        check(&steps, &[3]);
    }

    #[test]
    fn a_clock_that_went_back_does_not_put_a_step_off() {
        let mut steps = vec![step(1, 1, Wave::New, StepState::Retrying)];
        let now = Timestamp::from_millis(1_000);
        steps[0].next_attempt_at = Some(now.after(LONGEST_WAIT));
        check(&steps, &[]);
        steps[0].next_attempt_at = Some(now.after(LONGEST_WAIT * 2));
        check(&steps, &[1]);
    }

    #[test]
    fn no_more_than_eight_run_side_by_side() {
        let steps: Vec<Step> = (1..=20)
            .map(|id| step(id, id, Wave::New, StepState::Pending))
            .collect();
        check(&steps, &[1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn what_is_failed_or_parked_or_not_yet_due_does_not_start() {
        let mut steps = vec![
            step(1, 1, Wave::New, StepState::Failed),
            step(2, 2, Wave::New, StepState::Unknown),
            step(3, 3, Wave::New, StepState::Retrying),
        ];
        steps[1].parked = true;
        steps[2].next_attempt_at = Some(Timestamp::from_millis(1_001));
        check(&steps, &[]);
        assert_eq!(next_due(&steps), Some(Timestamp::from_millis(1_001)));
        steps[2].next_attempt_at = Some(Timestamp::from_millis(1_000));
        check(&steps, &[3]);
    }
}
