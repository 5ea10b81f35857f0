//! A token before its signature is checked: the only thing that may be asked of it is whose it claims to be.

use symbolon_protocol::claims::KnownClaims;
use symbolon_protocol::jwk::VerifyingKey;
use symbolon_protocol::jws::{JwsError, UnverifiedJws};

use crate::refusal::Refusal;

/// A token taken apart: header and claims are well-formed, and nothing of it is proven.
pub(crate) struct UnverifiedToken<'a> {
    jws: UnverifiedJws<'a>,
    /// Header and payload as they are spelled.
    signed: &'a str,
    unverified_claims: KnownClaims,
}

impl<'a> UnverifiedToken<'a> {
    /// Takes a token apart. The claims are read first, because their issuer says in which set the `kid` counts.
    pub(crate) fn parse(token: &'a str) -> Result<Self, Refusal> {
        let jws = UnverifiedJws::parse(token).map_err(refused)?;
        let unverified_claims =
            KnownClaims::parse(jws.unverified_payload()).map_err(|_| Refusal::Malformed)?;
        let (signed, _) = token.rsplit_once('.').ok_or(Refusal::Malformed)?;
        Ok(Self { jws, signed, unverified_claims })
    }

    /// The issuer that the token names.
    pub(crate) fn unverified_issuer(&self) -> &str {
        &self.unverified_claims.iss
    }

    /// The key that the token names.
    pub(crate) fn unverified_kid(&self) -> &str {
        &self.jws.unverified_kid
    }

    /// Gives out what the token says once the signature holds.
    pub(crate) fn verify(mut self, key: &VerifyingKey) -> Result<Verified<'a>, Refusal> {
        let typ = self.jws.unverified_typ.take();
        self.jws.verify(key).map_err(refused)?;
        Ok(Verified { typ, claims: self.unverified_claims, signed: self.signed })
    }
}

/// What a token says whose signature holds.
pub(crate) struct Verified<'a> {
    /// Of the header.
    pub(crate) typ: Option<String>,
    pub(crate) claims: KnownClaims,
    /// Header and payload as they are spelled: what the signature is over.
    pub(crate) signed: &'a str,
}

fn refused(error: JwsError) -> Refusal {
    match error {
        JwsError::Algorithm => Refusal::WrongAlgorithm,
        JwsError::Signature => Refusal::BadSignature,
        JwsError::TooLong | JwsError::Malformed | JwsError::Kid | JwsError::Header => Refusal::Malformed,
    }
}
