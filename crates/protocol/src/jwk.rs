//! Public keys as JSON (RFC 7517), and parsed for verification.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};

use crate::algorithm::Algorithm;

/// The longest `kid` that is looked up, in bytes.
pub const LONGEST_KID: usize = 128;

/// One public key. There is no member for any private part, so none can be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Key type: `EC`, `OKP` or `RSA`.
    pub kty: String,
    /// `sig`
    #[serde(rename = "use", skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<String>,
    /// The one algorithm that the key is for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub alg: Option<String>,
    /// The key's name in the set.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kid: Option<String>,
    /// Curve of `EC` and `OKP` keys.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crv: Option<String>,
    /// First coordinate of `EC` keys; the key itself of `OKP` keys.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub x: Option<String>,
    /// Second coordinate of `EC` keys.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub y: Option<String>,
    /// Modulus of `RSA` keys.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub n: Option<String>,
    /// Public exponent of `RSA` keys.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub e: Option<String>,
}

/// A set of public keys (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JwkSet {
    /// The keys; readers skip those that they do not understand.
    pub keys: Vec<Jwk>,
}

/// Why a JWK is of no use here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwkError {
    /// No `kid`, an empty or a too long one.
    #[error("the key has no kid of 1 to 128 bytes")]
    Kid,
    /// Meant for encryption.
    #[error("the key is not for signatures")]
    Usage,
    /// `kty`, `crv` and `alg` name no algorithm that is accepted, or contradict each other.
    #[error("the key's algorithm is not accepted")]
    Algorithm,
    /// The numbers are not a key.
    #[error("the key's parameters are not a public key")]
    Parameters,
}

/// A public key, parsed once, bound to one algorithm and one `kid`.
#[derive(Debug)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    kid: String,
    key: ParsedPublicKey,
}

impl VerifyingKey {
    /// Parses a JWK. The algorithm is fixed here, by the key; a token's header can only agree with it.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, JwkError> {
        let kid = jwk
            .kid
            .as_deref()
            .filter(|kid| !kid.is_empty() && kid.len() <= LONGEST_KID)
            .ok_or(JwkError::Kid)?;
        if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(JwkError::Usage);
        }
        let algorithm = algorithm_of(jwk)?;
        let key = match algorithm {
            Algorithm::Es256 => {
                let mut point = vec![4];
                point.extend(bytes(jwk.x.as_deref(), Some(32))?);
                point.extend(bytes(jwk.y.as_deref(), Some(32))?);
                ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            }
            Algorithm::Ed25519 => ParsedPublicKey::new(&ED25519, bytes(jwk.x.as_deref(), Some(32))?),
            Algorithm::Rs256 | Algorithm::Ps256 => {
                let components = PublicKeyComponents {
                    n: bytes(jwk.n.as_deref(), None)?,
                    e: bytes(jwk.e.as_deref(), None)?,
                };
                let parameters = match algorithm {
                    Algorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                components.to_parsed_public_key(parameters)
            }
        };
        Ok(Self { algorithm, kid: kid.to_owned(), key: key.map_err(|_| JwkError::Parameters)? })
    }

    /// The one algorithm of the key.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key's name.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether the signature over the message was made with this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

fn algorithm_of(jwk: &Jwk) -> Result<Algorithm, JwkError> {
    let named =
        jwk.alg.as_deref().map(|name| Algorithm::from_name(name).ok_or(JwkError::Algorithm)).transpose()?;
    let by_shape = match (jwk.kty.as_str(), jwk.crv.as_deref(), named) {
        ("EC", Some("P-256"), _) => Algorithm::Es256,
        ("OKP", Some("Ed25519"), _) => Algorithm::Ed25519,
        ("RSA", None, Some(Algorithm::Ps256)) => Algorithm::Ps256,
        ("RSA", None, _) => Algorithm::Rs256,
        _ => return Err(JwkError::Algorithm),
    };
    if named.is_some_and(|named| named != by_shape) {
        return Err(JwkError::Algorithm);
    }
    Ok(by_shape)
}

fn bytes(text: Option<&str>, length: Option<usize>) -> Result<Vec<u8>, JwkError> {
    let bytes = BASE64URL.decode(text.unwrap_or_default()).map_err(|_| JwkError::Parameters)?;
    if bytes.is_empty() || length.is_some_and(|length| bytes.len() != length) {
        return Err(JwkError::Parameters);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jws::SigningKey;

    fn jwk(algorithm: Algorithm) -> Jwk {
        let pkcs8 = SigningKey::generate_pkcs8(algorithm).unwrap();
        SigningKey::from_pkcs8(algorithm, "k", &pkcs8).unwrap().jwk()
    }

    #[test]
    fn a_key_is_bound_to_its_algorithm() {
        for algorithm in [Algorithm::Es256, Algorithm::Ed25519, Algorithm::Rs256] {
            let good = jwk(algorithm);
            assert_eq!(VerifyingKey::from_jwk(&good).unwrap().algorithm(), algorithm);
            for wrong in ["HS256", "none", "ES512"] {
                let bad = Jwk { alg: Some(wrong.to_owned()), ..good.clone() };
                assert_eq!(VerifyingKey::from_jwk(&bad).unwrap_err(), JwkError::Algorithm);
            }
        }
        let confused = Jwk { alg: Some("RS256".to_owned()), ..jwk(Algorithm::Es256) };
        assert_eq!(VerifyingKey::from_jwk(&confused).unwrap_err(), JwkError::Algorithm);
    }

    #[test]
    fn keys_without_a_name_or_for_encryption_are_skipped() {
        let good = jwk(Algorithm::Ed25519);
        let unnamed = Jwk { kid: None, ..good.clone() };
        assert_eq!(VerifyingKey::from_jwk(&unnamed).unwrap_err(), JwkError::Kid);
        let long = Jwk { kid: Some("k".repeat(129)), ..good.clone() };
        assert_eq!(VerifyingKey::from_jwk(&long).unwrap_err(), JwkError::Kid);
        let encryption = Jwk { usage: Some("enc".to_owned()), ..good };
        assert_eq!(VerifyingKey::from_jwk(&encryption).unwrap_err(), JwkError::Usage);
    }

    #[test]
    fn only_public_members_are_written() {
        for algorithm in Algorithm::ALL {
            let text = serde_json::to_string(&jwk(algorithm)).unwrap();
            for private in ["\"d\"", "\"p\"", "\"q\"", "\"dp\"", "\"dq\"", "\"qi\"", "\"k\":"] {
                assert!(!text.contains(private), "{algorithm}: {private}");
            }
        }
    }
}
