//! Deploys that are undone when one of their steps fails.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::{CheckedList, DeployCause, DeployNumber, DeployStatus, LogLevel, Place, StepState};
use store::AtomicOutcome;

use crate::deploy::{Atomicity, Order, Origin, Removal};
use crate::engine::Owner;
use crate::error::{DeployError, DeployFailure};
use crate::lease::{HeldLease, LeaseWait};
use crate::observer::Observer;
use crate::recorder::Recorder;

/// How long the compensation's own steps are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

impl Owner {
    /// Keeps an atomic deploy whose steps are done, and undoes another.
    pub(crate) async fn end_atomic(
        &self,
        order: &Order,
        number: DeployNumber,
        previous: Option<DeployNumber>,
        status: DeployStatus,
        lease: HeldLease,
        recorder: &Recorder<'_>,
    ) -> Result<(), DeployFailure> {
        if status == DeployStatus::Succeeded {
            // Its success has settled the intent already.
            lease.release().await?;
            return Ok(());
        }
        let steps = self.store.deploy_steps(recorder.deploy).await?;
        if steps.iter().all(|step| step.state == StepState::Done) {
            recorder.log(
                LogLevel::Warn,
                None,
                "no step failed, but a webhook waits for a value; the deploy stays",
            );
            return self
                .settle_intent(recorder, AtomicOutcome::Incomplete)
                .await;
        }
        if lease.is_lost() {
            recorder.log(
                LogLevel::Error,
                None,
                "the lease was lost; the deploy is not undone",
            );
            return self
                .settle_intent(recorder, AtomicOutcome::Incomplete)
                .await;
        }
        recorder.log(
            LogLevel::Warn,
            None,
            "a step is not done; the deploy is undone",
        );
        let undone = self
            .compensate(order, number, previous, lease, recorder.observer())
            .await;
        let outcome = match undone {
            Ok(DeployStatus::Succeeded) => AtomicOutcome::RolledBack,
            Ok(
                DeployStatus::Incomplete
                | DeployStatus::Running
                | DeployStatus::Failed
                | DeployStatus::RolledBack
                | DeployStatus::Interrupted,
            ) => AtomicOutcome::Incomplete,
            Err(error) => {
                recorder.log(
                    LogLevel::Error,
                    None,
                    format!("it could not be undone: {error}"),
                );
                AtomicOutcome::Incomplete
            }
        };
        self.settle_intent(recorder, outcome).await
    }

    /// Stores what became of the intent to undo a deploy.
    async fn settle_intent(
        &self,
        recorder: &Recorder<'_>,
        outcome: AtomicOutcome,
    ) -> Result<(), DeployFailure> {
        let now = self.clock.now();
        self.store
            .settle_atomic(recorder.deploy, outcome, now)
            .await?;
        Ok(())
    }

    /// Re-applies what was live before, as a deploy of its own under the same lease.
    ///
    /// It is a deploy within a deploy: the box ends the recursion of the types.
    fn compensate<'a>(
        &'a self,
        order: &'a Order,
        number: DeployNumber,
        previous: Option<DeployNumber>,
        lease: HeldLease,
        observer: &'a dyn Observer,
    ) -> Pin<Box<dyn Future<Output = Result<DeployStatus, DeployError>> + Send + 'a>> {
        Box::pin(async move {
            let origin = self.compensation_of(order.place, number, previous).await?;
            let compensation = Order {
                cause: DeployCause::Compensation,
                origin,
                version: None,
                description: Some(format!("undoes deploy {number}")),
                rollback_of: Some(number),
                atomic: Atomicity::Plain,
                settle_timeout: PATIENCE.max(order.settle_timeout),
                removal: Removal::AllowAll,
                ..order.clone()
            };
            let report = self
                .carry_out_under(compensation, Some(lease), observer)
                .await?;
            Ok(report.status)
        })
    }

    /// Returns what was live before a deploy: an earlier artifact, or nothing.
    async fn compensation_of(
        &self,
        place: Place,
        number: DeployNumber,
        previous: Option<DeployNumber>,
    ) -> Result<Origin, DeployFailure> {
        let nowhere = |number| {
            DeployFailure::Internal(format!("deploy {number} has no artifact to go back to"))
        };
        let Some(previous) = previous else {
            let failed = self.store.deploy(place, number).await?;
            let artifact = failed
                .and_then(|record| record.artifact)
                .ok_or_else(|| nowhere(number))?;
            return Ok(Origin::Earlier(artifact, Arc::new(CheckedList::default())));
        };
        let record = self.store.deploy(place, previous).await?;
        let record = record.ok_or_else(|| nowhere(previous))?;
        let earlier = self.list_of_deploy(&record).await?;
        let (artifact, list) = earlier.ok_or_else(|| nowhere(previous))?;
        Ok(Origin::Earlier(artifact, list))
    }

    /// Goes on with the undoing of an atomic deploy that a crash cut short.
    pub(crate) async fn resume_compensation(
        &self,
        place: Place,
        observer: &dyn Observer,
    ) -> Result<(), DeployError> {
        let pending = self.store.pending_compensations().await?;
        for pending in pending.into_iter().filter(|pending| pending.place == place) {
            let (project, environment) = self.store.place_names(place).await?;
            let lease = self
                .lease(place, &environment.name, LeaseWait::Wait, observer)
                .await?;
            // Somebody else may have seen to it while the lease was waited for.
            let still = self.store.pending_compensations().await?;
            if !still.iter().any(|other| other.deploy == pending.deploy) {
                lease.release().await?;
                continue;
            }
            let recorder = Recorder::new(self, (pending.deploy, pending.number), observer);
            self.settle(place, PATIENCE, Some(&recorder)).await?;
            let status = self
                .store
                .conclude_deploy(pending.deploy, self.clock.now())
                .await
                .map_err(DeployFailure::from)?;
            let order = Order {
                place,
                project: project.name,
                environment: environment.name,
                cause: DeployCause::Deploy,
                origin: self
                    .compensation_of(place, pending.number, pending.previous)
                    .await?,
                version: None,
                description: None,
                rollback_of: None,
                atomic: Atomicity::Atomic,
                lease: LeaseWait::Wait,
                settle_timeout: PATIENCE,
                removal: Removal::AllowAll,
            };
            self.end_atomic(
                &order,
                pending.number,
                pending.previous,
                status,
                lease,
                &recorder,
            )
            .await?;
            recorder.flush().await?;
        }
        Ok(())
    }
}
