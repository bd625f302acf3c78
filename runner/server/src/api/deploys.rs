//! Deploys, rollbacks and plans.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::{ArtifactDigest, DeployNumber, DeployStatus, EnvironmentName, ProjectName};
use engine::{
    Atomicity, DeployReport, DeployRequest, DeploySummary, Engine, Event, LeaseWait, LogReport,
    Owner, PlanRequest, Removal, RollbackRequest, Source,
};

use super::{Answer, At, List, observed};
use crate::app::App;
use crate::extract::{Asked, Given, In, Part, next_cursor};
use crate::failure::Failure;
use crate::feed::{DeployKey, Feed};
use crate::stream::{self, Resume};
use crate::wire::{BuildBody, DeployBody, Deploying, DoneDocument, Items, PlanBody, RollbackBody};

/// A deploy, in the path.
type One = (ProjectName, EnvironmentName, DeployNumber);

pub(super) fn routes() -> Router<App> {
    let at = "/projects/{project}/environments/{environment}";
    Router::new()
        .route(&format!("{at}/deploys"), get(list).post(deploy))
        .route(&format!("{at}/deploys/{{number}}"), get(show))
        .route(&format!("{at}/deploys/{{number}}/logs"), get(logs))
        .route(&format!("{at}/deploys/{{number}}/events"), get(events))
        .route(&format!("{at}/rollbacks"), post(rollback))
        .route(&format!("{at}/plans"), post(plan))
}

async fn list(
    State(app): State<App>,
    In((project, environment)): In<At>,
    Asked(part): Asked<Part>,
) -> List<DeploySummary> {
    let (limit, before) = part.read::<DeployNumber>()?;
    let items = app
        .owner
        .deploys_before(&project, &environment, before, limit)
        .await?;
    let next_cursor = next_cursor(&items, limit, |deploy| deploy.deploy.to_string());
    Ok(Json(Items { items, next_cursor }))
}

async fn show(
    State(app): State<App>,
    In((project, environment, number)): In<One>,
) -> Answer<DeployReport> {
    Ok(Json(
        Engine::deploy(&app.owner, &project, &environment, number).await?,
    ))
}

async fn logs(
    State(app): State<App>,
    In((project, environment, number)): In<One>,
) -> List<LogReport> {
    let lines = app
        .owner
        .deploy_logs(&project, &environment, number)
        .await?;
    Ok(Json(Items::all(lines)))
}

/// Returns what is to be deployed: an artifact that is stored, or a build that is over.
async fn source(
    app: &App,
    artifact: Option<ArtifactDigest>,
    build: Option<BuildBody>,
) -> Result<Source, Failure> {
    let build = match (artifact, build) {
        (Some(artifact), None) => return Ok(Source::Artifact(artifact)),
        (None, Some(build)) => build,
        (Some(_), Some(_)) | (None, None) => {
            return Err(Failure::invalid(
                "either `artifact` or `build` says what is to be deployed",
            ));
        }
    };
    let file = match build.artifact() {
        Some(artifact) => Some(app.owner.artifact_file(artifact).await?),
        None => None,
    };
    build
        .finished(file)
        .map(Source::Built)
        .ok_or_else(Failure::broken)
}

const fn atomicity(atomic: bool) -> Atomicity {
    if atomic {
        Atomicity::Atomic
    } else {
        Atomicity::Plain
    }
}

const fn lease(wait: bool) -> LeaseWait {
    if wait {
        LeaseWait::Wait
    } else {
        LeaseWait::Refuse
    }
}

/// Begins a deploy and answers when it has its number; its events tell the rest.
async fn deploy(
    State(app): State<App>,
    In((project, environment)): In<At>,
    Given(body): Given<DeployBody>,
) -> Result<Response, Failure> {
    let request = DeployRequest {
        source: source(&app, body.artifact, body.build).await?,
        project: project.clone(),
        environment: environment.clone(),
        version: body.version,
        description: body.description,
        atomic: atomicity(body.atomic),
        lease: lease(body.wait),
        settle_timeout: Duration::from_secs(body.settle_timeout_seconds),
        removal: if body.allow_remove_all {
            Removal::AllowAll
        } else {
            Removal::Confirm
        },
    };
    let feed =
        app.followed(|owner, observer| async move { owner.deploy(request, &observer).await });
    begun(&feed, &project, &environment).await
}

/// Begins to go back to an earlier deploy; the answer is that of a deploy.
async fn rollback(
    State(app): State<App>,
    In((project, environment)): In<At>,
    Given(body): Given<RollbackBody>,
) -> Result<Response, Failure> {
    let request = RollbackRequest {
        project: project.clone(),
        environment: environment.clone(),
        to: body.to,
        atomic: atomicity(body.atomic),
        lease: lease(body.wait),
        settle_timeout: Duration::from_secs(body.settle_timeout_seconds),
    };
    let feed =
        app.followed(|owner, observer| async move { owner.rollback(request, &observer).await });
    begun(&feed, &project, &environment).await
}

/// Answers when a deploy has its number, or has failed without one.
async fn begun(
    feed: &Arc<Feed>,
    project: &ProjectName,
    environment: &EnvironmentName,
) -> Result<Response, Failure> {
    let Some(deploy) = feed.deploy().await else {
        return Err(match feed.outcome().await {
            Some(DoneDocument {
                problem: Some(problem),
                ..
            }) => Failure::from(problem),
            Some(_) | None => Failure::broken(),
        });
    };
    let at = format!("/api/v1/projects/{project}/environments/{environment}/deploys/{deploy}");
    let body = Deploying {
        deploy,
        events: format!("{at}/events"),
    };
    let mut response = (StatusCode::ACCEPTED, Json(body)).into_response();
    if let Ok(location) = HeaderValue::from_str(&at) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

async fn plan(
    State(app): State<App>,
    headers: HeaderMap,
    In((project, environment)): In<At>,
    Given(body): Given<PlanBody>,
) -> Result<Response, Failure> {
    let request = PlanRequest {
        source: source(&app, body.artifact, body.build).await?,
        project,
        environment,
    };
    let planned = observed(&app, &headers, |owner, observer| async move {
        owner.plan(request, &observer).await
    });
    Ok(planned.await)
}

/// Follows a deploy: from the beginning, or from where the client had got to.
async fn events(
    State(app): State<App>,
    headers: HeaderMap,
    In((project, environment, number)): In<One>,
) -> Result<Response, Failure> {
    let key = DeployKey {
        project: project.to_string(),
        environment: environment.to_string(),
        number,
    };
    let feed = match app.feeds.of(&key) {
        Some(feed) => feed,
        None => {
            // That there is one is said before the first event is.
            Engine::deploy(&app.owner, &project, &environment, number).await?;
            app.followed(|owner, observer| async move {
                retell(&owner, &observer, project, environment, number).await
            })
        }
    };
    Ok(stream::follow(&app, feed, Resume::from(&headers)))
}

/// Tells of a deploy that was not asked for here what is stored of it, until it is over.
async fn retell(
    owner: &Owner,
    observer: &(dyn engine::Observer + Sync),
    project: ProjectName,
    environment: EnvironmentName,
    number: DeployNumber,
) -> Result<DeployReport, engine::ReadError> {
    observer.event(Event::Began {
        deploy: number,
        project: project.to_string(),
        environment: environment.to_string(),
    });
    let mut commits = owner.commits();
    let (mut stages, mut told) = (0, 0);
    loop {
        commits.borrow_and_update();
        let report = Engine::deploy(owner, &project, &environment, number).await?;
        for line in owner.deploy_logs(&project, &environment, number).await? {
            if line.sequence > told {
                told = line.sequence;
                observer.event(Event::Log(line));
            }
        }
        for stage in report.stages.iter().skip(stages) {
            stages += 1;
            observer.event(Event::StageFinished(stage.clone()));
        }
        // The store ends with its owner, and then nothing more comes.
        if report.status != DeployStatus::Running || commits.changed().await.is_err() {
            return Ok(report);
        }
    }
}
