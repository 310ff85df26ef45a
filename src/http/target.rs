//! The destination of a request.

use std::net::Ipv6Addr;

use ureq::http::Uri;

use crate::secret::redact;

use crate::text::{printable, shortened};

/// The longest URL that is sent; with the longest bearer it fits the output buffer.
const LONGEST_URL: usize = 4096;

/// A parsed URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Target {
    pub(super) uri: Uri,
    /// Whether it is https.
    pub(crate) secure: bool,
    /// In lower case, an IPv6 address without its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Target {
    /// Parses a URL; the error is for people and names the problem.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let bad =
            |why: &str| format!("\"{}\" is not an address to send to: {why}", presentable(url));
        if url.len() > LONGEST_URL {
            return Err(format!("an address is longer than {LONGEST_URL} bytes"));
        }
        let uri: Uri = url.parse().map_err(|_| bad("it is no URL"))?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad("it must begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("it must not hold a user or a password"));
        }
        let host = authority.host();
        if host.is_empty() {
            return Err(bad("it names no host"));
        }
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str() != host => return Err(bad("its port is no number")),
            None if secure => 443,
            None => 80,
        };
        let host = match host.strip_prefix('[') {
            Some(inside) => inside
                .strip_suffix(']')
                .filter(|address| address.parse::<Ipv6Addr>().is_ok())
                .ok_or_else(|| bad("there is no address in its brackets"))?,
            None => host,
        };
        let host = host.to_ascii_lowercase();
        Ok(Self { uri, secure, host, port })
    }

    /// `host:port`, an IPv6 address in brackets.
    pub(super) fn address(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

/// Splits `host`, `host:port`, `[v6]` or `[v6]:port`, and leaves an address without brackets whole.
/// `None` if the port is no number.
pub(crate) fn split_port(place: &str) -> Option<(&str, Option<u16>)> {
    match place.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            Some((host, Some(port.parse().ok()?)))
        }
        _ => Some((place, None)),
    }
}

/// A URL of any form without its possible secrets: user, password, query, token.
pub(super) fn presentable(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, after)| after);
    let text = if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") };
    shortened(&printable(&redact(&text, &[])), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_urls_apart() {
        for (url, secure, host, port, shown) in [
            ("https://API.x.y/v1/a?b=c", true, "api.x.y", 443, "https://API.x.y/v1/a"),
            ("http://[::1]:8080", false, "::1", 8080, "http://[::1]:8080"),
            ("http://127.0.0.1/eyJhb.x/t", false, "127.0.0.1", 80, "http://127.0.0.1/[redacted]/t"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!(
                (target.secure, target.host.as_str(), target.port, presentable(url).as_str()),
                (secure, host, port, shown)
            );
        }
        assert_eq!(Target::parse("http://[::1]:8080").unwrap().address(), "[::1]:8080");
    }

    #[test]
    fn refuses_what_cannot_be_sent_to() {
        for bad in [
            "",
            "x",
            "/v1",
            "ftp://h/",
            "http://",
            "http:///p",
            "http://h:99999/",
            "http://h:x/",
            "http://h:/",
            "http://a b/",
            "http://h/a b",
            "http://bücher.example/",
            "http://[::1/",
            "http://h/\r\nX: y",
            "http://user:hush@h/",
        ] {
            let error = Target::parse(bad).unwrap_err();
            assert!(!error.contains("hush") && !error.contains('\n'), "{error}");
        }
        let long = format!("http://h/{}", "a".repeat(5000));
        assert!(Target::parse(&long).unwrap_err().len() < 100);
        assert!(!presentable("http:/u:hush@h/p?q=hush").contains("hush"));
    }
}
