//! SHA-256 (FIPS 180-4), for the PKCE challenge and for identifiers that look random.

use std::fmt::Write;

const ROUNDS: usize = 64;

/// The first 64 primes, whose roots are the algorithm's constants.
const PRIMES: [u128; ROUNDS] = primes();
/// Computed, not listed: a table of 64 magic numbers would have to be taken on trust.
const ROUND_CONSTANTS: [u32; ROUNDS] = cube_root_fractions();
const INITIAL: [u32; 8] = square_root_fractions();

pub(crate) fn digest(message: &[u8]) -> [u8; 32] {
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((message.len() as u64 * 8).to_be_bytes());

    let mut hash = INITIAL;
    for block in padded.as_chunks::<64>().0 {
        let compressed = compress(hash, block);
        for (sum, word) in hash.iter_mut().zip(compressed) {
            *sum = sum.wrapping_add(word);
        }
    }
    let mut bytes = [0; 32];
    for (out, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(hash) {
        *out = word.to_be_bytes();
    }
    bytes
}

/// The digest as 64 hexadecimal digits.
pub(crate) fn hex(message: &[u8]) -> String {
    let mut text = String::new();
    for byte in digest(message) {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}

#[expect(clippy::many_single_char_names, reason = "the standard's own names")]
fn compress(hash: [u32; 8], block: &[u8; 64]) -> [u32; 8] {
    let mut schedule = [0_u32; ROUNDS];
    for (word, bytes) in schedule.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    for t in 16..ROUNDS {
        let (near, far) = (schedule[t - 2], schedule[t - 15]);
        let small1 = near.rotate_right(17) ^ near.rotate_right(19) ^ (near >> 10);
        let small0 = far.rotate_right(7) ^ far.rotate_right(18) ^ (far >> 3);
        schedule[t] = small1
            .wrapping_add(schedule[t - 7])
            .wrapping_add(small0)
            .wrapping_add(schedule[t - 16]);
    }

    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = hash;
    for t in 0..ROUNDS {
        let big1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let first = h
            .wrapping_add(big1)
            .wrapping_add(choice)
            .wrapping_add(ROUND_CONSTANTS[t])
            .wrapping_add(schedule[t]);
        let big0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let second = big0.wrapping_add(majority);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
    }
    [a, b, c, d, e, f, g, h]
}

const fn primes() -> [u128; ROUNDS] {
    let mut found = [0; ROUNDS];
    let (mut count, mut candidate) = (0, 2);
    while count < ROUNDS {
        let mut divisor = 2;
        while candidate % divisor != 0 {
            divisor += 1;
        }
        if divisor == candidate {
            found[count] = candidate;
            count += 1;
        }
        candidate += 1;
    }
    found
}

/// The first 32 bits behind the point of the square roots of the first 8 primes.
const fn square_root_fractions() -> [u32; 8] {
    let mut fractions = [0; 8];
    let mut i = 0;
    while i < fractions.len() {
        fractions[i] = low_word((PRIMES[i] << 64).isqrt());
        i += 1;
    }
    fractions
}

/// The same of the cube roots of all of them, each found bit by bit.
const fn cube_root_fractions() -> [u32; ROUNDS] {
    let mut fractions = [0; ROUNDS];
    let mut i = 0;
    while i < ROUNDS {
        let (mut root, mut bit) = (0_u128, 1 << 36);
        while bit > 0 {
            let larger = root | bit;
            if larger * larger * larger <= PRIMES[i] << 96 {
                root = larger;
            }
            bit >>= 1;
        }
        fractions[i] = low_word(root);
        i += 1;
    }
    fractions
}

#[expect(clippy::cast_possible_truncation, reason = "the low word is wanted")]
const fn low_word(number: u128) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::hex;

    #[test]
    fn sha256_agrees_with_the_published_vectors() {
        let million = vec![b'a'; 1_000_000];
        let vectors: [(&[u8], &str); 4] = [
            (
                b"",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                b"abc",
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
            (
                &million,
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
            ),
        ];
        for (message, expected) in vectors {
            assert_eq!(hex(message), expected);
        }
    }
}
