//! What a verifier does with nothing but a token: it finds the issuer's documents by their URLs, and the key in
//! them.

use serde_json::Value;
use symbolon_guard::protocol::jwk::{JwkSet, VerifyingKey};
use symbolon_guard::protocol::jws::UnverifiedJws;

use super::{Answer, Bed, Request};

impl Bed {
    /// Gets an absolute URL, as if its host name led here.
    pub(crate) async fn fetch(&self, url: &str) -> Answer {
        let (host, path) = url.strip_prefix("https://").unwrap().split_once('/').unwrap();
        self.send(Request::get(&format!("/{path}")).host(host)).await
    }

    /// An issuer's discovery document, found the way OpenID Connect says.
    pub(crate) async fn discover(&self, issuer: &str) -> Value {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let answer = self.fetch(&url).await;
        assert_eq!(answer.status, 200, "{url}: {answer:?}");
        answer.body
    }

    /// The claims of the answered token, after finding its key by discovery and checking the signature with it.
    pub(crate) async fn verified(&self, answer: &Answer) -> Value {
        assert_eq!(answer.status, 200, "{answer:?}");
        let document = self.discover(answer.claims()["iss"].as_str().unwrap()).await;
        let keys = self.fetch(document["jwks_uri"].as_str().unwrap()).await;
        let keys: JwkSet = serde_json::from_value(keys.body).unwrap();
        let unverified = UnverifiedJws::parse(answer.token()).unwrap();
        let key = keys.keys.iter().find(|key| key.kid.as_ref() == Some(&unverified.unverified_kid));
        let key = VerifyingKey::from_jwk(key.unwrap()).unwrap();
        serde_json::from_slice(&unverified.verify(&key).unwrap()).unwrap()
    }
}

impl Answer {
    /// The token itself, by either name.
    pub(crate) fn token(&self) -> &str {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["access_token"].as_str().or(self.body["token"].as_str()).unwrap()
    }
}
