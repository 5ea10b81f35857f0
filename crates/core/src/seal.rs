//! Sealing: private signing keys leave this process only encrypted.
//!
//! Each sealed thing has a data key of its own (AES-256-GCM), which in turn is sealed by the master key; the
//! context (realm and `kid`) is bound into both, so that a sealed key cannot be moved to another place. The
//! master key comes from outside the database, and every sealed thing names the one it was sealed by.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::key_check::{KeyCheck, KeyKind};
use crate::random::{NoRandomness, Random, bytes};
use crate::secret::{WeakKey, check_strength};

/// An encrypted thing, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The name of the master key.
    pub master_key: String,
    /// The data key under the master key: nonce, ciphertext, tag; base64.
    pub data_key: String,
    /// The thing under the data key: nonce, ciphertext, tag; base64.
    pub sealed: String,
}

/// Why a sealed thing stays closed, or cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Sealed by a master key that is not configured.
    #[error("sealed by master key {0:?}, which is not configured")]
    UnknownMasterKey(String),
    /// The bytes were changed, moved to another place, or sealed by another key of the same name.
    #[error("the sealed bytes do not open with master key {0:?} in this place")]
    Broken(String),
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

struct MasterKey {
    name: String,
    key: LessSafeKey,
    check: KeyCheck,
}

/// The live master keys. The first one seals; all of them open.
pub struct MasterKeys {
    current: MasterKey,
    older: Vec<MasterKey>,
}

impl MasterKeys {
    /// Takes master keys as (name, 32 bytes or more of which the first 32 count), the current one first.
    pub fn new(keys: impl IntoIterator<Item = (String, Zeroizing<Vec<u8>>)>) -> Result<Self, WeakKey> {
        let mut live: Vec<MasterKey> = Vec::new();
        for (name, bytes) in keys {
            check_strength("master key", &name, &bytes)?;
            if live.iter().any(|key| key.name == name) {
                return Err(WeakKey::Twice("master key", name));
            }
            let bytes_used = bytes.get(..32).unwrap_or_default();
            let key = key(bytes_used);
            let key = key.ok_or_else(|| WeakKey::Short("master key", name.clone(), bytes.len()))?;
            let mark = hmac::Key::new(hmac::HMAC_SHA256, bytes_used);
            let check = KeyCheck::new(KeyKind::MasterKey, &name, &mark);
            live.push(MasterKey { name, key, check });
        }
        let mut live = live.into_iter();
        let current = live.next().ok_or(WeakKey::Missing("master key"))?;
        Ok(Self { current, older: live.collect() })
    }

    /// What tells each from another of its name.
    pub(crate) fn checks(&self) -> impl Iterator<Item = KeyCheck> {
        std::iter::once(&self.current).chain(&self.older).map(|key| key.check.clone())
    }

    /// Encrypts for one place, named by the context.
    pub fn seal(&self, plain: &[u8], context: &str, random: &dyn Random) -> Result<Sealed, SealError> {
        let master = &self.current;
        let broken = || SealError::Broken(master.name.clone());
        let data_key = Zeroizing::new(bytes::<32>(random)?);
        let inner = key(&*data_key).ok_or_else(broken)?;
        Ok(Sealed {
            master_key: master.name.clone(),
            data_key: encrypt(&master.key, &*data_key, context, random)?.ok_or_else(broken)?,
            sealed: encrypt(&inner, plain, context, random)?.ok_or_else(broken)?,
        })
    }

    /// Decrypts what was sealed for the same place.
    pub fn open(&self, sealed: &Sealed, context: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut all = std::iter::once(&self.current).chain(&self.older);
        let master = all.find(|key| key.name == sealed.master_key);
        let master = master.ok_or_else(|| SealError::UnknownMasterKey(sealed.master_key.clone()))?;
        decrypt(&master.key, &sealed.data_key, context)
            .and_then(|data_key| key(&data_key))
            .and_then(|inner| decrypt(&inner, &sealed.sealed, context))
            .ok_or_else(|| SealError::Broken(sealed.master_key.clone()))
    }
}

fn key(bytes: &[u8]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, bytes).ok().map(LessSafeKey::new)
}

fn encrypt(
    key: &LessSafeKey,
    plain: &[u8],
    context: &str,
    random: &dyn Random,
) -> Result<Option<String>, NoRandomness> {
    let nonce = bytes::<12>(random)?;
    let mut text = plain.to_vec();
    let sealed =
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context), &mut text);
    Ok(sealed.ok().map(|()| BASE64.encode([&nonce[..], &text].concat())))
}

fn decrypt(key: &LessSafeKey, text: &str, context: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = BASE64.decode(text).ok()?;
    let (nonce, sealed) = bytes.split_at_checked(12)?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let length = key.open_in_place(nonce, Aad::from(context), &mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    fn master(name: &str, seed: u8) -> (String, Zeroizing<Vec<u8>>) {
        (name.to_owned(), Zeroizing::new((seed..seed + 32).collect()))
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place_only() {
        let keys = MasterKeys::new([master("m1", 0)]).unwrap();
        let sealed = keys.seal(b"private", "realm a, kid 1", &SystemRandom).unwrap();
        assert_eq!(&**keys.open(&sealed, "realm a, kid 1").unwrap(), b"private");
        assert_eq!(keys.open(&sealed, "realm b, kid 1"), Err(SealError::Broken("m1".to_owned())));
    }

    #[test]
    fn master_keys_can_follow_one_another() {
        let sealed = MasterKeys::new([master("m1", 0)]).unwrap().seal(b"x", "c", &SystemRandom).unwrap();
        let both = MasterKeys::new([master("m2", 50), master("m1", 0)]).unwrap();
        assert_eq!(&**both.open(&sealed, "c").unwrap(), b"x");
        assert_eq!(both.seal(b"x", "c", &SystemRandom).unwrap().master_key, "m2");
        let new_only = MasterKeys::new([master("m2", 50)]).unwrap();
        assert_eq!(new_only.open(&sealed, "c"), Err(SealError::UnknownMasterKey("m1".to_owned())));
    }

    #[test]
    fn a_changed_byte_keeps_it_closed() {
        let keys = MasterKeys::new([master("m1", 0)]).unwrap();
        let sealed = keys.seal(b"private", "c", &SystemRandom).unwrap();
        let mut bytes = BASE64.decode(&sealed.sealed).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let changed = Sealed { sealed: BASE64.encode(&bytes), ..sealed.clone() };
            assert!(keys.open(&changed, "c").is_err());
            bytes[at] ^= 1;
        }
    }
}
