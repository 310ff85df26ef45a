//! Proxies, TLS, name look-up.

pub(crate) mod networks;
pub(crate) mod proxies;
pub(crate) mod proxy;
pub(crate) mod tls;
