//! Any body in either encoding is read or refused; an empty value is absent, and only `resource` repeats.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_core::protocol::client_auth::UnverifiedCredentials;
use symbolon_core::protocol::parameters::{Encoding, Parameters};

fuzz_target!(|body: &[u8]| {
    for encoding in [Encoding::Form, Encoding::Json] {
        let Ok(parameters) = Parameters::read(encoding, body) else { continue };
        for name in ["grant_type", "client_id", "client_secret", "audience", "scope", "resource"] {
            assert!(parameters.all(name).all(|value| !value.is_empty()));
            assert!(name == "resource" || parameters.all(name).count() <= 1);
        }
        let _ = UnverifiedCredentials::read(None, &parameters);
    }
});
