//! What follows from an attempt, case by case.
#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use std::time::Duration;

use domain::{
    Attempt, Conclusion, HookOutcome, MAX_ATTEMPTS, RegistrationState, Requests, Secret, StepKind,
    StepState, Subscription, Timestamp, after_crash, back_off, conclude, hook_to_call,
};

const NOW: Timestamp = Timestamp::EPOCH;

fn subscription(id: u32) -> Subscription {
    Subscription {
        unsubscribe_props: Secret::new(format!("{{\"id\":{id}}}")),
        expires_at: None,
        signing_secret: None,
    }
}

fn attempt(kind: StepKind, outcome: HookOutcome, requests: Requests) -> Attempt {
    Attempt {
        kind,
        call: kind,
        registration: match kind {
            StepKind::Subscribe => RegistrationState::Wanted,
            StepKind::Unsubscribe => RegistrationState::Leaving,
            StepKind::Refresh | StepKind::Check => RegistrationState::Live,
        },
        attempts: 1,
        checks: 0,
        unwanted: false,
        can_check: true,
        known: None,
        siblings: Vec::new(),
        expires_at: None,
        needs_issued_secret: false,
        was_unknown: false,
        outcome,
        requests,
    }
}

fn refusal(retryable: bool) -> HookOutcome {
    HookOutcome::Refused {
        retryable,
        message: "no".to_owned(),
        retry_after: None,
    }
}

fn broken() -> HookOutcome {
    HookOutcome::Broken {
        message: "trapped".to_owned(),
    }
}

fn states(conclusion: &Conclusion) -> (StepState, RegistrationState) {
    (conclusion.step, conclusion.registration)
}

fn check(attempt: Attempt, step: StepState, registration: RegistrationState) -> Conclusion {
    let shown = format!("{attempt:?}");
    let conclusion = conclude(attempt, NOW, 7);
    assert_eq!(states(&conclusion), (step, registration), "{shown}");
    StepState::Running.moved(conclusion.step).unwrap();
    conclusion
}

use RegistrationState::{Gone, Leaving, Live, Uncertain, Wanted};
use StepKind::{Check, Refresh, Subscribe, Unsubscribe};
use StepState::{Done, Failed, Retrying, Unknown};

#[test]
fn the_host_decides_what_is_unknown_whatever_the_guest_returned() {
    let outcomes = [
        HookOutcome::Subscribed(subscription(1)),
        refusal(true),
        refusal(false),
        broken(),
    ];
    for outcome in outcomes {
        for kind in [Subscribe, Unsubscribe, Refresh] {
            let conclusion = check(
                attempt(kind, outcome.clone(), Requests::Unanswered),
                Unknown,
                Uncertain,
            );
            assert!(!conclusion.new_key);
            assert!(conclusion.record.is_none());
            assert!(conclusion.next_attempt_at > Some(NOW));
        }
    }
}

#[test]
fn a_trap_before_any_request_is_tried_again_and_one_after_an_answer_is_unknown() {
    check(
        attempt(Subscribe, broken(), Requests::None),
        Retrying,
        Wanted,
    );
    check(
        attempt(Subscribe, broken(), Requests::Answered),
        Unknown,
        Uncertain,
    );
}

#[test]
fn a_subscribe_that_is_done_is_recorded() {
    let outcome = HookOutcome::Subscribed(subscription(1));
    let conclusion = check(
        attempt(Subscribe, outcome.clone(), Requests::Answered),
        Done,
        Live,
    );
    assert_eq!(conclusion.record, Some(subscription(1)));
    assert!(!conclusion.possible_double);
    let unwanted = Attempt {
        unwanted: true,
        ..attempt(Subscribe, outcome, Requests::Answered)
    };
    check(unwanted, Done, Leaving);
}

#[test]
fn a_refused_subscribe_gets_a_new_key_and_is_given_up_in_the_end() {
    let conclusion = check(
        attempt(Subscribe, refusal(true), Requests::Answered),
        Retrying,
        Wanted,
    );
    assert!(conclusion.new_key);
    check(
        attempt(Subscribe, refusal(false), Requests::Answered),
        Failed,
        Wanted,
    );
    let last = Attempt {
        attempts: MAX_ATTEMPTS,
        ..attempt(Subscribe, refusal(true), Requests::Answered)
    };
    check(last, Failed, Wanted);
}

#[test]
fn an_unsubscribe_is_never_given_up() {
    let last = Attempt {
        attempts: 1_000,
        ..attempt(Unsubscribe, refusal(false), Requests::Answered)
    };
    let conclusion = check(last, Retrying, Leaving);
    assert!(conclusion.next_attempt_at.is_some());
}

#[test]
fn a_refusal_does_not_clear_uncertainty_and_keeps_the_key() {
    for retryable in [true, false] {
        let repeated = Attempt {
            registration: Uncertain,
            can_check: false,
            was_unknown: true,
            ..attempt(Subscribe, refusal(retryable), Requests::Answered)
        };
        let step = if retryable { Retrying } else { Failed };
        let conclusion = check(repeated, step, Uncertain);
        assert!(!conclusion.new_key);
    }
}

#[test]
fn a_repeated_subscribe_may_have_made_a_double_and_says_so() {
    let repeated = Attempt {
        registration: Uncertain,
        can_check: false,
        was_unknown: true,
        ..attempt(
            Subscribe,
            HookOutcome::Subscribed(subscription(1)),
            Requests::Answered,
        )
    };
    let conclusion = check(repeated, Done, Live);
    assert!(conclusion.possible_double);
    assert!(!conclusion.recheck);
}

fn resolved(kind: StepKind, outcome: HookOutcome) -> Attempt {
    Attempt {
        call: Check,
        checks: 1,
        registration: Uncertain,
        was_unknown: true,
        ..attempt(kind, outcome, Requests::Answered)
    }
}

#[test]
fn a_check_that_finds_the_subscription_keeps_one_and_ends_the_others() {
    let found = HookOutcome::Found(vec![subscription(1), subscription(2)]);
    let conclusion = check(resolved(Subscribe, found.clone()), Done, Live);
    assert_eq!(conclusion.record, Some(subscription(1)));
    assert_eq!(conclusion.extras, [subscription(2)]);
    assert!(conclusion.recheck);
    let unwanted = Attempt {
        unwanted: true,
        ..resolved(Subscribe, found)
    };
    check(unwanted, Done, Leaving);
}

#[test]
fn a_check_that_finds_nothing_lets_the_subscribe_be_made_or_dropped() {
    let conclusion = check(resolved(Subscribe, HookOutcome::Absent), Retrying, Wanted);
    assert!(conclusion.recheck && conclusion.next_attempt_at.is_none());
    let unwanted = Attempt {
        unwanted: true,
        ..resolved(Subscribe, HookOutcome::Absent)
    };
    assert!(check(unwanted, Done, Gone).recheck);
}

#[test]
fn a_subscription_found_without_the_secret_it_needs_is_made_anew() {
    let found = HookOutcome::Found(vec![subscription(1)]);
    let without = Attempt {
        needs_issued_secret: true,
        ..resolved(Subscribe, found)
    };
    let conclusion = check(without, Retrying, Wanted);
    assert_eq!(conclusion.extras, [subscription(1)]);
    assert!(conclusion.after_extras);
    let with = Subscription {
        signing_secret: Some(Secret::new("whsec")),
        ..subscription(2)
    };
    let found = HookOutcome::Found(vec![subscription(1), with.clone()]);
    let both = Attempt {
        needs_issued_secret: true,
        ..resolved(Subscribe, found)
    };
    let conclusion = check(both, Done, Live);
    assert_eq!(conclusion.record, Some(with));
    assert_eq!(conclusion.extras, [subscription(1)]);
}

#[test]
fn a_check_that_cannot_tell_is_repeated_12_times_and_then_left_to_a_person() {
    for outcome in [HookOutcome::Unsure, refusal(false), broken()] {
        for requests in [Requests::Unanswered, Requests::Answered] {
            let mut attempt = resolved(Subscribe, outcome.clone());
            attempt.requests = requests;
            let conclusion = check(attempt.clone(), Unknown, Uncertain);
            assert!(!conclusion.parked && conclusion.next_attempt_at.is_some());
            attempt.checks = MAX_ATTEMPTS;
            let conclusion = check(attempt, Unknown, Uncertain);
            assert!(conclusion.parked && conclusion.next_attempt_at.is_none());
        }
    }
}

#[test]
fn an_unsubscribe_that_cannot_be_looked_up_is_asked_for_again() {
    let mut attempt = resolved(Unsubscribe, HookOutcome::Unsure);
    attempt.checks = MAX_ATTEMPTS;
    let conclusion = check(attempt, Retrying, Uncertain);
    assert!(!conclusion.parked && conclusion.next_attempt_at.is_some());
}

#[test]
fn an_expiry_that_has_passed_already_is_none() {
    let ended = Subscription {
        expires_at: Some(NOW),
        ..subscription(1)
    };
    let outcome = HookOutcome::Subscribed(ended);
    let conclusion = check(attempt(Subscribe, outcome, Requests::Answered), Done, Live);
    assert_eq!(conclusion.record, Some(subscription(1)));
}

#[test]
fn an_unknown_unsubscribe_is_done_when_nothing_is_found_and_repeated_when_it_is() {
    let known = |outcome| Attempt {
        known: Some(Secret::new("{ \"id\": 1 }")),
        ..resolved(Unsubscribe, outcome)
    };
    assert!(check(known(HookOutcome::Absent), Done, Gone).recheck);
    let found = HookOutcome::Found(vec![subscription(2), subscription(1)]);
    let conclusion = check(known(found), Retrying, Leaving);
    assert_eq!(conclusion.extras, [subscription(2)]);
    let found = HookOutcome::Found(vec![subscription(2)]);
    let conclusion = check(known(found), Done, Gone);
    assert_eq!(conclusion.extras, [subscription(2)]);
}

#[test]
fn what_belongs_to_another_registration_at_the_endpoint_is_left_alone() {
    for kind in [Unsubscribe, Check] {
        let attempt = Attempt {
            known: Some(Secret::new("{\"id\":2}")),
            siblings: vec![Secret::new("{ \"id\": 1 }")],
            ..resolved(kind, HookOutcome::Found(vec![subscription(1)]))
        };
        let conclusion = conclude(attempt, NOW, 7);
        assert_eq!(conclusion.step, Done, "{kind}");
        assert!(conclusion.extras.is_empty(), "{kind}");
    }
}

#[test]
fn a_second_look_ends_what_turned_up_late() {
    let look = |registration, known: Option<&str>, found: Vec<Subscription>| Attempt {
        registration,
        known: known.map(Secret::new),
        checks: 1,
        ..attempt(Check, HookOutcome::Found(found), Requests::Answered)
    };
    let ours = Some("{\"id\":1}");
    let both = vec![subscription(1), subscription(2)];
    let conclusion = check(look(Live, ours, both.clone()), Done, Live);
    assert_eq!(conclusion.extras, [subscription(2)]);
    let conclusion = check(look(Gone, None, both.clone()), Done, Gone);
    assert_eq!(conclusion.extras, both);
    // The provider describes ours in other words: one of those found is it.
    let conclusion = check(look(Live, Some("9"), both), Done, Live);
    assert_eq!(conclusion.record, Some(subscription(1)));
    assert_eq!(conclusion.extras, [subscription(2)]);
}

#[test]
fn a_refresh_that_is_refused_for_good_replaces_the_subscription() {
    let conclusion = check(
        attempt(Refresh, refusal(false), Requests::Answered),
        Failed,
        Live,
    );
    assert!(conclusion.replace);
    let late = Attempt {
        expires_at: Some(NOW),
        ..attempt(Refresh, refusal(true), Requests::Answered)
    };
    assert!(check(late, Failed, Live).replace);
    let early = Attempt {
        expires_at: Some(NOW.after(Duration::from_secs(3600))),
        ..attempt(Refresh, refusal(true), Requests::Answered)
    };
    assert!(!check(early, Retrying, Live).replace);
}

#[test]
fn a_crash_leaves_a_call_unknown_and_a_look_to_be_repeated() {
    for kind in [Subscribe, Unsubscribe, Refresh] {
        assert_eq!(after_crash(kind, Live), (Unknown, Uncertain));
    }
    assert_eq!(after_crash(Check, Gone), (Retrying, Gone));
}

#[test]
fn an_unknown_step_is_checked_where_that_can_be_done_and_repeated_elsewhere() {
    assert_eq!(hook_to_call(Subscribe, Unknown, true), Check);
    assert_eq!(hook_to_call(Subscribe, Unknown, false), Subscribe);
    assert_eq!(hook_to_call(Unsubscribe, Retrying, true), Unsubscribe);
}

#[test]
fn waits_double_from_a_second_to_an_hour_give_or_take_a_fifth() {
    for (attempts, seconds) in [(1, 1), (2, 2), (5, 16), (12, 2048), (13, 3600), (900, 3600)] {
        let exact = Duration::from_secs(seconds);
        for random in [0, 200, 400, u64::MAX] {
            let wait = back_off(attempts, random, None);
            assert!(
                wait >= exact * 8 / 10 && wait <= exact * 12 / 10,
                "{attempts} {wait:?}"
            );
        }
    }
    let asked = Duration::from_secs(90);
    assert_eq!(back_off(1, 0, Some(asked)), asked);
    assert!(back_off(1, 0, Some(Duration::MAX)) <= Duration::from_secs(24 * 3600));
}
