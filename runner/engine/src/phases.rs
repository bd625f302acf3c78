//! The phases of a deploy: each is a value that the next one consumes.

use std::sync::Arc;

use domain::{
    ArtifactDigest, CheckedList, DeployStatus, Desired, LogLevel, Place, Plan, Severity, Snapshot,
    Stage, StageStatus,
};
use store::{Applied, Apply, ApplyError, ArtifactSource, AtomicIntent, NewRegistrationSecrets};

use crate::build::{BuildProfile, Commit};
use crate::component::artifact_failure;
use crate::deploy::{Atomicity, Order, Origin, Removal, Source};
use crate::engine::Owner;
use crate::error::DeployFailure;
use crate::finished_build::FinishedBuild;
use crate::grants;
use crate::guests::Guest;
use crate::lease::HeldLease;
use crate::observer::Observer;
use crate::probe::Point;
use crate::props::{Asked, Asking, is_current};
use crate::random;
use crate::recorder::Recorder;

/// The largest artifact that is stored.
const MAX_ARTIFACT: u64 = 64 * 1024 * 1024;

/// How many changed objects a deploy's log names.
const MAX_NOTED: usize = 100;

/// How often a deploy plans anew when what it was made from changed.
const MAX_REPLANS: u32 = 3;

/// A component that is stored.
struct Component {
    artifact: ArtifactDigest,
    profile: BuildProfile,
    list: Option<Arc<CheckedList>>,
    commit: Option<Commit>,
}

impl Component {
    fn stored(
        artifact: ArtifactDigest,
        profile: BuildProfile,
        list: Option<Arc<CheckedList>>,
    ) -> Self {
        Self {
            artifact,
            profile,
            list,
            commit: None,
        }
    }
}

/// Phase 1 and 2: a component that is stored and can run.
#[must_use]
pub(crate) struct Built {
    artifact: ArtifactDigest,
    guest: Arc<dyn Guest>,
    list: Option<Arc<CheckedList>>,
    commit: Option<Commit>,
}

/// Phase 3: what it declares.
#[must_use]
pub(crate) struct Collected {
    pub(crate) artifact: ArtifactDigest,
    guest: Arc<dyn Guest>,
    pub(crate) list: Arc<CheckedList>,
}

/// Phases 4 and 5: what would happen, and the gate that keeps it true.
#[must_use]
pub(crate) struct Planned {
    pub(crate) collected: Collected,
    pub(crate) plan: Plan,
    snapshot: Snapshot,
    asked: Asked,
    _gate: tokio::sync::OwnedRwLockWriteGuard<()>,
}

/// What came of an attempt to apply a plan.
enum ApplyOutcome {
    Applied(Applied, Snapshot),
    /// What the plan was made from changed.
    Stale(Collected),
}
impl Owner {
    pub(crate) async fn phases(
        &self,
        order: &Order,
        lease: Option<HeldLease>,
        recorder: &Recorder<'_>,
    ) -> Result<(), DeployFailure> {
        let built = self
            .build(&order.origin, Some(recorder), recorder.observer())
            .await?;
        let version = order
            .version
            .clone()
            .unwrap_or_else(|| derived_version(built.commit.as_ref(), built.artifact));
        let stage = recorder.begin(Stage::Collect);
        let collected = self.collect_built(built, Some(recorder)).await;
        let mut collected = stage.over(collected).await?;
        self.store
            .deploy_is_of(
                recorder.deploy,
                collected.artifact,
                Some(collected.list.hash()),
                version,
            )
            .await?;
        let lease = match lease {
            Some(lease) => lease,
            None => {
                let observer = recorder.observer();
                self.lease(order.place, &order.environment, order.lease, observer)
                    .await?
            }
        };
        self.probe.reached(Point::LeaseHeld).await;
        let mut replans = 0;
        let (applied, before) = loop {
            let environment = self.environment(&order.environment).await?;
            let planned = self
                .plan_deploy(order.place, &environment, collected, Some(recorder))
                .await?;
            match self.apply(order, planned, &lease, recorder).await? {
                ApplyOutcome::Applied(applied, before) => break (applied, before),
                ApplyOutcome::Stale(again) if replans < MAX_REPLANS => {
                    replans += 1;
                    recorder.log(
                        LogLevel::Info,
                        None,
                        "what the plan was made from changed; planning anew",
                    );
                    collected = again;
                }
                ApplyOutcome::Stale(_) => return Err(DeployFailure::Stale(replans + 1)),
            }
        };
        self.settle_deploy(order, &applied, &before, lease, recorder)
            .await
    }

    /// Phases 1 and 2.
    pub(crate) async fn build(
        &self,
        origin: &Origin,
        recorder: Option<&Recorder<'_>>,
        observer: &dyn Observer,
    ) -> Result<Built, DeployFailure> {
        let from = match origin {
            Origin::Earlier(artifact, list) => {
                self.verify(*artifact).await?;
                let list = Some(Arc::clone(list));
                Component::stored(*artifact, self.settings.profile, list)
            }
            Origin::Source(Source::Artifact(artifact)) => {
                self.verify(*artifact).await?;
                Component::stored(*artifact, self.settings.profile, None)
            }
            Origin::Source(Source::Build(build, profile)) => {
                let finished = self.build_now(build.as_ref(), *profile, observer).await;
                self.component_of(finished, recorder).await?
            }
            Origin::Source(Source::Built(finished)) => {
                self.component_of(finished.clone(), recorder).await?
            }
        };
        let stage = recorder.map(|recorder| recorder.begin(Stage::Store));
        let guest = self.guest_for(from.artifact, from.profile).await;
        let guest = guest.map_err(Into::into);
        let guest = match stage {
            Some(stage) => stage.over::<_, DeployFailure>(guest).await?,
            None => guest?,
        };
        Ok(Built {
            artifact: from.artifact,
            guest,
            list: from.list,
            commit: from.commit,
        })
    }

    /// Makes sure that a stored file is what it was: compiled code of it may be
    /// cached, and would go live without anybody's reading it.
    async fn verify(&self, artifact: ArtifactDigest) -> Result<(), DeployFailure> {
        let verified = self.store.verify_artifact(artifact).await;
        verified.map_err(artifact_failure)
    }

    /// Notes how a build went, and stores what it made unless that was done.
    async fn component_of(
        &self,
        finished: FinishedBuild,
        recorder: Option<&Recorder<'_>>,
    ) -> Result<Component, DeployFailure> {
        if let Some(recorder) = recorder {
            recorder.built(&finished).await?;
        }
        let component = finished.result?;
        let artifact = match finished.artifact {
            Some(artifact) => artifact,
            None => self
                .store_component(component.path)
                .await
                .map_err(artifact_failure)?,
        };
        self.probe.reached(Point::ArtifactStored).await;
        Ok(Component {
            artifact,
            profile: finished.profile,
            list: None,
            commit: component.commit,
        })
    }

    /// Stores a component's file.
    pub(crate) async fn store_component(
        &self,
        path: std::path::PathBuf,
    ) -> Result<ArtifactDigest, store::ArtifactError> {
        let source = ArtifactSource::File(path);
        let now = self.clock.now();
        let stored = self.store.store_artifact(source, MAX_ARTIFACT, now).await?;
        Ok(stored.digest)
    }

    /// Phase 3.
    pub(crate) async fn collect_built(
        &self,
        built: Built,
        recorder: Option<&Recorder<'_>>,
    ) -> Result<Collected, DeployFailure> {
        let list = match built.list {
            Some(list) => list,
            None => {
                self.collect(built.artifact, built.guest.as_ref(), recorder)
                    .await?
            }
        };
        Ok(Collected {
            artifact: built.artifact,
            guest: built.guest,
            list,
        })
    }

    /// Returns what is live as if it had just been collected.
    pub(crate) async fn collected_before(
        &self,
        artifact: ArtifactDigest,
        list: Arc<CheckedList>,
    ) -> Result<Collected, DeployFailure> {
        Ok(Collected {
            artifact,
            guest: self.guest(artifact).await?,
            list,
        })
    }

    /// Phases 4 and 5: props are asked before the gate is shut, for they take a
    /// guest's time; what they were asked with is compared behind it.
    pub(crate) async fn plan_deploy(
        &self,
        place: Place,
        environment: &store::Environment,
        collected: Collected,
        recorder: Option<&Recorder<'_>>,
    ) -> Result<Planned, DeployFailure> {
        let asking = Asking {
            place,
            environment,
            guest: collected.guest.as_ref(),
            list: &collected.list,
            recorder,
        };
        let stage = recorder.map(|recorder| recorder.begin(Stage::Props));
        let asked = self.ask_props(&asking).await;
        let asked = match stage {
            Some(stage) => stage.over(asked).await?,
            None => asked?,
        };
        let stage = recorder.map(|recorder| recorder.begin(Stage::Plan));
        let gate = self.gate(place).write_owned().await;
        let snapshot = self.store.snapshot(place).await?;
        let desired = Desired {
            artifact: collected.artifact,
            list: &collected.list,
            props: asked.props.clone(),
        };
        let plan = (self.planner)(&snapshot, &desired);
        if let Some(recorder) = recorder {
            note_changes(recorder, &plan);
        }
        if let Some(stage) = stage {
            stage.finish(StageStatus::Done).await?;
        }
        self.probe.reached(Point::Planned).await;
        Ok(Planned {
            collected,
            plan,
            snapshot,
            asked,
            _gate: gate,
        })
    }

    /// Phase 6.
    async fn apply(
        &self,
        order: &Order,
        planned: Planned,
        lease: &HeldLease,
        recorder: &Recorder<'_>,
    ) -> Result<ApplyOutcome, DeployFailure> {
        confirm_removal(order, &planned)?;
        if lease.is_lost() {
            return Err(DeployFailure::LeaseLost(order.environment.clone()));
        }
        if !is_current(&planned.asked, &planned.collected.list, &planned.snapshot) {
            return Ok(ApplyOutcome::Stale(planned.collected));
        }
        let stage = recorder.begin(Stage::Apply);
        let registrations = planned
            .plan
            .subscriptions
            .create
            .iter()
            .map(|new| {
                let object = planned
                    .collected
                    .list
                    .find(domain::ObjectKind::Webhook, new.webhook.as_str());
                Ok(NewRegistrationSecrets {
                    token: domain::Secret::new(random::token()?),
                    key: random::key()?,
                    variables: object
                        .map(|item| grants::variables_seen(&item.object, &planned.asked.values))
                        .unwrap_or_default(),
                })
            })
            .collect::<Result<_, store::Error>>()?;
        let applied = self
            .store
            .apply(Apply {
                place: order.place,
                deploy: recorder.deploy,
                lease: lease.token(),
                artifact: planned.collected.artifact,
                list: Arc::clone(&planned.collected.list),
                plan: planned.plan,
                registrations,
                atomic: (order.atomic == Atomicity::Atomic).then_some(AtomicIntent {
                    previous: planned.snapshot.live.map(|live| live.number),
                }),
                actor: self.actor(),
                now: self.clock.now(),
            })
            .await;
        match applied {
            Ok(applied) => {
                stage.finish(StageStatus::Done).await?;
                self.probe.reached(Point::Applied).await;
                self.give_new_addresses(order.place).await;
                Ok(ApplyOutcome::Applied(applied, planned.snapshot))
            }
            Err(ApplyError::Stale { .. } | ApplyError::StepRunning(_)) => {
                stage.finish(StageStatus::Failed).await?;
                Ok(ApplyOutcome::Stale(planned.collected))
            }
            Err(error) => {
                let failure = match error {
                    ApplyError::LeaseLost { .. } => {
                        DeployFailure::LeaseLost(order.environment.clone())
                    }
                    ApplyError::Store(error) => DeployFailure::Store(error),
                    other => DeployFailure::Internal(other.to_string()),
                };
                stage.over(Err(failure)).await
            }
        }
    }

    /// Phase 7: the lease ends here, or with `--atomic` after the steps.
    async fn settle_deploy(
        &self,
        order: &Order,
        applied: &Applied,
        before: &Snapshot,
        lease: HeldLease,
        recorder: &Recorder<'_>,
    ) -> Result<(), DeployFailure> {
        let lease = match order.atomic {
            Atomicity::Plain => {
                lease.release().await?;
                None
            }
            Atomicity::Atomic => Some(lease),
        };
        let stage = recorder.begin(Stage::Settle);
        self.settle(order.place, order.settle_timeout, Some(recorder))
            .await?;
        let status = self
            .store
            .conclude_deploy(recorder.deploy, self.clock.now())
            .await?;
        self.probe.reached(Point::Concluded).await;
        let done = status == DeployStatus::Succeeded;
        stage
            .finish(if done {
                StageStatus::Done
            } else {
                StageStatus::Incomplete
            })
            .await?;
        if let Some(lease) = lease {
            let previous = before.live.map(|live| live.number);
            self.end_atomic(order, applied.number, previous, status, lease, recorder)
                .await?;
        }
        recorder.flush().await?;
        Ok(())
    }
}

/// Notes what a plan would do, so that the log can be read without the plan.
fn note_changes(recorder: &Recorder<'_>, plan: &Plan) {
    for change in plan.changes.iter().take(MAX_NOTED) {
        let object = Some(change.key.to_string());
        recorder.note(LogLevel::Info, object, change.action.to_string());
    }
    if plan.changes.len() > MAX_NOTED {
        let more = plan.changes.len() - MAX_NOTED;
        recorder.note(
            LogLevel::Info,
            None,
            format!("and {more} more objects change"),
        );
    }
    for message in &plan.messages {
        let level = match message.severity {
            Severity::Info => LogLevel::Info,
            Severity::Warning => LogLevel::Warn,
            Severity::Error => LogLevel::Error,
        };
        recorder.note(level, Some(message.subject.clone()), message.text.clone());
    }
}

/// Refuses to disable everything unless somebody said so.
fn confirm_removal(order: &Order, planned: &Planned) -> Result<(), DeployFailure> {
    let live = planned
        .snapshot
        .objects
        .iter()
        .filter(|object| object.live)
        .count();
    if order.removal == Removal::Confirm && planned.collected.list.is_empty() && live > 0 {
        return Err(DeployFailure::RemovesEverything { live });
    }
    Ok(())
}

/// Derives a version: the commit, marked where the tree was not clean, else the digest.
fn derived_version(commit: Option<&Commit>, artifact: ArtifactDigest) -> String {
    match commit {
        Some(commit) if commit.dirty => {
            format!("{}+dirty.{}", commit.hash, &artifact.to_string()[..8])
        }
        Some(commit) => commit.hash.clone(),
        None => artifact.short(),
    }
}
