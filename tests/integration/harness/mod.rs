//! A world of one's own for the built program, and ways to run it there.

pub(crate) mod expected;
pub(crate) mod gate;
pub(crate) mod kill;
pub(crate) mod parallel;
#[allow(dead_code, reason = "it makes inputs for parsers too")]
#[path = "../../../src/fuzz/random.rs"]
pub(crate) mod random;
pub(crate) mod run;
pub(crate) mod strace;
pub(crate) mod world;
