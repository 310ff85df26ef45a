//! How structs stand in JSON: the journal and the history.

use crate::json::Json;
use crate::secret::Secret;
use crate::time::Timestamp;

/// A value with a form in JSON.
pub(crate) trait Form: Sized {
    /// Its form.
    fn write(&self) -> Json;
    /// The value of a form; an absent field is `null`.
    fn read(json: &Json) -> Option<Self>;
}

/// The fields of an object, one by one.
pub(crate) struct Reader<'a> {
    object: &'a Json,
    read: usize,
}

impl<'a> Reader<'a> {
    /// Reads the fields of this object. Any other value has none.
    pub(crate) fn of(object: &'a Json) -> Self {
        Self { object, read: 0 }
    }

    /// A field that is always written.
    pub(crate) fn must<T: Form>(&mut self, name: &str) -> Option<T> {
        let field = self.object.get(name);
        self.read += usize::from(field.is_some());
        T::read(field.unwrap_or(&Json::Null))
    }

    /// A field that is absent if it is empty.
    pub(crate) fn may<T: Form + Default>(&mut self, name: &str) -> Option<T> {
        if self.object.get(name).is_some() { self.must(name) } else { Some(T::default()) }
    }

    /// Whether there is no other field.
    pub(crate) fn is_at_end(&self) -> bool {
        self.read == self.object.fields().len()
    }
}

/// An object that is being written.
#[derive(Default)]
pub(crate) struct Writer(Vec<(String, Json)>);

impl Writer {
    /// A field that is always written.
    pub(crate) fn must<T: Form>(&mut self, name: &str, value: &T) {
        self.add(name, value.write());
    }

    /// A field that is left out if it is empty.
    pub(crate) fn may<T: Form>(&mut self, name: &str, value: &T) {
        let json = value.write();
        if !matches!(&json, Json::Null | Json::Bool(false)) && json.as_str() != Some("") {
            self.add(name, json);
        }
    }

    fn add(&mut self, name: &str, json: Json) {
        self.0.push((name.to_owned(), json));
    }

    /// The object.
    pub(crate) fn object(self) -> Json {
        Json::Object(self.0)
    }
}

/// Gives a struct the form of an object: each field with its name there, and whether it `must` be
/// there or `may`. An `open` one may have fields that are not known.
macro_rules! form {
    ($($made:ident $end:ident { $($field:ident: $how:ident $name:literal,)* })*) => {$(
        impl crate::form::Form for $made {
            fn write(&self) -> crate::json::Json {
                let mut object = crate::form::Writer::default();
                $(object.$how($name, &self.$field);)*
                object.object()
            }

            fn read(json: &crate::json::Json) -> Option<Self> {
                let mut object = crate::form::Reader::of(json);
                let made = Self { $($field: object.$how($name)?,)* };
                form!($end object).then_some(made)
            }
        }
    )*};
    (open $object:ident) => { true };
    (closed $object:ident) => { $object.is_at_end() };
}
pub(crate) use form;

impl Form for String {
    fn write(&self) -> Json {
        Json::text(self)
    }

    fn read(json: &Json) -> Option<Self> {
        json.as_str().map(str::to_owned)
    }
}

impl Form for Secret {
    fn write(&self) -> Json {
        Json::text(self.expose())
    }

    fn read(json: &Json) -> Option<Self> {
        json.as_str().map(Self::new)
    }
}

impl Form for bool {
    fn write(&self) -> Json {
        Json::Bool(*self)
    }

    fn read(json: &Json) -> Option<Self> {
        if let Json::Bool(value) = json { Some(*value) } else { None }
    }
}

impl Form for u64 {
    fn write(&self) -> Json {
        Json::Number((*self).into())
    }

    fn read(json: &Json) -> Option<Self> {
        if let Json::Number(number) = json { number.as_u64() } else { None }
    }
}

impl Form for u32 {
    fn write(&self) -> Json {
        u64::from(*self).write()
    }

    fn read(json: &Json) -> Option<Self> {
        u64::read(json)?.try_into().ok()
    }
}

impl Form for i64 {
    fn write(&self) -> Json {
        Json::Number((*self).into())
    }

    fn read(json: &Json) -> Option<Self> {
        if let Json::Number(number) = json { number.as_i64() } else { None }
    }
}

/// Milliseconds.
impl Form for Timestamp {
    fn write(&self) -> Json {
        self.millis().write()
    }

    fn read(json: &Json) -> Option<Self> {
        i64::read(json).map(Self::from_millis)
    }
}

impl<T: Form> Form for Option<T> {
    fn write(&self) -> Json {
        self.as_ref().map_or(Json::Null, T::write)
    }

    fn read(json: &Json) -> Option<Self> {
        if json.is_null() { Some(None) } else { T::read(json).map(Some) }
    }
}

impl<T: Form> Form for Vec<T> {
    fn write(&self) -> Json {
        Json::Array(self.iter().map(T::write).collect())
    }

    fn read(json: &Json) -> Option<Self> {
        let Json::Array(values) = json else { return None };
        values.iter().map(T::read).collect()
    }
}

/// The one variant that an object names, and what it holds.
pub(crate) fn variant(json: &Json) -> Option<(&str, &Json)> {
    match json.fields() {
        [(name, held)] => Some((name, held)),
        _ => None,
    }
}
