//! The connected user's settings and account.

use crate::bindings::users::{AccountCredential, Host, UserError};
use crate::grants::{Account, UserGrant};
use crate::guest::{Guest, Reach};

impl Guest {
    fn granted_user(&self) -> Result<&UserGrant, UserError> {
        match self.reach {
            Reach::Nothing | Reach::Values => Err(UserError::Unavailable),
            Reach::Everything => self.grants.user.as_ref().ok_or(UserError::NoUser),
        }
    }
}

impl Host for Guest {
    fn setting(&mut self, name: String) -> Result<Option<String>, UserError> {
        let user = self.granted_user()?;
        user.settings
            .get(&name)
            .cloned()
            .ok_or(UserError::Undeclared)
    }

    fn credential(&mut self) -> Result<Option<AccountCredential>, UserError> {
        match &self.granted_user()?.account {
            Account::Undeclared => Err(UserError::Undeclared),
            Account::Missing => Ok(None),
            Account::Connected(credential) => Ok(Some(AccountCredential {
                value: credential.value.expose().to_owned(),
                scopes: credential.scopes.clone(),
                expires_at_ms: credential.expires_at_ms,
            })),
        }
    }
}
