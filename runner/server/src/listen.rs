//! Which port is listened on: the preferred one, else the next that is free.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

/// How many ports are tried, the preferred one included.
const TRIES: u16 = 100;

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenOn {
    address: IpAddr,
    port: u16,
}

impl ListenOn {
    /// Listens on 127.0.0.1 at this port or, where it is taken, at the next free
    /// one of the 99 after it; at any free one where the port is 0.
    #[must_use]
    pub const fn loopback(port: u16) -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port,
        }
    }

    /// Returns the ports to try, in order.
    fn ports(self) -> impl Iterator<Item = u16> {
        let last = match self.port {
            0 => 0,
            port => port.saturating_add(TRIES - 1),
        };
        self.port..=last
    }

    /// Begins to listen.
    ///
    /// # Errors
    /// The error of the last port tried, when none of them is free.
    pub(crate) async fn bind(self) -> io::Result<TcpListener> {
        let mut refused = None;
        for port in self.ports() {
            match TcpListener::bind(SocketAddr::new(self.address, port)).await {
                Ok(listener) => return Ok(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(refused.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
    }
}

impl std::fmt::Display for ListenOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::ListenOn;

    #[tokio::test]
    async fn a_port_that_is_taken_gives_way_to_the_next_free_one() {
        let first = ListenOn::loopback(0).bind().await.unwrap();
        let taken = first.local_addr().unwrap().port();
        let second = ListenOn::loopback(taken).bind().await.unwrap();
        let port = second.local_addr().unwrap().port();
        assert!(
            port > taken && port - taken < super::TRIES,
            "{taken} {port}"
        );
    }

    #[test]
    fn no_more_than_a_hundred_ports_are_tried_and_none_past_the_last() {
        let ports = |port| ListenOn::loopback(port).ports().collect::<Vec<_>>();
        assert_eq!(ports(4600).len(), 100);
        assert_eq!(ports(4600)[99], 4699);
        assert_eq!(ports(0), [0]);
        assert_eq!(ports(65_535), [65_535]);
    }
}
