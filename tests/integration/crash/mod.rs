//! A kill, a full disk, another run, a damaged file: nothing is lost.

pub(crate) mod damage;
pub(crate) mod inside;
pub(crate) mod interrupted;
pub(crate) mod killed;
pub(crate) mod kills;
pub(crate) mod local_faults;
pub(crate) mod power;
pub(crate) mod races;
pub(crate) mod released;
pub(crate) mod shared_state;
pub(crate) mod signals;
pub(crate) mod unattended_kills;
