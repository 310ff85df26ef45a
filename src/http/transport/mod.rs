//! What plugs into ureq: the agents, and the connectors and transports they are made of.

pub(in crate::http) mod agent;
mod forward;
mod resolve;
pub(in crate::http) mod send_tracker;
pub(in crate::http) mod tls;
