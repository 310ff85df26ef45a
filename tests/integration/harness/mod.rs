//! An isolated world for the built program, and ways to run it there.

pub(crate) mod disk;
pub(crate) mod expected;
pub(crate) mod gate;
pub(crate) mod hints;
pub(crate) mod journal;
pub(crate) mod kill;
pub(crate) mod parallel;
pub(crate) mod power_cut;
#[allow(dead_code, reason = "it makes inputs for parsers too")]
#[path = "../../../src/fuzz/random.rs"]
pub(crate) mod random;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod skip;
pub(crate) mod strace;
pub(crate) mod unsynced;
pub(crate) mod wait;
pub(crate) mod world;
