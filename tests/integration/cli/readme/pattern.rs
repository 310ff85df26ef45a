//! What is the same in two runs of the same commands.

use crate::harness::expected::without_times;

/// Folders of the examples. Here they are in the folder of the test.
pub(super) const FOLDERS: [&str; 3] = ["/etc/", "/run/app/", "/var/lib/"];

const UUID: &str = "00000000-0000-0000-0000-000000000000";

/// A word, and the characters after it that vary.
type Varying = (&'static str, fn(char) -> bool);

/// Ids, tokens, ports, addresses, durations.
const AFTER: [Varying; 8] = [
    ("jti_", |c| c.is_ascii_hexdigit()),
    ("eyJ", |c| c.is_ascii_alphanumeric() || "._-…".contains(c)),
    ("127.0.0.1:", |c| c.is_ascii_digit()),
    ("/oauth/authorize?", |c| !c.is_whitespace()),
    ("says 'healthy' after ", |c| c.is_ascii_digit()),
    ("the session ends in ", |c| c.is_ascii_digit()),
    ("days_left'=", |c| c.is_ascii_digit() || c == '.'),
    // Of the machine it depends who runs the refresh.
    ("timer     ", |c| c != '\n'),
];

/// Without ids, tokens and times.
pub(super) fn of(text: &str) -> String {
    let text = without_uuids(&without_times(text));
    AFTER.iter().fold(text, |text, (word, varies)| {
        let mut parts = text.split(word);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + word + part.trim_start_matches(varies))
    })
}

fn without_uuids(text: &str) -> String {
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let candidate = rest.get(..UUID.len()).unwrap_or_default();
        if candidate.replace(|c: char| c.is_ascii_hexdigit(), "0") == UUID {
            shown.push_str("UUID");
            rest = &rest[UUID.len()..];
        } else {
            shown.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    shown
}

#[test]
fn what_differs_from_run_to_run() {
    let one = "Token: eyJhbGc…\n(jti_0042) 2027-11-24T23:44:20Z 8ac4aff5-890f-43b1-aec4-9a73e3a1baa5, '3'";
    let same = "Token: eyJabc.def\n(jti_ff) 2026-01-01T00:00:00.5Z 00000000-0000-43b1-aec4-9a73e3a1baa5, '3'";
    assert_eq!(of(one), of(same));
    assert_ne!(of(one), of(&same.replace("'3'", "'4'")));
    assert_ne!(of(one), of(&same.replace("Token", "token")));
}
