//! Any Authorization header is read or refused; there are one or two readings, none of them empty.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_core::protocol::client_auth::UnverifiedCredentials;
use symbolon_core::protocol::parameters::Parameters;

fuzz_target!(|header: &[u8]| {
    if let Ok(read) = UnverifiedCredentials::read(Some(header), &Parameters::empty()) {
        assert!(matches!(read.readings.len(), 1 | 2));
        assert!(read.readings[0].secret.len() + read.readings[0].id.len() < header.len());
    }
});
