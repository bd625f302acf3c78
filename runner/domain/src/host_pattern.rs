//! Which hosts an operation may call.

use std::fmt;
use std::str::FromStr;

/// Says why a text is no host pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a host pattern: {reason}")]
pub struct HostPatternError {
    pattern: String,
    reason: &'static str,
}

/// A host that may be called: `host`, `*.host`, either with `:port`, or `${VARIABLE}`.
///
/// Hosts are compared without regard to case. A pattern without a port means
/// the scheme's own port, 443 or 80.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// This host.
    Exact(HostPort),
    /// Every host below this one, at any depth; not the host itself.
    Below(HostPort),
    /// The host and port of the URL that a variable holds.
    Variable(String),
}

/// A host in lower case, without the brackets of an IPv6 address, and a port if one was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// The host's name or address.
    pub host: String,
    /// The port.
    pub port: Option<u16>,
}

impl HostPattern {
    /// Returns whether the pattern allows a host and port.
    ///
    /// `default_port` is the scheme's own. `variable` looks a variable up; what
    /// it returns must be a URL or `host[:port]`, else nothing is allowed.
    pub fn allows(
        &self,
        host: &str,
        port: u16,
        default_port: u16,
        variable: impl Fn(&str) -> Option<String>,
    ) -> bool {
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .trim_end_matches('.')
            .to_ascii_lowercase();
        match self {
            Self::Exact(wanted) => {
                host == wanted.host && port == wanted.port.unwrap_or(default_port)
            }
            Self::Below(wanted) => {
                host.strip_suffix(&wanted.host)
                    .and_then(|rest| rest.strip_suffix('.'))
                    .is_some_and(|label| !label.is_empty())
                    && port == wanted.port.unwrap_or(default_port)
            }
            Self::Variable(name) => variable(name)
                .and_then(|url| host_of_url(&url))
                .is_some_and(|(wanted, scheme_port)| {
                    host == wanted.host
                        && port == wanted.port.or(scheme_port).unwrap_or(default_port)
                }),
        }
    }

    /// Returns the variable that the pattern names.
    #[must_use]
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Variable(name) => Some(name),
            Self::Exact(_) | Self::Below(_) => None,
        }
    }
}

/// Returns host and port of a URL (or of `host[:port]`), and its scheme's own port.
fn host_of_url(url: &str) -> Option<(HostPort, Option<u16>)> {
    let (scheme_port, rest) = match url.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Some(443), rest),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Some(80), rest),
        Some(_) => return None,
        None => (None, url),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    if authority.contains('@') {
        return None;
    }
    HostPort::from_str(authority)
        .ok()
        .map(|host| (host, scheme_port))
}

impl FromStr for HostPort {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        let fail = |reason| HostPatternError {
            pattern: crate::names::shown(text),
            reason,
        };
        let (host, port) = split_port(text).ok_or_else(|| fail("the port is not a number"))?;
        let port = match port {
            None => None,
            Some(digits) => Some(
                digits
                    .parse::<u16>()
                    .ok()
                    .filter(|port| *port != 0)
                    .ok_or_else(|| fail("the port is not a number from 1 to 65535"))?,
            ),
        };
        let host = host.to_ascii_lowercase();
        if host.parse::<std::net::Ipv6Addr>().is_ok() {
            return Ok(Self { host, port });
        }
        if host.is_empty() || host.len() > 253 {
            return Err(fail("a host has 1 to 253 characters"));
        }
        let good_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        if !host.split('.').all(good_label) {
            return Err(fail(
                "a host is labels of letters, digits and `-` between dots, without scheme or path",
            ));
        }
        Ok(Self { host, port })
    }
}

/// Splits `host:port` and `[v6]:port`; `None` for an open bracket.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None if after.is_empty() => Some((host, None)),
            None => None,
        };
    }
    match text.rsplit_once(':') {
        Some((host, _)) if host.contains(':') => Some((text, None)),
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        if let Some(name) = text.strip_prefix("${") {
            return match name.strip_suffix('}') {
                Some(name) if crate::names::check_name(name).is_ok() => {
                    Ok(Self::Variable(name.to_owned()))
                }
                _ => Err(HostPatternError {
                    pattern: crate::names::shown(text),
                    reason: "`${VARIABLE}` stands alone, with a variable's name in it",
                }),
            };
        }
        match text.strip_prefix("*.") {
            Some(rest) => Ok(Self::Below(rest.parse()?)),
            None => Ok(Self::Exact(text.parse()?)),
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => write!(f, "{host}"),
            Self::Below(host) => write!(f, "*.{host}"),
            Self::Variable(name) => write!(f, "${{{name}}}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, host: &str, port: u16, default_port: u16) -> bool {
        let variable = |name: &str| match name {
            "URL" => Some("http://127.0.0.1:8080/api".to_owned()),
            "PLAIN" => Some("https://api.github.com".to_owned()),
            "TRICK" => Some("https://good.com@evil.com".to_owned()),
            _ => None,
        };
        pattern
            .parse::<HostPattern>()
            .unwrap()
            .allows(host, port, default_port, variable)
    }

    #[test]
    fn a_pattern_allows_what_it_says_and_nothing_else() {
        for (pattern, host, port, expected) in [
            ("api.github.com", "api.github.com", 443, true),
            ("api.github.com", "API.GitHub.com", 443, true),
            ("api.github.com", "api.github.com", 8443, false),
            ("api.github.com:8443", "api.github.com", 8443, true),
            ("api.github.com", "github.com", 443, false),
            ("api.github.com", "api.github.com.evil.com", 443, false),
            ("*.github.com", "api.github.com", 443, true),
            ("*.github.com", "a.b.github.com", 443, true),
            ("*.github.com", "github.com", 443, false),
            ("*.github.com", "evilgithub.com", 443, false),
            ("[::1]:80", "[::1]", 80, true),
            ("${URL}", "127.0.0.1", 8080, true),
            ("${URL}", "127.0.0.1", 443, false),
            ("${PLAIN}", "api.github.com", 443, true),
            ("${PLAIN}", "api.github.com", 80, false),
            ("${TRICK}", "evil.com", 443, false),
            ("${TRICK}", "good.com", 443, false),
            ("${NONE}", "api.github.com", 443, false),
        ] {
            assert_eq!(
                allows(pattern, host, port, 443),
                expected,
                "{pattern} {host}:{port}"
            );
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_and_what_is_reads_back() {
        for bad in [
            "",
            "*",
            "*.",
            "https://x.com",
            "x.com/path",
            "x.com:0",
            "x.com:99999",
            "x..com",
            "-x.com",
            "a.*.com",
            "${A}.com",
            "${}",
            "x.com:",
            "[::1",
            "x y.com",
        ] {
            assert!(bad.parse::<HostPattern>().is_err(), "{bad:?}");
        }
        for good in [
            "x.com",
            "*.x.com:8080",
            "${API_URL}",
            "[::1]:80",
            "localhost:1",
        ] {
            assert_eq!(good.parse::<HostPattern>().unwrap().to_string(), good);
        }
    }
}
