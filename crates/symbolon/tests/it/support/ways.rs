//! The four ways in which a client may send the same request.

use super::Request;

/// An encoding of the body and a place for the credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Basic, with a form.
    BasicForm,
    /// Basic, with JSON.
    BasicJson,
    /// Everything in a form.
    Form,
    /// Everything in JSON.
    Json,
}

impl Way {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::BasicForm, Self::BasicJson, Self::Form, Self::Json];

    /// Whether the credentials stand in the Authorization header.
    pub(crate) const fn is_basic(self) -> bool {
        matches!(self, Self::BasicForm | Self::BasicJson)
    }

    /// A request of a client with these parameters.
    pub(crate) fn request(self, path: &str, (id, secret): (&str, &str), more: &[(&str, &str)]) -> Request {
        let mut pairs = more.to_vec();
        let mut request = Request::post(path);
        if self.is_basic() {
            request = request.basic(id, secret);
        } else {
            pairs.extend([("client_id", id), ("client_secret", secret)]);
        }
        match self {
            Self::BasicForm | Self::Form => request.form(&pairs),
            Self::BasicJson | Self::Json => {
                let members = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
                request.json(&serde_json::Value::Object(members.collect()))
            }
        }
    }

    /// A request for a token.
    pub(crate) fn token(self, path: &str, who: (&str, &str), more: &[(&str, &str)]) -> Request {
        let mut pairs = vec![("grant_type", "client_credentials")];
        pairs.extend_from_slice(more);
        self.request(path, who, &pairs)
    }
}
