//! Reading HTTP/1.1 answers with as little work as possible: what the generator spends is not the server's to give.
//! Status line, `content-length` and body; an answer without a length is an error, since no server here sends one.

/// An answer that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: &'a [u8],
    /// All its bytes, head included.
    pub(crate) length: usize,
}

/// The bytes are not an answer that this parser knows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Reads an answer; `None` while it is not whole.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Answer<'_>>, Malformed> {
    let Some(head_length) = end_of_head(bytes) else { return Ok(None) };
    let (head, rest) = bytes.split_at(head_length);
    let status = status(head).ok_or(Malformed("no status line of HTTP/1.1"))?;
    let length = content_length(head).ok_or(Malformed("no content-length"))?;
    Ok(rest.get(..length).map(|body| Answer { status, body, length: head_length + length }))
}

fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

fn status(head: &[u8]) -> Option<u16> {
    let digits = head.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let line = head
        .split(|byte| *byte == b'\n')
        .find(|line| line.get(..NAME.len()).is_some_and(|name| name.eq_ignore_ascii_case(NAME)))?;
    std::str::from_utf8(line.get(NAME.len()..)?).ok()?.trim().parse().ok()
}

/// Whether an answer's body has a signed token in it.
pub(crate) fn has_token(body: &[u8]) -> bool {
    const START: &[u8] = b"\"access_token\":\"ey";
    body.windows(START.len()).any(|window| window == START)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\ndate: x\r\n\r\n{}";

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        for length in 0..WHOLE.len() {
            assert_eq!(parse(&WHOLE[..length]), Ok(None), "{length}");
        }
        let expected = Answer { status: 200, body: b"{}", length: WHOLE.len() };
        assert_eq!(parse(WHOLE), Ok(Some(expected)));
    }

    #[test]
    fn what_follows_an_answer_is_not_part_of_it() {
        let two = [WHOLE, WHOLE].concat();
        assert_eq!(parse(&two).unwrap().unwrap().length, WHOLE.len());
    }

    #[test]
    fn an_answer_without_length_or_of_another_protocol_is_an_error() {
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n").is_err());
        assert!(parse(b"SSH-2.0-x\r\n\r\n").is_err());
    }

    #[test]
    fn only_a_signed_token_counts() {
        assert!(has_token(br#"{"access_token":"eyJh.b.c","expires_in":1}"#));
        assert!(!has_token(br#"{"access_token":"opaque"}"#));
        assert!(!has_token(br#"{"error":"invalid_client"}"#));
    }
}
