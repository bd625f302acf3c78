//! A deploy, from source to settled: each phase consumes the one before.

use std::sync::Arc;
use std::time::Duration;

use domain::{
    ArtifactDigest, CheckedList, DeployCause, DeployNumber, EnvironmentName, LogLevel, Place,
    ProjectName,
};
use store::NewDeploy;

use crate::build::{Build, BuildProfile};
use crate::code::Coded;
use crate::engine::{Engine, Owner};
use crate::error::{DeployError, DeployFailure, ReadError};
use crate::finished_build::FinishedBuild;
use crate::lease::{HeldLease, LeaseWait};
use crate::observer::{Event, Observer};
use crate::probe::Point;
use crate::recorder::Recorder;
use crate::report::{DeployReport, PlanReport};

/// Where the component of a deploy comes from.
#[derive(Clone)]
pub enum Source {
    /// It is built.
    Build(Arc<dyn Build>, BuildProfile),
    /// It was built just now, or could not be.
    Built(FinishedBuild),
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
        let order = self.order(request).await?;
        self.carry_out(order, observer).await
    }

    /// Deploys unless that would change nothing: then there is no deploy, and `None`.
    ///
    /// Nothing changes where the artifact is the one that is live, no step is
    /// planned and no value waits to be taken over.
    ///
    /// # Errors
    /// When nothing was changed although something was to be.
    pub async fn deploy_changes(
        &self,
        request: DeployRequest,
        observer: &dyn Observer,
    ) -> Result<Option<DeployReport>, DeployError> {
        let order = self.order(request).await?;
        if let Origin::Source(Source::Built(build)) = &order.origin
            && let Some(artifact) = build.artifact
            && self.changes_nothing(&order, artifact).await?
        {
            return Ok(None);
        }
        self.carry_out(order, observer).await.map(Some)
    }

    async fn order(&self, request: DeployRequest) -> Result<Order, ReadError> {
        let place = self
            .place_for(&request.project, &request.environment)
            .await?;
        Ok(Order {
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
        })
    }

    async fn changes_nothing(
        &self,
        order: &Order,
        artifact: ArtifactDigest,
    ) -> Result<bool, DeployFailure> {
        let place = order.place;
        let Some((live, list)) = self.live_list(place).await? else {
            return Ok(false);
        };
        let due = self.store.due_reconfigures(Some(place)).await?;
        if live.artifact != artifact || !due.is_empty() {
            return Ok(false);
        }
        let environment = self.environment(&order.environment).await?;
        let collected = self.collected_before(live.artifact, list).await?;
        // What fails here fails in the deploy too, which says so better.
        let planned = self.plan_deploy(place, &environment, collected, None).await;
        Ok(planned.is_ok_and(|planned| planned.plan.is_empty()))
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
        // What a crash left to be undone is undone before "the last" means anything.
        self.resume_compensation(place, observer).await?;
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
        let list = match record.applied_at {
            Some(_) => self.list_of_deploy(&record).await?,
            None => None,
        };
        let (artifact, list) = list.ok_or_else(|| DeployFailure::NeverLive {
            number: record.number,
            environment: request.environment.clone(),
        })?;
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
                .map(crate::shape::planned_step)
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
        Ok(crate::shape::deploy_report(
            self.as_it_stands(record),
            &steps,
            project.name.as_str(),
            environment.name.as_str(),
        ))
    }
}
