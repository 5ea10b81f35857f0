//! A token before its signature is checked: the only thing that may be asked of it is whose it claims to be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use symbolon_protocol::claims::Claims;
use symbolon_protocol::jwk::VerifyingKey;
use symbolon_protocol::jws::{JwsError, UnverifiedJws};

use crate::refusal::Refusal;

/// A token taken apart: header and claims are well-formed, and nothing of it is proven.
pub(crate) struct UnverifiedToken<'a> {
    jws: UnverifiedJws<'a>,
    unverified_claims: Claims,
}

impl<'a> UnverifiedToken<'a> {
    /// Takes a token apart. The claims are read first, because their issuer says in which set the `kid` counts.
    pub(crate) fn parse(token: &'a str) -> Result<Self, Refusal> {
        let jws = UnverifiedJws::parse(token).map_err(refused)?;
        let payload = token.split('.').nth(1).unwrap_or_default();
        let payload = BASE64URL.decode(payload).map_err(|_| Refusal::Malformed)?;
        let unverified_claims = Claims::parse(&payload).map_err(|_| Refusal::Malformed)?;
        Ok(Self { jws, unverified_claims })
    }

    /// The issuer that the token names.
    pub(crate) fn unverified_issuer(&self) -> &str {
        &self.unverified_claims.iss
    }

    /// The key that the token names.
    pub(crate) fn unverified_kid(&self) -> &str {
        &self.jws.unverified_kid
    }

    /// Gives out the `typ` of the header and the claims once the signature holds.
    pub(crate) fn verify(self, key: &VerifyingKey) -> Result<(Option<String>, Claims), Refusal> {
        let typ = self.jws.unverified_typ.clone();
        self.jws.verify(key).map_err(refused)?;
        Ok((typ, self.unverified_claims))
    }
}

fn refused(error: JwsError) -> Refusal {
    match error {
        JwsError::Algorithm => Refusal::WrongAlgorithm,
        JwsError::Signature => Refusal::BadSignature,
        JwsError::TooLong | JwsError::Malformed | JwsError::Kid | JwsError::Header => Refusal::Malformed,
    }
}
