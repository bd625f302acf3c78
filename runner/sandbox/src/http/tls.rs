//! TLS to third parties.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The client's configuration, made when it is first needed and shared after.
#[derive(Clone, Default)]
pub(crate) struct Tls(Arc<OnceLock<Result<Arc<ClientConfig>, String>>>);

/// Says why there is no TLS connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("TLS cannot be used: {0}")]
    Setup(String),
    #[error("`{0}` is not a name that a certificate can be checked for")]
    Name(String),
    #[error("the TLS handshake failed")]
    Handshake(#[source] std::io::Error),
}

impl TlsError {
    /// Returns whether the server was reached and its certificate was not accepted.
    pub(crate) fn is_about_the_certificate(&self) -> bool {
        let Self::Handshake(error) = self else {
            return false;
        };
        error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            .is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
    }
}

impl Tls {
    /// Makes a connection secure; the certificate must be for `host`.
    pub(crate) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, TlsError> {
        let name = match host.parse::<IpAddr>() {
            Ok(address) => ServerName::from(address),
            Err(_) => ServerName::try_from(host.to_owned())
                .map_err(|_| TlsError::Name(host.to_owned()))?,
        };
        let config = self.config().await?;
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(TlsError::Handshake)
    }

    async fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let known = match self.0.get() {
            Some(known) => known.clone(),
            None => {
                let cell = Arc::clone(&self.0);
                // Reading the system's certificates blocks.
                tokio::task::spawn_blocking(move || cell.get_or_init(make_config).clone())
                    .await
                    .map_err(|error| TlsError::Setup(error.to_string()))?
            }
        };
        known.map_err(TlsError::Setup)
    }
}

fn make_config() -> Result<Arc<ClientConfig>, String> {
    // Two providers in the tree would make the default one ambiguous.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots())
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "some of the system's certificates cannot be read");
    }
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        tracing::info!("the system has no certificates, so those built in are used");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
