//! Points in time, RFC 3339, and durations as people write them.

mod expiry;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text::counted;

pub use expiry::{Expiry, parse_duration};

const DAY_SECS: i64 = 86_400;
/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
const LAST_SECOND: i64 = 253_402_300_799;
const LAST_MILLI: i64 = LAST_SECOND * 1000 + 999;
/// 0000-01-01T00:00:00Z, the first one.
const FIRST_SECOND: i64 = -62_167_219_200;

/// Milliseconds since the epoch, as the config file counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A point in time by its milliseconds since the epoch.
    #[must_use]
    pub fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// A point in time by its seconds since the epoch, as JWT claims and the API count.
    #[must_use]
    pub fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This point moved by this many seconds; negative moves it back.
    #[must_use]
    pub fn plus_secs(self, secs: i64) -> Self {
        Self(self.0.saturating_add(secs.saturating_mul(1000)))
    }

    /// With milliseconds, as JavaScript's `toISOString` writes it.
    #[must_use]
    pub fn to_iso_millis(self) -> String {
        let text = self.to_string();
        format!("{}.{:03}Z", text.trim_end_matches('Z'), self.0.rem_euclid(1000))
    }

    /// How far it is from `now`, in the largest unit that fits: `in 364 days`, `3 hours ago`.
    #[must_use]
    pub fn from_now(self, now: Self) -> String {
        let secs = self.secs() - now.secs();
        let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
        let Some((unit, name)) = units.into_iter().find(|(unit, _)| secs.abs() >= *unit) else {
            return "now".to_owned();
        };
        let far = counted(usize::try_from(secs.abs() / unit).unwrap_or_default(), name);
        if secs > 0 { format!("in {far}") } else { format!("{far} ago") }
    }

    /// Reads RFC 3339 (`2025-08-07T12:00:00.5+02:00`); `None` if invalid.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let mark =
            |at: usize, wanted: &[u8]| text.as_bytes().get(at).is_some_and(|b| wanted.contains(b));
        if !(mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt ")) {
            return None;
        }
        let days = days_of(digits(text, 0, 4)?, digits(text, 5, 7)?, digits(text, 8, 10)?)?;
        let second = time_of_day(text, 11)?;
        let mut rest = text.get(19..)?;
        let mut millis = 0;
        if let Some(fraction) = rest.strip_prefix('.') {
            let len = fraction.bytes().take_while(u8::is_ascii_digit).count();
            let shown = &fraction[..len.min(3)];
            millis = format!("{shown:0<3}").parse().ok().filter(|_| len > 0)?;
            rest = &fraction[len..];
        }
        let offset = match rest {
            "Z" | "z" => 0,
            _ => {
                let sign = match rest.get(..1)? {
                    "+" => 1,
                    "-" => -1,
                    _ => return None,
                };
                let whole_minutes = format!("{}:00", &rest[1..]);
                sign * time_of_day(&whole_minutes, 0).filter(|_| rest.len() == 6)?
            }
        };
        let secs = days * DAY_SECS + second - offset;
        // An offset may lead outside the years that can be written.
        let can_be_written = (FIRST_SECOND..=LAST_SECOND).contains(&secs);
        can_be_written.then_some(Self(secs * 1000 + millis))
    }

    /// Reads a date as servers write it: Unix seconds or milliseconds in digits, RFC 3339, the same
    /// without a zone (which is UTC) or with one without a colon, or the date of an HTTP header.
    #[must_use]
    pub fn parse_any(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(number) = digits(text, 0, text.len()).filter(|_| !text.is_empty()) {
            return Self::from_unix(number);
        }
        let (start, end) = text.split_at_checked(text.len().saturating_sub(2)).unwrap_or_default();
        Self::parse_rfc3339(text)
            .or_else(|| Self::parse_rfc3339(&format!("{text}Z")))
            .or_else(|| Self::parse_rfc3339(&format!("{start}:{end}")))
            .or_else(|| Self::parse_http_date(text))
    }

    /// A number of seconds since the epoch, or of milliseconds if it is too large for seconds.
    /// `None` if it is out of range for both, and for 0, which servers write for "no date".
    #[must_use]
    pub fn from_unix(number: i64) -> Option<Self> {
        match number {
            1..=LAST_SECOND => Some(Self::from_secs(number)),
            ..=LAST_MILLI if number > 0 => Some(Self::from_millis(number)),
            _ => None,
        }
    }

    /// Reads the date of an HTTP header (`Sun, 06 Nov 1994 08:49:37 GMT`); `None` if invalid.
    #[must_use]
    pub fn parse_http_date(text: &str) -> Option<Self> {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let text = text.trim();
        if !text.is_ascii() || text.len() != 29 || !text.ends_with(" GMT") {
            return None;
        }
        let month = MONTHS.iter().position(|m| *m == &text[8..11])?;
        let (day, month, year, time) = (&text[5..7], month + 1, &text[12..16], &text[17..25]);
        Self::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z"))
    }
}

/// RFC 3339 in UTC, whole seconds. A moment out of its range shows as the first or the last one.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.secs().clamp(FIRST_SECOND, LAST_SECOND);
        let (year, month, day) = date_of(secs.div_euclid(DAY_SECS));
        let second = secs.rem_euclid(DAY_SECS);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

fn digits(text: &str, from: usize, to: usize) -> Option<i64> {
    let part = text.get(from..to)?;
    part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
}

/// The seconds since midnight of the `HH:MM:SS` that stands there.
fn time_of_day(text: &str, at: usize) -> Option<i64> {
    let two = |n: usize| digits(text, at + n, at + n + 2);
    let (hour, minute, second) = (two(0)?, two(3)?, two(6)?);
    let is_apart = [at + 2, at + 5].iter().all(|at| text.as_bytes().get(*at) == Some(&b':'));
    let is_real = is_apart && hour < 24 && minute < 60 && second <= 60;
    is_real.then_some(hour * 3600 + minute * 60 + second)
}

/// Days from the epoch to a date of the Gregorian calendar; `None` if there is no such date.
/// Years are counted from March, so that the leap day comes last.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let century = year.div_euclid(100);
    Some(365 * year + year.div_euclid(4) - century + century.div_euclid(4) + day_of_year - 719_468)
}

/// The inverse of [`days_of`]: by the days of 400 years, and by what of them are leap days.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    (400 * era + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_it_is() {
        let now = Timestamp::from_secs(1_000_000);
        for (secs, said) in [
            (0, "now"),
            (1, "in 1 second"),
            (-59, "59 seconds ago"),
            (60, "in 1 minute"),
            (-7300, "2 hours ago"),
            (86_400 * 2 - 1, "in 1 day"),
            (31_536_000, "in 365 days"),
        ] {
            assert_eq!(now.plus_secs(secs).from_now(now), said);
        }
    }

    #[test]
    fn dates_there_and_back() {
        for (text, secs) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2024-12-31T00:00:00Z", 1_735_603_200),
            ("2025-08-07T12:00:00Z", 1_754_568_000),
            ("1969-12-31T23:59:59Z", -1),
            ("9999-12-31T23:59:59Z", LAST_SECOND),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
        ] {
            let time = Timestamp::from_secs(secs);
            assert_eq!(time.to_string(), text);
            assert_eq!(Timestamp::parse_rfc3339(text), Some(time), "{text}");
        }
        for day in (-800_000..2_900_000).step_by(97) {
            let (y, m, d) = date_of(day);
            assert_eq!(days_of(y, m, d), Some(day));
        }
    }

    #[test]
    fn fractions_and_offsets() {
        let time = Timestamp::parse_rfc3339("2025-08-07T14:00:00.123456+02:00").unwrap();
        assert_eq!(time.to_iso_millis(), "2025-08-07T12:00:00.123Z");
        assert_eq!(
            Timestamp::parse_rfc3339("2025-08-07T12:00:00.5Z").unwrap().millis() % 1000,
            500
        );
    }

    #[test]
    fn what_is_no_date() {
        for bad in [
            "",
            "2025",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:00:00",
            "2025-01-01T00:00:00.Z",
            "2025-01-01T00:00:00+0200",
            "2025-01-01T00:00:00Zx",
            "+025-01-01T00:00:00Z",
            "2025-01-01T00:00:0éZ",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn dates_as_servers_write_them() {
        let second = Timestamp::from_secs(1_754_568_000);
        for text in [
            "1754568000",
            "1754568000000",
            "2025-08-07T12:00:00Z",
            "2025-08-07T12:00:00",
            "2025-08-07 12:00:00.000",
            "2025-08-07T14:00:00+0200",
            " Thu, 07 Aug 2025 12:00:00 GMT ",
        ] {
            assert_eq!(Timestamp::parse_any(text), Some(second), "{text}");
        }
        for bad in
            ["", "0", "-1", "é", "Z", "2025-08-07", "2025-08-07T12:00", "99999999999999999999"]
        {
            assert_eq!(Timestamp::parse_any(bad), None, "{bad}");
        }
        assert_eq!(Timestamp::from_unix(LAST_SECOND), Some(Timestamp::from_secs(LAST_SECOND)));
        assert_eq!(Timestamp::from_unix(LAST_MILLI), Some(Timestamp::from_millis(LAST_MILLI)));
        for none in [0, -1, LAST_MILLI + 1, i64::MAX, i64::MIN] {
            assert_eq!(Timestamp::from_unix(none), None, "{none}");
        }
    }

    #[test]
    fn http_dates() {
        assert_eq!(
            Timestamp::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Timestamp::from_secs(784_111_777))
        );
        assert_eq!(Timestamp::parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), None);
    }
}
