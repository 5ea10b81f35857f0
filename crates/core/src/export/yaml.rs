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
