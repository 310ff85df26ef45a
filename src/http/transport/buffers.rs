//! ureq's buffers, as large as what is read: its own ones clear 80 KB of theirs byte by byte.

use std::mem::take;
use std::ops::Range;

use ureq::unversioned::transport::Buffers;

/// Room for a whole request head, the longest URL and bearer included: ureq needs it in one piece.
const OUTPUT: usize = 16 * 1024;
/// Enough for the answers of the API; long ones are read in pieces of this size.
const SMALLEST_INPUT: usize = 16 * 1024;

/// The bytes that go out, and those that came in.
#[derive(Default)]
pub(super) struct GrowingBuffers {
    pub(super) output: Vec<u8>,
    input: Vec<u8>,
    /// What of the input is not used yet.
    unused: Range<usize>,
    progress: bool,
}

impl Buffers for GrowingBuffers {
    fn output(&mut self) -> &mut [u8] {
        if self.output.is_empty() {
            self.output = vec![0; OUTPUT];
        }
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.unused.clone()]
    }

    /// Makes room to read into: what waits to be used leaves half of the buffer free.
    fn input_append_buf(&mut self) -> &mut [u8] {
        let unused = take(&mut self.unused);
        self.unused.end = unused.len();
        if unused.len() >= self.input.len() / 2 {
            let mut larger = vec![0; SMALLEST_INPUT.max(2 * self.input.len())];
            larger[..unused.len()].copy_from_slice(&self.input[unused]);
            self.input = larger;
        } else {
            self.input.copy_within(unused, 0);
        }
        &mut self.input[self.unused.end..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.unused.end += amount;
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.unused.start += amount;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.output();
        (&mut self.input[self.unused.end..], &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        !self.unused.is_empty() && self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz;

    /// What was read comes out again, in whatever portions, and the buffer grows only as needed.
    #[test]
    fn nothing_is_lost() {
        fuzz::rounds(200, |random| {
            let mut buffers = GrowingBuffers::default();
            let (mut written, mut read, mut most) = (0_u8, 0_u8, 0);
            for _ in 0..12 {
                let room = buffers.input_append_buf();
                assert!(!room.is_empty());
                let amount = if random.below(3) == 0 { room.len() } else { room.len().min(7) };
                for byte in &mut room[..amount] {
                    *byte = written;
                    written = written.wrapping_add(1);
                }
                buffers.input_appended(amount);
                most = most.max(buffers.input().len());
                let used = if random.below(2) == 0 { buffers.input().len() } else { 3 };
                let used = used.min(buffers.input().len());
                for byte in &buffers.input()[..used] {
                    assert_eq!(*byte, read);
                    read = read.wrapping_add(1);
                }
                buffers.input_consume(used);
                assert!(buffers.input.len() <= (4 * most).max(SMALLEST_INPUT), "{most}");
            }
        });
    }
}
