//! What people sign in with, as they change it themselves: the password, the app that makes codes, recovery codes and
//! passkeys. Whoever changes one has proved lately who it is; a password is changed with the old one, which is proof
//! enough where nothing else is set up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use symbolon_protocol::revocation::Kind;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::edit::user::subject;
use crate::edit::{EditError, Editor, check_name};
use crate::id::{PasskeyId, SessionId, UserId};
use crate::random::bytes;
use crate::refusal::Reason;
use crate::secret::Secret;
use crate::session::Person;
use crate::sign_in::factors::Factors;
use crate::sign_in::passkey::{self, Ceremony, RegistrationResponse, RelyingParty};
use crate::sign_in::password::{WeakPassword, check_new};
use crate::sign_in::totp::{Totp, TotpSecret, picture};
use crate::sign_in::{Attempt, Refused, SignedIn, recovery, sealed};
use crate::store::StoreError;
use crate::user::User;

/// An app has to be confirmed within this time.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(15);
/// What of an app's enrolment is sealed.
const ENROLMENT: &str = "new app";

/// Why something that a person signs in with was not changed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The last full authentication is too long ago.
    #[error("prove first who you are")]
    NotProven,
    /// The old password was refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The new password will not do.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// It took too long, or belongs to another session.
    #[error("it took too long: begin anew")]
    Expired,
    /// The code is not the one that the app shows now.
    #[error("the code is not the one that the app shows now: is the device's clock right?")]
    WrongCode,
    /// The passkey's answer is refused; the text is for the person.
    #[error("the passkey could not be added: {0}")]
    Passkey(passkey::PasskeyFault),
    /// A rule, or the store.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl From<StoreError> for CredentialError {
    fn from(error: StoreError) -> Self {
        EditError::from(error).into()
    }
}

impl CredentialError {
    fn of(reason: Reason) -> Self {
        match reason {
            Reason::SignInExpired => Self::Expired,
            Reason::Passkey(fault) => Self::Passkey(fault),
            other => EditError::Invalid(other.to_string()).into(),
        }
    }
}

/// An app on its way: shown once, and worth nothing until a code of it has come.
#[derive(Debug)]
pub struct TotpEnrolment {
    /// The secret, for typing.
    pub secret: Secret,
    /// The same as an `otpauth` address.
    pub uri: Secret,
    /// The same as a picture for a camera: SVG, to stand in a page as it is.
    pub qr_svg: Secret,
    /// What has to come back with the code.
    pub state: Secret,
}

#[derive(Serialize, Deserialize)]
struct Enrolment {
    user: UserId,
    session: SessionId,
    secret: String,
    expires_at: Timestamp,
}

fn check_proven(authority: &Authority, person: &Person) -> Result<(), CredentialError> {
    if person.is_proven(authority.now()) { Ok(()) } else { Err(CredentialError::NotProven) }
}

/// Whether a person has to prove again who it is before it changes its password: with a second factor, a password alone
/// says too little.
pub async fn password_needs_proof(authority: &Authority, person: &Person) -> Result<bool, StoreError> {
    if person.is_proven(authority.now()) {
        return Ok(false);
    }
    let factors = authority.store().find_factors(person.realm().id(), &person.user().id).await?;
    Ok(factors.is_some_and(|factors| factors.is_needed()))
}

/// Changes a person's password. All sessions end with it, and all tokens of the old one; the person goes on in the new
/// session that this gives, which is proven for no longer than the one before.
pub async fn change_password(
    attempt: Attempt<'_>,
    person: &Person,
    (old, new): (&Secret, &Secret),
) -> Result<SignedIn, CredentialError> {
    if password_needs_proof(attempt.authority, person).await? {
        return Err(CredentialError::NotProven);
    }
    let began = Instant::now();
    let (before, editor) = (person.user(), person.editor(attempt.authority));
    let reason = match attempt.is_right(Some(before), old).await {
        Ok(true) => None,
        Ok(false) => Some(Reason::WrongPassword),
        Err(reason) => Some(reason),
    };
    if let Some(reason) = reason {
        return Err(attempt.refuse(Some(&before.email), reason, began).await.into());
    }
    check_new(new, &before.email)?;
    let password = super::user::hash_password(editor, new, &before.email).await?;
    let after = User { password: Some(password), version: before.version + 1, ..before.clone() };
    let mut change = editor.change("change_password", subject(&after), Some(before), Some(&after));
    change.revocations = vec![editor.before_now(Kind::User, after.id.as_str())?];
    editor.store().update_user(editor.realm, &after, &change).await?;
    editor.done().await?;
    match attempt.go_on(after, person.session()).await {
        Ok(signed_in) => Ok(signed_in),
        Err(reason) => Err(attempt.refuse(Some(&before.email), reason, began).await.into()),
    }
}

/// Begins to set up an app that makes codes. `issuer` is what the app calls this installation.
pub fn begin_totp(
    authority: &Authority,
    person: &Person,
    issuer: &str,
) -> Result<TotpEnrolment, CredentialError> {
    check_proven(authority, person)?;
    let user = person.user();
    let secret = TotpSecret::generate(authority.random()).map_err(EditError::from)?;
    let uri = secret.uri(issuer, &user.email);
    let qr_svg = picture(uri.expose())
        .ok_or_else(|| EditError::invalid("the name is too long for a picture that an app can read"))?;
    let enrolment = Enrolment {
        user: user.id.clone(),
        session: person.session().id.clone(),
        secret: secret.base64(),
        expires_at: authority.now().plus(PATIENCE),
    };
    let state = sealed::close(authority, ENROLMENT, person.realm().id(), &enrolment);
    let state = state.map_err(CredentialError::of)?;
    Ok(TotpEnrolment { secret: secret.base32(), uri, qr_svg, state })
}

/// Sets an app up, once a code of it has come. It takes the place of any that there was.
pub async fn confirm_totp(
    authority: &Authority,
    person: &Person,
    state: &str,
    code: &str,
) -> Result<(), CredentialError> {
    check_proven(authority, person)?;
    let (user, realm, now) = (person.user(), person.realm().id(), authority.now());
    let enrolment: Enrolment =
        sealed::open(authority, ENROLMENT, realm, state).ok_or(CredentialError::Expired)?;
    if enrolment.user != user.id || enrolment.session != person.session().id || now >= enrolment.expires_at {
        return Err(CredentialError::Expired);
    }
    let bytes = BASE64URL.decode(Zeroizing::new(enrolment.secret).as_bytes());
    let secret = TotpSecret::of_bytes(Zeroizing::new(bytes.map_err(|_| CredentialError::Expired)?));
    let last_step = secret.step_of(code, now).ok_or(CredentialError::WrongCode)?;
    let sealed = secret.seal(authority, realm, &user.id);
    let sealed = sealed.map_err(|error| EditError::Invalid(error.to_string()))?;
    let editor = person.editor(authority);
    let before = factors_of(editor, user).await?;
    let totp = Some(Totp { secret: sealed, last_step, since: now });
    let after = Factors { totp, wrong_codes: 0, ..before.clone() };
    put(editor, user, "add_totp", (&before, after)).await
}

/// Removes the app.
pub async fn remove_totp(authority: &Authority, person: &Person) -> Result<(), CredentialError> {
    check_proven(authority, person)?;
    let (editor, user) = (person.editor(authority), person.user());
    let before = factors_of(editor, user).await?;
    if before.totp.is_none() {
        return Err(StoreError::NotFound.into());
    }
    let mut after = Factors { totp: None, ..before.clone() };
    after.drop_useless_codes();
    put(editor, user, "remove_totp", (&before, after)).await
}

/// Makes ten recovery codes in place of all that there were. They are shown this once.
pub async fn renew_recovery_codes(
    authority: &Authority,
    person: &Person,
) -> Result<Vec<Secret>, CredentialError> {
    check_proven(authority, person)?;
    let (editor, user) = (person.editor(authority), person.user());
    let before = factors_of(editor, user).await?;
    if !before.is_needed() {
        return Err(
            EditError::invalid("recovery codes stand in for a second factor: set one up first").into()
        );
    }
    let (codes, recovery_codes) = recovery::generate(authority).map_err(EditError::from)?;
    let after = Factors { recovery_codes, ..before.clone() };
    put(editor, user, "renew_recovery_codes", (&before, after)).await?;
    Ok(codes)
}

/// Asks the browser for a new passkey.
pub async fn begin_passkey(
    authority: &Authority,
    person: &Person,
    rp: &RelyingParty,
) -> Result<Ceremony, CredentialError> {
    check_proven(authority, person)?;
    let editor = person.editor(authority);
    let mut factors = factors_of(editor, person.user()).await?;
    if factors.version == 0 {
        // The device will remember the user's handle: it has to be the same when the answer comes.
        factors = factors.next();
        editor.store().put_factors(editor.realm, &factors, None).await?;
    }
    passkey::begin_making(authority, person, rp, &factors).map_err(CredentialError::of)
}

/// Adds a passkey, and answers its id.
pub async fn add_passkey(
    authority: &Authority,
    (person, rp): (&Person, &RelyingParty),
    (state, answer): (&str, &RegistrationResponse),
    name: &str,
) -> Result<PasskeyId, CredentialError> {
    check_proven(authority, person)?;
    check_passkey_name(name)?;
    let (editor, user) = (person.editor(authority), person.user());
    let before = factors_of(editor, user).await?;
    if before.passkeys.len() >= passkey::MOST {
        let text = format!("there are {} passkeys already: remove one first", passkey::MOST);
        return Err(EditError::Invalid(text).into());
    }
    let mut after = before.clone();
    let id = passkey::make(authority, (person, rp), &mut after, (state, answer), name)
        .map_err(CredentialError::of)?;
    let credential = after.passkeys.last().map(|passkey| &passkey.credential);
    if before.passkeys.iter().any(|passkey| Some(&passkey.credential) == credential) {
        return Err(StoreError::Taken("this passkey").into());
    }
    put(editor, user, "add_passkey", (&before, after)).await?;
    Ok(id)
}

/// Gives a passkey another name.
pub async fn rename_passkey(
    authority: &Authority,
    person: &Person,
    id: &PasskeyId,
    name: &str,
) -> Result<(), CredentialError> {
    check_passkey_name(name)?;
    let (editor, user) = (person.editor(authority), person.user());
    let before = factors_of(editor, user).await?;
    let mut after = before.clone();
    let passkey = after.passkeys.iter_mut().find(|passkey| passkey.id == *id);
    name.clone_into(&mut passkey.ok_or(StoreError::NotFound)?.name);
    put(editor, user, "rename_passkey", (&before, after)).await
}

/// Removes a passkey.
pub async fn remove_passkey(
    authority: &Authority,
    person: &Person,
    id: &PasskeyId,
) -> Result<(), CredentialError> {
    check_proven(authority, person)?;
    let (editor, user) = (person.editor(authority), person.user());
    let before = factors_of(editor, user).await?;
    let mut after = before.clone();
    after.passkeys.retain(|passkey| passkey.id != *id);
    if after.passkeys.len() == before.passkeys.len() {
        return Err(StoreError::NotFound.into());
    }
    after.drop_useless_codes();
    put(editor, user, "remove_passkey", (&before, after)).await
}

/// Takes everything beside the password from a user who has lost it: for an operator who knows whom it helps. All
/// sessions of the user end.
pub async fn remove_factors(editor: Editor<'_>, user: &User) -> Result<(), EditError> {
    let before = factors_of(editor, user).await?;
    let mut after = Factors { totp: None, passkeys: Vec::new(), wrong_codes: 0, ..before.clone() };
    after.drop_useless_codes();
    let mut change =
        editor.change("remove_factors", subject(user), Some(&shown(&before)), Some(&shown(&after)));
    change.revocations = vec![editor.before_now(Kind::User, user.id.as_str())?];
    editor.store().put_factors(editor.realm, &after.next(), Some(&change)).await?;
    editor.done().await
}

fn check_passkey_name(name: &str) -> Result<(), EditError> {
    if name.trim().is_empty() {
        return Err(EditError::invalid("a passkey needs a name, such as that of its device"));
    }
    check_name(name)
}

/// What a user has; a new record at version 0 where there is none.
async fn factors_of(editor: Editor<'_>, user: &User) -> Result<Factors, EditError> {
    if let Some(factors) = editor.store().find_factors(editor.realm, &user.id).await? {
        return Ok(factors);
    }
    Ok(Factors {
        user: user.id.clone(),
        handle: BASE64URL.encode(bytes::<32>(editor.authority.random())?),
        totp: None,
        recovery_codes: Vec::new(),
        passkeys: Vec::new(),
        used_challenges: Vec::new(),
        wrong_codes: 0,
        wrong_code_at: Timestamp::default(),
        version: 0,
    })
}

/// What of it may be on record.
fn shown(factors: &Factors) -> Value {
    let passkeys = factors.passkeys.iter().map(|passkey| json!({ "id": passkey.id, "name": passkey.name }));
    json!({
        "totp": factors.totp.is_some(),
        "recovery_codes": factors.recovery_codes.len(),
        "passkeys": passkeys.collect::<Vec<_>>(),
    })
}

async fn put(
    editor: Editor<'_>,
    user: &User,
    action: &'static str,
    (before, after): (&Factors, Factors),
) -> Result<(), CredentialError> {
    let change = editor.change(action, subject(user), Some(&shown(before)), Some(&shown(&after)));
    editor.store().put_factors(editor.realm, &after.next(), Some(&change)).await?;
    Ok(editor.done().await?)
}
