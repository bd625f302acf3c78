//! `tidegate run`: runs an action.

use clap::Args;
use domain::RunStatus;
use engine::{ActionRun, Code, RunReport};

use super::Outcome;
use crate::context::{Context, EnvironmentArg};
use crate::document::document;
use crate::input::action_input;
use crate::outcome::Ending;
use crate::render;
use crate::text::json;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The action's name
    #[arg(value_name = "ACTION")]
    action: String,
    #[command(flatten)]
    environment: EnvironmentArg,
    /// The input: JSON, @FILE, or - for standard input
    #[arg(
        short,
        long,
        value_name = "INPUT",
        default_value = "{}",
        allow_hyphen_values = true
    )]
    input: String,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Outcome {
    let input = action_input(&arguments.input)?;
    let session = context.open(None, "run").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let request = ActionRun {
        project,
        environment,
        action: arguments.action,
        input,
    };
    let progress = context.progress();
    let mut door = session.door(context).await?;
    context.shell.spin("run");
    let ran = door.run(&request).await;
    context.shell.still();
    door.settle_due(&progress).await;
    drop(progress);
    Ok(conclude(context, &ran?))
}

/// Shows how a run ended and says what the program shall end with.
pub(crate) fn conclude(context: &Context, run: &RunReport) -> Ending {
    let shell = &context.shell;
    shell.document(&document("run", run));
    if let Some(output) = &run.output {
        shell.data(json(output));
    }
    shell.note(render::run_facts(run));
    if run.status == RunStatus::Succeeded {
        return Ending::Done;
    }
    let stored = run
        .error
        .as_ref()
        .and_then(|error| Code::from_name(&error.code));
    let code = stored.unwrap_or(Code::RunFailed);
    let why = render::run_failure(run).unwrap_or_else(|| format!("the run is {}", run.status));
    shell.failed(code, &why);
    shell.hint(format_args!(
        "`tidegate runs logs {}` shows its log",
        run.run
    ));
    Ending::from(code)
}
