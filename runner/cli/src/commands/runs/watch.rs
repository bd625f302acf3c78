//! `tidegate runs replay --watch`: a recorded run again at every deploy, and what that changes.

use domain::{ArtifactDigest, DeployNumber, EnvironmentName, ProjectName, RunId, RunStatus};
use engine::{Code, Engine, ErrorReport, ReadError, RunReport};
use serde::Serialize;
use serde_json::{Value, json};

use super::super::Outcome;
use super::difference::{Difference, differences};
use crate::context::{Context, Session};
use crate::document::document;
use crate::door::{Changes, Elsewhere};
use crate::error::CliError;
use crate::outcome::Ending;
use crate::render;
use crate::signals::interrupted;
use crate::text::duration;

/// How many differences are shown to people.
const SHOWN: usize = 30;

/// Runs it now and at every deploy that goes live, until somebody ends it.
pub(super) async fn run(context: &Context, session: &Session<'_>, run: RunId) -> Outcome {
    context.end_myself();
    let ended = interrupted();
    tokio::pin!(ended);
    tokio::select! {
        biased;
        _ = &mut ended => Ok(Ending::Done),
        failed = watch(context, session, run) => match failed {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
    }
}

/// What goes on until it is interrupted or fails never comes to an end of its own.
enum Never {}

async fn watch(context: &Context, session: &Session<'_>, run: RunId) -> Result<Never, CliError> {
    let recorded = session.engine.run_report(run).await?;
    let place = Watched::of(&session.engine, &recorded)?;
    let owner = session.elsewhere().await?;
    let mut changes = owner.changes().await?;
    context.shell.stream();
    context.shell.note(format_args!(
        "run {run} is repeated at every deploy of {} that goes live in {}; Ctrl-C ends it",
        place.project, place.environment
    ));
    let mut before = recorded;
    let mut live = None;
    loop {
        let deploy = next_live(&place, &mut changes, live).await?;
        live = Some(deploy);
        if let Some(after) = replay(context, &owner, run).await? {
            show(context, deploy, &before, &after);
            before = after;
        }
    }
}

/// Where the run is, and who can tell what is live there.
struct Watched<'a> {
    engine: &'a Engine,
    project: ProjectName,
    environment: EnvironmentName,
}

impl<'a> Watched<'a> {
    fn of(engine: &'a Engine, recorded: &RunReport) -> Result<Self, CliError> {
        let odd = |_| CliError::new(Code::Internal, "the store names an odd project");
        Ok(Self {
            engine,
            project: recorded.project.parse().map_err(odd)?,
            environment: recorded.environment.parse().map_err(odd)?,
        })
    }

    async fn live(&self) -> Result<Option<DeployNumber>, ReadError> {
        let status = self.engine.status(&self.project, Some(&self.environment));
        let live = status.await?.into_iter().next().and_then(|one| one.live);
        Ok(live.map(|deploy| deploy.deploy))
    }
}

/// Waits until another deploy is live than the one that was seen last.
async fn next_live(
    place: &Watched<'_>,
    changes: &mut Changes,
    seen: Option<DeployNumber>,
) -> Result<DeployNumber, CliError> {
    loop {
        // The first change comes at once, so nothing is missed.
        changes.next().await?;
        match place.live().await? {
            Some(deploy) if Some(deploy) != seen => return Ok(deploy),
            Some(_) | None => {}
        }
    }
}

/// Runs it again; what keeps it from running now is told, and may be mended by the next deploy.
async fn replay(
    context: &Context,
    owner: &Elsewhere,
    run: RunId,
) -> Result<Option<RunReport>, CliError> {
    context.shell.spin("run");
    let replayed = owner.replay(run).await;
    context.shell.still();
    match replayed {
        Ok(report) => Ok(Some(report)),
        Err(error) if matches!(error.code(), Code::OwnerGone | Code::RunUnknown) => Err(error),
        Err(error) => {
            context.shell.error(&error);
            Ok(None)
        }
    }
}

/// How a run came out, and how that differs from the one before.
#[derive(Debug, Serialize)]
struct Replayed<'a> {
    run: RunId,
    compared_with: RunId,
    deploy: DeployNumber,
    artifact: Option<ArtifactDigest>,
    status: RunStatus,
    changed: bool,
    changes: Vec<Difference>,
    output: &'a Option<Value>,
    error: &'a Option<ErrorReport>,
    duration_ms: u64,
    duration_before_ms: u64,
}

fn show(context: &Context, deploy: DeployNumber, before: &RunReport, after: &RunReport) {
    let changes = differences(&outcome(before), &outcome(after));
    let shell = &context.shell;
    shell.data(format_args!(
        "deploy {deploy}: {}\n  compared with run {}, which took {}",
        render::run_facts(after),
        before.run,
        duration(before.duration_ms)
    ));
    for change in changes.iter().take(SHOWN) {
        shell.data(format_args!("  {}", change.line()));
    }
    match changes.len() {
        0 => shell.data("  the outcome is as before"),
        many if many > SHOWN => shell.data(format_args!("  and {} more", many - SHOWN)),
        _ => {}
    }
    let replayed = Replayed {
        run: after.run,
        compared_with: before.run,
        deploy,
        artifact: after.artifact,
        status: after.status,
        changed: !changes.is_empty(),
        changes,
        output: &after.output,
        error: &after.error,
        duration_ms: after.duration_ms,
        duration_before_ms: before.duration_ms,
    };
    shell.document(&document("replayed", &replayed));
}

/// What is compared of a run: how it ended, and with what.
fn outcome(run: &RunReport) -> Value {
    let mut outcome = json!({ "status": run.status });
    if let Some(output) = &run.output {
        outcome["output"] = output.clone();
    }
    if let Some(error) = &run.error {
        outcome["error"] = json!(error);
    }
    outcome
}
