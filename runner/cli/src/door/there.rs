//! What the other process is asked, and what its answers mean to a command.

use std::fmt;
use std::path::Path;

use domain::{ArtifactDigest, DeliveryId, EnvironmentName, ProjectName, RunId, Secret, ValueKind};
use engine::{
    ActionRun, ArtifactReport, Atomicity, Code, DeployReport, DeployRequest, EnvironmentChange,
    EnvironmentReport, Event, Force, GarbageMode, LeaseWait, LockReport, MAX_UPLOAD, Observer,
    PlaceRequest, PlanReport, PlanRequest, RegistrationReport, Removal, Replay, RollbackRequest,
    RunReport, Selector, Source, ValueChangeReport, ValueRequest, WorkflowRun,
};
use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use server::wire::{
    Addresses, ArtifactGarbage, BuildBody, DeletedEnvironmentBody, DeployBody, Deploying,
    DoneDocument, EnvironmentBody, EnvironmentChangeBody, EventBody, EventDocument, InputBody,
    Items, LockBroken, PlanBody, Problem, ReplayBody, RollbackBody, SecretText, SelectorBody,
    StartedRuns, UpdatedEnvironment, ValueBody,
};

use super::Care;
use crate::client::{Ask, Client, ClientError, Events, segment};
use crate::document::deploy_fields;
use crate::error::CliError;

/// How often in a row it is tried to follow a deploy again.
const RETURNS: u32 = 5;

type Outcome<T> = Result<T, ClientError>;

/// Returns the address of a project in an environment.
fn at(project: &ProjectName, environment: &EnvironmentName) -> String {
    format!("/api/v1/projects/{project}/environments/{environment}")
}

async fn ask<T: DeserializeOwned>(client: &Client, ask: Ask) -> Outcome<T> {
    client.connect().await?.ask(ask).await
}

/// Asks for something that tells how it goes, and returns what came of it.
async fn observe<T: DeserializeOwned>(
    client: &Client,
    ask: Ask,
    observer: &dyn Observer,
) -> Outcome<T> {
    let mut events = client.connect().await?.follow(ask, None).await?;
    match pass_on(&mut events, observer, &mut None).await? {
        Some(done) => result(done),
        None => Err(cut_short()),
    }
}

/// Passes events on until the last, which is returned; none where the stream broke off.
async fn pass_on(
    events: &mut Events,
    observer: &dyn Observer,
    last: &mut Option<String>,
) -> Outcome<Option<DoneDocument>> {
    while let Some(event) = events.next().await? {
        if event.event.as_deref() == Some(DoneDocument::EVENT) {
            return read(&event.data).map(Some);
        }
        // One of a kind that this program does not know yet is passed over.
        if let Ok(document) = serde_json::from_str::<EventDocument>(&event.data) {
            observer.event(Event::from(document));
        }
        if event.id.is_some() {
            *last = event.id;
        }
    }
    Ok(None)
}

/// Asks where webhooks are received.
pub(super) async fn addresses(client: &Client) -> Outcome<Addresses> {
    ask(client, Ask::get("/api/v1/addresses")).await
}

/// Follows that something was stored; the first event comes at once.
pub(super) async fn changes(client: &Client) -> Outcome<Events> {
    let connection = client.connect().await?;
    connection.follow(Ask::get("/api/v1/changes"), None).await
}

fn read<T: DeserializeOwned>(text: &str) -> Outcome<T> {
    serde_json::from_str(text).map_err(|error| ClientError::Unintelligible(error.to_string()))
}

fn result<T: DeserializeOwned>(done: DoneDocument) -> Outcome<T> {
    if let Some(problem) = done.problem {
        return Err(ClientError::Problem(Box::new(problem)));
    }
    serde_json::from_value(done.result.unwrap_or(Value::Null))
        .map_err(|error| ClientError::Unintelligible(error.to_string()))
}

fn cut_short() -> ClientError {
    ClientError::Broken("it ended in the middle of the answer".into())
}

/// Asks for a deploy, and follows it to its end, also over connections that break.
async fn begin_and_follow<T: Serialize>(
    client: &Client,
    path: String,
    body: &T,
    observer: &dyn Observer,
) -> Outcome<DeployReport> {
    let begun: Deploying = ask(client, Ask::post(path, body)).await?;
    let mut last = None;
    let mut returns = 0;
    loop {
        let before = last.clone();
        match follow_on(client, &begun.events, observer, &mut last).await {
            Ok(Some(done)) => return result(done),
            // The owner is there, or was when it was asked: try again.
            Ok(None) | Err(ClientError::Broken(_)) if returns < RETURNS => {}
            Ok(None) => return Err(cut_short()),
            // It was asked already, so this process must not take its place.
            Err(ClientError::Unreached { source, .. }) => {
                return Err(ClientError::Broken(source.into()));
            }
            Err(error) => return Err(error),
        }
        returns = if last == before { returns + 1 } else { 0 };
    }
}

async fn follow_on(
    client: &Client,
    path: &str,
    observer: &dyn Observer,
    last: &mut Option<String>,
) -> Outcome<Option<DoneDocument>> {
    let connection = client.connect().await?;
    let mut events = connection.follow(Ask::get(path), last.as_deref()).await?;
    pass_on(&mut events, observer, last).await
}

/// What is to be deployed, as it is told: what was built is uploaded first.
async fn source(
    client: &Client,
    source: &Source,
) -> Outcome<(Option<ArtifactDigest>, Option<BuildBody>)> {
    let build = match source {
        Source::Artifact(artifact) => return Ok((Some(*artifact), None)),
        Source::Built(build) => build,
        Source::Build(..) => {
            let what = "a build that is not over cannot be told of";
            return Err(ClientError::Unintelligible(what.to_owned()));
        }
    };
    let artifact = match &build.result {
        Ok(built) => Some(upload(client, &built.path).await?),
        Err(_) => None,
    };
    let body = BuildBody::new(build, artifact);
    body.map(|body| (None, Some(body)))
        .ok_or_else(|| ClientError::Unintelligible("the build made nothing".to_owned()))
}

/// Uploads a component, unless it is stored there.
async fn upload(client: &Client, file: &Path) -> Outcome<ArtifactDigest> {
    let unreadable = |why: String| {
        let detail = format!("cannot read {}: {why}", file.display());
        ClientError::Problem(Box::new(Problem::new(Code::ComponentMissing, detail)))
    };
    let length = tokio::fs::metadata(file)
        .await
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    if length > MAX_UPLOAD {
        let detail = format!("the artifact has {length} bytes, at most {MAX_UPLOAD} are allowed");
        let problem = Problem::new(Code::ComponentInvalid, detail);
        return Err(ClientError::Problem(Box::new(problem)));
    }
    let bytes = tokio::fs::read(file)
        .await
        .map_err(|error| unreadable(error.to_string()))?;
    let artifact = ArtifactDigest::of(&bytes);
    let path = format!("/api/v1/artifacts/{artifact}");
    if !client.connect().await?.has(path.clone()).await? {
        let _: ArtifactReport = ask(client, Ask::put_bytes(path, bytes)).await?;
    }
    Ok(artifact)
}

pub(super) async fn deploy(
    client: &Client,
    request: &DeployRequest,
    observer: &dyn Observer,
) -> Outcome<DeployReport> {
    let (artifact, build) = source(client, &request.source).await?;
    let body = DeployBody {
        artifact,
        build,
        version: request.version.clone(),
        description: request.description.clone(),
        atomic: request.atomic == Atomicity::Atomic,
        wait: request.lease == LeaseWait::Wait,
        settle_timeout_seconds: request.settle_timeout.as_secs(),
        allow_remove_all: request.removal == Removal::AllowAll,
    };
    let path = format!("{}/deploys", at(&request.project, &request.environment));
    begin_and_follow(client, path, &body, observer).await
}

pub(super) async fn rollback(
    client: &Client,
    request: &RollbackRequest,
    observer: &dyn Observer,
) -> Outcome<DeployReport> {
    let body = RollbackBody {
        to: request.to,
        atomic: request.atomic == Atomicity::Atomic,
        wait: request.lease == LeaseWait::Wait,
        settle_timeout_seconds: request.settle_timeout.as_secs(),
    };
    let path = format!("{}/rollbacks", at(&request.project, &request.environment));
    begin_and_follow(client, path, &body, observer).await
}

pub(super) async fn plan(
    client: &Client,
    request: &PlanRequest,
    observer: &dyn Observer,
) -> Outcome<PlanReport> {
    let (artifact, build) = source(client, &request.source).await?;
    let body = PlanBody { artifact, build };
    let path = format!("{}/plans", at(&request.project, &request.environment));
    observe(client, Ask::post(path, &body), observer).await
}

pub(super) async fn run(client: &Client, request: &ActionRun) -> Outcome<RunReport> {
    let at = at(&request.project, &request.environment);
    let path = format!("{at}/actions/{}/runs", segment(&request.action));
    let body = InputBody {
        input: request.input.clone(),
    };
    ask(client, Ask::post(path, &body)).await
}

pub(super) async fn run_workflow(client: &Client, request: &WorkflowRun) -> Outcome<RunReport> {
    let at = at(&request.project, &request.environment);
    let path = format!("{at}/workflows/{}/runs", segment(&request.workflow));
    let body = InputBody {
        input: request.input.clone(),
    };
    ask(client, Ask::post(path, &body)).await
}

pub(super) async fn replay(client: &Client, run: RunId, on: Replay) -> Outcome<RunReport> {
    let body = ReplayBody {
        original: on == Replay::Original,
    };
    ask(
        client,
        Ask::post(format!("/api/v1/runs/{run}/replays"), &body),
    )
    .await
}

pub(super) async fn cancel(client: &Client, run: RunId) -> Outcome<RunReport> {
    ask(
        client,
        Ask::post(format!("/api/v1/runs/{run}/cancel"), &json!({})),
    )
    .await
}

pub(super) async fn send_event(
    client: &Client,
    place: &PlaceRequest,
    event: &str,
    payload: &Value,
) -> Outcome<Vec<RunId>> {
    let at = at(&place.project, &place.environment);
    let path = format!("{at}/events/{}", segment(event));
    let body = EventBody {
        payload: payload.clone(),
    };
    let started: StartedRuns = ask(client, Ask::post(path, &body)).await?;
    Ok(started.runs)
}

pub(super) async fn replay_delivery(client: &Client, delivery: DeliveryId) -> Outcome<RunId> {
    let path = format!("/api/v1/deliveries/{delivery}/replays");
    let started: StartedRuns = ask(client, Ask::post(path, &json!({}))).await?;
    let run = started.runs.first().copied();
    run.ok_or_else(|| ClientError::Unintelligible("it names no run".to_owned()))
}

fn value_at(request: &ValueRequest) -> String {
    let at = at(&request.project, &request.environment);
    let kind: ValueKind = request.key.kind;
    let name = segment(&request.key.name);
    format!("{at}/{}/{name}", server::value_path(kind))
}

pub(super) async fn set_value(
    client: &Client,
    request: &ValueRequest,
    value: &Secret,
    observer: &dyn Observer,
) -> Outcome<ValueChangeReport> {
    let body = ValueBody {
        value: SecretText(value.expose().to_owned()),
    };
    let ask = Ask::with(Method::PUT, value_at(request), &body);
    observe(client, ask, observer).await
}

pub(super) async fn unset_value(
    client: &Client,
    request: &ValueRequest,
    force: Force,
    observer: &dyn Observer,
) -> Outcome<ValueChangeReport> {
    let ask = Ask::delete(forced(value_at(request), force));
    observe(client, ask, observer).await
}

fn forced(path: String, force: Force) -> String {
    match force {
        Force::No => path,
        Force::Yes => format!("{path}?force=true"),
    }
}

pub(super) async fn create_environment(
    client: &Client,
    name: &EnvironmentName,
) -> Outcome<EnvironmentReport> {
    let body = EnvironmentBody { name: name.clone() };
    ask(client, Ask::post("/api/v1/environments", &body)).await
}

pub(super) async fn update_environment(
    client: &Client,
    name: &EnvironmentName,
    change: &EnvironmentChange,
    observer: &dyn Observer,
) -> Outcome<(EnvironmentReport, Vec<DeployReport>)> {
    let texts = |hosts: &[domain::HostPort]| hosts.iter().map(ToString::to_string).collect();
    let body = EnvironmentChangeBody {
        public_url: change.public_url.clone(),
        allow_hosts: texts(&change.allow),
        deny_hosts: texts(&change.disallow),
    };
    let path = format!("/api/v1/environments/{name}");
    let ask = Ask::with(Method::PATCH, path, &body);
    let updated: UpdatedEnvironment = observe(client, ask, observer).await?;
    Ok((updated.environment, updated.reconfigures))
}

pub(super) async fn delete_environment(
    client: &Client,
    name: &EnvironmentName,
    force: Force,
    observer: &dyn Observer,
) -> Outcome<Vec<RegistrationReport>> {
    let path = forced(format!("/api/v1/environments/{name}"), force);
    let deleted: DeletedEnvironmentBody = observe(client, Ask::delete(path), observer).await?;
    Ok(deleted.forgotten)
}

pub(super) async fn care(
    client: &Client,
    care: Care,
    place: &PlaceRequest,
    which: &Selector,
) -> Outcome<Vec<RegistrationReport>> {
    let what = match care {
        Care::Retry => "retry",
        Care::Resubscribe => "resubscribe",
        Care::Forget => "forget",
    };
    let at = at(&place.project, &place.environment);
    let body = SelectorBody::from(which);
    let path = format!("{at}/subscriptions/{what}");
    let changed: Items<RegistrationReport> = ask(client, Ask::post(path, &body)).await?;
    Ok(changed.items)
}

pub(super) async fn break_lock(
    client: &Client,
    project: &ProjectName,
    environment: &EnvironmentName,
) -> Outcome<Option<LockReport>> {
    let path = format!("{}/lock", at(project, environment));
    let broken: LockBroken = ask(client, Ask::delete(path)).await?;
    Ok(broken.broken)
}

pub(super) async fn gc(client: &Client, mode: GarbageMode) -> Outcome<Vec<ArtifactReport>> {
    let body = ArtifactGarbage {
        dry_run: mode == GarbageMode::DryRun,
    };
    let removed: Items<ArtifactReport> =
        ask(client, Ask::post("/api/v1/artifacts/gc", &body)).await?;
    Ok(removed.items)
}

pub(super) async fn settle(client: &Client, observer: &dyn Observer) -> Outcome<()> {
    let ask = Ask::post("/api/v1/settle", &json!({}));
    let _: Value = observe(client, ask, observer).await?;
    Ok(())
}

/// Returns the error of a command whose owner told that it ends.
pub(super) fn gone() -> CliError {
    CliError::new(
        Code::OwnerGone,
        "the process that owns the data directory has ended",
    )
    .hint("`tidegate status` shows what stands")
}

/// Returns the error that a command ends with.
pub(super) fn error(error: ClientError) -> CliError {
    match error {
        ClientError::Problem(problem) => from_problem(*problem),
        ClientError::Broken(_) | ClientError::Unreached { .. } => CliError::because(
            Code::OwnerGone,
            "the process that owns the data directory ended before it had answered",
            &error,
        )
        .hint("`tidegate status` shows what stands"),
        ClientError::Unintelligible(_) => CliError::because(
            Code::Internal,
            "the process that owns the data directory gave an odd answer",
            &error,
        )
        .hint("it may be of another version than this program"),
    }
}

/// Makes the error that this process would have ended with, had it done the work itself.
fn from_problem(problem: Problem) -> CliError {
    let code = problem.known_code().unwrap_or(Code::Internal);
    let cause = Cause::chain(problem.causes);
    let mut error = match &cause {
        Some(cause) => CliError::because(code, problem.detail, cause),
        None => CliError::new(code, problem.detail),
    };
    for hint in problem.hints {
        error = error.hint(hint);
    }
    let deploy = problem.members.get("deploy").cloned();
    match deploy.map(serde_json::from_value::<DeployReport>) {
        Some(Ok(report)) => error.with_fields(deploy_fields(&report)),
        Some(Err(_)) | None => error,
    }
}

/// A cause that was told in words.
#[derive(Debug)]
struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    fn chain(texts: Vec<String>) -> Option<Self> {
        texts.into_iter().rev().fold(None, |source, text| {
            Some(Self {
                text,
                source: source.map(Box::new),
            })
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Cause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_deref()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use engine::{Code, Coded};
    use server::wire::Problem;

    use super::from_problem;
    use crate::error::CliError;

    #[derive(Debug, thiserror::Error)]
    #[error("the database cannot be opened")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("permission denied")]
    struct Middle(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("the file system is read-only")]
    struct Inner;

    impl Coded for Outer {
        fn code(&self) -> Code {
            Code::DataDirectoryUnusable
        }

        fn hints(&self) -> Vec<String> {
            vec!["check its owner".to_owned()]
        }
    }

    #[test]
    fn an_error_is_the_same_whoever_did_the_work() {
        let error = || Outer(Middle(Inner));
        let text = serde_json::to_string(&Problem::of(&error())).unwrap();
        let there = from_problem(serde_json::from_str(&text).unwrap());
        let here = CliError::from(error());
        assert_eq!(there.document(), here.document());
        assert_eq!(
            there.lines().collect::<Vec<_>>(),
            here.lines().collect::<Vec<_>>()
        );
        assert_eq!(there.code(), here.code());
    }
}
