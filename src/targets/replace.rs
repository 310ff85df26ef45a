//! A token in a text file of whatever format, replaced where it stands.

use std::cmp::Reverse;
use std::ops::Range;

/// More than any configuration file takes.
const LIMIT: usize = 16 << 20;
/// What is shorter could be a word of the file.
const SHORTEST: usize = 16;

const NEITHER: &str = "it holds neither the old token nor the new one; put the current one in once \
                       by hand: ntcli token print";

/// The text with `new` wherever one of `old` stood, every other byte as it is. One that holds `new` and none
/// of them is as it should be.
///
/// # Errors
/// Says why the file cannot be meant, or that it holds neither.
pub(super) fn swap(text: &[u8], old: &[&str], new: &str) -> std::result::Result<Vec<u8>, String> {
    if text.len() > LIMIT {
        return Err("it is larger than 16 MiB".to_owned());
    }
    if text.contains(&0) {
        return Err("it contains a NUL, so it is not a text file".to_owned());
    }
    let mut found = Vec::new();
    for token in old.iter().chain([&new]) {
        // What a URL takes unescaped, every other format does.
        if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)) {
            return Err("the token holds characters that some format would need escaped".to_owned());
        }
        if token.len() < SHORTEST {
            return Err(format!("the token is too short to be told from other text ({SHORTEST})"));
        }
        if *token != new {
            found.extend(find(text, token)?.into_iter().map(|at| at..at + token.len()));
        }
    }
    if found.is_empty() && find(text, new)?.is_empty() {
        return Err(NEITHER.to_owned());
    }
    // The longest first where several begin; what stands within another one is replaced with it.
    found.sort_unstable_by_key(|place| (place.start, Reverse(place.end)));
    let mut done = 0;
    found.retain(|place| {
        let is_apart = place.start >= done;
        done = done.max(place.end);
        is_apart
    });
    Ok(put_at(text, &found, new))
}

/// The text with `new` at these places, in their order.
pub(super) fn put_at(text: &[u8], places: &[Range<usize>], new: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + places.len() * new.len());
    let mut done = 0;
    for place in places {
        bytes.extend_from_slice(&text[done..place.start]);
        bytes.extend_from_slice(new.as_bytes());
        done = place.end;
    }
    bytes.extend_from_slice(&text[done..]);
    bytes
}

/// Where a token stands. None may be left out: what reads it there would be left with a dead one.
///
/// # Errors
/// Whether it is a part of a longer text cannot be told.
fn find(text: &[u8], token: &str) -> std::result::Result<Vec<usize>, String> {
    let token = token.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    // The last byte of a token is looked for less often than every window is compared.
    while let Some(next) = text[at..].windows(token.len()).position(|part| part == token) {
        let (start, end) = (at + next, at + next + token.len());
        if !(starts_apart(&text[..start]) && ends_apart(&text[end..])) {
            let line = text[..start].split(|b| *b == b'\n').count();
            return Err(format!(
                "in line {line} the token seems to be a part of a longer text; put a blank or a \
                 quote between them"
            ));
        }
        found.push(start);
        at = end;
    }
    Ok(found)
}

/// Whether a token after this text is one of its own: an escape such as `%20`, `\n` or `\u0022` ends
/// before it, and no word.
fn starts_apart(before: &[u8]) -> bool {
    let ends_in_escape = |mark: &[u8], digits: usize| {
        let at = before.len().checked_sub(mark.len() + digits);
        let escape = at.and_then(|at| before[at..].strip_prefix(mark));
        escape.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    };
    match before {
        [.., b'\\', b'n' | b'r' | b't'] | [] | [b'.'] => true,
        _ if ends_in_escape(b"%", 2) || ends_in_escape(b"\\u", 4) => true,
        [.., other, b'.'] => !is_word(*other),
        [.., last] => !is_word(*last),
    }
}

fn ends_apart(after: &[u8]) -> bool {
    match after {
        [b'.', next, ..] | [next, ..] => !is_word(*next),
        [] => true,
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-_~".contains(&b)
}

/// What in the text could be a token.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = &str> {
    let mut next = 0;
    let words = text.split(|b| !(is_word(*b) || *b == b'.')).flat_map(move |word| {
        let start = next;
        next += word.len() + 1;
        // A dot, or the end of an escape, may stand before it: `n`, `20` or `u0022`.
        let starts = [0, 1, 2, 5].into_iter().filter(|n| *n < word.len());
        let starts = starts.filter(move |n| starts_apart(&text[..start + n]));
        starts.filter_map(|n| std::str::from_utf8(word.get(n..)?).ok())
    });
    words.map(|word| word.trim_end_matches('.')).filter(|word| word.len() >= SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "eyJhbGciOiJI.eyJqdGkiOiJqdGlfMSJ9.c2ln";
    const NEW: &str = "eyJhbGciOiJI.eyJqdGkiOiJqdGlfMiJ9.c2lnbmF0dXJl";

    fn swapped(text: &str) -> Option<String> {
        let swapped = swap(text.as_bytes(), &[OLD], NEW).ok()?;
        Some(String::from_utf8(swapped).unwrap())
    }

    /// No server makes such tokens but one that means harm: each place is replaced once all the same.
    #[test]
    fn a_token_within_another_one_is_no_place_of_its_own() {
        let (inner, outer) = ("abcdefghijklmnop", "aaaaaaaaaaaaaaaa..abcdefghijklmnop");
        let text = format!("A={outer}\nB={inner}\n");
        let swapped = swap(text.as_bytes(), &[inner, outer], NEW).unwrap();
        assert_eq!(String::from_utf8(swapped).unwrap(), format!("A={NEW}\nB={NEW}\n"));
    }

    #[test]
    fn only_the_token_is_replaced() {
        for text in [
            "{\"args\": [\"--token\", \"OLD\"]}",
            "token: OLD\n",
            "TOKEN='OLD'\r\nA=1",
            "machine api login x password OLD\nmachine b password OLD",
            "curl -H \"Authorization: Bearer OLD\" https://x/?t=OLD&u=1",
            "OLD",
            "OLD OLD\nOLD,OLD",
            "This is OLD.",
            "https://user:OLD@host/",
            "{\"env\": \"A=1\\nT=OLD\\n\", \"b\": \"x\\nOLD\\u0022\\u0022OLD\\tOLD\\r\\nOLD\"}",
            "https://host/?q=Bearer%20OLD%26x OLD",
        ] {
            let (before, after) = (text.replace("OLD", OLD), text.replace("OLD", NEW));
            assert_eq!(swapped(&before), Some(after.clone()));
            assert_eq!(swapped(&after), Some(after), "once more changes nothing");
        }
    }

    #[test]
    fn what_cannot_be_replaced() {
        assert_eq!(swapped(""), None);
        assert_eq!(swapped("nothing"), None);
        for longer in ["OLDx", "xOLD", "OLD.x", "x.OLD", "-pOLD", "%2OLD", "\\u002OLD", "OLDOLD"] {
            let longer = longer.replace("OLD", OLD);
            assert_eq!(swapped(&longer), None, "{longer}");
            // One that would be left as it is spoils the others.
            let beside = swap(format!("{OLD}\n{longer}").as_bytes(), &[OLD], NEW);
            assert!(beside.unwrap_err().starts_with("in line 2 "), "{longer}");
        }
        assert!(swap(b"a\0", &[OLD], NEW).is_err());
        assert!(swap(&vec![b'a'; LIMIT + 1], &[OLD], NEW).is_err());
        for bad in [
            "short",
            "with a blank in the middle",
            "slash/slash/slash/slash",
            "quote\"quote\"quote\"",
        ] {
            assert!(swap(format!("{bad} {OLD}").as_bytes(), &[OLD], bad).is_err(), "{bad}");
            assert!(swap(bad.as_bytes(), &[bad], NEW).is_err(), "{bad}");
        }
        // One that holds both was interrupted by nobody of ours: the old one is replaced.
        let both = format!("{OLD} {NEW}");
        assert_eq!(swapped(&both), Some(format!("{NEW} {NEW}")));
    }

    #[test]
    fn fuzz_files_with_tokens() {
        let text = format!("{{\"t\": \"{OLD}\", \"u\": \"x\\n{OLD}\"}}\n# {OLD}\nNEW={NEW}\n");
        let seeds: [&[u8]; 3] = [text.as_bytes(), OLD.as_bytes(), b"\xff\xfe\n"];
        crate::fuzz::bytes(&seeds, |text| {
            let Ok(new) = swap(text, &[OLD], NEW) else {
                return;
            };
            // The difference is the token alone: put back, every byte is what it was.
            if find(text, NEW).is_ok_and(|found| found.is_empty()) {
                assert_eq!(swap(&new, &[NEW], OLD).unwrap(), text);
            }
            assert_eq!(find(&new, OLD), Ok(Vec::new()));
            if find(text, NEW).is_ok() {
                assert_eq!(swap(&new, &[OLD], NEW).unwrap(), new);
            }
        });
    }
}
