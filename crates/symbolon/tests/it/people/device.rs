//! A device with a passkey, made of software: it answers what a browser is asked.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};
use symbolon_core::sign_in::passkey::{AssertionResponse, RegistrationResponse, RelyingParty};

pub(crate) const ORIGIN: &str = "https://auth.example";

pub(crate) fn rp() -> RelyingParty {
    RelyingParty::at("https://auth.example/console", "Symbolon").unwrap()
}

/// Present, and verified by a finger.
const VERIFIED: u8 = 5;
/// Present alone.
const PRESENT: u8 = 1;

/// The device.
pub(crate) struct Device {
    key: EcdsaKeyPair,
    credential: String,
    handle: String,
    pub(crate) counter: u32,
    /// Whether it asks for a finger.
    pub(crate) verifies: bool,
    /// The page that it believes to be on.
    pub(crate) origin: &'static str,
    pub(crate) rp_id: &'static str,
    /// Whether it says whose passkey it is.
    pub(crate) names_user: bool,
}

fn sha256(text: &[u8]) -> Vec<u8> {
    digest(&SHA256, text).as_ref().to_vec()
}

impl Device {
    /// A device that has no passkey yet; it takes its site and user from what it is asked.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(),
            credential: BASE64URL.encode(name),
            handle: String::new(),
            counter: 1,
            verifies: true,
            origin: ORIGIN,
            rp_id: "auth.example",
            names_user: true,
        }
    }

    fn client_data(&self, ceremony: &str, options: &Value) -> Vec<u8> {
        let data = json!({
            "type": ceremony, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false,
        });
        serde_json::to_vec(&data).unwrap()
    }

    fn says(&self, more: u8) -> Vec<u8> {
        let mut data = sha256(self.rp_id.as_bytes());
        data.push(if self.verifies { VERIFIED } else { PRESENT } | more);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// `navigator.credentials.create`
    pub(crate) fn makes(&mut self, options: &Value) -> RegistrationResponse {
        serde_json::from_value(self.made(options)).unwrap()
    }

    /// The same, as it is sent.
    pub(crate) fn made(&mut self, options: &Value) -> Value {
        options["user"]["id"].as_str().unwrap().clone_into(&mut self.handle);
        let credential = BASE64URL.decode(&self.credential).unwrap();
        let point = self.key.public_key().as_ref();
        let mut data = self.says(1 << 6);
        data.extend([0; 16]);
        data.extend(u16::try_from(credential.len()).unwrap().to_be_bytes());
        data.extend(&credential);
        // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
        data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 32]);
        data.extend(&point[33..]);
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        let response = json!({
            "clientDataJSON": BASE64URL.encode(self.client_data("webauthn.create", options)),
            "attestationObject": BASE64URL.encode(object),
            "transports": ["internal"],
        });
        json!({ "rawId": self.credential, "response": response })
    }

    /// `navigator.credentials.get`
    pub(crate) fn answers(&mut self, options: &Value) -> AssertionResponse {
        self.counter += 1;
        self.answers_without_counting(options)
    }

    /// The same, as it is sent.
    pub(crate) fn answered(&mut self, options: &Value) -> Value {
        self.counter += 1;
        self.signed(options)
    }

    /// The same, as a copy of the device that has not heard of the last time.
    pub(crate) fn answers_without_counting(&self, options: &Value) -> AssertionResponse {
        serde_json::from_value(self.signed(options)).unwrap()
    }

    fn signed(&self, options: &Value) -> Value {
        let (client_data, data) = (self.client_data("webauthn.get", options), self.says(0));
        let signed = [&data[..], &sha256(&client_data)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap();
        let response = json!({
            "clientDataJSON": BASE64URL.encode(client_data),
            "authenticatorData": BASE64URL.encode(data),
            "signature": BASE64URL.encode(signature),
            "userHandle": self.names_user.then_some(&self.handle),
        });
        json!({ "rawId": self.credential, "response": response })
    }
}
