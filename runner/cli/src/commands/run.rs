//! `tidegate run`: runs an action, or a workflow that requests start.

use clap::Args;
use domain::{EnvironmentName, ObjectKind, ProjectName, RunStatus};
use engine::{ActionRun, Code, Disabled, RunReport, WorkflowRun};

use super::Outcome;
use crate::context::{Context, EnvironmentArg, Session};
use crate::document::document;
use crate::error::CliError;
use crate::input::action_input;
use crate::outcome::Ending;
use crate::render;
use crate::text::json;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tidegate run greet --input '{\"name\":\"Ada\"}'\n  \
    tidegate run nightly-export --workflow --input @range.json")]
pub(crate) struct Arguments {
    /// The name of an action, or of a workflow with the trigger `request`; where both have it,
    /// it is the action's
    #[arg(value_name = "NAME")]
    name: String,
    /// Run the workflow of that name
    #[arg(long)]
    workflow: bool,
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
    let what = find(&session, &project, &environment, &arguments).await?;
    let progress = context.progress();
    let mut door = session.door(context).await?;
    context.shell.spin("run");
    let ran = match what {
        Runnable::Workflow => {
            let request = WorkflowRun {
                project,
                environment,
                workflow: arguments.name,
                input,
            };
            door.run_workflow(&request).await
        }
        Runnable::Action => {
            let request = ActionRun {
                project,
                environment,
                action: arguments.name,
                input,
            };
            door.run(&request).await
        }
    };
    context.shell.still();
    door.settle_due(&progress).await;
    drop(progress);
    Ok(conclude(context, &ran?))
}

/// What a name runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runnable {
    Action,
    Workflow,
}

/// Finds out what a name runs: an action if one has it, else a workflow.
async fn find(
    session: &Session<'_>,
    project: &ProjectName,
    environment: &EnvironmentName,
    arguments: &Arguments,
) -> Result<Runnable, CliError> {
    if arguments.workflow {
        return Ok(Runnable::Workflow);
    }
    let live = session
        .engine
        .objects(project, environment, None, Disabled::Without)
        .await?;
    let has = |kind| {
        live.iter()
            .any(|object| object.kind == kind && object.name == arguments.name)
    };
    // Where neither has it, the error names the actions that there are.
    if has(ObjectKind::Workflow) && !has(ObjectKind::Action) {
        return Ok(Runnable::Workflow);
    }
    Ok(Runnable::Action)
}

/// Shows how a run ended and says what the program shall end with.
pub(crate) fn conclude(context: &Context, run: &RunReport) -> Ending {
    context.shell.document(&document("run", run));
    tell(context, run)
}

/// Tells people how a run ended and says what the program shall end with.
pub(crate) fn tell(context: &Context, run: &RunReport) -> Ending {
    let shell = &context.shell;
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
