//! What a browser's passkey says, verified as a relying party has to (Web Authentication Level 3, §7.1 and §7.2).
//! Pure: no storage and no time; whoever calls this has a challenge that was made here and is used once.
//!
//! Attestation is asked for by nobody and looked at by nobody: it would say which maker's device it is, and every
//! maker's is welcome. What counts is that the same key signs again later.

use aws_lc_rs::digest;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use minicbor::Decoder;
use minicbor::data::Type;
use serde::Deserialize;

/// Why a passkey's answer proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyFault {
    /// It is not of the form that the standard gives it.
    #[error("{0} is malformed")]
    Malformed(&'static str),
    /// It answers another question: making a passkey is not using one.
    #[error("it was made for another ceremony")]
    Ceremony,
    /// It answers another challenge.
    #[error("it answers another challenge")]
    Challenge,
    /// The challenge was answered before.
    #[error("its challenge was answered before")]
    Replayed,
    /// It was made on a page of another origin, or inside one.
    #[error("it was made on a page of another origin")]
    Origin,
    /// It is for another relying party.
    #[error("it is for another relying party")]
    RelyingParty,
    /// Nobody touched the device.
    #[error("nobody was there to confirm it")]
    NotPresent,
    /// The device asked for neither a finger nor a PIN, which a passkey alone needs.
    #[error("the device did not verify its user")]
    NotVerified,
    /// No passkey of that id, or not of that user.
    #[error("there is no such passkey")]
    Unknown,
    /// The signature does not hold.
    #[error("its signature is wrong")]
    Signature,
    /// The device's counter did not grow: there may be a copy of it.
    #[error("its counter went back: there may be a copy of the passkey")]
    Counter,
    /// A key of a kind that was not asked for.
    #[error("its key is of a kind that is not used here")]
    Algorithm,
}

/// ES256, Ed25519 and RS256 by their COSE numbers, in the order in which they are preferred.
pub(super) const ALGORITHMS: [i64; 3] = [-7, -8, -257];

/// The longest id of a credential, in bytes (§7.1, step 25).
const LONGEST_CREDENTIAL_ID: usize = 1023;
/// Flags of authenticator data (§6.1).
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

/// What a new passkey answers, as `PublicKeyCredential.toJSON()` writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationResponse {
    /// The credential's id, base64url.
    pub raw_id: String,
    /// What was made.
    pub response: Attestation,
}

/// What a device says of a passkey that it made.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// What the browser collected, base64url.
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: String,
    /// What the device made, base64url.
    pub attestation_object: String,
    /// How the device can be reached.
    #[serde(default)]
    pub transports: Vec<String>,
}

/// What a passkey answers that is used, as `PublicKeyCredential.toJSON()` writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssertionResponse {
    /// The credential's id, base64url.
    pub raw_id: String,
    /// What was signed.
    pub response: Assertion,
}

/// What a device signed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assertion {
    /// What the browser collected, base64url.
    #[serde(rename = "clientDataJSON")]
    pub client_data_json: String,
    /// What the device says, base64url.
    pub authenticator_data: String,
    /// Its signature over both, base64url.
    pub signature: String,
    /// What the device calls the user, base64url.
    #[serde(default)]
    pub user_handle: Option<String>,
}

/// What is expected of an answer.
pub(super) struct Expected<'a> {
    /// The challenge, base64url, as it was sent.
    pub(super) challenge: &'a str,
    /// The origin of the page.
    pub(super) origin: &'a str,
    /// The id of the relying party.
    pub(super) rp_id: &'a str,
    /// Whether the device has to have verified its user.
    pub(super) verified: bool,
}

/// A passkey that was made.
#[derive(Debug)]
pub(super) struct Made {
    /// The credential's id, base64url.
    pub(super) credential: String,
    /// The public key in the COSE form, base64url.
    pub(super) key: String,
    pub(super) counter: u32,
    pub(super) backup_eligible: bool,
    pub(super) backed_up: bool,
}

/// A passkey that was used.
#[derive(Debug)]
pub(super) struct Used {
    pub(super) counter: u32,
    pub(super) backed_up: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    ceremony: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    top_origin: Option<String>,
}

fn decode(what: &'static str, text: &str) -> Result<Vec<u8>, PasskeyFault> {
    BASE64URL.decode(text).map_err(|_| PasskeyFault::Malformed(what))
}

pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

impl Expected<'_> {
    /// Checks what the browser collected (§7.1 steps 5 to 11, §7.2 steps 8 to 14); answers its bytes.
    fn client_data(&self, encoded: &str, ceremony: &str) -> Result<Vec<u8>, PasskeyFault> {
        const WHAT: &str = "clientDataJSON";
        let bytes = decode(WHAT, encoded)?;
        let data: ClientData = serde_json::from_slice(&bytes).map_err(|_| PasskeyFault::Malformed(WHAT))?;
        if data.ceremony != ceremony {
            return Err(PasskeyFault::Ceremony);
        }
        // Both were made public by the question; the comparison has nothing to hide.
        if data.challenge != self.challenge {
            return Err(PasskeyFault::Challenge);
        }
        if data.origin != self.origin || data.cross_origin || data.top_origin.is_some() {
            return Err(PasskeyFault::Origin);
        }
        Ok(bytes)
    }

    /// Checks what the device says (§7.1 steps 14 to 18, §7.2 steps 15 to 19).
    fn device(&self, data: &AuthenticatorData<'_>) -> Result<(), PasskeyFault> {
        if data.rp_id_hash != sha256(self.rp_id.as_bytes()) {
            return Err(PasskeyFault::RelyingParty);
        }
        if data.flags & USER_PRESENT == 0 {
            return Err(PasskeyFault::NotPresent);
        }
        if self.verified && data.flags & USER_VERIFIED == 0 {
            return Err(PasskeyFault::NotVerified);
        }
        if data.flags & BACKED_UP != 0 && data.flags & BACKUP_ELIGIBLE == 0 {
            return Err(PasskeyFault::Malformed("authenticatorData"));
        }
        Ok(())
    }

    /// Verifies that a passkey was made for this question (§7.1).
    pub(super) fn made(&self, answer: &RegistrationResponse) -> Result<Made, PasskeyFault> {
        self.client_data(&answer.response.client_data_json, "webauthn.create")?;
        let object = decode("attestationObject", &answer.response.attestation_object)?;
        let data = authenticator_data_of(&object)?;
        let data = AuthenticatorData::parse(data)?;
        self.device(&data)?;
        let attested = data.attested.as_ref().ok_or(PasskeyFault::Malformed("authenticatorData"))?;
        if decode("rawId", &answer.raw_id)? != attested.credential {
            return Err(PasskeyFault::Malformed("rawId"));
        }
        PublicKey::parse(attested.key)?;
        Ok(Made {
            credential: BASE64URL.encode(attested.credential),
            key: BASE64URL.encode(attested.key),
            counter: data.counter,
            backup_eligible: data.flags & BACKUP_ELIGIBLE != 0,
            backed_up: data.flags & BACKED_UP != 0,
        })
    }

    /// Verifies that a passkey signed the answer to this question (§7.2). `known` is what is kept of it: the key,
    /// the counter, and whether it may be backed up, which never changes.
    pub(super) fn used(
        &self,
        answer: &Assertion,
        (key, counter, backup_eligible): (&str, u32, bool),
    ) -> Result<Used, PasskeyFault> {
        let client_data = self.client_data(&answer.client_data_json, "webauthn.get")?;
        let bytes = decode("authenticatorData", &answer.authenticator_data)?;
        let data = AuthenticatorData::parse(&bytes)?;
        self.device(&data)?;
        let key = decode("key", key)?;
        let signature = decode("signature", &answer.signature)?;
        let signed = [&bytes[..], &sha256(&client_data)].concat();
        PublicKey::parse(&key)?.verify(&signed, &signature)?;
        if (data.flags & BACKUP_ELIGIBLE != 0) != backup_eligible {
            return Err(PasskeyFault::Malformed("authenticatorData"));
        }
        // Devices without a counter say 0 for ever (§6.1.1).
        if (data.counter != 0 || counter != 0) && data.counter <= counter {
            return Err(PasskeyFault::Counter);
        }
        Ok(Used { counter: data.counter, backed_up: data.flags & BACKED_UP != 0 })
    }
}

/// What a device says (§6.1).
struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8],
    flags: u8,
    counter: u32,
    attested: Option<Attested<'a>>,
}

/// A new credential (§6.5.1).
struct Attested<'a> {
    credential: &'a [u8],
    key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Reads all of it: nothing may be left over.
    fn parse(bytes: &'a [u8]) -> Result<Self, PasskeyFault> {
        Self::read(bytes).ok_or(PasskeyFault::Malformed("authenticatorData"))
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (rp_id_hash, rest) = bytes.split_at_checked(32)?;
        let (&flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let mut attested = None;
        if flags & ATTESTED != 0 {
            let (_aaguid, after) = rest.split_at_checked(16)?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            if length == 0 || length > LONGEST_CREDENTIAL_ID {
                return None;
            }
            let (credential, after) = after.split_at_checked(length)?;
            let (key, after) = after.split_at_checked(item_length(after)?)?;
            attested = Some(Attested { credential, key });
            rest = after;
        }
        if flags & EXTENSIONS != 0 {
            rest = rest.get(item_length(rest)?..)?;
        }
        let counter = u32::from_be_bytes(*counter);
        rest.is_empty().then_some(Self { rp_id_hash, flags, counter, attested })
    }
}

/// The length of the CBOR map that a text begins with.
fn item_length(bytes: &[u8]) -> Option<usize> {
    let mut decoder = Decoder::new(bytes);
    matches!(decoder.datatype(), Ok(Type::Map)).then_some(())?;
    decoder.skip().ok()?;
    Some(decoder.position())
}

/// The authenticator data in an attestation object (§6.5.4); its statement is skipped.
fn authenticator_data_of(object: &[u8]) -> Result<&[u8], PasskeyFault> {
    let read = || {
        let mut decoder = Decoder::new(object);
        let mut data = None;
        for _ in 0..decoder.map().ok()?? {
            if decoder.str().ok()? == "authData" {
                let bytes = decoder.bytes().ok()?;
                if data.replace(bytes).is_some() {
                    return None;
                }
            } else {
                decoder.skip().ok()?;
            }
        }
        if decoder.position() == object.len() { data } else { None }
    };
    read().ok_or(PasskeyFault::Malformed("attestationObject"))
}

/// A public key of a passkey.
enum PublicKey {
    /// Point, uncompressed.
    Es256(Vec<u8>),
    Ed25519(Vec<u8>),
    /// Modulus and exponent.
    Rs256(Vec<u8>, Vec<u8>),
}

/// The members of a COSE key that are used here (RFC 9053, RFC 8230).
#[derive(Default)]
struct CoseKey<'a> {
    kty: Option<i64>,
    alg: Option<i64>,
    /// -1: the curve, or the modulus of RSA.
    crv: Option<i64>,
    n: Option<&'a [u8]>,
    /// -2: x, or the exponent of RSA.
    x: Option<&'a [u8]>,
    /// -3
    y: Option<&'a [u8]>,
}

impl<'a> CoseKey<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let mut key = Self::default();
        for _ in 0..decoder.map().ok()?? {
            let label = decoder.i64().ok()?;
            let is_bytes = matches!(decoder.datatype(), Ok(Type::Bytes));
            let is_new = match label {
                1 => key.kty.replace(decoder.i64().ok()?).is_none(),
                3 => key.alg.replace(decoder.i64().ok()?).is_none(),
                -1 if is_bytes => key.n.replace(decoder.bytes().ok()?).is_none(),
                -1 => key.crv.replace(decoder.i64().ok()?).is_none(),
                -2 => key.x.replace(decoder.bytes().ok()?).is_none(),
                -3 => key.y.replace(decoder.bytes().ok()?).is_none(),
                _ => {
                    decoder.skip().ok()?;
                    true
                }
            };
            if !is_new {
                return None;
            }
        }
        (decoder.position() == bytes.len()).then_some(key)
    }
}

impl PublicKey {
    /// Reads a key of a kind that is asked for.
    fn parse(bytes: &[u8]) -> Result<Self, PasskeyFault> {
        let key = CoseKey::read(bytes).ok_or(PasskeyFault::Malformed("key"))?;
        match (key.kty, key.alg, key.crv, (key.n, key.x, key.y)) {
            (Some(2), Some(-7), Some(1), (None, Some(x), Some(y))) if x.len() == 32 && y.len() == 32 => {
                Ok(Self::Es256([&[4], x, y].concat()))
            }
            (Some(1), Some(-8), Some(6), (None, Some(x), None)) if x.len() == 32 => {
                Ok(Self::Ed25519(x.to_vec()))
            }
            (Some(3), Some(-257), None, (Some(n), Some(e), None)) => Ok(Self::Rs256(n.to_vec(), e.to_vec())),
            _ => Err(PasskeyFault::Algorithm),
        }
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<(), PasskeyFault> {
        let verified = match self {
            Self::Es256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(signed, signature)
            }
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(signed, signature),
            Self::Rs256(n, e) => {
                PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            }
        };
        verified.map_err(|_| PasskeyFault::Signature)
    }
}

#[cfg(test)]
mod tests;
