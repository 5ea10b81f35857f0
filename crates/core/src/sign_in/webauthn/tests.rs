//! A device made of software, and everything that it could do wrong.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use minicbor::Encoder;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const ORIGIN: &str = "https://auth.example";
const RP: &str = "auth.example";
const CHALLENGE: &str = "Y2hhbGxlbmdl";
const ID: &[u8] = b"credential-id";

enum Key {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

impl Key {
    fn es256() -> Self {
        Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    fn cose(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        match self {
            Self::Es256(key) => {
                let point = key.public_key().as_ref();
                let e = encoder.map(5).unwrap().i8(1).unwrap().i8(2).unwrap().i8(3).unwrap().i8(-7).unwrap();
                let e = e.i8(-1).unwrap().i8(1).unwrap().i8(-2).unwrap().bytes(&point[1..33]).unwrap();
                e.i8(-3).unwrap().bytes(&point[33..]).unwrap();
            }
            Self::Ed25519(key) => {
                let e = encoder.map(4).unwrap().i8(1).unwrap().i8(1).unwrap().i8(3).unwrap().i8(-8).unwrap();
                let e = e.i8(-1).unwrap().i8(6).unwrap().i8(-2).unwrap();
                e.bytes(key.public_key().as_ref()).unwrap();
            }
            Self::Rs256(key) => {
                let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
                let map = encoder.map(4).unwrap().i8(1).unwrap().i8(3).unwrap().i8(3).unwrap();
                let map = map.i16(-257).unwrap().i8(-1).unwrap();
                let map = map.bytes(n.big_endian_without_leading_zero()).unwrap().i8(-2).unwrap();
                map.bytes(e.big_endian_without_leading_zero()).unwrap();
            }
        }
        encoder.into_writer()
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(key) => key.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec(),
            Self::Ed25519(key) => key.sign(text).as_ref().to_vec(),
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// What a device and its browser say, each part of which a test may change.
struct Says {
    client_data: serde_json::Value,
    rp_id: &'static str,
    flags: u8,
    counter: u32,
    extensions: bool,
    trailing: &'static [u8],
}

impl Says {
    fn right(ceremony: &str) -> Self {
        Self {
            client_data: json!({
                "type": ceremony, "challenge": CHALLENGE, "origin": ORIGIN, "crossOrigin": false,
            }),
            rp_id: RP,
            flags: USER_PRESENT | USER_VERIFIED,
            counter: 7,
            extensions: false,
            trailing: b"",
        }
    }

    fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.client_data[name] = value.into();
        self
    }

    fn client_data(&self) -> Vec<u8> {
        serde_json::to_vec(&self.client_data).unwrap()
    }

    fn data(&self, attested: Option<&[u8]>) -> Vec<u8> {
        let mut data = sha256(self.rp_id.as_bytes());
        data.push(
            self.flags
                | if attested.is_some() { ATTESTED } else { 0 }
                | if self.extensions { EXTENSIONS } else { 0 },
        );
        data.extend(self.counter.to_be_bytes());
        if let Some(key) = attested {
            data.extend([0; 16]);
            data.extend(u16::try_from(ID.len()).unwrap().to_be_bytes());
            data.extend(ID);
            data.extend(key);
        }
        if self.extensions {
            let mut encoder = Encoder::new(&mut data);
            encoder.map(1).unwrap().str("credProtect").unwrap().u8(2).unwrap();
        }
        data.extend(self.trailing);
        data
    }

    fn makes(&self, key: &[u8]) -> RegistrationResponse {
        let mut encoder = Encoder::new(Vec::new());
        let map = encoder.map(3).unwrap().str("fmt").unwrap().str("none").unwrap();
        let map = map.str("attStmt").unwrap().map(0).unwrap().str("authData").unwrap();
        map.bytes(&self.data(Some(key))).unwrap();
        RegistrationResponse {
            raw_id: BASE64URL.encode(ID),
            response: Attestation {
                client_data_json: BASE64URL.encode(self.client_data()),
                attestation_object: BASE64URL.encode(encoder.into_writer()),
                transports: vec!["internal".to_owned()],
            },
        }
    }

    fn uses(&self, key: &Key) -> Assertion {
        let data = self.data(None);
        let signature = key.sign(&[&data[..], &sha256(&self.client_data())].concat());
        Assertion {
            client_data_json: BASE64URL.encode(self.client_data()),
            authenticator_data: BASE64URL.encode(data),
            signature: BASE64URL.encode(signature),
            user_handle: None,
        }
    }
}

fn expected() -> Expected<'static> {
    Expected { challenge: CHALLENGE, origin: ORIGIN, rp_id: RP, verified: true }
}

fn made(says: &Says) -> Result<Made, PasskeyFault> {
    expected().made(&says.makes(&Key::es256().cose()))
}

fn used(says: &Says) -> Result<Used, PasskeyFault> {
    let key = Key::es256();
    expected().used(&says.uses(&key), (&BASE64URL.encode(key.cose()), 6, false))
}

#[test]
fn passkeys_of_each_kind_are_made_and_used() {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let keys = [Key::es256(), Key::Ed25519(Ed25519KeyPair::generate().unwrap()), Key::Rs256(rsa)];
    for key in keys {
        let made = expected().made(&Says::right("webauthn.create").makes(&key.cose())).unwrap();
        assert_eq!((made.credential, made.counter), (BASE64URL.encode(ID), 7));
        let says = Says { counter: 8, ..Says::right("webauthn.get") };
        let used = expected().used(&says.uses(&key), (&made.key, 7, made.backup_eligible)).unwrap();
        assert_eq!(used.counter, 8);
        let other = Key::es256();
        let wrong = expected().used(&says.uses(&other), (&made.key, 7, false)).unwrap_err();
        assert_eq!(wrong, PasskeyFault::Signature);
    }
}

#[test]
fn what_the_browser_says_has_to_be_what_was_asked() {
    let right = |ceremony| move || Says::right(ceremony);
    for (ceremony, other) in [("webauthn.create", "webauthn.get"), ("webauthn.get", "webauthn.create")] {
        let says = right(ceremony);
        let fault = |says: Says| {
            let fault = if ceremony == "webauthn.get" { used(&says).err() } else { made(&says).err() };
            fault.unwrap()
        };
        assert_eq!(fault(says().with("type", other)), PasskeyFault::Ceremony);
        assert_eq!(fault(says().with("challenge", "b3RoZXI")), PasskeyFault::Challenge);
        assert_eq!(fault(says().with("challenge", "")), PasskeyFault::Challenge);
        for origin in [
            "https://auth.example.evil.test",
            "https://evil.test",
            "http://auth.example",
            "https://auth.example:8443",
            "https://sub.auth.example",
            "null",
        ] {
            assert_eq!(fault(says().with("origin", origin)), PasskeyFault::Origin, "{origin}");
        }
        assert_eq!(fault(says().with("crossOrigin", true)), PasskeyFault::Origin);
        assert_eq!(fault(says().with("topOrigin", "https://evil.test")), PasskeyFault::Origin);
        assert_eq!(fault(says().with("origin", 1)), PasskeyFault::Malformed("clientDataJSON"));
        // Whatever else a browser adds is no harm (§5.8.1).
        let more = says().with("other_keys_can_be_added_here", "do not compare");
        assert!(if ceremony == "webauthn.get" { used(&more).is_ok() } else { made(&more).is_ok() });
    }
}

#[test]
fn what_the_device_says_has_to_be_for_this_site_and_of_somebody_present() {
    for ceremony in ["webauthn.create", "webauthn.get"] {
        let fault = |says: Says| {
            let fault = if ceremony == "webauthn.get" { used(&says).err() } else { made(&says).err() };
            fault.unwrap()
        };
        let right = || Says::right(ceremony);
        let malformed = PasskeyFault::Malformed("authenticatorData");
        assert_eq!(fault(Says { rp_id: "evil.test", ..right() }), PasskeyFault::RelyingParty);
        assert_eq!(fault(Says { flags: USER_VERIFIED, ..right() }), PasskeyFault::NotPresent);
        assert_eq!(fault(Says { flags: USER_PRESENT, ..right() }), PasskeyFault::NotVerified);
        let backed_up = USER_PRESENT | USER_VERIFIED | BACKED_UP;
        assert_eq!(fault(Says { flags: backed_up, ..right() }), malformed);
        assert_eq!(fault(Says { trailing: b"x", ..right() }), malformed);
        let more = Says { extensions: true, ..right() };
        assert!(if ceremony == "webauthn.get" { used(&more).is_ok() } else { made(&more).is_ok() });
    }
}

#[test]
fn a_counter_that_does_not_grow_is_a_copy() {
    let key = Key::es256();
    let known = BASE64URL.encode(key.cose());
    let at = |said: u32, stored: u32| {
        let says = Says { counter: said, ..Says::right("webauthn.get") };
        expected().used(&says.uses(&key), (&known, stored, false)).map(|used| used.counter)
    };
    assert_eq!(at(8, 7), Ok(8));
    assert_eq!(at(0, 0), Ok(0), "a device without a counter");
    assert_eq!(at(1, 0), Ok(1));
    for (said, stored) in [(7, 7), (6, 7), (0, 7), (0, u32::MAX)] {
        assert_eq!(at(said, stored), Err(PasskeyFault::Counter), "{said} after {stored}");
    }
}

#[test]
fn whether_a_passkey_may_be_backed_up_never_changes() {
    let key = Key::es256();
    let known = BASE64URL.encode(key.cose());
    let says = Says::right("webauthn.get");
    let fault = expected().used(&says.uses(&key), (&known, 0, true)).unwrap_err();
    assert_eq!(fault, PasskeyFault::Malformed("authenticatorData"));
}

#[test]
fn keys_that_nobody_asked_for_are_refused() {
    let es256 = Key::es256().cose();
    let says = Says::right("webauthn.create");
    let fault = |key: &[u8]| expected().made(&says.makes(key)).err();
    let changed = |place: usize, byte: u8| {
        let mut key = es256.clone();
        key[place] = byte;
        key
    };
    // {1: 2, 3: -7, -1: 1, …}: another kty, alg and curve.
    assert_eq!(fault(&changed(2, 1)), Some(PasskeyFault::Algorithm));
    assert_eq!(fault(&changed(4, 0x27)), Some(PasskeyFault::Algorithm));
    assert_eq!(fault(&changed(6, 2)), Some(PasskeyFault::Algorithm));
    // A member twice.
    assert_eq!(fault(&changed(3, 1)), Some(PasskeyFault::Malformed("key")));
    let mut another_id = says.makes(&es256);
    another_id.raw_id = BASE64URL.encode(b"another");
    assert_eq!(expected().made(&another_id).err(), Some(PasskeyFault::Malformed("rawId")));
}

#[test]
fn every_beginning_and_every_changed_byte_of_an_answer_is_refused() {
    let key = Key::es256();
    let known = BASE64URL.encode(key.cose());
    let right = Says::right("webauthn.get").uses(&key);
    let bytes = BASE64URL.decode(&right.authenticator_data).unwrap();
    let with = |data: &[u8]| Assertion {
        authenticator_data: BASE64URL.encode(data),
        client_data_json: right.client_data_json.clone(),
        signature: right.signature.clone(),
        user_handle: None,
    };
    for length in 0..bytes.len() {
        assert!(expected().used(&with(&bytes[..length]), (&known, 0, false)).is_err());
    }
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert!(expected().used(&with(&changed), (&known, 0, false)).is_err(), "{place}");
    }
    assert!(expected().used(&right, (&known, 0, false)).is_ok());
}

proptest! {
    /// Whatever strangers send as an attestation is refused, without a panic.
    #[test]
    fn noise_is_refused(noise in proptest::collection::vec(any::<u8>(), 0..400)) {
        let says = Says::right("webauthn.create");
        let mut answer = says.makes(&noise);
        prop_assert!(expected().made(&answer).is_err());
        answer.response.attestation_object = BASE64URL.encode(&noise);
        prop_assert!(expected().made(&answer).is_err());
    }
}

#[test]
fn the_json_is_that_of_browsers() {
    let registration: RegistrationResponse = serde_json::from_value(json!({
        "id": "AA", "rawId": "AA", "type": "public-key", "authenticatorAttachment": "platform",
        "clientExtensionResults": {},
        "response": {
            "clientDataJSON": "e30", "attestationObject": "oA", "authenticatorData": "AA",
            "publicKey": "AA", "publicKeyAlgorithm": -7, "transports": ["internal", "hybrid"],
        },
    }))
    .unwrap();
    assert_eq!(registration.response.transports, ["internal", "hybrid"]);
    let assertion: AssertionResponse = serde_json::from_value(json!({
        "id": "AA", "rawId": "AA", "type": "public-key", "clientExtensionResults": {},
        "response": {
            "clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA", "userHandle": "dXNlcg",
        },
    }))
    .unwrap();
    assert_eq!(assertion.response.user_handle.as_deref(), Some("dXNlcg"));
}
