//! HTTP/1.1 by hand: as much as a well-behaved client needs.

use std::fmt::Write;
use std::io::{self, BufRead, ErrorKind, Read};

use serde_json::Value;

const MAX_HEAD: u64 = 64 * 1024;
const MAX_BODY: u64 = 4 * 1024 * 1024;

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as they were sent.
    pub(crate) target: String,
    /// Of the path, decoded.
    pub(crate) segments: Vec<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) keep_alive: bool,
}

impl Request {
    /// The next request of a connection; `None` if the peer has closed it.
    /// `InvalidData` is a request that deserves a 400.
    pub(crate) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut head = reader.by_ref().take(MAX_HEAD);
        let Some(line) = read_line(&mut head)? else {
            return Ok(None);
        };
        let parts: Vec<&str> = line.split(' ').collect();
        let [method, target, version] = parts[..] else {
            return Err(bad("not a request line"));
        };
        if !version.starts_with("HTTP/1.") {
            return Err(bad("not HTTP/1"));
        }
        let mut headers = Vec::new();
        loop {
            let line = read_line(&mut head)?.ok_or(ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad("not a header"))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }

        let connection = find(&headers, "connection").unwrap_or_default();
        let mut request = Request {
            keep_alive: version != "HTTP/1.0" && !connection.eq_ignore_ascii_case("close"),
            segments: segments(target),
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            body: String::new(),
        };
        request.body = request.read_body(reader)?;
        Ok(Some(request))
    }

    fn read_body(&self, reader: &mut impl BufRead) -> io::Result<String> {
        if self.header("transfer-encoding").is_some() {
            return Err(bad("Content-Length is needed"));
        }
        let length: u64 = match self.header("content-length") {
            Some(length) => length.parse().map_err(|_| bad("not a Content-Length"))?,
            None => 0,
        };
        if length > MAX_BODY {
            return Err(bad("too long a body"));
        }
        let mut body = Vec::new();
        reader.by_ref().take(length).read_to_end(&mut body)?;
        if (body.len() as u64) < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(crate) fn bearer(&self) -> Option<&str> {
        let (scheme, bearer) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(bearer)
    }

    pub(crate) fn query(&self) -> Form {
        Form::parse(self.target.split_once('?').map_or("", |(_, query)| query))
    }

    pub(crate) fn form(&self) -> Form {
        Form::parse(&self.body)
    }
}

/// The fields of a query, or of a form.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    fn parse(text: &str) -> Self {
        let decode = |text: &str| percent_decode(&text.replace('+', " "));
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        Form(pairs.map(|(k, v)| (decode(k), decode(v))).collect())
    }

    /// A missing field is empty: none of our fields may be.
    pub(crate) fn get(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(key, _)| key == name);
        field.map_or("", |(_, value)| value)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Answer { status, headers: Vec::new(), body: body.to_string() }
    }

    pub(crate) fn html(status: u16, body: &str) -> Self {
        Answer {
            status,
            headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
            body: body.to_owned(),
        }
    }

    pub(crate) fn redirect(status: u16, location: String) -> Self {
        Answer { status, headers: vec![("Location".to_owned(), location)], body: String::new() }
    }

    /// Whether one of its own headers ends the connection.
    pub(crate) fn closes(&self) -> bool {
        let connection = find(&self.headers, "connection");
        connection.is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// Status line and headers. Headers of the answer's own win over the usual ones.
    pub(crate) fn head(&self, date: &str, length: u64, keep_alive: bool) -> String {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        let length = length.to_string();
        let usual = [
            ("Date", date),
            ("Content-Type", "application/json"),
            ("Content-Length", &length),
            ("Connection", if keep_alive { "keep-alive" } else { "close" }),
        ];
        let usual = usual.into_iter().filter(|(name, _)| find(&self.headers, name).is_none());
        let own = self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        for (name, value) in usual.chain(own) {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head + "\r\n"
    }
}

pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("a string takes everything");
        }
    }
    encoded
}

fn percent_decode(text: &str) -> String {
    let hex = |i: usize| char::from(*text.as_bytes().get(i)?).to_digit(16);
    let (mut bytes, mut i) = (Vec::new(), 0);
    while let Some(&byte) = text.as_bytes().get(i) {
        let escaped = (byte == b'%').then(|| Some(hex(i + 1)? * 16 + hex(i + 2)?));
        let decoded = escaped.flatten().and_then(|code| u8::try_from(code).ok());
        i += if decoded.is_some() { 3 } else { 1 };
        bytes.push(decoded.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn segments(target: &str) -> Vec<String> {
    let path = target.split('?').next().unwrap_or_default();
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/').map(percent_decode).collect()
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    header.map(|(_, value)| value.as_str())
}

/// A line without its end; `None` at the end of the stream.
fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let line = line.strip_suffix(b"\n").ok_or(ErrorKind::UnexpectedEof)?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}

fn bad(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        422 => "Unprocessable Entity",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Other",
    }
}
