//! What plugs into ureq: the agents, the connections that they use, and the calls that send.

pub(in crate::http) mod agent;
mod buffers;
mod connection;
pub(in crate::http) mod exchange;
mod resolve;
pub(in crate::http) mod send_tracker;
pub(in crate::http) mod socket;
pub(in crate::http) mod tls;
mod tunnel;
pub(in crate::http) mod verify;
