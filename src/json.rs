//! JSON whose objects keep the order of their fields: the config file, which has fields that we do
//! not know, and the reports, which people read too.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_json::Number;

use crate::time::Timestamp;

/// A JSON value whose objects keep the order of their fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Json {
    /// `null`
    #[default]
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number, whole ones exact to 64 bits.
    Number(Number),
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object; the last of several fields with the same name counts, as in JavaScript.
    #[serde(serialize_with = "as_map")]
    Object(Vec<(String, Json)>),
}

impl Json {
    /// An object with these fields.
    pub(crate) fn of<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Object(fields.map(|(name, value)| (name.to_owned(), value)).into())
    }

    /// The name of its type for an error message.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// A field of an object; `None` for any other value.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.fields().iter().rfind(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The fields of an object; empty for any other value.
    pub(crate) fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// The text, if it is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a field, if it is one and holds anything.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// The texts of an array, or the words of a text; none of any other value.
    pub(crate) fn words(&self) -> Vec<String> {
        match self {
            Self::Text(words) => words.split_whitespace().map(str::to_owned).collect(),
            other => other.items().iter().filter_map(Self::as_str).map(str::to_owned).collect(),
        }
    }

    /// The values of an array; empty for any other value.
    pub(crate) fn items(&self) -> &[Self] {
        match self {
            Self::Array(values) => values,
            _ => &[],
        }
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The number in whole units, if it is one.
    #[allow(clippy::cast_possible_truncation)] // a float beyond i64 saturates: far ahead is far ahead
    pub(crate) fn as_whole(&self) -> Option<i64> {
        match self {
            Self::Number(n) => n.as_i64().or_else(|| n.as_f64().map(|f| f as i64)),
            _ => None,
        }
    }

    /// Sets a field of an object, in place or else at the end. Any other value becomes an object.
    pub(crate) fn set(&mut self, name: &str, value: Self) {
        *self.entry(name) = value;
    }

    /// The field to be changed, `null` if it is new. Any other value becomes an object.
    pub(crate) fn entry(&mut self, name: &str) -> &mut Self {
        if !matches!(self, Self::Object(_)) {
            *self = Self::of([]);
        }
        let Self::Object(fields) = self else { unreachable!("it was just made one") };
        let at = fields.iter().rposition(|(n, _)| n == name).unwrap_or(fields.len());
        if at == fields.len() {
            fields.push((name.to_owned(), Self::Null));
        }
        &mut fields[at].1
    }

    /// Removes a field of an object.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Self::Object(fields) = self {
            fields.retain(|(n, _)| n != name);
        }
    }
}

/// A field of an object, `null` if absent.
impl std::ops::Index<&str> for Json {
    type Output = Self;

    fn index(&self, name: &str) -> &Self {
        self.get(name).unwrap_or(&Self::Null)
    }
}

/// Values that become JSON as they are.
macro_rules! into_json {
    ($($kind:ty: $value:ident => $json:expr;)+) => {
        $(impl From<$kind> for Json {
            fn from($value: $kind) -> Self {
                $json
            }
        })+
    };
}

into_json! {
    &str: text => Self::Text(text.to_owned());
    String: text => Self::Text(text);
    bool: value => Self::Bool(value);
    i64: number => Self::Number(number.into());
    u64: number => Self::Number(number.into());
    usize: count => Self::Number(count.into());
    Timestamp: time => Self::Text(time.to_string()); // RFC 3339
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(values: Vec<T>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

fn as_map<S: Serializer>(fields: &[(String, Json)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(fields.iter().map(|(name, value)| (name, value)))
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        // JSON text holds no infinity and no NaN, so there is always a number.
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry()? {
            fields.push((name, value));
        }
        Ok(Json::Object(without_repeats(fields)))
    }
}

/// Of several fields with the same name the last counts, here and wherever JSON is read: keeping
/// the others would mean reading one and changing another.
fn without_repeats(mut fields: Vec<(String, Json)>) -> Vec<(String, Json)> {
    let mut seen = BTreeSet::new();
    let counts: Vec<bool> = fields.iter().rev().map(|(name, _)| seen.insert(&**name)).collect();
    let mut counts = counts.into_iter().rev();
    fields.retain(|_| counts.next() == Some(true));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Json {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn comes_out_as_it_went_in() {
        let text =
            r#"{"z":1,"a":{"y":[null,true,-1,18446744073709551615,1.5,"é\n"],"b":{}},"c":[]}"#;
        assert_eq!(serde_json::to_string(&parse(text)).unwrap(), text);
    }

    #[test]
    fn edits_keep_the_order() {
        let mut json = parse(r#"{"z":1,"a":2,"m":3}"#);
        json.set("a", Json::from("x"));
        json.entry("new").set("deep", Json::Bool(true));
        json.remove("z");
        assert_eq!(serde_json::to_string(&json).unwrap(), r#"{"a":"x","m":3,"new":{"deep":true}}"#);
    }

    #[test]
    fn the_last_of_two_fields_counts() {
        let mut json = parse(r#"{"a":1,"b":2,"a":3}"#);
        assert_eq!(json, parse(r#"{"b":2,"a":3}"#));
        assert_eq!(json.get("a").and_then(Json::as_whole), Some(3));
        json.set("a", Json::Null);
        assert_eq!(json.get("a"), Some(&Json::Null));
        json.remove("a");
        assert_eq!(json, parse(r#"{"b":2}"#));
    }

    #[test]
    fn brackets_without_end_are_an_error() {
        assert!(serde_json::from_str::<Json>(&"[".repeat(100_000)).is_err());
    }
}
