//! Which status an answer has, by the code of what went wrong.

use axum::http::StatusCode;
use engine::{Code, Exit};

/// Returns the status that goes with a code.
pub(crate) fn of(code: Code) -> StatusCode {
    match code {
        Code::RequestInvalid | Code::NameInvalid => StatusCode::BAD_REQUEST,
        Code::RequestRefused => StatusCode::FORBIDDEN,
        Code::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::PathUnknown
        | Code::ProjectNotFound
        | Code::ProjectUnknown
        | Code::EnvironmentUnknown
        | Code::ObjectUnknown
        | Code::DeployUnknown
        | Code::ArtifactUnknown
        | Code::RunUnknown
        | Code::RegistrationUnknown
        | Code::EventUnknown
        | Code::DeliveryUnknown => StatusCode::NOT_FOUND,
        Code::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::DataDirectoryOwned | Code::OwnerGone | Code::Overloaded => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Code::DatabaseCorrupt
        | Code::DatabaseNewer
        | Code::DataDirectoryUnusable
        | Code::KeyUnusable
        | Code::StorageFailed
        | Code::SandboxFailed
        | Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        // What is left was understood and could be tried: it conflicts with
        // something, or cannot be done as it was asked for.
        other => match other.exit() {
            Exit::Conflict | Exit::Undecided => StatusCode::CONFLICT,
            Exit::Failed | Exit::Usage | Exit::Gate | Exit::InputNeeded | Exit::StepsNotDone => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use engine::Code;

    #[test]
    fn every_code_has_the_status_of_its_meaning() {
        let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for code in Code::ALL {
            by_status
                .entry(super::of(code).as_u16())
                .or_default()
                .push(code.as_str());
        }
        for (status, code) in [
            (400, Code::RequestInvalid),
            (403, Code::RequestRefused),
            (404, Code::RunUnknown),
            (409, Code::PlanStale),
            (409, Code::ValueNeeded),
            (413, Code::RequestTooLarge),
            (422, Code::InputInvalid),
            (422, Code::DeclarationInvalid),
            (422, Code::RemovesEverything),
            (500, Code::DatabaseCorrupt),
            (503, Code::Overloaded),
            (507, Code::DiskFull),
        ] {
            assert!(by_status[&status].contains(&code.as_str()), "{by_status:?}");
        }
    }

    #[test]
    fn what_is_unknown_is_not_found() {
        for code in Code::ALL {
            let unknown = code.as_str().ends_with("-unknown") && code != Code::ValueUnknown;
            assert!(
                !unknown || super::of(code) == super::StatusCode::NOT_FOUND,
                "{code}"
            );
        }
    }
}
