//! The assignment of one variable in an env file. Every other byte stays as it is.
//!
//! Readers of env files differ in quotes, blanks and comments. A file is changed only where sh, systemd,
//! docker and the dotenv packages agree on which lines there are.

use std::ops::Range;

use super::replace::put_at;

/// The env file with `variable` set to `text`: its value replaced where it stands, or a line added last.
///
/// # Errors
/// Says why if it is no env file, or if not every reader would see that change and no other.
pub(super) fn set(old: &[u8], variable: &str, text: &str) -> std::result::Result<Vec<u8>, String> {
    // All readers take these literally, with quotes and without.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~+/=".contains(&b);
    if !text.bytes().all(plain) {
        return Err("the token holds characters that an env file would need quoted".to_owned());
    }
    let (places, exported) = find(old, variable)?;
    let mut bytes = put_at(old, &places, text);
    if places.is_empty() {
        let end = if old.windows(2).any(|two| two == b"\r\n") { "\r\n" } else { "\n" };
        if !bytes.is_empty() && !bytes.ends_with(b"\n") {
            bytes.extend_from_slice(end.as_bytes());
        }
        let export = if exported { "export " } else { "" };
        bytes.extend_from_slice(format!("{export}{variable}={text}{end}").as_bytes());
    }
    Ok(bytes)
}

/// What a person should know of a file before `variable` is set in it: that it is not there yet, and
/// which other lines hold the token, which they keep.
pub(super) fn notes(text: &[u8], variable: &str, token: &str) -> Vec<String> {
    let Ok((places, _)) = find(text, variable) else {
        return Vec::new();
    };
    let added = format!("{variable} is not there yet: it is added at the end");
    let mut notes: Vec<String> = places.is_empty().then_some(added).into_iter().collect();
    let mut offset = 0;
    for (n, line) in text.split_inclusive(|b| *b == b'\n').enumerate() {
        let line = offset..offset + line.len();
        offset = line.end;
        let holds = text[line.clone()].windows(token.len()).any(|part| part == token.as_bytes());
        if holds && !places.iter().any(|place| line.contains(&place.start)) {
            notes.push(format!("line {} holds the token too, and no refresh changes it", n + 1));
        }
    }
    notes
}

/// The lines that set `variable`, with their numbers.
pub(super) fn lines_of(text: &[u8], variable: &str) -> Vec<(usize, String)> {
    let sets = |line: &[u8]| matches!(parse(line), Some(Line::Assignment { name, .. }) if name == variable.as_bytes());
    let lines = text.split(|b| *b == b'\n').enumerate().filter(|(_, line)| sets(line));
    lines.map(|(n, line)| (n + 1, String::from_utf8_lossy(line).trim().to_owned())).collect()
}

/// Where the values of `variable` stand, and whether all assignments of the file are exported.
fn find(text: &[u8], variable: &str) -> std::result::Result<(Vec<Range<usize>>, bool), String> {
    check_text(text)?;
    let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    let end = lines.len();
    let mut readers = vec![continued(&lines, false), continued(&lines, true)];
    // A shell does not read a file that ends inside a quote.
    readers.truncate(if readers[1][end] { 1 } else { 2 });
    let goes_on = |n: usize| readers.iter().any(|continued| continued[n]);
    let (mut places, mut offset) = (vec![], 0);
    let (mut names, mut assigned, mut exported, mut spaced) = (0, 0, 0, 0);
    for (n, line) in lines.iter().enumerate() {
        let (number, begins) = (n + 1, !goes_on(n));
        match parse(line) {
            Some(Line::Assignment { name, value, is_exported, is_spaced }) => {
                if name == variable.as_bytes() {
                    if !begins {
                        return Err(swallowed(n, variable));
                    }
                    if goes_on(number) {
                        return Err(format!(
                            "the value of {variable} in line {number} continues in the next line"
                        ));
                    }
                    let value = simple_value(line, value).ok_or_else(|| {
                        format!("line {number} holds more than one value for {variable}, which would be lost")
                    })?;
                    places.push(offset + value.start..offset + value.end);
                }
                assigned += usize::from(begins);
                exported += usize::from(begins && is_exported);
                spaced += usize::from(begins && is_spaced);
                let value = line[value..].trim_ascii_start();
                let marks: [&[u8]; 4] = [b"[", b"{", b"\"\"\"", b"'''"];
                if begins && is_spaced && marks.iter().any(|mark| value.starts_with(mark)) {
                    return Err(format!("line {number} is one of TOML, so it is no env file"));
                }
            }
            Some(Line::Name) => names += usize::from(begins),
            None if begins => {
                return Err(format!(
                    "line {number} is no line of an env file (in any other text file --replace \
                     replaces a token where it stands)"
                ));
            }
            _ => {}
        }
        offset += line.len();
    }
    if names > 0 && assigned == 0 {
        return Err("it holds words and no assignment, so it is no env file".to_owned());
    }
    if places.is_empty() && spaced > 0 && spaced == assigned {
        // TOML would have quotes, a shell and docker no blanks.
        return Err(format!(
            "{variable} is not there, and the lines around it are NAME = VALUE, which readers take \
             differently: add a line for it once by hand"
        ));
    }
    if places.is_empty() && goes_on(end) {
        return Err(swallowed(end, variable));
    }
    Ok((places, assigned > 0 && exported == assigned))
}

fn swallowed(line: usize, variable: &str) -> String {
    format!(
        "line {line} ends in an open quote or a backslash: the line of {variable} after it would be a part of it"
    )
}

fn check_text(text: &[u8]) -> std::result::Result<(), String> {
    if text.starts_with(b"\xef\xbb\xbf") {
        return Err("it begins with a byte order mark, which belongs to its first name".to_owned());
    }
    let lone = |at: usize| text[at] == b'\r' && text.get(at + 1) != Some(&b'\n');
    let control = |at: usize| text[at].is_ascii_control() && !b"\t\r\n".contains(&text[at]);
    if (0..text.len()).any(|at| lone(at) || control(at)) {
        return Err("it contains control characters, so it is no env file".to_owned());
    }
    Ok(())
}

/// What stands in a line that begins anew.
enum Line<'a> {
    /// A blank one or a comment.
    Nothing,
    /// A name alone, of which docker takes the value from elsewhere, and a shell with `export`.
    Name,
    /// `value` is where the text after the equals sign begins.
    Assignment { name: &'a [u8], value: usize, is_exported: bool, is_spaced: bool },
}

fn parse(line: &[u8]) -> Option<Line<'_>> {
    let rest = line.trim_ascii_start();
    if is_comment(rest) || rest.is_empty() {
        return Some(Line::Nothing);
    }
    let exported = rest.strip_prefix(b"export").filter(|rest| starts_blank(rest));
    let rest = exported.map_or(rest, <[u8]>::trim_ascii_start);
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || b"_.-".contains(b);
    let (name, after) = rest.split_at(rest.iter().take_while(|b| is_part(b)).count());
    if !name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
        return None;
    }
    let is_spaced = starts_blank(after);
    let after = after.trim_ascii_start();
    match after.first() {
        Some(b'=') => {
            let value = line.len() - after.len() + 1;
            Some(Line::Assignment { name, value, is_exported: exported.is_some(), is_spaced })
        }
        None => Some(Line::Name),
        _ => None,
    }
}

fn is_comment(line: &[u8]) -> bool {
    matches!(line.first(), Some(b'#' | b';'))
}

fn starts_blank(text: &[u8]) -> bool {
    matches!(text.first(), Some(b' ' | b'\t'))
}

/// Where one value stands between its quotes, if nothing but a comment follows it.
fn simple_value(line: &[u8], start: usize) -> Option<Range<usize>> {
    let text = line[start..].trim_ascii();
    let blanks = line[start..].len() - line[start..].trim_ascii_start().len();
    let (from, len, after) = match text.first() {
        // A comment or nothing: the value is put right after the equals sign.
        None => return Some(start..start),
        Some(b'#') if blanks > 0 => return Some(start..start),
        Some(quote @ (b'"' | b'\'')) => {
            let len = text[1..].iter().position(|b| b == quote)?;
            (1, len, &text[len + 2..])
        }
        Some(_) => {
            let len = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
            let special = |b: &u8| b"\"'`;&|<>()#".contains(b);
            if text[..len].iter().any(special) {
                return None;
            }
            (0, len, &text[len..])
        }
    };
    let is_end = after.is_empty() || (starts_blank(after) && after.trim_ascii().starts_with(b"#"));
    let from = start + blanks + from;
    (is_end && !line[from..from + len].contains(&b'\\')).then_some(from..from + len)
}

/// Where a reader is in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Name,
    BeforeValue,
    Value,
    Quote(u8),
}

/// For every line, and for what would come after the last, whether it belongs to the one before: as a
/// shell reads it, which opens quotes anywhere, or as systemd and the dotenv packages do, which open
/// them where a value begins.
fn continued(lines: &[&[u8]], shell: bool) -> Vec<bool> {
    let mut continued = Vec::with_capacity(lines.len() + 1);
    let mut place = Place::Name;
    for line in lines {
        continued.push(place != Place::Name);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if place == Place::Name && is_comment(line.trim_ascii_start()) {
            // An older systemd continues a comment too.
            place = if line.ends_with(b"\\") { Place::Value } else { Place::Name };
            continue;
        }
        let (mut escaped, mut before) = (false, b' ');
        for byte in line.iter().copied() {
            let is_quote = matches!(byte, b'"' | b'\'' | b'`');
            place = match place {
                _ if escaped => place,
                Place::Quote(quote) if quote == byte => Place::BeforeValue,
                Place::Quote(_) => place,
                Place::Name if byte == b'=' => Place::BeforeValue,
                _ if is_quote && (shell || place == Place::BeforeValue) => Place::Quote(byte),
                _ if shell && byte == b'#' && b" \t".contains(&before) => break,
                Place::BeforeValue if !b" \t".contains(&byte) => Place::Value,
                _ => place,
            };
            escaped = !escaped && byte == b'\\' && place != Place::Quote(b'\'');
            before = byte;
        }
        place = match place {
            Place::Quote(_) => place,
            _ if escaped => Place::Value,
            _ => Place::Name,
        };
    }
    continued.push(place != Place::Name);
    continued
}

#[cfg(test)]
mod tests;
