//! The pages that say why there is no other.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use engine::{Clock as _, Code, Coded as _, ReadError, SystemClock};

use super::frame::{Frame, Pages};

/// Says why a page cannot be shown.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    code: Option<Code>,
    message: String,
    hints: Vec<String>,
}

impl Failure {
    /// Says that there is no such thing.
    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: None,
            message: message.into(),
            hints: Vec::new(),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let status = match error {
            ReadError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::NOT_FOUND,
        };
        if status.is_server_error() {
            tracing::error!(error = %error, "a page could not be read");
        }
        Self {
            status,
            code: Some(error.code()),
            message: sentence(&error.to_string()),
            hints: error.hints(),
        }
    }
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first: String = characters
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    format!("{first}{}.", characters.as_str())
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage<'a> {
    frame: Frame,
    failure: &'a Failure,
}

impl FailurePage<'_> {
    fn title(&self) -> &'static str {
        match self.failure.status {
            StatusCode::NOT_FOUND => "Not found",
            _ => "Something went wrong",
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let page = FailurePage {
            frame: Frame::outside(SystemClock::default().now()),
            failure: &self,
        };
        match page.render() {
            Ok(html) => (self.status, Html(html)).into_response(),
            Err(_) => (self.status, self.message).into_response(),
        }
    }
}

/// Writes a page, as a template renders it.
pub(super) fn render(page: &impl Template) -> Result<Html<String>, Failure> {
    page.render().map(Html).map_err(|error| {
        tracing::error!(error = %error, "a page could not be written");
        Failure {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: Some(Code::Internal),
            message: "The page could not be written.".to_owned(),
            hints: Vec::new(),
        }
    })
}

/// Answers an address that leads nowhere.
pub(crate) async fn not_found(State(_): State<Pages>) -> Failure {
    Failure::missing("There is no page at this address.")
}
