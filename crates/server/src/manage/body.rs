//! What requests carry: JSON bodies, merge patches (RFC 7396), path segments, query parameters, `If-Match`.

use std::convert::Infallible;
use std::error::Error;

use aws_lc_rs::digest;
use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::LengthLimitError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use symbolon_core::apply::description::read_yaml;
use symbolon_core::authority::Authority;
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::EditError;
use symbolon_core::id::{Id, Identified};

use crate::manage::LARGEST_BODY;
use crate::manage::error::{Kind, Problem};
use crate::manage::sound_json;
use crate::state::ServerState;

/// A body, as it came. It is read after it was decided whether the caller may do at all what it asks for.
pub(crate) struct Body(Result<Bytes, Problem>);

impl FromRequest<ServerState> for Body {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &ServerState) -> Result<Self, Infallible> {
        let (parts, body) = request.into_parts();
        let bytes = whole(body, LARGEST_BODY).await.and_then(|bytes| {
            if is_json(&parts.headers) {
                return Ok(bytes);
            }
            Err(Problem::new(Kind::UnsupportedMediaType, "Send Content-Type: application/json"))
        });
        Ok(Self(bytes))
    }
}

async fn whole(body: axum::body::Body, most: usize) -> Result<Bytes, Problem> {
    axum::body::to_bytes(body, most).await.map_err(|error| {
        if error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) {
            Problem::new(Kind::TooLarge, format!("A body has at most {most} bytes"))
        } else {
            Problem::new(Kind::InvalidBody, "The body did not arrive whole")
        }
    })
}

/// A body that people write, in YAML or in JSON, as it came.
pub(crate) struct Described {
    bytes: Bytes,
    is_yaml: bool,
}

impl Described {
    /// Waits for all of it, of at most so many bytes.
    pub(crate) async fn arrival(request: Request, most: usize) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let is_yaml = media_type(&parts.headers).eq_ignore_ascii_case("application/yaml");
        if !is_yaml && !is_json(&parts.headers) {
            let detail = "Send Content-Type: application/json or application/yaml";
            return Err(Problem::new(Kind::UnsupportedMediaType, detail));
        }
        Ok(Self { bytes: whole(body, most).await?, is_yaml })
    }

    /// Reads it.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, Problem> {
        if !self.is_yaml {
            return Body(Ok(self.bytes)).read();
        }
        let invalid = |text: String| Problem::new(Kind::InvalidBody, text);
        let text =
            std::str::from_utf8(&self.bytes).map_err(|_| invalid("The body is not UTF-8".to_owned()))?;
        sound_json::check_yaml(text).map_err(|error| invalid(error.to_string()))?;
        read_yaml(text).map_err(|error| invalid(error.to_string()))
    }
}

impl Body {
    /// The digest of a request with this body. (Nobody gains by two that collide: they are one caller's own.)
    pub(crate) fn digest(&self, of: &str) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(of.as_bytes());
        context.update(b"\n");
        context.update(self.0.as_deref().unwrap_or_default());
        URL_SAFE_NO_PAD.encode(context.finish())
    }

    /// Reads it as JSON.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, Problem> {
        let bytes = self.0?;
        sound_json::check(&bytes).map_err(|error| Problem::new(Kind::InvalidBody, error.to_string()))?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let read = T::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
        let read = read.or_else(|error| {
            let value = serde_json::from_slice(&bytes).map(sound_json::with_whole_numbers);
            value.and_then(serde_json::from_value).map_err(|_| error)
        });
        read.map_err(|error| Problem::new(Kind::InvalidBody, error.to_string()))
    }

    /// Reads it as a merge patch (RFC 7396), and says what a thing looks like with it: members replace, null removes,
    /// everything that is not named stays.
    pub(crate) fn patch<T: Serialize + DeserializeOwned>(self, thing: &T) -> Result<T, Problem> {
        let patch: Value = self.read()?;
        if !patch.is_object() {
            return Err(Problem::new(Kind::InvalidBody, "A patch is a JSON object"));
        }
        let mut value = serde_json::to_value(thing)
            .map_err(|error| Problem::new(Kind::Internal, format!("cannot be written: {error}")))?;
        check_taken_back::<T>(&value, &patch)?;
        merge(&mut value, sound_json::with_whole_numbers(patch));
        serde_json::from_value(value).map_err(|error| {
            let text = error.to_string();
            // The patch itself is sound: what it makes of this thing is not.
            if text.starts_with("missing field") {
                Problem::new(Kind::InvalidChange, format!("with this patch there is a {text}"))
            } else {
                Problem::new(Kind::InvalidBody, text)
            }
        })
    }
}

fn media_type(headers: &HeaderMap) -> &str {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = media_type(headers);
    ["application/json", "application/merge-patch+json"].iter().any(|json| kind.eq_ignore_ascii_case(json))
}

/// Refuses `null` for members that a thing never has: to take such a one back changes nothing, so that nobody would be
/// told of a misspelt name.
fn check_taken_back<T: DeserializeOwned>(thing: &Value, patch: &Value) -> Result<(), Problem> {
    for place in places(thing, patch) {
        let mut with = thing.clone();
        let named = patch.pointer(&place).and_then(Value::as_object);
        if let Some((members, named)) = with.pointer_mut(&place).and_then(Value::as_object_mut).zip(named) {
            for (name, _) in named.iter().filter(|(_, value)| value.is_null()) {
                members.entry(name.as_str()).or_insert(Value::Null);
            }
        }
        // A map takes any name, and may not take null; only an object of known members calls one unknown.
        let error = serde_json::from_value::<T>(with).err().map(|error| error.to_string());
        if let Some(error) = error.filter(|error| error.starts_with("unknown field")) {
            return Err(Problem::new(Kind::InvalidBody, error));
        }
    }
    Ok(())
}

/// Where (RFC 6901) a patch takes back what is not there. The things that are patched here hold objects of known members
/// two levels deep; below are maps, which may have any.
fn places(thing: &Value, patch: &Value) -> Vec<String> {
    const DEEPEST: usize = 2;
    let mut waiting = vec![(String::new(), 0, thing, patch)];
    let mut found = Vec::new();
    while let Some((place, depth, thing, patch)) = waiting.pop() {
        let (Some(members), Some(named)) = (thing.as_object(), patch.as_object()) else { continue };
        if named.iter().any(|(name, value)| value.is_null() && !members.contains_key(name)) {
            found.push(place.clone());
        }
        if depth < DEEPEST {
            let inner = named.iter().filter_map(|(name, value)| Some((name, members.get(name)?, value)));
            waiting.extend(inner.map(|(name, member, value)| {
                (format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), depth + 1, member, value)
            }));
        }
    }
    found
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(members) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(object) = target.as_object_mut() else { return };
    for (name, value) in members {
        if value.is_null() {
            object.remove(&name);
        } else {
            merge(object.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// In paths and queries. PostgreSQL keeps no such text and refuses to compare with it.
const NUL: &str = "%00";

/// The segments of the path.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<ServerState> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Problem> {
        if parts.uri.path().contains(NUL) {
            return Err(Problem::new(Kind::InvalidParameter, "The path holds the character NUL"));
        }
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(PathRejection::FailedToDeserializePathParams(failed))
                if matches!(failed.kind(), ErrorKind::InvalidUtf8InPathParam { .. }) =>
            {
                Err(Problem::new(Kind::InvalidParameter, "The path is not UTF-8"))
            }
            Err(_) => Err(Problem::not_found("path")),
        }
    }
}

/// The parameters of the query. They are read after it was decided whether the caller may ask at all.
pub(crate) struct Parameters<T>(Result<T, Problem>);

impl<T: DeserializeOwned> FromRequestParts<ServerState> for Parameters<T> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Infallible> {
        // A cursor is judged as a whole.
        let mut pairs = parts.uri.query().unwrap_or_default().split('&');
        if pairs.any(|pair| pair.contains(NUL) && !pair.starts_with("cursor=")) {
            return Ok(Self(Err(Problem::new(Kind::InvalidParameter, "The query holds the character NUL"))));
        }
        let read = Query::<T>::from_request_parts(parts, state).await;
        let invalid = |error: QueryRejection| Problem::new(Kind::InvalidParameter, error.body_text());
        Ok(Self(read.map(|Query(parameters)| parameters).map_err(invalid)))
    }
}

impl<T> Parameters<T> {
    /// The parameters, if they can be read.
    pub(crate) fn read(self) -> Result<T, Problem> {
        self.0
    }
}

/// What a request that changes something says of the version that it means.
pub(crate) struct Changing {
    if_match: Option<HeaderValue>,
}

impl Changing {
    pub(crate) fn of(parts: &Parts) -> Self {
        Self { if_match: parts.headers.get(header::IF_MATCH).cloned() }
    }

    /// Goes on only if the version is the one that the request names, or it names none.
    pub(crate) fn check(&self, version: i64) -> Result<(), Problem> {
        let Some(wanted) = &self.if_match else { return Ok(()) };
        let wanted = wanted.to_str().unwrap_or_default();
        let current = etag(version);
        if wanted.trim() == "*" || wanted.split(',').any(|tag| tag.trim() == current) {
            return Ok(());
        }
        Err(Problem::new(
            Kind::PreconditionFailed,
            format!("The current version is {current}, not {wanted}: read it again, then change it"),
        ))
    }
}

/// The id that a request gives to what it makes, or a new one.
pub(crate) fn id<T: Identified>(
    given: Option<&str>,
    now: Timestamp,
    authority: &Authority,
) -> Result<Id<T>, Problem> {
    match given {
        Some(text) => Id::new(text).map_err(|error| Problem::new(Kind::InvalidChange, error.to_string())),
        None => Id::generate(now, authority.random()).map_err(|error| EditError::from(error).into()),
    }
}

/// The entity tag of a version.
pub(crate) fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_replaces_removes_and_leaves_alone() {
        // The example of RFC 7396 §3.
        let mut document = json!({"title": "Goodbye!", "author": {"givenName": "John", "familyName": "Doe"},
            "tags": ["example", "sample"], "content": "This will be unchanged"});
        merge(
            &mut document,
            json!({"title": "Hello!", "phoneNumber": "+01-123-456-7890",
            "author": {"familyName": null}, "tags": ["example"]}),
        );
        assert_eq!(
            document,
            json!({"title": "Hello!", "author": {"givenName": "John"}, "tags": ["example"],
            "content": "This will be unchanged", "phoneNumber": "+01-123-456-7890"})
        );
    }

    #[test]
    fn a_patch_takes_back_what_may_be_there_and_no_misspelt_member() {
        #[derive(Debug, Default, Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct Inner {
            lifetime: Option<i64>,
            claims: BTreeMap<String, String>,
        }
        #[derive(Debug, Default, Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Thing {
            settings: Inner,
        }
        let patched = |patch: Value| {
            let body = Body(Ok(Bytes::from(patch.to_string())));
            body.patch(&Thing::default())
        };
        for good in [
            json!({"settings": {"lifetime": null}}),
            json!({"settings": {"claims": {"gone/already": null}}}),
            json!({"settings": {"claims": null}}),
        ] {
            assert!(patched(good.clone()).is_ok(), "{good}");
        }
        for bad in [
            json!({"": null}),
            json!({"setings": null}),
            json!({"settings": {"lifetme": null}}),
            json!({"settings": {"lifetme": null, "claims": {"x": null}}}),
        ] {
            assert_eq!(patched(bad.clone()).unwrap_err().kind, Kind::InvalidBody, "{bad}");
        }
        assert_eq!(patched(json!({"settings": null})).unwrap_err().kind, Kind::InvalidChange);
    }

    #[test]
    fn if_match_names_the_version() {
        let changing = |text: Option<&'static str>| Changing { if_match: text.map(HeaderValue::from_static) };
        assert!(changing(None).check(3).is_ok());
        for good in ["\"3\"", "*", "\"2\", \"3\""] {
            assert!(changing(Some(good)).check(3).is_ok(), "{good}");
        }
        for bad in ["\"2\"", "3", "W/\"3\"", ""] {
            assert!(changing(Some(bad)).check(3).is_err(), "{bad}");
        }
    }
}
