//! How a client shows who it is: HTTP Basic or the body of the request, and only one of them (RFC 6749 §2.3).

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::parameters::{Parameters, Text, form_decode};

/// Why credentials could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientAuthError {
    /// Neither Basic nor `client_id` and `client_secret`.
    #[error("No client credentials: send HTTP Basic, or client_id and client_secret in the body")]
    Missing,
    /// `client_id` without `client_secret`, or the other way round.
    #[error("client_id and client_secret must be sent together")]
    Incomplete,
    /// Basic together with a secret in the body, or with another id.
    #[error("Two ways of authenticating in one request")]
    Twice,
    /// An assertion, which is not offered.
    #[error("Client assertions are not supported here")]
    Assertion,
    /// An Authorization header that is not well-formed Basic.
    #[error("The Authorization header is not well-formed HTTP Basic")]
    MalformedBasic,
}

/// How the credentials came, which decides the challenge in a refusal (RFC 6749 §5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `client_secret_basic`
    Basic,
    /// `client_secret_post`, in a form or a JSON body
    Body,
}

/// One reading of the credentials: an identifier with its secret.
#[derive(Clone)]
pub struct Pair<'a> {
    /// The client id, or an access key id.
    pub id: Text<'a>,
    /// The secret as it came.
    pub secret: Text<'a>,
}

impl fmt::Debug for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("id", &&*self.id).finish_non_exhaustive()
    }
}

/// Credentials that nobody has checked yet.
#[derive(Clone, Debug)]
pub struct UnverifiedCredentials<'a> {
    /// How they came.
    pub method: Method,
    /// The readings to try: one, or two where Basic can be read raw and form-decoded.
    pub readings: Vec<Pair<'a>>,
}

impl<'a> UnverifiedCredentials<'a> {
    /// Reads the credentials of a request from its Authorization header and its body.
    pub fn read(authorization: Option<&[u8]>, body: &'a Parameters<'a>) -> Result<Self, ClientAuthError> {
        if body.get("client_assertion").is_some() || body.get("client_assertion_type").is_some() {
            return Err(ClientAuthError::Assertion);
        }
        let (id, secret) = (body.get("client_id"), body.get("client_secret"));
        match (authorization, id, secret) {
            (Some(_), _, Some(_)) => Err(ClientAuthError::Twice),
            (Some(header), id, None) => {
                let mut readings = read_basic(header)?;
                if let Some(id) = id {
                    readings.retain(|pair| *pair.id == *id);
                    if readings.is_empty() {
                        return Err(ClientAuthError::Twice);
                    }
                }
                Ok(Self { method: Method::Basic, readings })
            }
            (None, Some(id), Some(secret)) => {
                let pair = Pair { id: Text::Plain(id), secret: Text::Plain(secret) };
                Ok(Self { method: Method::Body, readings: vec![pair] })
            }
            (None, None, None) => Err(ClientAuthError::Missing),
            (None, _, _) => Err(ClientAuthError::Incomplete),
        }
    }

    /// The identifier of each reading, for records and back-off; not verified. Last comes the one that RFC 6749 §2.3.1
    /// asks for: form-decoded.
    pub fn unverified_ids(&self) -> impl Iterator<Item = &str> {
        self.readings.iter().map(|pair| &*pair.id)
    }
}

/// Padding is optional: some clients leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Both readings of a Basic header. Clients disagree whether id and secret are form-encoded before base64
/// (RFC 6749 §2.3.1 asks for it, most do not), so whichever matches counts.
fn read_basic(header: &[u8]) -> Result<Vec<Pair<'static>>, ClientAuthError> {
    let malformed = ClientAuthError::MalformedBasic;
    let (scheme, encoded) = header.split_at_checked("Basic ".len()).ok_or(malformed)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return Err(malformed);
    }
    let decoded = BASE64.decode(encoded.trim_ascii()).map_err(|_| malformed)?;
    let text = String::from_utf8(decoded).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        malformed
    })?;
    let text = Zeroizing::new(text);
    let (id, secret) = text.split_once(':').ok_or(malformed)?;
    if id.is_empty() || secret.is_empty() {
        return Err(malformed);
    }
    let kept = |text: &str| Text::Made(Zeroizing::new(text.to_owned()));
    let mut readings = vec![Pair { id: kept(id), secret: kept(secret) }];
    if let (Some(decoded_id), Some(decoded_secret)) =
        (form_decode(id.as_bytes()), form_decode(secret.as_bytes()))
        && (*decoded_id != *id || *decoded_secret != *secret)
    {
        readings.push(Pair { id: kept(&decoded_id), secret: kept(&decoded_secret) });
    }
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    use proptest::prelude::*;

    use super::*;
    use crate::parameters::Encoding;

    static NO_BODY: Parameters<'static> = Parameters::empty();

    fn body(text: &str) -> Parameters<'_> {
        Parameters::read(Encoding::Form, text.as_bytes()).unwrap()
    }

    fn basic(pair: &str) -> Vec<u8> {
        format!("Basic {}", STANDARD.encode(pair)).into_bytes()
    }

    fn pairs<'a>(credentials: &'a UnverifiedCredentials<'_>) -> Vec<(&'a str, &'a str)> {
        credentials.readings.iter().map(|p| (&*p.id, &*p.secret)).collect()
    }

    #[test]
    fn basic_is_split_at_the_first_colon() {
        let read = UnverifiedCredentials::read(Some(&basic("id:se:cret")), &NO_BODY).unwrap();
        assert_eq!(pairs(&read), [("id", "se:cret")]);
    }

    #[test]
    fn basic_is_read_raw_and_form_decoded() {
        let read = UnverifiedCredentials::read(Some(&basic("my%2Did:a%2Bb+c")), &NO_BODY).unwrap();
        assert_eq!(pairs(&read), [("my%2Did", "a%2Bb+c"), ("my-id", "a+b c")]);
        let read = UnverifiedCredentials::read(Some(&basic("id:50%")), &NO_BODY).unwrap();
        assert_eq!(pairs(&read), [("id", "50%")]);
    }

    #[test]
    fn padding_and_case_of_the_scheme_do_not_matter() {
        let header = format!("bAsIc {}", STANDARD_NO_PAD.encode("a:bc"));
        let read = UnverifiedCredentials::read(Some(header.as_bytes()), &NO_BODY).unwrap();
        assert_eq!(pairs(&read), [("a", "bc")]);
    }

    #[test]
    fn an_equal_id_in_the_body_is_fine_and_anything_else_is_two_ways() {
        let header = basic("id:secret");
        assert!(UnverifiedCredentials::read(Some(&header), &body("client_id=id")).is_ok());
        for text in ["client_id=other", "client_secret=secret", "client_id=id&client_secret=secret"] {
            let error = UnverifiedCredentials::read(Some(&header), &body(text)).unwrap_err();
            assert_eq!(error, ClientAuthError::Twice, "{text}");
        }
    }

    #[test]
    fn an_assertion_beside_a_secret_is_refused() {
        let text = "client_id=id&client_secret=s&client_assertion=junk";
        assert_eq!(UnverifiedCredentials::read(None, &body(text)).unwrap_err(), ClientAuthError::Assertion);
    }

    #[test]
    fn half_of_the_credentials_is_not_enough() {
        for text in ["client_id=id", "client_secret=s"] {
            let error = UnverifiedCredentials::read(None, &body(text)).unwrap_err();
            assert_eq!(error, ClientAuthError::Incomplete, "{text}");
        }
        let error = UnverifiedCredentials::read(None, &NO_BODY).unwrap_err();
        assert_eq!(error, ClientAuthError::Missing);
    }

    #[test]
    fn other_schemes_and_broken_basic_are_malformed() {
        for header in
            ["Bearer x", "Basic", "Basic ", "Basic ???", "Basic aWQ=", "Basic OnNlY3JldA==", "Basic aWQ6"]
        {
            let error = UnverifiedCredentials::read(Some(header.as_bytes()), &NO_BODY).unwrap_err();
            assert_eq!(error, ClientAuthError::MalformedBasic, "{header}");
        }
    }

    #[test]
    fn debug_never_shows_a_secret() {
        let read = UnverifiedCredentials::read(Some(&basic("id:hush")), &NO_BODY).unwrap();
        assert!(!format!("{read:?}").contains("hush"));
    }

    proptest! {
        #[test]
        fn every_pair_survives_every_way_of_encoding(id in "[!-9;-~]{1,30}", secret in "[ -~]{1,40}") {
            let raw = basic(&format!("{id}:{secret}"));
            let all = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
            let encoded = basic(&format!("{}:{}", all(&id), all(&secret)));
            for header in [raw, encoded] {
                let read = UnverifiedCredentials::read(Some(&header), &NO_BODY).unwrap();
                prop_assert!(pairs(&read).contains(&(id.as_str(), secret.as_str())));
            }
        }

        #[test]
        fn any_header_is_read_or_refused(header in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = UnverifiedCredentials::read(Some(&header), &NO_BODY);
        }
    }
}
