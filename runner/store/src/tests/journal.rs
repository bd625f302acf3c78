//! The step journal: attempts, crashes, uncertainty, and what people do about it.

use domain::declare::ChangeOrder;
use domain::{
    DeployStatus, HookOutcome, RegistrationState, Requests, Step, StepId, StepKind, StepState,
};

use super::fixture::{Deployed, Fixture, at, hook, subscribed, subscription, webhook};
use crate::{DoubtKind, ForgetError, Over, RegistrationView, Replace, RetrySelection, StepError};

fn broken() -> HookOutcome {
    HookOutcome::Broken {
        message: "trap".to_owned(),
    }
}

fn refused(retryable: bool) -> HookOutcome {
    HookOutcome::Refused {
        retryable,
        message: "no".to_owned(),
        retry_after: None,
    }
}

async fn hooked(fixture: &Fixture) -> Deployed {
    fixture.deploy(vec![hook("w")], &[("w", "1")]).await
}

async fn all(fixture: &Fixture) -> Vec<RegistrationView> {
    fixture
        .store
        .registrations(fixture.place, Over::With)
        .await
        .unwrap()
}

async fn open(fixture: &Fixture) -> Vec<Step> {
    fixture.store.open_steps(fixture.place).await.unwrap()
}

#[tokio::test]
async fn a_subscription_is_recorded_with_its_owner_and_completes_its_deploy() {
    let fixture = Fixture::new().await;
    let deployed = hooked(&fixture).await;
    fixture
        .store
        .conclude_deploy(deployed.id, at(3))
        .await
        .unwrap();
    let step = deployed.applied.steps[0];
    let finished = fixture
        .attempt(step, subscribed("1"), Requests::Answered)
        .await;
    assert_eq!(
        finished.completed,
        Some((deployed.applied.number, DeployStatus::Succeeded))
    );
    let context = fixture.store.step_context(step).await.unwrap();
    assert_eq!(context.registration.state, RegistrationState::Live);
    assert_eq!(
        context.unsubscribe_props.unwrap().expose(),
        "{\"id\":\"1\"}"
    );
    assert_eq!(
        context.signing_secret.unwrap().expose(),
        "signing-secret-of-1"
    );
    assert_eq!(context.last_attempt.unwrap().call, StepKind::Subscribe);
    let view = all(&fixture).await.remove(0);
    let events: Vec<&str> = view.history.iter().map(|one| one.event.as_str()).collect();
    assert_eq!(events, ["wanted", "subscribe-done"]);
    assert_eq!(view.steps[0].attempts[0].outcome, Some(StepState::Done));
}

#[tokio::test]
async fn a_live_address_is_found_by_its_token_and_a_closed_one_is_not() {
    let fixture = Fixture::new().await;
    let deployed = hooked(&fixture).await;
    let step = deployed.applied.steps[0];
    let token = fixture
        .store
        .step_context(step)
        .await
        .unwrap()
        .endpoint_token;
    fixture
        .attempt(step, subscribed("1"), Requests::Answered)
        .await;
    let find = || fixture.store.open_endpoint(token.clone(), at(9));
    let found = find().await.unwrap().unwrap();
    assert_eq!(found.registration.webhook.as_str(), "w");
    assert_eq!(
        found.signing_secret.unwrap().expose(),
        "signing-secret-of-1"
    );
    let other = fixture
        .store
        .open_endpoint(domain::Secret::new("guess"), at(9))
        .await
        .unwrap();
    assert!(other.is_none());
    fixture.deploy(Vec::new(), &[]).await;
    assert!(find().await.unwrap().is_none(), "the webhook is disabled");
}

#[tokio::test]
async fn replacing_keeps_the_old_address_until_it_is_gone_and_says_since_when_it_is_down() {
    let fixture = Fixture::new().await;
    let first = hooked(&fixture).await;
    let old = first.applied.steps[0];
    let token = fixture
        .store
        .step_context(old)
        .await
        .unwrap()
        .endpoint_token;
    fixture
        .attempt(old, subscribed("1"), Requests::Answered)
        .await;
    let second = fixture.deploy(vec![hook("w")], &[("w", "2")]).await;
    let [unsubscribe, subscribe] = second.applied.steps[..] else {
        panic!("{:?}", second.applied.steps);
    };
    assert!(
        fixture
            .store
            .open_endpoint(token.clone(), at(4))
            .await
            .unwrap()
            .is_some()
    );
    let waiting = open(&fixture).await;
    assert_eq!(waiting[1].waits_for, [unsubscribe]);
    fixture
        .attempt(unsubscribe, HookOutcome::Unsubscribed, Requests::Answered)
        .await;
    assert!(
        fixture
            .store
            .open_endpoint(token, at(5))
            .await
            .unwrap()
            .is_none()
    );
    let views = all(&fixture).await;
    assert_eq!(views[0].registration.state, RegistrationState::Gone);
    assert_eq!(views[1].registration.down_since, Some(at(4)));
    fixture
        .attempt(subscribe, subscribed("2"), Requests::Answered)
        .await;
    assert_eq!(all(&fixture).await[1].registration.down_since, None);
}

#[tokio::test]
async fn an_overlapping_replacement_keeps_the_old_address_for_72_hours() {
    let fixture = Fixture::new().await;
    let overlap = || vec![webhook("w", ChangeOrder::Overlap, &[])];
    let first = fixture.deploy(overlap(), &[("w", "1")]).await;
    let old = first.applied.steps[0];
    let token = fixture
        .store
        .step_context(old)
        .await
        .unwrap()
        .endpoint_token;
    fixture
        .attempt(old, subscribed("1"), Requests::Answered)
        .await;
    let second = fixture.deploy(overlap(), &[("w", "2")]).await;
    fixture
        .attempt(second.applied.steps[0], subscribed("2"), Requests::Answered)
        .await;
    fixture
        .attempt(
            second.applied.steps[1],
            HookOutcome::Unsubscribed,
            Requests::Answered,
        )
        .await;
    let hours = |hours: i64| at(4 + hours * 3600);
    let find = |now| fixture.store.open_endpoint(token.clone(), now);
    assert!(find(hours(71)).await.unwrap().is_some());
    assert!(find(hours(72)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_step_is_begun_only_when_it_may_and_finished_once() {
    let fixture = Fixture::new().await;
    let first = hooked(&fixture).await;
    let step = first.applied.steps[0];
    fixture
        .attempt(step, subscribed("1"), Requests::Answered)
        .await;
    let context = fixture.store.step_context(step).await.unwrap();
    let begin = || crate::BeginAttempt {
        call: StepKind::Subscribe,
        artifact: context.registration.owner,
        deploy: context.registration.deploy,
        webhook: context.registration.webhook.clone(),
        public_url: String::new(),
        key: context.key.clone(),
        variables: context.registration.variables.clone(),
        now: at(3),
    };
    let error = fixture
        .store
        .begin_attempt(step, begin())
        .await
        .unwrap_err();
    assert!(matches!(error, StepError::Illegal { .. }), "{error}");
    let error = fixture
        .store
        .begin_attempt(StepId(99), begin())
        .await
        .unwrap_err();
    assert!(matches!(error, StepError::Unknown(_)), "{error}");
    let second = fixture.deploy(vec![hook("w")], &[("w", "2")]).await;
    let error = fixture
        .store
        .begin_attempt(second.applied.steps[1], begin())
        .await
        .unwrap_err();
    assert!(matches!(error, StepError::Waiting { .. }), "{error}");
}

#[tokio::test]
async fn a_crash_during_an_attempt_leaves_the_step_unknown_and_its_registration_uncertain() {
    let fixture = Fixture::new().await;
    let deployed = hooked(&fixture).await;
    let step = deployed.applied.steps[0];
    let _ = fixture.begin_attempt(step).await;
    let recovered = fixture.store.recover(at(9)).await.unwrap();
    assert_eq!(
        (recovered.steps[0].step, recovered.steps[0].state),
        (step, StepState::Unknown)
    );
    assert_eq!(recovered.resumed[0].number, deployed.applied.number);
    assert!(recovered.interrupted.is_empty());
    let record = fixture
        .store
        .deploy(fixture.place, deployed.applied.number)
        .await
        .unwrap();
    assert_eq!(record.unwrap().status, DeployStatus::Incomplete);
    let context = fixture.store.step_context(step).await.unwrap();
    assert!(context.was_unknown);
    assert_eq!(context.registration.state, RegistrationState::Uncertain);
    assert_eq!(
        fixture.store.doubtful(fixture.place).await.unwrap()[0].kind,
        DoubtKind::PossibleOrphan
    );
    // Recovering twice finds nothing more.
    let again = fixture.store.recover(at(10)).await.unwrap();
    assert_eq!(again, crate::Recovered::default());
    // What is uncertain is not superseded by the next deploy, which takes it over.
    let next = fixture.deploy(Vec::new(), &[]).await;
    let steps = open(&fixture).await;
    assert_eq!(steps[0].id, step);
    assert_eq!(next.applied.superseded, [deployed.applied.number]);
    let context = fixture.store.step_context(step).await.unwrap();
    assert_eq!(context.deploy.unwrap().0, next.id);
    assert!(context.unwanted);
}

#[tokio::test]
async fn a_crash_before_apply_leaves_the_deploy_interrupted() {
    let fixture = Fixture::new().await;
    let (_, number) = fixture.begin().await;
    let recovered = fixture.store.recover(at(9)).await.unwrap();
    assert_eq!(recovered.interrupted[0].number, number);
    let record = fixture
        .store
        .deploy(fixture.place, number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.status, DeployStatus::Interrupted);
}

#[tokio::test]
async fn extras_that_a_check_finds_are_ended_on_their_own() {
    let fixture = Fixture::new().await;
    let deployed = hooked(&fixture).await;
    let step = deployed.applied.steps[0];
    fixture.attempt(step, broken(), Requests::Unanswered).await;
    let found = vec![subscription("1"), subscription("2"), subscription("3")];
    let finished = fixture
        .attempt(step, HookOutcome::Found(found), Requests::Answered)
        .await;
    let views = all(&fixture).await;
    assert_eq!(views.len(), 3);
    assert_eq!(views[0].registration.state, RegistrationState::Live);
    for extra in &views[1..] {
        assert_eq!(extra.registration.state, RegistrationState::Leaving);
        assert_eq!(extra.found_beside, Some(views[0].registration.id));
    }
    // Two unsubscribes and the further look.
    assert_eq!(finished.new_steps.len(), 3);
    let token = fixture
        .store
        .step_context(step)
        .await
        .unwrap()
        .endpoint_token;
    let extra = fixture
        .store
        .step_context(finished.new_steps[0])
        .await
        .unwrap();
    assert_eq!(extra.endpoint_token, token);
    assert_eq!(extra.unsubscribe_props.unwrap().expose(), "{\"id\":\"2\"}");
    // No plan decides about them, and a further deploy takes them over.
    assert_eq!(
        fixture
            .store
            .snapshot(fixture.place)
            .await
            .unwrap()
            .registrations
            .len(),
        1
    );
    let next = hooked(&fixture).await;
    assert!(next.applied.steps.is_empty());
    for step in open(&fixture).await {
        let context = fixture.store.step_context(step.id).await.unwrap();
        assert_eq!(context.deploy.unwrap().0, next.id);
    }
    for step in &finished.new_steps[..2] {
        fixture
            .attempt(*step, HookOutcome::Unsubscribed, Requests::Answered)
            .await;
    }
    let still = fixture
        .store
        .open_endpoint(token, at(9))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(still.registration.id, views[0].registration.id);
    fixture.store.conclude_deploy(next.id, at(9)).await.unwrap();
    let ours = vec![subscription("1")];
    let look = fixture.attempt(
        finished.new_steps[2],
        HookOutcome::Found(ours),
        Requests::Answered,
    );
    assert_eq!(
        look.await.completed,
        Some((next.applied.number, DeployStatus::Succeeded))
    );
    assert!(open(&fixture).await.is_empty());
}

#[tokio::test]
async fn a_step_waits_for_extras_that_have_to_go_first() {
    let fixture = Fixture::new().await;
    let deployed = hooked(&fixture).await;
    let step = deployed.applied.steps[0];
    let begun = fixture.begin_attempt(step).await;
    let conclusion = domain::Conclusion {
        step: StepState::Retrying,
        registration: RegistrationState::Wanted,
        next_attempt_at: None,
        parked: false,
        error: None,
        new_key: true,
        possible_double: false,
        record: None,
        extras: vec![subscription("1")],
        after_extras: true,
        recheck: false,
        replace: false,
    };
    let finish = |extra_keys: Vec<String>| crate::FinishAttempt {
        attempt: begun.id,
        step,
        conclusion: conclusion.clone(),
        owner: None,
        new_key: "a-new-key".to_owned(),
        extra_keys,
        recheck_at: at(60),
        kv_writes: Vec::new(),
        now: at(4),
    };
    let error = fixture
        .store
        .finish_attempt(finish(Vec::new()))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            StepError::Keys {
                needed: 1,
                given: 0
            }
        ),
        "{error}"
    );
    let finished = fixture
        .store
        .finish_attempt(finish(vec!["k".to_owned()]))
        .await
        .unwrap();
    let steps = open(&fixture).await;
    assert_eq!(steps[0].waits_for, finished.new_steps);
    assert_eq!(
        fixture.store.step_context(step).await.unwrap().key,
        "a-new-key"
    );
    let twice = fixture
        .store
        .finish_attempt(finish(vec!["k".to_owned()]))
        .await
        .unwrap_err();
    assert!(matches!(twice, StepError::Unknown(_)), "{twice}");
    fixture
        .attempt(
            finished.new_steps[0],
            HookOutcome::Unsubscribed,
            Requests::Answered,
        )
        .await;
    assert!(open(&fixture).await[0].waits_for.is_empty());
}

#[tokio::test]
async fn forgetting_closes_the_address_releases_what_waited_and_names_the_person() {
    let fixture = Fixture::new().await;
    let first = hooked(&fixture).await;
    let old = first.applied.steps[0];
    fixture
        .attempt(old, subscribed("1"), Requests::Answered)
        .await;
    let second = fixture.deploy(vec![hook("w")], &[("w", "2")]).await;
    fixture
        .attempt(second.applied.steps[0], refused(true), Requests::Answered)
        .await;
    fixture
        .store
        .conclude_deploy(second.id, at(5))
        .await
        .unwrap();
    let registration = all(&fixture).await[0].registration.id;
    let token = fixture
        .store
        .step_context(old)
        .await
        .unwrap()
        .endpoint_token;
    let forgotten = fixture
        .store
        .forget_registration(registration, "bob".to_owned(), at(6))
        .await
        .unwrap();
    assert_eq!(forgotten.steps, [second.applied.steps[0]]);
    assert!(
        fixture
            .store
            .open_endpoint(token, at(6))
            .await
            .unwrap()
            .is_none()
    );
    let rest = open(&fixture).await;
    assert_eq!(rest.len(), 1);
    assert!(rest[0].waits_for.is_empty());
    let down = all(&fixture).await[1].registration.down_since;
    assert_eq!(down, Some(at(6)));
    let finished = fixture
        .attempt(rest[0].id, subscribed("2"), Requests::Answered)
        .await;
    assert_eq!(finished.completed, None);
    let record = fixture
        .store
        .deploy(fixture.place, second.applied.number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.status, DeployStatus::Incomplete);
    assert_eq!(record.forgotten_by.as_deref(), Some("bob"));
    let over = fixture
        .store
        .forget_registration(registration, "bob".to_owned(), at(7))
        .await
        .unwrap_err();
    assert!(matches!(over, ForgetError::Over(_)), "{over}");
}

#[tokio::test]
async fn nothing_is_forgotten_while_it_is_attempted() {
    let fixture = Fixture::new().await;
    let deployed = hooked(&fixture).await;
    let _ = fixture.begin_attempt(deployed.applied.steps[0]).await;
    let registration = deployed.applied.registrations[0];
    let error = fixture
        .store
        .forget_registration(registration, "bob".to_owned(), at(6))
        .await
        .unwrap_err();
    assert!(matches!(error, ForgetError::Running(_)), "{error}");
}

#[tokio::test]
async fn a_retry_makes_due_what_failed_or_waits() {
    let fixture = Fixture::new().await;
    let deployed = hooked(&fixture).await;
    let step = deployed.applied.steps[0];
    fixture
        .attempt(step, refused(false), Requests::Answered)
        .await;
    assert!(domain::ready_steps(&open(&fixture).await, at(9)).is_empty());
    let retry = |selection| {
        fixture
            .store
            .retry_steps(fixture.place, selection, "bob".to_owned(), at(9))
    };
    assert!(
        retry(RetrySelection::Steps(vec![StepId(99)]))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(retry(RetrySelection::All).await.unwrap(), [step]);
    assert_eq!(domain::ready_steps(&open(&fixture).await, at(9)), [step]);
    assert!(retry(RetrySelection::All).await.unwrap().is_empty());
    fixture
        .attempt(step, refused(true), Requests::Answered)
        .await;
    assert!(open(&fixture).await[0].next_attempt_at.is_some());
    let registration = deployed.applied.registrations[0];
    assert_eq!(
        retry(RetrySelection::Registration(registration))
            .await
            .unwrap(),
        [step]
    );
}

#[tokio::test]
async fn a_possible_double_is_listed_until_a_look_settles_it() {
    let fixture = Fixture::new().await;
    let deployed = hooked(&fixture).await;
    let step = deployed.applied.steps[0];
    fixture.attempt(step, broken(), Requests::Unanswered).await;
    fixture
        .tamper("UPDATE steps SET state = 'retrying', next_attempt_at = NULL")
        .await;
    let finished = fixture
        .attempt(step, subscribed("1"), Requests::Answered)
        .await;
    let doubts = fixture.store.doubtful(fixture.place).await.unwrap();
    assert_eq!(doubts[0].kind, DoubtKind::PossibleDouble);
    let look = finished.new_steps[0];
    let ours = HookOutcome::Found(vec![subscription("1")]);
    fixture.attempt(look, ours, Requests::Answered).await;
    assert!(
        fixture
            .store
            .doubtful(fixture.place)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_expiring_subscription_is_refreshed_by_a_step_of_no_deploy() {
    let fixture = Fixture::new().await;
    let deployed = hooked(&fixture).await;
    let expiring = HookOutcome::Subscribed(domain::Subscription {
        expires_at: Some(at(1_000)),
        ..subscription("1")
    });
    fixture
        .attempt(deployed.applied.steps[0], expiring, Requests::Answered)
        .await;
    let found = fixture.store.expiring(fixture.place).await.unwrap();
    assert_eq!((found[0].since, found[0].expires_at), (at(4), at(1_000)));
    let id = found[0].registration;
    let step = fixture
        .store
        .create_refresh(id, at(900))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        fixture.store.create_refresh(id, at(900)).await.unwrap(),
        None
    );
    assert!(
        fixture
            .store
            .expiring(fixture.place)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        fixture
            .store
            .step_context(step)
            .await
            .unwrap()
            .deploy
            .is_none()
    );
    let finished = fixture
        .attempt(step, refused(false), Requests::Answered)
        .await;
    assert_eq!(finished.replace, Some(id));
}

#[tokio::test]
async fn a_subscription_is_replaced_in_the_order_that_is_asked_for() {
    for (order, first) in [
        (ChangeOrder::Replace, StepKind::Unsubscribe),
        (ChangeOrder::Overlap, StepKind::Subscribe),
    ] {
        let fixture = Fixture::new().await;
        let deployed = hooked(&fixture).await;
        fixture
            .attempt(
                deployed.applied.steps[0],
                subscribed("1"),
                Requests::Answered,
            )
            .await;
        let old = all(&fixture).await.remove(0).registration;
        let replace = || Replace {
            registration: old.id,
            reason: "somebody asked".to_owned(),
            owner: old.owner,
            deploy: old.deploy,
            webhook: old.webhook.clone(),
            basis: old.basis.clone(),
            secrets: fixture.secrets(),
            order,
            actor: "bob".to_owned(),
            now: at(5),
        };
        let replaced = fixture.store.replace_registration(replace()).await.unwrap();
        let steps = open(&fixture).await;
        assert_eq!(steps[0].kind, first);
        assert_eq!(steps[1].waits_for, [steps[0].id]);
        assert_eq!(
            steps.iter().map(|step| step.id).collect::<Vec<_>>(),
            replaced.steps
        );
        assert!(fixture.store.replace_registration(replace()).await.is_err());
    }
}
