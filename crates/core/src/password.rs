//! People's passwords: Argon2id, never more than a few at once.
//!
//! A hash costs tens of milliseconds and 19 MiB on purpose. Without a bound, a flood of sign-ins would take the
//! whole machine; with it, the excess waits briefly and is then told to come back. Nor may one network have all the
//! places: whoever guesses from there waits for its own guesses, and everybody else signs in.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use serde::{Deserialize, Serialize};
use tokio::sync::{AcquireError, Semaphore};

use crate::backoff::network;
use crate::random::{NoRandomness, Random, bytes};
use crate::secret::Secret;

/// A password's hash in the PHC string format, which names its own parameters.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl PasswordHash {
    /// The hash as it is stored, for what has to notice that it has changed.
    pub(crate) fn phc(&self) -> &str {
        &self.0
    }

    /// Takes a hash over from elsewhere, if it is Argon2id in the PHC format.
    pub fn import(text: &str) -> Option<Self> {
        let phc = Phc::new(text).ok()?;
        // A hash that costs much more than our own would be a way to stop the server by signing in.
        let parameters = Params::try_from(&phc).ok()?;
        let bearable =
            parameters.m_cost() <= 128 * 1024 && parameters.t_cost() <= 8 && parameters.p_cost() <= 8;
        let usable = phc.algorithm.as_str() == "argon2id" && phc.hash.is_some() && bearable;
        usable.then(|| Self(text.to_owned()))
    }
}

/// Why a password was not hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many at once; come back later.
    #[error("too many passwords are being checked at once")]
    Busy,
    /// No randomness for a salt, or the library failed.
    #[error("the password could not be hashed")]
    Failed,
}

impl From<NoRandomness> for PasswordError {
    fn from(_: NoRandomness) -> Self {
        Self::Failed
    }
}

/// How many lanes there are: so many that two networks hardly ever share one.
const LANES: usize = 256;

/// Hashes and compares passwords, a bounded number at once.
#[derive(Clone)]
pub struct Passwords {
    argon2: Argon2<'static>,
    places: Arc<Semaphore>,
    /// Each network has one of these, by its hash, and in it all places but one, or the only one.
    lanes: Arc<[Arc<Semaphore>]>,
    lane_of: RandomState,
    patience: Duration,
    decoy: PasswordHash,
}

impl Passwords {
    /// OWASP's first choice for Argon2id: 19 MiB, two passes, one lane.
    pub fn new(at_once: usize, patience: Duration, random: &dyn Random) -> Result<Self, PasswordError> {
        let parameters = Params::new(19 * 1024, 2, 1, None).map_err(|_| PasswordError::Failed)?;
        let decoy = decoy(&parameters, random)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let wide = at_once.saturating_sub(1).max(1);
        Ok(Self {
            argon2,
            places: Arc::new(Semaphore::new(at_once)),
            lanes: (0..LANES).map(|_| Arc::new(Semaphore::new(wide))).collect(),
            lane_of: RandomState::new(),
            patience,
            decoy,
        })
    }

    fn lane(&self, from: IpAddr) -> Option<&Arc<Semaphore>> {
        let hash = self.lane_of.hash_one(network(from));
        self.lanes.get(usize::try_from(hash).unwrap_or_default() % LANES)
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: &Secret, random: &dyn Random) -> Result<PasswordHash, PasswordError> {
        let salt = bytes::<16>(random)?;
        let (argon2, password) = (self.argon2.clone(), password.clone());
        self.bounded(None, move || hash_now(&argon2, password.expose().as_bytes(), &salt)).await?
    }

    /// Compares a password with a hash, or with a decoy where there is none, for somebody who is known already.
    pub async fn matches(
        &self,
        password: &Secret,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordError> {
        self.compare(None, password, hash).await
    }

    /// The same for whoever came from that address, whose network waits for itself.
    pub async fn matches_from(
        &self,
        from: IpAddr,
        password: &Secret,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordError> {
        self.compare(self.lane(from), password, hash).await
    }

    async fn compare(
        &self,
        lane: Option<&Arc<Semaphore>>,
        password: &Secret,
        hash: Option<&PasswordHash>,
    ) -> Result<bool, PasswordError> {
        let (argon2, password) = (self.argon2.clone(), password.clone());
        let known = hash.is_some();
        let hash = hash.unwrap_or(&self.decoy).clone();
        let equal = self
            .bounded(lane, move || {
                Phc::new(&hash.0)
                    .is_ok_and(|phc| argon2.verify_password(password.expose().as_bytes(), &phc).is_ok())
            })
            .await?;
        Ok(equal && known)
    }

    async fn bounded<T: Send + 'static>(
        &self,
        lane: Option<&Arc<Semaphore>>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let places = async {
            let lane = match lane {
                Some(lane) => Some(Arc::clone(lane).acquire_owned().await?),
                None => None,
            };
            Ok::<_, AcquireError>((lane, Arc::clone(&self.places).acquire_owned().await?))
        };
        let Ok(Ok(places)) = tokio::time::timeout(self.patience, places).await else {
            return Err(PasswordError::Busy);
        };
        // They are given back when the work is done, not when nobody waits for it any more.
        let work = move || {
            let _places = places;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| PasswordError::Failed)
    }
}

fn hash_now(argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> Result<PasswordHash, PasswordError> {
    let hash = argon2.hash_password_with_salt(password, salt).map_err(|_| PasswordError::Failed)?;
    Ok(PasswordHash(hash.to_string()))
}

/// What a password is compared with when there is no such user, so that both cases take the same time: a hash of
/// nothing, drawn and not computed, because computing one would be a third of the time that a start takes.
fn decoy(parameters: &Params, random: &dyn Random) -> Result<PasswordHash, PasswordError> {
    let failed = |_| PasswordError::Failed;
    let hash = Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(parameters).map_err(|_| PasswordError::Failed)?,
        salt: Some(Salt::new(&bytes::<16>(random)?).map_err(failed)?),
        hash: Some(Output::new(&bytes::<{ Params::DEFAULT_OUTPUT_LEN }>(random)?).map_err(failed)?),
    };
    Ok(PasswordHash(hash.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_nobody_matches_the_decoy() {
        let passwords = Passwords::new(1, Duration::from_secs(5), &SystemRandom).unwrap();
        let right = Secret::new("correct horse".to_owned());
        let hash = passwords.hash(&right, &SystemRandom).await.unwrap();
        assert!(passwords.matches(&right, Some(&hash)).await.unwrap());
        assert!(!passwords.matches(&Secret::new("wrong".to_owned()), Some(&hash)).await.unwrap());
        assert!(!passwords.matches(&right, None).await.unwrap());
    }

    #[tokio::test]
    async fn the_decoy_is_as_dear_as_a_hash() {
        let passwords = Passwords::new(1, Duration::from_secs(5), &SystemRandom).unwrap();
        let hash = passwords.hash(&Secret::new("correct horse".to_owned()), &SystemRandom).await.unwrap();
        let (hash, decoy) = (Phc::new(&hash.0).unwrap(), Phc::new(&passwords.decoy.0).unwrap());
        assert_eq!((decoy.algorithm, decoy.version), (hash.algorithm, hash.version));
        assert_eq!(decoy.params, hash.params);
        let lengths = |phc: &Phc| (phc.salt.map(|salt| salt.len()), phc.hash.map(|hash| hash.len()));
        assert_eq!(lengths(&decoy), lengths(&hash));
    }

    #[tokio::test]
    async fn the_excess_is_told_to_come_back() {
        let passwords = Passwords::new(0, Duration::ZERO, &SystemRandom).unwrap();
        let any = Secret::new("x".to_owned());
        assert_eq!(passwords.matches(&any, None).await, Err(PasswordError::Busy));
    }

    #[tokio::test]
    async fn one_network_leaves_a_place_to_all_others() {
        let passwords = Passwords::new(2, Duration::ZERO, &SystemRandom).unwrap();
        let any = Secret::new("x".to_owned());
        let guesses = IpAddr::from([192, 0, 2, 1]);
        let same_lane =
            |other: &IpAddr| Arc::ptr_eq(passwords.lane(guesses).unwrap(), passwords.lane(*other).unwrap());
        let other =
            (1..=255).map(|last| IpAddr::from([198, 51, 100, last])).find(|one| !same_lane(one)).unwrap();
        let matches = async |from| passwords.matches_from(from, &any, None).await;
        let seen = tokio::join!(matches(guesses), matches(guesses), matches(other));
        assert_eq!(seen, (Ok(false), Err(PasswordError::Busy), Ok(false)));
        // Neighbours in one IPv6 network are one, as for back-off.
        let [one, two] = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse().unwrap());
        assert!(Arc::ptr_eq(passwords.lane(one).unwrap(), passwords.lane(two).unwrap()));
    }

    #[test]
    fn only_argon2id_is_imported() {
        assert!(PasswordHash::import("$2b$12$abcdefghijklmnopqrstuv").is_none());
        assert!(
            PasswordHash::import("$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA").is_none()
        );
        assert!(
            PasswordHash::import("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA").is_some()
        );
    }
}
