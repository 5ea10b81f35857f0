//! Passkeys: as a second factor beside the password, and alone, where the device verifies its user.
//!
//! A challenge is made here, sealed to the browser and used once: what was answered is noted with the user, in the
//! same change that notes the passkey's counter.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::id::{PasskeyId, RealmId, SessionId, UserId};
use crate::random::bytes;
use crate::refusal::Reason;
use crate::secret::Secret;
use crate::session::{Method, Person, standing};
use crate::sign_in::factors::Factors;
use crate::sign_in::webauthn::{ALGORITHMS, Expected, sha256};
use crate::sign_in::{Attempt, FirstStep, Refused, SignedIn, changed_meanwhile, sealed};
use crate::store::StoreError;
use crate::user::User;

pub use crate::sign_in::webauthn::{
    Assertion, AssertionResponse, Attestation, PasskeyFault, RegistrationResponse,
};

/// A challenge can be answered for so long.
const PATIENCE: Duration = Duration::from_mins(5);
/// A user has at most so many.
pub const MOST: usize = 20;
/// What of a ceremony is sealed.
const CEREMONY: &str = "passkey";

/// A passkey as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// Its id here.
    pub id: PasskeyId,
    /// What its user calls it.
    pub name: String,
    /// The device's id of it, base64url.
    pub credential: String,
    /// Its public key in the COSE form, base64url.
    pub key: String,
    /// The device's counter when it was used last; 0 for devices that have none.
    pub counter: u32,
    /// Whether it may ever be kept in more places than the device.
    pub backup_eligible: bool,
    /// Whether it is.
    pub backed_up: bool,
    /// How the device can be reached, as the browser said.
    pub transports: Vec<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was used last.
    pub last_used_at: Option<Timestamp>,
}

/// A site that passkeys are for: the host of a console's address, and the origin of its pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
    name: String,
}

impl RelyingParty {
    /// The site of an address. `name` is what devices call it. `None` where browsers have no passkeys: without https
    /// elsewhere than on localhost, and where the host is an address instead of a name.
    pub fn at(url: &str, name: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?.to_ascii_lowercase();
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().ok()?)),
            None => (&*authority, None),
        };
        let is_name = !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
            && host.parse::<std::net::IpAddr>().is_err();
        let is_local = host == "localhost" || host.ends_with(".localhost");
        let usual = match scheme.to_ascii_lowercase().as_str() {
            "https" => 443,
            "http" if is_local => 80,
            _ => return None,
        };
        let scheme = scheme.to_ascii_lowercase();
        let port = port.filter(|port| *port != usual).map(|port| format!(":{port}")).unwrap_or_default();
        is_name.then(|| Self {
            id: host.to_owned(),
            origin: format!("{scheme}://{host}{port}"),
            name: name.to_owned(),
        })
    }

    fn expects<'a>(&'a self, challenge: &'a str, verified: bool) -> Expected<'a> {
        Expected { challenge, origin: &self.origin, rp_id: &self.id, verified }
    }
}

/// A question to a passkey.
#[derive(Debug)]
pub struct Ceremony {
    /// What the browser is asked, for `PublicKeyCredential.parseCreationOptionsFromJSON` or
    /// `parseRequestOptionsFromJSON`.
    pub options: Value,
    /// What has to come back with the answer.
    pub state: Secret,
}

/// What of a question is sealed.
#[derive(Serialize, Deserialize)]
struct Asked {
    challenge: String,
    purpose: Purpose,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
enum Purpose {
    /// To make one, in a session.
    Make { user: UserId, session: SessionId },
    /// To sign in by a passkey alone, whoever it is.
    SignIn,
    /// To sign in after the password was right.
    SecondFactor(FirstStep),
    /// To prove again who one is.
    Prove { user: UserId, session: SessionId },
}

fn ask(authority: &Authority, realm: &RealmId, purpose: Purpose) -> Result<(String, Secret), Reason> {
    let challenge = bytes::<32>(authority.random()).map_err(|_| Reason::SigningFailed)?;
    let challenge = BASE64URL.encode(challenge);
    let asked = Asked { challenge: challenge.clone(), purpose, expires_at: authority.now().plus(PATIENCE) };
    let state = sealed::close(authority, CEREMONY, realm, &asked)?;
    Ok((challenge, state))
}

fn asked(authority: &Authority, realm: &RealmId, state: &str) -> Result<Asked, Reason> {
    let asked: Asked = sealed::open(authority, CEREMONY, realm, state).ok_or(Reason::SignInExpired)?;
    if authority.now() >= asked.expires_at { Err(Reason::SignInExpired) } else { Ok(asked) }
}

fn digest(challenge: &str) -> String {
    BASE64URL.encode(sha256(challenge.as_bytes()))
}

/// The passkeys of a user, as browsers are told of them.
fn descriptors(factors: Option<&Factors>) -> Vec<Value> {
    let passkeys = factors.map(|factors| factors.passkeys.as_slice()).unwrap_or_default();
    let descriptor = |passkey: &Passkey| json!({ "type": "public-key", "id": passkey.credential, "transports": passkey.transports });
    passkeys.iter().map(descriptor).collect()
}

fn request(rp: &RelyingParty, challenge: &str, verified: bool, allowed: &[Value]) -> Value {
    json!({
        "challenge": challenge,
        "rpId": rp.id,
        "timeout": u64::try_from(PATIENCE.as_millis()).unwrap_or_default(),
        "userVerification": if verified { "required" } else { "preferred" },
        "allowCredentials": allowed,
    })
}

/// Asks for a new passkey.
pub(crate) fn begin_making(
    authority: &Authority,
    person: &Person,
    rp: &RelyingParty,
    factors: &Factors,
) -> Result<Ceremony, Reason> {
    let user = person.user();
    let purpose = Purpose::Make { user: user.id.clone(), session: person.session().id.clone() };
    let (challenge, state) = ask(authority, person.realm().id(), purpose)?;
    let parameters = ALGORITHMS.map(|alg| json!({ "type": "public-key", "alg": alg }));
    let options = json!({
        "rp": { "id": rp.id, "name": rp.name },
        "user": { "id": factors.handle, "name": user.email, "displayName": user.email },
        "challenge": challenge,
        "pubKeyCredParams": parameters,
        "timeout": u64::try_from(PATIENCE.as_millis()).unwrap_or_default(),
        "excludeCredentials": descriptors(Some(factors)),
        "authenticatorSelection": { "residentKey": "preferred", "userVerification": "preferred" },
        "attestation": "none",
    });
    Ok(Ceremony { options, state })
}

/// Reads a new passkey, and notes with its user that the challenge was answered.
pub(crate) fn make(
    authority: &Authority,
    (person, rp): (&Person, &RelyingParty),
    factors: &mut Factors,
    (state, answer): (&str, &RegistrationResponse),
    name: &str,
) -> Result<PasskeyId, Reason> {
    let now = authority.now();
    let asked = asked(authority, person.realm().id(), state)?;
    match &asked.purpose {
        Purpose::Make { user, session } if *user == person.user().id && *session == person.session().id => {}
        _ => return Err(PasskeyFault::Ceremony.into()),
    }
    let made = rp.expects(&asked.challenge, false).made(answer)?;
    if !factors.use_challenge(digest(&asked.challenge), asked.expires_at, now) {
        return Err(PasskeyFault::Replayed.into());
    }
    let id = PasskeyId::generate(now, authority.random()).map_err(|_| Reason::SigningFailed)?;
    // What a browser says of transports is only handed back to it; a few short words are what there is.
    let is_word = |text: &String| text.len() <= 32 && text.bytes().all(|b| b.is_ascii_graphic());
    let transports = answer.response.transports.iter().filter(|text| is_word(text)).take(8);
    factors.passkeys.push(Passkey {
        id: id.clone(),
        name: name.to_owned(),
        credential: made.credential,
        key: made.key,
        counter: made.counter,
        backup_eligible: made.backup_eligible,
        backed_up: made.backed_up,
        transports: transports.cloned().collect(),
        created_at: now,
        last_used_at: None,
    });
    Ok(id)
}

/// Asks for any passkey of this site: whose it is, the device says.
pub async fn begin_sign_in(attempt: Attempt<'_>, rp: &RelyingParty) -> Result<Ceremony, Refused> {
    let began = Instant::now();
    match ask(attempt.authority, attempt.realm.id(), Purpose::SignIn) {
        Ok((challenge, state)) => Ok(Ceremony { options: request(rp, &challenge, true, &[]), state }),
        Err(reason) => Err(attempt.refuse(None, reason, began).await),
    }
}

/// Asks for a passkey of the user whose password was right.
pub async fn begin_second_factor(
    attempt: Attempt<'_>,
    rp: &RelyingParty,
    pending: &str,
) -> Result<Ceremony, Refused> {
    let began = Instant::now();
    let asking = async {
        let (step, user) = attempt.resume(pending).await?;
        attempt.ask_for_own(rp, &user.id, Purpose::SecondFactor(step), false).await
    };
    match asking.await {
        Ok(ceremony) => Ok(ceremony),
        Err(reason) => Err(attempt.refuse(None, reason, began).await),
    }
}

/// Asks for a passkey of the person, to prove again who it is.
pub async fn begin_proof(
    attempt: Attempt<'_>,
    rp: &RelyingParty,
    person: &Person,
) -> Result<Ceremony, Refused> {
    let began = Instant::now();
    let (user, session) = (person.user().id.clone(), person.session().id.clone());
    let purpose = Purpose::Prove { user: user.clone(), session };
    match attempt.ask_for_own(rp, &user, purpose, true).await {
        Ok(ceremony) => Ok(ceremony),
        Err(reason) => Err(attempt.refuse(Some(&person.user().email), reason, began).await),
    }
}

/// Ends any of the three: signs in, or gives the session that was to be proved a new token.
pub async fn sign_in(
    attempt: Attempt<'_>,
    rp: &RelyingParty,
    state: &str,
    answer: &AssertionResponse,
) -> Result<SignedIn, Refused> {
    let began = Instant::now();
    let mut email = None;
    match attempt.try_passkey(rp, state, answer, &mut email).await {
        Ok(signed_in) => Ok(signed_in),
        Err(reason) => Err(attempt.refuse(email.as_deref(), reason, began).await),
    }
}

impl Attempt<'_> {
    async fn ask_for_own(
        &self,
        rp: &RelyingParty,
        user: &UserId,
        purpose: Purpose,
        verified: bool,
    ) -> Result<Ceremony, Reason> {
        let factors = self.authority.store.find_factors(self.realm.id(), user).await;
        let factors = factors.map_err(changed_meanwhile)?;
        let allowed = descriptors(factors.as_ref());
        if allowed.is_empty() {
            return Err(PasskeyFault::Unknown.into());
        }
        let (challenge, state) = ask(self.authority, self.realm.id(), purpose)?;
        Ok(Ceremony { options: request(rp, &challenge, verified, &allowed), state })
    }

    async fn try_passkey(
        &self,
        rp: &RelyingParty,
        state: &str,
        answer: &AssertionResponse,
        email: &mut Option<String>,
    ) -> Result<SignedIn, Reason> {
        self.authority.directory().check_age(self.now())?;
        let asked = asked(self.authority, self.realm.id(), state)?;
        let (factors, user) = self.whose(&asked.purpose, answer).await?;
        *email = Some(user.email.clone());
        let verified = !matches!(asked.purpose, Purpose::SecondFactor(_));
        self.use_passkey(factors, rp.expects(&asked.challenge, verified), (&asked, answer)).await?;
        standing(self.authority, self.realm, &user).await?;
        match asked.purpose {
            Purpose::SecondFactor(step) => {
                self.finish(user, Method::PasswordAndPasskey, step.proves.as_ref()).await
            }
            Purpose::Prove { session, .. } => self.finish(user, Method::Passkey, Some(&session)).await,
            Purpose::SignIn | Purpose::Make { .. } => self.finish(user, Method::Passkey, None).await,
        }
    }

    /// Whose passkey it has to be: the user's who was asked, or, where anybody was, the one's that the device names.
    async fn whose(&self, purpose: &Purpose, answer: &AssertionResponse) -> Result<(Factors, User), Reason> {
        let (store, realm) = (&self.authority.store, self.realm.id());
        let handle = answer.response.user_handle.as_deref().filter(|handle| !handle.is_empty());
        let (user, version) = match purpose {
            Purpose::Make { .. } => return Err(PasskeyFault::Ceremony.into()),
            Purpose::SecondFactor(step) => (Some(&step.user), Some(step.version)),
            Purpose::Prove { user, .. } => (Some(user), None),
            Purpose::SignIn => (None, None),
        };
        let factors = match (user, handle) {
            (Some(user), _) => store.find_factors(realm, user).await,
            (None, Some(handle)) => store.find_factors_by_handle(realm, handle).await,
            (None, None) => return Err(PasskeyFault::Malformed("userHandle").into()),
        };
        let factors = factors.map_err(changed_meanwhile)?.ok_or(PasskeyFault::Unknown)?;
        if handle.is_some_and(|handle| handle != factors.handle) {
            return Err(PasskeyFault::Unknown.into());
        }
        let user = store.find_user(realm, None, &factors.user).await.map_err(changed_meanwhile)?;
        let user = user.filter(|user| version.is_none_or(|version| user.version == version));
        Ok((factors, user.ok_or(Reason::SignInExpired)?))
    }

    /// Verifies the answer, and notes challenge and counter, so that neither counts again.
    async fn use_passkey(
        &self,
        mut factors: Factors,
        expected: Expected<'_>,
        (asked, answer): (&Asked, &AssertionResponse),
    ) -> Result<(), Reason> {
        let now = self.now();
        if !factors.use_challenge(digest(&asked.challenge), asked.expires_at, now) {
            return Err(PasskeyFault::Replayed.into());
        }
        let passkey = factors.passkeys.iter_mut().find(|passkey| passkey.credential == answer.raw_id);
        let passkey = passkey.ok_or(PasskeyFault::Unknown)?;
        let known = (passkey.key.as_str(), passkey.counter, passkey.backup_eligible);
        let used = expected.used(&answer.response, known)?;
        passkey.counter = used.counter;
        passkey.backed_up = used.backed_up;
        passkey.last_used_at = Some(now);
        factors.wrong_codes = 0;
        match self.authority.store.put_factors(self.realm.id(), &factors.next(), None).await {
            Ok(()) => Ok(()),
            // Somebody else was faster, perhaps with the same answer.
            Err(StoreError::Stale) => Err(Reason::SignInExpired),
            Err(error) => Err(changed_meanwhile(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_the_host_of_its_address() {
        let site = |url| RelyingParty::at(url, "Symbolon").map(|rp| (rp.id, rp.origin));
        let is = |id: &str, origin: &str| Some((id.to_owned(), origin.to_owned()));
        assert_eq!(site("https://Auth.Example/console"), is("auth.example", "https://auth.example"));
        assert_eq!(site("https://auth.example:443"), is("auth.example", "https://auth.example"));
        assert_eq!(site("https://auth.example:8443/x"), is("auth.example", "https://auth.example:8443"));
        assert_eq!(site("http://localhost:8080/console"), is("localhost", "http://localhost:8080"));
        for none in [
            "http://auth.example",
            "https://192.0.2.1",
            "https://[2001:db8::1]/",
            "http://127.0.0.1:8080",
            "https://",
            "auth.example",
            "https://user@auth.example",
        ] {
            assert_eq!(site(none), None, "{none}");
        }
    }
}
