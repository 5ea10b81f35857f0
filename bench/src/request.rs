//! The one token request that every server gets: the same bytes, but for its client's number.

use symbolon_protocol::algorithm::Algorithm;

use crate::seed::{SECRET, audience, client_id};

/// Where and for what tokens are asked for.
#[derive(Clone, clap::Args)]
pub(crate) struct Target {
    /// The server's address and port
    #[arg(long)]
    pub(crate) address: std::net::SocketAddr,
    /// The path of its token endpoint
    #[arg(long, default_value = "/oauth/token")]
    pub(crate) path: String,
    /// The algorithm of the tokens: it says which API they are for
    #[arg(long, value_parser = algorithm)]
    pub(crate) algorithm: Algorithm,
}

/// Reads an algorithm's registered name.
pub(crate) fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(name).ok_or_else(|| format!("no algorithm is named {name:?}"))
}

/// A request's bytes, kept, with the place of the client's id in them.
#[derive(Clone)]
pub(crate) struct TokenRequest {
    bytes: Vec<u8>,
    /// Where the id begins.
    id: usize,
}

impl TokenRequest {
    /// Builds the request of client 0.
    pub(crate) fn new(target: &Target) -> Self {
        let id = client_id(0);
        let audience = audience(target.algorithm).replace(':', "%3A").replace('/', "%2F");
        let body = format!(
            "grant_type=client_credentials&client_id={id}&client_secret={SECRET}&audience={audience}"
        );
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             accept: application/json\r\ncontent-length: {}\r\n\r\n",
            target.path,
            target.address,
            body.len()
        );
        let at = head.len() + body.find(&id).unwrap_or_default();
        Self { bytes: [head, body].concat().into_bytes(), id: at }
    }

    /// The bytes for a client: only its id differs, and all ids have one length.
    pub(crate) fn of_client(&mut self, number: u32) -> &[u8] {
        let id = client_id(number);
        if let Some(place) = self.bytes.get_mut(self.id..self.id + id.len()) {
            place.copy_from_slice(id.as_bytes());
        }
        &self.bytes
    }

    /// The bytes as they are.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_carries_its_clients_id_and_the_length_of_its_body() {
        let target = Target {
            address: "127.0.0.1:80".parse().unwrap(),
            path: "/oauth/token".to_owned(),
            algorithm: Algorithm::Es256,
        };
        let mut request = TokenRequest::new(&target);
        let text = String::from_utf8(request.of_client(123).to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!(body.contains(&format!("client_id={}&", client_id(123))), "{body}");
        assert!(body.ends_with("audience=https%3A%2F%2Fes256.bench.example"), "{body}");
    }
}
