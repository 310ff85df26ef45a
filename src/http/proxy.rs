//! Which proxy a URL goes through, as curl reads the environment (curl(1), "ENVIRONMENT").

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;

use crate::context::Env;
use crate::secret::Secret;

use super::no_proxy::{is_loopback, listed};
use super::target::Target;

/// curl's default port of a proxy.
const DEFAULT_PORT: u16 = 1080;

/// The proxies that the environment names, not yet parsed: an unused one may be invalid.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProxySettings {
    /// For https: `https_proxy`, `HTTPS_PROXY`, `all_proxy` or `ALL_PROXY`, the first that is set, and its
    /// value, which may hold a password.
    pub https: Option<(&'static str, Secret)>,
    /// Hosts that bypass the proxy: `no_proxy` or `NO_PROXY`.
    pub no_proxy: Option<String>,
}

/// A proxy to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// The variable that named it.
    pub(crate) variable: &'static str,
    /// Where to connect to; https if the connection to the proxy itself is TLS.
    pub(crate) place: Target,
    /// `user:password`.
    login: Option<Secret>,
}

/// The way to a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Route {
    pub(crate) target: Target,
    /// The proxy before it.
    pub(crate) proxy: Option<Proxy>,
}

impl Route {
    /// Where to connect to: with a proxy, only the proxy connects to the server.
    pub(crate) fn first(&self) -> &Target {
        self.proxy.as_ref().map_or(&self.target, |proxy| &proxy.place)
    }
}

impl ProxySettings {
    pub(super) fn from_env(env: &Env) -> Self {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|&name| Some((name, Secret::new(env.text(name)?))))
        };
        Self {
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            no_proxy: env.text("no_proxy").or_else(|| env.text("NO_PROXY")),
        }
    }

    /// The proxy for this target, which is none for plain http; the error names the invalid variable.
    pub(super) fn choose(&self, target: &Target) -> Result<Option<Proxy>, String> {
        let Some((variable, value)) = self.https.as_ref().filter(|_| target.secure) else {
            return Ok(None);
        };
        let direct = is_loopback(&target.host)
            || self.no_proxy.as_deref().is_some_and(|list| listed(list, &target.host, target.port));
        if direct {
            return Ok(None);
        }
        Proxy::parse(variable, value).map(Some)
    }
}

impl Proxy {
    fn parse(variable: &'static str, value: &Secret) -> Result<Self, String> {
        let bad = |why: &str| format!("the proxy that {variable} names cannot be used: {why}");
        let text = value.expose().trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(bad("only http:// and https:// proxies are supported"));
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (login, named) = authority.rsplit_once('@').unwrap_or(("", authority));
        let login = percent_decode_str(login).decode_utf8();
        let login = login.map_err(|_| bad("its user or password is not UTF-8"))?;
        let place = |place: &str| Target::parse(&format!("{scheme}://{place}/"));
        let wrong = |_| bad("it names no host, or its port is no number");
        let mut found = place(named).map_err(wrong)?;
        if found.uri.port_u16().is_none() && !found.secure {
            found = place(&format!("{named}:{DEFAULT_PORT}")).map_err(wrong)?;
        }
        let login = (!login.is_empty()).then(|| Secret::new(login));
        Ok(Self { variable, place: found, login })
    }

    /// The secrets that it receives and may echo.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let password = self.login.as_ref().and_then(|login| login.expose().split_once(':'));
        let login = self.authorization();
        let login = login.and_then(|line| Some(Secret::new(line.expose().strip_prefix("Basic ")?)));
        password.map(|(_, password)| Secret::new(password)).into_iter().chain(login).collect()
    }

    /// The value of `Proxy-Authorization`.
    pub(super) fn authorization(&self) -> Option<Secret> {
        let login = self.login.as_ref()?.expose();
        let end = if login.contains(':') { "" } else { ":" };
        Some(Secret::new(format!("Basic {}", BASE64_STANDARD.encode(format!("{login}{end}")))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(vars: &[(&str, &str)], url: &str) -> Result<Option<Proxy>, String> {
        let env = Env::new(vars.iter().map(|(k, v)| (k.into(), v.into())));
        ProxySettings::from_env(&env).choose(&Target::parse(url).unwrap())
    }

    #[test]
    fn chosen_by_scheme_and_case() {
        let all = [
            ("https_proxy", "http://lower:1"),
            ("HTTPS_PROXY", "http://upper:2"),
            ("http_proxy", "plain:3"),
            ("HTTP_PROXY", "cgi:4"),
            ("all_proxy", "all:5"),
            ("ALL_PROXY", "ALL:6"),
        ];
        for (from, url, wanted) in [
            (0, "https://a.b/", Some("lower:1")),
            (1, "https://a.b/", Some("upper:2")),
            (2, "https://a.b/", Some("all:5")),
            (5, "https://a.b/", Some("all:6")),
            (6, "https://a.b/", None),
            (0, "http://a.b/", None),
            (0, "http://localhost:1/", None),
            (0, "http://127.8.9.1/", None),
            (0, "https://[::1]/", None),
        ] {
            let chosen = choose(&all[from..], url).unwrap();
            assert_eq!(chosen.map(|p| p.place.address()).as_deref(), wanted, "{url}");
        }
    }

    #[test]
    fn no_proxy_goes_before_a_proxy_that_is_wrong() {
        let vars = [("https_proxy", "socks5://x"), ("NO_PROXY", "b")];
        assert_eq!(choose(&vars, "https://a.b/"), Ok(None));
        assert!(choose(&vars, "https://a.c/").unwrap_err().contains("https_proxy"));
    }

    #[test]
    fn taken_apart() {
        for (text, address, secure, login) in [
            ("p", "p:1080", false, None),
            ("https://P/", "p:443", true, None),
            ("http://u:p%40s@[::1]:3128/x", "[::1]:3128", false, Some("u:p@s")),
            ("u@h:1", "h:1", false, Some("u:")),
        ] {
            let proxy = choose(&[("all_proxy", text)], "https://a.b/").unwrap().unwrap();
            assert_eq!((proxy.place.address().as_str(), proxy.place.secure), (address, secure));
            let wanted = login.map(|l| format!("Basic {}", BASE64_STANDARD.encode(l)));
            let sent = proxy.authorization().map(|s| s.expose().to_owned());
            assert_eq!(sent, wanted);
            assert!(!format!("{proxy:?}").contains("p@s"));
        }
    }

    #[test]
    fn refused_by_name_without_the_password() {
        for bad in [
            "socks5h://u:hush@h:1",
            "ftp://u:hush@h",
            "http://u:hush@",
            "http://u:hush@h:x",
            "http://u:hush@a b:1",
            "http://u%ff:hush@h:1",
            "http://u:hush:1",
            "://hush",
        ] {
            let error = choose(&[("ALL_PROXY", bad)], "https://a.b/").unwrap_err();
            assert!(error.contains("ALL_PROXY"), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
