//! Splits the native layout's `data` into its members, borrowing what can be borrowed, in one pass.

use core::fmt;
use core::marker::PhantomData;
use serde_core::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A row's members as they were read, in their order.
#[derive(Default)]
pub(crate) struct Parts<'a> {
    pub json: Members<'a, &'a RawValue>,
    pub bytes: Members<'a, Text<'a>>,
    pub foreign: Members<'a, Foreign<'a>>,
    pub unknown: Members<'a, &'a RawValue>,
}

/// Names and values of one part.
pub(crate) type Members<'a, T> = Vec<(Text<'a>, T)>;

/// A string, copied only if it has escapes.
pub(crate) struct Text<'a>(pub Cow<'a, str>);

/// A foreign value: exactly these two members.
pub(crate) struct Foreign<'a> {
    pub kind: Text<'a>,
    pub raw: Text<'a>,
}

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Whole)
    }
}

impl<'de> Deserialize<'de> for Foreign<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Part(members): Part<'de, Text<'de>> = Part::deserialize(deserializer)?;
        let (mut kind, mut raw) = (None, None);
        for (Text(name), value) in members {
            let place = match &*name {
                "type" => &mut kind,
                "raw" => &mut raw,
                _ => return Err(D::Error::custom("an unexpected member")),
            };
            if place.replace(value).is_some() {
                return Err(D::Error::custom("a member twice"));
            }
        }
        match (kind, raw) {
            (Some(kind), Some(raw)) => Ok(Foreign { kind, raw }),
            _ => Err(D::Error::custom("a member is missing")),
        }
    }
}

/// An object whose values are all of one kind.
pub(crate) struct Part<'a, T>(pub Members<'a, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Part<'de, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Whole<T> {
            type Value = Part<'de, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part<'de, T>, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(name) = map.next_key()? {
                    members.push((name, map.next_value()?));
                }
                Ok(Part(members))
            }
        }
        deserializer.deserialize_map(Whole(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Parts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Parts<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row's data")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
                let mut parts = Parts::default();
                while let Some(name) = map.next_key::<Text<'de>>()? {
                    match &*name.0 {
                        "json" => fill(&mut parts.json, map.next_value()?)?,
                        "bytes" => fill(&mut parts.bytes, map.next_value()?)?,
                        "foreign" => fill(&mut parts.foreign, map.next_value()?)?,
                        _ => parts.unknown.push((name, map.next_value()?)),
                    }
                }
                Ok(parts)
            }
        }
        deserializer.deserialize_map(Whole)
    }
}

/// Takes over the members of a part, of which a row has one.
fn fill<'de, T, E: Error>(place: &mut Members<'de, T>, part: Part<'de, T>) -> Result<(), E> {
    if !place.is_empty() {
        return Err(E::custom("a part twice"));
    }
    *place = part.0;
    Ok(())
}
