//! `tidegate rollback`: makes an earlier deploy live again.

use clap::Args;
use domain::DeployNumber;
use engine::RollbackRequest;

use super::Outcome;
use super::deploy::{Manner, conclude, deploy_number};
use crate::context::{Context, EnvironmentArg};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    environment: EnvironmentArg,
    /// The deploy to go back to [default: the last live one with another artifact]
    #[arg(long, value_name = "DEPLOY", value_parser = deploy_number)]
    to: Option<DeployNumber>,
    #[command(flatten)]
    manner: Manner,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Outcome {
    let session = context.open(None, "rollback").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let request = RollbackRequest {
        project,
        environment,
        to: arguments.to,
        settle_timeout: arguments.manner.settle_timeout(),
        atomic: arguments.manner.atomicity(),
        lease: arguments.manner.lease(),
    };
    let progress = context.progress();
    let mut door = session
        .door_within(context, arguments.manner.patience())
        .await?;
    let rolled_back = door.rollback(&request, &progress).await;
    door.settle_due(&progress).await;
    drop(progress);
    Ok(conclude(context, &rolled_back?))
}
