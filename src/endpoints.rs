//! Which servers are used: from the config's domain or the environment.

use crate::config::Config;
use crate::context::Env;
use crate::error::{Error, Result};
use crate::http::{Target, is_localhost, split_port};

const DEFAULT_STUDIO: &str = "https://api.nimblebrain.ai";
const DEFAULT_OAUTH: &str = "https://clerk.nimblebrain.ai";
const DEFAULT_CLIENT_ID: &str = "96WRYcxabFktp9wn";

/// The base URL of the management API, no slash at its end.
///
/// # Errors
/// [`Error::invalid_value`] if a token must not be sent to `NTCLI_API_URL` or the domain.
pub(crate) fn management(env: &Env, config: &Config) -> Result<String> {
    let given = base_url(env, "NTCLI_API_URL")?;
    Ok(given.unwrap_or_else(|| of_domain(config.domain(), config.insecure())))
}

/// `https://api.DOMAIN`; on this machine plain http and no prefix; `insecure` means http.
pub(crate) fn of_domain(domain: &str, insecure: bool) -> String {
    if is_loopback(domain) {
        format!("http://{domain}")
    } else if insecure {
        format!("http://api.{domain}")
    } else {
        format!("https://api.{domain}")
    }
}

fn is_loopback(domain: &str) -> bool {
    let host = split_port(domain).map_or(domain, |(host, _)| host);
    is_localhost(host) || matches!(host, "127.0.0.1" | "[::1]")
}

/// The base URL of the studio API, which exchanges a sign-in for a session.
///
/// # Errors
/// [`Error::invalid_value`] if `NIMBLEBRAIN_API_URL` is not a base URL.
pub(crate) fn studio(env: &Env) -> Result<String> {
    Ok(base_url(env, "NIMBLEBRAIN_API_URL")?.unwrap_or_else(|| DEFAULT_STUDIO.to_owned()))
}

/// The base URL of the OAuth provider. Plain http is for this machine only.
///
/// # Errors
/// [`Error::invalid_value`] if `CLERK_OAUTH_DOMAIN` names no host.
pub(crate) fn oauth(env: &Env) -> Result<String> {
    let Some(given) = env.text("CLERK_OAUTH_DOMAIN") else {
        return Ok(DEFAULT_OAUTH.to_owned());
    };
    let given = given.trim_end_matches('/');
    let (scheme, host) = given.split_once("://").unwrap_or(("https", given));
    let fits = scheme == "https" || (scheme == "http" && is_loopback(host));
    if fits && check_domain(host).is_ok() {
        Ok(format!("{scheme}://{host}"))
    } else {
        Err(Error::invalid_value(
            "CLERK_OAUTH_DOMAIN must be a host name such as clerk.example.com \
                      (http:// only before a host of this machine)",
        ))
    }
}

/// The client id of `ntcli` at the OAuth provider.
pub(crate) fn client_id(env: &Env) -> String {
    env.text("CLERK_OAUTH_CLIENT_ID").unwrap_or_else(|| DEFAULT_CLIENT_ID.to_owned())
}

/// The base URL that a variable holds.
fn base_url(env: &Env, name: &str) -> Result<Option<String>> {
    let Some(url) = env.text(name) else { return Ok(None) };
    // What is pending at a server is known by this very text.
    let is_plain = ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme));
    let fits = is_plain
        && Target::parse(&url).is_ok()
        && url.bytes().all(|b| b.is_ascii_graphic())
        && !url.contains(['?', '#', '\\']);
    if fits {
        Ok(Some(url.trim_end_matches('/').to_owned()))
    } else {
        Err(Error::invalid_value(format!(
            "{name} is not a base URL such as https://api.example.com"
        )))
    }
}

/// Checks a domain: a host name or address with or without a port, nothing more.
///
/// # Errors
/// [`Error::invalid_value`] with what to give.
pub(crate) fn check_domain(domain: &str) -> Result<()> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:[]".contains(&b);
    let target = Target::parse(&format!("https://{domain}/")).ok();
    let fits = target.filter(|_| domain.bytes().all(is_plain)).is_some_and(|target| {
        let mut labels = target.host.split('.');
        target.port != 0 && labels.all(|label| (1..=63).contains(&label.len()))
    });
    if fits {
        Ok(())
    } else {
        Err(Error::invalid_value(
            "The domain must be a host name such as nimbletools.ai, or host:port, \
                      without a path",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_make_urls() {
        assert_eq!(of_domain("nimbletools.ai", false), "https://api.nimbletools.ai");
        assert_eq!(of_domain("corp.example", true), "http://api.corp.example");
        assert_eq!(of_domain("localhost:8080", false), "http://localhost:8080");
        assert_eq!(of_domain("127.0.0.1:1", false), "http://127.0.0.1:1");
        assert_eq!(of_domain("my.localhost", false), "http://my.localhost");
        assert_eq!(of_domain("mylocalhost:1", false), "https://api.mylocalhost:1");
        assert_eq!(
            of_domain("localhost.evil.example", false),
            "https://api.localhost.evil.example"
        );
    }

    #[test]
    fn what_is_no_domain() {
        for good in ["a.b", "localhost", "127.0.0.1:80", "[::1]:80", "[::1]"] {
            assert!(check_domain(good).is_ok(), "{good}");
        }
        for bad in
            ["", "https://a.b", "a b", "a.b/c", "a..b", "a.b:0", "a.b:x", "u@a.b", "[::x]", "a\n"]
        {
            assert!(check_domain(bad).is_err(), "{bad}");
        }
        assert!(check_domain(&"x".repeat(63)).is_ok() && check_domain(&"x".repeat(64)).is_err());
    }

    #[test]
    fn the_provider_is_a_host() {
        let of = |text: &str| oauth(&Env::new([("CLERK_OAUTH_DOMAIN".into(), text.into())]));
        assert_eq!(oauth(&Env::new([])).unwrap(), DEFAULT_OAUTH);
        for (given, url) in [
            ("clerk.example.com", "https://clerk.example.com"),
            ("https://clerk.example.com/", "https://clerk.example.com"),
            ("http://127.0.0.1:80", "http://127.0.0.1:80"),
            ("http://localhost:80/", "http://localhost:80"),
        ] {
            assert_eq!(of(given).unwrap(), url);
        }
        for bad in
            ["http://clerk.example.com", "ftp://localhost", "a.b/c", "u@a.b", "https://", "a b"]
        {
            assert!(of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn base_urls() {
        let base_url = |url: &str| base_url(&Env::new([("X".into(), url.into())]), "X");
        assert_eq!(base_url("http://127.0.0.1:80/").unwrap().unwrap(), "http://127.0.0.1:80");
        for bad in [
            "ftp://a",
            "a.b",
            "https://",
            "https:///x",
            "https://u:p@h",
            "https://a?b",
            "http://a b",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }
}
