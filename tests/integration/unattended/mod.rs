//! Refreshes that nobody watches: many workspaces, delivery, grace.

pub(crate) mod all;
pub(crate) mod dry_run;
pub(crate) mod due;
pub(crate) mod grace;
pub(crate) mod hooks;
pub(crate) mod many;
pub(crate) mod rounds;
pub(crate) mod token_files;
