//! Unattended refreshes: many workspaces, delivery, grace.

pub(crate) mod all;
mod both_clients;
pub(crate) mod dry_run;
pub(crate) mod due;
pub(crate) mod grace;
pub(crate) mod hooks;
pub(crate) mod many;
pub(crate) mod refused_targets;
pub(crate) mod renew;
mod restored;
mod rounds;
pub(crate) mod shared_files;
pub(crate) mod token_files;
mod told;
mod two_machines;
mod two_servers;
mod year;
