//! The form of secrets that Symbolon makes: `sym_<kind>_<key id>_<43 base62><6 base62 of CRC-32>`.
//!
//! The prefix lets scanners find a leaked secret, the checksum lets them (and the server) tell a real one from
//! a typing error without looking anything up, and the alphabet survives a double click, a shell and a URL.

use std::borrow::Cow;
use std::ops::Range;

use zeroize::Zeroizing;

/// A regular expression that finds secrets of this form in any text; published for secret scanners
/// (docs/leaks.md). What it finds is only shaped like one: [`inspect`] says by the checksum whether it is.
pub const PATTERN: &str = "sym_[a-z]+_[A-Za-z0-9_]+_[A-Za-z0-9]{49}";

/// The kind of an access key's secret.
pub const ACCESS_KEY: &str = "sk";
/// The kind of a session's token.
pub const SESSION: &str = "session";
/// The kind of a link that can be used once.
pub const LINK: &str = "link";

const PREFIX: &str = "sym_";
const RANDOM_CHARACTERS: usize = 43;
const CHECKSUM_CHARACTERS: usize = 6;
const LAST_CHARACTERS: usize = RANDOM_CHARACTERS + CHECKSUM_CHARACTERS;

/// The longest secret of this form that can be found in a text, in characters: a key id has at most 255.
pub const LONGEST: usize = PREFIX.len() + 16 + 1 + 255 + 1 + LAST_CHARACTERS;
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

/// Finds the secrets of this form in any bytes, wherever they stand in them, in order; nothing that only looks like
/// one. Takes time in proportion to the length, whatever the bytes are.
pub fn find(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(at) =
            text.get(from..)?.windows(PREFIX.len()).position(|four| four == PREFIX.as_bytes())
        {
            let start = from + at;
            if let Some(length) = length_at(text.get(start..)?) {
                from = start + length;
                return Some(start..from);
            }
            from = start + PREFIX.len();
        }
        from = text.len();
        None
    })
}

/// The length of the secret that a text begins with. Further letters may follow it at once.
fn length_at(text: &[u8]) -> Option<usize> {
    let text = text.get(..LONGEST).unwrap_or(text);
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let run = std::str::from_utf8(text.get(..text.iter().take_while(|b| allowed(b)).count())?).ok()?;
    let ends = run.match_indices('_').map(|(at, _)| at + 1 + LAST_CHARACTERS);
    let mut secrets = ends.filter_map(|end| run.get(..end)).filter(|text| inspect(text) == Form::Ours);
    secrets.next().map(str::len)
}

/// The id of the access key that a secret of this form names, as it is written there: characters other than letters
/// and digits stand as `_`.
pub fn written_id(secret: &str) -> Option<&str> {
    if inspect(secret) != Form::Ours {
        return None;
    }
    let (_kind, rest) = secret.strip_prefix(PREFIX)?.split_once('_')?;
    rest.rsplit_once('_').map(|(id, _)| id)
}

/// A secret of this form as it may be shown: with its key's id, without a character of what is secret.
pub fn masked(secret: &str) -> String {
    let shown = if inspect(secret) == Form::Ours { secret.rsplit_once('_') } else { None };
    format!("{}_{}", shown.map_or("sym", |(shown, _)| shown), "*".repeat(8))
}

/// A text with every secret of this form in it masked.
pub fn without_secrets(text: &str) -> Cow<'_, str> {
    let (mut shown, mut from) = (String::new(), 0);
    for range in find(text.as_bytes()) {
        shown.push_str(text.get(from..range.start).unwrap_or_default());
        from = range.end;
        shown.push_str(&masked(text.get(range).unwrap_or_default()));
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(shown)
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

    #[test]
    fn a_secret_is_found_wherever_it_stands() {
        let (one, two) = (encode(ACCESS_KEY, "key_1", &[7; 32]), encode(ACCESS_KEY, "a-b", &[9; 32]));
        let (one, two) = (one.as_str(), two.as_str());
        for (text, found) in [
            (one.to_owned(), vec![one]),
            (format!("{one}{two}"), vec![one, two]),
            (format!("{one}_{two}_"), vec![one, two]),
            (format!("sym_sym_sk_{one}x"), vec![one]),
            (format!("\u{fc}KEY={one}\n\"{two}\""), vec![one, two]),
            (one[..one.len() - 1].to_owned(), vec![]),
            ("sym_".repeat(5000), vec![]),
            (String::new(), vec![]),
        ] {
            let ranges = find(text.as_bytes());
            assert_eq!(ranges.map(|range| &text[range]).collect::<Vec<_>>(), found, "{text}");
        }
    }

    #[test]
    fn a_masked_secret_shows_its_key_and_nothing_secret() {
        let secret = encode(ACCESS_KEY, "my-key", &[7; 32]);
        assert_eq!(written_id(&secret), Some("my_key"));
        assert_eq!(masked(&secret), "sym_sk_my_key_********");
        for other in ["", "a_secret_from_elsewhere", &secret[..secret.len() - 1]] {
            assert_eq!((masked(other).as_str(), written_id(other)), ("sym_********", None));
        }
    }

    #[test]
    fn every_secret_in_a_text_is_masked_and_the_rest_stays() {
        let secret = encode(ACCESS_KEY, "my-key", &[7; 32]);
        let text = format!("ü {}, and {}!", &*secret, &*secret);
        assert_eq!(without_secrets(&text), "ü sym_sk_my_key_********, and sym_sk_my_key_********!");
        for plain in ["", "nothing here", "sym_sk_my_key_1"] {
            assert_eq!(without_secrets(plain), plain);
        }
    }

    proptest! {
        #[test]
        fn the_published_pattern_matches_every_secret_and_the_checksum_weeds_out_others(
            random in any::<[u8; 32]>(),
            id in "[!-~]{1,255}",
            lookalike in "sym_[a-z]{1,4}_[A-Za-z0-9_]{1,30}_[A-Za-z0-9]{49}",
        ) {
            let pattern = regex::Regex::new(PATTERN).unwrap();
            let secret = encode(ACCESS_KEY, &id, &random);
            let text = format!("secret = \"{}\"", secret.as_str());
            prop_assert_eq!(pattern.find(&text).map(|found| found.as_str()), Some(secret.as_str()));
            prop_assert_eq!(find(text.as_bytes()).map(|range| &text[range]).collect::<Vec<_>>(), [secret.as_str()]);
            prop_assert!(secret.len() <= LONGEST);
            prop_assert!(pattern.is_match(&lookalike));
            prop_assert_eq!(find(lookalike.as_bytes()).count(), 0);
        }

        #[test]
        fn any_bytes_are_searched(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            let _ = find(&bytes).count();
        }

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
