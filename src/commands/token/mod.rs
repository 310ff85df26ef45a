//! `ntcli token …`

pub(super) mod create;
pub(super) mod exec;
pub(super) mod history;
pub(super) mod list;
pub(super) mod needs_refresh;
pub(crate) mod pending;
pub(super) mod print;
pub(super) mod refresh;
pub(super) mod revoke;
pub(super) mod rollback;
pub(super) mod show;
