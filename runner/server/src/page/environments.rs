//! The environments of the store, and the leases that deploys hold.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use engine::{EnvironmentReport, LockReport};

use super::failure::{Failure, render};
use super::frame::{Frame, Pages};

#[derive(Template)]
#[template(path = "environments.html")]
struct Environments {
    frame: Frame,
    environments: Vec<EnvironmentReport>,
    locks: Vec<LockReport>,
}

/// Shows the environments.
pub(super) async fn page(State(pages): State<Pages>) -> Result<Html<String>, Failure> {
    render(&Environments {
        frame: Frame::outside(pages.now()),
        environments: pages.engine.environments().await?,
        locks: pages.engine.locks().await?,
    })
}
