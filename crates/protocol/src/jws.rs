//! Compact JWS (RFC 7515): made with keys that are parsed once, and taken apart with suspicion.
//!
//! Signing goes straight to aws-lc-rs, because general JWT libraries parse the private key for each token,
//! which triples the cost of an RSA signature.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256,
    RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::bearer::LONGEST_TOKEN;
use crate::json::{self, Glance};
use crate::jwk::{Jwk, LONGEST_KID, VerifyingKey};

/// A key could not be made or read, or a signature could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// The bytes are not a PKCS #8 private key of the algorithm.
    #[error("not a private key of this algorithm")]
    NotAKey,
    /// The cryptographic library failed.
    #[error("the cryptographic library refused")]
    Library,
}

enum PrivateKey {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn aws_lc_rs::signature::RsaEncoding),
}

/// A private key, parsed once, bound to one algorithm and one `kid`. It cannot be printed.
pub struct SigningKey {
    algorithm: Algorithm,
    kid: String,
    key: PrivateKey,
    random: SystemRandom,
}

impl SigningKey {
    /// Makes a new private key, as PKCS #8. The randomness is the cryptographic library's own. RSA takes up to
    /// a quarter of a second of computing.
    pub fn generate_pkcs8(algorithm: Algorithm) -> Result<Zeroizing<Vec<u8>>, SigningError> {
        let random = SystemRandom::new();
        let document = match algorithm {
            Algorithm::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random)
                .map(|document| document.as_ref().to_vec()),
            Algorithm::Ed25519 => {
                Ed25519KeyPair::generate_pkcs8v1(&random).map(|document| document.as_ref().to_vec())
            }
            Algorithm::Rs256 | Algorithm::Ps256 => RsaKeyPair::generate(KeySize::Rsa2048)
                .and_then(|pair| AsDer::<Pkcs8V1Der<'static>>::as_der(&pair))
                .map(|document| document.as_ref().to_vec()),
        };
        document.map(Zeroizing::new).map_err(|_| SigningError::Library)
    }

    /// Parses a private key.
    pub fn from_pkcs8(algorithm: Algorithm, kid: &str, pkcs8: &[u8]) -> Result<Self, SigningError> {
        let key = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map(PrivateKey::Es256)
            }
            Algorithm::Ed25519 => Ed25519KeyPair::from_pkcs8(pkcs8).map(PrivateKey::Ed25519),
            Algorithm::Rs256 => {
                RsaKeyPair::from_pkcs8(pkcs8).map(|pair| PrivateKey::Rsa(pair, &RSA_PKCS1_SHA256))
            }
            Algorithm::Ps256 => {
                RsaKeyPair::from_pkcs8(pkcs8).map(|pair| PrivateKey::Rsa(pair, &RSA_PSS_SHA256))
            }
        };
        let key = key.map_err(|_| SigningError::NotAKey)?;
        Ok(Self { algorithm, kid: kid.to_owned(), key, random: SystemRandom::new() })
    }

    /// The one algorithm of the key.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half.
    pub fn jwk(&self) -> Jwk {
        let encode = |bytes: &[u8]| Some(BASE64URL.encode(bytes));
        let mut jwk = Jwk {
            kty: String::new(),
            usage: Some("sig".to_owned()),
            alg: Some(self.algorithm.name().to_owned()),
            kid: Some(self.kid.clone()),
            crv: None,
            x: None,
            y: None,
            n: None,
            e: None,
        };
        match &self.key {
            PrivateKey::Es256(pair) => {
                // The point is 0x04, then two coordinates of 32 bytes (SEC 1 §2.3.3).
                let point = pair.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
                "EC".clone_into(&mut jwk.kty);
                jwk.crv = Some("P-256".to_owned());
                jwk.x = encode(x);
                jwk.y = encode(y);
            }
            PrivateKey::Ed25519(pair) => {
                "OKP".clone_into(&mut jwk.kty);
                jwk.crv = Some("Ed25519".to_owned());
                jwk.x = encode(pair.public_key().as_ref());
            }
            PrivateKey::Rsa(pair, _) => {
                "RSA".clone_into(&mut jwk.kty);
                jwk.n = encode(pair.public_key().modulus().big_endian_without_leading_zero());
                jwk.e = encode(pair.public_key().exponent().big_endian_without_leading_zero());
            }
        }
        jwk
    }

    /// The JOSE header for this key and a `typ`, encoded; the same for every token, so it is made once.
    pub fn encoded_header(&self, typ: &str) -> String {
        let mut header = Map::new();
        header.insert("alg".to_owned(), self.algorithm.name().into());
        header.insert("typ".to_owned(), typ.into());
        header.insert("kid".to_owned(), self.kid.as_str().into());
        BASE64URL.encode(Value::Object(header).to_string())
    }

    /// Signs a payload under an [encoded header](Self::encoded_header) and returns the compact form.
    pub fn sign(&self, encoded_header: &str, payload: &[u8]) -> Result<String, SigningError> {
        let mut token = String::with_capacity(encoded_header.len() + payload.len().div_ceil(3) * 4 + 350);
        token.push_str(encoded_header);
        token.push('.');
        BASE64URL.encode_string(payload, &mut token);
        match &self.key {
            PrivateKey::Es256(pair) => {
                let signature =
                    pair.sign(&self.random, token.as_bytes()).map_err(|_| SigningError::Library)?;
                append(&mut token, signature.as_ref());
            }
            PrivateKey::Ed25519(pair) => {
                let signature = pair.try_sign(token.as_bytes()).map_err(|_| SigningError::Library)?;
                append(&mut token, signature.as_ref());
            }
            PrivateKey::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &self.random, token.as_bytes(), &mut signature)
                    .map_err(|_| SigningError::Library)?;
                append(&mut token, &signature);
            }
        }
        Ok(token)
    }
}

fn append(token: &mut String, signature: &[u8]) {
    token.push('.');
    BASE64URL.encode_string(signature, token);
}

/// Why a text is not a compact JWS that this project looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Longer than any token made here.
    #[error("the token is longer than 8 KiB")]
    TooLong,
    /// Not three parts of base64url, or the header is not one JSON object with distinct keys.
    #[error("not a compact JWS")]
    Malformed,
    /// The header names no accepted algorithm; `none` and HMAC never are.
    #[error("the algorithm is not accepted")]
    Algorithm,
    /// The header has no usable `kid`.
    #[error("the header has no kid of 1 to 128 bytes")]
    Kid,
    /// The header carries or points to a key, or asks for extensions (`jku`, `x5u`, `x5c`, `jwk`, `crit`, `b64`).
    #[error("the header has a member that is not accepted")]
    Header,
    /// The signature is not the key's.
    #[error("the signature does not match")]
    Signature,
}

/// The members of a header that are looked at: the first three are read, the others must not be there.
const HEADER_MEMBERS: [&str; 10] = ["alg", "kid", "typ", "jku", "jwk", "x5u", "x5c", "crit", "b64", "zip"];

/// A token taken apart, its signature not checked yet.
#[derive(Clone, Debug)]
pub struct UnverifiedJws<'a> {
    /// The algorithm that the header names.
    pub unverified_algorithm: Algorithm,
    /// The key that the header names: a key of a map, nothing more.
    pub unverified_kid: String,
    /// The header's `typ`.
    pub unverified_typ: Option<String>,
    unverified_payload: Vec<u8>,
    signed: &'a [u8],
    signature: Vec<u8>,
}

impl<'a> UnverifiedJws<'a> {
    /// Takes a token apart.
    pub fn parse(token: &'a str) -> Result<Self, JwsError> {
        if token.len() > LONGEST_TOKEN {
            return Err(JwsError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(JwsError::Malformed)?;
        // The decoder refuses padding, foreign characters and stray trailing bits: one token has one spelling.
        let decode = |part: &str| BASE64URL.decode(part).map_err(|_| JwsError::Malformed);
        let header = decode(header)?;
        let [alg, kid, typ, refused @ ..] =
            json::members(&header, &HEADER_MEMBERS).map_err(|_| JwsError::Malformed)?;
        if refused.iter().any(Option::is_some) {
            return Err(JwsError::Header);
        }
        let unverified_typ = match typ {
            None => None,
            Some(Glance::Text(typ)) => Some(typ.into_owned()),
            Some(_) => return Err(JwsError::Header),
        };
        Ok(Self {
            unverified_algorithm: match alg {
                Some(Glance::Text(name)) => Algorithm::from_name(&name),
                _ => None,
            }
            .ok_or(JwsError::Algorithm)?,
            unverified_kid: match kid {
                Some(Glance::Text(kid)) if !kid.is_empty() && kid.len() <= LONGEST_KID => kid.into_owned(),
                _ => return Err(JwsError::Kid),
            },
            unverified_typ,
            unverified_payload: decode(payload)?,
            signed: signed.as_bytes(),
            signature: decode(signature)?,
        })
    }

    /// The payload, which anybody may have written: to learn whose token it claims to be, and nothing else.
    pub fn unverified_payload(&self) -> &[u8] {
        &self.unverified_payload
    }

    /// Gives out the payload once the signature holds.
    pub fn verify(self, key: &VerifyingKey) -> Result<Vec<u8>, JwsError> {
        if self.unverified_kid != key.kid() {
            return Err(JwsError::Kid);
        }
        if self.unverified_algorithm != key.algorithm() {
            return Err(JwsError::Algorithm);
        }
        if !key.verifies(self.signed, &self.signature) {
            return Err(JwsError::Signature);
        }
        Ok(self.unverified_payload)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(algorithm: Algorithm) -> SigningKey {
        let pkcs8 = SigningKey::generate_pkcs8(algorithm).unwrap();
        SigningKey::from_pkcs8(algorithm, "k1", &pkcs8).unwrap()
    }

    fn verify(token: &str, key: &VerifyingKey) -> Result<Vec<u8>, JwsError> {
        UnverifiedJws::parse(token)?.verify(key)
    }

    #[test]
    fn what_is_signed_verifies_with_every_algorithm() {
        for algorithm in Algorithm::ALL {
            let key = key(algorithm);
            let public = VerifyingKey::from_jwk(&key.jwk()).unwrap();
            let token = key.sign(&key.encoded_header("JWT"), b"{\"a\":1}").unwrap();
            assert_eq!(verify(&token, &public).unwrap(), b"{\"a\":1}", "{algorithm}");
        }
    }

    #[test]
    fn every_prefix_and_every_bit_flip_is_refused() {
        for algorithm in [Algorithm::Es256, Algorithm::Ed25519, Algorithm::Rs256] {
            let key = key(algorithm);
            let public = VerifyingKey::from_jwk(&key.jwk()).unwrap();
            let token = key.sign(&key.encoded_header("JWT"), b"{\"sub\":\"abc\"}").unwrap();
            for end in 0..token.len() {
                assert!(verify(&token[..end], &public).is_err(), "{algorithm}: prefix of {end}");
            }
            for at in 0..token.len() {
                for bit in 0..7 {
                    let mut bytes = token.clone().into_bytes();
                    bytes[at] ^= 1 << bit;
                    let changed = String::from_utf8(bytes).unwrap();
                    assert!(verify(&changed, &public).is_err(), "{algorithm}: bit {bit} of byte {at}");
                }
            }
        }
    }

    #[test]
    fn one_keys_token_is_not_anothers() {
        let (a, b) = (key(Algorithm::Es256), key(Algorithm::Es256));
        let token = a.sign(&a.encoded_header("JWT"), b"{}").unwrap();
        let public = VerifyingKey::from_jwk(&b.jwk()).unwrap();
        assert_eq!(verify(&token, &public).unwrap_err(), JwsError::Signature);
    }

    #[test]
    fn headers_that_bring_keys_or_extensions_are_refused() {
        let encode = |header: &str| format!("{}.e30.AAAA", BASE64URL.encode(header));
        let parse = |header: &str| UnverifiedJws::parse(&encode(header)).unwrap_err();
        for member in ["jku", "jwk", "x5u", "x5c", "crit", "b64"] {
            let header = format!(r#"{{"alg":"ES256","kid":"k","{member}":"x"}}"#);
            assert_eq!(parse(&header), JwsError::Header, "{member}");
        }
        assert_eq!(parse(r#"{"alg":"none","kid":"k"}"#), JwsError::Algorithm);
        assert_eq!(parse(r#"{"alg":"HS256","kid":"k"}"#), JwsError::Algorithm);
        assert_eq!(parse(r#"{"kid":"k"}"#), JwsError::Algorithm);
        assert_eq!(parse(r#"{"alg":"ES256"}"#), JwsError::Kid);
        assert_eq!(parse(r#"{"alg":"ES256","alg":"RS256","kid":"k"}"#), JwsError::Malformed);
        assert_eq!(parse(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(129))), JwsError::Kid);
        assert_eq!(UnverifiedJws::parse(&"a".repeat(LONGEST_TOKEN + 1)).unwrap_err(), JwsError::TooLong);
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart_or_refused(text in ".{0,200}", header in "\\{.{0,60}\\}") {
            let _ = UnverifiedJws::parse(&text);
            let _ = UnverifiedJws::parse(&format!("{}.e30.AAAA", BASE64URL.encode(header)));
        }
    }
}
