//! A token in a text file of whatever format, replaced where it stands.

/// More than any configuration file takes.
const LIMIT: usize = 16 << 20;
/// What is shorter could be a word of the file.
const SHORTEST: usize = 16;

const NEITHER: &str = "it holds neither the old token nor the new one; put the current one in once \
                       by hand: ntcli token print";

/// The text with `new` wherever `old` stood, every other byte as it is. One that holds `new` and not
/// `old` is as it should be.
///
/// # Errors
/// Says why the file cannot be meant, or that it holds neither.
pub(super) fn swap(
    text: &[u8],
    old: Option<&str>,
    new: &str,
) -> std::result::Result<Vec<u8>, String> {
    if text.len() > LIMIT {
        return Err("it is larger than 16 MiB".to_owned());
    }
    if text.contains(&0) {
        return Err("it holds a NUL, so it is no text file".to_owned());
    }
    for token in old.into_iter().chain([new]) {
        // What a URL takes unescaped, every other format does.
        if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b)) {
            return Err("the token holds characters that some format would need escaped".to_owned());
        }
        if token.len() < SHORTEST {
            return Err(format!("the token is too short to be told from other text ({SHORTEST})"));
        }
    }
    let found = old.map_or_else(Vec::new, |old| find(text, old));
    let Some(old) = old.filter(|old| !found.is_empty() && *old != new) else {
        if find(text, new).is_empty() {
            return Err(NEITHER.to_owned());
        }
        return Ok(text.to_vec());
    };
    let mut swapped = Vec::with_capacity(text.len() + found.len() * new.len());
    let mut done = 0;
    for at in found {
        swapped.extend_from_slice(&text[done..at]);
        swapped.extend_from_slice(new.as_bytes());
        done = at + old.len();
    }
    swapped.extend_from_slice(&text[done..]);
    Ok(swapped)
}

/// Where a token stands, and not a longer one that begins or ends like it.
fn find(text: &[u8], token: &str) -> Vec<usize> {
    let token = token.as_bytes();
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || b"-_~".contains(b);
    let mut found = Vec::new();
    let mut at = 0;
    // The last byte of a token is looked for less often than every window is compared.
    while let Some(next) = text[at..].windows(token.len()).position(|part| part == token) {
        let (start, end) = (at + next, at + next + token.len());
        let mut before = text[..start].iter().rev();
        let mut after = text[end..].iter();
        let goes_on = |first: Option<&u8>, second: Option<&u8>| match first {
            Some(b'.') => second.is_some_and(is_word),
            first => first.is_some_and(is_word),
        };
        if !(goes_on(before.next(), before.next()) || goes_on(after.next(), after.next())) {
            found.push(start);
        }
        at = end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "eyJhbGciOiJI.eyJqdGkiOiJqdGlfMSJ9.c2ln";
    const NEW: &str = "eyJhbGciOiJI.eyJqdGkiOiJqdGlfMiJ9.c2lnbmF0dXJl";

    fn swapped(text: &str) -> Option<String> {
        let swapped = swap(text.as_bytes(), Some(OLD), NEW).ok()?;
        Some(String::from_utf8(swapped).unwrap())
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
        for longer in [format!("{OLD}x"), format!("x{OLD}"), format!("{OLD}.x"), format!("x.{OLD}")]
        {
            assert_eq!(swapped(&longer), None, "{longer}");
        }
        assert!(swap(b"a\0", Some(OLD), NEW).is_err());
        assert!(swap(&vec![b'a'; LIMIT + 1], Some(OLD), NEW).is_err());
        for bad in [
            "short",
            "with a blank in the middle",
            "slash/slash/slash/slash",
            "quote\"quote\"quote\"",
        ] {
            assert!(swap(format!("{bad} {OLD}").as_bytes(), Some(OLD), bad).is_err(), "{bad}");
            assert!(swap(bad.as_bytes(), Some(bad), NEW).is_err(), "{bad}");
        }
        // One that holds both was interrupted by nobody of ours: the old one is replaced.
        let both = format!("{OLD} {NEW}");
        assert_eq!(swapped(&both), Some(format!("{NEW} {NEW}")));
    }

    #[test]
    fn fuzz_files_with_tokens() {
        let text = format!("{{\"t\": \"{OLD}\", \"u\": \"x{OLD}\"}}\n# {OLD}\nNEW={NEW}\n");
        let seeds: [&[u8]; 3] = [text.as_bytes(), OLD.as_bytes(), b"\xff\xfe\n"];
        crate::fuzz::bytes(&seeds, |text| {
            let Ok(new) = swap(text, Some(OLD), NEW) else {
                return;
            };
            // The difference is the token alone: put back, every byte is what it was.
            let ours = find(text, NEW).is_empty();
            if ours {
                assert_eq!(swap(&new, Some(NEW), OLD).unwrap(), text);
            }
            assert!(find(&new, OLD).is_empty());
            assert_eq!(swap(&new, Some(OLD), NEW).unwrap(), new);
        });
    }
}
