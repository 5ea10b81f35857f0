//! The address of the database, which holds a password: it is read once, and never shown whole.
//!
//! Only parameters that mean something are let through. The driver logs others with their values, and a password
//! behind a misspelt name would be one of them.

use std::fmt;
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

/// Where the database is, and how to get in.
#[derive(Clone)]
pub struct DatabaseUrl(PgConnectOptions);

/// Why an address of a database cannot be used. The address is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme.
    #[error("the database URL must begin with postgres:// or postgresql://")]
    Scheme,
    /// A parameter that is not known.
    #[error("the database URL has a parameter that is none of: {}", PARAMETERS.join(", "))]
    Parameter,
    /// Something else in it cannot be read.
    #[error(
        "the database URL cannot be read: it is postgres://role:password@host:port/database?sslmode=verify-full, \
         with special characters percent-encoded"
    )]
    Unreadable,
    /// Without its name, the role's own database would be used.
    #[error("the database URL does not name a database: postgres://…/database")]
    NoDatabase,
}

/// What may stand behind the question mark.
const PARAMETERS: [&str; 11] = [
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "application_name",
    "options",
];

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim();
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return Err(UrlError::Scheme);
        }
        let query = text.split_once('?').map_or("", |(_, query)| query);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split('=').next().unwrap_or_default();
            if !PARAMETERS.contains(&name) {
                return Err(UrlError::Parameter);
            }
        }
        let options: PgConnectOptions = text.parse().map_err(|_| UrlError::Unreadable)?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(UrlError::NoDatabase);
        }
        Ok(Self(options.disable_statement_logging()))
    }
}

impl DatabaseUrl {
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.0.clone()
    }
}

/// Host and database alone.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.0.get_database().unwrap_or_default();
        match self.0.get_socket() {
            Some(folder) => write!(f, "PostgreSQL database {database:?} at {}", folder.display()),
            None => {
                write!(f, "PostgreSQL database {database:?} at {}:{}", self.0.get_host(), self.0.get_port())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{DatabaseUrl, UrlError};

    #[test]
    fn no_form_of_it_shows_the_password() {
        let url: DatabaseUrl = "postgres://role:canary@db.example:5433/auth?sslmode=require".parse().unwrap();
        assert_eq!(url.to_string(), "PostgreSQL database \"auth\" at db.example:5433");
        assert!(!format!("{url:?} {url:#?}").contains("canary"));
        let url: DatabaseUrl = "postgres:///auth?host=/run/pg&password=canary&user=role".parse().unwrap();
        assert_eq!(url.to_string(), "PostgreSQL database \"auth\" at /run/pg");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_being_repeated() {
        for (text, expected) in [
            ("mysql://role:canary@host/auth", UrlError::Scheme),
            ("postgres://role@host/auth?passwrod=canary", UrlError::Parameter),
            ("postgres://role@host/auth?ssl%6dode=require", UrlError::Parameter),
            ("postgres://role:canary@host:port/auth", UrlError::Unreadable),
            ("postgres://role:canary@host/auth?sslmode=canary", UrlError::Unreadable),
            ("postgres://role:canary@host/", UrlError::NoDatabase),
        ] {
            let error = text.parse::<DatabaseUrl>().unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }
}
