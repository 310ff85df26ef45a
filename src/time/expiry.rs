//! Durations as people write them, and when a token should expire.

use serde::{Deserialize, Serialize};

use super::{LAST_SECOND, Timestamp, digits};

/// Reads a duration in seconds: a whole number from 1 up, alone or with a unit (`90s 15m 12h 30d 52w
/// 1y`, `30days`), and several of these (`1d12h`). A year has 365 days. `None` for anything else, and
/// if it ends after the year 9999.
#[must_use]
pub fn parse_duration(text: &str) -> Option<u64> {
    let mut rest = text;
    let mut secs: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match &rest[..letters] {
            "" if digits == text.len() => 1,
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            "y" | "yr" | "year" | "years" => 31_536_000,
            _ => return None,
        };
        rest = &rest[letters..];
        secs = secs.checked_add(number.checked_mul(unit)?)?;
    }
    (1..=LAST_SECOND.unsigned_abs()).contains(&secs).then_some(secs)
}

/// When a token expires, as the user requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expiry {
    /// This many seconds from now.
    In(u64),
    /// At that moment.
    At(Timestamp),
    /// Never.
    Never,
}

impl Default for Expiry {
    /// One year.
    fn default() -> Self {
        Self::In(31_536_000)
    }
}

impl Expiry {
    /// Reads `--expires-in`: seconds, a duration, or `never`.
    #[must_use]
    pub fn parse_in(text: &str, now: Timestamp) -> Option<Self> {
        if text == "never" {
            return Some(Self::Never);
        }
        if text.contains('-') {
            return Self::parse_at(text, now);
        }
        let secs = parse_duration(text)?;
        let end = now.secs().checked_add(i64::try_from(secs).ok()?)?;
        (end <= LAST_SECOND).then_some(Self::In(secs))
    }

    /// Reads `--expires-at`: Unix seconds, RFC 3339, or the date alone (UTC), in the future.
    #[must_use]
    pub fn parse_at(text: &str, now: Timestamp) -> Option<Self> {
        let at = match digits(text, 0, text.len()).filter(|_| !text.is_empty()) {
            Some(secs) if secs <= LAST_SECOND => Timestamp::from_secs(secs),
            Some(_) => return None,
            None => Timestamp::parse_rfc3339(text)
                .or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")))?,
        };
        (at.secs() > now.secs()).then_some(Self::At(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, secs) in [
            ("1", 1),
            ("86400", 86_400),
            ("90s", 90),
            ("15m", 900),
            ("12h", 43_200),
            ("30d", 2_592_000),
            ("52w", 31_449_600),
            ("1y", 31_536_000),
            ("30days", 2_592_000),
            ("1d12h", 129_600),
            ("2hours30min5s", 9005),
        ] {
            assert_eq!(parse_duration(text), Some(secs), "{text}");
        }
        for bad in [
            "abc",
            "-5",
            "0",
            "0d",
            "1.5",
            "",
            "1e3",
            "0x10",
            " 60",
            "60 ",
            "+60",
            "99999999999999999999999",
            "12x",
            "d",
            "９",
            "30495000000w",
            "1d5",
            "d1",
            "1 d",
            "1month",
            "1d-1h",
        ] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn expiries() {
        let now = Timestamp::from_secs(1_754_568_000);
        assert_eq!(Expiry::parse_in("never", now), Some(Expiry::Never));
        assert_eq!(Expiry::parse_in("1d", now), Some(Expiry::In(86_400)));
        assert_eq!(Expiry::parse_in("253402300799", now), None);
        let later = Expiry::At(Timestamp::from_secs(1_754_568_060));
        assert_eq!(Expiry::parse_at("1754568060", now), Some(later));
        assert_eq!(Expiry::parse_at("2025-08-07T12:01:00Z", now), Some(later));
        let day = Expiry::At(Timestamp::from_secs(1_764_547_200));
        assert_eq!(Expiry::parse_at("2025-12-01", now), Some(day));
        assert_eq!(Expiry::parse_in("2025-12-01", now), Some(day));
        for bad in [
            "",
            "2025-08-07",
            "2025-13-01",
            "1754568000",
            "2025-08-07T12:00:00Z",
            "99999999999999",
            "-1",
            "x",
        ] {
            assert_eq!(Expiry::parse_at(bad, now), None, "{bad}");
        }
    }
}
