//! Codes of an app (TOTP, RFC 6238): six digits of HMAC-SHA-1 that change every 30 seconds, as every app makes them.
//!
//! SHA-1 is what the apps have in common; nothing here rests on its resistance to collisions. The secret is sealed
//! like a signing key, since it has to be known in the clear to compute with it.

use std::fmt::Write as _;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcode::{Color, EcLevel, QrCode};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::id::{RealmId, UserId};
use crate::random::{NoRandomness, Random, bytes};
use crate::refusal::Reason;
use crate::seal::{SealError, Sealed};
use crate::secret::Secret;
use crate::session::Method;
use crate::sign_in::factors::Factors;
use crate::sign_in::{Attempt, FirstStep, Refused, SignedIn, changed_meanwhile};
use crate::store::StoreError;
use crate::user::User;

/// How long a code is the one of now, in seconds.
const STEP: i64 = 30;
/// So many steps may a device's clock be ahead or behind.
const DRIFT: i64 = 1;
/// So often a record that was changed meanwhile is read again.
const TRIES: u32 = 3;

/// An app that makes codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totp {
    /// What it computes with, sealed.
    pub secret: Sealed,
    /// The step of the last code that was used: this one and those before are used up.
    pub last_step: i64,
    /// Since when it is set up.
    pub since: Timestamp,
}

/// What an app computes with: 160 bits, as RFC 4226 recommends.
pub(crate) struct TotpSecret(Zeroizing<Vec<u8>>);

impl TotpSecret {
    pub(crate) fn generate(random: &dyn Random) -> Result<Self, NoRandomness> {
        Ok(Self(Zeroizing::new(bytes::<20>(random)?.to_vec())))
    }

    pub(crate) const fn of_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// For sealing.
    pub(crate) fn base64(&self) -> String {
        BASE64URL.encode(&*self.0)
    }

    /// The code of a step (RFC 4226 §5.3).
    fn code(&self, step: i64) -> Zeroizing<String> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag.last().copied().unwrap_or_default() & 0xf);
        let four = tag.get(offset..offset + 4).and_then(|four| <[u8; 4]>::try_from(four).ok());
        let number = u32::from_be_bytes(four.unwrap_or_default()) & 0x7fff_ffff;
        Zeroizing::new(format!("{:06}", number % 1_000_000))
    }

    /// The step that a code belongs to, if that is about now.
    pub(crate) fn step_of(&self, code: &str, now: Timestamp) -> Option<i64> {
        let code: Zeroizing<String> =
            Zeroizing::new(code.chars().filter(|c| !c.is_whitespace() && *c != '-').take(7).collect());
        let current = now.seconds().div_euclid(STEP);
        let mut found = None;
        // All are looked at, so that it takes as long whichever it is.
        for step in current - DRIFT..=current + DRIFT {
            if verify_slices_are_equal(self.code(step).as_bytes(), code.as_bytes()).is_ok() {
                found = Some(step);
            }
        }
        found
    }

    /// The form in which people type it into an app (RFC 4648 §6, without padding).
    pub(crate) fn base32(&self) -> Secret {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut text = String::with_capacity(self.0.len().div_ceil(5) * 8);
        for chunk in self.0.chunks(5) {
            let mut five = [0; 8];
            for (to, from) in five.iter_mut().skip(3).zip(chunk) {
                *to = *from;
            }
            let bits = u64::from_be_bytes(five);
            let characters = (chunk.len() * 8).div_ceil(5);
            for place in 0..characters {
                let index = usize::try_from((bits >> (35 - 5 * place)) & 31).unwrap_or_default();
                text.push(char::from(ALPHABET[index]));
            }
        }
        Secret::new(text)
    }

    /// The text that an app reads from a picture. `issuer` is what the app calls this installation.
    pub(crate) fn uri(&self, issuer: &str, email: &str) -> Secret {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let (issuer, email, secret) = (encoded(issuer), encoded(email), self.base32());
        let secret = secret.expose();
        Secret::new(format!(
            "otpauth://totp/{issuer}:{email}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period={STEP}"
        ))
    }

    /// Seals it for its user.
    pub(crate) fn seal(
        &self,
        authority: &Authority,
        realm: &RealmId,
        user: &UserId,
    ) -> Result<Sealed, SealError> {
        authority.master_keys.seal(&self.0, &seal_context(realm, user), authority.random())
    }
}

fn seal_context(realm: &RealmId, user: &UserId) -> String {
    format!("totp, realm {realm}, user {user}")
}

impl Totp {
    /// The step of a code that is right now.
    fn step_of(
        &self,
        authority: &Authority,
        (realm, user): (&RealmId, &UserId),
        code: &str,
    ) -> Result<Option<i64>, Reason> {
        let opened = authority.master_keys.open(&self.secret, &seal_context(realm, user));
        let secret = opened.map(TotpSecret).map_err(|error| {
            tracing::error!(%realm, %user, %error, "the secret of an app cannot be opened");
            Reason::SigningFailed
        })?;
        Ok(secret.step_of(code, authority.now()))
    }
}

/// A picture of a text as SVG, black on white with its quiet zone, for an app's camera. It has no style and no
/// script, so that it may stand in a page whose policy forbids both. `None` for a text that is too long.
pub(crate) fn picture(text: &str) -> Option<Secret> {
    const QUIET: usize = 4;
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let (width, side) = (code.width(), code.width() + 2 * QUIET);
    let mut path = String::new();
    for (place, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (x, y) = (place % width + QUIET, place / width + QUIET);
            let _ = write!(path, "M{x} {y}h1v1h-1z");
        }
    }
    Some(Secret::new(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"{0}\" height=\"{0}\" \
         shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"QR code\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}h-{side}z\"/><path fill=\"#000\" d=\"{path}\"/></svg>",
        side * 4
    )))
}

/// The second step, by the code of an app. Each code signs in once.
pub async fn sign_in(attempt: Attempt<'_>, pending: &str, code: &str) -> Result<SignedIn, Refused> {
    let began = Instant::now();
    let (step, user) = match attempt.resume(pending).await {
        Ok(resumed) => resumed,
        Err(reason) => return Err(attempt.refuse(None, reason, began).await),
    };
    let email = user.email.clone();
    match attempt.try_code(step, user, code).await {
        Ok(signed_in) => Ok(signed_in),
        Err(reason) => Err(attempt.refuse(Some(&email), reason, began).await),
    }
}

impl Attempt<'_> {
    async fn try_code(&self, step: FirstStep, user: User, code: &str) -> Result<SignedIn, Reason> {
        self.use_code(&user, code).await?;
        self.finish(user, Method::PasswordAndCode, step.proves.as_ref()).await
    }

    /// Uses a code up. A guess counts only if it was the one that changed the record, and so does a right code:
    /// whoever guesses many at once gets no more of them looked at.
    async fn use_code(&self, user: &User, code: &str) -> Result<(), Reason> {
        let (store, realm) = (&self.authority.store, self.realm.id());
        for _ in 0..TRIES {
            let factors = store.find_factors(realm, &user.id).await.map_err(changed_meanwhile)?;
            let factors = factors.ok_or(Reason::WrongCode)?;
            if let Some(wait) = factors.codes_rest(self.now()) {
                return Err(Reason::TooManyCodes(wait));
            }
            let (factors, outcome) = self.judge(factors, user, code)?;
            match store.put_factors(realm, &factors.next(), None).await {
                Ok(()) => return outcome,
                Err(StoreError::Stale) => {}
                Err(error) => return Err(changed_meanwhile(error)),
            }
        }
        Err(Reason::UsedCode)
    }

    fn judge(
        &self,
        mut factors: Factors,
        user: &User,
        code: &str,
    ) -> Result<(Factors, Result<(), Reason>), Reason> {
        let totp = factors.totp.as_mut().ok_or(Reason::WrongCode)?;
        let step = totp.step_of(self.authority, (self.realm.id(), &user.id), code)?;
        let outcome = match step {
            Some(step) if step > totp.last_step => {
                totp.last_step = step;
                factors.wrong_codes = 0;
                Ok(())
            }
            used_or_wrong => {
                factors.note_wrong_code(self.now());
                Err(if used_or_wrong.is_some() { Reason::UsedCode } else { Reason::WrongCode })
            }
        };
        Ok((factors, outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the test vectors of RFC 6238, appendix B.
    fn rfc() -> TotpSecret {
        TotpSecret(Zeroizing::new(b"12345678901234567890".to_vec()))
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238 has eight digits; six are the last six of them.
        let vectors = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (seconds, code) in vectors {
            assert_eq!(*rfc().code(seconds / STEP), code);
            assert_eq!(rfc().step_of(code, Timestamp::from_seconds(seconds)), Some(seconds / STEP));
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_and_late_and_no_more() {
        let secret = rfc();
        let at = |step: i64| Timestamp::from_seconds(step * STEP);
        let code = secret.code(1000);
        for (now, good) in [(998, false), (999, true), (1000, true), (1001, true), (1002, false)] {
            assert_eq!(secret.step_of(&code, at(now)).is_some(), good, "{now}");
        }
        let spaced = format!(" {} {}", &code[..3], &code[3..]);
        assert_eq!(secret.step_of(&spaced, at(1000)), Some(1000));
        for wrong in ["", "0", &code[..5], &format!("{}0", *code), "aaaaaa"] {
            assert_eq!(secret.step_of(wrong, at(1000)), None, "{wrong}");
        }
    }

    #[test]
    fn the_secret_is_written_as_apps_read_it() {
        assert_eq!(rfc().base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = rfc().uri("auth.example: main", "ada@example.test");
        assert_eq!(
            uri.expose(),
            "otpauth://totp/auth%2Eexample%3A%20main:ada%40example%2Etest?\
             secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=auth%2Eexample%3A%20main\
             &algorithm=SHA1&digits=6&period=30"
        );
        assert!(!format!("{uri:?}").contains("GEZDG"));
    }

    #[test]
    fn the_picture_is_an_svg_without_style_or_script() {
        let svg = picture(rfc().uri("Symbolon", "ada@example.test").expose()).unwrap();
        let svg = svg.expose();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
        assert!(!svg.contains("style") && !svg.contains("script") && svg.len() < 40_000);
        assert!(picture(&"x".repeat(10_000)).is_none());
    }
}
