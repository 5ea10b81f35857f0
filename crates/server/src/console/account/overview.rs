//! A person's account: what it signs in with, and where it is signed in.

use askama::Template;
use symbolon_core::edit::EditError;
use symbolon_core::edit::credentials::CredentialError;
use symbolon_core::session;
use symbolon_core::sign_in::factors;
use symbolon_core::user::{MemberRole, OperatorRole};

use crate::console::account::browser;
use crate::console::account::door::{Site, said};
use crate::console::failure::Failure;
use crate::console::page::{Frame, Link, Page, Place, sentence};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Visitor;
use symbolon_core::session::Role;

/// A session, in a line.
struct SessionRow {
    id: String,
    browser: String,
    address: String,
    created_at: Moment,
    last_seen_at: Moment,
    /// Whether it is the one that asks.
    here: bool,
}

/// A passkey, in a line.
struct PasskeyRow {
    id: String,
    name: String,
    created_at: Moment,
    last_used_at: Option<Moment>,
    backed_up: bool,
}

#[derive(Template)]
#[template(path = "account/overview.html")]
pub(super) struct OverviewContent {
    t: Texts,
    email: String,
    realm: String,
    role: String,
    totp_since: Option<Moment>,
    codes_left: usize,
    passkeys: Vec<PasskeyRow>,
    /// Whether passkeys can be had at this address.
    passkeys_possible: bool,
    sessions: Vec<SessionRow>,
}

impl OverviewContent {
    fn has_factor(&self) -> bool {
        self.totp_since.is_some() || !self.passkeys.is_empty()
    }
}

/// Shows it.
pub(super) async fn show(visitor: Visitor, site: Site) -> Result<Page<OverviewContent>, Failure> {
    let place = Place::nowhere();
    let t = place.texts(&visitor);
    let (authority, person) = (&visitor.authority, &visitor.person);
    let user = person.user();
    let own = factors::overview(&**authority.store(), visitor.home(), &user.id).await?;
    let sessions = session::list(&**authority.store(), visitor.home(), &user.id, authority.now()).await?;
    let passkeys = own.passkeys.into_iter().map(|passkey| PasskeyRow {
        id: passkey.id.to_string(),
        name: passkey.name,
        created_at: Moment(passkey.created_at),
        last_used_at: passkey.last_used_at.map(Moment),
        backed_up: passkey.backed_up,
    });
    let sessions = sessions.into_iter().map(|session| SessionRow {
        here: session.id == person.session().id,
        id: session.id.to_string(),
        browser: browser::name(t, &session.user_agent),
        address: session.address.to_string(),
        created_at: Moment(session.created_at),
        last_seen_at: Moment(session.last_seen_at),
    });
    let content = OverviewContent {
        t,
        email: user.email.clone(),
        realm: visitor.home().to_string(),
        role: role(t, person.role()),
        totp_since: own.totp_since.map(Moment),
        codes_left: own.recovery_codes_left,
        passkeys: passkeys.collect(),
        passkeys_possible: site.relying_party(t).is_some(),
        sessions: sessions.collect(),
    };
    Ok(Page::new(Frame::inside(&visitor, &place, t.of("account-title")), content))
}

/// What somebody is, in words.
pub(super) fn role(t: Texts, role: &Role) -> String {
    let name = match role {
        Role::Operator(OperatorRole::Owner) => "account-role-owner",
        Role::Operator(OperatorRole::Admin) => "account-role-operator",
        Role::Operator(OperatorRole::Auditor) => "account-role-auditor",
        Role::Member(_, MemberRole::Admin) => "account-role-admin",
        Role::Member(_, MemberRole::Developer) => "account-role-developer",
        Role::Member(_, MemberRole::Viewer) => "account-role-viewer",
    };
    t.of(name).into_owned()
}

/// The frame of a page below the account.
pub(super) fn below(visitor: &Visitor, title: &str) -> (Texts, Frame) {
    let place = Place::nowhere();
    let t = place.texts(visitor);
    let crumbs = vec![Link::new(t.of("your-account"), super::ACCOUNT)];
    (t, Frame::inside(visitor, &place, t.of(title)).below(crumbs))
}

/// What a person is told of why a credential was not changed, where the form is shown again at all.
pub(super) fn told(visitor: &Visitor, t: Texts, error: CredentialError) -> Result<String, Failure> {
    Ok(match error {
        CredentialError::NotProven => return Err(visitor.check_proof().err().unwrap_or(Failure::Forbidden)),
        CredentialError::Refused(refused) => t.of(said(refused, "prove-wrong")?).into_owned(),
        CredentialError::Edit(EditError::Invalid(text)) => sentence(&text),
        CredentialError::Edit(error) => return Err(error.into()),
        error @ (CredentialError::Weak(_)
        | CredentialError::Expired
        | CredentialError::WrongCode
        | CredentialError::Passkey(_)) => sentence(&error.to_string()),
    })
}
