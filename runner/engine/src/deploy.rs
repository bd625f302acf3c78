//! A deploy, from source to settled: each phase consumes the one before.

use std::sync::Arc;
use std::time::Duration;

use domain::{
    ArtifactDigest, CheckedList, DeployCause, DeployNumber, DeployStatus, Desired, EnvironmentName,
    LogLevel, Place, Plan, ProjectName, Snapshot, Stage, StageStatus,
};
use sandbox::Compiler;
use store::{
    Applied, Apply, ApplyError, ArtifactSource, AtomicIntent, NewDeploy, NewRegistrationSecrets,
};

use crate::build::{Build, BuildOutput, BuildProfile, Commit};
use crate::code::Coded;
use crate::component::artifact_failure;
use crate::engine::{Engine, Owner};
use crate::error::{DeployError, DeployFailure, ReadError};
use crate::grants;
use crate::guests::Guest;
use crate::lease::{HeldLease, LeaseWait};
use crate::observer::{Event, Observer};
use crate::probe::Point;
use crate::props::{Asked, Asking, same_values};
use crate::random;
use crate::recorder::Recorder;
use crate::report::{DeployReport, PlanReport};

/// The largest artifact that is stored.
const MAX_ARTIFACT: u64 = 64 * 1024 * 1024;

/// How often a deploy plans anew when what it was made from changed.
const MAX_REPLANS: u32 = 3;

/// Where the component of a deploy comes from.
#[derive(Clone)]
pub enum Source {
    /// It is built.
    Build(Arc<dyn Build>, BuildProfile),
    /// It is stored already.
    Artifact(ArtifactDigest),
}

/// Whether a deploy is undone when one of its steps fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Atomicity {
    /// It stays live, and its steps stay owed.
    Plain,
    /// It is undone.
    Atomic,
}

/// Whether a deploy may disable everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Only after somebody said so.
    Confirm,
    /// Somebody said so.
    AllowAll,
}

/// What is to be deployed.
#[derive(Clone)]
pub struct DeployRequest {
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The component.
    pub source: Source,
    /// Its version; by default the source's commit, else twelve digits of the digest.
    pub version: Option<String>,
    /// What the deployer says of it.
    pub description: Option<String>,
    /// Whether it is undone when a step fails.
    pub atomic: Atomicity,
    /// What happens when somebody else deploys.
    pub lease: LeaseWait,
    /// How long to wait for the steps.
    pub settle_timeout: Duration,
    /// Whether it may disable everything.
    pub removal: Removal,
}

/// What is to be planned.
#[derive(Clone)]
pub struct PlanRequest {
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The component.
    pub source: Source,
}

/// Which earlier deploy to go back to.
#[derive(Debug, Clone)]
pub struct RollbackRequest {
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The deploy; by default the last live one with another artifact.
    pub to: Option<DeployNumber>,
    /// Whether it is undone when a step fails.
    pub atomic: Atomicity,
    /// What happens when somebody else deploys.
    pub lease: LeaseWait,
    /// How long to wait for the steps.
    pub settle_timeout: Duration,
}

/// What a deploy makes live.
#[derive(Clone)]
pub(crate) enum Origin {
    Source(Source),
    /// An artifact and the list that it is to have, which compensation may empty.
    Earlier(ArtifactDigest, Arc<CheckedList>),
}

/// A deploy as the engine carries it out, whoever asked for it.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) place: Place,
    pub(crate) project: ProjectName,
    pub(crate) environment: EnvironmentName,
    pub(crate) cause: DeployCause,
    pub(crate) origin: Origin,
    pub(crate) version: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) rollback_of: Option<DeployNumber>,
    pub(crate) atomic: Atomicity,
    pub(crate) lease: LeaseWait,
    pub(crate) settle_timeout: Duration,
    pub(crate) removal: Removal,
}

/// Phase 1 and 2: a component that is stored and can run.
#[must_use]
struct Built {
    artifact: ArtifactDigest,
    guest: Arc<dyn Guest>,
    list: Option<Arc<CheckedList>>,
    commit: Option<Commit>,
}

/// Phase 3: what it declares.
#[must_use]
struct Collected {
    artifact: ArtifactDigest,
    guest: Arc<dyn Guest>,
    list: Arc<CheckedList>,
}

/// Phases 4 and 5: what would happen, and the gate that keeps it true.
#[must_use]
struct Planned {
    collected: Collected,
    plan: Plan,
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
    /// Deploys.
    ///
    /// A deploy that is live with steps not done, or was undone, is no error:
    /// its status says so.
    ///
    /// # Errors
    /// When nothing was changed.
    pub async fn deploy(
        &self,
        request: DeployRequest,
        observer: &dyn Observer,
    ) -> Result<DeployReport, DeployError> {
        let place = self
            .place_for(&request.project, &request.environment)
            .await?;
        let order = Order {
            place,
            project: request.project,
            environment: request.environment,
            cause: DeployCause::Deploy,
            origin: Origin::Source(request.source),
            version: request.version,
            description: request.description,
            rollback_of: None,
            atomic: request.atomic,
            lease: request.lease,
            settle_timeout: request.settle_timeout,
            removal: request.removal,
        };
        self.carry_out(order, observer).await
    }

    /// Goes back to an earlier deploy's artifact and list, as a new deploy.
    ///
    /// # Errors
    /// When there is none, or nothing was changed.
    pub async fn rollback(
        &self,
        request: RollbackRequest,
        observer: &dyn Observer,
    ) -> Result<DeployReport, DeployError> {
        let place = self.place(&request.project, &request.environment).await?;
        let (number, artifact, list) = self.rollback_target(place, &request).await?;
        let earlier = self.store.deploy(place, number).await?;
        let version = earlier.and_then(|record| record.version);
        let order = Order {
            place,
            project: request.project,
            environment: request.environment,
            cause: DeployCause::Rollback,
            origin: Origin::Earlier(artifact, list),
            version,
            description: Some(format!("rollback to deploy {number}")),
            rollback_of: Some(number),
            atomic: request.atomic,
            lease: request.lease,
            settle_timeout: request.settle_timeout,
            removal: Removal::AllowAll,
        };
        self.carry_out(order, observer).await
    }

    async fn rollback_target(
        &self,
        place: Place,
        request: &RollbackRequest,
    ) -> Result<(DeployNumber, ArtifactDigest, Arc<CheckedList>), DeployFailure> {
        let record = match request.to {
            Some(number) => {
                self.store
                    .deploy(place, number)
                    .await?
                    .ok_or_else(|| ReadError::DeployUnknown {
                        number,
                        environment: request.environment.clone(),
                    })?
            }
            None => self
                .store
                .last_live_with_another_artifact(place)
                .await?
                .ok_or_else(|| DeployFailure::NothingToRollBackTo(request.environment.clone()))?,
        };
        let (Some(_), Some(artifact)) = (record.applied_at, record.artifact) else {
            return Err(DeployFailure::NeverLive {
                number: record.number,
                environment: request.environment.clone(),
            });
        };
        let list = self.list_of(artifact).await?;
        // A deploy that undid the first one made nothing live, whatever its artifact declares.
        let list = match record.list_hash {
            Some(hash) if hash != list.hash() => Arc::new(CheckedList::default()),
            _ => list,
        };
        Ok((record.number, artifact, list))
    }

    /// Plans a deploy and changes nothing but that the artifact is stored.
    ///
    /// # Errors
    /// When there is no plan.
    pub async fn plan(
        &self,
        request: PlanRequest,
        observer: &dyn Observer,
    ) -> Result<PlanReport, DeployError> {
        let place = self
            .place_for(&request.project, &request.environment)
            .await?;
        let origin = Origin::Source(request.source);
        let built = self.build(&origin, None, observer).await?;
        let collected = self.collect_built(built, None).await?;
        let environment = self.environment(&request.environment).await?;
        let planned = self
            .plan_deploy(place, &environment, collected, None)
            .await?;
        Ok(PlanReport {
            project: request.project.to_string(),
            environment: request.environment.to_string(),
            artifact: planned.collected.artifact,
            deploy_list_hash: planned.collected.list.hash(),
            changes: planned.plan.changes,
            subscription_steps: planned
                .plan
                .subscriptions
                .steps
                .iter()
                .map(crate::reads::planned_step)
                .collect(),
            capabilities: planned.plan.capabilities,
            messages: planned.plan.messages,
            fingerprint: planned.plan.fingerprint,
        })
    }

    /// Carries out a deploy and stores how it ended.
    pub(crate) async fn carry_out(
        &self,
        order: Order,
        observer: &dyn Observer,
    ) -> Result<DeployReport, DeployError> {
        self.resume_compensation(order.place, observer).await?;
        self.carry_out_under(order, None, observer).await
    }

    /// Carries out a deploy, under a lease that is held already if one is given.
    pub(crate) async fn carry_out_under(
        &self,
        order: Order,
        lease: Option<HeldLease>,
        observer: &dyn Observer,
    ) -> Result<DeployReport, DeployError> {
        let begun = self.begin(&order, observer).await?;
        let recorder = Recorder::new(self, begun, observer);
        match self.phases(&order, lease, &recorder).await {
            Ok(()) => {
                let report = self.deploy_report(order.place, recorder.number).await?;
                tracing::info!(
                    deploy.number = report.deploy.0,
                    deploy.status = %report.status,
                    project = %order.project,
                    environment = %order.environment,
                    "deploy is over"
                );
                Ok(report)
            }
            Err(cause) => Err(self.failed(&order, &recorder, cause).await),
        }
    }

    async fn begin(
        &self,
        order: &Order,
        observer: &dyn Observer,
    ) -> Result<(domain::DeployId, DeployNumber), store::Error> {
        let begun = self
            .store
            .begin_deploy(NewDeploy {
                place: order.place,
                cause: order.cause,
                actor: self.actor(),
                description: order.description.clone(),
                version: order.version.clone(),
                rollback_of: order.rollback_of,
                now: self.clock.now(),
            })
            .await?;
        observer.event(Event::Began {
            deploy: begun.1,
            project: order.project.to_string(),
            environment: order.environment.to_string(),
        });
        self.probe.reached(Point::DeployBegun).await;
        Ok(begun)
    }

    /// Stores that a deploy failed.
    async fn failed(
        &self,
        order: &Order,
        recorder: &Recorder<'_>,
        cause: DeployFailure,
    ) -> DeployError {
        recorder.log(LogLevel::Error, None, cause.to_string());
        let failure = store::DeployFailure {
            code: cause.code().as_str().to_owned(),
            message: cause.to_string(),
        };
        let stored = async {
            recorder.flush().await?;
            self.store
                .fail_deploy(recorder.deploy, failure, self.clock.now())
                .await
                .map_err(DeployFailure::from)?;
            self.deploy_report(order.place, recorder.number)
                .await
                .map_err(DeployFailure::from)
        };
        // Where the disk is full even this cannot be stored; the cause matters more.
        let report = stored.await.ok().map(Box::new);
        DeployError { cause, report }
    }

    async fn phases(
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
    async fn build(
        &self,
        origin: &Origin,
        recorder: Option<&Recorder<'_>>,
        observer: &dyn Observer,
    ) -> Result<Built, DeployFailure> {
        let (artifact, compiler, list, commit) = match origin {
            Origin::Earlier(artifact, list) => (
                *artifact,
                Compiler::Optimizing,
                Some(Arc::clone(list)),
                None,
            ),
            Origin::Source(Source::Artifact(artifact)) => {
                (*artifact, Compiler::Optimizing, None, None)
            }
            Origin::Source(Source::Build(build, profile)) => {
                let stage = recorder.map(|recorder| recorder.begin(Stage::Build));
                let output = Lines(observer);
                let built = build.build(*profile, &output).await;
                let built = built.map_err(DeployFailure::from);
                let built = match stage {
                    Some(stage) => stage.over(built).await?,
                    None => built?,
                };
                let stored = self
                    .store
                    .store_artifact(
                        ArtifactSource::File(built.path),
                        MAX_ARTIFACT,
                        self.clock.now(),
                    )
                    .await
                    .map_err(artifact_failure)?;
                self.probe.reached(Point::ArtifactStored).await;
                let compiler = match profile {
                    BuildProfile::Dev => Compiler::Fast,
                    BuildProfile::Release => Compiler::Optimizing,
                };
                (stored.digest, compiler, None, built.commit)
            }
        };
        let stage = recorder.map(|recorder| recorder.begin(Stage::Store));
        let guest = self.guest(artifact, compiler).await.map_err(Into::into);
        let guest = match stage {
            Some(stage) => stage.over::<_, DeployFailure>(guest).await?,
            None => guest?,
        };
        Ok(Built {
            artifact,
            guest,
            list,
            commit,
        })
    }

    /// Phase 3.
    async fn collect_built(
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

    /// Phases 4 and 5: props are asked before the gate is shut, for they take a
    /// guest's time; what they were asked with is compared behind it.
    async fn plan_deploy(
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
        if !same_values(&planned.asked.values, &planned.snapshot) {
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

/// Passes the build's lines on.
struct Lines<'a>(&'a dyn Observer);

impl BuildOutput for Lines<'_> {
    fn line(&self, line: &str) {
        self.0.event(Event::BuildLine(line.to_owned()));
    }
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

impl Engine {
    /// Returns how a deploy of a place stands.
    pub(crate) async fn deploy_report(
        &self,
        place: Place,
        number: DeployNumber,
    ) -> Result<DeployReport, ReadError> {
        let (project, environment) = self.store.place_names(place).await?;
        let record =
            self.store
                .deploy(place, number)
                .await?
                .ok_or_else(|| ReadError::DeployUnknown {
                    number,
                    environment: environment.name.clone(),
                })?;
        let steps = self.store.deploy_steps(record.id).await?;
        Ok(crate::reads::deploy_report(
            record,
            &steps,
            project.name.as_str(),
            environment.name.as_str(),
        ))
    }
}
