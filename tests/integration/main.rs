//! The built program, over real sockets and real files.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod auth;
#[path = "../control_plane/certificates.rs"]
mod certificates;
mod cli;
#[path = "../control_plane/server.rs"]
mod control_plane;
mod crash;
mod faults;
mod harness;
mod network;
#[path = "../control_plane/ports.rs"]
mod ports;
#[path = "../control_plane/tls.rs"]
mod tls_front;
mod tokens;
mod unattended;
mod workspaces;
