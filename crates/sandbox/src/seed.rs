//! The seed: what `symbolon dev` applies at its start. It is an ordinary apply file whose blanks are the
//! address of the server and the secrets, so that nobody has to choose any.

use std::path::{Path, PathBuf};

use symbolon_core::apply::description::Description;
use symbolon_core::random::SystemRandom;

use crate::SandboxConfig;
use crate::credentials::Credentials;
use crate::error::SandboxError;
use crate::file;
use crate::secrets::Secrets;

const TEMPLATE: &str = include_str!("../seed.yaml");

/// The copy of what is applied.
const COPY: &str = "sandbox.yaml";

/// Whether a sandbox was prepared in a folder.
pub fn was_in(data: &Path) -> bool {
    data.join(COPY).is_file()
}

/// What is to be applied, and the credentials that work once it is.
pub struct Seed {
    /// The realms.
    pub description: Description,
    /// The credentials.
    pub credentials: Credentials,
}

/// Fills the seed in. Secrets are made at the first start and kept in the data folder (`secrets.json`), beside a
/// copy of what is applied (`sandbox.yaml`), both for their owner alone.
pub fn prepare(config: &SandboxConfig) -> Result<Seed, SandboxError> {
    let addresses = Addresses::of(config)?;
    file::make_folder(&config.data).map_err(SandboxError::file(&config.data))?;
    let mut secrets = Secrets::open(config.data.join("secrets.json"), &SystemRandom)?;
    let text = fill(TEMPLATE, |blank| match blank.split_once(':') {
        None if blank == "base" => Ok(Some(addresses.base.clone())),
        None if blank == "tls_base" => Ok(addresses.tls.as_ref().map(|tls| tls.base_url.clone())),
        Some(("secret", key_id)) => secrets.secret(key_id).map(Some),
        Some(("password", name)) => secrets.password(name).map(Some),
        _ => Err(SandboxError::Seed(format!("the blank {blank:?} is unknown"))),
    })?;
    secrets.save()?;
    let copy = config.data.join(COPY);
    file::replace(&copy, text.as_bytes()).map_err(SandboxError::file(&copy))?;
    let description = Description::parse(&text)?;
    let credentials = Credentials::of(&description, addresses)?;
    Ok(Seed { description, credentials })
}

/// Where the sandbox is reached, in a form that means itself in YAML, in JSON and in a shell.
#[derive(Clone)]
pub(crate) struct Addresses {
    pub(crate) base: String,
    pub(crate) tls: Option<Tls>,
}

#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) base_url: String,
    pub(crate) ca_file: PathBuf,
}

impl Addresses {
    pub(crate) fn of(config: &SandboxConfig) -> Result<Self, SandboxError> {
        let tls = match &config.tls {
            Some(tls) => Some(Tls { base_url: address(&tls.base_url)?, ca_file: tls.ca_file.clone() }),
            None => None,
        };
        Ok(Self { base: address(&config.base)?, tls })
    }
}

/// Takes an address without the slashes at its end.
fn address(text: &str) -> Result<String, SandboxError> {
    let trimmed = text.trim_end_matches('/');
    let rest = trimmed.strip_prefix("http://").or_else(|| trimmed.strip_prefix("https://"));
    let plain =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'/' | b'-' | b'_' | b'[' | b']');
    match rest {
        Some(rest) if !rest.is_empty() && rest.bytes().all(plain) => Ok(trimmed.to_owned()),
        _ => Err(SandboxError::Address(text.to_owned())),
    }
}

/// Puts values in place of `${…}`. They stand within YAML's double quotes, where each of them means itself. A line
/// with a blank that has no value is left out.
fn fill(
    template: &str,
    mut value: impl FnMut(&str) -> Result<Option<String>, SandboxError>,
) -> Result<String, SandboxError> {
    let mut text = String::with_capacity(template.len() * 2);
    'lines: for line in template.split_inclusive('\n') {
        let start = text.len();
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((blank, after)) = after.split_once('}') else {
                return Err(SandboxError::Seed(format!("a blank is not closed: {}", line.trim())));
            };
            let Some(value) = value(blank)? else {
                text.truncate(start);
                continue 'lines;
            };
            text.push_str(before);
            text.push_str(&value);
            rest = after;
        }
        text.push_str(rest);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_filled_and_lines_without_a_value_left_out() {
        let filled = fill("a: \"${x}/${y}\"\nb: \"${none}\"\nc\n", |name| {
            Ok((name != "none").then(|| name.to_uppercase()))
        });
        assert_eq!(filled.unwrap(), "a: \"X/Y\"\nc\n");
        assert!(fill("a: ${x", |_| Ok(None)).is_err());
    }

    #[test]
    fn an_address_is_scheme_host_and_port() {
        assert_eq!(address("http://127.0.0.1:8080/").unwrap(), "http://127.0.0.1:8080");
        assert_eq!(address("http://[::1]:80").unwrap(), "http://[::1]:80");
        for bad in ["127.0.0.1:8080", "http://", "http://a\"b", "http://$(x)", "ftp://a", ""] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
