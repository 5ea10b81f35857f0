//! The organization's people: the list, and inviting somebody by a link.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit;
use symbolon_core::id::UserId;
use symbolon_core::permission::Permission;
use symbolon_core::random::NoRandomness;
use symbolon_core::realm::Status;
use symbolon_core::secret::Secret;
use symbolon_core::store::StoreError;
use symbolon_core::user::{MemberRole, Membership, User};

use crate::console::customer::room::Room;
use crate::console::customer::shown::{Badge, Copyable};
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::list::{LIST, ListQuery};
use crate::console::listing::Listing;
use crate::console::page::{Link, Page, gone_to, sentence};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Visitor;

/// The roles with their texts.
pub(super) const ROLES: [(MemberRole, &str); 3] = [
    (MemberRole::Admin, "member-role-admin"),
    (MemberRole::Developer, "member-role-developer"),
    (MemberRole::Viewer, "member-role-viewer"),
];

/// A role to be chosen.
pub(super) struct RoleChoice {
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) is_chosen: bool,
}

pub(super) fn role_choices(t: Texts, chosen: MemberRole) -> Vec<RoleChoice> {
    ROLES
        .into_iter()
        .map(|(role, text)| RoleChoice {
            name: role.name(),
            text: t.of(text).into_owned(),
            is_chosen: role == chosen,
        })
        .collect()
}

/// The role that a form names.
pub(super) fn role_of(form: &Form) -> Option<MemberRole> {
    ROLES.into_iter().map(|(role, _)| role).find(|role| role.name() == form.text("role"))
}

/// How things stand with somebody.
pub(super) fn state(t: Texts, user: &User) -> Badge {
    match (user.status, &user.password) {
        (Status::Disabled, _) => Badge::of_status(t, Status::Disabled),
        (Status::Active, None) => Badge::new("warn", t.of("member-invited")),
        (Status::Active, Some(_)) => Badge::of_status(t, Status::Active),
    }
}

struct Row {
    email: String,
    to: String,
    role: &'static str,
    state: Badge,
    created: Moment,
}

#[derive(Template)]
#[template(path = "customer/members.html")]
struct MembersContent {
    t: Texts,
    listing: Listing,
    rows: Vec<Row>,
}

/// The list.
pub(super) async fn show(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadMembers, (&realm, &organization)).await?;
    let t = room.t;
    let list = ListQuery::of(&visitor.asked, &LIST);
    let found =
        room.store().search_users(room.realm(), Some(room.access.id()), &list.filter(), &list.page()).await?;
    let row = |user: &User| Row {
        email: user.email.clone(),
        to: room.to(&["members", user.id.as_str()]),
        role: user.membership.as_ref().map_or("", |membership| membership.role.name()),
        state: state(t, user),
        created: Moment(user.created_at),
    };
    let new = visitor.may(Permission::WriteMembers).then(|| ("member-invite", room.to(&["members", "new"])));
    let listing = Listing::new(t, list, "nav-members", "filter-email")
        .by_status()
        .empty("members-none", new)
        .sorted("member-email", "email")
        .sorted("member-role", "role")
        .sorted("filter-status", "status")
        .sorted("column-created", "-created")
        .goes_on(found.next.as_deref());
    let frame = room.settings_frame(&listing.title, vec![Link::new(&listing.title, "")]);
    let rows = found.items.iter().map(row).collect();
    Ok(Page::new(frame, MembersContent { t, listing, rows }).into_response())
}

#[derive(Template)]
#[template(path = "customer/member_new.html")]
struct NewContent {
    t: Texts,
    title: String,
    action: String,
    back: String,
    once: String,
    email: String,
    roles: Vec<RoleChoice>,
    mistakes: Mistakes,
}

/// A link, shown this once.
#[derive(Template)]
#[template(path = "customer/member_link.html")]
struct LinkContent {
    t: Texts,
    title: String,
    field: Copyable,
    /// For whom.
    email: String,
    close: String,
}

fn new_page(room: &Room<'_>, (email, role): (&str, MemberRole), mistakes: Mistakes) -> Response {
    let t = room.t;
    let title = t.of("member-invite").into_owned();
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let content = NewContent {
        t,
        title: title.clone(),
        action: room.to(&["members", "new"]),
        back: room.to(&["members"]),
        once: room.once(),
        email: email.to_owned(),
        roles: role_choices(t, role),
        mistakes,
    };
    let frame = room.settings_frame(title, vec![Link::new(t.of("nav-members"), room.to(&["members"]))]);
    Page::new(frame, content).with_status(status).into_response()
}

/// The page with a link that somebody is to be given.
pub(super) fn link_page(room: &Room<'_>, user: &User, token: &Secret) -> Response {
    let t = room.t;
    let title = t.of("member-link-made").into_owned();
    let base = room.access.realm.authority().directory().base();
    let link = format!("{base}/console/link/{}", token.expose());
    let content = LinkContent {
        t,
        title: title.clone(),
        field: Copyable::new("link", t.of("member-link-field"), &link),
        email: user.email.clone(),
        close: room.to(&["members", user.id.as_str()]),
    };
    let frame = room.settings_frame(title, vec![Link::new(t.of("nav-members"), room.to(&["members"]))]);
    Page::new(frame, content).into_response()
}

/// The form for inviting.
pub(super) async fn ask(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, Permission::WriteMembers, (&realm, &organization)).await?;
    Ok(new_page(&room, ("", MemberRole::Developer), Mistakes::default()))
}

/// Makes the user, and shows the link by which it chooses a password.
pub(super) async fn invite(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let visitor = visitor.making(&form);
    let room = Room::enter_proven(&visitor, Permission::WriteMembers, (&realm, &organization)).await?;
    if let Some(made) = room.access.realm.made_before().await? {
        return Ok(gone_to(&room.to(&["members", &made]), "member-invited-before"));
    }
    let email = form.text("email");
    let role = role_of(&form).unwrap_or(MemberRole::Viewer);
    let user = new_user(&room, email, role).map_err(edit::EditError::from)?;
    match edit::user::insert(room.editor(), &user).await {
        Ok(()) => {}
        Err(edit::EditError::Invalid(text)) => {
            let mut mistakes = Mistakes::default();
            mistakes.add("email", sentence(&text));
            return Ok(new_page(&room, (email, role), mistakes));
        }
        Err(edit::EditError::Store(StoreError::Taken(_))) => {
            let mut mistakes = Mistakes::default();
            mistakes.add("email", room.t.of("member-email-taken"));
            return Ok(new_page(&room, (email, role), mistakes));
        }
        Err(error) => return Err(error.into()),
    }
    let token = edit::link::invite_member(&room.access, &user).await?;
    Ok(link_page(&room, &user, &token))
}

fn new_user(room: &Room<'_>, email: &str, role: MemberRole) -> Result<User, NoRandomness> {
    let now = room.now();
    Ok(User {
        id: UserId::generate(now, room.access.realm.authority().random())?,
        email: email.to_owned(),
        password: None,
        status: Status::Active,
        held: false,
        membership: Some(Membership { organization: room.access.id().clone(), role }),
        operator: None,
        version: 1,
        created_at: now,
    })
}
