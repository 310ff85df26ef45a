//! Proxies, TLS, name look-up, answers.

pub(crate) mod answers;
pub(crate) mod networks;
pub(crate) mod proxies;
pub(crate) mod proxy;
pub(crate) mod tls;
