//! What can be asked of usage.

use serde::Deserialize;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::{AccessKeyId, ClientId, OrganizationId};
use symbolon_core::usage::{
    Busiest, GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResult, UsageResults,
};
use utoipa::{IntoParams, ToSchema};

use crate::manage::error::{Kind, Problem};
use crate::manage::time::Time;

/// What one count spans.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Steps {
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
    /// The whole time.
    #[default]
    Total,
}

/// Who is looked for.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Who {
    /// Organizations.
    Organizations,
    /// Clients.
    #[default]
    Clients,
}

/// Which requests, and how they are told apart.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// From the step that this moment lies in.
    from: Time,
    /// To the step before this moment.
    to: Time,
    /// What one count spans: `hour`, `day` or `total`.
    #[serde(default)]
    #[param(inline)]
    step: Steps,
    /// What is told apart, separated by commas: `organization`, `client`, `access_key`, `audience`, `result`, `reason`.
    /// `reason`, the exact one of refusals, needs `read:audit` too.
    group_by: Option<String>,
    /// Of this client alone.
    client: Option<String>,
    /// Of this access key alone; needs its client.
    access_key: Option<String>,
    /// For this audience alone.
    audience: Option<String>,
    /// With this result alone: `issued`, `refused`, or an OAuth error code.
    result: Option<String>,
    /// At most so many organizations or clients, where they are told apart; 50 unless it is said.
    #[param(minimum = 1, maximum = 1000)]
    pub(crate) limit: Option<u32>,
    /// Where to continue: `next` of the part before.
    pub(crate) cursor: Option<String>,
}

/// The busiest in a time.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AskedBusiest {
    /// From the day that this moment lies in.
    from: Time,
    /// To the day before this moment.
    to: Time,
    /// `clients` or `organizations`.
    #[serde(default)]
    #[param(inline)]
    who: Who,
    /// For this audience alone.
    audience: Option<String>,
    /// With this result alone: `issued`, `refused`, or an OAuth error code.
    result: Option<String>,
    /// At most so many; 20 unless it is said.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

fn invalid(text: impl Into<String>) -> Problem {
    Problem::new(Kind::InvalidParameter, text)
}

fn results(result: Option<&str>) -> UsageResults {
    match result {
        None => UsageResults::All,
        Some("refused") => UsageResults::Refused,
        Some(name) => UsageResults::Only(UsageResult::from_name(name)),
    }
}

fn group_by(list: Option<&str>) -> Result<GroupBy, Problem> {
    let mut by = GroupBy::default();
    for name in
        list.into_iter().flat_map(|list| list.split(',')).map(str::trim).filter(|name| !name.is_empty())
    {
        match name {
            "organization" => by.organization = true,
            "client" => by.client = true,
            "access_key" => by.access_key = true,
            "audience" => by.audience = true,
            "result" => by.result = true,
            "reason" => by.reason = true,
            other => {
                return Err(invalid(format!(
                    "group_by: {other:?} is none of organization, client, access_key, audience, result, reason"
                )));
            }
        }
    }
    Ok(by)
}

impl Asked {
    /// As core wants it; of the whole realm, or of the organization.
    pub(crate) fn question(&self, organization: Option<&OrganizationId>) -> Result<UsageQuery, Problem> {
        let client = self
            .client
            .as_deref()
            .map(ClientId::new)
            .transpose()
            .map_err(|_| invalid("client is not an id"))?;
        let key = self.access_key.as_deref().map(AccessKeyId::new).transpose();
        let key = key.map_err(|_| invalid("access_key is not an id"))?;
        let of = match (organization.cloned(), client, key) {
            (None, None, None) => UsageOf::Realm,
            (None, ..) => return Err(invalid("ask below the organization for one client")),
            (Some(organization), None, None) => UsageOf::Organization(organization),
            (Some(organization), Some(client), None) => UsageOf::Client(organization, client),
            (Some(organization), Some(client), Some(key)) => UsageOf::AccessKey(organization, client, key),
            (Some(_), None, Some(_)) => return Err(invalid("access_key needs client beside it")),
        };
        let step = match self.step {
            Steps::Hour => Step::Hour,
            Steps::Day => Step::Day,
            Steps::Total => Step::Total,
        };
        let filter = filter(of, self.audience.clone(), self.result.as_deref(), (self.from.0, self.to.0));
        let question = UsageQuery { filter, group_by: group_by(self.group_by.as_deref())?, step };
        question.check().map_err(|error| invalid(error.to_string()))?;
        Ok(question)
    }
}

impl AskedBusiest {
    /// As core wants it.
    pub(crate) fn question(self) -> Result<(UsageFilter, Busiest, u32), Problem> {
        let limit = self.limit.unwrap_or(20);
        if !(1..=1000).contains(&limit) {
            return Err(invalid("limit is 1 to 1000"));
        }
        let who = match self.who {
            Who::Organizations => Busiest::Organizations,
            Who::Clients => Busiest::Clients,
        };
        let filter = filter(UsageOf::Realm, self.audience, self.result.as_deref(), (self.from.0, self.to.0));
        Ok((filter, who, limit))
    }
}

fn filter(
    of: UsageOf,
    audience: Option<String>,
    result: Option<&str>,
    (from, to): (Timestamp, Timestamp),
) -> UsageFilter {
    UsageFilter { of, audience, results: results(result), from, to }
}
