//! The way to what writes: this process where it owns the data directory, else
//! the one that does, through its API. A command does not see which.

mod build;
mod changes;
mod deliver;
mod elsewhere;
mod there;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{DeliveryId, EnvironmentName, ProjectName, RunId, Secret};
use engine::{
    ActionRun, ArtifactReport, Code, DeployReport, DeployRequest, DispatchLimits,
    EnvironmentChange, EnvironmentReport, Force, GarbageMode, LockReport, Observer, Owner,
    PlaceRequest, PlanReport, PlanRequest, RegistrationReport, Replay, RollbackRequest, RunReport,
    Selector, ValueChangeReport, ValueRequest, WorkflowRun,
};

use serde_json::Value;

use crate::client::{Client, ClientError};
use crate::context::{Context, PATIENCE, Session};
use crate::error::CliError;
use crate::outcome::deploy_error;
use crate::shell::Shell;

pub(crate) use changes::Changes;
pub(crate) use deliver::{Answer, Sent, base_url, deliver_to};
pub(crate) use elsewhere::Elsewhere;

/// How long it is waited for the lock before it is looked again who holds it.
const SLICE: Duration = Duration::from_millis(100);

/// How long runs that waited are started at the end of a command that wrote.
const DUE: Duration = Duration::from_secs(60);

/// How long those that were started may go on after that.
const GRACE: Duration = Duration::from_secs(30);

/// The way to what writes.
pub(crate) struct Door<'a> {
    context: &'a Context,
    session: &'a Session<'a>,
    patience: Duration,
    side: Side,
}

/// On which side of it the owner is.
enum Side {
    /// It is this process.
    Here(Arc<Owner>),
    /// It is another.
    There(Client),
}

/// What a person may do to subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// Try again at once.
    Retry,
    /// Subscribe anew.
    Resubscribe,
    /// Give up.
    Forget,
}

impl<'a> Session<'a> {
    /// Opens the door, waiting for as long as usual.
    pub(crate) async fn door(&'a self, context: &'a Context) -> Result<Door<'a>, CliError> {
        self.door_within(context, PATIENCE).await
    }

    /// Opens the door; where another process owns the data directory and takes
    /// no requests, it is waited for it for at most `patience`.
    pub(crate) async fn door_within(
        &'a self,
        context: &'a Context,
        patience: Duration,
    ) -> Result<Door<'a>, CliError> {
        Ok(Door {
            context,
            session: self,
            patience,
            side: open(self, patience).await?,
        })
    }
}

async fn open(session: &Session<'_>, patience: Duration) -> Result<Side, CliError> {
    let began = Instant::now();
    let mut slice = Duration::ZERO;
    loop {
        let error = match session.own_within(slice).await {
            Ok(owner) => return Ok(Side::Here(Arc::new(owner))),
            Err(error) if error.code() == Code::DataDirectoryOwned => error,
            Err(error) => return Err(error),
        };
        if let Some(address) = session.engine.holder().and_then(|holder| holder.address) {
            let client = Client::new(address);
            if client.connect().await.is_ok() {
                return Ok(Side::There(client));
            }
        }
        let left = patience.saturating_sub(began.elapsed());
        if left.is_zero() {
            return Err(error);
        }
        slice = SLICE.min(left);
    }
}

impl Door<'_> {
    /// Returns whether another process does the work.
    pub(crate) const fn is_elsewhere(&self) -> bool {
        matches!(self.side, Side::There(_))
    }

    /// Lets this process do something, or the other one.
    ///
    /// Where the other has ended before anything was asked of it, this one takes its place.
    async fn through<T>(
        &mut self,
        here: impl AsyncFnOnce(&Arc<Owner>) -> Result<T, CliError>,
        there: impl AsyncFn(&Client) -> Result<T, ClientError>,
    ) -> Result<T, CliError> {
        loop {
            match &self.side {
                Side::Here(owner) => return here(owner).await,
                Side::There(client) => match there(client).await {
                    Err(ClientError::Unreached { .. }) => {}
                    outcome => return outcome.map_err(there::error),
                },
            }
            self.side = open(self.session, self.patience).await?;
        }
    }

    /// Deploys; where another process does it, what is built is built here first.
    pub(crate) async fn deploy(
        &mut self,
        request: DeployRequest,
        progress: &dyn Observer,
    ) -> Result<DeployReport, CliError> {
        let request = match self.side {
            Side::Here(_) => request,
            Side::There(_) => DeployRequest {
                source: build::finish(request.source, progress).await,
                ..request
            },
        };
        self.through(
            async |owner| {
                let deployed = owner.deploy(request.clone(), progress).await;
                deployed.map_err(deploy_error)
            },
            async |client| there::deploy(client, &request, progress).await,
        )
        .await
    }

    /// Plans; where another process does it, what is built is built here first.
    pub(crate) async fn plan(
        &mut self,
        request: PlanRequest,
        progress: &dyn Observer,
    ) -> Result<PlanReport, CliError> {
        let request = match self.side {
            Side::Here(_) => request,
            Side::There(_) => PlanRequest {
                source: build::finish(request.source, progress).await,
                ..request
            },
        };
        self.through(
            async |owner| {
                let planned = owner.plan(request.clone(), progress).await;
                planned.map_err(deploy_error)
            },
            async |client| there::plan(client, &request, progress).await,
        )
        .await
    }

    /// Goes back to an earlier deploy.
    pub(crate) async fn rollback(
        &mut self,
        request: &RollbackRequest,
        progress: &dyn Observer,
    ) -> Result<DeployReport, CliError> {
        self.through(
            async |owner| {
                let rolled_back = owner.rollback(request.clone(), progress).await;
                rolled_back.map_err(deploy_error)
            },
            async |client| there::rollback(client, request, progress).await,
        )
        .await
    }

    /// Runs an action.
    pub(crate) async fn run(&mut self, request: &ActionRun) -> Result<RunReport, CliError> {
        self.through(
            async |owner| Ok(owner.run(request.clone()).await?),
            async |client| there::run(client, request).await,
        )
        .await
    }

    /// Runs a workflow that requests start.
    pub(crate) async fn run_workflow(
        &mut self,
        request: &WorkflowRun,
    ) -> Result<RunReport, CliError> {
        self.through(
            async |owner| Ok(owner.run_workflow(request.clone()).await?),
            async |client| there::run_workflow(client, request).await,
        )
        .await
    }

    /// Runs again what ran before.
    pub(crate) async fn replay(&mut self, run: RunId, on: Replay) -> Result<RunReport, CliError> {
        self.through(
            async |owner| Ok(owner.replay(run, on).await?),
            async |client| there::replay(client, run, on).await,
        )
        .await
    }

    /// Cancels a run.
    pub(crate) async fn cancel(&mut self, run: RunId) -> Result<RunReport, CliError> {
        self.through(
            async |owner| Ok(owner.cancel(run).await?),
            async |client| there::cancel(client, run).await,
        )
        .await
    }

    /// Sends an app event, and returns the runs that it started.
    pub(crate) async fn send_event(
        &mut self,
        at: &PlaceRequest,
        event: &str,
        payload: &Value,
    ) -> Result<Vec<RunId>, CliError> {
        self.through(
            async |owner| {
                let (project, environment) = (&at.project, &at.environment);
                let sent = owner.send_event(project, environment, event, payload.clone());
                Ok(sent.await?)
            },
            async |client| there::send_event(client, at, event, payload).await,
        )
        .await
    }

    /// Queues another run for a delivery.
    pub(crate) async fn replay_delivery(
        &mut self,
        delivery: DeliveryId,
    ) -> Result<RunId, CliError> {
        self.through(
            async |owner| Ok(owner.replay_delivery(delivery).await?),
            async |client| there::replay_delivery(client, delivery).await,
        )
        .await
    }

    /// Sets a value.
    pub(crate) async fn set_value(
        &mut self,
        request: &ValueRequest,
        value: &Secret,
        progress: &dyn Observer,
    ) -> Result<ValueChangeReport, CliError> {
        self.through(
            async |owner| {
                let (request, value) = (request.clone(), value.clone());
                Ok(owner.set_value(request, value, progress).await?)
            },
            async |client| there::set_value(client, request, value, progress).await,
        )
        .await
    }

    /// Takes a value away.
    pub(crate) async fn unset_value(
        &mut self,
        request: &ValueRequest,
        force: Force,
        progress: &dyn Observer,
    ) -> Result<ValueChangeReport, CliError> {
        self.through(
            async |owner| {
                let unset = owner.unset_value(request.clone(), force, progress).await;
                Ok(unset?)
            },
            async |client| there::unset_value(client, request, force, progress).await,
        )
        .await
    }

    /// Makes an environment.
    pub(crate) async fn create_environment(
        &mut self,
        name: &EnvironmentName,
    ) -> Result<EnvironmentReport, CliError> {
        self.through(
            async |owner| Ok(owner.create_environment(name.clone()).await?),
            async |client| there::create_environment(client, name).await,
        )
        .await
    }

    /// Changes an environment.
    pub(crate) async fn update_environment(
        &mut self,
        name: &EnvironmentName,
        change: &EnvironmentChange,
        progress: &dyn Observer,
    ) -> Result<(EnvironmentReport, Vec<DeployReport>), CliError> {
        self.through(
            async |owner| {
                let change = change.clone();
                Ok(owner.update_environment(name, change, progress).await?)
            },
            async |client| there::update_environment(client, name, change, progress).await,
        )
        .await
    }

    /// Deletes an environment, and returns the registrations that were forgotten.
    pub(crate) async fn delete_environment(
        &mut self,
        name: &EnvironmentName,
        force: Force,
        progress: &dyn Observer,
    ) -> Result<Vec<RegistrationReport>, CliError> {
        self.through(
            async |owner| {
                let deleted = owner.delete_environment(name, force, progress).await;
                Ok(deleted?.forgotten)
            },
            async |client| there::delete_environment(client, name, force, progress).await,
        )
        .await
    }

    /// Looks after subscriptions.
    pub(crate) async fn care(
        &mut self,
        care: Care,
        at: &PlaceRequest,
        which: &Selector,
    ) -> Result<Vec<RegistrationReport>, CliError> {
        self.through(
            async |owner| {
                Ok(match care {
                    Care::Retry => owner.retry(at, which).await?,
                    Care::Resubscribe => owner.resubscribe(at, which).await?,
                    Care::Forget => owner.forget(at, which).await?,
                })
            },
            async |client| there::care(client, care, at, which).await,
        )
        .await
    }

    /// Breaks a lease.
    pub(crate) async fn break_lock(
        &mut self,
        project: &ProjectName,
        environment: &EnvironmentName,
    ) -> Result<Option<LockReport>, CliError> {
        self.through(
            async |owner| Ok(owner.break_lock(project, environment).await?),
            async |client| there::break_lock(client, project, environment).await,
        )
        .await
    }

    /// Removes the artifacts that nothing needs, or lists them.
    pub(crate) async fn gc(&mut self, mode: GarbageMode) -> Result<Vec<ArtifactReport>, CliError> {
        self.through(
            async |owner| Ok(owner.gc(mode).await?),
            async |client| there::gc(client, mode).await,
        )
        .await
    }

    /// Does, at the end of a command that wrote, what is due: at third parties,
    /// and the runs that wait in the queue.
    ///
    /// What does not succeed stays owed, and `status` shows it; the command
    /// itself has succeeded or failed without it.
    pub(crate) async fn settle_due(&mut self, progress: &dyn Observer) {
        let session = self.session;
        let shell = &self.context.shell;
        let settled = self
            .through(
                async |owner| {
                    session.settle_due(owner, progress).await;
                    run_due(owner, shell).await;
                    Ok(())
                },
                async |client| there::settle(client, progress).await,
            )
            .await;
        if let Err(error) = settled {
            shell.warn(format_args!(
                "what is due was not done: {}",
                error.message()
            ));
        }
    }
}

/// Starts the runs that wait and are due, and those that they start, until
/// none is left or it has gone on for long enough.
async fn run_due(owner: &Arc<Owner>, shell: &Shell) {
    let mut dispatcher = owner.dispatch(DispatchLimits::default());
    let rested = tokio::time::timeout(DUE, dispatcher.rest()).await;
    dispatcher.stop(GRACE).await;
    if rested.is_err() {
        shell.warn("runs still wait; `tidegate status` shows them");
    }
}
