//! `tidegate status`: what is live, what is pending, what is wrong.

use clap::Args;
use domain::EnvironmentName;
use engine::{Code, Coded as _};

use super::Outcome;
use crate::context::Context;
use crate::document;
use crate::outcome::Ending;
use crate::render;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The environment [default: all where the project is live]
    #[arg(short, long, value_name = "ENVIRONMENT")]
    env: Option<EnvironmentName>,
}

pub(crate) async fn run(context: &Context, arguments: &Arguments) -> Outcome {
    let session = context.open(None, "status").await?;
    let project = session.project().await?;
    let status = session
        .engine
        .status(&project, arguments.env.as_ref())
        .await;
    let reports = match status {
        // A project that has a file but was never deployed is no mistake.
        Err(error) if error.code() == Code::ProjectUnknown && session.file.is_some() => Vec::new(),
        status => status?,
    };
    context.shell.document(&document::status(&reports));
    context.shell.data(render::status(&reports, context.now()));
    Ok(Ending::Done)
}
