//! Secrets, variables and app configuration, with their versions.

use std::collections::BTreeMap;

use domain::{Place, Secret, Timestamp, ValueKey};

use crate::{Error, Store};

/// What setting a value came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetValue {
    /// The value's version now.
    pub version: u64,
    /// Whether it was another value before, or none.
    pub changed: bool,
    /// Whether a reconfigure is due because of it.
    pub reconfigure_due: bool,
}

/// What unsetting a value came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsetValue {
    /// Whether it was set.
    pub was_set: bool,
    /// Whether a reconfigure is due because of it.
    pub reconfigure_due: bool,
}

/// Says why a value was not unset.
#[derive(Debug, thiserror::Error)]
pub enum UnsetError {
    /// A subscription could not be ended or renewed without it.
    #[error("it is still needed by {}; use --force to unset it all the same", owners.join(", "))]
    StillNeeded {
        /// The webhooks with their owners.
        owners: Vec<String>,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A value in a list; a secret's value is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueEntry {
    /// Its key.
    pub key: ValueKey,
    /// Its version; it never goes back.
    pub version: u64,
    /// Whether it is set now.
    pub set: bool,
    /// When it was last set or unset.
    pub changed_at: Timestamp,
    /// The value of a variable that is set; never a secret's or app configuration's.
    pub value: Option<String>,
    /// Whether a live object uses it.
    pub used: bool,
}

/// A value as a guest gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldValue {
    /// The value.
    pub value: Secret,
    /// Its version.
    pub version: u64,
}

impl Store {
    /// Sets a value; the same value again changes nothing.
    ///
    /// In the same transaction a reconfigure becomes due if a live object uses
    /// it, and steps that waited for it, or failed with it, become due.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn set_value(
        &self,
        place: Place,
        key: ValueKey,
        value: Secret,
        actor: String,
        now: Timestamp,
    ) -> Result<SetValue, Error> {
        let _ = (place, key, value, actor, now);
        todo!()
    }

    /// Unsets a value; its version is kept.
    ///
    /// # Errors
    /// When a registration still needs it and `force` is not given, or the store fails.
    pub async fn unset_value(
        &self,
        place: Place,
        key: ValueKey,
        force: Force,
        actor: String,
        now: Timestamp,
    ) -> Result<UnsetValue, UnsetError> {
        let _ = (place, key, force, actor, now);
        todo!()
    }

    /// Lists the values that are or were set, by kind and name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list_values(&self, place: Place) -> Result<Vec<ValueEntry>, Error> {
        let _ = place;
        todo!()
    }

    /// Reads these values as far as they are set.
    ///
    /// # Errors
    /// When one does not open, or the store fails.
    pub async fn values_for(
        &self,
        place: Place,
        keys: Vec<ValueKey>,
    ) -> Result<BTreeMap<ValueKey, HeldValue>, Error> {
        let _ = (place, keys);
        todo!()
    }
}

/// Whether something is done although it leaves something behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// It is not.
    No,
    /// It is.
    Yes,
}
