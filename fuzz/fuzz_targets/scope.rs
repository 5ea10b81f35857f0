//! What is read can be written and reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_core::protocol::scope::ScopeSet;

fuzz_target!(|text: &str| {
    if let Ok(set) = ScopeSet::parse(text) {
        assert_eq!(ScopeSet::parse(&set.to_string()).unwrap(), set);
    }
});
