//! Sign-in, renewal, sign-out.

pub(crate) mod auth_faults;
pub(crate) mod browser;
pub(crate) mod callback;
pub(crate) mod login_stdin;
pub(crate) mod logout;
pub(crate) mod pasted;
pub(crate) mod rejected;
pub(crate) mod renewal;
pub(crate) mod servers;
pub(crate) mod session_files;
pub(crate) mod sign_in;
pub(crate) mod variables;
