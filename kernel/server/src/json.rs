//! A JSON object from a client, taken apart one known field at a time.
//!
//! The body is not made into a tree: a tree of a hostile body takes ten times its size. Known fields are remembered as slices of
//! the body and parsed when they are asked for, so that an error can name its field; all others are checked and skipped.

use crate::error::ApiError;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The known fields of one object.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    /// What error messages put before a field's name: empty, or `messages[3].`.
    prefix: String,
    values: Vec<(&'static str, &'a RawValue)>,
}

impl<'a> Fields<'a> {
    /// Takes a request body apart.
    pub fn from_body(body: &'a [u8], known: &'static [&'static str]) -> Result<Self, ApiError> {
        let text = core::str::from_utf8(body)
            .map_err(|e| ApiError::bad(400, format!("The body is not UTF-8: bad byte at offset {}.", e.valid_up_to())))?;
        Self::from_text(text, known, String::new())
            .map_err(|e| ApiError::bad(400, format!("The body is not a JSON object that can be read: {e}.")))
    }

    /// Takes an object inside the body apart. `path` names it, such as `messages[3]`.
    pub fn from_raw(raw: &'a RawValue, known: &'static [&'static str], path: &str) -> Result<Self, ApiError> {
        Self::from_text(raw.get(), known, format!("{path}."))
            .map_err(|e| ApiError::parameter(path, format!("`{path}` must be an object: {e}.")))
    }

    fn from_text(text: &'a str, known: &'static [&'static str], prefix: String) -> Result<Self, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        let values = json.deserialize_map(FieldsVisitor { known })?;
        json.end()?;
        Ok(Fields { prefix, values })
    }

    /// The field's place in the body, for messages.
    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The field unparsed; `None` where it is missing or null.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        debug_assert!(!name.is_empty());
        // The last of several equal keys counts, as in every JSON library that the clients use.
        let found = self.values.iter().rev().find(|(known, _)| *known == name)?.1;
        (found.get() != "null").then_some(found)
    }

    /// The field's value; `None` where it is missing or null, which both mean the default.
    pub fn get<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        parse(raw, &self.path(name)).map(Some)
    }

    /// A number within bounds, both included.
    pub fn number(&self, name: &str, least: f64, most: f64) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.get::<f64>(name)? else { return Ok(None) };
        if value < least || value > most {
            return Err(self.out_of_range(name, &value.to_string(), &least.to_string(), &most.to_string()));
        }
        Ok(Some(value))
    }

    /// A whole number within bounds, both included.
    pub fn integer(&self, name: &str, least: i64, most: i64) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.get::<i64>(name)? else { return Ok(None) };
        if value < least || value > most {
            return Err(self.out_of_range(name, &value.to_string(), &least.to_string(), &most.to_string()));
        }
        Ok(Some(value))
    }

    fn out_of_range(&self, name: &str, value: &str, least: &str, most: &str) -> ApiError {
        let path = self.path(name);
        ApiError::parameter(&path, format!("`{path}` is {value}; it must be between {least} and {most}."))
    }
}

/// One value; `path` is its place in the body.
pub(crate) fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue, path: &str) -> Result<T, ApiError> {
    serde_json::from_str(raw.get()).map_err(|e| ApiError::parameter(path, format!("`{path}` has the wrong type: {e}.")))
}

/// An array's elements, unparsed, at most `limit` of them.
pub(crate) fn elements<'a>(raw: &'a RawValue, path: &str, limit: usize) -> Result<Vec<&'a RawValue>, ApiError> {
    let mut json = serde_json::Deserializer::from_str(raw.get());
    json.deserialize_seq(ElementsVisitor { limit })
        .map_err(|e| ApiError::parameter(path, format!("`{path}` cannot be read: {e}.")))
}

/// What kind of value this is, by its first character: `"`, `[`, `{`, a digit or a letter.
pub(crate) fn first_character(raw: &RawValue) -> char {
    raw.get().chars().next().unwrap_or(' ')
}

struct FieldsVisitor {
    known: &'static [&'static str],
}

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Vec<(&'static str, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut values: Self::Value = Vec::new();
        while let Some(name) = map.next_key_seed(KnownName(self.known))? {
            let Some(name) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = map.next_value::<&'de RawValue>()?;
            // Replaced, not added: a body of a million equal keys stays small.
            match values.iter_mut().find(|(known, _)| *known == name) {
                Some(slot) => slot.1 = value,
                None => values.push((name, value)),
            }
        }
        Ok(values)
    }
}

/// A key, looked up among the known ones without keeping it.
#[derive(Clone, Copy)]
struct KnownName(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for KnownName {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KnownName {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().copied().find(|known| *known == name))
    }
}

struct ElementsVisitor {
    limit: usize,
}

impl<'de> Visitor<'de> for ElementsVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "an array of at most {} elements", self.limit)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element::<&'de RawValue>()? {
            if values.len() == self.limit {
                return Err(serde::de::Error::invalid_length(values.len() + 1, &self));
            }
            values.push(value);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const KNOWN: &[&str] = &["a", "b"];

    #[test]
    fn unknown_fields_are_skipped_and_null_is_the_default() {
        let fields = Fields::from_body(br#" {"x":[[[{}]]],"a":1,"b":null,"a":2} "#, KNOWN).unwrap();
        assert_eq!(fields.get::<i64>("a").unwrap(), Some(2));
        assert_eq!(fields.get::<i64>("b").unwrap(), None);
    }

    #[test]
    fn a_wrong_type_names_the_field() {
        let fields = Fields::from_body(br#"{"a":"hot"}"#, KNOWN).unwrap();
        let error = fields.number("a", 0.0, 2.0).unwrap_err();
        assert_eq!((error.status, error.param.as_deref()), (400, Some("a")));
    }

    #[test]
    fn escaped_names_are_known_too() {
        let fields = Fields::from_body(br#"{"\u0061":3}"#, KNOWN).unwrap();
        assert_eq!(fields.get::<i64>("a").unwrap(), Some(3));
    }

    #[test]
    fn bad_bodies_are_400() {
        let deep = [vec![b'['; 100_000], vec![b']'; 99_999]].concat();
        let bodies: [&[u8]; 9] = [b"", b"{", b"[]", b"{} {}", b"\xff", b"{\"a\":}", b"nul", b"{\"a\":1e}", deep.as_slice()];
        for body in bodies {
            assert_eq!(Fields::from_body(body, KNOWN).unwrap_err().status, 400);
        }
    }

    #[test]
    fn deep_nesting_in_a_skipped_field_needs_no_stack() {
        let mut body = b"{\"x\":".to_vec();
        body.extend(vec![b'['; 1_000_000]);
        body.extend(vec![b']'; 1_000_000]);
        body.push(b'}');
        assert!(Fields::from_body(&body, KNOWN).is_ok());
    }

    #[test]
    fn elements_are_bounded() {
        let raw: &RawValue = serde_json::from_str("[1,[2],{}]").unwrap();
        assert_eq!(elements(raw, "p", 3).unwrap().len(), 3);
        assert_eq!(elements(raw, "p", 2).unwrap_err().param.as_deref(), Some("p"));
    }
}
