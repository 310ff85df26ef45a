//! Dates as the server writes them. Times are durations since the Unix epoch.

use std::time::{Duration, SystemTime};

const DAY: u64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// This machine's time.
#[expect(clippy::disallowed_methods, reason = "the server's clock is not the client's")]
pub(crate) fn real() -> SystemTime {
    SystemTime::now()
}

/// The time on a clock that is `offset_s` ahead of this machine's.
pub(crate) fn now(offset_s: i64) -> Duration {
    let real = real().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let offset = Duration::from_secs(offset_s.unsigned_abs());
    if offset_s < 0 { real.saturating_sub(offset) } else { real.saturating_add(offset) }
}

/// `Thu, 01 Jan 1970 00:00:00 GMT`, as in the `Date` header.
pub(crate) fn imf_fixdate(at: Duration) -> String {
    let (year, month, day) = civil(at.as_secs() / DAY);
    let weekday = WEEKDAYS[usize::try_from(at.as_secs() / DAY % 7).unwrap_or_default()];
    let (month, time) = (MONTHS[month], time_of_day(at));
    format!("{weekday}, {day:02} {month} {year:04} {time} GMT")
}

/// `1970-01-01T00:00:00.000000Z`.
pub(crate) fn rfc3339(at: Duration) -> String {
    let (year, month, day) = civil(at.as_secs() / DAY);
    let (month, time, micros) = (month + 1, time_of_day(at), at.subsec_micros());
    format!("{year:04}-{month:02}-{day:02}T{time}.{micros:06}Z")
}

fn time_of_day(at: Duration) -> String {
    let seconds = at.as_secs() % DAY;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// Year, month from 0 and day from 1, found by counting up: the years are few.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let mut year = 1970;
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let february = if leap { 29 } else { 28 };
        let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in lengths.into_iter().enumerate() {
            if days < length {
                return (year, month, days + 1);
            }
            days -= length;
        }
        year += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, imf_fixdate, rfc3339};

    #[test]
    fn dates_are_written_as_the_standards_say() {
        let leap_day = Duration::new(1_709_210_096, 120_000_000);
        assert_eq!(imf_fixdate(leap_day), "Thu, 29 Feb 2024 12:34:56 GMT");
        assert_eq!(rfc3339(leap_day), "2024-02-29T12:34:56.120000Z");
        let example = Duration::from_secs(784_111_777);
        assert_eq!(imf_fixdate(example), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
