//! Files that come with the program and are the same for everybody, sent compressed to whoever takes gzip.
//!
//! Pages of the console and answers of the management API are never compressed: they hold secrets beside what others
//! have chosen, and how well the two compress together would tell of the secret (BREACH).

use std::hash::{DefaultHasher, Hasher as _};
use std::io::{Read as _, Write as _};
use std::sync::OnceLock;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// For a file whose address changes with what is in it.
pub(crate) const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For a file that is asked for again each time, and sent only if it has changed.
pub(crate) const ASK_AGAIN: &str = "no-cache";

/// So much is inflated at a time, in bytes.
const PART: usize = 32 * 1024;

/// A file.
pub(crate) struct File {
    kind: &'static str,
    caching: &'static str,
    bytes: &'static [u8],
    /// Whether `bytes` are gzip (RFC 1952) of the file. It is then inflated for whoever takes none, and kept nowhere.
    is_gzip: bool,
    /// The file compressed, once somebody has asked for that; empty where it would be no shorter.
    gzip: OnceLock<Bytes>,
    digest: OnceLock<u64>,
}

impl File {
    /// One that is kept as it is. Compressed it is kept as well, in memory and from its first use on, so that it should
    /// be small.
    pub(crate) const fn plain(kind: &'static str, caching: &'static str, bytes: &'static [u8]) -> Self {
        Self::new((kind, caching), bytes, false)
    }

    /// One that is kept compressed.
    pub(crate) const fn gzipped(kind: &'static str, caching: &'static str, bytes: &'static [u8]) -> Self {
        Self::new((kind, caching), bytes, true)
    }

    const fn new((kind, caching): (&'static str, &'static str), bytes: &'static [u8], is_gzip: bool) -> Self {
        Self { kind, caching, bytes, is_gzip, gzip: OnceLock::new(), digest: OnceLock::new() }
    }

    /// Says whether a file is another one than before; nothing depends on its being hard to forge.
    pub(crate) fn digest(&self) -> u64 {
        *self.digest.get_or_init(|| {
            let mut hasher = DefaultHasher::new();
            hasher.write(self.bytes);
            hasher.finish()
        })
    }

    /// The answer to a request with these headers.
    pub(crate) fn answer(&'static self, asked: &HeaderMap) -> Response {
        let takes_gzip = takes_gzip(asked);
        let (body, is_coded) = match (self.is_gzip, takes_gzip) {
            (true, true) => (Body::from(self.bytes), true),
            (true, false) => (self.inflated(), false),
            (false, true) => match self.gzip.get_or_init(|| compressed(self.bytes)) {
                none if none.is_empty() => (Body::from(self.bytes), false),
                gzip => (Body::from(gzip.clone()), true),
            },
            (false, false) => (Body::from(self.bytes), false),
        };
        // Each form of it is a thing of its own to caches (RFC 9110 §8.8.3.3).
        let end = if is_coded { "-gzip" } else { "" };
        let tag = HeaderValue::from_str(&format!("\"{:016x}{end}\"", self.digest())).ok();
        let known = asked.get(header::IF_NONE_MATCH).zip(tag.as_ref());
        let mut response = if known.is_some_and(|(known, tag)| names(known, tag)) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = Response::new(body);
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
            if is_coded {
                let gzip = HeaderValue::from_static("gzip");
                response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.caching));
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        if let Some(tag) = tag {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    /// What is kept compressed, part by part, so that the whole of it never stands in memory.
    fn inflated(&self) -> Body {
        let mut reader = GzDecoder::new(self.bytes);
        let parts = std::iter::from_fn(move || {
            let mut part = vec![0; PART];
            match reader.read(&mut part) {
                Ok(0) => None,
                Ok(length) => {
                    part.truncate(length);
                    Some(Ok(Bytes::from(part)))
                }
                Err(error) => Some(Err(error)),
            }
        });
        Body::from_stream(futures_util::stream::iter(parts))
    }
}

/// Compressed, or nothing where that saves nothing.
fn compressed(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let done = encoder.write_all(bytes).and_then(|()| encoder.finish());
    let gzip = done.ok().filter(|gzip| gzip.len() < bytes.len()).unwrap_or_default();
    Bytes::from(gzip.into_boxed_slice())
}

/// Whether somebody takes gzip (RFC 9110 §12.5.3): who does not speak of it is sent the plain file.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let (mut named, mut any) = (None, None);
    for item in lines.flat_map(|line| line.split(',')) {
        let mut words = item.split(';').map(str::trim);
        let place = match words.next().unwrap_or_default() {
            name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => &mut named,
            "*" => &mut any,
            _ => continue,
        };
        let mut weights =
            words.filter_map(|word| word.strip_prefix("q=").or_else(|| word.strip_prefix("Q=")));
        *place =
            Some(weights.next().is_none_or(|weight| weight.parse().is_ok_and(|weight: f32| weight > 0.0)));
    }
    named.or(any).unwrap_or(false)
}

/// Whether `If-None-Match` names a tag (RFC 9110 §13.1.2): a list, compared weakly, or anything that there is.
pub(crate) fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else { return false };
    known.trim() == "*" || known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    const TEXT: &[u8] = &[b'a'; 100_000];

    static PLAIN: File = File::plain("text/plain", FOR_EVER, TEXT);
    static SHORT: File = File::plain("text/plain", FOR_EVER, b"ab");

    fn asked(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), value.parse().unwrap());
        }
        headers
    }

    fn taking(coding: &str) -> HeaderMap {
        asked(&[(header::ACCEPT_ENCODING, coding)])
    }

    /// Status, coding, tag and bytes.
    async fn got(response: Response) -> (StatusCode, String, String, Bytes) {
        let text = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        assert_eq!(text(header::VARY), "Accept-Encoding");
        let (status, coding, tag) = (response.status(), text(header::CONTENT_ENCODING), text(header::ETAG));
        (status, coding, tag, response.into_body().collect().await.unwrap().to_bytes())
    }

    fn plain(gzip: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        GzDecoder::new(gzip).read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn gzip_is_sent_to_whoever_says_that_it_is_taken() {
        for taken in [
            "gzip",
            "GZIP",
            "deflate, gzip;q=0.5, br",
            "*",
            "x-gzip",
            "gzip; q=1.0",
            "*;q=0, gzip",
            "gzip;q=0.001",
        ] {
            assert!(takes_gzip(&taking(taken)), "{taken}");
        }
        for refused in ["", "identity", "br", "gzip;q=0", "gzip; q=0.000", "*;q=0", "*, gzip;q=0", "gzip;q=x"]
        {
            assert!(!takes_gzip(&taking(refused)), "{refused}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
        let two = [(header::ACCEPT_ENCODING, "br"), (header::ACCEPT_ENCODING, "gzip")];
        assert!(takes_gzip(&asked(&two)));
    }

    #[tokio::test]
    async fn a_file_is_the_same_however_it_is_kept_and_sent() {
        static KEPT: OnceLock<Bytes> = OnceLock::new();
        let kept: &'static [u8] = KEPT.get_or_init(|| compressed(TEXT));
        let gzipped: &'static File = Box::leak(Box::new(File::gzipped("text/plain", FOR_EVER, kept)));
        for file in [&PLAIN, gzipped] {
            let (_, coding, tag, bytes) = got(file.answer(&taking("gzip"))).await;
            assert_eq!((coding.as_str(), plain(&bytes).as_slice()), ("gzip", TEXT));
            assert!(bytes.len() < 1000, "{}", bytes.len());
            let (_, coding, other, bytes) = got(file.answer(&taking("gzip;q=0"))).await;
            assert_eq!((coding.as_str(), &*bytes), ("", TEXT));
            assert_ne!(tag, other, "each form has a tag of its own");
            let known = [(header::ACCEPT_ENCODING, "gzip"), (header::IF_NONE_MATCH, tag.as_str())];
            let (status, coding, same, bytes) = got(file.answer(&asked(&known))).await;
            assert_eq!((status, coding.as_str(), bytes.len()), (StatusCode::NOT_MODIFIED, "", 0));
            assert_eq!(same, tag);
            let (status, ..) = got(file.answer(&asked(&known[1..]))).await;
            assert_eq!(status, StatusCode::OK, "the plain form is another one");
        }
    }

    #[tokio::test]
    async fn what_would_get_no_shorter_is_sent_as_it_is() {
        let (_, coding, _, bytes) = got(SHORT.answer(&taking("gzip"))).await;
        assert_eq!((coding.as_str(), &*bytes), ("", &b"ab"[..]));
    }

    #[test]
    fn what_is_known_is_a_list_of_tags_or_anything() {
        let names = |known| names(&HeaderValue::from_static(known), &HeaderValue::from_static("\"3\""));
        assert!(["\"3\"", "W/\"3\"", "\"2\", \"3\"", "*"].into_iter().all(names));
        assert!(!["\"2\"", "3", "", "\"33\""].into_iter().any(names));
    }
}
