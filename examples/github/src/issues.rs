//! The action that creates an issue.

use tidegate_sdk::http::Method;
use tidegate_sdk::{Context, Result, action, data};

use crate::api;

/// The issue to create.
#[data]
pub struct NewIssue {
    /// Its title.
    pub title: String,
    /// Its text, in Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The names of its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

/// The issue that was created.
#[data]
pub struct Issue {
    /// Its number in the repository.
    pub number: u64,
    /// Its page.
    #[serde(rename = "html_url")]
    pub url: String,
}

/// Create an issue
#[action(
    integration = "github",
    secrets(GITHUB_TOKEN),
    variables(GITHUB_API_URL = "https://api.github.com", REPOSITORY),
    hosts("${GITHUB_API_URL}")
)]
pub fn create_issue(ctx: &Context, issue: NewIssue) -> Result<Issue> {
    let repository = api::repository(ctx)?;
    let created: Issue = api::request(ctx, Method::POST, &repository, "/issues")?
        .header("Idempotency-Key", ctx.idempotency_key())
        .json(&issue)?
        .send()?
        .error_for_status()?
        .json()?;
    ctx.log()
        .field("number", &created.number)
        .info("issue created");
    Ok(created)
}
