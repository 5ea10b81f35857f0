//! One run of a command: the way to the API, where things are, and how answers are shown. The nouns say what to ask.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::Context as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use symbolon_core::clock::{Clock as _, SystemClock};
use symbolon_server::axum::http::Method;

use crate::manage::failure::{Done, Failure};
use crate::manage::options::{Options, Part};
use crate::manage::place::Meant;
use crate::manage::render::table::Table;
use crate::manage::render::value::Column;
use crate::manage::render::{Output, Paint, Screen, details};
use crate::manage::secrets::SecretFile;
use crate::manage::transport::{Answer, Asked, Local, Remote, Transport};

/// Items asked for at once.
const PAGE: u32 = 500;

/// What stands in a path segment as it is (RFC 3986 §2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A run.
pub struct Session {
    transport: Transport,
    realm: String,
    organization: Option<String>,
    knows_base: bool,
    output: Output,
    screen: Screen,
    yes: bool,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// The rows in which one thing of a list is shown.
type Rows = fn(&Value) -> Vec<Value>;

/// A path with the parameters that were given.
pub fn query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let given: Vec<String> =
        given.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, SEGMENT))).collect();
    if given.is_empty() { path.to_owned() } else { format!("{path}?{}", given.join("&")) }
}

impl Session {
    /// Finds the way. Over HTTP nothing is sent yet.
    pub async fn open(options: Options) -> Result<Self, Failure> {
        let Options { place, realm, organization, output, yes } = options;
        let mut knows_base = true;
        let (transport, usual_realm, usual_organization) = match place.find()? {
            Meant::Local(installation) => {
                knows_base = installation.knows_base();
                let local = Local::open(*installation).await?;
                let usual = local.default_realm().to_owned();
                (Transport::Local(Box::new(local)), Some(usual), None)
            }
            Meant::Remote(name, profile) => {
                let usual = (profile.realm.clone(), profile.organization.clone());
                (Transport::Remote(Box::new(Remote::new(name, *profile)?)), usual.0, usual.1)
            }
        };
        Ok(Self {
            transport,
            realm: realm.or(usual_realm).unwrap_or_else(|| "default".to_owned()),
            organization: organization.or(usual_organization),
            knows_base,
            output,
            screen: Screen::find(),
            yes,
        })
    }

    /// Over an open way, for commands that choose it themselves.
    pub fn over(transport: Transport, realm: String) -> Self {
        let (output, screen) = (Output::Table, Screen::find());
        Self { transport, realm, organization: None, knows_base: true, output, screen, yes: false }
    }

    /// Ends in good order.
    pub async fn close(self) {
        self.transport.close().await;
    }

    /// The realm that the command is about.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// A place in the realm.
    pub fn in_realm(&self, segments: &[&str]) -> Result<String, Failure> {
        path(["realms", &self.realm].iter().chain(segments))
    }

    /// A place in the organization.
    pub fn in_organization(&self, segments: &[&str]) -> Result<String, Failure> {
        let Some(organization) = &self.organization else {
            return Err(Failure::usage(
                "of which organization? Say --organization ID (`symbolon organization list` shows them)",
            ));
        };
        self.in_realm(&[&["organizations", organization], segments].concat())
    }

    /// Whether an organization is known.
    pub const fn has_organization(&self) -> bool {
        self.organization.is_some()
    }

    /// Refuses where the installation's public address is only guessed: a link to it would lead nowhere.
    pub fn check_base(&self) -> Done {
        if self.knows_base {
            return Ok(());
        }
        Err(Failure::usage(
            "the link leads to the installation's public address, which is not known here: say --base-url (such as \
             https://auth.example.com), or --config with the server's configuration",
        ))
    }

    /// Asks the API; a problem is a failure.
    pub async fn ask(&mut self, asked: Asked) -> Result<Answer, Failure> {
        self.transport.ask(&asked).await
    }

    /// Asks for a thing, or for a change of it, and shows what is answered.
    pub async fn tell(&mut self, asked: Asked) -> Done {
        let answer = self.ask(asked).await?;
        match self.output {
            Output::Json => self.screen.write(&ended(&answer.text)),
            Output::Table => self.details(&read(&answer.text)?),
        }
    }

    /// Shows a thing in full.
    pub fn details(&self, thing: &Value) -> Done {
        self.screen.write(&details::render(thing, &self.screen, SystemClock.now()))
    }

    /// Shows one thing.
    pub async fn show(&mut self, path: String) -> Done {
        self.tell(Asked::new(Method::GET, path)).await
    }

    /// Shows the things of several lists in full, each under its heading.
    pub async fn show_groups(&mut self, path: String, groups: &[(&str, &str)]) -> Done {
        let answer = self.ask(Asked::new(Method::GET, path)).await?;
        if self.output == Output::Json {
            return self.screen.write(&ended(&answer.text));
        }
        let all = read(&answer.text)?;
        for (name, heading) in groups {
            for thing in all.get(name).and_then(Value::as_array).into_iter().flatten() {
                self.screen.write(&format!("{}\n", self.screen.paint(Paint::Heading, heading)))?;
                self.details(thing)?;
            }
        }
        Ok(())
    }

    /// Makes a thing and shows it.
    pub async fn create(&mut self, path: String, body: Value) -> Done {
        self.tell(Asked { body: Some(body), ..Asked::new(Method::POST, path) }).await
    }

    /// Makes a thing, and shows nothing yet.
    pub async fn make(&mut self, path: String, body: Value) -> Result<Value, Failure> {
        read(&self.ask(Asked { body: Some(body), ..Asked::new(Method::POST, path) }).await?.text)
    }

    /// Changes a thing by a merge patch and shows it.
    pub async fn update(&mut self, path: String, changes: Value, if_version: Option<i64>) -> Done {
        self.tell(Asked { body: Some(changes), if_version, ..Asked::new(Method::PATCH, path) }).await
    }

    /// Switches a thing on.
    pub async fn enable(&mut self, path: String) -> Done {
        self.update(path, json!({"status": "active"}), None).await
    }

    /// Switches a thing off, if that is meant: its tokens die.
    pub async fn disable(&mut self, path: String, what: &str) -> Done {
        self.confirm(&format!("Switch off {what}? All its tokens are dead at once."))?;
        self.update(path, json!({"status": "disabled"}), None).await
    }

    /// Does something that answers nothing, and says that it is done.
    pub async fn perform(&mut self, asked: Asked, done: &str) -> Done {
        let answer = self.ask(asked).await?;
        match self.output {
            Output::Json => self.screen.write(&ended(&answer.text)),
            Output::Table => self.screen.write(&format!("{done}\n")),
        }
    }

    /// Deletes a thing, if that is meant.
    pub async fn delete(&mut self, path: String, what: &str, effect: &str) -> Done {
        self.confirm(&format!("Delete {what}? {effect}"))?;
        self.perform(Asked::new(Method::DELETE, path), &format!("Deleted {what}.")).await
    }

    /// Asks for something that answers with a list, and shows it.
    pub async fn tell_list(&mut self, asked: Asked, columns: &[Column]) -> Done {
        let answer = self.ask(asked).await?;
        match self.output {
            Output::Json => self.screen.write(&ended(&answer.text)),
            Output::Table => {
                let page: Page = parse(&answer.text)?;
                let mut table = table(columns);
                self.write_rows(&mut table, (columns, |thing| vec![thing.clone()]), &page.items)
            }
        }
    }

    /// Shows a thing that was put together here.
    pub fn tell_thing(&self, thing: &Value) -> Done {
        match self.output {
            Output::Json => self.screen.write(&ended(&thing.to_string())),
            Output::Table => self.details(thing),
        }
    }

    /// Shows things that were put together here; for programs as a whole, for people with a word before them.
    pub fn tell_items(&self, whole: &Value, told: &str, (columns, items): (&[Column], &[Value])) -> Done {
        if self.output == Output::Json {
            return self.screen.write(&ended(&whole.to_string()));
        }
        self.screen.write(&format!("{told}\n"))?;
        if items.is_empty() {
            return Ok(());
        }
        let mut table = table(columns);
        for item in items {
            table.row(columns.iter().map(|column| column.cell(item)).collect());
        }
        self.screen.write(&table.render(&self.screen))
    }

    /// Shows a list, page by page as it arrives.
    pub async fn list(&mut self, path: &str, columns: &[Column], part: Part) -> Done {
        self.list_rows(path, columns, part, |thing| vec![thing.clone()]).await
    }

    /// The same where each thing is shown in rows of its own.
    pub async fn list_rows(&mut self, path: &str, columns: &[Column], part: Part, rows: Rows) -> Done {
        let mut left = part.limit;
        let mut cursor = part.cursor;
        let mut count = 0;
        let mut table = table(columns);
        if self.output == Output::Json {
            self.screen.write("{\"items\":[")?;
        }
        let next = loop {
            let limit = left.map_or(PAGE, |left| left.min(PAGE));
            let sign = if path.contains('?') { '&' } else { '?' };
            let mut place = format!("{path}{sign}limit={limit}");
            if let Some(cursor) = &cursor {
                place.push_str("&cursor=");
                place.extend(utf8_percent_encode(cursor, SEGMENT));
            }
            let answer = self.ask(Asked::new(Method::GET, place)).await?;
            let mut page: Page = parse(&answer.text)?;
            // Short lists come whole, whatever was asked for.
            page.items.truncate(left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX)));
            match self.output {
                Output::Json => self.write_items(&page.items, count > 0)?,
                Output::Table => self.write_rows(&mut table, (columns, rows), &page.items)?,
            }
            count += page.items.len();
            left = left.map(|left| left.saturating_sub(u32::try_from(page.items.len()).unwrap_or(u32::MAX)));
            cursor = page.next;
            if cursor.is_none() || left == Some(0) {
                break cursor;
            }
        };
        match (self.output, next) {
            (Output::Json, None) => self.screen.write("]}\n"),
            (Output::Json, Some(next)) => self.screen.write(&format!("],\"next\":{}}}\n", json!(next))),
            (Output::Table, None) => Ok(()),
            (Output::Table, Some(next)) => {
                eprintln!("More follow: repeat it with --cursor {next}");
                Ok(())
            }
        }
    }

    fn write_items(&self, items: &[Box<RawValue>], mut continues: bool) -> Done {
        let mut text = String::new();
        for item in items {
            text.push_str(if continues { ",\n" } else { "\n" });
            text.push_str(item.get());
            continues = true;
        }
        self.screen.write(&text)
    }

    fn write_rows(
        &self,
        table: &mut Table,
        (columns, rows): (&[Column], Rows),
        items: &[Box<RawValue>],
    ) -> Done {
        for item in items {
            for row in rows(&read(item.get())?) {
                table.row(columns.iter().map(|column| column.cell(&row)).collect());
            }
        }
        self.screen.write(&table.render(&self.screen))
    }

    /// Makes something that has a secret. It is in this one answer: it goes into the file, or is shown this once.
    pub async fn create_secret(&mut self, path: String, body: Option<Value>, file: Option<&Path>) -> Done {
        let file = file.map(SecretFile::make).transpose()?;
        let asked = Asked { body, ..Asked::new(Method::POST, path) };
        let answer = match self.ask(asked).await {
            Ok(answer) => answer,
            Err(failure) => {
                if let Some(file) = file {
                    file.discard();
                }
                return Err(failure);
            }
        };
        let mut thing = read(&answer.text)?;
        let holder =
            if thing.get("secret").is_some() { Some(&mut thing) } else { thing.get_mut("access_key") };
        let holder = holder.and_then(Value::as_object_mut).filter(|holder| holder.contains_key("secret"));
        match (holder, file) {
            (Some(holder), Some(file)) => {
                if let Some(Value::String(secret)) = holder.remove("secret") {
                    file.write(&secret)?;
                }
                self.tell_made(&thing, &thing.to_string())
            }
            (Some(_), None) => {
                self.tell_made(&thing, &answer.text)?;
                eprintln!(
                    "The secret is shown this once and kept nowhere: put it where only its owner can read it."
                );
                Ok(())
            }
            (None, file) => {
                if let Some(file) = file {
                    file.discard();
                }
                self.tell_made(&thing, &answer.text)
            }
        }
    }

    fn tell_made(&self, thing: &Value, text: &str) -> Done {
        if self.output == Output::Json {
            return self.screen.write(&ended(text));
        }
        // A client's first key stands beside it, rather than as a thing within it.
        let mut thing = thing.clone();
        if let Some(object) = thing.as_object_mut()
            && let Some(Value::Object(mut key)) = object.remove("access_key")
        {
            object.extend(key.remove("id").map(|id| ("access_key".to_owned(), id)));
            object.extend(key.remove_entry("secret"));
        }
        self.details(&thing)
    }

    /// Goes on only if whoever sits at the terminal means it, or `--yes` said so.
    pub fn confirm(&self, question: &str) -> Done {
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Failure::usage(format!(
                "{question} Nobody is here to ask: say --yes if that is meant"
            )));
        }
        eprint!("{question} [y/N] ");
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).context("the answer")?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Failure::Declined),
        }
    }
}

fn table(columns: &[Column]) -> Table {
    Table::new(&columns.iter().map(|column| (column.title, column.is_flexible())).collect::<Vec<_>>())
}

/// What the API answered, with the line ended; an empty answer stays empty.
fn ended(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

fn read(text: &str) -> Result<Value, Failure> {
    parse(text)
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Failure> {
    let read = serde_json::from_str(text);
    // The error's own text could show a part of the answer.
    read.map_err(|_| {
        Failure::Unreachable("the answer is not one of Symbolon's: check the address".to_owned())
    })
}

/// A path of the API. Segments that an address cannot carry are no ids.
pub fn path<'a>(segments: impl IntoIterator<Item = &'a &'a str>) -> Result<String, Failure> {
    let mut path = "/api/v1".to_owned();
    for segment in segments {
        if matches!(*segment, "" | "." | "..") {
            return Err(Failure::usage(format!("{segment:?} is no id")));
        }
        path.push('/');
        path.extend(utf8_percent_encode(segment, SEGMENT));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment_of_its_path() {
        let made = path(&["realms", "a/b", "resource-servers", "https://api.example/?x#y"]).unwrap();
        assert_eq!(made, "/api/v1/realms/a%2Fb/resource-servers/https%3A%2F%2Fapi.example%2F%3Fx%23y");
        for bad in ["", ".", ".."] {
            assert!(path(&["realms", bad]).is_err());
        }
    }
}
