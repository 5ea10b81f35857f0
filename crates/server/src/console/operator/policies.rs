//! Policies: named sets of statements, and which clients have them.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::client::Client;
use symbolon_core::edit;
use symbolon_core::edit::EditError;
use symbolon_core::id::Id;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::policy::{ADMINISTRATOR, Effect, Pattern, Policy, PolicyId, Statement};
use symbolon_core::store::{ListFilter, PageRequest};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::list::ListQuery;
use crate::console::listing::Listing;
use crate::console::operator::fields::{Choice, Column, Field, Fields, Group, rows};
use crate::console::operator::licences::named;
use crate::console::operator::pages::{
    Hidden, Question, check_version, made_before, mistakes, once, path, version,
};
use crate::console::page::{Frame, Link, Page, Place, gone_to, sentence};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// Looking for those that have a policy ends at so many of them.
const SHOWN: usize = 50;
/// Among so many clients is looked for one page, and so many are read at once.
const LOOKED: usize = 1000;
const LOOKED_AT_ONCE: u32 = 100;

struct Row {
    name: String,
    id: String,
    to: String,
    statements: usize,
    built_in: bool,
}

#[derive(Template)]
#[template(path = "operator/policies.html")]
struct ListContent {
    t: Texts,
    listing: Listing,
    rows: Vec<Row>,
}

async fn all(access: &RealmAccess<'_>) -> Result<Vec<Policy>, Failure> {
    let stored = access.store().list_policies(access.id()).await?;
    Ok(stored.into_iter().chain(Policy::administrator()).collect())
}

async fn find(access: &RealmAccess<'_>, id: &str) -> Result<Policy, Failure> {
    all(access).await?.into_iter().find(|policy| policy.id.as_str() == id).ok_or(Failure::NotFound)
}

/// The policies of a realm; there are few.
pub(super) async fn list(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadPolicies, &realm)?;
    let list = ListQuery::of(&visitor.asked, &["q", "sort"]).usually("name");
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let sought = list.sought();
    let mut policies = all(&access).await?;
    policies.retain(|policy| {
        policy.name.to_lowercase().contains(&sought) || policy.id.as_str().to_lowercase().contains(&sought)
    });
    list.arrange(&mut policies, |policy, key| match key {
        "id" => (0, policy.id.to_string()),
        "statements" => (policy.statements.len(), policy.name.to_lowercase()),
        _ => (0, policy.name.to_lowercase()),
    });
    let row = |policy: Policy| Row {
        to: address::realm(&realm, &["policies", policy.id.as_str()]),
        statements: policy.statements.len(),
        built_in: policy.id.as_str() == ADMINISTRATOR,
        id: policy.id.to_string(),
        name: if policy.name.is_empty() { policy.id.to_string() } else { policy.name },
    };
    let new = visitor.may(Permission::WritePolicies);
    let new = new.then(|| ("policy-new", address::realm(&realm, &["policies", "new"])));
    let listing = Listing::new(t, list, "policies-title", "filter-contains")
        .caption("policies-caption")
        .empty("filter-nothing", new)
        .sorted("policy-name", "name")
        .sorted("column-id", "id")
        .sorted("policy-statements", "-statements")
        .of_numbers();
    let rows = policies.into_iter().map(row).collect();
    let frame = Frame::inside(&visitor, &place, &listing.title);
    Ok(Page::new(frame, ListContent { t, listing, rows }).into_response())
}

fn columns(t: Texts) -> [Column; 3] {
    let effects = vec![Choice::new("allow", t.of("policy-allow")), Choice::new("deny", t.of("policy-deny"))];
    [
        Column::of("effect", "policy-effect", effects),
        Column::new("actions", "policy-actions"),
        Column::new("resources", "policy-resources"),
    ]
}

fn groups(t: Texts, is_new: bool) -> Vec<Group> {
    let mut fields = vec![
        Field::line("name", "policy-name").required(),
        Field::rows("statements", "policy-statements", columns(t).into()).hint("policy-statements-hint"),
    ];
    if is_new {
        fields.push(Field::line("id", "policy-id").hint("policy-id-hint"));
    }
    vec![Group::new("", fields)]
}

fn filled(policy: &Policy) -> Form {
    let mut fields = vec![("name".to_owned(), policy.name.clone())];
    let words = |patterns: &[Pattern]| {
        patterns.iter().map(|pattern| pattern.0.as_str()).collect::<Vec<_>>().join(" ")
    };
    for statement in &policy.statements {
        let effect = match statement.effect {
            Effect::Allow => "allow",
            Effect::Deny => "deny",
        };
        fields.push(("effect".to_owned(), effect.to_owned()));
        fields.push(("actions".to_owned(), words(&statement.actions)));
        fields.push(("resources".to_owned(), words(&statement.resources)));
    }
    Form::of(fields)
}

fn statements(form: &Form, t: Texts) -> Vec<Statement> {
    let patterns = |text: &str| text.split_whitespace().map(|word| Pattern(word.to_owned())).collect();
    let statement = |[effect, actions, resources]: [String; 3]| Statement {
        effect: if effect == "deny" { Effect::Deny } else { Effect::Allow },
        actions: patterns(&actions),
        resources: patterns(&resources),
    };
    rows(form, &columns(t)).into_iter().map(statement).collect()
}

struct Holder {
    name: String,
    to: String,
    organization: String,
    active: bool,
}

#[derive(Template)]
#[template(path = "operator/policy.html")]
struct FormContent {
    t: Texts,
    title: String,
    is_new: bool,
    may: bool,
    mistake: String,
    action: String,
    hidden: Hidden,
    fields: Fields,
    cancel: String,
    delete: Option<String>,
    /// Who has it.
    holders: Vec<Holder>,
    /// How many have it, and among how many was looked.
    holders_note: String,
    /// Where the page looks on.
    list: ListQuery,
    next: Option<String>,
}

/// Who has a policy, among a part of the realm's clients.
struct Holders {
    clients: Vec<Client>,
    /// Among so many was looked.
    looked: usize,
    /// What to look on after, where that was not all.
    next: Option<String>,
}

/// The clients that have a policy, from a place on. Nothing finds them but looking at each client, so that it ends at a
/// number of those that were found, or that were looked at.
async fn holders(
    access: &RealmAccess<'_>,
    policy: &Policy,
    after: Option<String>,
) -> Result<Holders, Failure> {
    let mut found = Holders { clients: Vec::new(), looked: 0, next: after };
    loop {
        let page = PageRequest { after: found.next.take(), limit: LOOKED_AT_ONCE };
        let page = access.store().search_clients(access.id(), None, &ListFilter::default(), &page).await?;
        found.looked += page.items.len();
        let has = |client: &Client| client.settings.policies.contains(&policy.id);
        found.clients.extend(page.items.into_iter().filter(has));
        found.next = page.next;
        if found.next.is_none() || found.looked >= LOOKED || found.clients.len() >= SHOWN {
            return Ok(found);
        }
    }
}

/// How many have it, of all or of the part that was looked at.
fn holders_note(t: Texts, holders: &Holders, is_first: bool) -> String {
    let name = match (is_first, holders.next.is_some()) {
        (true, false) => "policy-holders-all",
        (true, true) => "policy-holders-some",
        (false, true) => "policy-holders-more",
        (false, false) => "policy-holders-last",
    };
    let (count, looked) = (holders.clients.len().to_string(), holders.looked.to_string());
    t.with(name, &[("count", &count), ("looked", &looked)]).into_owned()
}

struct Editing<'a> {
    visitor: &'a Visitor,
    access: &'a RealmAccess<'a>,
    realm: &'a str,
    policy: Option<&'a Policy>,
}

impl Editing<'_> {
    async fn page(&self, form: &Form, mistakes: &Mistakes, status: StatusCode) -> Result<Response, Failure> {
        let (visitor, realm) = (self.visitor, self.realm);
        let place = Place::in_realm(realm);
        let t = place.texts(visitor);
        let list = address::realm(realm, &["policies"]);
        let built_in = self.policy.is_some_and(|policy| policy.id.as_str() == ADMINISTRATOR);
        let mut content = FormContent {
            t,
            title: t.of("policy-new").into_owned(),
            is_new: self.policy.is_none(),
            may: visitor.may(Permission::WritePolicies) && !built_in,
            mistake: mistakes.of("").unwrap_or_default().to_owned(),
            action: path(visitor).to_owned(),
            hidden: vec![once(visitor, form)],
            fields: Fields::filled(t, &groups(t, self.policy.is_none()), form, mistakes),
            cancel: list.clone(),
            delete: None,
            holders: Vec::new(),
            holders_note: String::new(),
            list: ListQuery::of(&visitor.asked, &[]),
            next: None,
        };
        if let Some(policy) = self.policy {
            let id = policy.id.as_str();
            content.title = if policy.name.is_empty() { id.to_owned() } else { policy.name.clone() };
            content.hidden = vec![version(policy.version)];
            let may_delete = visitor.may(Permission::DeletePolicies) && !built_in;
            content.delete = may_delete.then(|| address::realm(realm, &["policies", id, "delete"]));
            let found = holders(self.access, policy, content.list.page().after).await?;
            content.holders_note = holders_note(t, &found, content.list.first().is_none());
            content.next = content.list.next(found.next.as_deref());
            content.holders = found.clients.iter().map(|client| holder(realm, client)).collect();
        }
        let frame = Frame::inside(visitor, &place, content.title.clone())
            .below(vec![Link::new(t.of("policies-title"), list)]);
        Ok(Page::new(frame, content).with_status(status).into_response())
    }

    async fn again(&self, form: &Form, mistakes: &Mistakes) -> Result<Response, Failure> {
        self.page(form, mistakes, StatusCode::UNPROCESSABLE_ENTITY).await
    }
}

fn holder(realm: &str, client: &Client) -> Holder {
    Holder {
        name: named(&client.settings.name, client.id.as_str()),
        to: address::organization(realm, &client.organization, &["clients", client.id.as_str()]),
        organization: client.organization.to_string(),
        active: client.status.is_active(),
    }
}

/// The form for a new one.
pub(super) async fn new(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WritePolicies, &realm)?;
    let editing = Editing { visitor: &visitor, access: &access, realm: &realm, policy: None };
    editing.page(&Form::default(), &Mistakes::default(), StatusCode::OK).await
}

/// Makes one.
pub(super) async fn create(
    visitor: Visitor,
    Path(realm): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let visitor = visitor.making(&form);
    let access = visitor.realm(Permission::WritePolicies, &realm)?;
    visitor.check_proof()?;
    let made = |id: &str| gone_to(&address::realm(&realm, &["policies", id]), "policy-made");
    if let Some(before) = made_before(&access).await? {
        return Ok(made(&before));
    }
    let editing = Editing { visitor: &visitor, access: &access, realm: &realm, policy: None };
    let now = visitor.authority.now();
    let id = match form.filled("id").map(PolicyId::new) {
        None => Id::generate(now, visitor.authority.random()).map_err(EditError::from)?,
        Some(Ok(id)) => id,
        Some(Err(error)) => {
            let mut mistakes = Mistakes::default();
            mistakes.add("id", sentence(&error.to_string()));
            return editing.again(&form, &mistakes).await;
        }
    };
    let statements = statements(&form, Place::in_realm(&realm).texts(&visitor));
    let policy = Policy { id, name: form.text("name").to_owned(), statements, version: 1, created_at: now };
    access.check_policy(None, Some(&policy))?;
    match edit::policy::insert(access.editor(), &policy).await {
        Ok(()) => Ok(made(policy.id.as_str())),
        Err(error) => editing.again(&form, &mistakes(error)?).await,
    }
}

/// One policy, to be changed by who may.
pub(super) async fn edit(
    visitor: Visitor,
    Path((realm, policy)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadPolicies, &realm)?;
    let policy = find(&access, &policy).await?;
    let editing = Editing { visitor: &visitor, access: &access, realm: &realm, policy: Some(&policy) };
    editing.page(&filled(&policy), &Mistakes::default(), StatusCode::OK).await
}

/// Changes one.
pub(super) async fn update(
    visitor: Visitor,
    Path((realm, policy)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WritePolicies, &realm)?;
    visitor.check_proof()?;
    let before = find(&access, &policy).await?;
    check_version(&form, before.version)?;
    let statements = statements(&form, Place::in_realm(&realm).texts(&visitor));
    let after = Policy { name: form.text("name").to_owned(), statements, ..before.clone() };
    access.check_policy(Some(&before), Some(&after))?;
    let editing = Editing { visitor: &visitor, access: &access, realm: &realm, policy: Some(&before) };
    match edit::policy::update(access.editor(), &before, &after).await {
        Ok(()) => Ok(gone_to(path(&visitor), "policy-saved")),
        Err(error) => editing.again(&form, &mistakes(error)?).await,
    }
}

/// Asks before one is deleted.
pub(super) async fn ask_delete(
    visitor: Visitor,
    Path((realm, policy)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::DeletePolicies, &realm)?;
    visitor.check_proof()?;
    let policy = find(&access, &policy).await?;
    if policy.id.as_str() == ADMINISTRATOR {
        return Err(Failure::NotFound);
    }
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let found = holders(&access, &policy, None).await?;
    let name = if policy.name.is_empty() { policy.id.as_str() } else { &policy.name };
    let question = Question {
        place,
        title: t.one("policy-delete-title", name).into_owned(),
        lines: vec![
            holders_note(t, &found, true),
            t.of("policy-delete-allowed").into_owned(),
            t.of("policy-delete-denied").into_owned(),
        ],
        hidden: vec![version(policy.version)],
        submit: "policy-delete",
        cancel: address::realm(&realm, &["policies", policy.id.as_str()]),
        danger: true,
    };
    Ok(question.asked(&visitor))
}

/// Deletes one.
pub(super) async fn delete(
    visitor: Visitor,
    Path((realm, policy)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::DeletePolicies, &realm)?;
    visitor.check_proof()?;
    let policy = find(&access, &policy).await?;
    check_version(&form, policy.version)?;
    access.check_policy(Some(&policy), None)?;
    edit::policy::delete(access.editor(), &policy).await?;
    Ok(gone_to(&address::realm(&realm, &["policies"]), "policy-deleted"))
}
