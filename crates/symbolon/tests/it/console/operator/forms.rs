//! Forms as a browser would send them: with everything that stands in them.

use super::super::browser::{Browser, Desk, Who};
use crate::support::Answer;

/// The fields of a page's form.
#[derive(Clone, Debug)]
pub(super) struct Filled(Vec<(String, String)>);

impl Filled {
    /// Those of the first form of a page that changes something.
    pub(super) fn of(page: &Answer) -> Self {
        let main = page.text.split("<main").nth(1).unwrap();
        let form = main.split("<form").find(|form| form.contains("method=\"post\"")).unwrap();
        let mut fields: Vec<(String, String)> = Vec::new();
        let mut is_first = false;
        for tag in form.split("</form>").next().unwrap().split('<').skip(1) {
            let Some((head, text)) = tag.split_once('>') else { continue };
            let attribute = |name: &str| {
                let rest = head.split(&format!(" {name}=\"")).nth(1)?;
                Some(plain(rest.split('"').next().unwrap()))
            };
            let name = attribute("name").unwrap_or_default();
            match head.split_whitespace().next().unwrap_or_default() {
                "input" if attribute("type").as_deref() == Some("checkbox") => {
                    fields.extend(head.contains(" checked").then(|| (name, "on".to_owned())));
                }
                "input" => fields.push((name, attribute("value").unwrap_or_default())),
                "textarea" => {
                    fields.push((name, plain(text.strip_prefix('\n').unwrap_or(text))));
                }
                "select" => {
                    fields.push((name, String::new()));
                    is_first = true;
                }
                "option" if is_first || head.ends_with(" selected") => {
                    fields.last_mut().unwrap().1 = attribute("value").unwrap_or_default();
                    is_first = false;
                }
                _ => {}
            }
        }
        Self(fields)
    }

    /// With something entered in a field; in a field of rows, in its first empty one.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        let rows = self.0.iter().filter(|(other, _)| other == name).count();
        let empty = |(other, old): &&mut (String, String)| other == name && (rows == 1 || old.is_empty());
        match self.0.iter_mut().find(empty) {
            Some(field) => value.clone_into(&mut field.1),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Without a field, as with a checkbox that is not set.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.0.retain(|(other, _)| other != name);
        self
    }

    /// The value of a field.
    pub(super) fn value(&self, name: &str) -> &str {
        &self.0.iter().find(|(other, _)| other == name).unwrap().1
    }

    /// All fields, as they are sent.
    pub(super) fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// Text without HTML's escapes.
pub(in crate::console) fn plain(text: &str) -> String {
    let text = text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">");
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

/// The form of a page, as it stands there.
pub(super) async fn form(browser: &mut Browser<'_>, path: &str) -> Filled {
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    Filled::of(&page)
}

/// Sends a form that must be taken, and says where it leads to.
#[track_caller]
fn led_to(path: &str, answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{path}: {}", answer.text);
    answer.header("location").to_owned()
}

/// Sends the form of a page with some fields changed; it must be taken. Says where it leads to.
pub(super) async fn save(browser: &mut Browser<'_>, path: &str, fields: &[(&str, &str)]) -> String {
    let mut filled = form(browser, path).await;
    for (name, value) in fields {
        filled = filled.with(name, value);
    }
    let answer = browser.post(path, &filled.pairs()).await;
    led_to(path, &answer)
}

/// Sends the form of a page that asks before something is done.
pub(super) async fn confirm(browser: &mut Browser<'_>, path: &str) -> String {
    let filled = form(browser, path).await;
    let answer = browser.post(path.split('?').next().unwrap(), &filled.pairs()).await;
    led_to(path, &answer)
}

/// The owner, signed in.
pub(super) async fn owner(desk: &Desk) -> Browser<'_> {
    Browser::signed_in(desk, Who::Owner).await
}

/// Pages of the default realm.
pub(super) fn at(page: &str) -> String {
    format!("/console/realms/default{page}")
}

/// Pages of the API of METI.
pub(super) const METI: &str = "/resource-servers/https%3A%2F%2Fapi.meti.io";
