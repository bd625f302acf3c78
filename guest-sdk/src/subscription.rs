//! What the hooks of a webhook are told and give back.

use std::time::{Duration, SystemTime};

/// What a hook is told of the registration that it works on.
///
/// `P` is what the webhook's `props` returned when the registration was planned.
///
/// ```
/// use tidegate_sdk::test;
///
/// let registration = test::registration("octo/hello".to_owned());
/// assert_eq!(registration.props, "octo/hello");
/// assert!(registration.endpoint.starts_with("https://"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registration<P> {
    /// What the subscription depends on.
    pub props: P,
    /// The address that the provider shall deliver to. No other registration
    /// has it.
    pub endpoint: String,
    /// Stays the same for as long as an earlier attempt may have had an
    /// effect; to be passed on to providers that know idempotency keys.
    pub key: String,
}

impl<P> Registration<P> {
    pub(crate) fn new(props: P, endpoint: String, key: String) -> Self {
        Self {
            props,
            endpoint,
            key,
        }
    }
}

/// A subscription that stands at the provider.
///
/// `U` is what `unsubscribe` needs, such as the hook's id. It is stored
/// encrypted.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use tidegate_sdk::Subscription;
///
/// let until = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
/// let subscription = Subscription::new(7).expires_at(until).signing_secret("abc");
/// assert_eq!(subscription.unsubscribe_props(), &7);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Subscription<U> {
    pub(crate) unsubscribe_props: U,
    pub(crate) expires_at: Option<SystemTime>,
    pub(crate) signing_secret: Option<String>,
}

impl<U> Subscription<U> {
    /// Makes a subscription that does not expire.
    ///
    /// ```
    /// let subscription = tidegate_sdk::Subscription::new(7);
    /// assert_eq!(subscription.unsubscribe_props(), &7);
    /// ```
    pub fn new(unsubscribe_props: U) -> Self {
        Self {
            unsubscribe_props,
            expires_at: None,
            signing_secret: None,
        }
    }

    /// Says when the provider lets it expire; `refresh` is called before.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// let until = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    /// assert_eq!(tidegate_sdk::Subscription::new(7).expires_at(until).expiry(), Some(until));
    /// ```
    #[must_use]
    pub fn expires_at(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Says how long from now the provider keeps it.
    ///
    /// ```
    /// use std::time::Duration;
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// assert!(tidegate_sdk::Subscription::new(7).expires_in(day).expiry().is_some());
    /// ```
    #[must_use]
    pub fn expires_in(self, duration: Duration) -> Self {
        self.expires_at(SystemTime::now() + duration)
    }

    /// Keeps a signing secret that the provider issued.
    ///
    /// The webhook declares it as the key of its signature with `issued`.
    ///
    /// ```
    /// let subscription = tidegate_sdk::Subscription::new(7).signing_secret("abc");
    /// assert!(!format!("{subscription:?}").contains("abc"));
    /// ```
    #[must_use]
    pub fn signing_secret(mut self, secret: impl Into<String>) -> Self {
        self.signing_secret = Some(secret.into());
        self
    }

    /// Returns what `unsubscribe` needs.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::Subscription::new(7).unsubscribe_props(), &7);
    /// ```
    pub fn unsubscribe_props(&self) -> &U {
        &self.unsubscribe_props
    }

    /// Returns when it expires, if it does.
    ///
    /// ```
    /// assert_eq!(tidegate_sdk::Subscription::new(7).expiry(), None);
    /// ```
    pub fn expiry(&self) -> Option<SystemTime> {
        self.expires_at
    }
}

impl<U: std::fmt::Debug> std::fmt::Debug for Subscription<U> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("unsubscribe_props", &self.unsubscribe_props)
            .field("expires_at", &self.expires_at)
            .field(
                "signing_secret",
                &self.signing_secret.as_ref().map(|_| "[redacted]"),
            )
            .finish()
    }
}

/// What a webhook's `check` found out at the provider.
///
/// ```
/// use tidegate_sdk::{Check, Subscription};
///
/// let ids = [7, 8];
/// let answer = Check::from_found(ids.into_iter().map(Subscription::new));
/// assert!(matches!(answer, Check::Found(found) if found.len() == 2));
/// assert_eq!(Check::<u64>::from_found([]), Check::Absent);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check<U> {
    /// Every subscription that the provider has for the endpoint, at least one.
    Found(Vec<Subscription<U>>),
    /// The provider has none.
    Absent,
    /// The provider does not tell.
    Unsure,
}

impl<U> Check<U> {
    /// Makes the answer from a complete list of what the provider has for the
    /// endpoint.
    ///
    /// ```
    /// use tidegate_sdk::{Check, Subscription};
    /// assert_eq!(Check::<u64>::from_found([]), Check::Absent);
    /// assert_ne!(Check::from_found([Subscription::new(7)]), Check::Absent);
    /// ```
    pub fn from_found(found: impl IntoIterator<Item = Subscription<U>>) -> Self {
        let found: Vec<_> = found.into_iter().collect();
        if found.is_empty() {
            Self::Absent
        } else {
            Self::Found(found)
        }
    }
}
