//! What is sent to a token endpoint, in each of the dialects.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::secret::Secret;

/// How a client shows its id and secret to the token endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// HTTP Basic, form-encoded before it is joined (RFC 6749 §2.3.1), and a form.
    #[default]
    Basic,
    /// `client_id` and `client_secret` in a form.
    Form,
    /// `client_id` and `client_secret` in a JSON body.
    Json,
}

/// What kind of a server it is, as far as the request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    ClientCredentials(Auth),
    Keycloak,
    AccessKey,
    Password,
}

impl Dialect {
    /// The name, as keys of the cache on disk have it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials(_) => "client_credentials",
            Self::Keycloak => "keycloak",
            Self::AccessKey => "access_key",
            Self::Password => "password",
        }
    }
}

/// Whose token, and for what.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) dialect: Dialect,
    /// The client, the access key, or in v1 the email.
    pub(crate) id: String,
    pub(crate) audience: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) scope: Option<String>,
}

/// What stays as it is in a form, as `URLSearchParams` writes it.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

static FORM_TYPE: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
static JSON_TYPE: HeaderValue = HeaderValue::from_static("application/json");

impl Wanted {
    /// The request with one secret. Its body is wiped when it is dropped.
    pub(crate) fn request(&self, endpoint: &Uri, secret: &Secret) -> Result<Request<Bytes>, Error> {
        let (id, secret) = (self.id.as_str(), secret.expose());
        let grant = ("grant_type", "client_credentials");
        let in_body = [grant, ("client_id", id), ("client_secret", secret)];
        let configured = [("audience", &self.audience), ("resource", &self.resource), ("scope", &self.scope)];
        let configured = configured.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let (authorization, content_type, body) = match self.dialect {
            Dialect::ClientCredentials(Auth::Basic) => {
                let pair = Zeroizing::new(format!("{}:{}", *encoded(id), *encoded(secret)));
                (Some(basic(&pair)?), FORM_TYPE.clone(), form([grant].into_iter().chain(configured)))
            }
            Dialect::ClientCredentials(Auth::Form) | Dialect::Keycloak => {
                (None, FORM_TYPE.clone(), form(in_body.into_iter().chain(configured)))
            }
            Dialect::ClientCredentials(Auth::Json) => {
                (None, JSON_TYPE.clone(), json(in_body.into_iter().chain(configured))?)
            }
            Dialect::AccessKey => {
                let pair = Zeroizing::new(format!("{id}:{secret}"));
                (Some(basic(&pair)?), JSON_TYPE.clone(), json([grant].into_iter().chain(configured))?)
            }
            Dialect::Password => {
                (None, JSON_TYPE.clone(), json([("email", id), ("password", secret)].into_iter())?)
            }
        };
        let mut request = Request::new(Bytes::from_owner(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.clone();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, JSON_TYPE.clone());
        headers.insert(CONTENT_TYPE, content_type);
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        Ok(request)
    }
}

/// A request for a document that anybody may read.
pub(crate) fn get(address: Uri) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = address;
    request.headers_mut().insert(ACCEPT, JSON_TYPE.clone());
    request
}

fn basic(pair: &str) -> Result<HeaderValue, Error> {
    let mut text = Zeroizing::new(String::with_capacity(6 + pair.len().div_ceil(3) * 4));
    text.push_str("Basic ");
    BASE64.encode_string(pair, &mut text);
    let bytes = Zeroizing::new(text.as_bytes().to_vec());
    let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(bytes))
        .map_err(|_| Error::configuration("the credentials cannot stand in a header"))?;
    header.set_sensitive(true);
    Ok(header)
}

fn encoded(text: &str) -> Zeroizing<String> {
    // Room for the longest, so that growing leaves no copy behind.
    let mut written = Zeroizing::new(String::with_capacity(text.len() * 3));
    for part in percent_encoding::utf8_percent_encode(text, FORM) {
        let mut rest = part;
        while let Some((before, after)) = rest.split_once(' ') {
            written.push_str(before);
            written.push('+');
            rest = after;
        }
        written.push_str(rest);
    }
    written
}

fn form<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Zeroizing<Vec<u8>> {
    let mut body = Zeroizing::new(Vec::with_capacity(2048));
    for (name, value) in members {
        if !body.is_empty() {
            body.push(b'&');
        }
        body.extend_from_slice(name.as_bytes());
        body.push(b'=');
        body.extend_from_slice(encoded(value).as_bytes());
    }
    body
}

fn json<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let object: Map<String, Value> =
        members.map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))).collect();
    let mut body = Zeroizing::new(Vec::with_capacity(2048));
    let written = serde_json::to_writer(&mut *body, &object);
    for value in object.into_iter().map(|(_, value)| value) {
        if let Value::String(text) = value {
            drop(Zeroizing::new(text));
        }
    }
    written.map_err(|_| Error::configuration("the request cannot be written as JSON"))?;
    Ok(body)
}
