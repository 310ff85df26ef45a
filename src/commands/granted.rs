//! What the server granted, where it is not what was asked for.

use super::policy::duration;
use crate::json::Json;
use crate::rotation::RefreshOptions;
use crate::text::printable;
use crate::time::{Expiry, Timestamp};
use crate::token::{Token, TokenExpiry};

/// Clocks and the way to the server may differ by that much.
const TOLERANCE_S: u64 = 60;
/// A unique lifetime is shorter than what was asked for by at most that much.
const UNIQUE_S: u64 = 600;

/// Compares a wish with what the token says of itself that came at `now`, and with the one that it replaces. An
/// answer that names no lifetime or scope says nothing about it. Returns what to say, and for programs: seconds,
/// where `null` is for ever, and rights that the old token had.
pub(super) fn difference(
    options: &RefreshOptions,
    token: &Token,
    old: Option<&Token>,
    now: Timestamp,
) -> Option<(String, Json)> {
    let since = token.created_at().unwrap_or(now).secs();
    let asked = match options.expiry {
        Expiry::In(secs) => Some(i64::try_from(secs).unwrap_or(i64::MAX)),
        Expiry::At(at) => Some(at.secs().saturating_sub(since)),
        Expiry::Never => None,
    };
    let expires_in = match token.expiry {
        TokenExpiry::At(end) => Some(end.secs().saturating_sub(since)),
        TokenExpiry::Never => None,
        TokenExpiry::Unknown => asked,
    };
    let tolerance_s = TOLERANCE_S + if options.unique_lifetime { UNIQUE_S } else { 0 };
    let other_end = match (asked, expires_in) {
        (Some(asked), Some(granted)) => asked.abs_diff(granted) > tolerance_s,
        (asked, granted) => asked != granted,
    };
    let lacks = old.map_or(Vec::new(), |old| token.lost_scope(old));
    if !other_end && lacks.is_empty() {
        return None;
    }
    let mut texts = Vec::new();
    if other_end {
        let (granted, asked) = (in_words(expires_in), in_words(asked));
        texts.push(format!("The server granted a token for {granted}, not for {asked}."));
    }
    if !lacks.is_empty() {
        let rights = printable(&lacks.join(", "));
        texts.push(format!("The new token lacks what the old one could do: {rights}."));
    }
    let json = Json::of([
        ("asked_s", asked.into()),
        ("granted_s", expires_in.into()),
        ("lacks_scope", lacks.into()),
    ]);
    Some((texts.join(" "), json))
}

fn in_words(secs: Option<i64>) -> String {
    secs.map_or("ever".to_owned(), |secs| duration(secs.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn token(expiry: TokenExpiry, scope: &[&str]) -> Token {
        let scope = scope.iter().map(|&right| right.to_owned()).collect();
        Token::new(Secret::new("wst".to_owned()), None, expiry, "Bearer".to_owned(), scope)
    }

    #[test]
    fn more_than_a_minute_counts() {
        let now = Timestamp::from_secs(1_000);
        let at = |secs: i64| TokenExpiry::At(Timestamp::from_secs(1_000 + secs));
        for (asked, got, said) in [
            (Expiry::In(3_600), at(3_600), None),
            (Expiry::In(3_600), at(3_541), None),
            (Expiry::In(3_600), at(3_539), Some("3539s, not for 1h")),
            (Expiry::In(3_600), at(31_536_000), Some("365d, not for 1h")),
            (Expiry::At(Timestamp::from_secs(87_400)), at(86_400), None),
            (Expiry::In(86_400), TokenExpiry::Never, Some("ever, not for 1d")),
            (Expiry::Never, at(86_400), Some("1d, not for ever")),
            (Expiry::Never, TokenExpiry::Never, None),
            (Expiry::In(3_600), TokenExpiry::Unknown, None),
        ] {
            let options = RefreshOptions { expiry: asked, ..RefreshOptions::default() };
            let text = difference(&options, &token(got, &[]), None, now).map(|(text, _)| text);
            let said = said.map(|said| format!("The server granted a token for {said}."));
            assert_eq!(text, said, "{asked:?} {got:?}");
        }
    }

    #[test]
    fn a_right_that_is_lost() {
        let now = Timestamp::from_secs(0);
        let old = token(TokenExpiry::Never, &["read", "write"]);
        let lost = |scope: &[&str]| {
            let new = token(TokenExpiry::Never, scope);
            let options = RefreshOptions { expiry: Expiry::Never, ..RefreshOptions::default() };
            difference(&options, &new, Some(&old), now).map(|(_, json)| json["lacks_scope"].clone())
        };
        assert_eq!(lost(&["read"]), Some(vec!["write".to_owned()].into()));
        assert_eq!(lost(&["write", "read", "more"]), None);
        assert_eq!(lost(&[]), None);
    }
}
