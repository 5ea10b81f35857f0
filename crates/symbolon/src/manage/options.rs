//! The options that commands share: where they go and as whom, what a new thing is made of, which part of a list.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::manage::failure::Failure;
use crate::manage::place::Place;
use crate::manage::render::Output;
use crate::manage::session::query;

/// Where a command goes, as whom, and how it shows what it got.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where, and how")]
pub struct Options {
    /// The realm; the profile's where none is named, or else the default one.
    #[arg(long, value_name = "REALM", global = true, value_parser = NonEmptyStringValueParser::new())]
    pub realm: Option<String>,
    /// The organization; the profile's where none is named.
    #[arg(long, value_name = "ID", global = true, value_parser = NonEmptyStringValueParser::new())]
    pub organization: Option<String>,
    /// Tables for people, or what the API answered.
    #[arg(long, value_enum, value_name = "FORM", default_value = "table", global = true)]
    pub output: Output,
    /// Do not ask before what cannot be taken back.
    #[arg(long, short, global = true)]
    pub yes: bool,
    /// The installation.
    #[command(flatten)]
    pub place: Place,
}

/// Which part of a list.
#[derive(Debug, Args)]
pub struct Part {
    /// At most so many; all of them where it is left out.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// Continue where a list with --limit ended.
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

/// Which things of a list that can be searched, and in which order.
#[derive(Debug, Args)]
pub struct Sorted {
    /// Only those of this status: active or disabled.
    #[arg(long, value_name = "STATUS")]
    pub status: Option<String>,
    /// Only those whose id or name (of people, email) begins so, without regard to case.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    pub prefix: Option<String>,
    /// The order: name (of people, email), created or status, and of people role; after a `-`, the last comes first.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub sort: Option<String>,
    /// Which part.
    #[command(flatten)]
    pub part: Part,
}

impl Sorted {
    /// Those things of the list below this path, in that order.
    pub fn below(&self, path: &str) -> String {
        let Self { status, prefix, sort, .. } = self;
        query(path, &[("status", status.clone()), ("prefix", prefix.clone()), ("sort", sort.clone())])
    }
}

/// One thing, by its id.
#[derive(Debug, Args)]
pub struct One {
    /// Its id.
    #[arg(value_name = "ID")]
    pub id: String,
}

/// What has no flag of its own.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Everything else")]
pub struct Contents {
    /// A member of the API's body: --set settings.lifetime=600. The value is JSON where it can be read so, else text;
    /// null removes.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// The API's body, as JSON, or @FILE with it; flags and --set go over it.
    #[arg(long, value_name = "JSON|@FILE")]
    pub json: Option<String>,
}

/// Which version is meant.
#[derive(Debug, Args)]
pub struct Expected {
    /// Change it only if this is its version, as `show` tells it.
    #[arg(long, value_name = "VERSION")]
    pub if_version: Option<i64>,
}

/// The body of a request in the making.
pub struct Body {
    value: Map<String, Value>,
    set: Vec<(Vec<String>, Value)>,
}

impl Body {
    /// From what was given without a flag of its own.
    pub fn of(contents: Contents) -> Result<Self, Failure> {
        let mut value = Map::new();
        if let Some(given) = contents.json {
            let from_file = given.strip_prefix('@').map(|path| {
                std::fs::read_to_string(path)
                    .map_err(|error| Failure::usage(format!("--json @{path}: {error}")))
            });
            let is_argument = from_file.is_none();
            let text = from_file.unwrap_or(Ok(given))?;
            // The value itself may be a secret: only the place of the mistake is told.
            let read: Value = serde_json::from_str(&text).map_err(|error| {
                Failure::usage(format!(
                    "--json cannot be read as JSON (line {}, column {})",
                    error.line(),
                    error.column()
                ))
            })?;
            let Value::Object(object) = read else {
                return Err(Failure::usage("--json is an object: {\"name\": …}"));
            };
            if is_argument && object.contains_key("password") {
                return Err(password_in_argument());
            }
            value = object;
        }
        let mut set = Vec::new();
        for given in contents.set {
            let (path, text) = given
                .split_once('=')
                .filter(|(path, _)| !path.is_empty() && path.split('.').all(|part| !part.is_empty()))
                .ok_or_else(|| Failure::usage("--set wants PATH=VALUE, such as settings.lifetime=600"))?;
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            if path.first().is_some_and(|first| first == "password") {
                return Err(password_in_argument());
            }
            let read = serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
            set.push((path, read));
        }
        Ok(Self { value, set })
    }

    /// Puts what a flag gave, if it was given.
    pub fn put(&mut self, path: &[&str], given: Option<impl Serialize>) -> Result<&mut Self, Failure> {
        if let Some(given) = given {
            let value = serde_json::to_value(given).map_err(|error| Failure::usage(error.to_string()))?;
            let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
            place(&mut self.value, &path, value);
        }
        Ok(self)
    }

    /// Puts what a flag gave that may come several times, if it came.
    pub fn put_all(&mut self, path: &[&str], given: Vec<impl Serialize>) -> Result<&mut Self, Failure> {
        let given = (!given.is_empty()).then_some(given);
        self.put(path, given)
    }

    /// The body.
    pub fn finish(mut self) -> Value {
        for (path, value) in self.set {
            place(&mut self.value, &path, value);
        }
        Value::Object(self.value)
    }

    /// The body of a change, which has to change something.
    pub fn finish_change(self) -> Result<Value, Failure> {
        match self.finish() {
            Value::Object(object) if object.is_empty() => {
                Err(Failure::usage("nothing to change was said: give a flag, --set or --json (see --help)"))
            }
            value => Ok(value),
        }
    }
}

fn password_in_argument() -> Failure {
    Failure::usage(
        "a password is never an argument, where other users of the machine could read it: use --password-file, or \
         --json @FILE",
    )
}

fn place(object: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            object.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let member = object.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !member.is_object() {
                *member = Value::Object(Map::new());
            }
            if let Some(inner) = member.as_object_mut() {
                place(inner, rest, value);
            }
        }
    }
}

/// Scopes at an audience, as `--grant` takes them.
#[derive(Clone, Debug, Serialize)]
pub struct GrantText {
    audience: String,
    scopes: Vec<String>,
}

impl std::str::FromStr for GrantText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (audience, scopes) = text.rsplit_once('=').ok_or("write AUDIENCE=SCOPE,SCOPE")?;
        let scopes = scopes.split([',', ' ']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect();
        Ok(Self { audience: audience.to_owned(), scopes })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contents(set: &[&str], json: Option<&str>) -> Contents {
        Contents { set: set.iter().map(|text| (*text).to_owned()).collect(), json: json.map(str::to_owned) }
    }

    #[test]
    fn set_goes_over_flags_and_those_over_json() {
        let given = contents(
            &["settings.lifetime=600", "settings.name=Plain text", "settings.default_audience=null"],
            Some(r#"{"settings": {"lifetime": 1, "name": "a", "policies": ["p"]}, "status": "active"}"#),
        );
        let mut body = Body::of(given).unwrap();
        body.put(&["settings", "name"], Some("flag")).unwrap();
        body.put(&["status"], Some("disabled")).unwrap().put(&["id"], None::<&str>).unwrap();
        assert_eq!(
            body.finish(),
            json!({"status": "disabled", "settings": {"lifetime": 600, "name": "Plain text",
                "default_audience": null, "policies": ["p"]}})
        );
    }

    #[test]
    fn a_password_is_not_taken_from_an_argument_and_no_mistake_shows_it() {
        for (set, json) in [
            (vec!["password=canary"], None),
            (vec![], Some(r#"{"password": "canary"}"#)),
            (vec![], Some(r#"{"password": "canary"#)),
        ] {
            let failure = Body::of(contents(&set, json)).err().unwrap();
            assert!(!failure.to_string().contains("canary"), "{failure}");
        }
    }

    #[test]
    fn a_change_of_nothing_is_a_mistake() {
        assert!(Body::of(Contents::default()).unwrap().finish_change().is_err());
    }

    #[test]
    fn grants_are_read_with_the_audience_as_it_is() {
        let grant: GrantText = "https://api.example/?v=1=read:a,write:a".parse().unwrap();
        assert_eq!(
            serde_json::to_value(grant).unwrap(),
            json!({"audience": "https://api.example/?v=1", "scopes": ["read:a", "write:a"]})
        );
        assert!("https://api.example".parse::<GrantText>().is_err());
    }
}
