//! A browser without scripts, and the people who sit before it.

use serde_json::json;
use symbolon_core::id::OrganizationId;
use symbolon_server::axum::http::{Method, header};

use crate::support::{Answer, Bed, Request};

/// Everybody's password here.
pub(super) const PASSWORD: &str = "correct horse battery staple";

/// Whoever sits there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The operator who may do everything.
    Owner,
    /// An operator who may do everything but make operators.
    Admin,
    /// An operator who reads.
    Auditor,
    /// The administrator of the customer "custodian".
    CustomerAdmin,
    /// A developer of that customer.
    CustomerDeveloper,
    /// Somebody who looks, there.
    CustomerViewer,
    /// The administrator of the customer "other".
    OtherCustomer,
}

impl Who {
    /// Everybody.
    pub(super) const ALL: [Self; 7] = [
        Self::Owner,
        Self::Admin,
        Self::Auditor,
        Self::CustomerAdmin,
        Self::CustomerDeveloper,
        Self::CustomerViewer,
        Self::OtherCustomer,
    ];

    /// The email that each signs in with.
    pub(super) const fn email(self) -> &'static str {
        match self {
            Self::Owner => "owner@operator.example",
            Self::Admin => "admin@operator.example",
            Self::Auditor => "auditor@operator.example",
            Self::CustomerAdmin => "admin@custodian.example",
            Self::CustomerDeveloper => "dev@custodian.example",
            Self::CustomerViewer => "viewer@custodian.example",
            Self::OtherCustomer => "admin@other.example",
        }
    }
}

/// The world of the other tests, with operators and a second customer in it.
pub(super) struct Desk {
    /// The world.
    pub(super) bed: Bed,
}

impl Desk {
    /// Lets everybody in.
    pub(super) async fn open() -> Self {
        let bed = Bed::start().await;
        let mut settings = bed.authority.directory().realm("default").unwrap().realm().settings.clone();
        settings.operators = Some(OrganizationId::new("staff").unwrap());
        let operator =
            |who: Who, role: &str| json!({"email": who.email(), "role": role, "password": PASSWORD});
        let realm = json!({
            "id": "default",
            "settings": settings,
            "operators": [
                operator(Who::Owner, "owner"),
                operator(Who::Admin, "admin"),
                operator(Who::Auditor, "auditor"),
            ],
            "organizations": [
                {"id": "staff"},
                {"id": "other", "users": [operator(Who::OtherCustomer, "admin")],
                 "clients": [{"id": "other-client", "access_keys": [{"id": "other-key", "secret": "other-secret-1234567890"}]}]},
            ],
        });
        bed.apply(&json!({"realms": [realm]}).to_string()).await;
        Self { bed }
    }

    /// A token of a client, from the ordinary endpoint.
    pub(super) async fn token(&self, id: &str, secret: &str, audience: &str) -> Answer {
        let pairs = [("grant_type", "client_credentials"), ("audience", audience)];
        self.bed.send(Request::post("/oauth/token").basic(id, secret).form(&pairs)).await
    }
}

/// A browser: it keeps cookies and says where its forms come from.
#[derive(Clone)]
pub(super) struct Browser<'a> {
    desk: &'a Desk,
    cookies: Vec<(String, String)>,
}

impl<'a> Browser<'a> {
    /// One that has never been here.
    pub(super) const fn new(desk: &'a Desk) -> Self {
        Self { desk, cookies: Vec::new() }
    }

    /// One that somebody signed in with, by the form.
    pub(super) async fn signed_in(desk: &'a Desk, who: Who) -> Self {
        let mut browser = Self::new(desk);
        let answer =
            browser.post("/console/sign-in", &[("email", who.email()), ("password", PASSWORD)]).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/console"), "{answer:?}");
        browser
    }

    /// Looks at a page.
    pub(super) async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::new(Method::GET, path)).await
    }

    /// Looks at a page with header fields of one's own.
    pub(super) async fn get_with(&mut self, path: &str, headers: &[(&'static str, &str)]) -> Answer {
        let request = Request::new(Method::GET, path);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        self.send(request).await
    }

    /// Sends a form.
    pub(super) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from("https://localhost", path, fields).await
    }

    /// Sends a form of a page of some origin.
    pub(super) async fn post_from(&mut self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.send(Request::new(Method::POST, path).form(fields).header("origin", origin)).await
    }

    /// Sends an empty form with a header field.
    pub(super) async fn post_with(&mut self, path: &str, (name, value): (&'static str, &str)) -> Answer {
        let request = Request::new(Method::POST, path).form(&[]).header("origin", "https://localhost");
        self.send(request.header(name, value)).await
    }

    /// Sends a form and looks at the page that it leads to.
    pub(super) async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self.post(path, fields).await;
        match answer.status {
            303 => {
                let to = answer.header("location").to_owned();
                self.get(&to).await
            }
            _ => answer,
        }
    }

    /// The value of a field of a page's form.
    pub(super) fn field(page: &Answer, name: &str) -> Option<String> {
        let input = page
            .text
            .split('<')
            .find(|tag| tag.starts_with("input") && tag.contains(&format!("name=\"{name}\"")))?;
        let value = input.split("value=\"").nth(1)?.split('"').next()?;
        let marks = [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")];
        Some(marks.into_iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to)))
    }

    async fn send(&mut self, request: Request) -> Answer {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = if pairs.is_empty() { request } else { request.header("cookie", &pairs.join("; ")) };
        let answer = self.desk.bed.send(request).await;
        for line in answer.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(other, _)| other != name);
            if !value.is_empty() && !rest.contains("Max-Age=0") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }
}

/// What a page shows where text is escaped.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}
