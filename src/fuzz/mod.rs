//! Random and hostile inputs for the parsers of external data.
//!
//! `cargo test` tries some thousand of each kind, always the same ones. With `NTCLI_FUZZ_SECS=60`
//! each kind is tried for that long, with a new seed every time; `NTCLI_FUZZ_SEED=N` repeats such a
//! run.

mod parsers;
mod random;

use std::time::{Duration, Instant};

pub(crate) use random::Random;

/// Whether `NTCLI_SIMULATE=1` asks for the exhaustive search.
pub(crate) fn is_exhaustive() -> bool {
    random::number("NTCLI_SIMULATE") == Some(1)
}

/// How many inputs each kind gets in a usual run.
const USUAL: u32 = 5_000;

/// Does `round` that many times, or for as long as `NTCLI_FUZZ_SECS` says.
pub(crate) fn rounds(usual: u32, mut round: impl FnMut(&mut Random)) {
    let limit = random::number("NTCLI_FUZZ_SECS").map(Duration::from_secs);
    let (mut random, started, mut done) = (Random::seeded(), Instant::now(), 0);
    while limit.map_or(done < usual, |limit| started.elapsed() < limit) {
        round(&mut random);
        done += 1;
    }
}

/// Runs `check` on inputs made from `seeds`. A failing input is printed, with how to repeat it.
pub(crate) fn bytes(seeds: &[&[u8]], check: impl Fn(&[u8])) {
    rounds(USUAL, |random| {
        let input = random.mutant(seeds);
        let shown = Shown(&input);
        check(shown.0);
    });
}

/// The same with text.
pub(crate) fn text(seeds: &[&str], check: impl Fn(&str)) {
    let seeds: Vec<&[u8]> = seeds.iter().map(|seed| seed.as_bytes()).collect();
    bytes(&seeds, |input| check(&String::from_utf8_lossy(input)));
}

/// Prints the input when the check of it panics.
struct Shown<'a>(&'a [u8]);

impl Drop for Shown<'_> {
    #[allow(clippy::print_stderr)] // a test that fails
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input was: b\"{}\"", self.0.escape_ascii());
        }
    }
}
