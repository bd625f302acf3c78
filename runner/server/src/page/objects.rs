//! The objects of a place.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use domain::ObjectKind;
use engine::{Disabled, ObjectReport};
use serde::Deserialize;

use super::choices::{Choice, choices};
use super::failure::{Failure, render};
use super::frame::{Frame, Pages, Place, Section};

/// Which objects the address asks for.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    kind: Option<String>,
}

#[derive(Template)]
#[template(path = "objects.html")]
struct Objects {
    frame: Frame,
    kind: Option<ObjectKind>,
    choices: Vec<Choice>,
    objects: Vec<ObjectReport>,
}

impl Objects {
    fn none(&self) -> String {
        match self.kind {
            Some(kind) => format!("The project declares no {kind} here."),
            None => "Nothing was made live here yet.".to_owned(),
        }
    }

    fn title_of<'a>(&self, object: &'a ObjectReport) -> &'a str {
        object.declaration["title"].as_str().unwrap_or_default()
    }
}

/// Shows the objects of a place, those that are disabled included.
pub(super) async fn page(
    State(pages): State<Pages>,
    place: Place,
    Query(filter): Query<Filter>,
) -> Result<Html<String>, Failure> {
    let kind = filter.kind.as_deref().and_then(ObjectKind::from_name);
    let (project, environment) = (&place.project, &place.environment);
    let objects = pages
        .engine
        .objects(project, environment, kind, Disabled::With)
        .await?;
    let names = ObjectKind::ALL.map(|kind| (kind.as_str(), format!("{kind}s")));
    render(&Objects {
        frame: pages.frame(&place, Section::Objects).await?,
        choices: choices("all", "kind", names, kind.map(ObjectKind::as_str), ""),
        kind,
        objects,
    })
}
