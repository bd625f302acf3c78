//! Standing subscriptions at third parties.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ObjectName;
use crate::digest::ArtifactDigest;
use crate::ids::{DeployNumber, RegistrationId};
use crate::stable::stable_enum;
use crate::step::Subject;
use crate::time::Timestamp;

stable_enum! {
    /// What kind of value something depends on.
    pub enum ValueKind {
        /// A secret.
        Secret = "secret",
        /// A variable.
        Variable = "variable",
        /// App configuration of an integration.
        AppConfig = "app_config",
    }
}

/// Names one value of a project in an environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ValueKey {
    /// Its kind.
    pub kind: ValueKind,
    /// Its name; for app configuration `INTEGRATION.KEY`.
    pub name: String,
}

/// The versions of some values; a value that is not set has none.
pub type ValueVersions = BTreeMap<ValueKey, u64>;

stable_enum! {
    /// Where a registration stands.
    pub enum RegistrationState {
        /// To be made; nothing is at the provider.
        Wanted = "wanted",
        /// Made.
        Live = "live",
        /// What the provider holds is not known.
        Uncertain = "uncertain",
        /// To be ended; it is at the provider.
        Leaving = "leaving",
        /// Ended, or never made.
        Gone = "gone",
        /// Dropped by a person, whatever the provider holds.
        Forgotten = "forgotten",
    }
}

impl RegistrationState {
    /// Returns whether the registration needs nothing and refers to nothing any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Gone | Self::Forgotten => true,
            Self::Wanted | Self::Live | Self::Uncertain | Self::Leaving => false,
        }
    }
}

/// What a subscription was, or is to be, made from: when it changes, it is made anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionBasis {
    /// What `subscription-props` returned, as canonical JSON.
    pub props: String,
    /// The versions of the values that the subscription depends on.
    pub values: ValueVersions,
    /// The environment's public URL.
    pub public_url: String,
}

/// A standing subscription of a webhook at a third party, made or being made.
///
/// What is secret of it (endpoint token, unsubscribe props, signing secret)
/// stays in the store until a hook needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Its id.
    pub id: RegistrationId,
    /// What it is for.
    pub subject: Subject,
    /// The webhook's name as its owner declared it.
    pub webhook: ObjectName,
    /// The artifact that subscribed, or that is to.
    pub owner: ArtifactDigest,
    /// The deploy by which the owner came.
    pub deploy: DeployNumber,
    /// What it was made from.
    pub basis: SubscriptionBasis,
    /// The variables at the time of subscribing.
    pub variables: BTreeMap<String, String>,
    /// Where it stands.
    pub state: RegistrationState,
    /// Whether a repeated call may have left a second subscription at the provider.
    pub possible_double: bool,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Since when no subscription delivers to the webhook, while one replaces another.
    pub down_since: Option<Timestamp>,
}
