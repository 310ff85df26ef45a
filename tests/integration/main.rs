//! The built program, over real sockets and real files.
//!
//! A test is a function in the folder of its subject:
//!
//! ```ignore
//! let (world, workspace) = World::ready(); // a config folder and a control plane of its own
//! world.plane.fault(Route::TokenCreate, Times::Once, Fault::CloseAfter);
//! world.refresh(&[]).exits(10).says("Hint: ntcli token refresh");
//! world.assert_one_live_token(&workspace);
//! ```
//!
//! `world.plane.configure` makes the server another one, `harness::kill` kills the program at any
//! point, `harness::gate` holds a request back, `harness::expected` compares whole outputs with files
//! (`BLESS=1` writes them), `parallel::for_each` takes many cases. `NTCLI_TEST_PROGRAM` names another
//! build of the program to run. A fault that does not happen fails the test, and so does a secret in
//! any output.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod auth;
#[path = "../control_plane/certificates.rs"]
mod certificates;
mod cli;
#[path = "../control_plane/server.rs"]
mod control_plane;
mod crash;
mod engines;
mod faults;
mod harness;
mod monitoring;
mod network;
#[path = "../control_plane/ports.rs"]
mod ports;
mod targets;
#[path = "../control_plane/tls.rs"]
mod tls_front;
mod tokens;
mod unattended;
mod workspaces;
