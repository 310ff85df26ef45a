//! What plugs into ureq: its agent, the connections that it uses, and the calls that send.

pub(in crate::http) mod agent;
mod buffers;
mod connection;
pub(in crate::http) mod exchange;
mod resolve;
pub(in crate::http) mod socket;
pub(in crate::http) mod tls;
mod tunnel;
pub(in crate::http) mod under_way;
pub(in crate::http) mod verify;
