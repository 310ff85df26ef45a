//! Proxies, TLS, name look-up, answers.

pub(crate) mod answers;
pub(crate) mod client_certificates;
pub(crate) mod networks;
pub(crate) mod nginx;
pub(crate) mod proxies;
pub(crate) mod proxy;
pub(crate) mod tls;
