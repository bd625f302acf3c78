//! What a handler knows of the operation that it performs.

use std::ops::Deref;
use std::rc::Rc;

use serde::de::DeserializeOwned;

use crate::backend::{Backend, LookupError};
use crate::http::Client;
use crate::project::Kind;
use crate::{Credential, Error, Kv, Log, Result, Secret, Settings};

/// What every operation has: declared values, the log, HTTP, the connected user.
///
/// The subscription hooks of a webhook take it as it is; runs take a
/// [`Context`], which is one of these and knows its run besides.
///
/// ```
/// use tidegate_sdk::{HookContext, Result};
///
/// fn props(ctx: &HookContext) -> Result<String> {
///     ctx.variable("REPOSITORY")
/// }
///
/// let ctx = tidegate_sdk::test::Context::new().with_variable("REPOSITORY", "octo/hello");
/// assert_eq!(props(&ctx).unwrap(), "octo/hello");
/// ```
#[derive(Clone)]
pub struct HookContext {
    pub(crate) backend: Rc<dyn Backend>,
    pub(crate) object: ObjectLabel,
    pub(crate) user: Option<String>,
}

/// Names the object that runs, for messages: `action create-issue`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ObjectLabel {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
}

impl std::fmt::Display for ObjectLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

impl HookContext {
    /// Returns the value of a declared secret.
    ///
    /// # Errors
    /// A final error where the object does not declare it, or where it has no
    /// value.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_secret("SHOP_TOKEN", "t0p-s3cret");
    /// assert_eq!(ctx.secret("SHOP_TOKEN").unwrap().expose(), "t0p-s3cret");
    /// assert!(ctx.secret("OTHER").is_err());
    /// ```
    pub fn secret(&self, name: &str) -> Result<Secret> {
        self.optional_secret(name)?.ok_or_else(|| {
            Error::final_(format!(
                "the secret {name} has no value: set it with `tidegate secrets set {name}`"
            ))
        })
    }

    /// Returns the value of a secret that is declared as `optional`, if it has one.
    ///
    /// # Errors
    /// A final error where the object does not declare it.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new();
    /// assert_eq!(ctx.optional_secret("PROXY_TOKEN").unwrap(), None);
    /// ```
    pub fn optional_secret(&self, name: &str) -> Result<Option<Secret>> {
        self.backend
            .secret(name)
            .map(|value| value.map(Secret::new))
            .map_err(|error| self.unreadable("secret", "secrets", name, error))
    }

    /// Returns the value of a declared variable, else its default.
    ///
    /// # Errors
    /// A final error where the object does not declare it, or where it has
    /// neither value nor default.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_variable("REGION", "eu");
    /// assert_eq!(ctx.variable("REGION").unwrap(), "eu");
    /// ```
    pub fn variable(&self, name: &str) -> Result<String> {
        self.optional_variable(name)?.ok_or_else(|| {
            Error::final_(format!(
                "the variable {name} has no value: set it with `tidegate vars set {name}`"
            ))
        })
    }

    /// Returns the value of a declared variable, else its default, if it has either.
    ///
    /// # Errors
    /// A final error where the object does not declare it.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new();
    /// assert_eq!(ctx.optional_variable("REGION").unwrap(), None);
    /// ```
    pub fn optional_variable(&self, name: &str) -> Result<Option<String>> {
        self.backend
            .variable(name)
            .map_err(|error| self.unreadable("variable", "variables", name, error))
    }

    /// Returns a value of the app configuration of the object's integration,
    /// such as its `client_id`.
    ///
    /// # Errors
    /// A final error where the integration does not declare it, or where it
    /// has no value.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_config("client_id", "app-1");
    /// assert_eq!(ctx.config("client_id").unwrap().expose(), "app-1");
    /// ```
    pub fn config(&self, name: &str) -> Result<Secret> {
        self.optional_config(name)?
            .ok_or_else(|| Error::final_(format!("the app configuration `{name}` has no value")))
    }

    /// Returns a value of the app configuration of the object's integration,
    /// if it has one.
    ///
    /// # Errors
    /// A final error where the integration does not declare it.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new();
    /// assert_eq!(ctx.optional_config("client_id").unwrap(), None);
    /// ```
    pub fn optional_config(&self, name: &str) -> Result<Option<Secret>> {
        self.backend
            .app_config(name)
            .map(|value| value.map(Secret::new))
            .map_err(|error| self.unreadable("app configuration", "app_config", name, error))
    }

    /// Returns the id of the connected user that the operation is for, if any.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_user("user-1");
    /// assert_eq!(ctx.user_id(), Some("user-1"));
    /// ```
    pub fn user_id(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Reads all settings of the connected user into the integration's type.
    ///
    /// # Errors
    /// A final error where the operation is for no user, where a required
    /// setting has no value, or where a value does not fit its field.
    ///
    /// ```
    /// /// The team's shop.
    /// #[tidegate_sdk::integration]
    /// struct Shop {
    ///     /// Warehouse's address
    ///     warehouse: String,
    ///     language: Option<String>,
    /// }
    ///
    /// let ctx = tidegate_sdk::test::Context::new()
    ///     .with_user("user-1")
    ///     .with_setting("warehouse", "north@example.com");
    /// let shop: Shop = ctx.settings().unwrap();
    /// assert_eq!(shop.warehouse, "north@example.com");
    /// assert_eq!(shop.language, None);
    /// ```
    pub fn settings<S: Settings>(&self) -> Result<S> {
        S::read(self)
    }

    /// Returns one setting of the connected user, else its default, if it has either.
    ///
    /// # Errors
    /// A final error where the operation is for no user, where the integration
    /// does not declare the setting, or where the value is not a `T`.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_user("user-1").with_setting("limit", &10);
    /// assert_eq!(ctx.setting::<u32>("limit").unwrap(), Some(10));
    /// ```
    pub fn setting<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let json = self
            .backend
            .setting(name)
            .map_err(|error| self.unreadable("setting", "settings", name, error))?;
        json.map(|json| {
            serde_json::from_str(&json).map_err(|error| {
                Error::from(error).context(format_args!("reading the setting `{name}`"))
            })
        })
        .transpose()
    }

    /// Returns the connected user's credential for the object's integration.
    ///
    /// # Errors
    /// A final error where the operation is for no user, or where the user has
    /// no account.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new()
    ///     .with_user("user-1")
    ///     .with_credential(&serde_json::json!({ "access_token": "abc" }));
    /// assert_eq!(ctx.credential().unwrap().get("access_token").unwrap().expose(), "abc");
    /// ```
    pub fn credential(&self) -> Result<Credential> {
        let raw = self
            .backend
            .credential()
            .map_err(|error| self.unreadable("credential", "integration", "credential", error))?
            .ok_or_else(|| Error::final_("the connected user has no account"))?;
        Credential::parse(raw)
    }

    /// Returns the project's key-value store in this environment.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new();
    /// ctx.kv().set("cursor", "page-2").unwrap();
    /// ```
    pub fn kv(&self) -> Kv {
        Kv::new(Rc::clone(&self.backend))
    }

    /// Returns a client for requests to the hosts that the object declares.
    ///
    /// ```
    /// use tidegate_sdk::test::{Answer, Context};
    ///
    /// let ctx = Context::new().answer("GET", "https://shop.example/", Answer::status(200));
    /// assert_eq!(ctx.http().get("https://shop.example/").send().unwrap().status(), 200);
    /// ```
    pub fn http(&self) -> Client {
        Client::new(Rc::clone(&self.backend), self.object)
    }

    /// Begins a line of the log.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new();
    /// ctx.log().field("order", &7).info("refunded");
    /// ```
    pub fn log(&self) -> Log {
        Log::new(Rc::clone(&self.backend))
    }

    fn unreadable(&self, what: &str, key: &str, name: &str, error: LookupError) -> Error {
        let object = self.object;
        Error::final_(match error {
            LookupError::Undeclared if what == "setting" || what == "app configuration" => {
                format!("the {what} `{name}` is not declared by the integration of {object}")
            }
            LookupError::Undeclared if what == "credential" => {
                format!("{object} belongs to no integration with accounts")
            }
            LookupError::Undeclared => format!(
                "the {what} {name} is not declared by {object}: add `{key}({name})` to its attribute"
            ),
            LookupError::Unavailable => {
                format!("the {what} {name} cannot be read in this operation")
            }
            LookupError::NoUser => {
                format!("the {what} {name} cannot be read: this operation is for no connected user")
            }
        })
    }
}

/// What a run of an action, a workflow or a webhook's `receive` knows.
///
/// It dereferences to [`HookContext`], which has the values, the log and HTTP.
///
/// ```
/// use tidegate_sdk::{Context, Result};
///
/// fn place(ctx: &Context) -> Result<String> {
///     let token = ctx.secret("SHOP_TOKEN")?;
///     let order = ctx
///         .http()
///         .post("https://shop.example/orders")
///         .bearer(&token)
///         .header("Idempotency-Key", ctx.idempotency_key())
///         .send()?
///         .error_for_status()?;
///     Ok(order.text()?.to_owned())
/// }
///
/// use tidegate_sdk::test::Answer;
/// let ctx = tidegate_sdk::test::Context::new()
///     .with_secret("SHOP_TOKEN", "t0p-s3cret")
///     .answer("POST", "https://shop.example/orders", Answer::text(201, "7"));
/// assert_eq!(place(&ctx).unwrap(), "7");
/// ```
#[derive(Clone)]
pub struct Context {
    pub(crate) base: HookContext,
    pub(crate) run: String,
    pub(crate) attempt: u32,
    pub(crate) idempotency_key: String,
}

impl Context {
    /// Returns the run's id.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_run("run-9");
    /// assert_eq!(ctx.run_id(), "run-9");
    /// ```
    pub fn run_id(&self) -> &str {
        &self.run
    }

    /// Returns which attempt of the run this is, counting from 1.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_attempt(3);
    /// assert_eq!(tidegate_sdk::Context::attempt(&ctx), 3);
    /// ```
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Returns the key that is the same for every attempt of one run, to be
    /// passed on to providers that know such keys.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new();
    /// assert!(!ctx.idempotency_key().is_empty());
    /// ```
    pub fn idempotency_key(&self) -> &str {
        &self.idempotency_key
    }
}

impl Deref for Context {
    type Target = HookContext;

    fn deref(&self) -> &HookContext {
        &self.base
    }
}

#[cfg(test)]
mod tests {
    use crate::backend::LookupError;
    use crate::test::Context;

    #[test]
    fn an_unreadable_value_names_what_to_do() {
        let ctx = Context::new();
        let secret = |error| {
            ctx.unreadable("secret", "secrets", "TOKEN", error)
                .to_string()
        };
        assert_eq!(
            secret(LookupError::Undeclared),
            "the secret TOKEN is not declared by action test: add `secrets(TOKEN)` to its attribute"
        );
        assert_eq!(
            secret(LookupError::Unavailable),
            "the secret TOKEN cannot be read in this operation"
        );
        assert_eq!(
            ctx.setting::<u8>("limit").expect_err("no user").to_string(),
            "the setting limit cannot be read: this operation is for no connected user"
        );
        assert_eq!(
            ctx.secret("TOKEN").expect_err("no value").to_string(),
            "the secret TOKEN has no value: set it with `tidegate secrets set TOKEN`"
        );
    }

    #[test]
    fn a_context_of_an_object_refuses_what_it_does_not_declare() {
        #[crate::action(
            secrets(TOKEN),
            variables(REGION, URL = "https://a.example"),
            hosts("${URL}")
        )]
        fn declares(_input: ()) -> crate::Result<()> {
            Ok(())
        }

        let ctx = Context::of::<declares>()
            .with_secret("TOKEN", "t")
            .with_secret("OTHER", "o")
            .with_variable("OTHER", "o");
        assert!(ctx.secret("TOKEN").is_ok());
        assert!(ctx.secret("OTHER").is_err());
        assert!(ctx.variable("OTHER").is_err());
        assert_eq!(ctx.optional_variable("REGION").expect("declared"), None);
        assert_eq!(
            ctx.variable("URL").expect("has a default"),
            "https://a.example"
        );
        let error = ctx
            .http()
            .get("https://b.example/x")
            .send()
            .expect_err("not declared");
        assert_eq!(
            error.to_string(),
            "GET https://b.example/x: the host b.example is not declared: add `hosts(\"b.example\")` to the attribute of action declares"
        );
        assert!(ctx.requests().is_empty());
    }
}
