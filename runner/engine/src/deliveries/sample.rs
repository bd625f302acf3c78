//! A delivery as the provider would send it, for trying a webhook out.

use domain::{EnvironmentName, KeyError, ProjectName, Secret, UserId};

use super::addresses::{is_signed, path, url};
use crate::code::{Code, Coded};
use crate::engine::Engine;
use crate::error::{ReadError, store_code};
use crate::ingress::key_label;
use crate::props::public_url;
use crate::random;

/// What is to be sent.
#[derive(Debug, Clone)]
pub struct SampleRequest {
    /// The project.
    pub project: ProjectName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The webhook.
    pub webhook: String,
    /// The connected user, where each has an address.
    pub user: Option<UserId>,
    /// The body.
    pub body: Vec<u8>,
    /// The id that the provider would give; a new one if none.
    pub id: Option<String>,
}

/// A request as the provider would send it.
#[derive(Debug, Clone)]
pub struct SignedDelivery {
    /// The address that the provider has, if the environment has a public URL.
    pub url: Option<String>,
    /// The address without scheme, host and port, for sending to the local listener.
    pub path: String,
    /// The method.
    pub method: String,
    /// The headers that sign it and give it its id; not its content type.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Says why a delivery cannot be made up.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// What it is for is not there.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The webhook has no open address.
    #[error("webhook {webhook} has no address{}", for_user(user.as_ref()))]
    NoAddress {
        /// The webhook.
        webhook: String,
        /// The connected user that was asked for.
        user: Option<UserId>,
    },
    /// There is no key to sign with.
    #[error("webhook {webhook} cannot be signed for: {needs} is not there")]
    NoKey {
        /// The webhook.
        webhook: String,
        /// What is missing.
        needs: String,
    },
    /// The key cannot sign.
    #[error("webhook {webhook} cannot be signed for")]
    Key {
        /// The webhook.
        webhook: String,
        /// Why not.
        source: KeyError,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn for_user(user: Option<&UserId>) -> String {
    user.map_or_else(String::new, |user| format!(" for user {user}"))
}

impl Coded for SampleError {
    fn code(&self) -> Code {
        match self {
            Self::Read(error) => error.code(),
            Self::NoAddress { .. } => Code::AddressMissing,
            Self::NoKey { .. } => Code::ValueUnknown,
            Self::Key { .. } => Code::SigningKeyUnusable,
            Self::Store(error) => store_code(error),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Read(error) => error.hints(),
            Self::NoAddress { .. } => {
                vec!["`tidegate subscriptions list` shows how its subscription stands".to_owned()]
            }
            Self::NoKey { .. } => vec!["`tidegate secrets set NAME` sets a secret".to_owned()],
            Self::Key { .. } | Self::Store(_) => Vec::new(),
        }
    }
}

impl Engine {
    /// Makes a delivery as the provider would send it now, signed with the webhook's key of today.
    ///
    /// # Errors
    /// When the webhook is not live or has no address, or there is no key that can sign.
    pub async fn sample_delivery(
        &self,
        request: SampleRequest,
    ) -> Result<SignedDelivery, SampleError> {
        let place = self.place(&request.project, &request.environment).await?;
        let now = self.clock.now();
        let no_address = || SampleError::NoAddress {
            webhook: request.webhook.clone(),
            user: request.user.clone(),
        };
        let kind = domain::ObjectKind::Webhook;
        let webhook = request.webhook.as_str();
        let object = self.object(&request.project, &request.environment, kind, webhook);
        object.await?;
        let address = self
            .store
            .addresses(place, now)
            .await?
            .into_iter()
            .find(|one| one.webhook.as_str() == webhook && one.user == request.user)
            .ok_or_else(no_address)?;
        let receiver = self
            .store
            .receiver(address.token.clone(), now)
            .await?
            .ok_or_else(no_address)?;
        let headers = if is_signed(&receiver.webhook) {
            let key: &Secret = receiver.keys.first().ok_or_else(|| SampleError::NoKey {
                webhook: request.webhook.clone(),
                needs: key_label(receiver.webhook.signature.key()),
            })?;
            let id = match &request.id {
                Some(id) => id.clone(),
                None => random::key()?,
            };
            domain::sign(&receiver.webhook.signature, key, &request.body, now, &id).map_err(
                |source| SampleError::Key {
                    webhook: request.webhook.clone(),
                    source,
                },
            )?
        } else {
            Vec::new()
        };
        let environment = self.environment(&request.environment).await?;
        let base = public_url(&environment.name, environment.public_url.as_deref());
        Ok(SignedDelivery {
            url: base.map(|base| url(&base, &address.token)),
            path: path(&address.token),
            method: "POST".to_owned(),
            headers,
            body: request.body,
        })
    }
}
