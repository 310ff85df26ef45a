//! Random numbers, and inputs made from them. The integration tests use this file too.

use std::hash::{BuildHasher, RandomState};

/// What parsers stumble over.
const ODD: &[&[u8]] = &[
    b"",
    b"\0",
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"{}",
    b"[]",
    b":",
    b",",
    b".",
    b"-",
    b"+",
    b"=",
    b"%",
    b"%00",
    b"%ff",
    b"@",
    b"/",
    b"//",
    b"?",
    b"#",
    b"*",
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e400",
    b"-0.0",
    b"9223372036854775808",
    b"18446744073709551616",
    b"99999999999999999999999999999999",
    b"\\u0000",
    b"\\ud800",
    b"\xff",
    b"\xc3\xa9",
    b"\xe2\x80\xae",
    b"\x1b[2J",
    b"\xf0\x9f\x98\x80",
    b"never",
    b"Z",
];
/// The longest input.
const LONGEST: usize = 16 * 1024;

/// An environment variable of the user who runs the tests.
pub(crate) fn number(name: &str) -> Option<u64> {
    #[allow(clippy::disallowed_methods)] // for the tests' user, not the program's
    let text = std::env::var_os(name)?;
    text.to_str()?.parse().ok()
}

/// Marsaglia's xorshift.
pub(crate) struct Random(u64);

impl Random {
    /// From `NTCLI_FUZZ_SEED`; else a fixed one, or with `NTCLI_FUZZ_SECS` a new one. The seed is
    /// printed, so that a failing test shows it.
    pub(crate) fn seeded() -> Self {
        let usual = || match number("NTCLI_FUZZ_SECS") {
            None => 0x9E37_79B9_7F4A_7C15,
            Some(_) => RandomState::new().hash_one(0),
        };
        let seed = number("NTCLI_FUZZ_SEED").unwrap_or_else(usual).max(1);
        #[allow(clippy::print_stderr)] // the test's output
        {
            eprintln!("NTCLI_FUZZ_SEED={seed}");
        }
        Random(seed)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % n.max(1)
    }

    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// One of the seeds with a few changes, or random bytes.
    pub(crate) fn mutant(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
        let mut input = self.pick(seeds).to_vec();
        if self.below(16) == 0 {
            input = (0..self.below(64)).map(|_| self.byte()).collect();
        }
        for _ in 0..self.below(5) {
            self.change(&mut input, seeds);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, seeds: &[&[u8]]) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(12)).min(input.len());
        match self.below(8) {
            0 => {
                input.drain(at..end);
            }
            1 => {
                input.splice(at..end, self.pick(ODD).iter().copied());
            }
            2 => {
                input.splice(at..at, self.pick(ODD).iter().copied());
            }
            3 => input.truncate(at),
            4 => {
                // Repetition: depth and length.
                let piece = input[at..end].repeat(self.below(200));
                input.splice(at..at, piece);
            }
            5 => {
                let other = self.pick(seeds);
                let from = self.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            6 if at < input.len() => input[at] ^= 1 << self.below(8),
            _ if at < input.len() => input[at] = self.byte(),
            _ => input.push(self.byte()),
        }
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap_or(0)
    }
}
