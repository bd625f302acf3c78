//! One registration in the place of another: what waits for what, and what goes on meanwhile.

use domain::declare::{ChangeOrder, Object};
use domain::{
    EnvironmentName, HookOutcome, Registration, RegistrationId, RegistrationState, Requests, Step,
    StepId, StepKind, StepState, Subscription,
};

use super::fixture::{Fixture, at, subscribed, subscription, webhook};
use crate::{EnvironmentError, Expiring, ForgetError, Over, Replace, Replaced};

fn hooks(order: ChangeOrder) -> Vec<Object> {
    vec![webhook("w", order, &[])]
}

fn refused(retryable: bool) -> HookOutcome {
    HookOutcome::Refused {
        retryable,
        message: "no".to_owned(),
        retry_after: None,
    }
}

fn broken() -> HookOutcome {
    HookOutcome::Broken {
        message: "trap".to_owned(),
    }
}

fn ending(id: &str) -> HookOutcome {
    HookOutcome::Subscribed(Subscription {
        expires_at: Some(at(1_000)),
        ..subscription(id)
    })
}

async fn open(fixture: &Fixture) -> Vec<Step> {
    fixture.store.open_steps(fixture.place).await.unwrap()
}

async fn waits_of(fixture: &Fixture, id: StepId) -> Vec<StepId> {
    let step = fixture.store.step(id).await.unwrap().unwrap();
    step.waits_for
}

async fn state_of_step(fixture: &Fixture, id: StepId) -> StepState {
    fixture.store.step(id).await.unwrap().unwrap().state
}

async fn expiring(fixture: &Fixture) -> Vec<Expiring> {
    fixture.store.expiring(fixture.place).await.unwrap()
}

async fn registration(fixture: &Fixture, id: RegistrationId) -> Registration {
    let found = fixture.store.registration(fixture.place, id).await;
    found.unwrap().unwrap().registration
}

async fn replace(fixture: &Fixture, id: RegistrationId, order: ChangeOrder) -> Replaced {
    let old = registration(fixture, id).await;
    fixture
        .store
        .replace_registration(Replace {
            registration: id,
            reason: "somebody asked".to_owned(),
            owner: old.owner,
            deploy: old.deploy,
            webhook: old.webhook,
            basis: old.basis,
            secrets: fixture.secrets(),
            order,
            actor: "bob".to_owned(),
            now: at(5),
        })
        .await
        .unwrap()
}

/// A live registration that the steps of a second deploy replace.
struct Changing {
    fixture: Fixture,
    old: RegistrationId,
    new: RegistrationId,
    subscribe: StepId,
    unsubscribe: StepId,
}

async fn changing(order: ChangeOrder) -> Changing {
    let fixture = Fixture::new().await;
    let first = fixture.deploy(hooks(order), &[("w", "1")]).await;
    let made = fixture
        .attempt(first.applied.steps[0], ending("1"), Requests::Answered)
        .await;
    assert_eq!(made.new_steps, []);
    let second = fixture.deploy(hooks(order), &[("w", "2")]).await;
    let [one, two] = second.applied.steps[..] else {
        panic!("{:?}", second.applied.steps);
    };
    let (unsubscribe, subscribe) = match order {
        ChangeOrder::Replace => (one, two),
        ChangeOrder::Overlap => (two, one),
    };
    Changing {
        old: first.applied.registrations[0],
        new: second.applied.registrations[0],
        subscribe,
        unsubscribe,
        fixture,
    }
}

#[tokio::test]
async fn what_replaces_a_wanted_registration_waits_for_the_unsubscribe_that_it_waited_for() {
    let Changing {
        fixture,
        new,
        unsubscribe,
        subscribe,
        ..
    } = changing(ChangeOrder::Replace).await;
    let replaced = replace(&fixture, new, ChangeOrder::Replace).await;
    assert_eq!(waits_of(&fixture, replaced.steps[0]).await, [unsubscribe]);
    let before = state_of_step(&fixture, subscribe).await;
    assert_eq!(before, StepState::Superseded);
}

#[tokio::test]
async fn what_waited_for_a_wanted_registration_waits_for_what_replaces_it() {
    let Changing {
        fixture,
        old,
        new,
        unsubscribe,
        ..
    } = changing(ChangeOrder::Overlap).await;
    let replaced = replace(&fixture, new, ChangeOrder::Overlap).await;
    assert_eq!(waits_of(&fixture, unsubscribe).await, replaced.steps);
    assert!(waits_of(&fixture, replaced.steps[0]).await.is_empty());
    let state = registration(&fixture, old).await.state;
    assert_eq!(state, RegistrationState::Live);
}

#[tokio::test]
async fn what_waited_for_an_unresolved_registration_waits_for_what_replaces_it_too() {
    let Changing {
        fixture,
        new,
        unsubscribe,
        subscribe,
        ..
    } = changing(ChangeOrder::Overlap).await;
    fixture
        .attempt(subscribe, broken(), Requests::Unanswered)
        .await;
    let replaced = replace(&fixture, new, ChangeOrder::Overlap).await;
    let [made, ended] = replaced.steps[..] else {
        panic!("{replaced:?}");
    };
    assert_eq!(waits_of(&fixture, unsubscribe).await, [subscribe, made]);
    assert_eq!(waits_of(&fixture, made).await, [subscribe]);
    assert_eq!(waits_of(&fixture, ended).await, [subscribe, made]);
}

#[tokio::test]
async fn a_step_that_was_unknown_and_is_retried_from_zero_is_resolved_before_a_replacement() {
    let fixture = Fixture::new().await;
    let deployed = fixture
        .deploy(hooks(ChangeOrder::Replace), &[("w", "1")])
        .await;
    let step = deployed.applied.steps[0];
    fixture.attempt(step, broken(), Requests::Unanswered).await;
    // Refused for good when it was repeated, then retried by a person.
    fixture
        .tamper("UPDATE steps SET state = 'retrying', attempts = 0, next_attempt_at = NULL")
        .await;
    let id = deployed.applied.registrations[0];
    let replaced = replace(&fixture, id, ChangeOrder::Replace).await;
    assert_eq!(state_of_step(&fixture, step).await, StepState::Retrying);
    assert_eq!(waits_of(&fixture, replaced.steps[0]).await, [step]);
}

#[tokio::test]
async fn a_registration_that_an_overlap_replaces_is_live_until_its_unsubscribe_begins() {
    let Changing {
        fixture,
        old,
        unsubscribe,
        subscribe,
        ..
    } = changing(ChangeOrder::Overlap).await;
    let state = async || registration(&fixture, old).await.state;
    assert_eq!(state().await, RegistrationState::Live);
    fixture
        .attempt(subscribe, refused(false), Requests::Answered)
        .await;
    assert_eq!(state().await, RegistrationState::Live);
    let now = at(6);
    fixture
        .store
        .retry_steps(
            fixture.place,
            crate::RetrySelection::All,
            "bob".to_owned(),
            now,
        )
        .await
        .unwrap();
    fixture
        .attempt(subscribe, subscribed("2"), Requests::Answered)
        .await;
    assert_eq!(state().await, RegistrationState::Live);
    fixture
        .attempt(unsubscribe, refused(true), Requests::Answered)
        .await;
    assert_eq!(state().await, RegistrationState::Leaving);
    assert!(expiring(&fixture).await.is_empty());
}

#[tokio::test]
async fn in_replace_order_the_old_registration_leaves_at_once() {
    let changing = changing(ChangeOrder::Replace).await;
    let state = registration(&changing.fixture, changing.old).await.state;
    assert_eq!(state, RegistrationState::Leaving);
    assert!(expiring(&changing.fixture).await.is_empty());
}

#[tokio::test]
async fn a_registration_is_refreshed_while_its_unsubscribe_waits_and_that_waits_for_the_refresh() {
    let Changing {
        fixture,
        old,
        unsubscribe,
        subscribe,
        ..
    } = changing(ChangeOrder::Overlap).await;
    let found = expiring(&fixture).await;
    assert_eq!(found[0].registration, old);
    assert!(found[0].being_replaced && !found[0].refresh_refused);
    let refresh = fixture.store.create_refresh(old, at(900)).await.unwrap();
    let refresh = refresh.unwrap();
    assert_eq!(waits_of(&fixture, unsubscribe).await, [subscribe, refresh]);
    assert!(expiring(&fixture).await.is_empty());
    let twice = fixture.store.create_refresh(old, at(900)).await.unwrap();
    assert_eq!(twice, None);
    let later = HookOutcome::Subscribed(Subscription {
        expires_at: Some(at(9_000)),
        ..subscription("1")
    });
    fixture.attempt(refresh, later, Requests::Answered).await;
    assert_eq!(expiring(&fixture).await[0].expires_at, at(9_000));
    let state = registration(&fixture, old).await.state;
    assert_eq!(state, RegistrationState::Live);
    assert_eq!(waits_of(&fixture, unsubscribe).await, [subscribe]);
}

#[tokio::test]
async fn a_refused_refresh_holds_no_unsubscribe_and_is_over_with_its_registration() {
    let Changing {
        fixture,
        old,
        unsubscribe,
        subscribe,
        ..
    } = changing(ChangeOrder::Overlap).await;
    let refresh = fixture.store.create_refresh(old, at(900)).await.unwrap();
    let refresh = refresh.unwrap();
    fixture
        .attempt(refresh, refused(false), Requests::Answered)
        .await;
    assert_eq!(waits_of(&fixture, unsubscribe).await, [subscribe]);
    // What replaces it is on its way.
    assert!(expiring(&fixture).await.is_empty());
    fixture
        .attempt(subscribe, subscribed("2"), Requests::Answered)
        .await;
    fixture
        .attempt(unsubscribe, HookOutcome::Unsubscribed, Requests::Answered)
        .await;
    assert_eq!(domain::ready_steps(&open(&fixture).await, at(9)), [refresh]);
    fixture
        .store
        .complete_without_call(refresh, at(9))
        .await
        .unwrap();
    assert!(open(&fixture).await.is_empty());
}

#[tokio::test]
async fn a_refused_refresh_is_found_again_until_its_registration_is_replaced() {
    let fixture = Fixture::new().await;
    let deployed = fixture
        .deploy(hooks(ChangeOrder::Overlap), &[("w", "1")])
        .await;
    fixture
        .attempt(deployed.applied.steps[0], ending("1"), Requests::Answered)
        .await;
    let id = deployed.applied.registrations[0];
    assert!(!expiring(&fixture).await[0].refresh_refused);
    let refresh = fixture.store.create_refresh(id, at(900)).await.unwrap();
    let refresh = refresh.unwrap();
    assert!(expiring(&fixture).await.is_empty());
    let finished = fixture
        .attempt(refresh, refused(false), Requests::Answered)
        .await;
    assert_eq!(finished.replace, Some(id));
    // The process ends before it is replaced.
    fixture.store.recover(at(901)).await.unwrap();
    let found = expiring(&fixture).await;
    assert_eq!(found[0].registration, id);
    assert!(found[0].refresh_refused && !found[0].being_replaced);
    let replaced = replace(&fixture, id, ChangeOrder::Overlap).await;
    let state = state_of_step(&fixture, refresh).await;
    assert_eq!(state, StepState::Superseded);
    let steps = open(&fixture).await;
    let kinds: Vec<StepKind> = steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [StepKind::Subscribe, StepKind::Unsubscribe]);
    assert_eq!(steps[1].waits_for, [replaced.steps[0]]);
    let state = registration(&fixture, id).await.state;
    assert_eq!(state, RegistrationState::Live);
}

#[tokio::test]
async fn a_deploy_that_goes_back_keeps_what_an_overlap_was_to_replace() {
    let Changing {
        fixture, old, new, ..
    } = changing(ChangeOrder::Overlap).await;
    let back = fixture
        .deploy(hooks(ChangeOrder::Overlap), &[("w", "1")])
        .await;
    assert!(back.applied.steps.is_empty());
    assert!(open(&fixture).await.is_empty());
    let state = registration(&fixture, old).await.state;
    assert_eq!(state, RegistrationState::Live);
    let state = registration(&fixture, new).await.state;
    assert_eq!(state, RegistrationState::Gone);
    let found = expiring(&fixture).await;
    assert!(!found[0].being_replaced);
}

/// A registration that is gone, with a look that is still owed.
async fn gone_with_a_look_owed() -> (Fixture, EnvironmentName, RegistrationId, StepId) {
    let fixture = Fixture::new().await;
    let name: EnvironmentName = "preview".parse().unwrap();
    let created = fixture
        .store
        .create_environment(name.clone(), "ada".to_owned(), at(1))
        .await
        .unwrap();
    let fixture = Fixture {
        place: domain::Place {
            environment: created.id,
            ..fixture.place
        },
        ..fixture
    };
    let deployed = fixture
        .deploy(hooks(ChangeOrder::Replace), &[("w", "1")])
        .await;
    let step = deployed.applied.steps[0];
    fixture.attempt(step, broken(), Requests::Unanswered).await;
    fixture.deploy(Vec::new(), &[]).await;
    let resolved = fixture
        .attempt(step, HookOutcome::Absent, Requests::Answered)
        .await;
    let rest = open(&fixture).await;
    for unsubscribe in rest
        .iter()
        .filter(|step| step.kind == StepKind::Unsubscribe)
    {
        fixture
            .store
            .complete_without_call(unsubscribe.id, at(5))
            .await
            .unwrap();
    }
    let [look] = resolved.new_steps[..] else {
        panic!("{:?}", resolved.new_steps);
    };
    (fixture, name, deployed.applied.registrations[0], look)
}

#[tokio::test]
async fn a_look_that_is_owed_for_what_is_over_does_not_keep_an_environment() {
    let (fixture, name, id, look) = gone_with_a_look_owed().await;
    let state = registration(&fixture, id).await.state;
    assert_eq!(state, RegistrationState::Gone);
    let begun = fixture.begin_attempt(look).await;
    assert_eq!(begun.checks, 1);
    let delete = || {
        fixture
            .store
            .delete_environment(name.clone(), "ada".to_owned(), at(9))
    };
    let running = delete().await.unwrap_err();
    assert!(
        matches!(running, EnvironmentError::InUse { .. }),
        "{running}"
    );
    fixture.store.recover(at(8)).await.unwrap();
    assert_eq!(open(&fixture).await.len(), 1);
    delete().await.unwrap();
    let found = fixture.store.environment(name.clone()).await.unwrap();
    assert!(found.is_none());
    assert_eq!(fixture.store.examine().await.unwrap().problems, []);
}

#[tokio::test]
async fn a_registration_that_is_gone_is_forgotten_while_a_look_is_owed() {
    let (fixture, _, id, look) = gone_with_a_look_owed().await;
    let forget = || {
        fixture
            .store
            .forget_registration(id, "bob".to_owned(), at(9))
    };
    assert_eq!(forget().await.unwrap().steps, [look]);
    assert!(open(&fixture).await.is_empty());
    let again = forget().await.unwrap_err();
    assert!(matches!(again, ForgetError::Over(_)), "{again}");
    let over = fixture
        .store
        .registrations(fixture.place, Over::With)
        .await
        .unwrap();
    assert_eq!(over[0].registration.state, RegistrationState::Forgotten);
}
