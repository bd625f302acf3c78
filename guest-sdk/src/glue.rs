//! From the JSON of the contract to the types of the author, and back.
//!
//! The macros call these with closures around the author's functions, so that
//! the types are inferred where they are used.

use std::time::{SystemTime, UNIX_EPOCH};

use http::StatusCode;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::delivery::Reply;
use crate::{Check, Error, Received, Registration, Result, Subscription};

/// A registration whose props are still JSON.
pub struct RawRegistration {
    pub props: String,
    pub endpoint: String,
    pub key: String,
}

/// A subscription whose unsubscribe props are JSON.
pub struct RawSubscription {
    pub unsubscribe_props: String,
    pub expires_at_ms: Option<u64>,
    pub signing_secret: Option<String>,
}

pub enum RawCheck {
    Found(Vec<RawSubscription>),
    Absent,
    Unsure,
}

pub struct RawReceived {
    pub output: String,
    pub reply: Option<Reply>,
}

/// What an action takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read, or has no schema",
    note = "put `#[tidegate_sdk::data]` on it, or derive `serde::Deserialize` and `schemars::JsonSchema`"
)]
pub trait Input: DeserializeOwned + JsonSchema {}
// The compiler shall report this trait, not the one of the two that is missing.
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema> Input for T {}

/// What an action gives back.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written, or has no schema",
    note = "put `#[tidegate_sdk::data]` on it, or derive `serde::Serialize` and `schemars::JsonSchema`"
)]
pub trait Output: Serialize + JsonSchema {}
#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema> Output for T {}

/// What a workflow takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read",
    note = "put `#[tidegate_sdk::data]` on it, or derive `serde::Deserialize`"
)]
pub trait Readable: DeserializeOwned {}
#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Readable for T {}

/// What a workflow or a hook gives back.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written",
    note = "put `#[tidegate_sdk::data]` on it, or derive `serde::Serialize`"
)]
pub trait Writable: Serialize {}
#[diagnostic::do_not_recommend]
impl<T: Serialize> Writable for T {}

/// What a handler returns.
#[diagnostic::on_unimplemented(
    message = "a handler returns a `tidegate_sdk::Result`, not `{Self}`",
    label = "not a `Result`"
)]
pub trait Outcome {
    type Output;
}
#[diagnostic::do_not_recommend]
impl<T, E: Into<Error>> Outcome for Result<T, E> {
    type Output = T;
}

/// What `receive` gives back.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written",
    note = "put `#[tidegate_sdk::data]` on it, or derive `serde::Serialize`"
)]
pub trait IntoReceived {
    type Output: Serialize;

    fn into_received(self) -> Received<Self::Output>;
}
#[diagnostic::do_not_recommend]
impl<T: Serialize> IntoReceived for T {
    type Output = T;

    fn into_received(self) -> Received<T> {
        Received::new(self)
    }
}
#[diagnostic::do_not_recommend]
impl<T: Serialize> IntoReceived for Received<T> {
    type Output = T;

    fn into_received(self) -> Self {
        self
    }
}

/// Holds a type of props to what can be written and read again.
pub const fn is_written<R: Outcome<Output: Writable>>() {}
pub const fn is_outcome<R: Outcome>() {}

/// Holds the hooks of a webhook to one type of props.
pub fn same_props<P, E>(
    _props: impl FnOnce() -> Result<P, E>,
    _hook: impl FnOnce(Registration<P>),
) {
}

/// Holds the hooks of a webhook to one type of unsubscribe props.
pub fn same_unsubscribe_props<U, E>(
    _subscribe: impl FnOnce() -> Result<Subscription<U>, E>,
    _hook: impl FnOnce(U),
) {
}

/// Holds what `refresh` gives back to what `subscribe` does.
pub fn same_subscription<U, E, F>(
    _subscribe: impl FnOnce() -> Result<Subscription<U>, E>,
    _refresh: impl FnOnce() -> Result<Subscription<U>, F>,
) {
}

/// Holds what `check` takes and finds to what `subscribe` gives back.
pub fn same_found_props<U, E, F>(
    _subscribe: impl FnOnce() -> Result<Subscription<U>, E>,
    _known: impl FnOnce(Option<U>),
    _check: impl FnOnce() -> Result<Check<U>, F>,
) {
}

/// The JSON Schema of what is read.
pub fn input_schema<T: Input>() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_deserialize()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// The JSON Schema of what is written.
pub fn output_schema<R: Outcome<Output: Output>>() -> serde_json::Value {
    written_schema::<R::Output>()
}

/// The JSON Schema of what is sent to another project.
pub fn written_schema<T: Output>() -> serde_json::Value {
    SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

pub fn run<I: Readable, O: Writable, E: Into<Error>>(
    input: &str,
    handler: impl FnOnce(I) -> Result<O, E>,
) -> Result<String> {
    let input = read(input, "the input")?;
    let output = handler(input).map_err(Into::into)?;
    write(&output, "the output")
}

pub fn props<P: Serialize, E: Into<Error>>(
    handler: impl FnOnce() -> Result<P, E>,
) -> Result<String> {
    let props = handler().map_err(Into::into)?;
    // By way of a value, which sorts its keys: moving a field in the source
    // must not look like a change of the subscription.
    let value = serde_json::to_value(&props)
        .map_err(|error| Error::from(error).context("writing the props"))?;
    Ok(value.to_string())
}

pub fn subscribe<P: DeserializeOwned, U: Serialize, E: Into<Error>>(
    raw: &RawRegistration,
    handler: impl FnOnce(Registration<P>) -> Result<Subscription<U>, E>,
) -> Result<RawSubscription> {
    let subscription = handler(registration(raw)?).map_err(Into::into)?;
    raw_subscription(subscription)
}

/// An answer 404 or 410 means that the provider has no such subscription any
/// more, which is what was wanted.
pub fn unsubscribe<P: DeserializeOwned, U: DeserializeOwned, E: Into<Error>>(
    raw: &RawRegistration,
    unsubscribe_props: &str,
    handler: impl FnOnce(Registration<P>, U) -> Result<(), E>,
) -> Result<()> {
    let unsubscribe_props = read(unsubscribe_props, "the unsubscribe props")?;
    let done = handler(registration(raw)?, unsubscribe_props).map_err(Into::into);
    match done {
        Err(error) if is_gone(&error) => Ok(()),
        other => other,
    }
}

fn is_gone(error: &Error) -> bool {
    matches!(
        error.http_status(),
        Some(StatusCode::NOT_FOUND | StatusCode::GONE)
    )
}

pub fn refresh<P: DeserializeOwned, U: DeserializeOwned, V: Serialize, E: Into<Error>>(
    raw: &RawRegistration,
    unsubscribe_props: &str,
    handler: impl FnOnce(Registration<P>, U) -> Result<Subscription<V>, E>,
) -> Result<RawSubscription> {
    let unsubscribe_props = read(unsubscribe_props, "the unsubscribe props")?;
    let subscription = handler(registration(raw)?, unsubscribe_props).map_err(Into::into)?;
    raw_subscription(subscription)
}

pub fn check<P: DeserializeOwned, U: DeserializeOwned, V: Serialize, E: Into<Error>>(
    raw: &RawRegistration,
    unsubscribe_props: Option<&str>,
    handler: impl FnOnce(Registration<P>, Option<U>) -> Result<Check<V>, E>,
) -> Result<RawCheck> {
    let unsubscribe_props = unsubscribe_props
        .map(|json| read(json, "the unsubscribe props"))
        .transpose()?;
    let answer = handler(registration(raw)?, unsubscribe_props).map_err(Into::into)?;
    Ok(match answer {
        Check::Found(found) if found.is_empty() => RawCheck::Absent,
        Check::Found(found) => RawCheck::Found(
            found
                .into_iter()
                .map(raw_subscription)
                .collect::<Result<_>>()?,
        ),
        Check::Absent => RawCheck::Absent,
        Check::Unsure => RawCheck::Unsure,
    })
}

pub fn receive<T: IntoReceived, E: Into<Error>>(
    handler: impl FnOnce() -> Result<T, E>,
) -> Result<RawReceived> {
    let received = handler().map_err(Into::into)?.into_received();
    Ok(RawReceived {
        output: write(&received.output, "the output")?,
        reply: received.reply,
    })
}

fn registration<P: DeserializeOwned>(raw: &RawRegistration) -> Result<Registration<P>> {
    Ok(Registration::new(
        read(&raw.props, "the props")?,
        raw.endpoint.clone(),
        raw.key.clone(),
    ))
}

fn raw_subscription<U: Serialize>(subscription: Subscription<U>) -> Result<RawSubscription> {
    Ok(RawSubscription {
        unsubscribe_props: write(&subscription.unsubscribe_props, "the unsubscribe props")?,
        expires_at_ms: subscription.expires_at.map(milliseconds),
        signing_secret: subscription.signing_secret,
    })
}

/// A time before 1970 counts as 1970: it has passed either way.
fn milliseconds(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn read<T: DeserializeOwned>(json: &str, what: &str) -> Result<T> {
    serde_json::from_str(json)
        .map_err(|error| Error::from(error).context(format_args!("reading {what}")))
}

fn write<T: Serialize>(value: &T, what: &str) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::from(error).context(format_args!("writing {what}")))
}

#[cfg(test)]
mod tests {
    use super::{RawCheck, RawRegistration};
    use crate::test::{Answer, Context};
    use crate::{
        Check, Declared, Delivery, HookContext, Project, Registration, Result, Subscription,
        webhook,
    };
    use std::time::{Duration, UNIX_EPOCH};

    const HOOK: &str = "https://a.example/hooks/7";

    struct Events;

    #[webhook(signature = standard_webhooks(issued))]
    impl Events {
        fn props() -> Result<std::collections::HashMap<String, u8>> {
            Ok(["b", "a", "c"].map(|key| (key.to_owned(), 1)).into())
        }

        fn subscribe(
            registration: Registration<std::collections::HashMap<String, u8>>,
        ) -> Result<Subscription<(String, usize)>> {
            let props = (registration.endpoint, registration.props.len());
            Ok(Subscription::new(props)
                .expires_at(UNIX_EPOCH + Duration::from_millis(1234))
                .signing_secret("s"))
        }

        fn unsubscribe(
            ctx: &HookContext,
            _registration: Registration<std::collections::HashMap<String, u8>>,
            _hook: (String, usize),
        ) -> Result<()> {
            ctx.http().delete(HOOK).send()?.error_for_status()?;
            Ok(())
        }

        fn check(
            _registration: Registration<std::collections::HashMap<String, u8>>,
            known: Option<(String, usize)>,
        ) -> Result<Check<(String, usize)>> {
            // By hand, and empty where nothing is known.
            Ok(Check::Found(
                known.map(Subscription::new).into_iter().collect(),
            ))
        }

        fn receive(delivery: Delivery) -> Result<usize> {
            Ok(delivery.body().len())
        }
    }

    fn project() -> Project {
        Project::new(const { &[Events::ENTRY] })
    }

    fn raw() -> RawRegistration {
        RawRegistration {
            props: r#"{"a": 1, "b": 1}"#.to_owned(),
            endpoint: "https://t.example/hooks/x".to_owned(),
            key: "k".to_owned(),
        }
    }

    #[test]
    fn props_are_the_same_text_whatever_order_they_were_made_in() {
        let props = project()
            .hooks("events")
            .expect("declared")
            .props
            .expect("there");
        assert_eq!(
            props(&Context::new()).expect("props"),
            r#"{"a":1,"b":1,"c":1}"#
        );
    }

    #[test]
    fn a_subscription_crosses_as_json_with_its_expiry_and_secret() {
        let subscribe = project()
            .hooks("events")
            .expect("declared")
            .subscribe
            .expect("there");
        let raw = subscribe(&Context::new(), &raw()).expect("subscribed");
        assert_eq!(raw.unsubscribe_props, r#"["https://t.example/hooks/x",2]"#);
        assert_eq!(raw.expires_at_ms, Some(1234));
        assert_eq!(raw.signing_secret.as_deref(), Some("s"));
    }

    #[test]
    fn unsubscribing_what_is_gone_is_done() {
        let unsubscribe = project()
            .hooks("events")
            .expect("declared")
            .unsubscribe
            .expect("there");
        for (status, done) in [
            (204, true),
            (404, true),
            (410, true),
            (403, false),
            (500, false),
        ] {
            let ctx = Context::new().answer("DELETE", HOOK, Answer::status(status));
            let result = unsubscribe(&ctx, &raw(), r#"["x", 2]"#);
            assert_eq!(result.is_ok(), done, "{status}");
        }
    }

    #[test]
    fn unsubscribe_props_that_do_not_fit_are_final() {
        let unsubscribe = project()
            .hooks("events")
            .expect("declared")
            .unsubscribe
            .expect("there");
        let error = unsubscribe(&Context::new(), &raw(), "7").expect_err("no pair");
        assert!(
            error
                .to_string()
                .starts_with("reading the unsubscribe props:"),
            "{error}"
        );
        assert!(!error.is_retryable());
    }

    #[test]
    fn an_empty_list_of_found_subscriptions_is_absent() {
        let check = project()
            .hooks("events")
            .expect("declared")
            .check
            .expect("there");
        let ctx = Context::new();
        assert!(matches!(check(&ctx, &raw(), None), Ok(RawCheck::Absent)));
        let found = check(&ctx, &raw(), Some(r#"["x", 2]"#));
        assert!(matches!(found, Ok(RawCheck::Found(found)) if found.len() == 1));
    }

    #[test]
    fn a_received_output_may_stand_alone() {
        let receive = project().hooks("events").expect("declared").receive;
        let raw = receive(&Context::new(), crate::test::delivery("abc")).expect("received");
        assert_eq!((raw.output.as_str(), raw.reply.is_some()), ("3", false));
    }
}
