//! The few things that requests need of URLs.

use std::fmt::Write;

use http::Uri;

use crate::{Error, Result};

/// Parses an absolute `http` or `https` URL.
pub(super) fn parse(text: &str) -> Result<Uri> {
    // A fragment is for the client alone.
    let sent = text.split('#').next().unwrap_or_default();
    let uri: Uri = sent
        .parse()
        .map_err(|error| Error::final_(format!("`{}` is no URL: {error}", shown(sent))))?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if !authority.as_str().contains('@') => Ok(uri),
        (Some("http" | "https"), Some(_)) => Err(Error::final_(
            "a URL must not hold a user name or password: use `basic`",
        )),
        _ => Err(Error::final_(format!(
            "`{}` is no absolute `http` or `https` URL",
            shown(sent)
        ))),
    }
}

/// What of an unreadable URL may be in a message: queries often hold secrets.
fn shown(text: &str) -> &str {
    text.split('?').next().unwrap_or_default()
}

/// The URL for messages.
pub(super) fn without_query(uri: &Uri) -> String {
    format!(
        "{}://{}{}",
        uri.scheme_str().unwrap_or_default(),
        host_and_port(uri),
        uri.path()
    )
}

/// The host as a declaration names it: with a port where it is not the scheme's.
pub(super) fn host_and_port(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    match uri.port_u16() {
        Some(port) if Some(port) != scheme_port(uri) => format!("{host}:{port}"),
        _ => host.to_owned(),
    }
}

/// The host with its port, the scheme's where none is given.
pub(super) fn host_with_port(uri: &Uri) -> String {
    let host = uri.host().unwrap_or_default();
    match port(uri) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Tells whether credentials for one may be sent to the other.
pub(super) fn same_origin(one: &Uri, other: &Uri) -> bool {
    let host = |uri: &Uri| uri.host().unwrap_or_default().to_ascii_lowercase();
    one.scheme() == other.scheme() && host(one) == host(other) && port(one) == port(other)
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or_else(|| scheme_port(uri))
}

fn scheme_port(uri: &Uri) -> Option<u16> {
    match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    }
}

pub(super) fn with_parameter(uri: &Uri, name: &str, value: &str) -> Result<Uri> {
    let mut text = uri.to_string();
    text.push(if uri.query().is_some() { '&' } else { '?' });
    percent_encode(name, &mut text);
    text.push('=');
    percent_encode(value, &mut text);
    parse(&text)
}

pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        if !text.is_empty() {
            text.push('&');
        }
        percent_encode(name, &mut text);
        text.push('=');
        percent_encode(value, &mut text);
    }
    text
}

/// Encodes all but RFC 3986's unreserved characters.
fn percent_encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            write!(into, "%{byte:02X}").expect("a String takes all that is written");
        }
    }
}

/// RFC 4648, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            if at <= chunk.len() {
                let index = (group >> (18 - 6 * at)) & 63;
                text.push(char::from(ALPHABET[index as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// Resolves a redirect's `Location` against the URL that answered (RFC 3986, 5.2).
pub(super) fn resolve(base: &Uri, location: &str) -> Result<Uri> {
    let location = location.trim();
    if has_scheme(location) {
        return parse(location);
    }
    let scheme = base.scheme_str().unwrap_or_default();
    if let Some(rest) = location.strip_prefix("//") {
        return parse(&format!("{scheme}://{rest}"));
    }
    let authority = base.authority().map_or("", |authority| authority.as_str());
    let reference = location.split('#').next().unwrap_or_default();
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let (path, query) = if path.is_empty() {
        (base.path().to_owned(), query.or(base.query()))
    } else if path.starts_with('/') {
        (without_dots(path), query)
    } else {
        let folder = base
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        (without_dots(&format!("{folder}/{path}")), query)
    };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    parse(&format!("{scheme}://{authority}{path}{query}"))
}

fn has_scheme(location: &str) -> bool {
    location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{base64, parse, resolve, without_query};

    #[test]
    fn locations_resolve_as_in_rfc_3986() {
        let base = parse("http://a/b/c/d;p?q").expect("legal");
        for (location, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../../g", "http://a/g"),
            ("https://h/x", "https://h/x"),
        ] {
            let resolved = resolve(&base, location).expect(location);
            assert_eq!(resolved.to_string(), expected, "{location}");
        }
    }

    #[test]
    fn other_schemes_and_user_names_are_refused() {
        for text in ["ftp://h/", "/path", "https://u:p@h/", "", "https://"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn messages_hold_no_query() {
        let uri = parse("https://h:443/p?token=t").expect("legal");
        assert_eq!(without_query(&uri), "https://h/p");
        let error = parse("nonsense url?token=t").expect_err("not legal");
        assert!(!error.to_string().contains("token"), "{error}");
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
