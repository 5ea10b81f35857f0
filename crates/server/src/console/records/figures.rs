//! The console's ready-made pictures of usage: each is one question to the store.

use symbolon_core::clock::Timestamp;
use symbolon_core::id::{ClientId, OrganizationId};
use symbolon_core::permission::RealmAccess;
use symbolon_core::store::PageRequest;
use symbolon_core::usage::{
    Busiest, GroupBy, Step, UsageFilter, UsageGroup, UsageOf, UsageQuery, UsageResult, UsageResults,
    UsageSeries,
};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::records::chart::{self, Chart, Data, HeatData, Row, Series};
use crate::console::texts::Texts;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// So many bars stand in a picture.
const MOST_BARS: usize = 10;

/// A stretch of time up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Period {
    /// The last 24 hours, by the hour.
    Day,
    /// The last seven days.
    #[default]
    Week,
    /// The last thirty days.
    Month,
    /// The last ninety days.
    Quarter,
}

impl Period {
    /// The names in addresses, with those of their texts.
    pub(crate) const NAMES: [(Self, &'static str, &'static str); 4] = [
        (Self::Day, "day", "period-day"),
        (Self::Week, "week", "period-week"),
        (Self::Month, "month", "period-month"),
        (Self::Quarter, "quarter", "period-quarter"),
    ];

    /// Reads a name; the week stands for any other text.
    pub(crate) fn of(name: &str) -> Self {
        Self::NAMES
            .iter()
            .find(|(_, other, _)| *other == name)
            .map(|(period, ..)| *period)
            .unwrap_or_default()
    }

    /// What one column spans.
    pub(crate) const fn step(self) -> Step {
        match self {
            Self::Day => Step::Hour,
            Self::Week | Self::Month | Self::Quarter => Step::Day,
        }
    }

    /// The length of a column in milliseconds, and how many there are.
    const fn columns(self) -> (i64, i64) {
        match self {
            Self::Day => (HOUR, 24),
            Self::Week => (DAY, 7),
            Self::Month => (DAY, 30),
            Self::Quarter => (DAY, 90),
        }
    }

    /// From when to when: whole columns, of which the last is the one that runs now.
    pub(crate) const fn span(self, now: Timestamp) -> (Timestamp, Timestamp) {
        let (unit, count) = self.columns();
        let end = (now.millis().div_euclid(unit) + 1) * unit;
        (Timestamp::from_millis(end - count * unit), Timestamp::from_millis(end))
    }
}

/// What a picture is about.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) t: Texts,
    pub(crate) of: UsageOf,
    pub(crate) period: Period,
}

impl About {
    pub(super) fn question(&self, now: Timestamp, group_by: GroupBy, step: Step) -> UsageQuery {
        let (from, to) = self.period.span(now);
        let filter =
            UsageFilter { of: self.of.clone(), audience: None, results: UsageResults::All, from, to };
        UsageQuery { filter, group_by, step }
    }

    /// A zero for each column of the period.
    pub(super) fn columns(&self) -> Vec<u64> {
        let (_, count) = self.period.columns();
        vec![0; usize::try_from(count).unwrap_or_default()]
    }

    /// The columns of the period that ends now, by their begins.
    pub(super) fn rows(&self, now: Timestamp) -> Vec<Row> {
        let ((from, _), (unit, count)) = (self.period.span(now), self.period.columns());
        let begin = |index| Timestamp::from_millis(from.millis() + index * unit);
        (0..count).map(|index| moment(begin(index), self.period.step())).collect()
    }

    /// What a column spans, in words.
    pub(super) fn rows_are(&self) -> String {
        let name = if self.period.step() == Step::Hour { "chart-hour-utc" } else { "chart-day-utc" };
        self.t.of(name).into_owned()
    }

    /// The period, in words.
    pub(super) fn time(&self) -> String {
        let name = Period::NAMES.iter().find(|(period, ..)| *period == self.period).map(|(.., text)| *text);
        self.t.of(name.unwrap_or_default()).into_owned()
    }
}

/// Tokens and refusals over time, with their sums.
pub(crate) struct OverTime {
    pub(crate) chart: Chart,
    pub(crate) issued: u64,
    pub(crate) refused: u64,
}

const BY_RESULT: GroupBy = GroupBy {
    organization: false,
    client: false,
    access_key: false,
    audience: false,
    result: true,
    reason: false,
};

pub(super) async fn asked(
    access: &RealmAccess<'_>,
    question: &UsageQuery,
) -> Result<Vec<UsageSeries>, Failure> {
    Ok(access.store().list_usage(access.id(), question, &PageRequest::first()).await?.items)
}

fn count(requests: i64) -> u64 {
    u64::try_from(requests).unwrap_or_default()
}

/// Adds the counts of a series to the columns that they are of; what lies outside of the period is left out.
pub(super) fn counted(about: &About, now: Timestamp, series: &UsageSeries, columns: &mut [u64]) {
    let ((from, _), (unit, _)) = (about.period.span(now), about.period.columns());
    for (at, requests) in &series.counts {
        let index = usize::try_from((at.millis() - from.millis()).div_euclid(unit)).ok();
        if let Some(value) = index.and_then(|index| columns.get_mut(index)) {
            *value += count(*requests);
        }
    }
}

fn sum(series: &UsageSeries) -> u64 {
    series.counts.iter().map(|(_, requests)| count(*requests)).sum()
}

const fn is_issued(group: &UsageGroup) -> bool {
    matches!(group.result, Some(UsageResult::Issued))
}

/// The two kinds of numbers that most pictures show.
fn issued_and_refused(t: Texts, issued: Vec<u64>, refused: Vec<u64>) -> Vec<Series> {
    let series = |name: &str, values| Series { name: t.of(name).into_owned(), values };
    vec![series("chart-issued", issued), series("chart-refused", refused)]
}

/// The begin of a column as the table and as the picture name it, in UTC.
fn moment(at: Timestamp, step: Step) -> Row {
    let text = at.to_string();
    let (day, time) = (text.get(..10).unwrap_or(&text), text.get(11..16).unwrap_or_default());
    match step {
        Step::Hour => Row { name: format!("{day} {time}"), tick: time.to_owned(), to: String::new() },
        Step::Day | Step::Total => {
            Row { name: day.to_owned(), tick: day.get(5..).unwrap_or(day).to_owned(), to: String::new() }
        }
    }
}

/// Tokens and refusals over time.
pub(crate) async fn over_time(access: &RealmAccess<'_>, about: &About) -> Result<OverTime, Failure> {
    let now = access.authority().now();
    let step = about.period.step();
    let found = asked(access, &about.question(now, BY_RESULT, step)).await?;
    Ok(over_time_of(about, now, &found))
}

fn over_time_of(about: &About, now: Timestamp, found: &[UsageSeries]) -> OverTime {
    let t = about.t;
    let (mut issued, mut refused) = (about.columns(), about.columns());
    for series in found {
        let columns = if is_issued(&series.group) { &mut issued } else { &mut refused };
        counted(about, now, series, columns);
    }
    let sums = (issued.iter().sum(), refused.iter().sum());
    let data = Data {
        id: "over-time",
        title: t.of("chart-over-time").into_owned(),
        about: t.with("chart-over-time-about", &[("time", &about.time())]).into_owned(),
        rows_are: about.rows_are(),
        rows: about.rows(now),
        series: issued_and_refused(t, issued, refused),
    };
    OverTime { chart: chart::columns(t, data), issued: sums.0, refused: sums.1 }
}

/// The clients with the most requests; of a client, its access keys.
pub(crate) async fn per_client(access: &RealmAccess<'_>, about: &About) -> Result<Chart, Failure> {
    let now = access.authority().now();
    match &about.of {
        UsageOf::Realm => busiest(access, about, now).await,
        UsageOf::Organization(organization) => {
            let by = GroupBy { client: true, ..BY_RESULT };
            let found = asked(access, &about.question(now, by, about.period.step())).await?;
            let mut shares = shares(&found, |group| group.client.as_ref().map(ToString::to_string));
            shares.truncate(MOST_BARS);
            let mut rows = Vec::with_capacity(shares.len());
            for share in &shares {
                rows.push(client_row(access, organization, share.name.as_deref()).await?);
            }
            Ok(shares_chart(about, ("per-client", "chart-per-client", "client"), rows, &shares))
        }
        UsageOf::Client(..) | UsageOf::AccessKey(..) => {
            let by = GroupBy { access_key: true, ..BY_RESULT };
            let found = asked(access, &about.question(now, by, about.period.step())).await?;
            let mut shares = shares(&found, |group| group.access_key.as_ref().map(ToString::to_string));
            shares.truncate(MOST_BARS);
            let rows = shares.iter().map(|share| {
                let name = share.name.clone().unwrap_or_else(|| about.t.of("usage-no-key").into_owned());
                Row { tick: name.clone(), name, to: String::new() }
            });
            let rows = rows.collect();
            Ok(shares_chart(about, ("per-key", "chart-per-key", "access-key"), rows, &shares))
        }
    }
}

/// The part of one client, key, audience or organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    /// None for what named nobody who is known.
    pub(super) name: Option<String>,
    /// What its counts have in common.
    pub(super) group: Option<UsageGroup>,
    pub(super) issued: u64,
    pub(super) refused: u64,
}

/// Puts the counts of a name together, those with more first.
pub(super) fn shares(found: &[UsageSeries], name: impl Fn(&UsageGroup) -> Option<String>) -> Vec<Share> {
    let mut shares: Vec<Share> = Vec::new();
    for series in found {
        let name = name(&series.group);
        let place = shares.iter().position(|share| share.name == name).unwrap_or_else(|| {
            shares.push(Share { name, group: Some(series.group.clone()), ..Share::default() });
            shares.len() - 1
        });
        let Some(share) = shares.get_mut(place) else { continue };
        if is_issued(&series.group) {
            share.issued += sum(series);
        } else {
            share.refused += sum(series);
        }
    }
    shares.sort_by_key(|share| std::cmp::Reverse(share.issued + share.refused));
    shares
}

fn shares_chart(
    about: &About,
    (id, title, rows_are): (&'static str, &str, &str),
    rows: Vec<Row>,
    shares: &[Share],
) -> Chart {
    let t = about.t;
    let issued = shares.iter().map(|share| share.issued).collect();
    let refused = shares.iter().map(|share| share.refused).collect();
    let data = Data {
        id,
        title: t.of(title).into_owned(),
        about: t.with("chart-per-client-about", &[("time", &about.time())]).into_owned(),
        rows_are: t.of(rows_are).into_owned(),
        rows,
        series: issued_and_refused(t, issued, refused),
    };
    chart::bars(t, data)
}

/// A client by its name, with its page; by its id where it is gone.
async fn client_row(
    access: &RealmAccess<'_>,
    organization: &OrganizationId,
    id: Option<&str>,
) -> Result<Row, Failure> {
    let Some(id) = id.and_then(|id| ClientId::new(id).ok()) else { return Ok(Row::default()) };
    let found = access.store().find_client(access.id(), organization, &id).await?;
    Ok(match found {
        Some(found) => {
            let name = Some(found.client.settings.name).filter(|name| !name.is_empty());
            let name = name.unwrap_or_else(|| id.to_string());
            let to = address::organization(access.id(), organization, &["clients", id.as_str()]);
            Row { tick: name.clone(), name, to }
        }
        None => Row { name: id.to_string(), tick: id.to_string(), to: String::new() },
    })
}

/// The busiest of a realm: found without looking at the others.
async fn busiest(access: &RealmAccess<'_>, about: &About, now: Timestamp) -> Result<Chart, Failure> {
    let t = about.t;
    let filter = about.question(now, GroupBy::default(), Step::Total).filter;
    let most = u32::try_from(MOST_BARS).unwrap_or(1);
    let found = access.store().list_busiest(access.id(), &filter, Busiest::Clients, most).await?;
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for (group, requests) in found {
        if let (Some(organization), Some(client)) = (group.organization, group.client) {
            rows.push(client_row(access, &organization, Some(client.as_str())).await?);
            values.push(count(requests));
        }
    }
    let data = Data {
        id: "per-client",
        title: t.of("chart-per-client").into_owned(),
        about: t.with("chart-busiest-about", &[("time", &about.time())]).into_owned(),
        rows_are: t.of("client").into_owned(),
        rows,
        series: vec![Series { name: t.of("chart-requests").into_owned(), values }],
    };
    Ok(chart::bars(t, data))
}

/// What refused requests were told; why they were refused is shown by `reasons`.
pub(crate) async fn per_error(access: &RealmAccess<'_>, about: &About) -> Result<Chart, Failure> {
    // Not in all: that would be whole days, of which a day by the hour has parts of two.
    let mut question = about.question(access.authority().now(), BY_RESULT, about.period.step());
    question.filter.results = UsageResults::Refused;
    let found = asked(access, &question).await?;
    let name = |group: &UsageGroup| group.result.as_ref().map(|result| result.name().to_owned());
    let shares = shares(&found, name);
    let t = about.t;
    let row = |share: &Share| {
        let code = share.name.clone().unwrap_or_default();
        match told(&code) {
            None => Row { tick: code.clone(), name: code, to: String::new() },
            Some(text) => {
                let tick = t.of(text).into_owned();
                Row { name: format!("{tick} ({code})"), tick, to: String::new() }
            }
        }
    };
    let data = Data {
        id: "per-error",
        title: t.of("chart-per-error").into_owned(),
        about: t.with("chart-per-error-about", &[("time", &about.time())]).into_owned(),
        rows_are: t.of("chart-error").into_owned(),
        rows: shares.iter().map(row).collect(),
        series: vec![Series {
            name: t.of("chart-refused").into_owned(),
            values: shares.iter().map(|share| share.refused).collect(),
        }],
    };
    Ok(chart::bars(t, data).in_style(2))
}

/// What an error code means, in a few words.
fn told(code: &str) -> Option<&'static str> {
    Some(match code {
        "invalid_request" => "told-invalid-request",
        "invalid_client" => "told-invalid-client",
        "invalid_grant" => "told-invalid-grant",
        "unauthorized_client" => "told-unauthorized-client",
        "unsupported_grant_type" => "told-unsupported-grant-type",
        "unsupported_token_type" => "told-unsupported-token-type",
        "invalid_target" => "told-invalid-target",
        "invalid_scope" => "told-invalid-scope",
        "invalid_token" => "told-invalid-token",
        "insufficient_scope" => "told-insufficient-scope",
        "temporarily_unavailable" => "told-temporarily-unavailable",
        "server_error" => "told-server-error",
        _ => return None,
    })
}

/// When tokens were got in the last seven days, by days and hours.
pub(crate) async fn heat(access: &RealmAccess<'_>, about: &About) -> Result<Chart, Failure> {
    let now = access.authority().now();
    let week = About { period: Period::Week, ..about.clone() };
    let mut question = week.question(now, GroupBy::default(), Step::Hour);
    question.filter.results = UsageResults::Only(UsageResult::Issued);
    let found = asked(access, &question).await?;
    Ok(heat_of(about, now, &found))
}

fn heat_of(about: &About, now: Timestamp, found: &[UsageSeries]) -> Chart {
    let (from, _) = Period::Week.span(now);
    let name = |day: i64| moment(Timestamp::from_millis(from.millis() + day * DAY), Step::Day).name;
    let mut days: Vec<(String, [u64; 24])> = (0..7).map(|day| (name(day), [0; 24])).collect();
    for (at, requests) in found.iter().flat_map(|series| &series.counts) {
        let hours = (at.millis() - from.millis()).div_euclid(HOUR);
        let day = usize::try_from(hours.div_euclid(24)).ok().and_then(|day| days.get_mut(day));
        let hour = usize::try_from(hours.rem_euclid(24)).unwrap_or_default();
        if let Some(value) = day.and_then(|(_, values)| values.get_mut(hour)) {
            *value += count(*requests);
        }
    }
    let t = about.t;
    chart::heat(
        t,
        HeatData {
            id: "heat",
            title: t.of("chart-heat").into_owned(),
            about: t.of("chart-heat-about").into_owned(),
            days,
        },
    )
}

#[cfg(test)]
#[path = "figures_tests.rs"]
mod tests;
