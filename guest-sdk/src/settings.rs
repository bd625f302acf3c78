//! The settings of a connected user, as a type.

use serde::de::DeserializeOwned;

use crate::{Error, HookContext, Result};

/// The settings that an integration declares, read into its own type.
///
/// [`integration`](macro@crate::integration) implements it for the struct that
/// it stands on; each field is a setting.
///
/// ```
/// use tidegate_sdk::{Settings, integration, test};
///
/// #[integration]
/// struct Shop {
///     /// Warehouse's address
///     warehouse: String,
/// }
///
/// let ctx = test::Context::new().with_user("user-1").with_setting("warehouse", "north");
/// assert_eq!(Shop::read(&ctx).unwrap().warehouse, "north");
/// ```
pub trait Settings: Sized {
    /// Reads every setting of the connected user.
    ///
    /// # Errors
    /// A final error where the operation is for no user, where a setting
    /// without a value is not optional, or where a value does not fit.
    ///
    /// ```
    /// # use tidegate_sdk::{Settings, integration, test};
    /// #[integration]
    /// struct Shop {
    ///     warehouse: String,
    /// }
    ///
    /// let without = test::Context::new().with_user("user-1");
    /// assert!(Shop::read(&without).is_err());
    /// ```
    fn read(ctx: &HookContext) -> Result<Self>;
}

/// Reads one field; `null` stands for a setting without a value, so that an
/// `Option` takes it and anything else says that it is missing.
#[doc(hidden)]
pub fn read_setting<T: DeserializeOwned>(ctx: &HookContext, name: &str) -> Result<T> {
    match ctx.setting::<serde_json::Value>(name)? {
        Some(value) => serde_json::from_value(value).map_err(|error| {
            Error::from(error).context(format_args!("reading the setting `{name}`"))
        }),
        None => serde_json::from_value(serde_json::Value::Null).map_err(|_| {
            Error::final_(format!(
                "the connected user has not set `{name}`, which is required"
            ))
        }),
    }
}
