//! What a change changed: the members of a thing before and after, those alone that differ.

use serde_json::Value;

/// The longest value that is shown, in characters.
const LONGEST: usize = 500;
/// More lines are not shown, but counted.
const MOST: usize = 200;

/// A member that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where it stands: `settings.scopes`.
    pub(super) member: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// The members that differ, in the order of their names, and how many more there are.
pub(super) fn differences(before: Option<&Value>, after: Option<&Value>) -> (Vec<Difference>, usize) {
    let mut found = Vec::new();
    compare(&mut found, String::new(), before, after);
    let more = found.len().saturating_sub(MOST);
    found.truncate(MOST);
    (found, more)
}

fn compare(found: &mut Vec<Difference>, member: String, before: Option<&Value>, after: Option<&Value>) {
    if before == after {
        return;
    }
    let members = |value: Option<&Value>| match value {
        Some(Value::Object(members)) => Some(members.clone()),
        None => Some(serde_json::Map::new()),
        Some(_) => None,
    };
    if let (Some(old), Some(new)) = (members(before), members(after))
        && !(old.is_empty() && new.is_empty())
    {
        let mut names: Vec<&String> =
            old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))).collect();
        names.sort();
        for name in names {
            let below = if member.is_empty() { name.clone() } else { format!("{member}.{name}") };
            compare(found, below, old.get(name), new.get(name));
        }
        return;
    }
    found.push(Difference { member, before: before.map(shown), after: after.map(shown) });
}

/// A value as people read it: texts without quotes, lists of texts by their members.
fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(before: &Value, after: &Value) -> Vec<(String, Option<String>, Option<String>)> {
        let (found, more) = differences(Some(before), Some(after));
        assert_eq!(more, 0);
        found.into_iter().map(|one| (one.member, one.before, one.after)).collect()
    }

    #[test]
    fn only_what_differs_is_shown_wherever_it_stands() {
        let before =
            json!({"version": 1, "status": "active", "settings": {"name": "A", "scopes": ["a", "b"]}});
        let after =
            json!({"version": 2, "status": "active", "settings": {"name": "A", "scopes": ["a"], "x": true}});
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            lines(&before, &after),
            [
                ("settings.scopes".to_owned(), text("a, b"), text("a")),
                ("settings.x".to_owned(), None, text("true")),
                ("version".to_owned(), text("1"), text("2")),
            ]
        );
    }

    #[test]
    fn what_was_made_or_deleted_is_shown_whole() {
        let thing = json!({"id": "x", "settings": {"name": ""}, "list": [{"a": 1}], "none": null});
        let (made, _) = differences(None, Some(&thing));
        let members: Vec<_> = made.iter().map(|one| one.member.as_str()).collect();
        assert_eq!(members, ["id", "list", "none", "settings.name"]);
        assert!(made.iter().all(|one| one.before.is_none() && one.after.is_some()));
        let (gone, _) = differences(Some(&thing), None);
        assert!(gone.iter().all(|one| one.after.is_none() && one.before.is_some()));
        assert_eq!(differences(None, None).0, []);
        assert_eq!(differences(Some(&thing), Some(&thing)).0, []);
    }

    #[test]
    fn a_change_of_many_members_is_cut_and_says_so() {
        let many: serde_json::Map<_, _> =
            (0..MOST + 7).map(|n| (format!("m{n:04}"), json!("x".repeat(LONGEST * 2)))).collect();
        let (found, more) = differences(None, Some(&Value::Object(many)));
        assert_eq!((found.len(), more), (MOST, 7));
        assert_eq!(found[0].after.as_ref().unwrap().chars().count(), LONGEST + 1);
    }
}
