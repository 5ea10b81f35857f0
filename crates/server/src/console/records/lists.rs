//! The rows of the three lists of the audit.

use symbolon_core::audit::AuditRecord;
use symbolon_core::record::{RefusalRecord, Remark, TokenRecord};

use crate::console::address;
use crate::console::page::sentence;
use crate::console::records::At;
use crate::console::records::difference::differences;
use crate::console::records::names::{self, People};
use crate::console::texts::Texts;
use crate::console::time::Moment;

/// So many members are named beside a change.
const MOST_NAMED: usize = 3;

/// A change, in a line.
pub(super) struct ChangeRow {
    pub(super) at: Moment,
    pub(super) actor: String,
    pub(super) actor_kind: String,
    pub(super) action: String,
    pub(super) subject: String,
    pub(super) subject_kind: String,
    pub(super) subject_page: String,
    /// Which members changed.
    pub(super) what: String,
    pub(super) page: String,
}

impl ChangeRow {
    pub(super) fn of(t: Texts, at: &At, people: &People, record: &AuditRecord) -> Self {
        Self {
            at: Moment(record.at),
            actor: people.name(&record.actor),
            actor_kind: names::actor_kind(t, &record.actor),
            action: names::action(&record.action),
            subject: record.subject_id.clone(),
            subject_kind: names::subject_kind(t, record.subject_kind),
            subject_page: names::subject_page(&at.realm, record),
            what: what(t, record),
            page: at.to(&["audit", "changes", &name(record)]),
        }
    }
}

/// What stands for a change in an address: when it was, and its place.
pub(super) fn name(record: &AuditRecord) -> String {
    format!("{}-{}", record.at.millis(), record.sequence)
}

/// The members that a change changed; none where the thing was made or deleted.
fn what(t: Texts, record: &AuditRecord) -> String {
    if record.before.is_none() || record.after.is_none() {
        return String::new();
    }
    let (found, _) = differences(record.before.as_ref(), record.after.as_ref());
    let members: Vec<&str> =
        found.iter().map(|one| one.member.as_str()).filter(|member| *member != "version").collect();
    let named = members.iter().take(MOST_NAMED).copied().collect::<Vec<_>>().join(", ");
    match members.len().saturating_sub(MOST_NAMED) {
        0 => named,
        more => t.with("audit-and-more", &[("members", &named), ("count", &more.to_string())]).into_owned(),
    }
}

/// A token, in a line.
pub(super) struct TokenRow {
    pub(super) at: Moment,
    /// The client, or the user of a password token.
    pub(super) client: String,
    pub(super) client_page: String,
    pub(super) access_key: String,
    pub(super) audience: String,
    pub(super) scope: String,
    pub(super) expires_at: Moment,
    pub(super) from: String,
    /// What is special about it, in words.
    pub(super) remark: String,
    pub(super) request_id: String,
    pub(super) request_page: String,
    pub(super) jti: String,
}

impl TokenRow {
    /// The row of a record.
    pub(super) fn of(t: Texts, at: &At, record: TokenRecord) -> Self {
        let grant = record.grant.read();
        let client_page = match (&grant.organization, &grant.client) {
            (Some(organization), Some(client)) => {
                address::organization(&at.realm, organization, &["clients", client.as_str()])
            }
            _ => String::new(),
        };
        let text = |id: Option<String>| id.unwrap_or_default();
        let remark = record.remark.map(|remark| match remark {
            Remark::BeyondQuota => "token-beyond-quota",
            Remark::Reused => "token-reused",
        });
        Self {
            at: Moment(record.at),
            client: text(grant.client.map(|id| id.to_string()).or(grant.user.map(|id| id.to_string()))),
            client_page,
            access_key: text(grant.access_key.map(|id| id.to_string())),
            audience: grant.audience,
            scope: grant.scope,
            expires_at: Moment(record.expires_at),
            from: record.from.to_string(),
            remark: remark.map(|name| t.of(name).into_owned()).unwrap_or_default(),
            request_page: request_page(at, &record.request_id),
            request_id: record.request_id,
            jti: record.jti,
        }
    }
}

/// A refusal, in a line.
pub(super) struct RefusalRow {
    pub(super) at: Moment,
    pub(super) endpoint: String,
    pub(super) error: String,
    pub(super) reason: String,
    pub(super) detail: String,
    pub(super) named: String,
    pub(super) from: String,
    pub(super) request_id: String,
    pub(super) request_page: String,
    pub(super) dropped_before: u64,
}

impl RefusalRow {
    pub(super) fn of(at: &At, record: RefusalRecord) -> Self {
        Self {
            at: Moment(record.at),
            endpoint: record.endpoint,
            error: record.error,
            reason: record.reason,
            detail: sentence(&record.detail),
            named: record.unverified_client.unwrap_or_default(),
            from: record.from,
            request_page: request_page(at, &record.request_id),
            request_id: record.request_id,
            dropped_before: record.dropped_before,
        }
    }
}

/// The page that explains a request.
pub(super) fn request_page(at: &At, request_id: &str) -> String {
    format!("{}?id={}", at.to(&["audit", "request"]), address::encoded(request_id))
}
