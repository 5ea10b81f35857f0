//! Patterns agree with a slow oracle that tries every way to split the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbolon_core::policy::Pattern;

fn oracle(pattern: &[u8], text: &[u8]) -> bool {
    // reachable[i]: the pattern so far covers the first i bytes of the text.
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for byte in pattern {
        if *byte == b'*' {
            let first = reachable.iter().position(|covered| *covered).unwrap_or(reachable.len());
            for (index, covered) in reachable.iter_mut().enumerate() {
                *covered = index >= first;
            }
        } else {
            for index in (0..=text.len()).rev() {
                reachable[index] = index > 0 && reachable[index - 1] && text[index - 1] == *byte;
            }
        }
    }
    reachable[text.len()]
}

fuzz_target!(|input: (String, String)| {
    let (pattern, text) = input;
    assert_eq!(Pattern(pattern.clone()).matches(&text), oracle(pattern.as_bytes(), text.as_bytes()));
});
