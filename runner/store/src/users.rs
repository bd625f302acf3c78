//! Connected users with their accounts and settings.

use domain::{Place, Secret, Timestamp, UserId};

use rusqlite::{Connection, params};
use serde_json::json;

use crate::columns::{change, json, rows, time, to_json};
use crate::seal::{Keys, Spot};
use crate::{Error, Store, audit, columns};

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
        let keys = self.keys();
        self.database()
            .write(move |tx| {
                change(
                    tx,
                    "INSERT INTO connected_users (project, environment, user, created_at)
                     VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                    params![
                        put.place.project.0,
                        put.place.environment.0,
                        put.user.0,
                        put.now.as_millis()
                    ],
                )?;
                if let Some(account) = &put.account {
                    put_account(tx, &keys, put.place, &put.user, account)?;
                }
                let subject = audit::subject(tx, put.place)?;
                let details = json!({
                    "user": put.user,
                    "integration": put.account.as_ref().map(|account| &account.integration),
                });
                audit::add(tx, put.now, &put.actor, "user.put", &subject, &details)
            })
            .await
    }

    /// Returns the connected users of a place, by id.
    ///
    /// # Errors
    /// When something sealed does not open, or the store fails.
    pub async fn users(&self, place: Place) -> Result<Vec<ConnectedUser>, Error> {
        let keys = self.keys();
        self.database()
            .read(move |tx| {
                let users = rows(
                    tx,
                    "SELECT user, created_at FROM connected_users
                     WHERE project = ?1 AND environment = ?2 ORDER BY user",
                    [place.project.0, place.environment.0],
                    |row| {
                        Ok(ConnectedUser {
                            id: UserId(row.get("user")?),
                            created_at: time(row, "created_at")?,
                            accounts: Vec::new(),
                        })
                    },
                )?;
                users
                    .into_iter()
                    .map(|user| {
                        Ok(ConnectedUser {
                            accounts: accounts(tx, &keys, place, &user.id)?,
                            ..user
                        })
                    })
                    .collect()
            })
            .await
    }
}

const SETTINGS: &str = "user_accounts.settings_sealed";
const CREDENTIAL: &str = "user_accounts.credential_sealed";

/// Identifies an account's row; the parts stand with their lengths, for ids are free text.
fn row_of(place: Place, user: &UserId, integration: &str) -> String {
    format!(
        "{}/{}/{}:{}/{integration}",
        place.project,
        place.environment,
        user.0.len(),
        user.0
    )
}

fn put_account(
    tx: &Connection,
    keys: &Keys,
    place: Place,
    user: &UserId,
    account: &Account,
) -> Result<(), Error> {
    let row = row_of(place, user, &account.integration);
    let seal = |column, value| keys.seal(Spot { column, row: &row }, value);
    change(
        tx,
        "INSERT INTO user_accounts
           (project, environment, user, integration, settings_sealed, credential_sealed, scopes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET settings_sealed = excluded.settings_sealed,
           credential_sealed = excluded.credential_sealed, scopes = excluded.scopes",
        params![
            place.project.0,
            place.environment.0,
            user.0,
            account.integration,
            seal(SETTINGS, &account.settings)?,
            account
                .credential
                .as_ref()
                .map(|credential| seal(CREDENTIAL, credential))
                .transpose()?,
            to_json(&account.scopes)
        ],
    )
    .map(drop)
}

fn accounts(
    tx: &Connection,
    keys: &Keys,
    place: Place,
    user: &UserId,
) -> Result<Vec<Account>, Error> {
    rows(
        tx,
        "SELECT * FROM user_accounts WHERE project = ?1 AND environment = ?2 AND user = ?3
         ORDER BY integration",
        params![place.project.0, place.environment.0, user.0],
        |row| {
            let integration: String = row.get("integration")?;
            let bound = row_of(place, user, &integration);
            let open = |column, sealed: &[u8]| {
                let spot = Spot {
                    column,
                    row: &bound,
                };
                keys.open(spot, sealed)
            };
            let credential: Option<Vec<u8>> = row.get("credential_sealed")?;
            Ok(Account {
                settings: open(SETTINGS, &row.get::<_, Vec<u8>>("settings_sealed")?)?,
                credential: credential
                    .map(|sealed| open(CREDENTIAL, &sealed))
                    .transpose()?,
                scopes: json(row, "scopes")?,
                integration,
            })
        },
    )
}

/// Names the users that have something sealed which does not open.
pub(crate) fn unreadable(tx: &Connection, keys: &Keys) -> Result<Vec<String>, Error> {
    let users = rows(
        tx,
        "SELECT project, environment, user FROM connected_users",
        [],
        |row| Ok((columns::place(row)?, UserId(row.get("user")?))),
    )?;
    Ok(users
        .into_iter()
        .filter(|(place, user)| accounts(tx, keys, *place, user).is_err())
        .map(|(_, user)| format!("an account of user {user}"))
        .collect())
}
