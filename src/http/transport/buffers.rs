//! ureq's buffers, as large as what is read.

use ureq::unversioned::transport::Buffers;

/// Room for a whole request head, the longest URL and bearer included: ureq needs it in one piece.
const OUTPUT: usize = 16 * 1024;
/// Enough for the answers of the API.
const SMALLEST_INPUT: usize = 4 * 1024;
/// Long answers are read in pieces of this size.
const LARGEST_INPUT: usize = 64 * 1024;

/// The bytes that go out, and those that came in and are not used yet.
#[derive(Default)]
pub(super) struct GrowingBuffers {
    pub(super) output: Vec<u8>,
    input: Vec<u8>,
    consumed: usize,
    filled: usize,
    progress: bool,
}

impl GrowingBuffers {
    /// Makes room to read into: a buffer that the last read has filled doubles. It is larger than
    /// [`LARGEST_INPUT`] only while more than half of it waits to be used.
    fn make_room(&mut self) {
        let unused = self.consumed..self.filled;
        let (size, is_full) = (self.input.len(), self.filled == self.input.len());
        if is_full && (size < LARGEST_INPUT || unused.len() > size / 2) {
            let mut input = vec![0; (size * 2).max(SMALLEST_INPUT)];
            input[..unused.len()].copy_from_slice(&self.input[unused.clone()]);
            self.input = input;
        } else if is_full || unused.is_empty() {
            self.input.copy_within(unused.clone(), 0);
        } else {
            return;
        }
        (self.consumed, self.filled) = (0, unused.len());
    }
}

impl Buffers for GrowingBuffers {
    fn output(&mut self) -> &mut [u8] {
        if self.output.is_empty() {
            self.output = vec![0; OUTPUT];
        }
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.consumed..self.filled]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_room();
        &mut self.input[self.filled..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.filled += amount;
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.consumed += amount;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.output();
        (&mut self.input[self.filled..], &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.consumed < self.filled && self.progress
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
            for _ in 0..40 {
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
                assert!(buffers.input.len() <= (4 * most).max(LARGEST_INPUT), "{most}");
            }
        });
    }
}
