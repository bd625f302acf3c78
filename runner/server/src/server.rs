//! The server: how it starts, where it listens, how it ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use engine::Owner;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::listen::ListenOn;
use crate::router;
use crate::wire::Addresses;

/// How a server is set up.
#[derive(Clone)]
pub struct Settings {
    /// The owner of the data directory.
    pub owner: Arc<Owner>,
    /// Where the API and the pages are.
    pub api: ListenOn,
    /// Where webhooks are received, if they are.
    pub ingress: Option<ListenOn>,
}

/// Says why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No port was free, or listening is not allowed.
    #[error("cannot listen on {address}, or on a port after it")]
    Listen {
        /// Where it was to be listened first.
        address: ListenOn,
        /// Why not.
        source: std::io::Error,
    },
    /// The lock file does not take the address.
    #[error("other processes cannot be told of the address")]
    Announce(#[source] std::io::Error),
}

/// A server that takes requests; dropping it ends it at once.
#[must_use = "it takes requests for as long as this lives"]
pub struct Server {
    app: App,
    api: Port,
    ingress: Option<Port>,
}

/// A port, and the task that serves it.
struct Port {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Starts a server, and tells other processes through the lock file where it is.
///
/// # Errors
/// When no port is free, or the lock file cannot be written.
pub async fn start(settings: Settings) -> Result<Server, StartError> {
    let app = App::new(settings.owner);
    let api = bind(settings.api).await?;
    let ingress = match settings.ingress {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let addresses = Addresses {
        api: api.address,
        ingress: ingress.as_ref().map(|port| port.address),
    };
    // Nothing is served yet, so that it is set once and before anybody asks.
    app.addresses.get_or_init(|| addresses);
    let routes = router::local(app.clone(), api.address);
    let api = api.serve(routes, &app.ending);
    let ingress = ingress.map(|port| port.serve(router::hooks(app.clone()), &app.ending));
    app.owner
        .announce(&api.address.to_string())
        .map_err(StartError::Announce)?;
    Ok(Server { app, api, ingress })
}

async fn bind(asked: ListenOn) -> Result<Bound, StartError> {
    let failed = |source| StartError::Listen {
        address: asked,
        source,
    };
    let listener = asked.bind().await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound { address, listener })
}

/// A port that is listened on and not served yet.
struct Bound {
    address: SocketAddr,
    listener: TcpListener,
}

impl Bound {
    fn serve(self, routes: Router, ending: &CancellationToken) -> Port {
        let ended = ending.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            // The future never fails: what goes wrong with one connection ends that one.
            let _ = axum::serve(self.listener, routes)
                .with_graceful_shutdown(ended)
                .await;
        });
        Port {
            address: self.address,
            serving,
        }
    }
}

impl Server {
    /// Returns where the API and the pages are.
    #[must_use]
    pub fn api_addr(&self) -> SocketAddr {
        self.api.address
    }

    /// Returns where webhooks are received, if they are.
    #[must_use]
    pub fn ingress_addr(&self) -> Option<SocketAddr> {
        self.ingress.as_ref().map(|port| port.address)
    }

    /// Stops taking requests and waits until those under way, and what they
    /// started, are over; no longer than until `deadline` has passed.
    ///
    /// Returns whether everything was over by then.
    pub async fn stop(mut self, deadline: Duration) -> bool {
        self.app.ending.cancel();
        self.app.work.close();
        let over = async {
            // A task that serves cannot be told of twice, so only its end matters.
            let _ = (&mut self.api.serving).await;
            if let Some(ingress) = &mut self.ingress {
                let _ = (&mut ingress.serving).await;
            }
            self.app.work.wait().await;
        };
        tokio::time::timeout(deadline, over).await.is_ok()
        // Dropping the server cuts short what was not.
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.app.ending.cancel();
        self.app.ended.cancel();
    }
}
