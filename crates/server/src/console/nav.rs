//! What can be gone to from every page: for a customer's people their organization, for operators a realm.
//!
//! It leaves out what a role cannot read; that protects nothing, the pages ask for access themselves.

use symbolon_core::permission::Permission;
use symbolon_core::session::Role;

use crate::console::address;
use crate::console::page::Place;
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// Links under a heading; one level of them may have a heading of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// Empty for the first.
    pub(crate) heading: String,
    /// Stands small beside the heading; may be empty.
    pub(crate) note: String,
    /// Below the heading; empty where there is no second level.
    pub(crate) inner: String,
    pub(crate) entries: Vec<Entry>,
}

/// A place to go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) text: String,
    pub(crate) to: String,
    /// Whether the page is this one or below it.
    pub(crate) here: bool,
}

struct Menu<'a> {
    visitor: &'a Visitor,
    t: Texts,
}

impl Menu<'_> {
    fn entry(&self, text: &str, to: String, permission: Permission) -> Option<Entry> {
        let path = self.visitor.asked.path.split('?').next().unwrap_or_default();
        let here = path == to || path.strip_prefix(&to).is_some_and(|rest| rest.starts_with('/'));
        self.visitor.may(permission).then(|| Entry { text: self.t.of(text).into_owned(), to, here })
    }

    fn group(&self, heading: &str, inner: &str, entries: Vec<Option<Entry>>) -> Group {
        let text = |name: &str| if name.is_empty() { String::new() } else { self.t.of(name).into_owned() };
        Group {
            heading: text(heading),
            note: String::new(),
            inner: text(inner),
            entries: entries.into_iter().flatten().collect(),
        }
    }
}

/// The groups for a page about a place.
pub(super) fn groups(visitor: &Visitor, at: &Place<'_>, t: Texts) -> Vec<Group> {
    let home = visitor.home().to_string();
    let realm = at.realm.unwrap_or(&home);
    let menu = Menu { visitor, t };
    let groups = match visitor.person.role() {
        Role::Member(organization, _) => of_organization(&menu, realm, organization.as_str()),
        Role::Operator(_) => {
            let customer = at.organization.map(|organization| of_customer(&menu, realm, organization));
            of_realm(&menu, realm).into_iter().chain(customer).collect()
        }
    };
    let mut groups: Vec<Group> = groups.into_iter().filter(|group| !group.entries.is_empty()).collect();
    only_the_nearest(&mut groups);
    groups
}

/// The overview's address begins every other: only the longest of those that the page is below is where it is.
fn only_the_nearest(groups: &mut [Group]) {
    let entries = || groups.iter().flat_map(|group| &group.entries);
    let longest = entries().filter(|entry| entry.here).map(|entry| entry.to.len()).max().unwrap_or_default();
    for entry in groups.iter_mut().flat_map(|group| &mut group.entries) {
        entry.here &= entry.to.len() == longest;
    }
}

fn of_organization(menu: &Menu<'_>, realm: &str, organization: &str) -> Vec<Group> {
    use Permission as P;
    let to = |page: &str| address::organization(realm, organization, &[page]);
    let overview = address::organization(realm, organization, &[]);
    vec![
        menu.group("", "", vec![menu.entry("nav-overview", overview, P::ReadOrganizations)]),
        menu.group(
            "nav-settings",
            "nav-access",
            vec![
                menu.entry("clients", to("clients"), P::ReadClients),
                menu.entry("nav-credentials", to("credentials"), P::ReadClients),
                menu.entry("nav-licences", to("licences"), P::ReadLicences),
                menu.entry("nav-members", to("members"), P::ReadMembers),
            ],
        ),
        menu.group(
            "nav-records",
            "",
            vec![
                menu.entry("nav-usage", to("usage"), P::ReadUsage),
                menu.entry("nav-audit", to("audit"), P::ReadAudit),
            ],
        ),
    ]
}

/// What an operator sees of the customer that the page is about.
fn of_customer(menu: &Menu<'_>, realm: &str, organization: &str) -> Group {
    let groups = of_organization(menu, realm, organization);
    let entries = groups.into_iter().flat_map(|group| group.entries).collect();
    let (heading, note) = match menu.visitor.name_of_organization(organization) {
        name if name.is_empty() || name == organization => (organization, ""),
        name => (name, organization),
    };
    Group { heading: heading.to_owned(), note: note.to_owned(), inner: String::new(), entries }
}

fn of_realm(menu: &Menu<'_>, realm: &str) -> Vec<Group> {
    use Permission as P;
    let to = |page: &str| address::realm(realm, &[page]);
    vec![
        menu.group(
            "",
            "",
            vec![menu.entry("nav-overview", address::realm(realm, &[]), P::ReadOrganizations)],
        ),
        menu.group(
            "nav-customers",
            "",
            vec![
                menu.entry("nav-organizations", to("organizations"), P::ReadOrganizations),
                menu.entry("clients", to("clients"), P::ReadClients),
            ],
        ),
        menu.group(
            "nav-apis",
            "",
            vec![
                menu.entry("nav-resource-servers", to("resource-servers"), P::ReadResourceServers),
                menu.entry("nav-policies", to("policies"), P::ReadPolicies),
            ],
        ),
        menu.group(
            "nav-records",
            "",
            vec![
                menu.entry("nav-usage", to("usage"), P::ReadUsage),
                menu.entry("nav-audit", to("audit"), P::ReadAudit),
                menu.entry("nav-revocations", to("revocations"), P::ReadRevocations),
            ],
        ),
        menu.group(
            "nav-settings",
            "",
            vec![
                menu.entry("nav-realm-settings", to("settings"), P::ReadRealms),
                menu.entry("nav-signing-keys", to("signing-keys"), P::ReadSigningKeys),
                menu.entry("nav-operators", to("operators"), P::ReadOperators),
                // Operators of other realms reach none but their own.
                menu.entry("nav-realms", address::REALMS.to_owned(), P::ReadRealms)
                    .filter(|_| menu.visitor.person.realm().is_default()),
            ],
        ),
    ]
}
