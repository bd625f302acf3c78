//! Takes a request apart; what cannot be understood is a problem document.

use axum::Json;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use engine::Code;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use crate::wire::Problem;

/// How many items a list has where nobody says.
const USUAL_LIMIT: u32 = 20;
/// The most items of a list that is sent in parts.
const MOST_ITEMS: u32 = 1_000;

/// What stands in the path.
pub(crate) struct In<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for In<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Failure::invalid(rejection.body_text())),
        }
    }
}

/// What stands in the query.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Failure::invalid(rejection.body_text())),
        }
    }
}

/// What stands in the body, as JSON.
pub(crate) struct Given<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Given<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::BytesRejection(rejection)) => Err(body_failure(&rejection)),
            Err(rejection) => Err(Failure::invalid(rejection.body_text())),
        }
    }
}

/// Says why a body could not be read.
pub(crate) fn body_failure(rejection: &BytesRejection) -> Failure {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let detail = "the body is larger than what is taken here";
        return Problem::new(Code::RequestTooLarge, detail).into();
    }
    Failure::invalid(rejection.body_text())
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// The most items.
    #[serde(default)]
    limit: Option<u32>,
    /// Where the part before ended.
    #[serde(default)]
    cursor: Option<String>,
}

impl Part {
    /// Returns the most items to send.
    pub(crate) fn limit(limit: Option<u32>) -> u32 {
        limit.unwrap_or(USUAL_LIMIT).clamp(1, MOST_ITEMS)
    }

    /// Returns the most items to send and what they come after.
    ///
    /// # Errors
    /// When the cursor is none that was given out.
    pub(crate) fn read<T: std::str::FromStr>(&self) -> Result<(u32, Option<T>), Failure> {
        Ok((Self::limit(self.limit), cursor(self.cursor.as_deref())?))
    }
}

/// Reads a cursor.
///
/// # Errors
/// When it is none that was given out.
pub(crate) fn cursor<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, Failure> {
    let read = |text: &str| {
        text.parse()
            .map_err(|_| Failure::invalid("the cursor is none that was given out"))
    };
    text.map(read).transpose()
}

/// Returns the cursor of a part, if it is full: others may follow its last item.
pub(crate) fn next_cursor<T>(
    items: &[T],
    limit: u32,
    place: impl FnOnce(&T) -> String,
) -> Option<String> {
    let full = u32::try_from(items.len()).is_ok_and(|count| count >= limit);
    items.last().filter(|_| full).map(place)
}
