//! Networks as people write them: a network in CIDR form, or one address, which is the network of that one.
//!
//! They stand in clients' settings and in the configuration, and one reader serves all: what is right in one place is
//! right in the others.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

/// A text that is neither.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is neither a network, such as 10.0.0.0/8 or 2001:db8::/32, nor an address")]
pub struct NotANetwork(String);

/// Reads a network; spaces around it do not matter.
pub fn parse(text: &str) -> Result<IpNet, NotANetwork> {
    let trimmed = text.trim();
    let network = trimmed.parse::<IpNet>().ok();
    let network = network.or_else(|| trimmed.parse::<IpAddr>().ok().map(IpNet::from));
    network.ok_or_else(|| NotANetwork(trimmed.to_owned()))
}

/// Reads a list of them, for `serde(deserialize_with)`.
pub fn list<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(list)?;
    texts.iter().map(|text| parse(text).map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_address_is_the_network_of_that_one() {
        for (text, wanted) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("198.51.100.1", "198.51.100.1/32"),
            (" 198.51.100.1 ", "198.51.100.1/32"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), wanted);
        }
        let read: crate::client::ClientSettings =
            serde_json::from_str(r#"{"allowed_networks": ["198.51.100.1", "10.0.0.0/8"]}"#).unwrap();
        let written: Vec<_> = read.allowed_networks.iter().map(ToString::to_string).collect();
        assert_eq!(written, ["198.51.100.1/32", "10.0.0.0/8"]);
    }

    #[test]
    fn what_is_none_is_told_with_what_to_write() {
        for text in ["", "10.0.0.0/33", "example.com", "10.0.0", "10.0.0.0/8,::1"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("10.0.0.0/8") && error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
