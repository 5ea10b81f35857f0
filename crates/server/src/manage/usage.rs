//! Usage: how often clients got tokens and were refused.

use serde::Serialize;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::usage::{Step, UsageGroup, UsageQuery, UsageSeries};
use utoipa::ToSchema;

use crate::manage::body::{Parameters, Segments};
use crate::manage::caller::Manager;
use crate::manage::error::Problem;
use crate::manage::page::{PageOf, search_request};
use crate::manage::paths::{InOrganization, InRealm};
use crate::manage::time::Time;
use crate::manage::usage_query::{Asked, AskedBusiest};

/// What the counts of one series have in common; what was not told apart is absent.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageGroup)]
pub(crate) struct GroupView {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    /// `issued`, or the OAuth error code that the requests were refused with.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    /// The exact reason of refusals, as the list of refusals names it. Tokens have none, and neither have refusals that
    /// were counted before reasons were.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// One count.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageCount)]
pub(crate) struct CountView {
    /// The begin of the step.
    at: Time,
    /// Requests in it.
    requests: i64,
}

/// The counts of one group, in the order of time. Steps without any are left out.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageSeries)]
pub(crate) struct SeriesView {
    group: GroupView,
    counts: Vec<CountView>,
}

/// One of the busiest.
#[derive(Serialize, ToSchema)]
#[schema(as = UsageBusiest)]
pub(crate) struct BusiestView {
    group: GroupView,
    requests: i64,
}

fn group(group: UsageGroup) -> GroupView {
    GroupView {
        organization: group.organization.map(|id| id.to_string()),
        client: group.client.map(|id| id.to_string()),
        access_key: group.access_key.map(|id| id.to_string()),
        audience: group.audience,
        result: group.result.map(|result| result.name().to_owned()),
        reason: group.reason,
    }
}

fn series(series: UsageSeries) -> SeriesView {
    let counts = series.counts.into_iter().map(|(at, requests)| CountView { at: at.into(), requests });
    SeriesView { group: group(series.group), counts: counts.collect() }
}

async fn answer(
    access: &RealmAccess<'_>,
    asked: &Asked,
    question: &UsageQuery,
) -> Result<axum::Json<PageOf<SeriesView>>, Problem> {
    let page = search_request(asked.limit, asked.cursor.as_deref())?;
    let page = access.store().list_usage(access.id(), question, &page).await?;
    Ok(axum::Json(PageOf::of(page, series)))
}

/// Usage of a realm
#[utoipa::path(get, path = "/realms/{realm}/usage", tag = "usage", operation_id = "getUsage",
    params(InRealm, Asked), responses((status = 200, description = "The counts", body = PageOf<SeriesView>)))]
pub(crate) async fn realm(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    asked: Parameters<Asked>,
) -> Result<axum::Json<PageOf<SeriesView>>, Problem> {
    let access = manager.realm(Permission::ReadUsage, &at.realm)?;
    let asked = asked.read()?;
    let question = asked.question(None)?;
    if question.group_by.reason {
        // Exact reasons are for whoever may read them in the list of refusals.
        manager.realm(Permission::ReadAudit, &at.realm)?;
    }
    answer(&access, &asked, &question).await
}

/// Usage of an organization, of one of its clients or of one of their access keys
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/usage", tag = "usage",
    operation_id = "getOrganizationUsage", params(InOrganization, Asked),
    responses((status = 200, description = "The counts", body = PageOf<SeriesView>)))]
pub(crate) async fn organization(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    asked: Parameters<Asked>,
) -> Result<axum::Json<PageOf<SeriesView>>, Problem> {
    let access = manager.organization(Permission::ReadUsage, at.place()).await?;
    let asked = asked.read()?;
    let question = asked.question(Some(access.id()))?;
    if question.group_by.reason {
        manager.organization(Permission::ReadAudit, at.place()).await?;
    }
    answer(&access.realm, &asked, &question).await
}

/// The clients or organizations with the most requests
#[utoipa::path(get, path = "/realms/{realm}/usage/busiest", tag = "usage", operation_id = "getBusiest",
    params(InRealm, AskedBusiest),
    responses((status = 200, description = "Those with more first", body = PageOf<BusiestView>)))]
pub(crate) async fn busiest(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    asked: Parameters<AskedBusiest>,
) -> Result<axum::Json<PageOf<BusiestView>>, Problem> {
    let access = manager.realm(Permission::ReadUsage, &at.realm)?;
    let asked = asked.read()?;
    let (filter, who, limit) = asked.question()?;
    // In a time that ends before it begins there was nobody.
    if filter.check(Step::Total).is_err() {
        return Ok(axum::Json(PageOf::whole(Vec::new())));
    }
    let found = access.store().list_busiest(access.id(), &filter, who, limit).await?;
    let view = |(of, requests)| BusiestView { group: group(of), requests };
    Ok(axum::Json(PageOf::whole(found.into_iter().map(view).collect())))
}
