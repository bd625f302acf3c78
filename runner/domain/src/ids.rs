//! Numbers that identify rows: one type each, so that none is taken for another.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $type(pub i64);

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $type {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, ParseIntError> {
                text.parse().map(Self)
            }
        }
    };
}

id!(
    /// A project in its store.
    ProjectId
);
id!(
    /// An environment of a store.
    EnvironmentId
);
id!(
    /// An object; it stays the same while the object is disabled and re-enabled.
    ObjectId
);
id!(
    /// A deploy, counted from 1 per project and environment.
    DeployNumber
);
id!(
    /// A deploy's row in its store.
    DeployId
);
id!(
    /// A registration of a webhook at a third party.
    RegistrationId
);
id!(
    /// A step of the journal.
    StepId
);
id!(
    /// A run.
    RunId
);
id!(
    /// An inbound webhook request that was accepted.
    DeliveryId
);
id!(
    /// The address of a webhook that nobody subscribes for.
    EndpointId
);

/// A connected user's id, as the team's backend gave it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub String);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One project in one environment: the place where objects live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The project.
    pub project: ProjectId,
    /// The environment.
    pub environment: EnvironmentId,
}
