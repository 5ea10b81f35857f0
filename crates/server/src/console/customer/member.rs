//! One member: its role, switching it off and on, and a link for a first or forgotten password.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit;
use symbolon_core::id::UserId;
use symbolon_core::permission::Permission;
use symbolon_core::realm::Status;
use symbolon_core::user::{MemberRole, Membership, User};

use crate::console::customer::confirm::Confirm;
use crate::console::customer::members::{RoleChoice, link_page, role_choices, role_of, state};
use crate::console::customer::room::Room;
use crate::console::customer::shown::Badge;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Frame, Link, Page, gone_to};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Visitor;

type OfMember = Path<(String, String, String)>;

#[derive(Template)]
#[template(path = "customer/member.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that the page shows or leaves out")]
struct MemberContent {
    t: Texts,
    email: String,
    id: String,
    state: Badge,
    created: Moment,
    role: &'static str,
    roles: Vec<RoleChoice>,
    version: i64,
    is_active: bool,
    may_write: bool,
    /// Whether it is the visitor, who cannot lock itself out.
    is_self: bool,
    /// Whether a link can be made by who looks.
    may_link: bool,
    to: String,
    mistakes: Mistakes,
}

async fn find(room: &Room<'_>, unverified_id: &str) -> Result<(User, MemberRole), Failure> {
    let id = UserId::new(unverified_id).map_err(|_| Failure::NotFound)?;
    let user = room.store().find_user(room.realm(), Some(room.access.id()), &id).await?;
    let user = user.ok_or(Failure::NotFound)?;
    let role = user.membership.as_ref().map(|membership| membership.role).ok_or(Failure::NotFound)?;
    Ok((user, role))
}

fn frame(room: &Room<'_>, title: &str, user: Option<&User>) -> Frame {
    let mut way = vec![Link::new(room.t.of("nav-members"), room.to(&["members"]))];
    way.extend(user.map(|user| Link::new(&user.email, room.to(&["members", user.id.as_str()]))));
    room.settings_frame(title, way)
}

fn is_self(room: &Room<'_>, user: &User) -> bool {
    room.visitor.person.user().id == user.id
}

/// Customers invite; a new password for somebody who has one comes from the operator (`edit::link::reset`).
fn may_link(room: &Room<'_>, user: &User) -> bool {
    room.visitor.may(Permission::WriteMembers)
        && user.status.is_active()
        && (user.password.is_none() || room.is_operator())
}

fn page(room: &Room<'_>, (user, role): (&User, MemberRole), mistakes: Mistakes) -> Response {
    let t = room.t;
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let content = MemberContent {
        t,
        email: user.email.clone(),
        id: user.id.to_string(),
        state: state(t, user),
        created: Moment(user.created_at),
        role: role.name(),
        roles: role_choices(t, role),
        version: user.version,
        is_active: user.status.is_active(),
        may_write: room.visitor.may(Permission::WriteMembers),
        is_self: is_self(room, user),
        may_link: may_link(room, user),
        to: room.to(&["members", user.id.as_str()]),
        mistakes,
    };
    Page::new(frame(room, &user.email, None), content).with_status(status).into_response()
}

/// The page.
pub(super) async fn show(visitor: Visitor, Path(at): OfMember) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadMembers, (&at.0, &at.1)).await?;
    let (user, role) = find(&room, &at.2).await?;
    Ok(page(&room, (&user, role), Mistakes::default()))
}

/// Fails for oneself, and if it is another than was looked at.
fn check(room: &Room<'_>, user: &User, form: &Form) -> Result<(), Failure> {
    if is_self(room, user) {
        return Err(Failure::Refused(room.t.of("member-not-oneself").into_owned()));
    }
    let looked_at = form.number("version").ok().flatten();
    if looked_at == Some(user.version) { Ok(()) } else { Err(Failure::Stale) }
}

/// Saves the role.
pub(super) async fn save(visitor: Visitor, Path(at): OfMember, form: Form) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, Permission::WriteMembers, (&at.0, &at.1)).await?;
    let (before, role) = find(&room, &at.2).await?;
    check(&room, &before, &form)?;
    let Some(wanted) = role_of(&form) else {
        let mut mistakes = Mistakes::default();
        mistakes.add("role", room.t.of("member-role-missing"));
        return Ok(page(&room, (&before, role), mistakes));
    };
    if wanted != role {
        let membership = Some(Membership { organization: room.access.id().clone(), role: wanted });
        edit::user::update(room.editor(), &before, &User { membership, ..before.clone() }).await?;
    }
    Ok(gone_to(&room.to(&["members", before.id.as_str()]), "member-saved"))
}

/// What is done to somebody: the page, its texts, and whether something dies.
type Deed = (&'static str, [&'static str; 3], bool);

async fn ask_for(
    visitor: &Visitor,
    at: &(String, String, String),
    (page, texts, is_danger): Deed,
) -> Result<Response, Failure> {
    let room = Room::enter_proven(visitor, Permission::WriteMembers, (&at.0, &at.1)).await?;
    let (user, _) = find(&room, &at.2).await?;
    let t = room.t;
    let [title, text, button] = texts;
    let question = Confirm {
        t,
        title: t.one(title, &user.email).into_owned(),
        sentences: vec![t.of(text).into_owned()],
        things: Vec::new(),
        is_danger,
        button: t.of(button).into_owned(),
        action: room.to(&["members", user.id.as_str(), page]),
        version: user.version,
        once: room.once(),
        back: room.to(&["members", user.id.as_str()]),
    };
    Ok(Page::new(frame(&room, &question.title, Some(&user)), question).into_response())
}

/// Asks before somebody is switched off.
pub(super) async fn ask_disable(visitor: Visitor, Path(at): OfMember) -> Result<Response, Failure> {
    let texts = ["member-disable-title", "member-disable-text", "member-disable"];
    ask_for(&visitor, &at, ("disable", texts, true)).await
}

/// Asks before somebody is switched on.
pub(super) async fn ask_enable(visitor: Visitor, Path(at): OfMember) -> Result<Response, Failure> {
    let texts = ["member-enable-title", "member-enable-text", "member-enable"];
    ask_for(&visitor, &at, ("enable", texts, false)).await
}

/// Asks before a link is made, which ends the one before.
pub(super) async fn ask_link(visitor: Visitor, Path(at): OfMember) -> Result<Response, Failure> {
    let texts = ["member-link-title", "member-link-text", "member-link"];
    ask_for(&visitor, &at, ("link", texts, false)).await
}

async fn switch(
    visitor: &Visitor,
    at: &(String, String, String),
    (form, status, done): (&Form, Status, &'static str),
) -> Result<Response, Failure> {
    let room = Room::enter_proven(visitor, Permission::WriteMembers, (&at.0, &at.1)).await?;
    let (before, _) = find(&room, &at.2).await?;
    if before.status != status {
        check(&room, &before, form)?;
        edit::user::update(room.editor(), &before, &User { status, ..before.clone() }).await?;
    }
    Ok(gone_to(&room.to(&["members", before.id.as_str()]), done))
}

/// Switches somebody off.
pub(super) async fn disable(visitor: Visitor, Path(at): OfMember, form: Form) -> Result<Response, Failure> {
    switch(&visitor, &at, (&form, Status::Disabled, "member-disabled")).await
}

/// Switches somebody on.
pub(super) async fn enable(visitor: Visitor, Path(at): OfMember, form: Form) -> Result<Response, Failure> {
    switch(&visitor, &at, (&form, Status::Active, "member-enabled")).await
}

/// Makes a link: an invitation for who has no password yet, else one to reset it.
pub(super) async fn link(visitor: Visitor, Path(at): OfMember) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, Permission::WriteMembers, (&at.0, &at.1)).await?;
    let (user, _) = find(&room, &at.2).await?;
    let token = if user.password.is_none() {
        edit::link::invite_member(&room.access, &user).await?
    } else {
        edit::link::reset(&room.access.realm, &user).await?
    };
    Ok(link_page(&room, &user, &token))
}
