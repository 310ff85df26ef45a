//! What plugs into ureq: the agents, the connectors and transports they are made of, and the calls
//! that send.

pub(in crate::http) mod agent;
pub(in crate::http) mod exchange;
pub(in crate::http) mod identity;
mod resolve;
mod secured;
pub(in crate::http) mod send_tracker;
pub(in crate::http) mod tls;
