//! The scripted context.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::rc::Rc;

use serde::Serialize;

use super::answer::{Answer, SentRequest};
use super::script::{Expected, Script};
use crate::HookContext;
use crate::backend::RawCredential;
use crate::context::ObjectLabel;
use crate::declare::Declaration;
use crate::log::Level;
use crate::project::{Declared, Kind};

/// A context that answers what the test scripts.
///
/// It dereferences to [`tidegate_sdk::Context`](crate::Context), and so to
/// [`HookContext`]: `&ctx` can be handed to any handler or hook. What is not
/// scripted has no value; a request that is not scripted panics.
///
/// ```
/// use tidegate_sdk::{Result, test};
///
/// fn region(ctx: &tidegate_sdk::Context) -> Result<String> {
///     ctx.variable("REGION")
/// }
///
/// let ctx = test::Context::new().with_variable("REGION", "eu");
/// assert_eq!(region(&ctx).unwrap(), "eu");
/// ```
pub struct Context {
    script: Rc<Script>,
    context: crate::Context,
}

/// One line that a handler logged.
///
/// ```
/// let ctx = tidegate_sdk::test::Context::new();
/// ctx.log().field("order", &7).info("refunded");
/// let line = &ctx.log_lines()[0];
/// assert_eq!((line.message.as_str(), &line.fields["order"]), ("refunded", &7.into()));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogLine {
    /// Its level.
    pub level: Level,
    /// Its message.
    pub message: String,
    /// Its fields.
    pub fields: BTreeMap<String, serde_json::Value>,
}

impl Context {
    /// Makes a context that permits whatever is scripted.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new();
    /// assert!(ctx.variable("REGION").is_err());
    /// ```
    #[expect(
        clippy::new_without_default,
        reason = "a context is always scripted further"
    )]
    pub fn new() -> Self {
        Self::labelled(ObjectLabel {
            kind: Kind::Action,
            name: "test",
        })
    }

    /// Makes a context that permits, as the host does, only what an object
    /// declares: its secrets, variables (with their defaults) and hosts.
    ///
    /// ```
    /// use tidegate_sdk::{Context, Result, action, test};
    ///
    /// #[action(variables(REGION = "eu"))]
    /// fn region(ctx: &Context, _input: ()) -> Result<String> {
    ///     ctx.variable("REGION")
    /// }
    ///
    /// let ctx = test::Context::of::<region>();
    /// assert_eq!(region(&ctx, ()).unwrap(), "eu");
    /// assert!(ctx.secret("SHOP_TOKEN").is_err());
    /// ```
    pub fn of<T: Declared>() -> Self {
        let entry = T::ENTRY;
        let context = Self::labelled(ObjectLabel {
            kind: entry.kind,
            name: entry.name,
        });
        if let Declaration::Object(object) = (entry.declare)() {
            *context.script.needs.borrow_mut() = object.needs().cloned();
        }
        context
    }

    fn labelled(object: ObjectLabel) -> Self {
        let script = Rc::new(Script::default());
        let context = crate::Context {
            base: HookContext {
                backend: script.clone(),
                object,
                user: None,
            },
            run: "test-run".to_owned(),
            attempt: 1,
            idempotency_key: "test-key".to_owned(),
        };
        Self { script, context }
    }

    /// Gives a secret a value.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_secret("SHOP_TOKEN", "t");
    /// assert_eq!(ctx.secret("SHOP_TOKEN").unwrap().expose(), "t");
    /// ```
    #[must_use]
    pub fn with_secret(self, name: &str, value: &str) -> Self {
        insert(&self.script.secrets, name, value);
        self
    }

    /// Gives a variable a value.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_variable("REGION", "eu");
    /// assert_eq!(ctx.variable("REGION").unwrap(), "eu");
    /// ```
    #[must_use]
    pub fn with_variable(self, name: &str, value: &str) -> Self {
        insert(&self.script.variables, name, value);
        self
    }

    /// Gives a name of the app configuration a value.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_config("client_id", "app-1");
    /// assert_eq!(ctx.config("client_id").unwrap().expose(), "app-1");
    /// ```
    #[must_use]
    pub fn with_config(self, name: &str, value: &str) -> Self {
        insert(&self.script.app_config, name, value);
        self
    }

    /// Makes the operation one for a connected user.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_user("user-1");
    /// assert_eq!(ctx.user_id(), Some("user-1"));
    /// ```
    #[must_use]
    pub fn with_user(mut self, id: &str) -> Self {
        self.script.has_user.set(true);
        self.context.base.user = Some(id.to_owned());
        self
    }

    /// Gives a setting of the connected user a value.
    ///
    /// # Panics
    /// Where the value has no JSON.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_user("user-1").with_setting("limit", &10);
    /// assert_eq!(ctx.setting::<u32>("limit").unwrap(), Some(10));
    /// ```
    #[must_use]
    pub fn with_setting<T: Serialize + ?Sized>(self, name: &str, value: &T) -> Self {
        let json = serde_json::to_string(value).expect("a scripted setting has a JSON");
        insert(&self.script.settings, name, &json);
        self
    }

    /// Gives the connected user a credential, a JSON object.
    ///
    /// # Panics
    /// Where the value has no JSON.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new()
    ///     .with_user("user-1")
    ///     .with_credential(&serde_json::json!({ "api_key": "k" }));
    /// assert_eq!(ctx.credential().unwrap().get("api_key").unwrap().expose(), "k");
    /// ```
    #[must_use]
    pub fn with_credential<T: Serialize + ?Sized>(self, value: &T) -> Self {
        let value = serde_json::to_string(value).expect("a scripted credential has a JSON");
        *self.script.credential.borrow_mut() = Some(RawCredential {
            value,
            scopes: Vec::new(),
            expires_at_ms: None,
        });
        self
    }

    /// Puts a value into the key-value store.
    ///
    /// # Panics
    /// Where the value has no JSON.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_kv("cursor", "page-2");
    /// assert_eq!(ctx.kv().get::<String>("cursor").unwrap().unwrap(), "page-2");
    /// ```
    #[must_use]
    pub fn with_kv<T: Serialize + ?Sized>(self, key: &str, value: &T) -> Self {
        let value = serde_json::to_vec(value).expect("a scripted value has a JSON");
        self.script.kv.borrow_mut().insert(key.to_owned(), value);
        self
    }

    /// Sets the run's id.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::test::Context::new().with_run("run-9").run_id(), "run-9");
    /// ```
    #[must_use]
    pub fn with_run(mut self, id: &str) -> Self {
        self.context.run = id.to_owned();
        self
    }

    /// Sets which attempt of the run it is.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::test::Context::new().with_attempt(3).attempt(), 3);
    /// ```
    #[must_use]
    pub fn with_attempt(mut self, attempt: u32) -> Self {
        self.context.attempt = attempt;
        self
    }

    /// Sets the idempotency key.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new().with_idempotency_key("k-1");
    /// assert_eq!(ctx.idempotency_key(), "k-1");
    /// ```
    #[must_use]
    pub fn with_idempotency_key(mut self, key: &str) -> Self {
        self.context.idempotency_key = key.to_owned();
        self
    }

    /// Answers one request of this method and URL (query included).
    ///
    /// Answers to the same method and URL are given in the order in which they
    /// were added.
    ///
    /// ```
    /// use tidegate_sdk::test::{Answer, Context};
    ///
    /// let ctx = Context::new()
    ///     .answer("GET", "https://shop.example/", Answer::status(503))
    ///     .answer("GET", "https://shop.example/", Answer::status(200));
    /// let get = || ctx.http().get("https://shop.example/").send().unwrap().status();
    /// assert_eq!((get().as_u16(), get().as_u16()), (503, 200));
    /// ```
    #[must_use]
    pub fn answer(self, method: &str, url: &str, answer: Answer) -> Self {
        // The way that requests write it: `https://h` is sent as `https://h/`.
        let url = url
            .parse::<http::Uri>()
            .map_or_else(|_| url.to_owned(), |uri| uri.to_string());
        self.script.answers.borrow_mut().push_back(Expected {
            method: method.to_ascii_uppercase(),
            url,
            answer,
        });
        self
    }

    /// Returns the requests that were sent, redirects included.
    ///
    /// ```
    /// use tidegate_sdk::test::{Answer, Context};
    ///
    /// let ctx = Context::new().answer("GET", "https://shop.example/", Answer::status(200));
    /// ctx.http().get("https://shop.example/").send().unwrap();
    /// assert_eq!(ctx.requests()[0].method, "GET");
    /// ```
    pub fn requests(&self) -> Vec<SentRequest> {
        self.script.requests.borrow().clone()
    }

    /// Returns the scripted answers that no request has asked for, each as
    /// method and URL.
    ///
    /// ```
    /// use tidegate_sdk::test::{Answer, Context};
    ///
    /// let ctx = Context::new().answer("GET", "https://shop.example/", Answer::status(200));
    /// assert_eq!(ctx.unused_answers(), ["GET https://shop.example/"]);
    /// ```
    pub fn unused_answers(&self) -> Vec<String> {
        let answers = self.script.answers.borrow();
        let left = answers.iter();
        left.map(|expected| format!("{} {}", expected.method, expected.url))
            .collect()
    }

    /// Returns what was logged.
    ///
    /// ```
    /// let ctx = tidegate_sdk::test::Context::new();
    /// ctx.log().info("refunded");
    /// assert_eq!(ctx.log_lines()[0].message, "refunded");
    /// ```
    pub fn log_lines(&self) -> Vec<LogLine> {
        self.script.log.borrow().clone()
    }
}

impl Deref for Context {
    type Target = crate::Context;

    fn deref(&self) -> &crate::Context {
        &self.context
    }
}

fn insert(into: &std::cell::RefCell<BTreeMap<String, String>>, name: &str, value: &str) {
    into.borrow_mut().insert(name.to_owned(), value.to_owned());
}
