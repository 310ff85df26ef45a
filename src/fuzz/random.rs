//! Numbers by chance, and inputs made by them. The integration tests use this file too.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

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
/// No input grows longer.
const LONGEST: usize = 16 * 1024;

/// Marsaglia's xorshift.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % n.max(1)
    }

    /// One of the seeds, changed in a few places, or nothing but chance.
    pub(crate) fn mutant(&mut self, seeds: &[&[u8]]) -> Vec<u8> {
        let mut input = seeds[self.below(seeds.len())].to_vec();
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
                let odd = ODD[self.below(ODD.len())];
                input.splice(at..end, odd.iter().copied());
            }
            2 => {
                let odd = ODD[self.below(ODD.len())];
                input.splice(at..at, odd.iter().copied());
            }
            3 => input.truncate(at),
            4 => {
                // The same again, and again: depth and length.
                let piece = input[at..end].repeat(self.below(200));
                input.splice(at..at, piece);
            }
            5 => {
                let other = seeds[self.below(seeds.len())];
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

/// Does `round` that many times, or for as long as `NTCLI_FUZZ_SECS` says.
pub(crate) fn rounds(usual: u32, mut round: impl FnMut(&mut Random)) {
    let number = |name| -> Option<u64> {
        #[allow(clippy::disallowed_methods)] // for the tests' user, not the program's
        let text = std::env::var_os(name)?;
        text.to_str()?.parse().ok()
    };
    let limit = number("NTCLI_FUZZ_SECS").map(Duration::from_secs);
    let fresh = || limit.map_or(0x9E37_79B9_7F4A_7C15, |_| RandomState::new().hash_one(0));
    let seed = number("NTCLI_FUZZ_SEED").unwrap_or_else(fresh).max(1);
    let told = Told(seed);
    let (mut random, started, mut done) = (Random(seed), Instant::now(), 0);
    while limit.map_or(done < usual, |limit| started.elapsed() < limit) {
        round(&mut random);
        done += 1;
    }
    drop(told);
}

/// Tells the seed when a round panics.
struct Told(u64);

impl Drop for Told {
    #[allow(clippy::print_stderr)] // a test that fails
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to do it again: NTCLI_FUZZ_SEED={}", self.0);
        }
    }
}
