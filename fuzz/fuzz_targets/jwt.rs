//! Any text is taken apart or refused, and never verifies under a key that did not sign it.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::protocol::claims::Claims;
use symbolon_core::protocol::jwk::VerifyingKey;
use symbolon_core::protocol::jws::{SigningKey, UnverifiedJws};

static KEY: LazyLock<VerifyingKey> = LazyLock::new(|| {
    let pkcs8 = SigningKey::generate_pkcs8(Algorithm::Ed25519).unwrap();
    VerifyingKey::from_jwk(&SigningKey::from_pkcs8(Algorithm::Ed25519, "k", &pkcs8).unwrap().jwk()).unwrap()
});

fuzz_target!(|data: &[u8]| {
    let _ = Claims::parse(data);
    if let Ok(token) = std::str::from_utf8(data)
        && let Ok(unverified) = UnverifiedJws::parse(token)
    {
        assert!(unverified.verify(&KEY).is_err());
    }
});
