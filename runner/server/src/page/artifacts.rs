//! The artifacts of the store, each with what keeps it.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use engine::ArtifactReport;

use super::failure::{Failure, render};
use super::frame::{Frame, Pages};
use super::text;

/// How many are shown.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "artifacts.html")]
struct Artifacts {
    frame: Frame,
    artifacts: Vec<ArtifactReport>,
    total: usize,
    size: u64,
}

impl Artifacts {
    fn count(&self) -> String {
        text::count(self.total, "artifact", "artifacts")
    }
}

/// Shows the newest artifacts.
pub(super) async fn page(State(pages): State<Pages>) -> Result<Html<String>, Failure> {
    let mut artifacts = pages.engine.artifacts().await?;
    let total = artifacts.len();
    let size = artifacts.iter().map(|artifact| artifact.size_bytes).sum();
    artifacts.sort_by_key(|artifact| std::cmp::Reverse(artifact.created_at));
    artifacts.truncate(SHOWN);
    render(&Artifacts {
        frame: Frame::outside(pages.now()),
        artifacts,
        total,
        size,
    })
}
