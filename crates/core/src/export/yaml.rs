//! The items of an export, written one after the other as the file that `apply` reads.

use std::fmt::Write as _;

use serde::Serialize;

use super::{Item, Thing};

/// An item could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("an item cannot be written as YAML")]
pub struct NotYaml;

/// Writes items as one description. It remembers nothing but which list the last one stood in.
#[derive(Debug, Default)]
pub struct YamlWriter {
    list: &'static str,
    /// Whether the head of the whole is written, and below it the head of the realm's customers.
    begun: bool,
}

impl YamlWriter {
    /// The text of the next item, to be written after those before it. An item of an organization alone, without its
    /// realm before it, has no place in a description.
    pub fn item(&mut self, item: &Item) -> Result<String, NotYaml> {
        let mut text = String::new();
        if !self.begun {
            text.push_str("realms:\n");
            self.begun = true;
        }
        match &item.thing {
            Thing::Realm(realm) => {
                self.list = "";
                add(&mut text, 2, realm)?;
            }
            Thing::ResourceServer(server) => {
                self.head(&mut text, 4, "resource_servers");
                add(&mut text, 6, server)?;
            }
            Thing::Policy(policy) => {
                self.head(&mut text, 4, "policies");
                add(&mut text, 6, policy)?;
            }
            Thing::Operator(operator) => {
                self.head(&mut text, 4, "operators");
                add(&mut text, 6, operator)?;
            }
            Thing::Organization(organization) => {
                if !IN_ORGANIZATIONS.contains(&self.list) {
                    self.head(&mut text, 4, "organizations");
                }
                self.list = "organizations";
                add(&mut text, 6, organization)?;
            }
            Thing::Licence(licence) => {
                self.head(&mut text, 8, "licences");
                add(&mut text, 10, licence)?;
            }
            Thing::Client(client) => {
                self.head(&mut text, 8, "clients");
                add(&mut text, 10, client)?;
            }
            Thing::User(user) => {
                self.head(&mut text, 8, "users");
                add(&mut text, 10, user)?;
            }
        }
        Ok(text)
    }

    /// What comes after the last item.
    pub fn end(&self) -> &'static str {
        if self.begun { "" } else { "realms: []\n" }
    }

    fn head(&mut self, text: &mut String, indent: usize, list: &'static str) {
        if self.list != list {
            let _ = writeln!(text, "{:indent$}{list}:", "");
            self.list = list;
        }
    }
}

/// The lists in which a further organization can follow without a head of its own.
const IN_ORGANIZATIONS: [&str; 4] = ["organizations", "licences", "clients", "users"];

/// Adds one element of a list.
fn add<T: Serialize>(text: &mut String, indent: usize, thing: &T) -> Result<(), NotYaml> {
    let element = serde_saphyr::to_string(&[thing]).map_err(|_| NotYaml)?;
    for line in element.lines() {
        let _ = if line.is_empty() { writeln!(text) } else { writeln!(text, "{:indent$}{line}", "") };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::apply::description::{
        ClientDescription, Description, OrganizationDescription, RealmDescription,
    };
    use crate::client::ClientSettings;
    use crate::id::{OrganizationId, RealmId};
    use crate::realm::RealmSettings;

    fn written(things: impl IntoIterator<Item = Thing>) -> String {
        let mut writer = YamlWriter::default();
        let realm = RealmId::new("r").unwrap();
        let item = |thing| Item { realm: realm.clone(), organization: None, thing };
        let text: String = things.into_iter().map(|thing| writer.item(&item(thing)).unwrap()).collect();
        format!("{text}{}", writer.end())
    }

    fn realm(id: &str) -> Thing {
        Thing::Realm(RealmDescription {
            id: RealmId::new(id).unwrap(),
            status: None,
            settings: Some(RealmSettings::default()),
            resource_servers: Vec::new(),
            policies: Vec::new(),
            organizations: Vec::new(),
            operators: Vec::new(),
        })
    }

    fn organization(id: &str, name: &str) -> Thing {
        Thing::Organization(OrganizationDescription {
            id: OrganizationId::new(id).unwrap(),
            name: Some(name.to_owned()),
            status: None,
            metadata: Some([(name.to_owned(), name.to_owned())].into()),
            licences: Vec::new(),
            clients: Vec::new(),
            users: Vec::new(),
        })
    }

    fn client(id: &str) -> Thing {
        Thing::Client(ClientDescription {
            id: crate::id::ClientId::new(id).unwrap(),
            status: None,
            settings: Some(ClientSettings::default()),
            access_keys: Vec::new(),
        })
    }

    #[test]
    fn each_thing_stands_where_it_belongs() {
        let things = [
            realm("a"),
            organization("one", "One"),
            client("c1"),
            client("c2"),
            organization("two", "Two"),
            client("c3"),
            realm("b"),
            organization("one", "One"),
            client("c1"),
        ];
        let read = Description::parse(&written(things)).unwrap();
        let shape: Vec<String> = read
            .realms
            .iter()
            .flat_map(|realm| realm.organizations.iter().map(move |organization| (realm, organization)))
            .map(|(realm, organization)| {
                let clients: Vec<&str> =
                    organization.clients.iter().map(|client| client.id.as_str()).collect();
                format!("{}/{}: {}", realm.id, organization.id, clients.join(" "))
            })
            .collect();
        assert_eq!(shape, ["a/one: c1 c2", "a/two: c3", "b/one: c1"]);
        assert!(Description::parse(&written([])).unwrap().realms.is_empty());
    }

    fn comes_back(text: &str) {
        let yaml = written([realm("a"), organization("one", text)]);
        let read = Description::parse(&yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        let found = &read.realms[0].organizations[0];
        assert_eq!(found.name.as_deref(), Some(text), "{yaml}");
        let metadata = found.metadata.as_ref().unwrap();
        assert_eq!(metadata.get(text).map(String::as_str), Some(text), "{yaml}");
    }

    #[test]
    fn texts_that_look_like_something_else_come_back_as_they_were() {
        for text in [
            "",
            " ",
            "yes",
            "no",
            "null",
            "~",
            "1",
            "1.0",
            "0x1f",
            "2026-01-01",
            "- a",
            "a: b",
            "#",
            "a #b",
            "|",
            ">-",
            "&a",
            "*a",
            "!t",
            "%d",
            "@a",
            "`a",
            "{a}",
            "[a",
            "'",
            "\"",
            "a\nb",
            "a\n\n  b\n",
            "\n",
            "a\r\nb",
            "\t",
            "a ",
            " a",
            "\u{85}",
            "\u{2028}",
            "\u{feff}",
            "\u{0}",
            "---",
            "...",
            "🚜",
        ] {
            comes_back(text);
        }
        comes_back(&"word ".repeat(100));
        comes_back(&format!("{}\n{}", "x ".repeat(200), "y".repeat(300)));
    }

    proptest! {
        #[test]
        fn any_text_comes_back_as_it_was(text in any::<String>(), lines in "[ a-c:#'\"\\-\n\t|>]{0,60}") {
            comes_back(&text);
            comes_back(&lines);
        }
    }
}
