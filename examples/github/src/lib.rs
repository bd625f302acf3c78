//! GitHub: a webhook that subscribes itself to a repository, and an action
//! that creates issues in it.

mod api;
mod issues;
mod repository_events;
#[cfg(test)]
mod tests;

use tidegate_sdk::integration;

/// GitHub
#[integration(
    name = "github",
    auth = oauth2(
        authorize_url = "https://github.com/login/oauth/authorize",
        token_url = "https://github.com/login/oauth/access_token",
        scopes("repo", "admin:repo_hook"),
        app_config(client_id, client_secret)
    )
)]
pub struct GitHub;

pub use crate::issues::{Issue, NewIssue, create_issue};
pub use crate::repository_events::{Hook, Props, RepositoryEvent, RepositoryEvents};

tidegate_sdk::project!(GitHub, RepositoryEvents, create_issue);
