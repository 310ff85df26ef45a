//! How many columns of a terminal a text takes.

/// Characters that take no column of their own: marks on the one before, and joiners.
const NONE: &[(u32, u32)] = &[
    (0x300, 0x36f),
    (0x483, 0x489),
    (0x591, 0x5bd),
    (0x5bf, 0x5c7),
    (0x610, 0x61a),
    (0x64b, 0x65f),
    (0x670, 0x670),
    (0x6d6, 0x6dc),
    (0x6df, 0x6e4),
    (0x6e7, 0x6e8),
    (0x6ea, 0x6ed),
    (0x730, 0x74a),
    (0x900, 0x902),
    (0x93a, 0x93a),
    (0x93c, 0x93c),
    (0x941, 0x948),
    (0x94d, 0x94d),
    (0x951, 0x957),
    (0xe31, 0xe31),
    (0xe34, 0xe3a),
    (0xe47, 0xe4e),
    (0x1160, 0x11ff), // the later parts of a Hangul syllable
    (0x1ab0, 0x1aff),
    (0x1dc0, 0x1dff),
    (0x200b, 0x200d),
    (0x2060, 0x2064),
    (0x20d0, 0x20f0),
    (0x302a, 0x302d),
    (0x3099, 0x309a),
    (0xfe00, 0xfe0f),
    (0xfe20, 0xfe2f),
    (0xfeff, 0xfeff),
    (0x1f3fb, 0x1f3ff), // skin tones
    (0xe0001, 0xe01ef),
];

/// Characters that take two columns: East Asian ones and emoji.
const TWO: &[(u32, u32)] = &[
    (0x1100, 0x115f),
    (0x231a, 0x231b),
    (0x2329, 0x232a),
    (0x23e9, 0x23ec),
    (0x23f0, 0x23f0),
    (0x23f3, 0x23f3),
    (0x25fd, 0x25fe),
    (0x2614, 0x2615),
    (0x2648, 0x2653),
    (0x267f, 0x267f),
    (0x2693, 0x2693),
    (0x26a1, 0x26a1),
    (0x26aa, 0x26ab),
    (0x26bd, 0x26be),
    (0x26c4, 0x26c5),
    (0x26ce, 0x26ce),
    (0x26d4, 0x26d4),
    (0x26ea, 0x26ea),
    (0x26f2, 0x26f3),
    (0x26f5, 0x26f5),
    (0x26fa, 0x26fa),
    (0x26fd, 0x26fd),
    (0x2705, 0x2705),
    (0x270a, 0x270b),
    (0x2728, 0x2728),
    (0x274c, 0x274c),
    (0x274e, 0x274e),
    (0x2753, 0x2755),
    (0x2757, 0x2757),
    (0x2795, 0x2797),
    (0x27b0, 0x27b0),
    (0x27bf, 0x27bf),
    (0x2b1b, 0x2b1c),
    (0x2b50, 0x2b50),
    (0x2b55, 0x2b55),
    (0x2e80, 0x303e),
    (0x3041, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe10, 0xfe19),
    (0xfe30, 0xfe6f),
    (0xff01, 0xff60),
    (0xffe0, 0xffe6),
    (0x16fe0, 0x18d08),
    (0x1aff0, 0x1b2ff),
    (0x1f004, 0x1f004),
    (0x1f0cf, 0x1f0cf),
    (0x1f18e, 0x1f18e),
    (0x1f191, 0x1f19a),
    (0x1f200, 0x1f320),
    (0x1f32d, 0x1f64f),
    (0x1f680, 0x1f6ff),
    (0x1f7e0, 0x1f7eb),
    (0x1f90c, 0x1f9ff),
    (0x1fa70, 0x1faff),
    (0x20000, 0x3fffd),
];

const JOINER: char = '\u{200d}';
/// Asks for the character before it as a picture, which is two wide.
const AS_PICTURE: char = '\u{fe0f}';

/// How many columns `text`, which holds no control characters, takes.
pub(super) fn width(text: &str) -> usize {
    let mut columns = 0;
    let mut before = None;
    for c in text.chars() {
        columns += match (before, c) {
            // What is joined is drawn as one picture.
            (Some((JOINER, _)), _) => 0,
            (Some((_, 1)), AS_PICTURE) => 1,
            _ => of(c),
        };
        before = Some((c, of(c)));
    }
    columns
}

fn of(c: char) -> usize {
    let code = u32::from(c);
    if code < 0x300 {
        1 // nearly all there is, without a search
    } else if among(NONE, code) {
        0
    } else if among(TWO, code) {
        2
    } else {
        1
    }
}

fn among(ranges: &[(u32, u32)], code: u32) -> bool {
    let after = ranges.partition_point(|(_, last)| *last < code);
    ranges.get(after).is_some_and(|(first, _)| *first <= code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_in_order() {
        for ranges in [NONE, TWO] {
            assert!(ranges.iter().all(|(first, last)| first <= last));
            assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }

    #[test]
    fn widths() {
        for (text, columns) in [
            ("", 0),
            ("prod-1", 6),
            ("naïve", 5),
            ("e\u{301}", 1),
            ("生产", 4),
            ("한국", 4),
            ("ﾊﾝ", 2),
            ("Ａ", 2),
            ("✓", 1),
            ("🚀", 2),
            ("❤\u{fe0f}", 2),
            ("👍🏽", 2),
            ("👩\u{200d}🚀", 2),
            ("ไทย", 3),
        ] {
            assert_eq!(width(text), columns, "{text}");
        }
    }
}
