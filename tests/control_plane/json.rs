//! As much JSON as a server needs: values, their text, and a strict parser.

use std::fmt::{self, Display, Formatter, Write};

/// Deep enough for any request, shallow enough for a thread's stack.
const MAX_DEPTH: usize = 64;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it is written, so that no precision is lost.
    Number(String),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

pub(crate) fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

impl Value {
    /// Adds a field to an object.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Value {
        if let Value::Object(fields) = &mut self {
            fields.push((name.to_owned(), value.into()));
        }
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let Value::Object(fields) = self else {
            return None;
        };
        let (_, value) = fields.iter().find(|(key, _)| key == name)?;
        Some(value)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_u64(&self) -> Option<u64> {
        match self {
            Value::Number(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Value::Number(value.to_string())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Value::Number(value.to_string())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Value::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Value::String(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Value::Array(values.into_iter().map(Into::into).collect())
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Number(text) => f.write_str(text),
            Value::String(text) => write_string(f, text),
            Value::Array(values) => {
                f.write_char('[')?;
                for (i, value) in values.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { "," })?;
                    write!(f, "{value}")?;
                }
                f.write_char(']')
            }
            Value::Object(fields) => {
                f.write_char('{')?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { "," })?;
                    write_string(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn write_string(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// `None` for anything that is not exactly one JSON value.
pub(crate) fn parse(text: &str) -> Option<Value> {
    let mut parser = Parser { rest: text };
    let value = parser.value(MAX_DEPTH)?;
    parser.rest.is_empty().then_some(value)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.skip_space();
        let value = match self.rest.chars().next()? {
            '{' => self.fields(depth)?,
            '[' => self.elements(depth)?,
            '"' => Value::String(self.string()?),
            'n' => self.word("null", Value::Null)?,
            't' => self.word("true", Value::Bool(true))?,
            'f' => self.word("false", Value::Bool(false))?,
            _ => self.number()?,
        };
        self.skip_space();
        Some(value)
    }

    fn fields(&mut self, depth: usize) -> Option<Value> {
        let mut fields = Vec::new();
        self.take("{")?;
        self.skip_space();
        if self.take("}").is_some() {
            return Some(Value::Object(fields));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            self.take(":")?;
            fields.push((name, self.value(depth)?));
            if self.take("}").is_some() {
                return Some(Value::Object(fields));
            }
            self.take(",")?;
        }
    }

    fn elements(&mut self, depth: usize) -> Option<Value> {
        let mut values = Vec::new();
        self.take("[")?;
        self.skip_space();
        if self.take("]").is_some() {
            return Some(Value::Array(values));
        }
        loop {
            values.push(self.value(depth)?);
            if self.take("]").is_some() {
                return Some(Value::Array(values));
            }
            self.take(",")?;
        }
    }

    fn string(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                c if c < ' ' => return None,
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        match self.next()? {
            c @ ('"' | '\\' | '/') => Some(c),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => {
                let first = self.hex4()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                self.take("\\u")?;
                let second = self.hex4()?.checked_sub(0xdc00).filter(|s| *s < 0x400)?;
                char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + second)
            }
            _ => None,
        }
    }

    fn hex4(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |sum, _| Some(sum * 16 + self.next()?.to_digit(16)?))
    }

    fn number(&mut self) -> Option<Value> {
        let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let leading_zero = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
        let starts = digits.starts_with(|c: char| c.is_ascii_digit());
        let ok = starts && !leading_zero && !digits.ends_with('.') && text.parse::<f64>().is_ok();
        ok.then(|| Value::Number(text.to_owned()))
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        self.take(word).map(|()| value)
    }

    fn take(&mut self, prefix: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(prefix)?;
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn json_is_read_and_written() {
        let text = r#" {"a": [1, -2.5e3, true, null], "b": {"c": "x\"\\\u00e9\ud83d\ude00\n"}} "#;
        let value = parse(text).expect("valid JSON");
        let written = r#"{"a":[1,-2.5e3,true,null],"b":{"c":"x\"\\é😀\u000a"}}"#;
        assert_eq!(value.to_string(), written);
        assert_eq!(parse(written), Some(value));
        for bad in [
            "",
            "{",
            "[1,]",
            "{\"a\"}",
            "01",
            "1 2",
            "\"\\ud83d\"",
            "nul",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
