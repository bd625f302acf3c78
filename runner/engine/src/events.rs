//! App events: checked against their schema, they start the workflows that listen.

use domain::declare::Object;
use domain::{EnvironmentName, ObjectKind, ObjectName, Place, ProjectName, RunId};
use serde_json::Value;
use store::SendEvent;

use crate::engine::Owner;
use crate::error::EventError;
use crate::runs::check_schema;

/// How often an event is checked anew because a deploy has changed it meanwhile.
const CHECKED_AT_MOST: u32 = 5;

impl Owner {
    /// Sends an app event; returns the runs that it started, which wait in the queue.
    ///
    /// A workflow of an integration that users connect or set up runs once
    /// for each connected user, any other once.
    ///
    /// # Errors
    /// When no such event is live, or the payload does not match its schema.
    pub async fn send_event(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        name: &str,
        payload: Value,
    ) -> Result<Vec<RunId>, EventError> {
        let place = self.place(project, environment).await?;
        let unknown = || EventError::Unknown {
            event: name.to_owned(),
            environment: environment.clone(),
        };
        let event: ObjectName = name.parse().map_err(|_| unknown())?;
        for _ in 0..CHECKED_AT_MOST {
            let spec = self
                .store
                .live_object(place, ObjectKind::AppEvent, event.clone())
                .await?
                .ok_or_else(unknown)?;
            check_payload(&event, &spec, &payload).await?;
            if let Some(started) = self.send_checked(place, &event, spec, &payload).await? {
                return Ok(started);
            }
        }
        Err(unknown())
    }

    /// Sends an event that was checked; `None` if it is declared otherwise by now.
    async fn send_checked(
        &self,
        place: Place,
        event: &ObjectName,
        spec: String,
        payload: &Value,
    ) -> Result<Option<Vec<RunId>>, store::Error> {
        let send = SendEvent {
            place,
            event: event.clone(),
            spec,
            payload: payload.to_string(),
            now: self.clock.now(),
        };
        self.store.send_event(send).await
    }
}

async fn check_payload(event: &ObjectName, spec: &str, payload: &Value) -> Result<(), EventError> {
    let damaged = || store::Error::Corrupt(format!("what is stored of app event {event}"));
    let object: Object = serde_json::from_str(spec).map_err(|_| damaged())?;
    let Object::AppEvent(declared) = object else {
        return Err(damaged().into());
    };
    let violations = check_schema(declared.name, declared.schema, payload.clone()).await?;
    if violations.is_empty() {
        return Ok(());
    }
    Err(EventError::Payload {
        event: event.to_string(),
        violations,
    })
}
