//! Ready-made requests for a token, in the shape that the realm's clients know: what to send, where, and how.
//!
//! The secret stands in none of them: they read it from the environment variable `CLIENT_SECRET`.

use symbolon_core::access_key::{AccessKey, KeyStatus};
use symbolon_core::client::Client;
use symbolon_core::realm::Compatibility;
use symbolon_core::realm_view::RealmView;

use crate::endpoints::Endpoints;

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A form with everything in it.
    Form,
    /// JSON with everything in it.
    Json,
    /// HTTP Basic, and the grant type as JSON.
    Basic,
}

/// A request for a token of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Example {
    pub(super) endpoint: String,
    pub(super) shape: Shape,
    /// The client id, or with Basic the id of an access key.
    pub(super) id: String,
    /// What stands beside the grant type and the credentials.
    pub(super) audience: Option<String>,
}

/// A text within quotes, in JSON, Python, JavaScript and Rust alike: ids and audiences are printable ASCII.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text as one word of a shell.
fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

impl Example {
    /// The request of a client as its realm's clients send it.
    pub(super) fn of(view: &RealmView, client: &Client, keys: &[AccessKey]) -> Self {
        let settings = &view.realm().settings;
        let own = client.settings.default_audience.as_deref().map(str::to_owned);
        let audience = own.or_else(|| client.settings.grants.first().map(|grant| grant.audience.clone()));
        let (shape, audience) = match settings.compatibility {
            Compatibility::Default => (Shape::Form, audience.or_else(|| settings.default_audience.clone())),
            Compatibility::Auth0 => (Shape::Json, audience.or_else(|| settings.default_audience.clone())),
            // These clients ask for no audience: they get the client's, or the realm's.
            Compatibility::Keycloak => (Shape::Form, None),
            Compatibility::M3ter => (Shape::Basic, None),
        };
        let key = keys.iter().find(|key| key.status == KeyStatus::Active).map(|key| key.id.to_string());
        let id = key.filter(|_| shape == Shape::Basic).unwrap_or_else(|| client.id.to_string());
        Self { endpoint: Endpoints::of(view).token, shape, id, audience }
    }

    /// The names and values of the body; `None` is the secret.
    pub(super) fn body(&self) -> Vec<(&'static str, Option<&str>)> {
        let mut body = vec![("grant_type", Some("client_credentials"))];
        if self.shape != Shape::Basic {
            body.extend([("client_id", Some(self.id.as_str())), ("client_secret", None)]);
            body.extend(self.audience.as_deref().map(|audience| ("audience", Some(audience))));
        }
        body
    }

    pub(super) fn curl(&self) -> String {
        let mut lines = vec![format!("curl {}", shell(&self.endpoint))];
        match self.shape {
            Shape::Form => {
                for (name, value) in self.body() {
                    lines.push(match value {
                        Some(value) => format!("--data-urlencode {}", shell(&format!("{name}={value}"))),
                        None => format!("--data-urlencode \"{name}=$CLIENT_SECRET\""),
                    });
                }
            }
            Shape::Json | Shape::Basic => {
                if self.shape == Shape::Basic {
                    lines.push(format!("--user {}\"$CLIENT_SECRET\"", shell(&format!("{}:", self.id))));
                }
                lines.push("--header 'Content-Type: application/json'".to_owned());
                // The one place where a word of the shell is left for the secret; ids hold no NUL.
                let member = |(name, value): &(&str, Option<&str>)| {
                    let value = value.map_or_else(|| "\"\0\"".to_owned(), quoted);
                    format!("\"{name}\":{value}")
                };
                let members: Vec<String> = self.body().iter().map(member).collect();
                let data = shell(&format!("{{{}}}", members.join(",")));
                lines.push(format!("--data {}", data.replace('\0', "'\"$CLIENT_SECRET\"'")));
            }
        }
        lines.join(" \\\n  ")
    }

    /// The members of the body, one a line, in a language's own way of naming and of reading the secret.
    fn members(&self, indent: &str, secret: &str) -> String {
        let member = |(name, value): &(&str, Option<&str>)| {
            let value = value.map_or_else(|| secret.to_owned(), quoted);
            format!("{indent}\"{name}\": {value},\n")
        };
        self.body().iter().map(member).collect::<Vec<_>>().concat()
    }

    pub(super) fn python(&self) -> String {
        let secret = "os.environ[\"CLIENT_SECRET\"]";
        let argument = if self.shape == Shape::Form { "data" } else { "json" };
        let auth = match self.shape {
            Shape::Basic => format!("    auth=({}, {secret}),\n", quoted(&self.id)),
            Shape::Form | Shape::Json => String::new(),
        };
        format!(
            "import os\n\nimport requests\n\nanswer = requests.post(\n    {},\n{auth}    {argument}={{\n{}    }},\n    \
             timeout=10,\n)\nanswer.raise_for_status()\ntoken = answer.json()[\"access_token\"]\n",
            quoted(&self.endpoint),
            self.members("        ", secret),
        )
    }

    pub(super) fn node(&self) -> String {
        let secret = "process.env.CLIENT_SECRET";
        let (begin, end) = match self.shape {
            Shape::Form => ("new URLSearchParams({", "})"),
            Shape::Json | Shape::Basic => ("JSON.stringify({", "})"),
        };
        let kind = match self.shape {
            Shape::Form => "",
            Shape::Json | Shape::Basic => "    \"Content-Type\": \"application/json\",\n",
        };
        let basic = match self.shape {
            Shape::Basic => {
                let id = quoted(&format!("{}:", self.id));
                format!("    Authorization: `Basic ${{btoa({id} + {secret})}}`,\n")
            }
            Shape::Form | Shape::Json => String::new(),
        };
        format!(
            "const answer = await fetch({}, {{\n  method: \"POST\",\n  headers: {{\n{basic}{kind}  }},\n  body: \
             {begin}\n{}  {end},\n}});\nif (!answer.ok) throw new Error(await answer.text());\nconst {{ \
             access_token: token }} = await answer.json();\n",
            quoted(&self.endpoint),
            self.members("    ", secret),
        )
    }

    pub(super) fn rust(&self) -> String {
        let secret = "secret";
        let basic = match self.shape {
            Shape::Basic => format!("        .basic_auth({}, Some(secret))\n", quoted(&self.id)),
            Shape::Form | Shape::Json => String::new(),
        };
        let body = if self.shape == Shape::Form {
            let pair = |(name, value): &(&str, Option<&str>)| {
                let value = value.map_or_else(|| format!("{secret}.as_str()"), quoted);
                format!("            (\"{name}\", {value}),\n")
            };
            let pairs = self.body().iter().map(pair).collect::<Vec<_>>().concat();
            format!("        .form(&[\n{pairs}        ])\n")
        } else {
            let members = self.members("            ", secret);
            format!("        .json(&serde_json::json!({{\n{members}        }}))\n")
        };
        format!(
            "// reqwest with the features \"blocking\", \"form\" and \"json\"; serde_json\nfn main() -> Result<(), Box<dyn \
             std::error::Error>> {{\n    let secret = std::env::var(\"CLIENT_SECRET\")?;\n    let answer: \
             serde_json::Value = reqwest::blocking::Client::new()\n        .post({})\n{basic}{body}        \
             .send()?\n        .error_for_status()?\n        .json()?;\n    let token = \
             answer[\"access_token\"].as_str();\n    println!(\"{{token:?}}\");\n    Ok(())\n}}\n",
            quoted(&self.endpoint),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(shape: Shape, id: &str) -> Example {
        let audience = Some("https://api.example".to_owned()).filter(|_| shape != Shape::Basic);
        Example {
            endpoint: "https://auth.example/oauth/token".to_owned(),
            shape,
            id: id.to_owned(),
            audience,
        }
    }

    #[test]
    fn the_shell_sees_one_word_whatever_is_in_an_id() {
        let curl = example(Shape::Form, "it's $HOME").curl();
        assert!(curl.contains(r"'client_id=it'\''s $HOME'"), "{curl}");
        let curl = example(Shape::Json, r#"a"b"#).curl();
        assert!(curl.contains(r#""client_id":"a\"b""#), "{curl}");
    }

    #[test]
    fn the_secret_stands_in_no_example_and_is_read_from_the_environment() {
        for shape in [Shape::Form, Shape::Json, Shape::Basic] {
            let example = example(shape, "cli_1");
            for text in [example.curl(), example.python(), example.node(), example.rust()] {
                assert!(text.contains("CLIENT_SECRET"), "{text}");
                assert!(text.contains("https://auth.example/oauth/token"), "{text}");
                assert!(text.contains("cli_1"), "{text}");
            }
        }
    }

    #[test]
    fn json_for_curl_is_json_once_the_shell_has_read_it() {
        let curl = example(Shape::Json, "cli_1").curl();
        let (_, data) = curl.split_once("--data ").unwrap();
        let read: String = data.replace("\"$CLIENT_SECRET\"", "s").replace('\'', "");
        let json: serde_json::Value = serde_json::from_str(&read).unwrap();
        assert_eq!(json["client_id"], "cli_1");
        assert_eq!(json["client_secret"], "s");
        assert_eq!(json["audience"], "https://api.example");
    }
}
