//! The credentials for people: for each system a few lines that can be pasted into any POSIX shell as they stand,
//! which get a token and call the API with it. The whole is a shell script as well: all else is comment.
//!
//! No line is longer than 80 columns, and no secret is broken: each stands in an assignment of its own.

use std::fmt::Write as _;

use crate::credentials::{Credentials, METAFOLD, METI, Pair};

const COLUMNS: usize = 80;
/// Takes the token out of the answer.
const ACCESS_TOKEN: &str = r#"  sed 's/.*"access_token": *"\([^"]*\)".*/\1/')"#;
const V1_TOKEN: &str = r#"  sed 's/.*"token": *"\([^"]*\)".*/\1/')"#;
const JSON: &str = r"  -H 'Content-Type: application/json' \";

impl Credentials {
    /// For people: what to paste, in at most 80 columns.
    pub fn print(&self) -> String {
        let sections = [
            self.meti_v2_text(),
            self.meti_v1_text(),
            self.metafold_text(),
            self.ecoinvent_text(),
            self.m3ter_text(),
        ];
        let mut text = sections.join("\n\n");
        text.push('\n');
        if let Some(tls) = &self.addresses.tls {
            let _ = write!(text, "\n{}\n# {}\n", heading("HTTPS"), tls.base_url);
            let trust = format!("# To trust it: curl --cacert {}", tls.ca_file.display());
            if trust.chars().count() <= COLUMNS {
                let _ = writeln!(text, "{trust}");
            } else {
                text.push_str("# To trust it: the file that the JSON credentials name as tls.ca_file\n");
            }
        }
        text
    }

    fn meti_v2_text(&self) -> String {
        let mut lines = Lines::new("METI v2: client id and secret, as JSON");
        lines.note("Scopes say what a client may do. This one reads, writes and deletes.");
        lines.variant(
            "Its sibling may only read:",
            ("ID", &self.meti_readonly.client_id),
            &self.meti_readonly.secret,
        );
        lines.api(self).client(&self.meti);
        lines.add(r#"TOKEN=$(curl -sS "$API/oauth/token" \"#);
        lines.add(JSON);
        lines.add(r#"  -d '{"grant_type": "client_credentials","#);
        lines.add(&format!(r#"       "audience": "{METI}","#));
        lines.add(r#"       "scope": "read:sources write:sources delete:sources","#);
        lines.add(r#"       "client_id": "'$ID'", "client_secret": "'$SECRET'"}' |"#);
        lines.add(ACCESS_TOKEN);
        lines.call(r#""$API/sources?methodology=Agriculture""#)
    }

    fn meti_v1_text(&self) -> String {
        let mut lines = Lines::new("METI v1: email and password, as JSON");
        lines.note("The same account as above, seen by one of its people.");
        lines.api(self);
        lines.add(&format!("EMAIL={}", self.meti_v1.email));
        lines.add(&format!("PASSWORD={}", self.meti_v1.password));
        lines.add(r#"TOKEN=$(curl -sS "$API/token" \"#);
        lines.add(JSON);
        lines.add(r#"  -d '{"email": "'$EMAIL'", "password": "'$PASSWORD'"}' |"#);
        lines.add(V1_TOKEN);
        lines.call(r#""$API/sources""#)
    }

    fn metafold_text(&self) -> String {
        let mut lines = Lines::new("Metafold: client id and secret, as a form");
        lines.note("Delete the client, and the token is refused within a second.");
        lines.api(self).client(&self.metafold);
        lines.add(r#"TOKEN=$(curl -sS "$API/oauth/token" \"#);
        lines.add(r"  -d grant_type=client_credentials \");
        lines.add(&format!(r"  -d audience={METAFOLD} \"));
        lines.add(r#"  -d "client_id=$ID" -d "client_secret=$SECRET" |"#);
        lines.add(ACCESS_TOKEN);
        lines.call(r#""$API/user/usage""#)
    }

    fn ecoinvent_text(&self) -> String {
        let mut lines = Lines::new("ecoinvent: client id and secret, at Keycloak's address");
        lines.note("No token without a licence. This pair stands for the customer's trial.");
        lines.variant(
            "The same customer's pair for the beta:",
            ("ID", &self.ecoinvent_beta.client_id),
            &self.ecoinvent_beta.secret,
        );
        lines.variant(
            "Another customer's, whose trial is over:",
            ("ID", &self.ecoinvent_ended.client_id),
            &self.ecoinvent_ended.secret,
        );
        lines.api(self).client(&self.ecoinvent);
        lines.add("TOKEN=$(curl -sS \\");
        lines.add(r#"  "$API/realms/ecoinvent/protocol/openid-connect/token" \"#);
        lines.add(r"  -d grant_type=client_credentials \");
        lines.add(r#"  -d "client_id=$ID" -d "client_secret=$SECRET" |"#);
        lines.add(ACCESS_TOKEN);
        lines.call(r#""$API/v0/versions""#)
    }

    fn m3ter_text(&self) -> String {
        let mut lines = Lines::new("m3ter: access key id and API secret, by Basic authentication");
        lines.note("A service user may call the API once it has a policy. This one has");
        lines.note("Administrator.");
        let new = &self.m3ter_new;
        lines.variant("One without a policy, which the API answers 403:", ("KEY", &new.key_id), &new.secret);
        lines.api(self);
        lines.add(&format!("ORGANIZATION={}", self.m3ter.organization));
        lines.add(&format!("KEY={}", self.m3ter.key_id));
        lines.add(&format!("SECRET={}", self.m3ter.secret));
        lines.add(r#"TOKEN=$(curl -sS -u "$KEY:$SECRET" "$API/oauth/token" \"#);
        lines.add(JSON);
        lines.add(r#"  -d '{"grant_type": "client_credentials"}' |"#);
        lines.add(ACCESS_TOKEN);
        lines.call(r#""$API/organizations/$ORGANIZATION/products""#)
    }
}

/// One system's lines: comment first, then what is pasted.
struct Lines(String);

impl Lines {
    fn new(title: &str) -> Self {
        Self(heading(title) + "\n")
    }

    fn add(&mut self, line: &str) -> &mut Self {
        self.0.push_str(line);
        self.0.push('\n');
        self
    }

    fn note(&mut self, text: &str) -> &mut Self {
        self.add(&format!("# {text}"))
    }

    /// Another pair to put in place of the one that is pasted.
    fn variant(&mut self, what: &str, (name, id): (&str, &str), secret: &str) -> &mut Self {
        self.add("#").note(what).add(&format!("#   {name}={id}")).add(&format!("#   SECRET={secret}"))
    }

    fn api(&mut self, of: &Credentials) -> &mut Self {
        self.add("").add(&format!("API={}", of.addresses.base))
    }

    fn client(&mut self, pair: &Pair) -> &mut Self {
        self.add(&format!("ID={}", pair.client_id)).add(&format!("SECRET={}", pair.secret))
    }

    /// The call that ends a section.
    fn call(mut self, address: &str) -> String {
        self.add(r#"curl -sS -w '\n' -H "Authorization: Bearer $TOKEN" \"#);
        self.0.push_str("  ");
        self.0.push_str(address);
        self.0
    }
}

fn heading(title: &str) -> String {
    let start = format!("# ── {title} ");
    let rest = COLUMNS.saturating_sub(start.chars().count());
    start + &"─".repeat(rest)
}
