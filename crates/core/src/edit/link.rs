//! Links that somebody uses once to choose a password: the first operator's, an invitation, a forgotten password.
//!
//! Who has the link is believed to be whom it was made for, so it is a secret like any other: 256 random bits, kept
//! only as a hash. It ends with its use, with the next one for the same user, with time, and when the user's password
//! changes in another way.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use symbolon_protocol::revocation::Kind;
use symbolon_protocol::secret_format;

use crate::audit::Actor;
use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::edit::user::subject;
use crate::edit::{EditError, Editor, user};
pub use crate::id::LinkId;
use crate::id::{RealmId, UserId};
use crate::permission::{Denied, OrganizationAccess, Permission, RealmAccess};
use crate::realm::Status;
use crate::realm_view::RealmView;
use crate::secret::{Comparison, Secret, SecretHash};
use crate::session::{Role, Visit};
use crate::sign_in::password::{WeakPassword, check_new};
use crate::store::{PageRequest, Store, StoreError};
use crate::user::{OperatorRole, User};

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// Making the first operator, where there is none.
    FirstOperator,
    /// The first password of somebody who was invited.
    Invitation,
    /// A new password in place of a forgotten one.
    Reset,
}

impl LinkPurpose {
    const fn lifetime(self) -> Duration {
        match self {
            Self::FirstOperator => Duration::from_mins(30),
            Self::Invitation => Duration::from_hours(7 * 24),
            Self::Reset => Duration::from_hours(24),
        }
    }

    const fn actions(self) -> (&'static str, &'static str) {
        match self {
            Self::FirstOperator => ("offer_first_operator", "become_first_operator"),
            Self::Invitation => ("invite", "accept_invitation"),
            Self::Reset => ("offer_reset", "reset_password"),
        }
    }
}

/// A link as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// The realm.
    pub realm: RealmId,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// Whose password it sets; none where it makes the first operator.
    pub user: Option<UserId>,
    /// The SHA-256 of the hash of the password that the user had when it was made, so that it ends with that.
    pub replaces: Option<String>,
    /// The hash of its token.
    pub secret: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why a link was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It is none, was used, was replaced, or has ended: all the same outside.
    #[error("this link has been used or has ended: ask for a new one")]
    Dead,
    /// The password will not do.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The first operator has to say an email address.
    #[error("an email address is needed")]
    EmailMissing,
    /// A rule, or the store.
    #[error(transparent)]
    Edit(#[from] EditError),
}

impl From<StoreError> for LinkError {
    fn from(error: StoreError) -> Self {
        EditError::from(error).into()
    }
}

/// What a link says of itself to who holds it.
#[derive(Clone)]
pub struct LinkView {
    /// What it is for.
    pub purpose: LinkPurpose,
    /// The realm.
    pub realm: Arc<RealmView>,
    /// The user's email address; none where it makes the first operator, who says one.
    pub email: Option<String>,
    /// What the user is, or will be.
    pub role: Option<Role>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What somebody chose.
#[derive(Clone, Copy, Debug)]
pub struct Chosen<'a> {
    /// The password.
    pub password: &'a Secret,
    /// The email address, from the first operator.
    pub email: Option<&'a str>,
}

/// Makes the link by which somebody becomes the first operator of the default realm, an owner: for whoever sees the
/// server's own terminal. `None` where there is an operator who can sign in, or no default realm.
pub async fn first_operator(authority: &Authority) -> Result<Option<Secret>, EditError> {
    let Some(view) = authority.directory().default_realm() else { return Ok(None) };
    if has_operator(&*authority.store, view.id()).await? {
        return Ok(None);
    }
    let actor = Actor::system("first operator");
    let editor = Editor { authority, actor: &actor, realm: view.id() };
    issue(editor, LinkPurpose::FirstOperator, None).await.map(Some)
}

/// Whether somebody operates a realm who has a password. Operators belong to no organization, so there are few to
/// look at.
async fn has_operator(store: &dyn Store, realm: &RealmId) -> Result<bool, StoreError> {
    let mut page = PageRequest::first();
    loop {
        let users = store.list_users(realm, None, &page).await?;
        if users.items.iter().any(|user| user.operator.is_some() && user.password.is_some()) {
            return Ok(true);
        }
        let Some(next) = users.next else { return Ok(false) };
        page.after = Some(next);
    }
}

/// Makes an invitation for an operator who was added without a password.
pub async fn invite_operator(access: &RealmAccess<'_>, user: &User) -> Result<Secret, LinkRefused> {
    access.check_link(user)?;
    Ok(invite(access.editor(), user).await?)
}

/// Makes an invitation for a member who was added without a password.
pub async fn invite_member(access: &OrganizationAccess<'_>, user: &User) -> Result<Secret, LinkRefused> {
    let is_own = user.membership.as_ref().is_some_and(|member| member.organization == *access.id());
    if !is_own {
        return Err(Denied::NotFound.into());
    }
    access.realm.check_link(user)?;
    Ok(invite(access.realm.editor(), user).await?)
}

/// Makes a link for somebody who forgot the password: for operators, and for a user who operates the realm, for those
/// who may make operators.
pub async fn reset(access: &RealmAccess<'_>, user: &User) -> Result<Secret, LinkRefused> {
    if !access.is_operator() {
        return Err(Denied::Permission(Permission::WriteMembers).into());
    }
    access.check_link(user)?;
    Ok(issue(access.editor(), LinkPurpose::Reset, Some(user)).await?)
}

/// Why no link was made.
#[derive(Debug, thiserror::Error)]
pub enum LinkRefused {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A rule, or the store.
    #[error(transparent)]
    Edit(#[from] EditError),
}

async fn invite(editor: Editor<'_>, user: &User) -> Result<Secret, EditError> {
    if user.password.is_some() {
        return Err(EditError::invalid("this user has a password already: make a link to reset it instead"));
    }
    issue(editor, LinkPurpose::Invitation, Some(user)).await
}

async fn issue(editor: Editor<'_>, purpose: LinkPurpose, user: Option<&User>) -> Result<Secret, EditError> {
    if user.is_some_and(|user| user.status != Status::Active) {
        return Err(EditError::invalid("this user is switched off"));
    }
    let (authority, now) = (editor.authority, editor.now());
    let id = LinkId::generate(now, authority.random())?;
    let token = Secret::of_kind(secret_format::LINK, id.as_str(), authority.random())?;
    let link = Link {
        secret: authority.peppers.hash(&token),
        id,
        realm: editor.realm.clone(),
        purpose,
        user: user.map(|user| user.id.clone()),
        replaces: user.and_then(replaced),
        created_at: now,
        expires_at: now.plus(purpose.lifetime()),
    };
    let subject = user.map_or_else(
        || crate::audit::Subject::new(crate::audit::SubjectKind::Realm, editor.realm.as_str()),
        subject,
    );
    let shown = serde_json::json!({ "link": link.id, "user": link.user, "expires_at": link.expires_at });
    let change = editor.change(purpose.actions().0, subject, None, Some(&shown));
    editor.store().put_link(&link, &change).await?;
    editor.done().await?;
    Ok(token)
}

/// What stands for the password that a user has now.
fn replaced(user: &User) -> Option<String> {
    let hash = user.password.as_ref()?;
    Some(BASE64.encode(digest::digest(&digest::SHA256, hash.phc().as_bytes())))
}

struct Found {
    link: Link,
    realm: Arc<RealmView>,
    user: Option<User>,
}

/// The link of a token, if it can be used now.
async fn find(authority: &Authority, unverified_token: &str) -> Result<Found, LinkError> {
    let id = secret_format::written_id(unverified_token).and_then(|id| LinkId::new(id).ok());
    let link = match &id {
        Some(id) => authority.store.find_link(id).await?,
        None => None,
    };
    let Some(link) = link else {
        authority.peppers.compare_with_nothing(unverified_token);
        return Err(LinkError::Dead);
    };
    if authority.peppers.compare(unverified_token, &link.secret) == Comparison::Different
        || authority.now() >= link.expires_at
    {
        return Err(LinkError::Dead);
    }
    let realm = authority.directory().realm(link.realm.as_str()).ok_or(LinkError::Dead)?;
    if !realm.realm().status.is_active() {
        return Err(LinkError::Dead);
    }
    let user = match &link.user {
        Some(id) => {
            let user = authority.store.find_user(realm.id(), None, id).await?;
            let user = user.filter(|user| user.status.is_active() && replaced(user) == link.replaces);
            Some(user.ok_or(LinkError::Dead)?)
        }
        None if has_operator(&*authority.store, realm.id()).await? => return Err(LinkError::Dead),
        None => None,
    };
    Ok(Found { link, realm, user })
}

/// Says what a link is for, and uses nothing up.
pub async fn look(authority: &Authority, unverified_token: &str) -> Result<LinkView, LinkError> {
    let Found { link, realm, user } = find(authority, unverified_token).await?;
    let role = match link.purpose {
        LinkPurpose::FirstOperator => Some(Role::Operator(OperatorRole::Owner)),
        LinkPurpose::Invitation | LinkPurpose::Reset => user.as_ref().and_then(Role::of),
    };
    let email = user.map(|user| user.email);
    Ok(LinkView { purpose: link.purpose, realm, email, role, expires_at: link.expires_at })
}

/// Uses a link up: the password is set, all sessions and tokens of the user are dead, and signing in is next.
pub async fn accept(
    authority: &Authority,
    unverified_token: &str,
    chosen: Chosen<'_>,
    visit: Visit<'_>,
) -> Result<User, LinkError> {
    let Found { link, realm, user: before } = find(authority, unverified_token).await?;
    let now = authority.now();
    let mut after = match &before {
        Some(user) => User { version: user.version + 1, ..user.clone() },
        None => User {
            id: UserId::generate(now, authority.random()).map_err(EditError::from)?,
            email: chosen.email.ok_or(LinkError::EmailMissing)?.trim().to_owned(),
            password: None,
            status: Status::Active,
            held: false,
            membership: None,
            operator: Some(OperatorRole::Owner),
            version: 1,
            created_at: now,
        },
    };
    user::check(&after)?;
    check_new(chosen.password, &after.email)?;
    let actor = Actor::user(&after.id, visit.request_id).at(visit.from);
    let editor = Editor { authority, actor: &actor, realm: realm.id() };
    after.password = Some(user::hash_password(editor, chosen.password, &after.email).await?);
    let mut change = editor.change(link.purpose.actions().1, subject(&after), before.as_ref(), Some(&after));
    if before.is_some() {
        change.revocations = vec![editor.before_now(Kind::User, after.id.as_str())?];
    }
    match authority.store.accept_link(&link, &after, &change).await {
        Ok(()) => {}
        // Somebody was faster with the same link, or the user was changed.
        Err(StoreError::NotFound | StoreError::Stale) => return Err(LinkError::Dead),
        Err(error) => return Err(error.into()),
    }
    editor.done().await?;
    Ok(after)
}
