//! What a deploy does to registrations, case by case.
#![expect(
    clippy::unwrap_used,
    reason = "a setup that fails is a test that fails"
)]

use std::collections::BTreeMap;

use domain::declare::{ChangeOrder, DeployList, Hooks, Object, Respond, Signature, Webhook};
use domain::{
    ArtifactDigest, CheckedList, DeployNumber, Desired, ObjectId, ObjectKey, ObjectKind,
    PropsOutcome, Registration, RegistrationId, RegistrationState, Snapshot, Step, StepId,
    StepKind, StepState, StoredObject, Subject, SubscriptionBasis, SubscriptionPlan, Target, Wait,
    Wave, WebhookProps, plan,
};

const URL: &str = "http://127.0.0.1:4601";

fn webhook(name: &str, order: ChangeOrder) -> Webhook {
    Webhook {
        name: name.to_owned(),
        title: String::new(),
        integration: None,
        per_user: false,
        hooks: Hooks {
            subscription: true,
            refresh: true,
            check: true,
        },
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        signature: Signature::None,
        dedupe: None,
        respond: Respond::Ack,
        silence_seconds: None,
        order,
        challenge: None,
        timeout_ms: None,
        renamed_from: None,
        location: None,
    }
}

fn basis(props: &str) -> SubscriptionBasis {
    SubscriptionBasis {
        props: props.to_owned(),
        values: BTreeMap::new(),
        public_url: URL.to_owned(),
    }
}

/// One project with one webhook `w`, object 1, and what the store holds of it.
struct Case {
    snapshot: Snapshot,
    order: ChangeOrder,
}

impl Case {
    fn new() -> Self {
        Self {
            snapshot: Snapshot {
                objects: vec![StoredObject {
                    id: ObjectId(1),
                    key: key("w"),
                    live: true,
                    spec: "{}".to_owned(),
                }],
                ..Snapshot::default()
            },
            order: ChangeOrder::Replace,
        }
    }

    fn overlap(mut self) -> Self {
        self.order = ChangeOrder::Overlap;
        self
    }

    fn with(mut self, id: i64, props: &str, state: RegistrationState) -> Self {
        self.snapshot.registrations.push(Registration {
            id: RegistrationId(id),
            subject: Subject {
                object: ObjectId(1),
                user: None,
            },
            webhook: "w".parse().unwrap(),
            owner: ArtifactDigest::of(b"old"),
            deploy: DeployNumber(1),
            basis: basis(props),
            variables: BTreeMap::new(),
            state,
            possible_double: false,
            expires_at: None,
            down_since: None,
        });
        self
    }

    fn step(mut self, id: i64, registration: i64, kind: StepKind, state: StepState) -> Self {
        self.snapshot.steps.push(Step {
            id: StepId(id),
            kind,
            state,
            registration: RegistrationId(registration),
            subject: Subject {
                object: ObjectId(1),
                user: None,
            },
            webhook: "w".parse().unwrap(),
            wave: Wave::Changed,
            waits_for: Vec::new(),
            attempts: u32::from(state != StepState::Pending),
            checks: 0,
            next_attempt_at: None,
            was_unknown: state != StepState::Pending,
            parked: false,
            awaiting: Vec::new(),
            last_error: None,
        });
        self
    }

    fn wants(&self, outcome: Option<PropsOutcome>) -> SubscriptionPlan {
        let objects = outcome
            .iter()
            .map(|_| Object::Webhook(webhook("w", self.order)))
            .collect();
        let list = CheckedList::new(DeployList {
            objects,
            uses: Vec::new(),
        })
        .unwrap();
        let props = outcome
            .into_iter()
            .map(|outcome| WebhookProps {
                webhook: "w".parse().unwrap(),
                user: None,
                outcome,
            })
            .collect();
        let desired = Desired {
            artifact: ArtifactDigest::of(b"new"),
            list: &list,
            props,
        };
        plan(&self.snapshot, &desired).subscriptions
    }

    fn wants_props(&self, props: &str) -> SubscriptionPlan {
        self.wants(Some(PropsOutcome::Basis(basis(props))))
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey {
        kind: ObjectKind::Webhook,
        name: name.parse().unwrap(),
    }
}

/// Shows a plan's steps as `kind target after waits`, for comparison.
fn steps(plan: &SubscriptionPlan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| {
            let target = match step.target {
                Target::Existing(id) => format!("{id}"),
                Target::New(index) => format!("new{index}"),
            };
            let waits: Vec<String> = step
                .waits_for
                .iter()
                .map(|wait| match wait {
                    Wait::Existing(id) => format!("step{id}"),
                    Wait::Planned(index) => format!("planned{index}"),
                })
                .collect();
            let after = if waits.is_empty() {
                String::new()
            } else {
                format!(" after {}", waits.join(" "))
            };
            format!("{} {target} wave {}{after}", step.kind, step.wave.number())
        })
        .collect()
}

use RegistrationState::{Leaving, Live, Uncertain, Wanted};
use StepKind::{Check, Refresh, Subscribe, Unsubscribe};
use StepState::{Failed, Pending, Retrying, Unknown};

#[test]
fn a_new_webhook_is_subscribed_in_the_last_wave() {
    assert_eq!(
        steps(&Case::new().wants_props("1")),
        ["subscribe new0 wave 3"]
    );
}

#[test]
fn unchanged_props_leave_nothing_to_do() {
    let plan = Case::new().with(7, "1", Live).wants_props("1");
    assert!(steps(&plan).is_empty());
    assert_eq!(plan.keep, [RegistrationId(7)]);
}

#[test]
fn changed_props_replace_the_subscription_in_the_order_that_the_webhook_asks_for() {
    let case = Case::new().with(7, "1", Live);
    assert_eq!(
        steps(&case.wants_props("2")),
        [
            "unsubscribe 7 wave 2",
            "subscribe new0 wave 2 after planned0"
        ]
    );
    assert_eq!(
        steps(&case.overlap().wants_props("2")),
        [
            "subscribe new0 wave 2",
            "unsubscribe 7 wave 2 after planned0"
        ]
    );
}

#[test]
fn a_webhook_that_is_gone_is_unsubscribed_first() {
    let plan = Case::new().with(7, "1", Live).wants(None);
    assert_eq!(steps(&plan), ["unsubscribe 7 wave 1"]);
    assert_eq!(plan.leave, [RegistrationId(7)]);
}

#[test]
fn there_and_back_before_any_call_leaves_nothing_to_do() {
    let plan = Case::new()
        .with(7, "1", Leaving)
        .step(1, 7, Unsubscribe, Pending)
        .with(8, "2", Wanted)
        .step(2, 8, Subscribe, Pending)
        .wants_props("1");
    assert!(steps(&plan).is_empty());
    assert_eq!(plan.supersede, [StepId(1), StepId(2)]);
    assert_eq!(plan.revive, [RegistrationId(7)]);
    assert_eq!(plan.discard, [RegistrationId(8)]);
}

#[test]
fn an_owed_unsubscribe_is_planned_anew_and_the_new_subscription_waits_for_it() {
    let plan = Case::new()
        .with(7, "1", Leaving)
        .step(1, 7, Unsubscribe, Retrying)
        .with(8, "2", Wanted)
        .step(2, 8, Subscribe, Pending)
        .wants_props("3");
    assert_eq!(plan.supersede, [StepId(1), StepId(2)]);
    assert_eq!(
        steps(&plan),
        [
            "unsubscribe 7 wave 2",
            "subscribe new0 wave 2 after planned0"
        ]
    );
}

#[test]
fn a_failed_subscribe_is_tried_anew_by_the_next_deploy() {
    let plan = Case::new()
        .with(7, "1", Wanted)
        .step(1, 7, Subscribe, Failed)
        .wants_props("1");
    assert_eq!(plan.supersede, [StepId(1)]);
    assert_eq!(steps(&plan), ["subscribe new0 wave 3"]);
}

#[test]
fn what_is_uncertain_and_wanted_is_kept_and_resolved() {
    for state in [Unknown, Retrying, Failed] {
        let plan = Case::new()
            .with(7, "1", Uncertain)
            .step(1, 7, Subscribe, state)
            .wants_props("1");
        assert!(steps(&plan).is_empty());
        assert!(plan.supersede.is_empty());
        assert_eq!(plan.adopt, [StepId(1)]);
        assert_eq!(plan.keep, [RegistrationId(7)]);
    }
}

#[test]
fn what_is_uncertain_and_unwanted_is_resolved_then_unsubscribed() {
    let case = Case::new()
        .with(7, "1", Uncertain)
        .step(1, 7, Subscribe, Unknown);
    assert_eq!(
        steps(&case.wants_props("2")),
        [
            "unsubscribe 7 wave 2 after step1",
            "subscribe new0 wave 2 after planned0"
        ]
    );
    assert_eq!(
        steps(&case.wants(None)),
        ["unsubscribe 7 wave 1 after step1"]
    );
    assert_eq!(
        steps(&case.overlap().wants_props("2")),
        [
            "subscribe new0 wave 2 after step1",
            "unsubscribe 7 wave 2 after planned0 step1"
        ]
    );
}

#[test]
fn an_uncertain_unsubscribe_is_finished_before_any_new_subscribe() {
    let case = Case::new()
        .with(7, "1", Uncertain)
        .step(1, 7, Unsubscribe, Unknown);
    for plan in [case.wants_props("1"), case.overlap().wants_props("1")] {
        assert_eq!(steps(&plan), ["subscribe new0 wave 2 after step1"]);
        assert_eq!(plan.adopt, [StepId(1)]);
    }
}

#[test]
fn the_unsubscribe_that_waits_for_an_uncertain_subscribe_is_planned_anew() {
    // It has not started, though its registration is uncertain.
    let plan = Case::new()
        .with(7, "1", Uncertain)
        .step(1, 7, Subscribe, Unknown)
        .step(2, 7, Unsubscribe, Pending)
        .wants_props("1");
    assert_eq!(plan.supersede, [StepId(2)]);
    assert_eq!(plan.adopt, [StepId(1)]);
    assert_eq!(plan.keep, [RegistrationId(7)]);
    assert!(steps(&plan).is_empty());
}

#[test]
fn of_two_that_match_the_newest_is_kept() {
    let plan = Case::new()
        .with(7, "1", Live)
        .with(8, "1", Live)
        .wants_props("1");
    assert_eq!(plan.keep, [RegistrationId(8)]);
    assert_eq!(steps(&plan), ["unsubscribe 7 wave 1"]);
}

#[test]
fn an_unconfigured_webhook_keeps_what_it_has() {
    let plan = Case::new()
        .with(7, "1", Live)
        .step(1, 7, Refresh, Retrying)
        .wants(Some(PropsOutcome::Unconfigured(vec![
            "secret TOKEN".to_owned(),
        ])));
    assert!(steps(&plan).is_empty());
    assert_eq!(plan.keep, [RegistrationId(7)]);
    // A refresh is written anew when it is due.
    assert_eq!(plan.supersede, [StepId(1)]);
    assert_eq!(plan.unconfigured[0].missing, ["secret TOKEN"]);
}

#[test]
fn an_unconfigured_webhook_begins_nothing_that_it_had_not_begun() {
    let plan = Case::new()
        .with(7, "1", Leaving)
        .step(1, 7, Unsubscribe, Retrying)
        .with(8, "2", Wanted)
        .step(2, 8, Subscribe, Pending)
        .wants(Some(PropsOutcome::Unconfigured(vec![
            "secret TOKEN".to_owned(),
        ])));
    assert!(steps(&plan).is_empty());
    assert_eq!(plan.supersede, [StepId(1), StepId(2)]);
    assert_eq!(plan.revive, [RegistrationId(7)]);
    assert_eq!(plan.discard, [RegistrationId(8)]);
}

#[test]
fn what_is_uncertain_is_not_superseded_though_its_counts_began_anew() {
    let mut case = Case::new()
        .with(7, "1", Uncertain)
        .step(1, 7, Subscribe, Retrying);
    case.snapshot.steps[0].attempts = 0;
    let plan = case.wants_props("1");
    assert_eq!(plan.adopt, [StepId(1)]);
    assert!(plan.supersede.is_empty());
}

#[test]
fn a_check_that_is_owed_outlives_every_deploy() {
    let plan = Case::new()
        .with(7, "1", Live)
        .step(1, 7, Check, Pending)
        .wants(None);
    assert_eq!(plan.adopt, [StepId(1)]);
    assert!(plan.supersede.is_empty());
}
