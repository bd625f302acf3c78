//! Which requests the declared hosts permit, as the host of a component decides it.

use http::Uri;

pub(super) fn permits(pattern: &str, uri: &Uri, variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let Some(name) = pattern
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
    else {
        return permits_literally(pattern, uri);
    };
    let url = variable(name).and_then(|url| url.parse::<Uri>().ok());
    url.is_some_and(|url| host(&url) == host(uri) && port(&url) == port(uri))
}

/// A pattern without a port stands for the ports of `http` and `https`.
fn permits_literally(pattern: &str, uri: &Uri) -> bool {
    let (pattern, ports) = match pattern.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (pattern, None),
    };
    let port_fits = match ports {
        Some(declared) => port(uri) == Some(declared),
        None => matches!(port(uri), Some(80 | 443)),
    };
    let pattern = pattern.to_ascii_lowercase();
    let host = host(uri);
    let host_fits = match pattern.strip_prefix("*.") {
        Some(domain) => host
            .strip_suffix(domain)
            .is_some_and(|sub| sub.len() > 1 && sub.ends_with('.')),
        None => host == pattern,
    };
    host_fits && port_fits
}

fn host(uri: &Uri) -> String {
    uri.host().unwrap_or_default().to_ascii_lowercase()
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or(match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::permits;

    #[test]
    fn patterns_permit_what_they_name() {
        let variable = |name: &str| (name == "API").then(|| "http://127.0.0.1:8080/v1".to_owned());
        for (pattern, url, expected) in [
            ("api.example", "https://api.example/x", true),
            ("api.example", "https://API.example/x", true),
            ("api.example", "https://api.example:8443/", false),
            ("api.example", "https://api.example.evil/", false),
            ("api.example:8443", "https://api.example:8443/", true),
            ("api.example:8443", "https://api.example/", false),
            ("*.example", "https://a.b.example/", true),
            ("*.example", "https://example/", false),
            ("*.example", "https://anexample/", false),
            ("${API}", "http://127.0.0.1:8080/hooks", true),
            ("${API}", "http://127.0.0.1:8081/hooks", false),
            ("${OTHER}", "http://127.0.0.1:8080/", false),
        ] {
            let uri = url.parse().expect("legal");
            assert_eq!(
                permits(pattern, &uri, &variable),
                expected,
                "{pattern} {url}"
            );
        }
    }
}
