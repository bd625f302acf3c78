//! A store in a temporary directory, and the few moves that most tests need.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use domain::declare::{
    Action, ChangeOrder, DeployList, Hooks, Object, Respond, SecretUse, Signature, Webhook,
};
use domain::{
    Attempt, CheckedList, DeployCause, DeployId, DeployNumber, DeployStatus, Desired, HookOutcome,
    Place, Plan, PropsOutcome, RegistrationId, Requests, Secret, Snapshot, StepId, Subscription,
    SubscriptionBasis, Timestamp, ValueKey, ValueKind, ValueVersions, WebhookProps, conclude,
    hook_to_call, plan,
};
use tempfile::TempDir;

use crate::{
    Acquire, Acquired, Applied, Apply, ApplyError, ArtifactSource, BeginAttempt, DataDir,
    FinishAttempt, KeySource, LeaseToken, NewDeploy, NewOwner, NewRegistrationSecrets, Store,
};

pub(super) const LOCAL: &str = "http://127.0.0.1:4601";
pub(super) const TTL: Duration = Duration::from_secs(30);

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + seconds * 1_000)
}

pub(super) struct Fixture {
    pub(super) dir: TempDir,
    pub(super) data: DataDir,
    pub(super) store: Store,
    pub(super) place: Place,
    pub(super) counter: AtomicU64,
}

/// A deploy that was applied.
pub(super) struct Deployed {
    pub(super) id: DeployId,
    pub(super) applied: Applied,
}

/// What finishing an attempt made; most tests look at the store instead.
pub(super) struct After {
    pub(super) replace: Option<RegistrationId>,
    pub(super) new_steps: Vec<StepId>,
    pub(super) completed: Option<(DeployNumber, DeployStatus)>,
}

impl Fixture {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path().join("data"), &KeySource::File).unwrap();
        let store = Store::open(&data).await.unwrap();
        let project = store
            .ensure_project("demo".parse().unwrap(), at(0))
            .await
            .unwrap();
        let environment = store
            .environment("development".parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        let place = Place {
            project: project.id,
            environment: environment.id,
        };
        Self {
            dir,
            data,
            store,
            place,
            counter: AtomicU64::new(0),
        }
    }

    pub(super) fn next(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) async fn lease(&self) -> LeaseToken {
        let token = LeaseToken(format!("lease-{}", self.next()));
        let acquired = self
            .store
            .acquire_lease(Acquire {
                place: self.place,
                holder: "test".to_owned(),
                token: token.clone(),
                ttl: TTL,
                now: at(0),
            })
            .await
            .unwrap();
        assert!(matches!(acquired, Acquired::Yes { .. }), "{acquired:?}");
        token
    }

    pub(super) async fn begin(&self) -> (DeployId, DeployNumber) {
        self.store
            .begin_deploy(NewDeploy {
                place: self.place,
                cause: DeployCause::Deploy,
                actor: "ada".to_owned(),
                description: None,
                version: None,
                rollback_of: None,
                now: at(1),
            })
            .await
            .unwrap()
    }

    /// Prepares everything for an apply, but for applying it.
    pub(super) async fn prepare(&self, list: &Arc<CheckedList>, props: &[(&str, &str)]) -> Apply {
        let bytes: Arc<[u8]> = list.to_json().into_bytes().into();
        let artifact = self
            .store
            .store_artifact(ArtifactSource::Bytes(bytes), 1 << 26, at(1))
            .await
            .unwrap()
            .digest;
        self.store
            .save_artifact_list(artifact, Arc::clone(list))
            .await
            .unwrap();
        let (deploy, _) = self.begin().await;
        let lease = self.lease().await;
        let snapshot = self.store.snapshot(self.place).await.unwrap();
        let plan = plan_of(&snapshot, artifact, list, props);
        let registrations = plan
            .subscriptions
            .create
            .iter()
            .map(|_| self.secrets())
            .collect();
        Apply {
            place: self.place,
            deploy,
            lease,
            artifact,
            list: Arc::clone(list),
            plan,
            registrations,
            atomic: None,
            actor: "ada".to_owned(),
            now: at(2),
        }
    }

    pub(super) fn secrets(&self) -> NewRegistrationSecrets {
        let number = self.next();
        NewRegistrationSecrets {
            token: Secret::new(format!("endpoint-token-{number:08}")),
            key: format!("key-{number}"),
            variables: BTreeMap::from([("REGION".to_owned(), "eu".to_owned())]),
        }
    }

    pub(super) async fn deploy(&self, objects: Vec<Object>, props: &[(&str, &str)]) -> Deployed {
        let apply = self.prepare(&list(objects), props).await;
        let id = apply.deploy;
        let applied = self.store.apply(apply).await.unwrap();
        Deployed { id, applied }
    }

    pub(super) async fn try_apply(&self, apply: Apply) -> Result<Applied, ApplyError> {
        self.store.apply(apply).await
    }

    /// Begins the attempt that a step is due for.
    pub(super) async fn begin_attempt(&self, step: StepId) -> crate::BegunAttempt {
        let context = self.store.step_context(step).await.unwrap();
        let call = hook_to_call(context.step.kind, context.step.state, true);
        self.store
            .begin_attempt(
                step,
                BeginAttempt {
                    call,
                    artifact: context.registration.owner,
                    deploy: context.registration.deploy,
                    webhook: context.registration.webhook,
                    public_url: LOCAL.to_owned(),
                    key: context.key,
                    variables: context.registration.variables,
                    now: at(3),
                },
            )
            .await
            .unwrap()
    }

    /// Attempts a step with a scripted outcome.
    pub(super) async fn attempt(
        &self,
        step: StepId,
        outcome: HookOutcome,
        requests: Requests,
    ) -> After {
        let context = self.store.step_context(step).await.unwrap();
        let call = hook_to_call(context.step.kind, context.step.state, true);
        let begun = self.begin_attempt(step).await;
        let conclusion = conclude(
            Attempt {
                kind: context.step.kind,
                call,
                registration: context.registration.state,
                attempts: begun.attempts,
                checks: begun.checks,
                unwanted: context.unwanted,
                can_check: true,
                known: context.unsubscribe_props,
                siblings: context.siblings,
                expires_at: context.registration.expires_at,
                needs_issued_secret: false,
                was_unknown: context.was_unknown,
                outcome,
                requests,
            },
            at(4),
            0,
        );
        let owner = conclusion.record.is_some().then_some(NewOwner {
            artifact: context.registration.owner,
            deploy: context.registration.deploy,
            webhook: context.registration.webhook,
            variables: context.registration.variables,
        });
        let extra_keys = conclusion
            .extras
            .iter()
            .map(|_| format!("key-{}", self.next()))
            .collect();
        let finished = self
            .store
            .finish_attempt(FinishAttempt {
                attempt: begun.id,
                step,
                conclusion,
                owner,
                new_key: format!("key-{}", self.next()),
                extra_keys,
                recheck_at: at(60),
                kv_writes: Vec::new(),
                now: at(4),
            })
            .await
            .unwrap();
        After {
            replace: finished.replace,
            new_steps: finished.new_steps,
            completed: finished.completed,
        }
    }

    pub(super) async fn set_secret(&self, name: &str, value: &str) -> crate::SetValue {
        self.store
            .set_value(
                self.place,
                secret_key(name),
                Secret::new(value),
                "ada".to_owned(),
                at(1),
            )
            .await
            .unwrap()
    }

    /// Runs SQL on the writing connection, behind the store's back.
    pub(super) async fn tamper(&self, sql: &'static str) {
        self.store
            .database()
            .maintain(move |connection| Ok(connection.execute_batch(sql)?))
            .await
            .unwrap();
    }
}

pub(super) fn secret_key(name: &str) -> ValueKey {
    ValueKey {
        kind: ValueKind::Secret,
        name: name.to_owned(),
    }
}

pub(super) fn list(objects: Vec<Object>) -> Arc<CheckedList> {
    let uses = Vec::new();
    Arc::new(CheckedList::new(DeployList { objects, uses }).unwrap())
}

/// Plans with a basis for each webhook named, on the values that its webhook depends on.
pub(super) fn plan_of(
    snapshot: &Snapshot,
    artifact: domain::ArtifactDigest,
    list: &CheckedList,
    props: &[(&str, &str)],
) -> Plan {
    let props = props
        .iter()
        .map(|(name, props)| {
            let webhook = list.webhook(name).unwrap();
            let values: ValueVersions = webhook
                .secrets
                .iter()
                .filter_map(|used| {
                    let key = secret_key(&used.name);
                    Some((key.clone(), *snapshot.values.get(&key)?))
                })
                .collect();
            let basis = SubscriptionBasis {
                props: (*props).to_owned(),
                values,
                public_url: snapshot
                    .public_url
                    .clone()
                    .unwrap_or_else(|| LOCAL.to_owned()),
            };
            WebhookProps {
                webhook: name.parse().unwrap(),
                user: None,
                outcome: PropsOutcome::Basis(basis),
            }
        })
        .collect();
    let desired = Desired {
        artifact,
        list,
        props,
    };
    plan(snapshot, &desired)
}

pub(super) fn action(name: &str, title: &str) -> Object {
    Object::Action(Action {
        name: name.to_owned(),
        title: title.to_owned(),
        integration: None,
        input: "{}".to_owned(),
        output: "{}".to_owned(),
        secrets: Vec::new(),
        variables: Vec::new(),
        hosts: Vec::new(),
        timeout_ms: None,
        idempotent: false,
        renamed_from: None,
        location: None,
    })
}

pub(super) fn webhook(name: &str, order: ChangeOrder, secrets: &[&str]) -> Object {
    Object::Webhook(Webhook {
        name: name.to_owned(),
        title: name.to_owned(),
        integration: None,
        per_user: false,
        hooks: Hooks {
            subscription: true,
            refresh: true,
            check: true,
        },
        secrets: secrets
            .iter()
            .map(|name| SecretUse {
                name: (*name).to_owned(),
                optional: false,
                subscription: true,
            })
            .collect(),
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
    })
}

pub(super) fn hook(name: &str) -> Object {
    webhook(name, ChangeOrder::Replace, &[])
}

pub(super) fn subscription(id: &str) -> Subscription {
    Subscription {
        unsubscribe_props: Secret::new(format!("{{\"id\":\"{id}\"}}")),
        expires_at: None,
        signing_secret: Some(Secret::new(format!("signing-secret-of-{id}"))),
    }
}

pub(super) fn subscribed(id: &str) -> HookOutcome {
    HookOutcome::Subscribed(subscription(id))
}
