//! The built program, over real sockets and real files.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod all;
mod auth;
mod auth_faults;
mod browser;
mod callback;
#[path = "../control_plane/certificates.rs"]
mod certificates;
#[path = "../control_plane/server.rs"]
mod control_plane;
mod damage;
mod dry_run;
mod due;
mod every_command;
mod fault_list;
mod faults;
mod folders;
mod formats;
mod grace;
mod harness;
mod history;
mod hooks;
mod inside;
mod interrupted;
mod killed;
mod kills;
mod local_faults;
mod logout;
mod lost;
mod many;
mod networks;
mod parallel;
#[path = "../control_plane/ports.rs"]
mod ports;
mod proxies;
mod proxy;
mod races;
mod refresh;
mod refused;
mod renewal;
mod revoke;
mod rounds;
mod run;
mod secrets;
mod settings;
mod shells;
mod strace;
mod streams;
mod tls;
#[path = "../control_plane/tls.rs"]
mod tls_front;
mod token_files;
mod tokens;
mod unattended_kills;
mod workspace_create;
mod workspace_gone;
mod workspaces;
