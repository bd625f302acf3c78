//! Which requests an operation may make, and what would permit those it may not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use domain::{HostPattern, HostPort};
use http::uri::Scheme;
use http::{Method, Uri};

use crate::grants::Grants;
use crate::http::guard::kind_of;

/// Whether an operation has a network at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It has none, whatever it declares; named as the contract names it.
    NoneIn(&'static str),
    /// The declared hosts.
    Declared,
}

/// The rules for one operation's requests.
#[derive(Clone)]
pub(crate) struct Policy {
    pub(crate) access: Access,
    pub(crate) grants: Arc<Grants>,
}

/// Where a permitted request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    /// In lower case, without brackets or a final dot.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

/// Says why a request is refused, and what would permit it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) rule: Rule,
    pub(crate) message: String,
}

/// The rule that a refused request breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The operation has a network.
    Network,
    /// The method is one for clients.
    Method,
    /// The address is one of a web server.
    Address,
    /// The host is declared.
    Declared,
    /// The host has an address.
    Resolved,
    /// The address is public, or the operator allows it.
    Public,
}

impl Refusal {
    fn new(rule: Rule, message: String) -> Self {
        Self { rule, message }
    }
}

impl Destination {
    pub(crate) fn of(uri: &Uri) -> Result<Self, Refusal> {
        let refuse = |reason: &str| {
            let message = format!("the request's address {reason}");
            Err(Refusal::new(Rule::Address, message))
        };
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(_) | None => return refuse("is neither http nor https"),
        };
        let Some(authority) = uri.authority() else {
            return refuse("names no host");
        };
        if authority.as_str().contains('@') {
            return refuse("carries a user name; put it into a header instead");
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if host.is_empty() {
            return refuse("names no host");
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().ends_with(':') => return refuse("has an empty port"),
            None if tls => 443,
            None => 80,
        };
        if port == 0 {
            return refuse("has port 0");
        }
        Ok(Self { host, port, tls })
    }

    fn default_port(&self) -> u16 {
        if self.tls { 443 } else { 80 }
    }

    /// Returns host and port as a declaration would have them.
    fn as_pattern(&self) -> HostPort {
        HostPort {
            host: self.host.clone(),
            port: (self.port != self.default_port()).then_some(self.port),
        }
    }

    fn with_port(&self) -> HostPort {
        HostPort {
            host: self.host.clone(),
            port: Some(self.port),
        }
    }
}

impl Policy {
    /// Checks everything that can be checked before the name is resolved.
    pub(crate) fn check(&self, method: &Method, uri: &Uri) -> Result<Destination, Refusal> {
        let object = &self.grants.object;
        if let Access::NoneIn(operation) = self.access {
            let message = format!(
                "{object}: `{operation}` has no network; make the request in another operation"
            );
            return Err(Refusal::new(Rule::Network, message));
        }
        if *method == Method::CONNECT || *method == Method::TRACE {
            let message = format!("{object}: {method} requests are not allowed");
            return Err(Refusal::new(Rule::Method, message));
        }
        let destination = Destination::of(uri)?;
        let declared = self.grants.hosts.iter().any(|pattern| {
            pattern.allows(
                &destination.host,
                destination.port,
                destination.default_port(),
                |name| self.variable(name),
            )
        });
        if declared {
            Ok(destination)
        } else {
            Err(self.undeclared(&destination))
        }
    }

    /// Returns those of a host's addresses that may be connected to.
    pub(crate) fn permitted(
        &self,
        destination: &Destination,
        addresses: &[IpAddr],
    ) -> Result<Vec<SocketAddr>, Refusal> {
        let permitted: Vec<SocketAddr> = addresses
            .iter()
            .filter(|address| {
                kind_of(**address).is_none() || self.operator_allows(destination, **address)
            })
            .map(|address| SocketAddr::new(*address, destination.port))
            .collect();
        if permitted.is_empty() {
            return Err(self.not_public(destination, addresses));
        }
        Ok(permitted)
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.grants.variables.get(name).cloned().flatten()
    }

    /// The operator names a host as guests call it, or an address as it is reached.
    fn operator_allows(&self, destination: &Destination, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.grants.allowed_private.iter().any(|allowed| {
            let same_host = allowed.host.eq_ignore_ascii_case(&destination.host)
                || allowed.host.parse::<IpAddr>().map(|ip| ip.to_canonical()) == Ok(address);
            same_host && allowed.port.unwrap_or(destination.default_port()) == destination.port
        })
    }

    fn undeclared(&self, destination: &Destination) -> Refusal {
        let object = &self.grants.object;
        let wanted = destination.as_pattern();
        let mut message = format!(
            "{object} does not declare the host {wanted}: add hosts = [\"{wanted}\"] to it"
        );
        let unset = self
            .grants
            .hosts
            .iter()
            .filter_map(HostPattern::variable)
            .filter(|name| self.variable(name).is_none());
        for name in unset {
            message.push_str(&format!(
                "; it declares ${{{name}}}, but the variable {name} has no value"
            ));
        }
        Refusal::new(Rule::Declared, message)
    }

    fn not_public(&self, destination: &Destination, addresses: &[IpAddr]) -> Refusal {
        let object = &self.grants.object;
        let shown = destination.as_pattern();
        let Some((address, kind)) = addresses
            .iter()
            .find_map(|address| Some((*address, kind_of(*address)?)))
        else {
            return Refusal::new(Rule::Resolved, format!("{shown} has no address"));
        };
        let what = if destination.host.parse::<IpAddr>().is_ok() {
            format!("{shown}: it is {kind}")
        } else {
            format!("{shown}: it resolves to {address}, {kind}")
        };
        let message = format!(
            "{object} may not call {what}; the environment's operator can allow it: \
             tidegate env update {} --allow-host {}",
            self.grants.environment,
            destination.with_port()
        );
        Refusal::new(Rule::Public, message)
    }
}

#[cfg(test)]
mod tests {
    use domain::Limits;

    use super::*;

    fn policy(hosts: &[&str], allowed: &[&str]) -> Policy {
        let mut grants = Grants::new("action greet", Limits::operations());
        grants.hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
        grants.allowed_private = allowed.iter().map(|host| host.parse().unwrap()).collect();
        grants.variables.insert("UNSET".to_owned(), None);
        Policy {
            access: Access::Declared,
            grants: Arc::new(grants),
        }
    }

    fn check(policy: &Policy, method: Method, uri: &str) -> Result<Destination, String> {
        policy
            .check(&method, &uri.parse().unwrap())
            .map_err(|refusal| refusal.message)
    }

    #[test]
    fn only_declared_hosts_are_called_and_the_refusal_says_what_to_declare() {
        let policy = policy(&["api.github.com", "${UNSET}"], &[]);
        for good in ["https://api.github.com/x", "http://API.GitHub.com./"] {
            assert!(check(&policy, Method::GET, good).is_ok(), "{good}");
        }
        assert_eq!(
            check(&policy, Method::GET, "https://example.com:8443/").unwrap_err(),
            "action greet does not declare the host example.com:8443: add \
             hosts = [\"example.com:8443\"] to it; it declares ${UNSET}, but the variable UNSET \
             has no value"
        );
    }

    #[test]
    fn odd_addresses_and_methods_are_refused_with_their_reason() {
        let policy = policy(&["api.github.com"], &[]);
        for (method, uri, reason) in [
            (Method::GET, "https://user@api.github.com/", "user name"),
            (
                Method::GET,
                "ftp://api.github.com/",
                "neither http nor https",
            ),
            (Method::GET, "/path", "neither http nor https"),
            (Method::GET, "https://api.github.com:0/", "port 0"),
            (Method::CONNECT, "https://api.github.com/", "CONNECT"),
            (Method::TRACE, "https://api.github.com/", "TRACE"),
        ] {
            let refusal = check(&policy, method, uri).unwrap_err();
            assert!(refusal.contains(reason), "{uri}: {refusal}");
        }
    }

    #[test]
    fn an_operation_without_network_is_told_so_whatever_it_declares() {
        let mut policy = policy(&["api.github.com"], &[]);
        policy.access = Access::NoneIn("collect");
        let refusal = check(&policy, Method::GET, "https://api.github.com/").unwrap_err();
        assert!(refusal.contains("`collect` has no network"), "{refusal}");
    }

    #[test]
    fn addresses_that_are_not_public_need_the_operator() {
        let local: IpAddr = [127, 0, 0, 1].into();
        let public: IpAddr = [1, 1, 1, 1].into();
        let destination = |host: &str| Destination {
            host: host.to_owned(),
            port: 8080,
            tls: false,
        };
        for (allowed, host, addresses, expected) in [
            (vec![], "127.0.0.1", vec![local], 0),
            (vec!["127.0.0.1:8080"], "127.0.0.1", vec![local], 1),
            (vec!["127.0.0.1:8081"], "127.0.0.1", vec![local], 0),
            (vec!["127.0.0.1"], "127.0.0.1", vec![local], 0),
            (vec!["127.0.0.1:8080"], "localhost", vec![local], 1),
            (vec!["localhost:8080"], "localhost", vec![local], 1),
            (vec!["other:8080"], "localhost", vec![local], 0),
            (vec![], "example.com", vec![local, public], 1),
            (vec![], "example.com", vec![], 0),
        ] {
            let policy = policy(&[], &allowed);
            let found = policy.permitted(&destination(host), &addresses);
            assert_eq!(found.map_or(0, |found| found.len()), expected, "{host}");
        }
        let refusal = policy(&[], &[])
            .permitted(&destination("evil.com"), &[local])
            .unwrap_err();
        assert_eq!(
            refusal.message,
            "action greet may not call evil.com:8080: it resolves to 127.0.0.1, a loopback address; \
             the environment's operator can allow it: \
             tidegate env update development --allow-host evil.com:8080"
        );
    }
}
