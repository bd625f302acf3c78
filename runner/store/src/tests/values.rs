//! Secrets, variables and app configuration.

use domain::declare::ChangeOrder;
use domain::{Requests, Secret, StepState, ValueKey, ValueKind};

use super::fixture::{Fixture, at, secret_key, subscribed, webhook};
use crate::{Force, UnsetError};

fn needing() -> Vec<domain::declare::Object> {
    vec![webhook("w", ChangeOrder::Replace, &["TOKEN"])]
}

#[tokio::test]
async fn a_version_never_goes_back_and_the_same_value_changes_nothing() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    assert_eq!(fixture.set_secret("TOKEN", "one-value").await.version, 1);
    let again = fixture.set_secret("TOKEN", "one-value").await;
    assert_eq!((again.version, again.changed), (1, false));
    assert_eq!(fixture.set_secret("TOKEN", "two-value").await.version, 2);
    let unset = store
        .unset_value(
            fixture.place,
            secret_key("TOKEN"),
            Force::No,
            "ada".to_owned(),
            at(2),
        )
        .await
        .unwrap();
    assert!(unset.was_set);
    assert!(!store.list_values(fixture.place).await.unwrap()[0].set);
    let none = store
        .values_for(fixture.place, vec![secret_key("TOKEN")])
        .await
        .unwrap();
    assert!(none.is_empty());
    let set = fixture.set_secret("TOKEN", "two-value").await;
    assert_eq!((set.version, set.changed), (4, true));
    let held = store
        .values_for(fixture.place, vec![secret_key("TOKEN")])
        .await
        .unwrap();
    assert_eq!(held[&secret_key("TOKEN")].value.expose(), "two-value");
}

#[tokio::test]
async fn a_list_shows_variables_and_never_secrets() {
    let fixture = Fixture::new().await;
    fixture.set_secret("TOKEN", "a-secret-value").await;
    let region = ValueKey {
        kind: ValueKind::Variable,
        name: "REGION".to_owned(),
    };
    fixture
        .store
        .set_value(
            fixture.place,
            region.clone(),
            Secret::new("eu"),
            "ada".to_owned(),
            at(1),
        )
        .await
        .unwrap();
    let listed = fixture.store.list_values(fixture.place).await.unwrap();
    assert_eq!(listed.len(), 2);
    for entry in listed {
        let expected = (entry.key == region).then_some("eu");
        assert_eq!(entry.value.as_deref(), expected);
    }
}

#[tokio::test]
async fn changes_that_wait_merge_and_what_comes_in_meanwhile_stays_due() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    assert!(
        !fixture
            .set_secret("TOKEN", "one-value")
            .await
            .reconfigure_due
    );
    fixture.deploy(needing(), &[("w", "{}")]).await;
    assert!(
        fixture
            .set_secret("TOKEN", "two-value")
            .await
            .reconfigure_due
    );
    assert!(
        fixture
            .set_secret("TOKEN", "three-value")
            .await
            .reconfigure_due
    );
    assert!(!fixture.set_secret("UNUSED", "value").await.reconfigure_due);
    let due = store.due_reconfigures(Some(fixture.place)).await.unwrap();
    assert_eq!((due.len(), due[0].generation), (1, 2));
    assert_eq!(due[0].causes, ["secret TOKEN"]);
    store
        .reconfigure_failed(fixture.place, "no network".to_owned())
        .await
        .unwrap();
    fixture.set_secret("TOKEN", "four-value").await;
    store.reconfigure_done(fixture.place, 2).await.unwrap();
    let still = store.due_reconfigures(None).await.unwrap();
    assert_eq!(still[0].generation, 3);
    assert_eq!(still[0].last_error.as_deref(), Some("no network"));
    store.reconfigure_done(fixture.place, 3).await.unwrap();
    assert!(store.due_reconfigures(None).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_old_reconfigure_that_ends_does_not_take_a_newer_one_for_done() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    fixture.set_secret("TOKEN", "one-value").await;
    fixture.deploy(needing(), &[("w", "{}")]).await;
    fixture.set_secret("TOKEN", "two-value").await;
    fixture.set_secret("TOKEN", "three-value").await;
    let old = store.due_reconfigures(None).await.unwrap().remove(0);
    // A deploy sees the values, so that nothing is due; then another value is set.
    fixture.deploy(needing(), &[("w", "{}")]).await;
    assert!(store.due_reconfigures(None).await.unwrap().is_empty());
    fixture.set_secret("TOKEN", "four-value").await;
    let reconfigure = store.reconfigure_done(fixture.place, old.generation);
    reconfigure.await.unwrap();
    let due = store.due_reconfigures(None).await.unwrap();
    assert_eq!(due.len(), 1);
    assert!(due[0].generation > old.generation, "{due:?}");
}

#[tokio::test]
async fn changes_are_counted_on_from_a_reconfigure_that_an_older_version_left_due() {
    let fixture = Fixture::new().await;
    fixture.set_secret("TOKEN", "one-value").await;
    fixture.deploy(needing(), &[("w", "{}")]).await;
    fixture.set_secret("TOKEN", "two-value").await;
    fixture
        .tamper(
            "UPDATE due_reconfigures SET generation = 7;
             DELETE FROM meta WHERE key = 'reconfigure_generation'",
        )
        .await;
    fixture.set_secret("TOKEN", "three-value").await;
    let due = fixture.store.due_reconfigures(None).await.unwrap();
    assert_eq!(due[0].generation, 8);
}

#[tokio::test]
async fn a_value_that_a_subscription_needs_is_unset_by_force_only() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    fixture.set_secret("TOKEN", "one-value").await;
    let deployed = fixture.deploy(needing(), &[("w", "{}")]).await;
    fixture
        .attempt(
            deployed.applied.steps[0],
            subscribed("1"),
            Requests::Answered,
        )
        .await;
    let unset = |force| {
        store.unset_value(
            fixture.place,
            secret_key("TOKEN"),
            force,
            "ada".to_owned(),
            at(5),
        )
    };
    match unset(Force::No).await.unwrap_err() {
        UnsetError::StillNeeded { owners } => {
            assert_eq!(owners, ["webhook w (subscription 1 of deploy 1)"]);
        }
        UnsetError::Store(error) => panic!("{error}"),
    }
    // Gone from the list, but still to be unsubscribed by its owner.
    fixture.deploy(Vec::new(), &[]).await;
    assert!(unset(Force::No).await.is_err());
    assert!(unset(Force::Yes).await.unwrap().was_set);
}

#[tokio::test]
async fn a_step_that_waits_for_a_value_is_due_when_it_is_set() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    let deployed = fixture.deploy(needing(), &[("w", "{}")]).await;
    let step = deployed.applied.steps[0];
    store
        .set_awaiting(step, vec![secret_key("TOKEN"), secret_key("OTHER")])
        .await
        .unwrap();
    fixture.set_secret("OTHER", "value").await;
    let waiting = store.open_steps(fixture.place).await.unwrap();
    assert_eq!(waiting[0].awaiting, ["secret TOKEN"]);
    fixture.set_secret("TOKEN", "value").await;
    let due = store.open_steps(fixture.place).await.unwrap();
    assert!(due[0].awaiting.is_empty());
    assert_eq!(domain::ready_steps(&due, at(9)), [step]);
}

#[tokio::test]
async fn a_changed_value_gives_a_failed_step_another_chance() {
    let fixture = Fixture::new().await;
    fixture.set_secret("TOKEN", "wrong-value").await;
    let deployed = fixture.deploy(needing(), &[("w", "{}")]).await;
    let refused = domain::HookOutcome::Refused {
        retryable: false,
        message: "401".to_owned(),
        retry_after: None,
    };
    fixture
        .attempt(deployed.applied.steps[0], refused, Requests::Answered)
        .await;
    let steps = fixture.store.open_steps(fixture.place).await.unwrap();
    assert_eq!(steps[0].state, StepState::Failed);
    fixture.set_secret("UNRELATED", "value").await;
    let steps = fixture.store.open_steps(fixture.place).await.unwrap();
    assert_eq!(steps[0].state, StepState::Failed);
    fixture.set_secret("TOKEN", "right-value").await;
    let steps = fixture.store.open_steps(fixture.place).await.unwrap();
    assert_eq!(
        (steps[0].state, steps[0].attempts),
        (StepState::Retrying, 0)
    );
}
