//! The quota of a client. That of a realm stands among its settings.

use std::time::Duration;

use axum::extract::Path;
use axum::response::Response;
use symbolon_core::client::{Client, ClientId, ClientSettings};
use symbolon_core::clock::Timestamp;
use symbolon_core::edit;
use symbolon_core::permission::{OrganizationAccess, Permission};
use symbolon_core::quota::QuotaMode;
use symbolon_core::store::PageRequest;
use symbolon_core::usage::{GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResult, UsageResults};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::operator::fields::Group;
use crate::console::operator::licences::named;
use crate::console::operator::organizations::shown_name;
use crate::console::operator::pages::{FormPage, check_version, mistakes, version};
use crate::console::operator::settings_form::{filled_quota, quota_fields, read_quota};
use crate::console::page::{Link, Place, gone_to};
use crate::console::visitor::Visitor;

const HOUR: i64 = 3_600_000;

type At<'a> = (&'a str, &'a str);

async fn find(access: &OrganizationAccess<'_>, client: &str) -> Result<Client, Failure> {
    // Quotas are for who runs the service, not for who is counted.
    if !access.realm.is_operator() {
        return Err(Failure::Forbidden);
    }
    let id = ClientId::new(client).map_err(|_| Failure::NotFound)?;
    let found = access.realm.store().find_client(access.realm.id(), access.id(), &id).await?;
    Ok(found.ok_or(Failure::NotFound)?.client)
}

/// The tokens of a client in this hour, as far as they are counted.
async fn used(access: &OrganizationAccess<'_>, client: &Client) -> Result<i64, Failure> {
    let now = access.realm.authority().now();
    let from = Timestamp::from_millis(now.millis().div_euclid(HOUR) * HOUR);
    let question = UsageQuery {
        filter: UsageFilter {
            of: UsageOf::Client(access.id().clone(), client.id.clone()),
            audience: None,
            results: UsageResults::Only(UsageResult::Issued),
            from,
            to: from.plus(Duration::from_hours(1)),
        },
        group_by: GroupBy::default(),
        step: Step::Hour,
    };
    let answer = access.realm.store().list_usage(access.realm.id(), &question, &PageRequest::first()).await?;
    Ok(answer.items.iter().flat_map(|series| &series.counts).map(|(_, tokens)| tokens).sum())
}

async fn page<'a>(
    visitor: &Visitor,
    access: &OrganizationAccess<'_>,
    at: At<'a>,
    client: &Client,
) -> Result<FormPage<'a>, Failure> {
    let place = Place::in_organization(at);
    let t = place.texts(visitor);
    let used = used(access, client).await?.to_string();
    let realm = access.realm.view().realm().settings.quota;
    let quota = client.settings.quota.or(realm).filter(|quota| quota.mode != QuotaMode::Off);
    let intro = match quota {
        Some(quota) => {
            let allowed = quota.tokens_per_hour.to_string();
            t.with("quota-used", &[("used", &used), ("allowed", &allowed)])
        }
        None => t.one("quota-used-without", used),
    };
    let to = address::organization(at.0, at.1, &["clients", client.id.as_str()]);
    let name = named(&client.settings.name, client.id.as_str());
    Ok(FormPage {
        place,
        crumbs: vec![
            Link::new(shown_name(&access.organization), address::organization(at.0, at.1, &[])),
            Link::new(t.of("clients"), address::organization(at.0, at.1, &["clients"])),
            Link::new(name.clone(), to.clone()),
        ],
        title: t.one("quota-title", name).into_owned(),
        intro: intro.into_owned(),
        hidden: vec![version(client.version)],
        groups: vec![Group::new("", quota_fields(t, "quota-mode-realm"))],
        submit: "save",
        cancel: to,
        links: Vec::new(),
    })
}

/// The quota of a client.
pub(super) async fn edit(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteClients, at).await?;
    let client = find(&access, &client).await?;
    let form = Form::of(filled_quota(client.settings.quota));
    Ok(page(&visitor, &access, at, &client).await?.shown(&visitor, &form))
}

/// Changes it.
pub(super) async fn update(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteClients, at).await?;
    let before = find(&access, &client).await?;
    check_version(&form, before.version)?;
    let mut wrong = Mistakes::default();
    let quota = read_quota(&form, Place::in_organization(at).texts(&visitor), &mut wrong);
    if wrong.is_empty() {
        let settings = ClientSettings { quota, ..before.settings.clone() };
        access.realm.check_client(Some(&before.settings), &settings)?;
        let after = Client { settings, ..before.clone() };
        match edit::client::update(access.realm.editor(), &before, &after).await {
            Ok(_) => {
                let to = address::organization(at.0, at.1, &["clients", &client]);
                return Ok(gone_to(&to, "quota-saved"));
            }
            Err(error) => wrong = mistakes(error)?,
        }
    }
    Ok(page(&visitor, &access, at, &before).await?.again(&visitor, &form, &wrong))
}
