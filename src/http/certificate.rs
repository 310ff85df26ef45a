//! What a server's certificate says, in DER (X.690, RFC 5280): who issued it, and until when it is
//! valid.

use crate::time::Timestamp;

const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// The version, which the first one does not have.
const VERSION: u8 = 0xa0;

/// A certificate that was verified already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// The organisation that issued it, or else the issuer's common name.
    pub issuer: Option<String>,
    pub expires_at: Timestamp,
}

impl Certificate {
    /// Reads one; `None` if it is none.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut body = Der(Der(Der(der).take(SEQUENCE)?).take(SEQUENCE)?);
        if body.next()?.0 == VERSION {
            body.next()?; // the serial number
        }
        body.take(SEQUENCE)?; // the algorithm
        let issuer = name(body.take(SEQUENCE)?);
        let mut validity = Der(body.take(SEQUENCE)?);
        validity.next()?;
        let (kind, end) = validity.next()?;
        Some(Self { issuer, expires_at: time(kind, end)? })
    }
}

fn name(parts: &[u8]) -> Option<String> {
    let mut common = None;
    let mut parts = Der(parts);
    while let Some((_, part)) = parts.next() {
        let mut pair = Der(Der(part).take(SEQUENCE)?);
        let (kind, (_, text)) = (pair.take(OBJECT_ID)?, pair.next()?);
        let text = String::from_utf8_lossy(text).into_owned();
        match kind {
            b"\x55\x04\x0a" => return Some(text),
            b"\x55\x04\x03" => common = Some(text),
            _ => {}
        }
    }
    common
}

/// `YYMMDDhhmmssZ`, of 1950 to 2049, or with the whole year.
fn time(kind: u8, text: &[u8]) -> Option<Timestamp> {
    let text = str::from_utf8(text).ok()?;
    let text = match kind {
        UTC_TIME if text < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let part = |from, to| text.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, rest) = (part(8, 10)?, part(10, 12)?, text.get(12..)?);
    Timestamp::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{rest}"))
}

/// Values one after the other.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The kind and the content of the next one.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[kind, length], mut rest) = self.0.split_first_chunk()?;
        let mut length = usize::from(length);
        if length > 0x7f {
            let (digits, after) = rest.split_at_checked(length & 0x7f)?;
            length = digits.iter().try_fold(0_usize, |number, digit| {
                number.checked_mul(256)?.checked_add(usize::from(*digit))
            })?;
            rest = after;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((kind, content))
    }

    /// The content of the next one, if it is of that kind.
    fn take(&mut self, kind: u8) -> Option<&'a [u8]> {
        self.next().filter(|found| found.0 == kind).map(|found| found.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz;

    fn value(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len().to_be_bytes();
        let length = &length[length.iter().take_while(|digit| **digit == 0).count()..];
        let long = content.len() > 0x7f;
        let first = if long { 0x80 + u8::try_from(length.len()).unwrap() } else { 0 };
        let head = if long { vec![kind, first] } else { vec![kind] };
        let length = if content.is_empty() { &[0] } else { length };
        [&head, length, content].concat()
    }

    fn certificate(version: &[u8], issuer: &[(&[u8], &str)], end: (u8, &str)) -> Vec<u8> {
        let part = |(kind, text): &(&[u8], &str)| {
            let pair = [value(OBJECT_ID, kind), value(0x0c, text.as_bytes())].concat();
            value(0x31, &value(SEQUENCE, &pair))
        };
        let issuer: Vec<u8> = issuer.iter().flat_map(part).collect();
        let validity = [value(UTC_TIME, b"200101000000Z"), value(end.0, end.1.as_bytes())].concat();
        let body = [
            version.to_vec(),
            value(0x02, b"\x01"),
            value(SEQUENCE, b""),
            value(SEQUENCE, &issuer),
            value(SEQUENCE, &validity),
        ];
        value(SEQUENCE, &[value(SEQUENCE, &body.concat()), value(0x03, b"signature")].concat())
    }

    const V3: &[u8] = b"\xa0\x03\x02\x01\x02";
    const COUNTRY: (&[u8], &str) = (b"\x55\x04\x06", "SE");
    const ORGANISATION: (&[u8], &str) = (b"\x55\x04\x0a", "Åkerlund AB");
    const COMMON: (&[u8], &str) = (b"\x55\x04\x03", "R11");

    #[test]
    fn issuers_and_ends() {
        let long = "x".repeat(70_000);
        let (utc, full) = ((UTC_TIME, "491231235959Z"), (GENERALIZED_TIME, "99991231235959Z"));
        for (version, issuer, end, name, shown) in [
            (V3, &[COUNTRY, ORGANISATION, COMMON][..], utc, "Åkerlund AB", "2049-12-31T23:59:59Z"),
            (V3, &[COMMON, COUNTRY], full, "R11", "9999-12-31T23:59:59Z"),
            (b"", &[COMMON, ORGANISATION], utc, "Åkerlund AB", "2049-12-31T23:59:59Z"),
            (V3, &[COUNTRY], (UTC_TIME, "500101000000Z"), "", "1950-01-01T00:00:00Z"),
            (V3, &[(COMMON.0, &long)], utc, &long, "2049-12-31T23:59:59Z"),
        ] {
            let der = certificate(version, issuer, end);
            let read = Certificate::read(&der).unwrap();
            assert_eq!(read.issuer.as_deref().unwrap_or_default(), name);
            assert_eq!(read.expires_at.to_string(), shown);
            assert_eq!(Certificate::read(&der[..der.len() - 1]), None);
        }
        for end in [(UTC_TIME, "4912312359Z"), (UTC_TIME, "é"), (0x0c, "491231235959Z")] {
            assert_eq!(Certificate::read(&certificate(V3, &[COMMON], end)), None, "{end:?}");
        }
    }

    #[test]
    fn hostile_ones() {
        let seeds = [
            certificate(V3, &[COUNTRY, ORGANISATION, COMMON], (UTC_TIME, "491231235959Z")),
            certificate(b"", &[COMMON], (GENERALIZED_TIME, "20500101000000Z")),
            b"\x30\x89\xff\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\x30\x80\x30\x80".to_vec(),
        ];
        fuzz::bytes(&seeds.each_ref().map(Vec::as_slice), |der| {
            if let Some(read) = Certificate::read(der) {
                let shown = read.expires_at.to_string();
                assert!(Timestamp::parse_rfc3339(&shown).is_some(), "{shown}");
                assert!(read.issuer.is_none_or(|issuer| issuer.len() <= 3 * der.len()));
            }
        });
    }
}
