//! Signing in by email and password, and what a new password has to be like.

use tokio::time::Instant;

use crate::id::SessionId;
use crate::password::PasswordError;
use crate::refusal::Reason;
use crate::secret::Secret;
use crate::session::{Method, Person, standing};
use crate::sign_in::{Attempt, Refused, SignIn, changed_meanwhile};
use crate::user::{User, comparable_email};

/// Passwords longer than this are not anybody's, in bytes.
pub const LONGEST: usize = 1024;
/// A new password has at least so many characters.
pub const SHORTEST: usize = 12;

/// Signs somebody in. A right password always passes, however many wrong ones came before.
pub async fn sign_in(attempt: Attempt<'_>, email: &str, password: &Secret) -> Result<SignIn, Refused> {
    let began = Instant::now();
    match attempt.try_email(email, password).await {
        Ok(sign_in) => Ok(sign_in),
        Err(reason) => Err(attempt.refuse(Some(email), reason, began).await),
    }
}

/// The first step of proving again who one is. The session stays; its token is a new one when all is done.
pub async fn prove(attempt: Attempt<'_>, person: &Person, password: &Secret) -> Result<SignIn, Refused> {
    let began = Instant::now();
    match attempt.try_user(person.user(), password, Some(&person.session().id)).await {
        Ok(sign_in) => Ok(sign_in),
        Err(reason) => Err(attempt.refuse(Some(&person.user().email), reason, began).await),
    }
}

impl Attempt<'_> {
    async fn try_email(&self, email: &str, password: &Secret) -> Result<SignIn, Reason> {
        self.authority.directory().check_age(self.now())?;
        let user = self.authority.store.find_user_by_email(self.realm.id(), email).await;
        let user = user.map_err(changed_meanwhile)?;
        let right = self.is_right(user.as_ref(), password).await?;
        let user = user.ok_or(Reason::UnknownUser)?;
        if !right {
            return Err(Reason::WrongPassword);
        }
        self.enter(user, None).await
    }

    async fn try_user(
        &self,
        user: &User,
        password: &Secret,
        proves: Option<&SessionId>,
    ) -> Result<SignIn, Reason> {
        if !self.is_right(Some(user), password).await? {
            return Err(Reason::WrongPassword);
        }
        self.enter(user.clone(), proves).await
    }

    /// Whether a password is the user's; it takes as long where there is no user.
    pub(crate) async fn is_right(&self, user: Option<&User>, password: &Secret) -> Result<bool, Reason> {
        if password.expose().len() > LONGEST {
            // Hashing costs the same whatever the length, but nobody has such a password.
            let nobodys = Secret::new(String::new());
            self.authority.passwords.matches_from(self.visit.from, &nobodys, None).await.map_err(busy)?;
            return Ok(false);
        }
        let hash = user.and_then(|user| user.password.as_ref());
        self.authority.passwords.matches_from(self.visit.from, password, hash).await.map_err(busy)
    }

    /// The password was right.
    async fn enter(&self, user: User, proves: Option<&SessionId>) -> Result<SignIn, Reason> {
        standing(self.authority, self.realm, &user).await?;
        let factors = self.authority.store.find_factors(self.realm.id(), &user.id).await;
        let factors = factors.map_err(changed_meanwhile)?;
        match factors.filter(super::factors::Factors::is_needed) {
            Some(factors) => Ok(SignIn::SecondFactor(self.pending(&user, &factors, proves)?)),
            None => {
                let done = self.finish(user, Method::Password, proves).await?;
                Ok(SignIn::Done(Box::new(done)))
            }
        }
    }
}

fn busy(error: PasswordError) -> Reason {
    match error {
        PasswordError::Busy => Reason::PasswordsBusy,
        PasswordError::Failed => Reason::SigningFailed,
    }
}

/// Why a password may not be somebody's new one. The texts are for the person who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Too short.
    #[error("a password has at least {SHORTEST} characters: three or four words are a good one")]
    Short,
    /// Too long.
    #[error("a password has at most {LONGEST} bytes")]
    Long,
    /// Among those that are guessed first.
    #[error("this password is one of those that are guessed first: choose another one")]
    Common,
    /// Made of the email address.
    #[error("this password is little more than your email address: choose another one")]
    Email,
}

/// Passwords of twelve characters and more that lists of leaked ones begin with, and what they are made of, in small
/// letters: what is left of a password without these, digits and signs has to be more than nothing.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "kennwort",
    "geheim",
    "secret",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "pa55word",
    "letmein",
    "welcome",
    "willkommen",
    "iloveyou",
    "changeme",
    "default",
    "administrator",
    "admin",
    "root",
    "test",
    "user",
    "login",
    "master",
    "monkey",
    "dragon",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "batman",
    "pokemon",
    "starwars",
    "whatever",
    "trustno1",
    "shadow",
    "michael",
    "jordan",
    "hello",
    "hallo",
    "qwertyuiop",
    "qwertzuiop",
    "qwerty",
    "qwertz",
    "azerty",
    "asdfghjkl",
    "asdfgh",
    "zxcvbnm",
    "yxcvbnm",
    "1q2w3e4r5t6y",
    "1q2w3e4r",
    "1qaz2wsx3edc",
    "1qaz2wsx",
    "qazwsxedc",
    "qazwsx",
    "abcdefghijkl",
    "abcdefgh",
    "abcdef",
    "abc",
    "correcthorsebatterystaple",
    "symbolon",
    "company",
    "summer",
    "winter",
    "spring",
    "autumn",
    "sommer",
    "frühling",
    "herbst",
    "monday",
    "january",
];

/// Checks a password that somebody chose. It is taken as it is: nothing is cut off, and no space either.
pub fn check_new(password: &Secret, email: &str) -> Result<(), WeakPassword> {
    let text = password.expose();
    if text.len() > LONGEST {
        return Err(WeakPassword::Long);
    }
    if text.chars().count() < SHORTEST {
        return Err(WeakPassword::Short);
    }
    let lower = zeroize::Zeroizing::new(text.to_lowercase());
    let email = comparable_email(email);
    let name = email.split('@').next().unwrap_or_default();
    let rest = |parts: &[&str]| {
        let mut rest = zeroize::Zeroizing::new(lower.to_string());
        for part in parts.iter().filter(|part| part.chars().count() >= 3) {
            rest = zeroize::Zeroizing::new(rest.replace(part, ""));
        }
        rest.chars().filter(|c| c.is_alphabetic()).count()
    };
    let mut distinct: Vec<char> = lower.chars().collect();
    distinct.sort_unstable();
    distinct.dedup();
    // Words of a list, digits and signs; or the same few characters again and again.
    if distinct.len() < 5 || rest(COMMON) < 3 {
        return Err(WeakPassword::Common);
    }
    if rest(&[email.as_str(), name]) < 3 {
        return Err(WeakPassword::Email);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), WeakPassword> {
        check_new(&Secret::new(password.to_owned()), "Ada.Lovelace@Example.test")
    }

    #[test]
    fn a_new_password_is_neither_short_nor_common_nor_the_email() {
        let weak = [
            ("short", WeakPassword::Short),
            ("elevenchars", WeakPassword::Short),
            ("password1234", WeakPassword::Common),
            ("Password1234!", WeakPassword::Common),
            ("Welcome2026!!", WeakPassword::Common),
            ("AdminAdmin123", WeakPassword::Common),
            ("qwertyuiop123", WeakPassword::Common),
            ("correcthorsebatterystaple", WeakPassword::Common),
            ("aaaaaaaaaaaaaaaa", WeakPassword::Common),
            ("ababababababab", WeakPassword::Common),
            ("1234567890123", WeakPassword::Common),
            ("ada.lovelace@example.test", WeakPassword::Email),
            ("Ada.Lovelace1815!", WeakPassword::Email),
        ];
        for (password, why) in weak {
            assert_eq!(check(password), Err(why), "{password}");
        }
        for strong in ["a tin of blue paint", "zwölf Boxkämpfer", "  spaces at both ends  ", "k7#Qw9!zR2pL"]
        {
            assert_eq!(check(strong), Ok(()), "{strong}");
        }
    }

    #[test]
    fn a_new_password_has_at_most_a_kilobyte() {
        let of = |bytes: usize| "blue paint, ".chars().cycle().take(bytes).collect::<String>();
        assert_eq!(check(&of(LONGEST)), Ok(()));
        assert_eq!(check(&of(LONGEST + 1)), Err(WeakPassword::Long));
    }
}
