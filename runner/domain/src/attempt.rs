//! What an attempt of a step came to, and what follows from it.
//!
//! The host decides, not the guest: a request that went out and was not
//! answered leaves it unknown what the provider did, whatever the guest made
//! of that.

use std::time::Duration;

use crate::registration::RegistrationState;
use crate::secret::Secret;
use crate::step::{StepKind, StepState};
use crate::time::Timestamp;

/// How many attempts a subscribe has before it is given up, and how many checks an unknown step has.
pub const MAX_ATTEMPTS: u32 = 12;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(3600);
/// The longest wait between two attempts, which a guest may ask for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// A subscription as a hook reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// What `unsubscribe` needs, a JSON text; it may hold what is secret.
    pub unsubscribe_props: Secret,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// A signing secret that the provider issued.
    pub signing_secret: Option<Secret>,
}

/// What the hook that was called answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookOutcome {
    /// `subscribe` or `refresh` was done.
    Subscribed(Subscription),
    /// `unsubscribe` was done.
    Unsubscribed,
    /// `check` found these, at least one.
    Found(Vec<Subscription>),
    /// `check` found nothing.
    Absent,
    /// `check` could not tell.
    Unsure,
    /// The guest returned an error.
    Refused {
        /// Whether another attempt may succeed.
        retryable: bool,
        /// Why, in the guest's words.
        message: String,
        /// How long to wait, where the guest knows.
        retry_after: Option<Duration>,
    },
    /// The guest returned nothing: a trap, a limit, a timeout.
    Broken {
        /// What happened.
        message: String,
    },
}

/// What became of the requests that an attempt sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requests {
    /// None went out.
    None,
    /// Each got its response.
    Answered,
    /// At least one got no response, or not all of it.
    Unanswered,
}

/// An attempt that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What the step intends.
    pub kind: StepKind,
    /// The hook that was called; `Check` where an unknown step is resolved by it.
    pub call: StepKind,
    /// Where the registration stood.
    pub registration: RegistrationState,
    /// Attempts of the intended call, this one included.
    pub attempts: u32,
    /// Checks, this one included.
    pub checks: u32,
    /// Whether a later step is to end the registration.
    pub unwanted: bool,
    /// Whether the owner has a `check` hook.
    pub can_check: bool,
    /// The registration's unsubscribe props, where it has some.
    pub known: Option<Secret>,
    /// The unsubscribe props of other registrations at the same endpoint: what
    /// a check finds of them is theirs.
    pub siblings: Vec<Secret>,
    /// The registration's expiry.
    pub expires_at: Option<Timestamp>,
    /// Whether deliveries cannot be verified without a secret that the provider issues.
    pub needs_issued_secret: bool,
    /// Whether the step has been unknown before.
    pub was_unknown: bool,
    /// What the hook answered.
    pub outcome: HookOutcome,
    /// What became of its requests.
    pub requests: Requests,
}

/// What follows from an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// Where the step goes.
    pub step: StepState,
    /// Where the registration goes.
    pub registration: RegistrationState,
    /// When the step may be attempted next.
    pub next_attempt_at: Option<Timestamp>,
    /// Whether it is attempted again only when a person asks.
    pub parked: bool,
    /// Why the attempt was not the last.
    pub error: Option<String>,
    /// Whether the provider gave a definite refusal, so that the next attempt is a new request.
    pub new_key: bool,
    /// Whether a second subscription may be at the provider.
    pub possible_double: bool,
    /// What is now known of the subscription.
    pub record: Option<Subscription>,
    /// Subscriptions that are at the provider besides the one kept: each is to be unsubscribed.
    pub extras: Vec<Subscription>,
    /// Whether the step waits for the extras to be unsubscribed.
    pub after_extras: bool,
    /// Whether to look once more, later, for a request that was still under way.
    pub recheck: bool,
    /// Whether the registration must be replaced by a new one.
    pub replace: bool,
}

/// Picks the hook to call for a step.
#[must_use]
pub const fn hook_to_call(kind: StepKind, state: StepState, can_check: bool) -> StepKind {
    match state {
        StepState::Unknown if can_check => StepKind::Check,
        StepState::Unknown
        | StepState::Pending
        | StepState::Running
        | StepState::Retrying
        | StepState::Done
        | StepState::Failed
        | StepState::Superseded
        | StepState::Forgotten => kind,
    }
}

/// Where a step and its registration go when the process died during an attempt.
#[must_use]
pub const fn after_crash(
    kind: StepKind,
    registration: RegistrationState,
) -> (StepState, RegistrationState) {
    match kind {
        StepKind::Subscribe | StepKind::Unsubscribe | StepKind::Refresh => {
            (StepState::Unknown, RegistrationState::Uncertain)
        }
        // Looking changes nothing at the provider.
        StepKind::Check => (StepState::Retrying, registration),
    }
}

/// Returns how long to wait after so many attempts: 1 s, doubling, to 1 h, ±20 %.
///
/// `random` is any random number. `asked` is what the guest asked for, at most a day.
#[must_use]
pub fn back_off(attempts: u32, random: u64, asked: Option<Duration>) -> Duration {
    if let Some(asked) = asked {
        return asked.min(LONGEST_WAIT);
    }
    let doublings = attempts.saturating_sub(1).min(12);
    let wait = (FIRST_WAIT * (1 << doublings)).min(LONGEST_BACK_OFF);
    // 80 % to 120 %, in steps of a tenth of a percent.
    let permille = 800 + u32::try_from(random % 401).unwrap_or(0);
    wait * permille / 1000
}

/// Concludes what follows from an attempt.
#[must_use]
pub fn conclude(mut attempt: Attempt, now: Timestamp, random: u64) -> Conclusion {
    attempt.outcome = without_siblings(attempt.outcome, &attempt.siblings);
    if let HookOutcome::Subscribed(subscription) = &mut attempt.outcome {
        // One that has ended before it began would be replaced without end;
        // more likely the guest counts in other units.
        subscription.expires_at = subscription.expires_at.filter(|at| *at > now);
    }
    let base = Base {
        now,
        random,
        registration: attempt.registration,
        counted: if attempt.call == StepKind::Check {
            attempt.checks
        } else {
            attempt.attempts
        },
    };
    match (attempt.kind, attempt.call) {
        (StepKind::Check, _) => look_again(attempt, &base),
        (_, StepKind::Check) => resolve(attempt, &base),
        (_, StepKind::Subscribe | StepKind::Unsubscribe | StepKind::Refresh) => {
            called(attempt, &base)
        }
    }
}

/// What every conclusion starts from.
struct Base {
    now: Timestamp,
    random: u64,
    registration: RegistrationState,
    counted: u32,
}

impl Base {
    fn to(&self, step: StepState, registration: RegistrationState) -> Conclusion {
        Conclusion {
            step,
            registration,
            next_attempt_at: None,
            parked: false,
            error: None,
            new_key: false,
            possible_double: false,
            record: None,
            extras: Vec::new(),
            after_extras: false,
            recheck: false,
            replace: false,
        }
    }

    fn later(
        &self,
        step: StepState,
        registration: RegistrationState,
        error: String,
        asked: Option<Duration>,
    ) -> Conclusion {
        Conclusion {
            next_attempt_at: Some(self.now.after(back_off(self.counted, self.random, asked))),
            error: Some(error),
            ..self.to(step, registration)
        }
    }
}

/// The state of a registration whose subscription is at the provider.
const fn standing(unwanted: bool) -> RegistrationState {
    if unwanted {
        RegistrationState::Leaving
    } else {
        RegistrationState::Live
    }
}

/// Concludes after the call that the step intends.
fn called(attempt: Attempt, base: &Base) -> Conclusion {
    let unanswered = match attempt.requests {
        Requests::Unanswered => true,
        // Without a result nobody knows what the answered requests had come to.
        Requests::Answered => matches!(attempt.outcome, HookOutcome::Broken { .. }),
        Requests::None => false,
    };
    if unanswered {
        let error = match attempt.outcome {
            HookOutcome::Refused { message, .. } | HookOutcome::Broken { message } => message,
            HookOutcome::Subscribed(_)
            | HookOutcome::Unsubscribed
            | HookOutcome::Found(_)
            | HookOutcome::Absent
            | HookOutcome::Unsure => "a request went out and no response came".to_owned(),
        };
        return base.later(
            StepState::Unknown,
            RegistrationState::Uncertain,
            error,
            None,
        );
    }
    match attempt.outcome {
        HookOutcome::Subscribed(subscription) => Conclusion {
            possible_double: attempt.kind == StepKind::Subscribe
                && base.registration == RegistrationState::Uncertain,
            recheck: attempt.was_unknown && attempt.can_check,
            record: Some(subscription),
            ..base.to(StepState::Done, standing(attempt.unwanted))
        },
        HookOutcome::Unsubscribed => Conclusion {
            recheck: attempt.was_unknown && attempt.can_check,
            ..base.to(StepState::Done, RegistrationState::Gone)
        },
        HookOutcome::Refused {
            retryable,
            ref message,
            retry_after,
        } => {
            let message = message.clone();
            refused(&attempt, base, retryable, message, retry_after)
        }
        HookOutcome::Broken { ref message } => {
            let message = message.clone();
            Conclusion {
                new_key: false,
                ..refused(&attempt, base, true, message, None)
            }
        }
        HookOutcome::Found(_) | HookOutcome::Absent | HookOutcome::Unsure => base.later(
            StepState::Retrying,
            base.registration,
            "the hook gave the answer of another hook".to_owned(),
            None,
        ),
    }
}

/// Concludes after a definite refusal.
fn refused(
    attempt: &Attempt,
    base: &Base,
    retryable: bool,
    message: String,
    retry_after: Option<Duration>,
) -> Conclusion {
    let uncertain = base.registration == RegistrationState::Uncertain;
    let given_up = !retryable || attempt.attempts >= MAX_ATTEMPTS;
    match attempt.kind {
        StepKind::Subscribe if given_up => Conclusion {
            error: Some(message),
            new_key: !uncertain,
            ..base.to(StepState::Failed, base.registration)
        },
        StepKind::Refresh => {
            let again = base
                .now
                .after(back_off(base.counted, base.random, retry_after));
            let too_late = attempt.expires_at.is_some_and(|expiry| again >= expiry);
            if !retryable || too_late {
                Conclusion {
                    error: Some(message),
                    replace: true,
                    ..base.to(StepState::Failed, standing(attempt.unwanted))
                }
            } else {
                base.later(StepState::Retrying, base.registration, message, retry_after)
            }
        }
        StepKind::Subscribe | StepKind::Unsubscribe | StepKind::Check => Conclusion {
            new_key: !uncertain,
            ..base.later(StepState::Retrying, base.registration, message, retry_after)
        },
    }
}

/// Says why a check told nothing; `None` where it told something.
fn unsure(outcome: &HookOutcome) -> Option<(String, Option<Duration>)> {
    match outcome {
        HookOutcome::Unsure => Some(("the check could not tell".to_owned(), None)),
        HookOutcome::Refused {
            message,
            retry_after,
            ..
        } => Some((format!("the check failed: {message}"), *retry_after)),
        HookOutcome::Broken { message } => Some((format!("the check failed: {message}"), None)),
        HookOutcome::Subscribed(_) | HookOutcome::Unsubscribed => {
            Some(("the check gave the answer of another hook".to_owned(), None))
        }
        HookOutcome::Found(_) | HookOutcome::Absent => None,
    }
}

/// Concludes after a check that was to find out what an unknown attempt did.
fn resolve(attempt: Attempt, base: &Base) -> Conclusion {
    if let Some((error, asked)) = unsure(&attempt.outcome) {
        let given_up = attempt.checks >= MAX_ATTEMPTS;
        if given_up && attempt.kind == StepKind::Unsubscribe {
            // It is never given up: what cannot be looked up is asked for again.
            let uncertain = RegistrationState::Uncertain;
            return base.later(
                StepState::Retrying,
                uncertain,
                error,
                Some(LONGEST_BACK_OFF),
            );
        }
        let parked = given_up;
        let later = base.later(
            StepState::Unknown,
            RegistrationState::Uncertain,
            error,
            asked,
        );
        return Conclusion {
            parked,
            next_attempt_at: later.next_attempt_at.filter(|_| !parked),
            ..later
        };
    }
    let found = match attempt.outcome {
        HookOutcome::Found(ref found) => found.clone(),
        HookOutcome::Subscribed(_)
        | HookOutcome::Unsubscribed
        | HookOutcome::Absent
        | HookOutcome::Unsure
        | HookOutcome::Refused { .. }
        | HookOutcome::Broken { .. } => Vec::new(),
    };
    match attempt.kind {
        StepKind::Subscribe => resolve_subscribe(&attempt, base, found),
        StepKind::Unsubscribe => resolve_unsubscribe(&attempt, base, found),
        StepKind::Refresh => resolve_refresh(&attempt, base, found),
        StepKind::Check => base.to(StepState::Done, base.registration),
    }
}

fn resolve_subscribe(attempt: &Attempt, base: &Base, mut found: Vec<Subscription>) -> Conclusion {
    if found.is_empty() {
        let (step, registration) = if attempt.unwanted {
            (StepState::Done, RegistrationState::Gone)
        } else {
            (StepState::Retrying, RegistrationState::Wanted)
        };
        return Conclusion {
            recheck: true,
            ..base.to(step, registration)
        };
    }
    let usable = found
        .iter()
        .position(|one| !attempt.needs_issued_secret || one.signing_secret.is_some());
    match usable {
        Some(index) => {
            let kept = found.remove(index);
            Conclusion {
                record: Some(kept),
                extras: found,
                recheck: true,
                ..base.to(StepState::Done, standing(attempt.unwanted))
            }
        }
        None if attempt.unwanted => {
            let kept = found.remove(0);
            Conclusion {
                record: Some(kept),
                extras: found,
                recheck: true,
                ..base.to(StepState::Done, RegistrationState::Leaving)
            }
        }
        None => Conclusion {
            extras: found,
            after_extras: true,
            recheck: true,
            error: Some(
                "the subscription was found without the signing secret that it needs; it is made anew"
                    .to_owned(),
            ),
            new_key: true,
            ..base.to(StepState::Retrying, RegistrationState::Wanted)
        },
    }
}

fn resolve_unsubscribe(attempt: &Attempt, base: &Base, found: Vec<Subscription>) -> Conclusion {
    let (ours, extras) = split(found, attempt.known.as_ref());
    if ours.is_some() {
        Conclusion {
            extras,
            error: Some("the subscription is still at the provider".to_owned()),
            ..base.to(StepState::Retrying, RegistrationState::Leaving)
        }
    } else {
        Conclusion {
            extras,
            recheck: true,
            ..base.to(StepState::Done, RegistrationState::Gone)
        }
    }
}

fn resolve_refresh(attempt: &Attempt, base: &Base, found: Vec<Subscription>) -> Conclusion {
    let (ours, extras) = split(found, attempt.known.as_ref());
    match ours {
        Some(ours) if ours.expires_at > attempt.expires_at => Conclusion {
            record: Some(ours),
            extras,
            ..base.to(StepState::Done, standing(attempt.unwanted))
        },
        Some(_) => Conclusion {
            extras,
            ..base.to(StepState::Retrying, standing(attempt.unwanted))
        },
        None => Conclusion {
            extras,
            replace: true,
            error: Some("the provider no longer has the subscription".to_owned()),
            ..base.to(StepState::Failed, RegistrationState::Live)
        },
    }
}

/// Concludes after the look that follows a resolved uncertainty.
fn look_again(attempt: Attempt, base: &Base) -> Conclusion {
    if let Some((error, asked)) = unsure(&attempt.outcome) {
        return if attempt.checks >= MAX_ATTEMPTS {
            Conclusion {
                error: Some(error),
                ..base.to(StepState::Failed, base.registration)
            }
        } else {
            base.later(StepState::Retrying, base.registration, error, asked)
        };
    }
    let HookOutcome::Found(found) = attempt.outcome else {
        return base.to(StepState::Done, base.registration);
    };
    let at_provider = match base.registration {
        RegistrationState::Live | RegistrationState::Leaving | RegistrationState::Uncertain => true,
        RegistrationState::Wanted | RegistrationState::Gone | RegistrationState::Forgotten => false,
    };
    let (ours, extras) = split(found, attempt.known.as_ref());
    // A provider may describe our own subscription in other words than it
    // answered with; while it should be there, one of those found is ours.
    if at_provider && ours.is_none() && attempt.known.is_some() {
        let mut rest = extras;
        let kept = rest.remove(0);
        return Conclusion {
            record: Some(kept),
            extras: rest,
            ..base.to(StepState::Done, base.registration)
        };
    }
    Conclusion {
        extras,
        ..base.to(StepState::Done, base.registration)
    }
}

/// Takes what belongs to other registrations out of what a check found.
fn without_siblings(outcome: HookOutcome, siblings: &[Secret]) -> HookOutcome {
    let HookOutcome::Found(mut found) = outcome else {
        return outcome;
    };
    let theirs: Vec<String> = siblings.iter().map(comparable).collect();
    found.retain(|one| !theirs.contains(&comparable(&one.unsubscribe_props)));
    if found.is_empty() {
        HookOutcome::Absent
    } else {
        HookOutcome::Found(found)
    }
}

/// Tells our own subscription from others by its unsubscribe props.
fn split(
    found: Vec<Subscription>,
    known: Option<&Secret>,
) -> (Option<Subscription>, Vec<Subscription>) {
    let known = known.map(comparable);
    let mut ours = None;
    let mut extras = Vec::new();
    for one in found {
        if ours.is_none() && known.is_some() && known == Some(comparable(&one.unsubscribe_props)) {
            ours = Some(one);
        } else {
            extras.push(one);
        }
    }
    (ours, extras)
}

/// Brings unsubscribe props into a form in which equal ones are equal.
fn comparable(props: &Secret) -> String {
    serde_json::from_str(props.expose()).map_or_else(
        |_| props.expose().to_owned(),
        |value| crate::canonical(&value),
    )
}
