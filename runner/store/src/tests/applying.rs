//! The apply transaction.

use domain::declare::ChangeOrder;
use domain::{DeployStatus, RegistrationState, Secret, ValueKey, ValueKind};

use super::fixture::{Fixture, action, at, hook, list, webhook};
use crate::{ApplyError, AtomicIntent, AtomicOutcome, DeployFailure, EnvironmentUpdate};

#[tokio::test]
async fn an_object_that_goes_and_comes_back_is_the_same_object() {
    let fixture = Fixture::new().await;
    fixture
        .deploy(vec![action("a", "A"), action("b", "B")], &[])
        .await;
    let before = fixture.store.snapshot(fixture.place).await.unwrap();
    fixture.deploy(vec![action("b", "B")], &[]).await;
    let without = fixture.store.snapshot(fixture.place).await.unwrap();
    assert_eq!(
        without.objects.iter().map(|o| o.live).collect::<Vec<_>>(),
        [false, true]
    );
    fixture
        .deploy(vec![action("a", "A again"), action("b", "B")], &[])
        .await;
    let after = fixture.store.snapshot(fixture.place).await.unwrap();
    let ids = |snapshot: &domain::Snapshot| -> Vec<_> {
        snapshot.objects.iter().map(|object| object.id).collect()
    };
    assert_eq!(ids(&before), ids(&after));
    assert!(after.objects.iter().all(|object| object.live));
    assert!(after.objects[0].spec.contains("A again"));
}

#[tokio::test]
async fn a_renamed_object_keeps_its_id() {
    let fixture = Fixture::new().await;
    fixture.deploy(vec![action("old", "A")], &[]).await;
    let before = fixture.store.snapshot(fixture.place).await.unwrap();
    let mut renamed = action("new", "A");
    if let domain::declare::Object::Action(action) = &mut renamed {
        action.renamed_from = Some("old".to_owned());
    }
    fixture.deploy(vec![renamed], &[]).await;
    let after = fixture.store.snapshot(fixture.place).await.unwrap();
    assert_eq!(after.objects.len(), 1);
    assert_eq!(after.objects[0].id, before.objects[0].id);
    assert_eq!(after.objects[0].key.name.as_str(), "new");
}

#[tokio::test]
async fn a_plan_from_facts_that_changed_is_stale_and_changes_nothing() {
    let fixture = Fixture::new().await;
    fixture.deploy(vec![action("a", "A")], &[]).await;
    let apply = fixture
        .prepare(
            &list(vec![webhook("w", ChangeOrder::Replace, &["TOKEN"])]),
            &[("w", "{}")],
        )
        .await;
    fixture.set_secret("TOKEN", "a-secret-value").await;
    let before = fixture.store.snapshot(fixture.place).await.unwrap();
    let error = fixture.try_apply(apply).await.unwrap_err();
    assert!(matches!(error, ApplyError::Stale { .. }), "{error}");
    assert_eq!(fixture.store.snapshot(fixture.place).await.unwrap(), before);
}

#[tokio::test]
async fn a_value_that_the_list_does_not_use_makes_no_plan_stale() {
    let fixture = Fixture::new().await;
    let apply = fixture.prepare(&list(vec![action("a", "A")]), &[]).await;
    fixture.set_secret("UNUSED", "a-secret-value").await;
    let applied = fixture.try_apply(apply).await.unwrap();
    assert_eq!(applied.number.0, 1);
}

#[tokio::test]
async fn a_lost_lease_applies_nothing() {
    let fixture = Fixture::new().await;
    let apply = fixture.prepare(&list(vec![action("a", "A")]), &[]).await;
    fixture
        .store
        .break_lease(fixture.place, "eve".to_owned(), at(2))
        .await
        .unwrap();
    let error = fixture.try_apply(apply).await.unwrap_err();
    assert!(matches!(error, ApplyError::LeaseLost { .. }), "{error}");
    assert!(
        fixture
            .store
            .snapshot(fixture.place)
            .await
            .unwrap()
            .objects
            .is_empty()
    );
}

#[tokio::test]
async fn a_deploy_is_applied_once_and_only_while_it_runs() {
    let fixture = Fixture::new().await;
    let apply = fixture.prepare(&list(vec![action("a", "A")]), &[]).await;
    let failure = DeployFailure {
        code: "x".to_owned(),
        message: "y".to_owned(),
    };
    fixture
        .store
        .fail_deploy(apply.deploy, failure, at(2))
        .await
        .unwrap();
    let error = fixture.try_apply(apply).await.unwrap_err();
    assert!(matches!(error, ApplyError::NotApplicable(_)), "{error}");
}

#[tokio::test]
async fn a_deploy_without_steps_succeeds_and_one_with_steps_is_incomplete() {
    let fixture = Fixture::new().await;
    let plain = fixture.deploy(vec![action("a", "A")], &[]).await;
    let status = fixture
        .store
        .conclude_deploy(plain.id, at(3))
        .await
        .unwrap();
    assert_eq!(status, DeployStatus::Succeeded);
    let deployed = fixture.store.deployed(Some(fixture.place)).await.unwrap();
    assert!(!deployed[0].settling);
    let hooked = fixture.deploy(vec![hook("w")], &[("w", "{}")]).await;
    let status = fixture
        .store
        .conclude_deploy(hooked.id, at(3))
        .await
        .unwrap();
    assert_eq!(status, DeployStatus::Incomplete);
    let deployed = fixture.store.deployed(Some(fixture.place)).await.unwrap();
    assert_eq!(deployed.len(), 1);
    assert!(deployed[0].settling);
    assert_eq!(deployed[0].deploy, hooked.applied.number);
}

#[tokio::test]
async fn there_and_back_before_any_call_leaves_nothing_to_do() {
    let fixture = Fixture::new().await;
    let first = fixture.deploy(vec![hook("w")], &[("w", "1")]).await;
    fixture
        .attempt(
            first.applied.steps[0],
            super::fixture::subscribed("1"),
            domain::Requests::Answered,
        )
        .await;
    fixture
        .store
        .conclude_deploy(first.id, at(5))
        .await
        .unwrap();
    let second = fixture.deploy(vec![hook("w")], &[("w", "2")]).await;
    assert_eq!(second.applied.steps.len(), 2);
    fixture
        .store
        .conclude_deploy(second.id, at(5))
        .await
        .unwrap();
    let third = fixture.deploy(vec![hook("w")], &[("w", "1")]).await;
    assert!(third.applied.steps.is_empty());
    assert_eq!(third.applied.superseded, [second.applied.number]);
    assert!(
        fixture
            .store
            .open_steps(fixture.place)
            .await
            .unwrap()
            .is_empty()
    );
    let snapshot = fixture.store.snapshot(fixture.place).await.unwrap();
    assert_eq!(snapshot.registrations.len(), 1);
    assert_eq!(snapshot.registrations[0].state, RegistrationState::Live);
    let lost = fixture
        .store
        .deploy(fixture.place, second.applied.number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lost.status, DeployStatus::Incomplete);
    assert_eq!(lost.superseded_by, Some(third.applied.number));
}

#[tokio::test]
async fn no_deploy_goes_live_while_a_step_is_running() {
    let fixture = Fixture::new().await;
    let first = fixture.deploy(vec![hook("w")], &[("w", "1")]).await;
    let apply = fixture.prepare(&list(vec![hook("w")]), &[("w", "2")]).await;
    let _ = fixture.begin_attempt(first.applied.steps[0]).await;
    let error = fixture.try_apply(apply).await.unwrap_err();
    assert!(matches!(error, ApplyError::StepRunning(_)), "{error}");
}

#[tokio::test]
async fn the_intent_to_undo_stays_until_it_is_settled() {
    let fixture = Fixture::new().await;
    let mut apply = fixture.prepare(&list(vec![hook("w")]), &[("w", "1")]).await;
    apply.atomic = Some(AtomicIntent { previous: None });
    let (deploy, lease) = (apply.deploy, apply.lease.clone());
    let applied = fixture.try_apply(apply).await.unwrap();
    // The lease lasts until it is known whether the deploy stays.
    fixture
        .store
        .heartbeat(fixture.place, lease, super::fixture::TTL, at(3))
        .await
        .unwrap();
    fixture.store.conclude_deploy(deploy, at(4)).await.unwrap();
    let pending = fixture.store.pending_compensations().await.unwrap();
    assert_eq!(pending[0].number, applied.number);
    fixture
        .store
        .settle_atomic(deploy, AtomicOutcome::RolledBack, at(5))
        .await
        .unwrap();
    assert!(
        fixture
            .store
            .pending_compensations()
            .await
            .unwrap()
            .is_empty()
    );
    let record = fixture
        .store
        .deploy(fixture.place, applied.number)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.status, DeployStatus::RolledBack);
}

#[tokio::test]
async fn a_new_public_url_makes_a_reconfigure_due_where_webhooks_are_live() {
    let fixture = Fixture::new().await;
    fixture.deploy(vec![hook("w")], &[("w", "1")]).await;
    let update = EnvironmentUpdate {
        public_url: Some(Some("https://hooks.example.com/".to_owned())),
        ..EnvironmentUpdate::default()
    };
    let environment = fixture
        .store
        .update_environment(
            "development".parse().unwrap(),
            update.clone(),
            "ada".to_owned(),
            at(5),
        )
        .await
        .unwrap();
    assert_eq!(
        environment.public_url.as_deref(),
        Some("https://hooks.example.com")
    );
    let due = fixture.store.due_reconfigures(None).await.unwrap();
    assert_eq!(
        (due[0].place, due[0].causes.as_slice()),
        (fixture.place, &["the public URL".to_owned()][..])
    );
    // Applying is planned from the new address, so nothing is due any more.
    fixture.deploy(vec![hook("w")], &[("w", "1")]).await;
    assert!(
        fixture
            .store
            .due_reconfigures(None)
            .await
            .unwrap()
            .is_empty()
    );
    fixture
        .store
        .update_environment(
            "development".parse().unwrap(),
            update,
            "ada".to_owned(),
            at(6),
        )
        .await
        .unwrap();
    assert!(
        fixture
            .store
            .due_reconfigures(None)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_last_deploy_with_another_artifact_is_what_a_rollback_goes_to() {
    let fixture = Fixture::new().await;
    let first = fixture.deploy(vec![action("a", "1")], &[]).await;
    fixture.deploy(vec![action("a", "2")], &[]).await;
    fixture.deploy(vec![action("a", "2")], &[]).await;
    fixture.begin().await;
    let found = fixture
        .store
        .last_live_with_another_artifact(fixture.place)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.number, first.applied.number);
}

#[tokio::test]
async fn nothing_of_one_project_is_seen_or_changed_by_another() {
    let fixture = Fixture::new().await;
    fixture.deploy(vec![action("a", "A")], &[]).await;
    let before = fixture.store.snapshot(fixture.place).await.unwrap();
    let other = fixture
        .store
        .ensure_project("other".parse().unwrap(), at(0))
        .await
        .unwrap();
    let elsewhere = domain::Place {
        project: other.id,
        ..fixture.place
    };
    let key = ValueKey {
        kind: ValueKind::Variable,
        name: "REGION".to_owned(),
    };
    fixture
        .store
        .set_value(elsewhere, key, Secret::new("eu"), "ada".to_owned(), at(1))
        .await
        .unwrap();
    assert_eq!(fixture.store.snapshot(fixture.place).await.unwrap(), before);
    assert!(
        fixture
            .store
            .snapshot(elsewhere)
            .await
            .unwrap()
            .objects
            .is_empty()
    );
}
