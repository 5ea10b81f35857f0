//! Usage as a table: by organization, client, access key or audience, whichever can be told apart there.

use symbolon_core::permission::RealmAccess;
use symbolon_core::store::PageRequest;
use symbolon_core::usage::{
    GroupBy, UsageFilter, UsageGroup, UsageOf, UsageQuery, UsageResults, UsageSeries,
};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::records::chart::grouped;
use crate::console::records::figures::{About, shares};

/// What is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Organization,
    Client,
    AccessKey,
    Audience,
}

impl By {
    const NAMES: [(Self, &'static str, &'static str); 4] = [
        (Self::Organization, "organization", "usage-by-organization"),
        (Self::Client, "client", "usage-by-client"),
        (Self::AccessKey, "access_key", "usage-by-access-key"),
        (Self::Audience, "audience", "usage-by-audience"),
    ];

    fn fits(self, of: &UsageOf) -> bool {
        match of {
            UsageOf::Realm => true,
            UsageOf::Organization(_) => self != Self::Organization,
            UsageOf::Client(..) | UsageOf::AccessKey(..) => matches!(self, Self::AccessKey | Self::Audience),
        }
    }

    /// Everything that can be told apart, with names in addresses and of texts.
    pub(super) fn all(of: &UsageOf) -> impl Iterator<Item = (Self, &'static str, &'static str)> {
        Self::NAMES.into_iter().filter(|(by, ..)| by.fits(of))
    }

    /// Reads a name; the widest that can be told apart stands for any other text.
    pub(super) fn of(name: &str, of: &UsageOf) -> Self {
        let known = Self::all(of).find(|(_, other, _)| *other == name).or_else(|| Self::all(of).next());
        known.map_or(Self::Audience, |(by, ..)| by)
    }

    const fn group_by(self) -> GroupBy {
        GroupBy {
            organization: matches!(self, Self::Organization),
            client: matches!(self, Self::Client),
            access_key: matches!(self, Self::AccessKey),
            audience: matches!(self, Self::Audience),
            result: true,
            reason: false,
        }
    }

    const fn heading(self) -> &'static str {
        match self {
            Self::Organization => "audit-organization",
            Self::Client => "client",
            Self::AccessKey => "access-key",
            Self::Audience => "audit-audience",
        }
    }
}

/// A line.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) page: String,
    pub(super) issued: String,
    pub(super) refused: String,
}

/// The table.
pub(super) struct Table {
    pub(super) heading: String,
    pub(super) lines: Vec<Line>,
}

impl Table {
    /// A part of it, and where it goes on.
    pub(super) async fn of(
        access: &RealmAccess<'_>,
        about: &About,
        by: By,
        page: &PageRequest,
    ) -> Result<(Self, Option<String>), Failure> {
        let (from, to) = about.period.span(access.authority().now());
        let filter =
            UsageFilter { of: about.of.clone(), audience: None, results: UsageResults::All, from, to };
        // Hours cannot be put together over a whole time: the day's sums are those of its hours.
        let question = UsageQuery { filter, group_by: by.group_by(), step: about.period.step() };
        let found = access.store().list_usage(access.id(), &question, page).await?;
        Ok((Self::from(access, about, by, &found.items), found.next))
    }

    fn from(access: &RealmAccess<'_>, about: &About, by: By, found: &[UsageSeries]) -> Self {
        let t = about.t;
        let line = |share: super::figures::Share| {
            let page = match (by, share.group.as_ref()) {
                (By::Organization, Some(group)) => page(access, group, false),
                (By::Client | By::AccessKey, Some(group)) => page(access, group, true),
                _ => String::new(),
            };
            Line {
                name: share.name.unwrap_or_else(|| t.of("usage-nobody").into_owned()),
                page,
                issued: grouped(share.issued),
                refused: grouped(share.refused),
            }
        };
        let name = |group: &UsageGroup| match by {
            By::Organization => group.organization.as_ref().map(ToString::to_string),
            By::Client => group.client.as_ref().map(ToString::to_string),
            By::AccessKey => group.access_key.as_ref().map(ToString::to_string),
            By::Audience => group.audience.clone(),
        };
        let lines = shares(found, name).into_iter().map(line).collect();
        Self { heading: t.of(by.heading()).into_owned(), lines }
    }
}

/// The usage of the organization or client that a count is of.
fn page(access: &RealmAccess<'_>, group: &UsageGroup, client: bool) -> String {
    let Some(organization) = &group.organization else { return String::new() };
    match &group.client {
        Some(client_id) if client => {
            address::organization(access.id(), organization, &["clients", client_id.as_str(), "usage"])
        }
        _ if client => String::new(),
        _ => address::organization(access.id(), organization, &["usage"]),
    }
}
