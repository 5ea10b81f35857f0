//! What a user has beside the password: the secret of an app that makes codes, recovery codes, and passkeys.
//!
//! All of a user's are one record with a version, so that each code and each challenge can be used once, whoever asks
//! at the same time: using one changes the record, and of two changes of the same version one fails.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{PasskeyId, RealmId, UserId};
use crate::secret::SecretHash;
use crate::sign_in::passkey::Passkey;
use crate::sign_in::totp::Totp;
use crate::store::{Store, StoreResult};

/// So many wrong codes of an app in a row, and none is read for a while. A code has a million values, of which three
/// are right at any time; only who has the password gets to try one.
const MOST_WRONG_CODES: u32 = 10;
/// The while.
const CODES_REST: Duration = Duration::from_hours(1);

/// Everything that a user has beside the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factors {
    /// Whose it is.
    pub user: UserId,
    /// What passkeys call the user: random, since it is stored in devices (WebAuthn §5.4.3); base64url.
    pub handle: String,
    /// The app that makes codes.
    pub totp: Option<Totp>,
    /// The hashes of the recovery codes that are left.
    pub recovery_codes: Vec<SecretHash>,
    /// The passkeys.
    pub passkeys: Vec<Passkey>,
    /// The challenges that passkeys have answered, for as long as they could be answered again.
    pub used_challenges: Vec<UsedChallenge>,
    /// Wrong codes in a row.
    pub wrong_codes: u32,
    /// When the last of them came.
    pub wrong_code_at: Timestamp,
    /// Counts changes.
    pub version: i64,
}

/// A challenge that was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedChallenge {
    /// Its SHA-256, base64url.
    pub digest: String,
    /// When it would have been too late anyway.
    pub expires_at: Timestamp,
}

/// The second factors that somebody can use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Methods {
    /// The code of an app.
    pub code: bool,
    /// A passkey.
    pub passkey: bool,
    /// A recovery code.
    pub recovery_code: bool,
}

impl Factors {
    /// Whether a password alone is not enough.
    pub fn is_needed(&self) -> bool {
        self.totp.is_some() || !self.passkeys.is_empty()
    }

    /// What can be used.
    pub fn methods(&self) -> Methods {
        Methods {
            code: self.totp.is_some(),
            passkey: !self.passkeys.is_empty(),
            recovery_code: !self.recovery_codes.is_empty(),
        }
    }

    /// How long no code of the app is read.
    pub(crate) fn codes_rest(&self, now: Timestamp) -> Option<Duration> {
        let until = self.wrong_code_at.plus(CODES_REST);
        // One that was noted while the clock was ahead ends as soon as any other.
        (self.wrong_codes >= MOST_WRONG_CODES && until > now).then(|| until.since(now).min(CODES_REST))
    }

    /// Notes a wrong code.
    pub(crate) fn note_wrong_code(&mut self, now: Timestamp) {
        if self.wrong_codes >= MOST_WRONG_CODES {
            self.wrong_codes = 0;
        }
        self.wrong_codes += 1;
        self.wrong_code_at = now;
    }

    /// Notes that a challenge was answered; `false` if it was before.
    pub(crate) fn use_challenge(&mut self, digest: String, expires_at: Timestamp, now: Timestamp) -> bool {
        self.used_challenges.retain(|used| used.expires_at > now);
        if self.used_challenges.iter().any(|used| used.digest == digest) {
            return false;
        }
        self.used_challenges.push(UsedChallenge { digest, expires_at });
        true
    }

    /// Recovery codes stand in for factors; without any they open nothing.
    pub(crate) fn drop_useless_codes(&mut self) {
        if !self.is_needed() {
            self.recovery_codes.clear();
        }
    }

    /// The same, one version further.
    pub(crate) fn next(mut self) -> Self {
        self.version += 1;
        self
    }
}

/// What a user has, as it may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Since when there is an app that makes codes; `None` if there is none.
    pub totp_since: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes_left: usize,
    /// The passkeys, the oldest first.
    pub passkeys: Vec<PasskeyOverview>,
}

/// A passkey, as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyOverview {
    /// Its id here.
    pub id: PasskeyId,
    /// What its user calls it.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was used last.
    pub last_used_at: Option<Timestamp>,
    /// Whether it is kept in more places than the device, such as an account of its maker.
    pub backed_up: bool,
}

/// What a user has.
pub async fn overview(store: &dyn Store, realm: &RealmId, user: &UserId) -> StoreResult<Overview> {
    let Some(factors) = store.find_factors(realm, user).await? else { return Ok(Overview::default()) };
    let passkeys = factors.passkeys.into_iter().map(|passkey| PasskeyOverview {
        id: passkey.id,
        name: passkey.name,
        created_at: passkey.created_at,
        last_used_at: passkey.last_used_at,
        backed_up: passkey.backed_up,
    });
    Ok(Overview {
        totp_since: factors.totp.map(|totp| totp.since),
        recovery_codes_left: factors.recovery_codes.len(),
        passkeys: passkeys.collect(),
    })
}
