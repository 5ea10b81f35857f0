//! Recovery codes: ten that are shown once, each of which stands in once for a second factor that is lost.
//!
//! A code is 80 random bits, kept like the other secrets of machines: nobody guesses one, so that no failure has to be
//! counted against its user.

use tokio::time::Instant;

use crate::authority::Authority;
use crate::random::{NoRandomness, Random, bytes};
use crate::refusal::Reason;
use crate::secret::{Comparison, Secret, SecretHash};
use crate::session::Method;
use crate::sign_in::{Attempt, FirstStep, Refused, SignedIn, changed_meanwhile};
use crate::store::StoreError;
use crate::user::User;

/// So many are made at once.
pub const CODES: usize = 10;
/// So often a record that was changed meanwhile is read again.
const TRIES: u32 = 3;
/// Letters and digits that are not taken for one another.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Makes new codes, and what is kept of them.
pub(crate) fn generate(authority: &Authority) -> Result<(Vec<Secret>, Vec<SecretHash>), NoRandomness> {
    let codes = (0..CODES).map(|_| code(authority.random())).collect::<Result<Vec<_>, _>>()?;
    let hashes = codes.iter().map(|code| authority.peppers.hash(&plain(code.expose()))).collect();
    Ok((codes, hashes))
}

/// Sixteen characters of five bits in four groups.
fn code(random: &dyn Random) -> Result<Secret, NoRandomness> {
    let bits = zeroize::Zeroizing::new(bytes::<16>(random)?);
    let mut text = String::with_capacity(19);
    for (place, byte) in bits.iter().enumerate() {
        if place > 0 && place % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(ALPHABET[usize::from(byte & 31)]));
    }
    Ok(Secret::new(text))
}

/// A code as it is hashed: however it was typed.
fn plain(code: &str) -> Secret {
    let letters = code.chars().filter(char::is_ascii_alphanumeric).take(32);
    Secret::new(letters.map(|c| c.to_ascii_uppercase()).collect())
}

/// The second step, by a recovery code, which is used up.
pub async fn sign_in(attempt: Attempt<'_>, pending: &str, code: &str) -> Result<SignedIn, Refused> {
    let began = Instant::now();
    let (step, user) = match attempt.resume(pending).await {
        Ok(resumed) => resumed,
        Err(reason) => return Err(attempt.refuse(None, reason, began).await),
    };
    let email = user.email.clone();
    match attempt.try_recovery_code(step, user, code).await {
        Ok(signed_in) => Ok(signed_in),
        Err(reason) => Err(attempt.refuse(Some(&email), reason, began).await),
    }
}

impl Attempt<'_> {
    async fn try_recovery_code(&self, step: FirstStep, user: User, code: &str) -> Result<SignedIn, Reason> {
        self.use_recovery_code(&user, &plain(code)).await?;
        self.finish(user, Method::PasswordAndRecoveryCode, step.proves.as_ref()).await
    }

    async fn use_recovery_code(&self, user: &User, code: &Secret) -> Result<(), Reason> {
        let (store, realm) = (&self.authority.store, self.realm.id());
        for _ in 0..TRIES {
            let factors = store.find_factors(realm, &user.id).await.map_err(changed_meanwhile)?;
            let mut factors = factors.ok_or(Reason::WrongCode)?;
            let before = factors.recovery_codes.len();
            let peppers = &self.authority.peppers;
            factors
                .recovery_codes
                .retain(|hash| peppers.compare(code.expose(), hash) == Comparison::Different);
            if factors.recovery_codes.len() == before {
                return Err(Reason::WrongCode);
            }
            match store.put_factors(realm, &factors.next(), None).await {
                Ok(()) => return Ok(()),
                Err(StoreError::Stale) => {}
                Err(error) => return Err(changed_meanwhile(error)),
            }
        }
        Err(Reason::UsedCode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_code_reads_the_same_however_it_is_typed() {
        let one = code(&SystemRandom).unwrap();
        let text = one.expose();
        assert_eq!(text.len(), 19);
        let typed = [text.to_lowercase(), text.replace('-', " "), format!("  {text}\n")];
        for typed in typed {
            assert!(plain(&typed) == plain(text), "{}", typed.len());
        }
        assert!(plain(text) != plain(code(&SystemRandom).unwrap().expose()));
    }
}
