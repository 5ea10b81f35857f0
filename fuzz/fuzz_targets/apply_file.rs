//! Any file is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_core::apply::description::Description;

fuzz_target!(|text: &str| {
    let _ = Description::parse(text);
});
