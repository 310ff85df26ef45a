//! Lines of an env file: one is set, the others stay as they are.

/// The env file with `variable` set to `text`: its line replaced where it stands, or added last.
///
/// # Errors
/// Says why if a reader of the file would not see that line.
pub(super) fn set(old: &[u8], variable: &str, text: &str) -> std::result::Result<Vec<u8>, String> {
    // A shell and systemd both take these literally.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~+/=".contains(&b);
    if !text.bytes().all(plain) {
        return Err("the token holds characters that an env file would need quoted".to_owned());
    }
    check(old, variable)?;
    let mut new = Vec::with_capacity(old.len() + variable.len() + text.len() + 2);
    let mut found = false;
    for line in old.split_inclusive(|b| *b == b'\n') {
        match before_value(line, variable) {
            Some(start) => {
                found = true;
                new.extend_from_slice(&line[..start]);
                new.extend_from_slice(text.as_bytes());
                new.extend_from_slice(end_of(line).as_bytes());
            }
            None => new.extend_from_slice(line),
        }
    }
    if !found {
        if !new.is_empty() && !new.ends_with(b"\n") {
            new.push(b'\n');
        }
        new.extend_from_slice(format!("{variable}={text}{}", end_of(old)).as_bytes());
    }
    // A quote in the old value may have closed another.
    check(&new, variable)?;
    Ok(new)
}

fn end_of(text: &[u8]) -> &'static str {
    if text.ends_with(b"\r\n") { "\r\n" } else { "\n" }
}

/// Where the value begins in a line that sets `variable`, with or without `export`.
fn before_value(line: &[u8], variable: &str) -> Option<usize> {
    let rest = line.trim_ascii_start();
    let rest = match rest.strip_prefix(b"export") {
        Some(after) if after.starts_with(b" ") || after.starts_with(b"\t") => {
            after.trim_ascii_start()
        }
        _ => rest,
    };
    let value = rest.strip_prefix(variable.as_bytes())?.strip_prefix(b"=")?;
    Some(line.len() - value.len())
}

/// Whether a line that sets `variable` stands on its own for every reader of the file.
fn check(text: &[u8], variable: &str) -> std::result::Result<(), String> {
    let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    let end = lines.len();
    let ours = |n: &usize| before_value(lines[*n], variable).is_some();
    let mut places: Vec<usize> = (0..end).filter(ours).collect();
    if places.is_empty() {
        places.push(end);
    }
    // systemd and the readers of dotenv files open a quote only where a value begins, a shell
    // anywhere; but a shell does not read a file that ends inside a quote.
    let mut readers = vec![continued(&lines, false), continued(&lines, true)];
    readers.truncate(if readers[1][end] { 1 } else { 2 });
    for (n, is_continued) in places.iter().flat_map(|n| readers.iter().map(move |r| (*n, r))) {
        if is_continued[n] {
            return Err(format!(
                "line {n} ends in an open quote or a backslash: the line of {variable} after it would be a part of it"
            ));
        }
        if n < end && is_continued[n + 1] {
            let line = n + 1;
            return Err(format!(
                "the value of {variable} in line {line} continues in the next line"
            ));
        }
    }
    Ok(())
}

/// For every line, and for what would come after the last, whether it belongs to the one before.
fn continued(lines: &[&[u8]], quotes_anywhere: bool) -> Vec<bool> {
    let mut continued = Vec::with_capacity(lines.len() + 1);
    let mut quote = None;
    let mut escaped = false;
    for line in lines {
        continued.push(quote.is_some() || escaped);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let fresh = quote.is_none() && !escaped;
        let comment = fresh && matches!(line.trim_ascii_start().first(), Some(b'#' | b';'));
        escaped = false;
        let mut before = b'\n';
        for byte in line {
            if escaped {
                escaped = false;
            } else if *byte == b'\\' && quote != Some(b'\'') {
                escaped = true;
            } else if quote == Some(*byte) {
                quote = None;
            } else if quote.is_none() && !comment && matches!(byte, b'"' | b'\'') {
                if quotes_anywhere || before == b'=' {
                    quote = Some(*byte);
                }
            } else if quotes_anywhere && quote.is_none() && *byte == b'#' && before == b' ' {
                break;
            }
            before = *byte;
        }
    }
    continued.push(quote.is_some() || escaped);
    continued
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_lines_stay() {
        let set = |old: &str| String::from_utf8(set(old.as_bytes(), "T", "new").unwrap()).unwrap();
        assert_eq!(set(""), "T=new\n");
        assert_eq!(set("A=1"), "A=1\nT=new\n");
        assert_eq!(set("A=1\nT=old\n# T=x\nTT=2\n"), "A=1\nT=new\n# T=x\nTT=2\n");
        assert_eq!(set("  export T=old\r\nB=2\r\n"), "  export T=new\r\nB=2\r\n");
        assert_eq!(set("T=a\nT=b"), "T=new\nT=new\n");
        assert_eq!(set("A=1\r\n"), "A=1\r\nT=new\r\n");
        assert!(super::set(b"", "T", "a b").is_err());
        assert!(super::set(b"", "T", "$(x)").is_err());
    }

    #[test]
    fn a_line_that_nobody_would_see_is_not_written() {
        for good in [
            "A='x y'\nB=\"a b\" # it's\n",
            "A=\"a\nb\"\nB=1\n",
            "A=x\\\ny\nT=old\nB=\"c\nd\"\n",
            "# don't\nA=1\n",
            "# it's\n; \"\nT=old\n",
            "A=it's\nB=5\" x\n",
            "A=\\\"x\n",
            "A='\\'\n",
            "A='x'\\''y'\n",
            "T='old'\nA=1\n",
            "A=1\\\\\n",
            "A=1\\\nB=2\n",
            "export A=\"x\"\n",
        ] {
            assert_eq!(check(good.as_bytes(), "T"), Ok(()), "{good}");
        }
        for bad in [
            "A=1\\",
            "A=1\\\n",
            "A=1\\\r\n",
            "# x\\\n",
            "A='x",
            "A=\"x\n",
            "A=\"x\\\"\n",
            "A='x\nT=old\n'\n",
            "A=\"x\nT=old\n\"\n",
            "A=x\"y\nT=old\nz\"\n",
            "A=x\\\nT=old\n",
            "T=old\\\nmore\n",
            "T=\"old\nmore\"\n",
            "T='old\n",
        ] {
            assert!(check(bad.as_bytes(), "T").is_err(), "{bad}");
        }
    }

    #[test]
    fn fuzz_env_files() {
        let seeds: [&[u8]; 4] = [
            b"# Comment\nA=1\nexport TOKEN=old\r\nTOKEN_2=x\n",
            b"TOKEN=\n TOKEN = spaced\nexport\tTOKEN=1",
            b"\xff\xfe\nXTOKEN=1\n\n",
            b"A='x'\nTOKEN=\"old\"\nB=\\\ny\n",
        ];
        crate::fuzz::bytes(&seeds, |old| {
            let Ok(new) = set(old, "TOKEN", "wst_new") else {
                return;
            };
            let sets = |text: &[u8]| -> Vec<Vec<u8>> {
                let lines = text.split(|b| *b == b'\n');
                let lines = lines.filter(|line| before_value(line, "TOKEN").is_some());
                lines.map(<[u8]>::to_vec).collect()
            };
            assert!(!sets(&new).is_empty());
            assert!(sets(&new).iter().all(|line| line.trim_ascii().ends_with(b"TOKEN=wst_new")));
            // Nothing else is touched, and a second time changes nothing.
            let rest = |text: &[u8]| -> Vec<Vec<u8>> {
                let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
                let lines = lines.filter(|line| before_value(line, "TOKEN").is_none());
                lines.map(<[u8]>::to_vec).collect()
            };
            assert_eq!(rest(&new), rest(old));
            assert_eq!(set(&new, "TOKEN", "wst_new").unwrap(), new);
        });
    }
}
