//! GitHub's REST API, as far as this project uses it.

use tidegate_sdk::http::{Method, RequestBuilder};
use tidegate_sdk::{Error, HookContext, Result};

/// Begins a request below the repository's address, such as `/hooks`.
pub(crate) fn request(
    ctx: &HookContext,
    method: Method,
    repository: &str,
    path: &str,
) -> Result<RequestBuilder> {
    let base = ctx.variable("GITHUB_API_URL")?;
    let url = format!("{}/repos/{repository}{path}", base.trim_end_matches('/'));
    let request = ctx
        .http()
        .request(method, url)
        .bearer(ctx.secret("GITHUB_TOKEN")?)
        .header("Accept", "application/vnd.github+json")
        .header("X-GitHub-Api-Version", "2022-11-28");
    Ok(request)
}

/// Returns the repository that the environment names, as `owner/name`.
pub(crate) fn repository(ctx: &HookContext) -> Result<String> {
    let repository = ctx.variable("REPOSITORY")?;
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match repository.split_once('/') {
        Some((owner, name)) if is_part(owner) && is_part(name) => Ok(repository),
        _ => Err(Error::final_(format!(
            "REPOSITORY is `{repository}`, which is not of the form `owner/name`"
        ))),
    }
}
