//! Connected users with their accounts and settings.

use domain::{Place, Secret, Timestamp, UserId};

use crate::{Error, Store};

/// A connected user's account at one integration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The integration.
    pub integration: String,
    /// The user's settings there, a JSON object.
    pub settings: Secret,
    /// The credential there, a JSON object.
    pub credential: Option<Secret>,
    /// The scopes that were granted.
    pub scopes: Vec<String>,
}

/// A connected user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectedUser {
    /// The id that the team's backend gave.
    pub id: UserId,
    /// When the user was first seen.
    pub created_at: Timestamp,
    /// The user's accounts, by integration.
    pub accounts: Vec<Account>,
}

/// An account to be stored.
#[derive(Debug, Clone)]
pub struct PutAccount {
    /// Where.
    pub place: Place,
    /// Whose; the user is created where there is none.
    pub user: UserId,
    /// The account, `None` for a user without one.
    pub account: Option<Account>,
    /// Who did it.
    pub actor: String,
    /// The present.
    pub now: Timestamp,
}

impl Store {
    /// Stores a connected user, and an account of theirs in the place of the one there was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn put_user(&self, put: PutAccount) -> Result<(), Error> {
        let _ = put;
        todo!()
    }

    /// Returns the connected users of a place, by id.
    ///
    /// # Errors
    /// When something sealed does not open, or the store fails.
    pub async fn users(&self, place: Place) -> Result<Vec<ConnectedUser>, Error> {
        let _ = place;
        todo!()
    }
}
