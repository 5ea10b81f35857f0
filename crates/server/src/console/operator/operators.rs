//! The operators of a realm: inviting them, what they may do, and helping those who cannot sign in.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit;
use symbolon_core::edit::EditError;
use symbolon_core::edit::link::{self, LinkRefused};
use symbolon_core::id::Id;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::realm::Status;
use symbolon_core::secret::Secret;
use symbolon_core::sign_in::factors;
use symbolon_core::user::{OperatorRole, User, UserId};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::list::{LIST, ListQuery};
use crate::console::listing::Listing;
use crate::console::operator::fields::{Choice, Field, Group};
use crate::console::operator::pages::{
    FormPage, Question, check_version, made_before, mistakes, once, version,
};
use crate::console::operator::status_of;
use crate::console::page::{Frame, Link, Page, Place, gone_to};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Visitor;

const ROLES: [(OperatorRole, &str, &str); 3] = [
    (OperatorRole::Owner, "owner", "operator-role-owner"),
    (OperatorRole::Admin, "admin", "operator-role-admin"),
    (OperatorRole::Auditor, "auditor", "operator-role-auditor"),
];

fn role_row(role: OperatorRole) -> (&'static str, &'static str) {
    let row = ROLES.into_iter().find(|(other, ..)| *other == role);
    row.map(|(_, name, text)| (name, text)).unwrap_or_default()
}

struct Row {
    email: String,
    to: String,
    role: String,
    active: bool,
    invited: bool,
    created: Moment,
}

#[derive(Template)]
#[template(path = "operator/operators.html")]
struct ListContent {
    t: Texts,
    listing: Listing,
    rows: Vec<Row>,
}

/// The operators of a realm.
pub(super) async fn list(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadOperators, &realm)?;
    let list = ListQuery::of(&visitor.asked, &LIST);
    let found = access.store().search_operators(access.id(), &list.filter(), &list.page()).await?;
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let row = |user: User| Row {
        to: address::realm(&realm, &["operators", user.id.as_str()]),
        role: user.operator.map(|role| t.of(role_row(role).1).into_owned()).unwrap_or_default(),
        active: user.status.is_active(),
        invited: user.password.is_none(),
        created: Moment(user.created_at),
        email: user.email,
    };
    let new = visitor.may(Permission::WriteOperators);
    let new = new.then(|| ("operator-new", address::realm(&realm, &["operators", "new"])));
    let listing = Listing::new(t, list, "operators-title", "filter-email")
        .caption("operators-caption")
        .by_status()
        .empty("operators-empty", new)
        .sorted("operator-email", "email")
        .sorted("operator-role", "role")
        .sorted("filter-status", "status")
        .sorted("column-created", "-created")
        .goes_on(found.next.as_deref());
    let rows = found.items.into_iter().filter(|user| user.operator.is_some()).map(row).collect();
    let frame = Frame::inside(&visitor, &place, &listing.title);
    Ok(Page::new(frame, ListContent { t, listing, rows }).into_response())
}

fn role_field(t: Texts) -> Field {
    let roles = ROLES.map(|(_, name, text)| Choice::new(name, t.of(text))).into();
    Field::choice("role", "operator-role", roles).hint("operator-role-hint")
}

fn read_role(form: &Form) -> Result<OperatorRole, Failure> {
    let row = ROLES.into_iter().find(|(_, name, _)| *name == form.text("role"));
    row.map(|(role, ..)| role).ok_or(Failure::Form)
}

fn crumbs(t: Texts, realm: &str) -> Vec<Link> {
    vec![Link::new(t.of("operators-title"), address::realm(realm, &["operators"]))]
}

fn new_page<'a>(visitor: &Visitor, realm: &'a str, form: &Form) -> FormPage<'a> {
    let place = Place::in_realm(realm);
    let t = place.texts(visitor);
    FormPage {
        place,
        crumbs: crumbs(t, realm),
        title: t.of("operator-new").into_owned(),
        intro: t.of("operator-new-intro").into_owned(),
        hidden: vec![once(visitor, form)],
        groups: vec![Group::new("", vec![Field::email("email", "operator-email").required(), role_field(t)])],
        submit: "operator-invite",
        cancel: address::realm(realm, &["operators"]),
        links: Vec::new(),
    }
}

/// The form for inviting somebody.
pub(super) async fn new(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    visitor.realm(Permission::WriteOperators, &realm)?;
    visitor.check_proof()?;
    let form = Form::of(vec![("role".to_owned(), "auditor".to_owned())]);
    Ok(new_page(&visitor, &realm, &form).shown(&visitor, &form))
}

/// Invites somebody, and shows the link once.
pub(super) async fn create(
    visitor: Visitor,
    Path(realm): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let visitor = visitor.making(&form);
    let access = visitor.realm(Permission::WriteOperators, &realm)?;
    visitor.check_proof()?;
    if let Some(before) = made_before(&access).await? {
        // The link was shown already; a new one can be made there.
        return Ok(gone_to(&address::realm(&realm, &["operators", &before]), "operator-invited"));
    }
    let now = visitor.authority.now();
    let user = User {
        id: Id::generate(now, visitor.authority.random()).map_err(EditError::from)?,
        email: form.text("email").to_owned(),
        password: None,
        status: Status::Active,
        held: false,
        membership: None,
        operator: Some(read_role(&form)?),
        version: 1,
        created_at: now,
    };
    if let Err(error) = edit::user::insert(access.editor(), &user).await {
        let mistakes = mistakes(error)?;
        return Ok(new_page(&visitor, &realm, &form).again(&visitor, &form, &mistakes));
    }
    // A link of its own is a change of its own, and is not what the form stands for.
    let visitor = visitor.making(&Form::default());
    let access = visitor.realm(Permission::WriteOperators, &realm)?;
    let token = link::invite_operator(&access, &user).await.map_err(refused)?;
    Ok(link_page(&visitor, &realm, &user, &token))
}

fn refused(error: LinkRefused) -> Failure {
    match error {
        LinkRefused::Denied(denied) => denied.into(),
        LinkRefused::Edit(error) => error.into(),
    }
}

#[derive(Template)]
#[template(path = "operator/link.html")]
struct LinkContent {
    t: Texts,
    title: String,
    until: String,
    address: String,
    close: String,
}

/// The link, this once.
fn link_page(visitor: &Visitor, realm: &str, user: &User, token: &Secret) -> Response {
    let place = Place::in_realm(realm);
    let t = place.texts(visitor);
    let is_first = user.password.is_none();
    let title = t.one("operator-link-title", user.email.as_str()).into_owned();
    let until = t.of(if is_first { "operator-link-invitation" } else { "operator-link-reset" }).into_owned();
    let base = visitor.authority.directory().base();
    let content = LinkContent {
        t,
        title: title.clone(),
        until,
        address: format!("{base}/console/link/{}", token.expose()),
        close: address::realm(realm, &["operators", user.id.as_str()]),
    };
    Page::new(Frame::inside(visitor, &place, title), content).into_response()
}

async fn find(access: &RealmAccess<'_>, id: &str) -> Result<(User, OperatorRole), Failure> {
    let id = UserId::new(id).map_err(|_| Failure::NotFound)?;
    let user = access.store().find_user(access.id(), None, &id).await?.ok_or(Failure::NotFound)?;
    let role = user.operator.ok_or(Failure::NotFound)?;
    Ok((user, role))
}

async fn edit_page<'a>(
    visitor: &Visitor,
    access: &RealmAccess<'_>,
    realm: &'a str,
    user: &User,
) -> Result<FormPage<'a>, Failure> {
    let place = Place::in_realm(realm);
    let t = place.texts(visitor);
    let own = factors::overview(access.store(), access.id(), &user.id).await?;
    let count = own.passkeys.len() + usize::from(own.totp_since.is_some());
    let to = |page: &str| address::realm(realm, &["operators", user.id.as_str(), page]);
    let mut links = Vec::new();
    if user.status.is_active() {
        let text = if user.password.is_none() { "operator-link-again" } else { "operator-link-new" };
        links.push(Link::new(t.of(text), to("link")));
        links.push(Link::new(t.of("operator-disable"), to("disable")));
    } else {
        links.push(Link::new(t.of("operator-enable"), to("enable")));
    }
    if count > 0 {
        links.push(Link::new(t.of("operator-factors-remove"), to("remove-factors")));
    }
    let state = match (user.status, user.password.is_some()) {
        (Status::Disabled, _) => t.of("operator-is-disabled").into_owned(),
        (Status::Active, false) => t.of("operator-is-invited").into_owned(),
        (Status::Active, true) if count == 0 => t.of("operator-has-password-alone").into_owned(),
        (Status::Active, true) => t.one("operator-has-factors", count).into_owned(),
    };
    let may = visitor.may(Permission::WriteOperators);
    Ok(FormPage {
        place,
        crumbs: crumbs(t, realm),
        title: user.email.clone(),
        intro: state,
        hidden: vec![version(user.version)],
        groups: vec![Group::new("", vec![Field::email("email", "operator-email").required(), role_field(t)])],
        submit: "save",
        cancel: address::realm(realm, &["operators"]),
        links: if may { links } else { Vec::new() },
    })
}

/// One operator.
pub(super) async fn edit(
    visitor: Visitor,
    Path((realm, operator)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadOperators, &realm)?;
    let (user, role) = find(&access, &operator).await?;
    let form = Form::of(vec![
        ("email".to_owned(), user.email.clone()),
        ("role".to_owned(), role_row(role).0.to_owned()),
    ]);
    Ok(edit_page(&visitor, &access, &realm, &user).await?.shown(&visitor, &form))
}

/// Nobody locks itself out.
fn is_oneself(visitor: &Visitor, realm: &str, user: &User) -> bool {
    visitor.home().as_str() == realm && visitor.person.user().id == user.id
}

/// Changes one.
pub(super) async fn update(
    visitor: Visitor,
    Path((realm, operator)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteOperators, &realm)?;
    visitor.check_proof()?;
    let (before, role) = find(&access, &operator).await?;
    check_version(&form, before.version)?;
    let wanted = read_role(&form)?;
    let after = User { email: form.text("email").to_owned(), operator: Some(wanted), ..before.clone() };
    let refused = if wanted != role && is_oneself(&visitor, &realm, &before) {
        let t = Place::in_realm(&realm).texts(&visitor);
        let mut mistakes = Mistakes::default();
        mistakes.add("role", t.of("operator-own-role"));
        Some(mistakes)
    } else {
        edit::user::update(access.editor(), &before, &after).await.err().map(mistakes).transpose()?
    };
    match refused {
        None => Ok(gone_to(&address::realm(&realm, &["operators"]), "operator-saved")),
        Some(mistakes) => {
            Ok(edit_page(&visitor, &access, &realm, &before).await?.again(&visitor, &form, &mistakes))
        }
    }
}

fn question<'a>(
    visitor: &Visitor,
    (realm, user): (&'a str, &User),
    (title, lines, submit): (&str, &[&str], &'static str),
    danger: bool,
) -> Question<'a> {
    let place = Place::in_realm(realm);
    let t = place.texts(visitor);
    Question {
        place,
        title: t.one(title, user.email.as_str()).into_owned(),
        lines: lines.iter().map(|line| t.of(line).into_owned()).collect(),
        hidden: vec![version(user.version)],
        submit,
        cancel: address::realm(realm, &["operators", user.id.as_str()]),
        danger,
    }
}

fn status_question<'a>(visitor: &Visitor, realm: &'a str, user: &User) -> Question<'a> {
    let off = &["operator-disable-sessions", "operator-disable-after"][..];
    let texts = (
        ("operator-disable-title", off, "operator-disable"),
        ("operator-enable-title", &["operator-enable-after"][..], "operator-enable"),
    );
    let cancel = address::realm(realm, &["operators", user.id.as_str()]);
    let values = [("value", user.email.as_str())];
    Question::of_status(visitor, Place::in_realm(realm), texts, &values, (user.version, cancel))
}

/// Asks before one is switched off or on.
pub(super) async fn ask_status(
    visitor: Visitor,
    Path((realm, operator)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteOperators, &realm)?;
    visitor.check_proof()?;
    let (user, _) = find(&access, &operator).await?;
    Ok(status_question(&visitor, &realm, &user).asked(&visitor))
}

/// Switches one off or on.
pub(super) async fn set_status(
    visitor: Visitor,
    Path((realm, operator)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteOperators, &realm)?;
    visitor.check_proof()?;
    let (before, _) = find(&access, &operator).await?;
    check_version(&form, before.version)?;
    let status = status_of(&visitor.asked.path);
    if status == Status::Disabled && is_oneself(&visitor, &realm, &before) {
        let t = Place::in_realm(&realm).texts(&visitor);
        let mistakes = Mistakes::of_form(t.of("operator-own-status"));
        return Ok(status_question(&visitor, &realm, &before).refused(&visitor, &mistakes));
    }
    edit::user::update(access.editor(), &before, &User { status, ..before.clone() }).await?;
    Ok(gone_to(&address::realm(&realm, &["operators", &operator]), "operator-saved"))
}

/// Asks before a link is made.
pub(super) async fn ask_link(
    visitor: Visitor,
    Path((realm, operator)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteOperators, &realm)?;
    visitor.check_proof()?;
    let (user, _) = find(&access, &operator).await?;
    let lines: &[&str] = if user.password.is_none() {
        &["operator-link-invitation", "operator-link-replaces"]
    } else {
        &["operator-link-reset", "operator-link-replaces", "operator-link-keeps"]
    };
    let texts = ("operator-link-ask", lines, "operator-link-make");
    Ok(question(&visitor, (&realm, &user), texts, false).asked(&visitor))
}

/// Makes a link, and shows it once.
pub(super) async fn make_link(
    visitor: Visitor,
    Path((realm, operator)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteOperators, &realm)?;
    visitor.check_proof()?;
    let (user, _) = find(&access, &operator).await?;
    check_version(&form, user.version)?;
    let token = match user.password {
        None => link::invite_operator(&access, &user).await,
        Some(_) => link::reset(&access, &user).await,
    };
    Ok(link_page(&visitor, &realm, &user, &token.map_err(refused)?))
}

/// Asks before somebody's second factors are removed.
pub(super) async fn ask_factors(
    visitor: Visitor,
    Path((realm, operator)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteOperators, &realm)?;
    visitor.check_proof()?;
    let (user, _) = find(&access, &operator).await?;
    let lines = &["operator-factors-what", "operator-factors-sure"][..];
    let texts = ("operator-factors-title", lines, "operator-factors-remove");
    Ok(question(&visitor, (&realm, &user), texts, true).asked(&visitor))
}

/// Removes them.
pub(super) async fn remove_factors(
    visitor: Visitor,
    Path((realm, operator)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteOperators, &realm)?;
    visitor.check_proof()?;
    let (user, _) = find(&access, &operator).await?;
    check_version(&form, user.version)?;
    edit::credentials::remove_factors(access.editor(), &user).await?;
    Ok(gone_to(&address::realm(&realm, &["operators", &operator]), "operator-factors-removed"))
}
