//! A file that holds the bare token and nothing else.

/// What the file is to hold instead of `before`. The blanks or the newline at its end stay; one without
/// any text gets a newline with `newline`.
///
/// # Errors
/// It holds something that is not one of `known`: it could not be brought back.
pub(super) fn put(
    before: &[u8],
    text: &str,
    known: &dyn Fn(&str) -> bool,
    newline: bool,
) -> std::result::Result<Vec<u8>, String> {
    let word = String::from_utf8_lossy(before.trim_ascii());
    let may_go = word.is_empty() || known(&word);
    if !may_go && is_token(before) {
        return Err(
            "it holds a token that this workspace never had from here, which would be lost; \
                    --overwrite if the file is to hold nothing else"
                .to_owned(),
        );
    }
    if !may_go {
        return Err("it holds more than one token, which would be lost; for a variable of an env \
                    file there is --env, for any other text --replace, and --overwrite if the \
                    file is to hold nothing else"
            .to_owned());
    }
    let end = match before {
        [] if newline => b"\n",
        _ => &before[before.trim_ascii_end().len()..],
    };
    Ok([text.as_bytes(), end].concat())
}

/// Whether the text is nothing or one word that could be a token. What has an equals sign may be an
/// assignment, and what begins with a slash a path.
pub(super) fn is_token(text: &[u8]) -> bool {
    let word = text.trim_ascii();
    let fits = |b: &u8| b.is_ascii_alphanumeric() || b"-._~+/".contains(b);
    word.first() != Some(&b'/') && word.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_is_replaced() {
        let put = |before: &str| {
            put(before.as_bytes(), "new", &|word| ["a=", "old"].contains(&word), true)
        };
        for (before, after) in [
            ("", "new\n"),
            ("old", "new"),
            (" old\n", "new\n"),
            ("a=\r\n", "new\r\n"),
            ("\n", "new\n"),
        ] {
            assert_eq!(put(before).as_deref(), Ok(after.as_bytes()), "{before}");
        }
        for bad in [
            "another",
            "A=1\n",
            "b=",
            "a b",
            "a\nb\n",
            "{}",
            "\"old\"",
            "/run/token",
            "\0",
            "é",
            "a=\nb",
        ] {
            assert!(put(bad).is_err(), "{bad}");
        }
        assert_eq!(super::put(b"", "new", &|_| false, false).as_deref(), Ok(&b"new"[..]));
    }
}
