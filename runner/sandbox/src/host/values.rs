//! Secrets, variables and app configuration, by declared name.

use std::collections::BTreeMap;

use domain::Secret;

use crate::bindings::values::{Host, ValueError};
use crate::guest::{Guest, Reach};

impl Guest {
    fn look_up<T>(
        &self,
        kind: &str,
        from: impl Fn(&Self) -> &BTreeMap<String, Option<T>>,
        name: &str,
        show: impl Fn(&T) -> String,
    ) -> Result<Option<String>, ValueError> {
        if self.reach == Reach::Nothing {
            return Err(ValueError::Unavailable);
        }
        match from(self).get(name) {
            Some(value) => Ok(value.as_ref().map(show)),
            None => {
                let object = &self.grants.object;
                self.log.remark(format!(
                    "{object} asked for the {kind} `{name}`, which it does not declare"
                ));
                Err(ValueError::Undeclared)
            }
        }
    }
}

fn expose(secret: &Secret) -> String {
    secret.expose().to_owned()
}

impl Host for Guest {
    fn secret(&mut self, name: String) -> Result<Option<String>, ValueError> {
        self.look_up("secret", |guest| &guest.grants.secrets, &name, expose)
    }

    fn variable(&mut self, name: String) -> Result<Option<String>, ValueError> {
        self.look_up(
            "variable",
            |guest| &guest.grants.variables,
            &name,
            String::clone,
        )
    }

    fn app_config(&mut self, name: String) -> Result<Option<String>, ValueError> {
        self.look_up(
            "app configuration",
            |guest| &guest.grants.app_config,
            &name,
            expose,
        )
    }
}
