//! Refusals by their exact reason: over time, and in all, with links to the refusals themselves. Both pictures are made
//! from one question to the store.

use symbolon_core::clock::Timestamp;
use symbolon_core::permission::RealmAccess;
use symbolon_core::usage::{GroupBy, UsageResults, UsageSeries};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::records::At;
use crate::console::records::chart::{self, Chart, Data, MOST_SERIES, Row, Series};
use crate::console::records::figures::{About, asked, counted};
use crate::console::texts::Texts;

/// Both pictures; of nothing there is but one.
pub(super) struct Reasons {
    pub(super) over_time: Chart,
    pub(super) in_all: Option<Chart>,
}

/// The refusals of one reason.
struct Share {
    /// None for those that were counted before reasons were.
    reason: Option<String>,
    /// One for each column.
    values: Vec<u64>,
}

impl Share {
    fn sum(&self) -> u64 {
        self.values.iter().sum()
    }
}

impl Reasons {
    /// Those of what is looked at.
    pub(super) async fn of(access: &RealmAccess<'_>, at: &At, about: &About) -> Result<Self, Failure> {
        let now = access.authority().now();
        let group_by = GroupBy { reason: true, ..GroupBy::default() };
        let mut question = about.question(now, group_by, about.period.step());
        question.filter.results = UsageResults::Refused;
        let found = asked(access, &question).await?;
        Ok(Self::from(at, about, now, &found))
    }

    fn from(at: &At, about: &About, now: Timestamp, found: &[UsageSeries]) -> Self {
        let share = |series: &UsageSeries| {
            let mut values = about.columns();
            counted(about, now, series, &mut values);
            Share { reason: series.group.reason.clone(), values }
        };
        let mut shares: Vec<Share> = found.iter().map(share).filter(|share| share.sum() > 0).collect();
        shares.sort_by_key(|share| std::cmp::Reverse(share.sum()));
        let links = Links { at, since: about.period.span(now).0 };
        let in_all = (!shares.is_empty()).then(|| in_all(about, &links, &shares));
        Self { over_time: over_time(about, now, &links, shares), in_all }
    }
}

/// The addresses of the refusals of a reason.
struct Links<'a> {
    at: &'a At,
    since: Timestamp,
}

impl Links<'_> {
    /// Where those of a reason stand, from the day on with which the pictures begin; empty where nothing tells them
    /// apart from others.
    fn to(&self, reason: Option<&str>) -> String {
        let Some(reason) = reason else { return String::new() };
        let since = self.since.to_string();
        let day = since.get(..10).unwrap_or_default();
        let mut to =
            format!("{}?reason={}&from={day}", self.at.to(&["audit", "refusals"]), address::encoded(reason));
        if let Some(client) = &self.at.client {
            to.push_str("&client=");
            to.push_str(&address::encoded(client));
        }
        to
    }
}

/// What a reason is called, in a few words.
fn words(t: Texts, reason: Option<&str>) -> String {
    let Some(reason) = reason else { return t.of("chart-reason-none").into_owned() };
    t.of(&format!("reason-{}", reason.replace('_', "-"))).into_owned()
}

/// One series for each of the most frequent reasons, and one for all others together if they are more than have a
/// pattern.
fn over_time(about: &About, now: Timestamp, links: &Links<'_>, mut shares: Vec<Share>) -> Chart {
    let t = about.t;
    let rest = if shares.len() > MOST_SERIES { shares.split_off(MOST_SERIES - 1) } else { Vec::new() };
    let link = |share: &Share| links.to(share.reason.as_deref());
    let mut to: Vec<String> = shares.iter().map(link).collect();
    let named = |share: Share| Series { name: words(t, share.reason.as_deref()), values: share.values };
    let mut series: Vec<Series> = shares.into_iter().map(named).collect();
    if !rest.is_empty() {
        let mut values = about.columns();
        for share in &rest {
            for (sum, value) in values.iter_mut().zip(&share.values) {
                *sum += value;
            }
        }
        series.push(Series { name: t.of("chart-other-reasons").into_owned(), values });
        to.push(String::new());
    }
    let data = Data {
        id: "reasons-over-time",
        title: t.of("chart-reasons-over-time").into_owned(),
        about: t.with("chart-reasons-over-time-about", &[("time", &about.time())]).into_owned(),
        rows_are: about.rows_are(),
        rows: about.rows(now),
        series,
    };
    chart::columns(t, data).leading_to(to).sparsely()
}

/// Bars of the most frequent reasons, and all of them in the table.
fn in_all(about: &About, links: &Links<'_>, shares: &[Share]) -> Chart {
    let t = about.t;
    let row = |share: &Share| {
        let tick = words(t, share.reason.as_deref());
        let name = share.reason.as_ref().map_or_else(|| tick.clone(), |reason| format!("{tick} ({reason})"));
        Row { name, tick, to: links.to(share.reason.as_deref()) }
    };
    let data = Data {
        id: "per-reason",
        title: t.of("chart-per-reason").into_owned(),
        about: t.with("chart-per-reason-about", &[("time", &about.time())]).into_owned(),
        rows_are: t.of("audit-reason").into_owned(),
        rows: shares.iter().map(row).collect(),
        series: vec![Series {
            name: t.of("chart-refused").into_owned(),
            values: shares.iter().map(Share::sum).collect(),
        }],
    };
    chart::bars(t, data).in_style(2)
}

#[cfg(test)]
#[path = "reasons_tests.rs"]
mod tests;
