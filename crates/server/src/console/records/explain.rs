//! Why was this refused? What is recorded of a request, by the id that its answer carried, and what to do about it.

use askama::Template;
use axum::extract::Path;
use symbolon_core::permission::Permission;
use symbolon_core::record::{RefusalRecord, TokenRecord};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::list::ListQuery;
use crate::console::page::{Frame, Link, Page};
use crate::console::records::audit::{Tab, tabs};
use crate::console::records::lists::{RefusalRow, TokenRow};
use crate::console::records::{At, Reach};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// No id of a request is longer.
const LONGEST_ID: usize = 128;

/// A refusal, and what to do about it.
struct Explained {
    row: RefusalRow,
    advice: String,
}

#[derive(Template)]
#[template(path = "records/explain.html")]
pub(super) struct ExplainContent {
    t: Texts,
    tabs: Vec<Tab>,
    action: String,
    id: String,
    in_realm: bool,
    /// The page of the whole realm, for operators who look at one customer.
    operators: Option<String>,
    tokens: Vec<TokenRow>,
    refusals: Vec<Explained>,
    /// The realm in which who looks may revoke a token.
    revokes_in: Option<String>,
}

/// Explains a request.
pub(super) async fn show(visitor: Visitor, Path(at): Path<At>) -> Result<Page<ExplainContent>, Failure> {
    let reach = at.access(&visitor, Permission::ReadAudit).await?;
    let list = ListQuery::of(&visitor.asked, &["id"]);
    let place = at.place();
    let t = place.texts(&visitor);
    let mut content = ExplainContent {
        t,
        tabs: tabs(t, &at, None),
        action: at.to(&["audit", "request"]),
        id: list.value("id").to_owned(),
        in_realm: at.organization.is_none(),
        tokens: Vec::new(),
        refusals: Vec::new(),
        revokes_in: (reach.realm().is_operator() && visitor.may(Permission::WriteRevocations))
            .then(|| at.realm.clone()),
        operators: (reach.realm().is_operator() && at.organization.is_some()).then(|| {
            let to = address::realm(&at.realm, &["audit", "request"]);
            format!("{to}?id={}", address::encoded(list.value("id")))
        }),
    };
    if (1..=LONGEST_ID).contains(&content.id.len()) {
        content.fill(&at, &reach).await?;
    }
    let crumbs = vec![Link::new(t.of("nav-audit"), at.to(&["audit"]))];
    let frame = Frame::inside(&visitor, &place, t.of("explain-title")).below(at.crumbs(t, &reach, crumbs));
    Ok(Page::new(frame, content))
}

/// Whether a token is of the realm, or of the customer, that may be looked at.
fn token_is_within(reach: &Reach<'_>, record: &TokenRecord) -> bool {
    let grant = &record.grant;
    grant.right.realm == *reach.realm().id()
        && reach.organization().is_none_or(|wanted| grant.organization.as_ref() == Some(wanted))
}

/// The same of a refusal: a customer's are those that named one of its clients.
fn refusal_is_within(reach: &Reach<'_>, record: &RefusalRecord) -> bool {
    record.realm == *reach.realm().id()
        && reach.organization().is_none_or(|wanted| record.organization.as_ref() == Some(wanted))
}

impl ExplainContent {
    async fn fill(&mut self, at: &At, reach: &Reach<'_>) -> Result<(), Failure> {
        let store = reach.realm().store();
        let tokens = store.find_tokens_by_request(&self.id).await?;
        let tokens = tokens.into_iter().filter(|record| token_is_within(reach, record));
        self.tokens = tokens.map(|record| TokenRow::of(self.t, at, record)).collect();
        let refusals = store.find_refusals_by_request(&self.id).await?;
        let refusals = refusals.into_iter().filter(|record| refusal_is_within(reach, record));
        self.refusals = refusals
            .map(|record| {
                let advice = self.t.of(advice(&record.reason)).into_owned();
                Explained { row: RefusalRow::of(at, record), advice }
            })
            .collect();
        Ok(())
    }

    /// Where a token is revoked, for who may.
    fn revoke(&self, token: &TokenRow) -> Option<String> {
        Some(address::realm(self.revokes_in.as_ref()?, &["revocations", "token", &token.jti]))
    }

    fn is_unknown(&self) -> bool {
        !self.id.is_empty() && self.tokens.is_empty() && self.refusals.is_empty()
    }
}

/// The text that says what to do about a reason.
fn advice(reason: &str) -> &'static str {
    match reason {
        "method" | "content_type" | "malformed_body" | "missing_parameter" | "oversized_parameter" => {
            "advice-request"
        }
        "credentials_in_url" => "advice-credentials-in-url",
        "no_credentials" | "malformed_credentials" => "advice-no-credentials",
        "grant_type" => "advice-grant-type",
        "unknown_client" => "advice-unknown-client",
        "damaged_secret" => "advice-damaged-secret",
        "wrong_secret" => "advice-wrong-secret",
        "key_inactive" | "key_expired" => "advice-key",
        "client_disabled" | "organization_disabled" => "advice-disabled",
        "network_forbidden" => "advice-network",
        "unknown_audience" | "audience_disabled" | "several_audiences" | "malformed_audience"
        | "no_audience" => "advice-audience",
        "audience_not_granted" | "scopes" | "malformed_scope" => "advice-scopes",
        "licence" => "advice-licence",
        "too_many_failures" | "too_many_from_network" => "advice-back-off",
        "quota_exceeded" => "advice-quota",
        "unknown_user" | "wrong_password" | "user_disabled" | "no_membership" => "advice-user",
        "passwords_busy" | "journal_full" | "journal_failed" | "store_unavailable" | "directory_too_old"
        | "revoked_until_now" => "advice-try-again",
        "no_signing_key" | "claim" | "signing_failed" => "advice-operator",
        _ => "advice-look",
    }
}

#[cfg(test)]
mod tests {
    use symbolon_core::refusal::Reason;

    use super::*;

    #[test]
    fn there_is_advice_for_every_reason() {
        for reason in Reason::NAMES {
            assert!(Texts::has(advice(reason)), "{reason}");
        }
    }
}
