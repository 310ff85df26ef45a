//! A world of one's own for the built program, and ways to run it there.

pub(crate) mod parallel;
pub(crate) mod run;
pub(crate) mod strace;
pub(crate) mod world;
