//! A request that failed, as an answer.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::SchemaViolation;
use engine::{ChangeError, Code, DeployError, DeployFailure, EventError, RunError};
use serde_json::{Value, json};

use crate::wire::Problem;

/// After how many seconds what cannot be taken now may be tried again.
const RETRY_AFTER_SECONDS: &str = "1";

/// The problem that a request ended with.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(crate) Box<Problem>);

impl Failure {
    /// Says that a request is not of the form that the API takes.
    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Problem::new(Code::RequestInvalid, detail).into()
    }

    /// Says that what was to be done ended in a panic, which is a fault of ours.
    pub(crate) fn broken() -> Self {
        let detail = "what was asked for ended in a fault of the program's own";
        Problem::new(Code::Internal, detail).into()
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!(code = %self.0.code, detail = %self.0.detail, "a request failed");
        }
        let mut response = (status, Json(&*self.0)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(crate::wire::MEDIA_TYPE),
        );
        if matches!(status.as_u16(), 429 | 503) {
            let soon = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        response
    }
}

impl From<engine::ReadError> for Failure {
    fn from(error: engine::ReadError) -> Self {
        Problem::of(&error).into()
    }
}

impl From<engine::UploadError> for Failure {
    fn from(error: engine::UploadError) -> Self {
        Problem::of(&error).into()
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let problem = Problem::of(&error);
        match &error {
            RunError::Input { violations, .. } => of_input(violations, problem),
            _ => problem,
        }
        .into()
    }
}

impl From<EventError> for Failure {
    fn from(error: EventError) -> Self {
        let problem = Problem::of(&error);
        match &error {
            EventError::Payload { violations, .. } => of_input(violations, problem),
            _ => problem,
        }
        .into()
    }
}

/// Adds each way in which an input breaks its schema.
fn of_input(violations: &[SchemaViolation], problem: Problem) -> Problem {
    let violations: Vec<Value> = violations
        .iter()
        .map(|one| json!({ "pointer": one.pointer, "message": one.message }))
        .collect();
    problem.with("violations", &violations)
}

impl From<DeployError> for Failure {
    fn from(error: DeployError) -> Self {
        of_deploy(&error, Problem::of(&error)).into()
    }
}

impl From<ChangeError> for Failure {
    fn from(error: ChangeError) -> Self {
        let problem = Problem::of(&error);
        match &error {
            ChangeError::Deploy(deploy) => of_deploy(deploy, problem),
            _ => problem,
        }
        .into()
    }
}

/// Adds what is known of the deploy that failed.
fn of_deploy(error: &DeployError, mut problem: Problem) -> Problem {
    if let DeployFailure::Declaration { findings } = &error.cause {
        problem = problem.with("findings", findings);
    }
    match error.report() {
        Some(report) => problem.with("deploy", report),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;
    use axum::response::IntoResponse as _;
    use domain::{RunId, SchemaViolation};
    use engine::{ReadError, RunError};

    use super::Failure;

    #[test]
    fn a_problem_says_what_happened_under_which_code() {
        let failure = Failure::from(ReadError::RunUnknown(RunId(7)));
        insta::assert_json_snapshot!(failure.0, @r#"
        {
          "type": "urn:tidegate:problem:run-unknown",
          "title": "run unknown",
          "status": 404,
          "detail": "the store has no run 7",
          "code": "run-unknown"
        }
        "#);
        let response = failure.into_response();
        assert_eq!(response.status(), 404);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "application/problem+json"
        );
    }

    #[test]
    fn an_input_that_is_not_valid_names_each_field() {
        let failure = Failure::from(RunError::Input {
            action: "greet".to_owned(),
            violations: vec![SchemaViolation {
                pointer: "/name".to_owned(),
                message: "is required".to_owned(),
            }],
        });
        insta::assert_json_snapshot!(failure.0, @r#"
        {
          "type": "urn:tidegate:problem:input-invalid",
          "title": "input invalid",
          "status": 422,
          "detail": "the input of action greet is not valid\n  /name: is required",
          "code": "input-invalid",
          "violations": [
            {
              "message": "is required",
              "pointer": "/name"
            }
          ]
        }
        "#);
    }
}
