//! The form of secrets that Symbolon makes: `sym_<kind>_<key id>_<43 base62><6 base62 of CRC-32>`.
//!
//! The prefix lets scanners find a leaked secret, the checksum lets them (and the server) tell a real one from
//! a typing error without looking anything up, and the alphabet survives a double click, a shell and a URL.

use zeroize::Zeroizing;

/// A regular expression that finds secrets of this form in any text; published for secret scanners.
pub const PATTERN: &str = "sym_[a-z]+_[A-Za-z0-9_]+_[A-Za-z0-9]{49}";

/// The kind of an access key's secret.
pub const ACCESS_KEY: &str = "sk";

const PREFIX: &str = "sym_";
const RANDOM_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a text is, judged by its form alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Of this form, with a right checksum.
    Ours,
    /// It begins like one of ours, but its checksum is wrong: a typing error or an invention.
    Damaged,
    /// A secret from elsewhere, taken over as it is.
    Foreign,
}

/// Writes a secret from 256 random bits.
///
/// Characters of the key id that the form does not allow are written as `_`; the id serves people, not look-ups.
pub fn encode(kind: &str, key_id: &str, random: &[u8; 32]) -> Zeroizing<String> {
    let id: String = key_id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let mut secret = Zeroizing::new(String::with_capacity(PREFIX.len() + kind.len() + id.len() + 51));
    for part in [PREFIX, kind, "_", &id, "_"] {
        secret.push_str(part);
    }
    push_base62(&mut secret, random);
    let checksum = checksum(&secret);
    secret.push_str(&checksum);
    secret
}

/// Judges a text by its form.
pub fn inspect(text: &str) -> Form {
    if !text.starts_with(PREFIX) {
        return Form::Foreign;
    }
    let Some((body, sum)) = text.split_at_checked(text.len().saturating_sub(CHECKSUM_CHARACTERS)) else {
        return Form::Damaged;
    };
    let random = body.rsplit('_').next().unwrap_or_default();
    let well_formed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && random.len() == RANDOM_CHARACTERS
        && body.split('_').count() >= 4;
    if well_formed && checksum(body) == sum { Form::Ours } else { Form::Damaged }
}

fn checksum(text: &str) -> String {
    let mut sum = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM_CHARACTERS];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(sum % 62) as usize];
        sum /= 62;
    }
    digits.iter().map(|b| char::from(*b)).collect()
}

/// Appends the 256-bit number in base 62, most significant digit first, always 43 digits.
fn push_base62(text: &mut String, number: &[u8; 32]) {
    let mut rest = Zeroizing::new(*number);
    let mut digits = Zeroizing::new([b'0'; RANDOM_CHARACTERS]);
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in rest.iter_mut() {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = ALPHABET[remainder as usize];
    }
    text.extend(digits.iter().map(|b| char::from(*b)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_extremes_keep_their_length() {
        let zero = encode(ACCESS_KEY, "key_1", &[0; 32]);
        assert!(zero.starts_with(&format!("sym_sk_key_1_{}", "0".repeat(43))));
        let full = encode(ACCESS_KEY, "key_1", &[255; 32]);
        assert_eq!(zero.len(), full.len());
        assert_eq!(inspect(&full), Form::Ours);
    }

    #[test]
    fn foreign_secrets_are_left_alone() {
        assert_eq!(inspect("8f14e45f-ceea-467f"), Form::Foreign);
        assert_eq!(inspect(""), Form::Foreign);
        assert_eq!(inspect("sym_"), Form::Damaged);
        assert_eq!(inspect("sym_é"), Form::Damaged);
    }

    proptest! {
        #[test]
        fn a_changed_character_is_noticed(random in any::<[u8; 32]>(), at in 0_usize..60, other in "[A-Za-z0-9]") {
            let secret = encode(ACCESS_KEY, "key_01ABC", &random);
            prop_assert_eq!(inspect(&secret), Form::Ours);
            let at = at % secret.len();
            if secret[at..=at] != other && at >= PREFIX.len() {
                let mut changed = secret.to_string();
                changed.replace_range(at..=at, &other);
                prop_assert_eq!(inspect(&changed), Form::Damaged);
            }
        }

        #[test]
        fn different_bits_make_different_secrets(a in any::<[u8; 32]>(), b in any::<[u8; 32]>()) {
            prop_assume!(a != b);
            prop_assert_ne!(encode(ACCESS_KEY, "k", &a).to_string(), encode(ACCESS_KEY, "k", &b).to_string());
        }
    }
}
