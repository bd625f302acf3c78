//! What stands around every page: where it is, what else there is, how commands name the place.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use domain::{ArtifactDigest, EnvironmentName, ProjectName, Timestamp};
use engine::{Clock as _, Engine, ReadError, SystemClock};
use serde::Deserialize;

use askama::filters::Safe;

use super::assets::{ASSETS, Assets};
use super::failure::Failure;
use super::parts::{Command, Digest, When, command, digest, when};
use super::text;

/// What every page reads from.
#[derive(Clone)]
pub(crate) struct Pages {
    pub(super) engine: Engine,
}

/// A project in an environment, as the path of a page names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) project: ProjectName,
    pub(super) environment: EnvironmentName,
}

#[derive(Deserialize)]
struct PlaceNames {
    project: String,
    environment: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let Path(names) = Path::<PlaceNames>::from_request_parts(parts, state)
            .await
            .map_err(|_| Failure::missing("The address names no project and environment."))?;
        let (Ok(project), Ok(environment)) = (names.project.parse(), names.environment.parse())
        else {
            return Err(Failure::missing(format!(
                "There is no project `{}` in an environment `{}`.",
                names.project, names.environment
            )));
        };
        Ok(Self {
            project,
            environment,
        })
    }
}

impl Place {
    /// Returns the path of its pages.
    pub(super) fn path(&self) -> String {
        format!(
            "/projects/{}/environments/{}",
            self.project, self.environment
        )
    }
}

/// The parts of a place that the navigation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// What is live, pending, wrong.
    Overview,
    /// Objects.
    Objects,
    /// Deploys.
    Deploys,
    /// Runs.
    Runs,
    /// Deliveries.
    Deliveries,
    /// Subscriptions.
    Subscriptions,
    /// Secrets, variables, app configuration.
    Values,
}

impl Section {
    const ALL: [Self; 7] = [
        Self::Overview,
        Self::Objects,
        Self::Deploys,
        Self::Runs,
        Self::Deliveries,
        Self::Subscriptions,
        Self::Values,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Objects => "Objects",
            Self::Deploys => "Deploys",
            Self::Runs => "Runs",
            Self::Deliveries => "Deliveries",
            Self::Subscriptions => "Subscriptions",
            Self::Values => "Values",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Objects => "/objects",
            Self::Deploys => "/deploys",
            Self::Runs => "/runs",
            Self::Deliveries => "/deliveries",
            Self::Subscriptions => "/subscriptions",
            Self::Values => "/values",
        }
    }
}

/// A link of the navigation.
pub(super) struct Link {
    pub(super) title: String,
    pub(super) path: String,
    pub(super) here: bool,
}

/// What stands around a page.
pub(super) struct Frame {
    pub(super) now: Timestamp,
    pub(super) place: Option<Place>,
    section: Option<Section>,
    environments: Vec<EnvironmentName>,
    several_projects: bool,
}

impl Frame {
    /// Makes the frame of a page that belongs to no place.
    pub(super) fn outside(now: Timestamp) -> Self {
        Self {
            now,
            place: None,
            section: None,
            environments: Vec::new(),
            several_projects: false,
        }
    }

    /// Returns the assets that the page names.
    pub(super) fn assets(&self) -> &'static Assets {
        &ASSETS
    }

    /// Returns the links to the other environments where the project is live, and to this one.
    pub(super) fn environments(&self) -> Vec<Link> {
        let Some(place) = &self.place else {
            return Vec::new();
        };
        let section = self.section.map_or("", Section::path);
        let link = |environment: &EnvironmentName| {
            let at = Place {
                environment: environment.clone(),
                ..place.clone()
            };
            Link {
                title: environment.to_string(),
                path: format!("{}{section}", at.path()),
                here: *environment == place.environment,
            }
        };
        self.environments.iter().map(link).collect()
    }

    /// Returns the links to the place's sections.
    pub(super) fn sections(&self) -> Vec<Link> {
        let Some(place) = &self.place else {
            return Vec::new();
        };
        let link = |section: Section| Link {
            title: section.title().to_owned(),
            path: format!("{}{}", place.path(), section.path()),
            here: self.section == Some(section),
        };
        Section::ALL.into_iter().map(link).collect()
    }

    /// Returns the path of the place, which pages of it begin with.
    pub(super) fn base(&self) -> String {
        self.place.as_ref().map(Place::path).unwrap_or_default()
    }

    /// Returns the API's path of the place.
    pub(super) fn api(&self) -> String {
        format!("/api/v1{}", self.base())
    }

    /// Shows an instant.
    pub(super) fn when(&self, at: &Timestamp) -> Safe<When> {
        when(*at, self.now)
    }

    /// Shows an artifact's name.
    pub(super) fn digest(&self, artifact: &ArtifactDigest) -> Safe<Digest> {
        digest(*artifact)
    }

    /// Shows the command that does something in this place.
    pub(super) fn command(&self, what: &str) -> Safe<Command> {
        let mut line = format!("tidegate {what}");
        if let Some(place) = &self.place {
            line.push_str(&format!(" --env {}", place.environment));
        }
        self.in_project(line)
    }

    /// Shows the command that does something that no environment needs to be named for.
    pub(super) fn bare_command(&self, what: &str) -> Safe<Command> {
        self.in_project(format!("tidegate {what}"))
    }

    fn in_project(&self, mut line: String) -> Safe<Command> {
        if let (Some(place), true) = (&self.place, self.several_projects) {
            line.push_str(&format!(
                " --project {}",
                text::shell(place.project.as_str())
            ));
        }
        command(line)
    }
}

impl Pages {
    /// Returns the current time.
    pub(super) fn now(&self) -> Timestamp {
        SystemClock::default().now()
    }

    /// Makes the frame of a page of a place.
    pub(super) async fn frame(&self, place: &Place, section: Section) -> Result<Frame, ReadError> {
        let mut environments = self.engine.live_environments(&place.project).await?;
        if !environments.contains(&place.environment) {
            environments.push(place.environment.clone());
        }
        Ok(Frame {
            now: self.now(),
            place: Some(place.clone()),
            section: Some(section),
            environments,
            several_projects: self.engine.projects().await?.len() > 1,
        })
    }
}
