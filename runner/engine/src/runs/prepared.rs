//! What a run needs before it can begin: the live object, its guest and what it is granted.

use std::sync::Arc;

use domain::declare::Object;
use domain::{ArtifactDigest, EnvironmentName, ObjectKind, ObjectName, Place, ProjectName, UserId};
use sandbox::Grants;

use super::Asked;
use crate::engine::Engine;
use crate::error::{ReadError, RunError};
use crate::grants::{self, Scope};
use crate::guests::Guest;
use crate::kv::StoredKv;
use crate::props::value_label;

/// An object that is live.
pub(crate) struct LiveObject {
    pub(crate) artifact: ArtifactDigest,
    pub(crate) name: ObjectName,
    pub(crate) object: Object,
}

impl LiveObject {
    pub(super) fn subject(&self, place: Place, asked: &Asked) -> Subject {
        Subject {
            place,
            environment: asked.environment.clone(),
            artifact: self.artifact,
            kind: asked.kind.object_kind(),
            name: self.name.clone(),
        }
    }
}

/// An object of an artifact, in a place.
pub(crate) struct Subject {
    pub(crate) place: Place,
    pub(crate) environment: EnvironmentName,
    pub(crate) artifact: ArtifactDigest,
    pub(crate) kind: ObjectKind,
    pub(crate) name: ObjectName,
}

/// A guest that can be called for an object, with all that it is granted.
pub(crate) struct Prepared {
    pub(crate) object: Object,
    pub(crate) artifact: ArtifactDigest,
    pub(crate) guest: Arc<dyn Guest>,
    pub(crate) grants: Grants,
}

impl Engine {
    /// Finds a live object; one of the artifact that is disabled does not count.
    pub(crate) async fn live_object(
        &self,
        place: Place,
        (project, environment): (&ProjectName, &EnvironmentName),
        kind: ObjectKind,
        name: &str,
    ) -> Result<LiveObject, RunError> {
        let (live, list) = self
            .live_list(place)
            .await?
            .ok_or_else(|| ReadError::NothingLive {
                project: project.clone(),
                environment: environment.clone(),
            })?;
        if let Some(item) = list.find(kind, name) {
            return Ok(LiveObject {
                artifact: live.artifact,
                name: item.key.name.clone(),
                object: item.object.clone(),
            });
        }
        let names = self.live_names(place, kind).await?;
        Err(ReadError::ObjectUnknown {
            kind,
            name: name.to_owned(),
            environment: environment.clone(),
            similar: crate::shape::similar(name, &names),
        }
        .into())
    }

    /// Loads the guest and reads the values that an object may see.
    ///
    /// # Errors
    /// When the object cannot run: something that it needs is missing.
    pub(crate) async fn prepare(
        &self,
        subject: &Subject,
        user: Option<&UserId>,
    ) -> Result<Prepared, RunError> {
        let list = self.list_of(subject.artifact).await?;
        let item = list
            .find(subject.kind, subject.name.as_str())
            .ok_or_else(|| ReadError::ObjectUnknown {
                kind: subject.kind,
                name: subject.name.to_string(),
                environment: subject.environment.clone(),
                similar: Vec::new(),
            })?;
        let values = self.values(subject.place, &list).await?;
        let missing = grants::missing(&item.object, &values, None);
        if !missing.is_empty() {
            return Err(RunError::Unconfigured {
                object: item.key.to_string(),
                missing: missing.iter().map(value_label).collect(),
            });
        }
        let guest = self.guest(subject.artifact).await?;
        let environment = self.environment(&subject.environment).await?;
        let user = self.user(subject.place, user).await?;
        let scope = Scope {
            environment: environment.name.as_str(),
            allowed_private: &environment.allowed_hosts,
            list: &list,
            values: &values,
            recorded: None,
            user: user.as_ref(),
            kv: Some(Arc::new(StoredKv::new(self.store.clone(), subject.place))),
            limits: self.limits.operations,
        };
        Ok(Prepared {
            grants: grants::grant(&item.object, &scope),
            object: item.object.clone(),
            artifact: subject.artifact,
            guest,
        })
    }
}
