//! The audit: changes, tokens and refusals, by what people look for.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use symbolon_core::permission::Permission;
use symbolon_core::refusal::Reason;
use symbolon_core::store::PageRequest;
use symbolon_core::trail::{self, Entry, Query};

use crate::console::failure::Failure;
use crate::console::form::Mistakes;
use crate::console::list::ListQuery;
use crate::console::page::{Frame, Link, Page};
use crate::console::records::audit_query::{self, ACTORS, SUBJECTS};
use crate::console::records::lists::{ChangeRow, RefusalRow, TokenRow};
use crate::console::records::names::People;
use crate::console::records::{At, Reach};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// So many clients are offered to choose from; the id of any other can be entered.
const OFFERED: u32 = 50;

/// The three lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Changes,
    Tokens,
    Refusals,
}

/// What stands above each of the lists.
pub(super) struct Tab {
    pub(super) text: String,
    pub(super) to: String,
    pub(super) here: bool,
}

/// The links between the lists, and to the page that explains a request.
pub(super) fn tabs(t: Texts, at: &At, here: Option<Kind>) -> Vec<Tab> {
    let tab = |kind: Option<Kind>, text: &str, segments: &[&str]| Tab {
        text: t.of(text).into_owned(),
        to: at.to(segments),
        here: kind == here,
    };
    vec![
        tab(Some(Kind::Changes), "audit-changes", &["audit"]),
        tab(Some(Kind::Tokens), "audit-tokens", &["audit", "tokens"]),
        tab(Some(Kind::Refusals), "audit-refusals", &["audit", "refusals"]),
        tab(None, "explain-title", &["audit", "request"]),
    ]
}

/// One of several to choose from.
struct Choice {
    value: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "records/audit.html")]
pub(super) struct AuditContent {
    t: Texts,
    tabs: Vec<Tab>,
    kind: Kind,
    list: ListQuery,
    next: Option<String>,
    mistakes: Mistakes,
    action: String,
    in_realm: bool,
    actors: Vec<Choice>,
    subjects: Vec<Choice>,
    reasons: &'static [&'static str],
    /// Clients to choose from: id and name.
    clients: Vec<(String, String)>,
    /// A customer has not said which client yet.
    needs_client: bool,
    changes: Vec<ChangeRow>,
    tokens: Vec<TokenRow>,
    refusals: Vec<RefusalRow>,
}

impl AuditContent {
    fn is_changes(&self) -> bool {
        self.kind == Kind::Changes
    }

    fn is_tokens(&self) -> bool {
        self.kind == Kind::Tokens
    }

    fn is_refusals(&self) -> bool {
        self.kind == Kind::Refusals
    }

    /// Whether one of the filters is set that are put away otherwise.
    fn has_more(&self) -> bool {
        audit_query::RARER.iter().any(|name| self.list.set(name).is_some())
    }

    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.tokens.is_empty() && self.refusals.is_empty()
    }

    fn new(t: Texts, at: &At, kind: Kind, list: ListQuery) -> Self {
        let choice = |value, text: &str| Choice { value, text: t.of(text).into_owned() };
        let segments: &[&str] = match kind {
            Kind::Changes => &["audit"],
            Kind::Tokens => &["audit", "tokens"],
            Kind::Refusals => &["audit", "refusals"],
        };
        Self {
            t,
            tabs: tabs(t, at, Some(kind)),
            kind,
            list,
            next: None,
            mistakes: Mistakes::default(),
            action: at.to(segments),
            in_realm: at.organization.is_none(),
            actors: ACTORS.iter().map(|(_, value, text)| choice(value, text)).collect(),
            subjects: SUBJECTS.iter().map(|(kind, text)| choice(kind.name(), text)).collect(),
            reasons: &Reason::NAMES,
            clients: Vec::new(),
            needs_client: false,
            changes: Vec::new(),
            tokens: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Looks up what is asked for.
    async fn fill(&mut self, at: &At, reach: &Reach<'_>, query: &Query) -> Result<(), Failure> {
        let (access, page) = (reach.realm(), audit_query::part(&self.list));
        let found = trail::list(access.store(), access.id(), reach.organization(), query, &page).await?;
        self.next = self.list.next(found.next.as_deref());
        let mut changes = Vec::new();
        for entry in found.items {
            match entry {
                Entry::Change(record) => changes.push(record),
                Entry::Token(record) => self.tokens.push(TokenRow::of(self.t, at, record)),
                Entry::Refusal(record) => self.refusals.push(RefusalRow::of(at, record)),
            }
        }
        let people = People::of(reach, changes.iter()).await?;
        self.changes = changes.iter().map(|record| ChangeRow::of(self.t, at, &people, record)).collect();
        Ok(())
    }

    /// Offers a customer its clients, in the order of their ids.
    async fn offer_clients(&mut self, reach: &Reach<'_>) -> Result<(), Failure> {
        let Some(organization) = reach.organization() else { return Ok(()) };
        let access = reach.realm();
        let page = PageRequest { after: None, limit: OFFERED };
        let clients = access.store().list_clients(access.id(), organization, &page).await?;
        self.clients = clients.items.into_iter().map(|one| (one.id.to_string(), one.settings.name)).collect();
        Ok(())
    }
}

async fn show(
    visitor: &Visitor,
    at: &At,
    (kind, fields): (Kind, &[&str]),
    read: fn(Texts, &ListQuery) -> Result<Query, Mistakes>,
) -> Result<Page<AuditContent>, Failure> {
    let reach = at.access(visitor, Permission::ReadAudit).await?;
    let place = at.place();
    let t = place.texts(visitor);
    let mut content = AuditContent::new(t, at, kind, ListQuery::of(&visitor.asked, fields));
    if kind != Kind::Changes {
        content.offer_clients(&reach).await?;
    }
    let mut status = StatusCode::OK;
    match read(t, &content.list) {
        Ok(Query::Refusals { client: None, .. }) if reach.organization().is_some() => {
            content.needs_client = true;
        }
        Ok(query) => content.fill(at, &reach, &query).await?,
        Err(mistakes) => {
            content.mistakes = mistakes;
            status = StatusCode::UNPROCESSABLE_ENTITY;
        }
    }
    let title = match kind {
        Kind::Changes => t.of("audit-changes-title"),
        Kind::Tokens => t.of("audit-tokens-title"),
        Kind::Refusals => t.of("audit-refusals-title"),
    };
    let frame = Frame::inside(visitor, &place, title).below(at.crumbs(
        t,
        &reach,
        vec![Link::new(t.of("nav-audit"), "")],
    ));
    Ok(Page::new(frame, content).with_status(status))
}

/// What was changed.
pub(super) async fn changes(visitor: Visitor, Path(at): Path<At>) -> Result<Page<AuditContent>, Failure> {
    show(&visitor, &at, (Kind::Changes, &audit_query::CHANGES), audit_query::changes).await
}

/// Tokens that were issued.
pub(super) async fn tokens(visitor: Visitor, Path(at): Path<At>) -> Result<Page<AuditContent>, Failure> {
    show(&visitor, &at, (Kind::Tokens, &audit_query::TOKENS), audit_query::tokens).await
}

/// Requests that were refused.
pub(super) async fn refusals(visitor: Visitor, Path(at): Path<At>) -> Result<Page<AuditContent>, Failure> {
    show(&visitor, &at, (Kind::Refusals, &audit_query::REFUSALS), audit_query::refusals).await
}
