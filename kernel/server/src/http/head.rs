//! A request's line and headers.

use crate::error::ApiError;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Most headers in one request.
const MAX_HEADERS: usize = 64;

/// What the client wants done with the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
    Post,
    Options,
    Other,
}

/// How the end of the body is known (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyLength {
    Known(u64),
    Chunked,
}

/// What of a request's head matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub method: Method,
    /// Decoded path, without query.
    pub path: String,
    /// HTTP/1.1 and not 1.0: chunked answers may be sent.
    pub is_1_1: bool,
    pub keep_alive: bool,
    pub body: BodyLength,
    pub expects_continue: bool,
    /// The key of `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// Headers that a browser asks leave for, already checked to be header names.
    pub cors_headers: Option<String>,
}

/// Where the head ends: the offset just behind its empty line. `from` is where an earlier search of the same bytes stopped; the
/// second result is where the next one may start.
pub(crate) fn find_end(bytes: &[u8], from: usize) -> Result<usize, usize> {
    let mut at = from.min(bytes.len());
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\n')) {
        let newline = at + found;
        match (bytes.get(newline + 1), bytes.get(newline + 2)) {
            (Some(b'\n'), _) => return Ok(newline + 2),
            (Some(b'\r'), Some(b'\n')) => return Ok(newline + 3),
            (None, _) | (Some(b'\r'), None) => return Err(newline),
            _ => at = newline + 1,
        }
    }
    Err(bytes.len())
}

/// Parses a whole head, as [`find_end`] found it.
pub(crate) fn parse(bytes: &[u8]) -> Result<Head, ApiError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(ApiError::bad(400, "The request's head is not HTTP/1.1.")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(ApiError::bad(431, format!("More than {MAX_HEADERS} headers.")));
        }
        Err(httparse::Error::Version) => {
            return Err(ApiError::internal(505, "http_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here."));
        }
        Err(e) => return Err(ApiError::bad(400, format!("The request's head is not HTTP/1.1: {e}."))),
    }
    let method = match request.method.unwrap_or("") {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "OPTIONS" => Method::Options,
        _ => Method::Other,
    };
    let is_1_1 = request.version == Some(1);
    let mut head = Head {
        method,
        path: path_of(request.path.unwrap_or(""))?,
        is_1_1,
        keep_alive: is_1_1,
        body: BodyLength::Known(0),
        expects_continue: false,
        bearer: None,
        cors_headers: None,
    };
    let mut lengths: Option<u64> = None;
    let mut codings: Vec<&[u8]> = Vec::new();
    let mut hosts = 0;
    for header in request.headers.iter() {
        let name = header.name;
        if name.eq_ignore_ascii_case("host") {
            hosts += 1;
        } else if name.eq_ignore_ascii_case("content-length") {
            // A list, a sign or a second one is how requests are smuggled past a proxy: refused, never guessed (§6.3, 11.2).
            let value = decimal(header.value)
                .ok_or_else(|| ApiError::bad(400, "`Content-Length` must be one decimal number of bytes."))?;
            if lengths.replace(value).is_some() {
                return Err(ApiError::bad(400, "`Content-Length` came twice."));
            }
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            codings.push(header.value);
        } else if name.eq_ignore_ascii_case("connection") {
            head.keep_alive &= !header.value.split(|b| *b == b',').any(|t| t.trim_ascii().eq_ignore_ascii_case(b"close"));
        } else if name.eq_ignore_ascii_case("expect") {
            if !header.value.trim_ascii().eq_ignore_ascii_case(b"100-continue") {
                return Err(ApiError::bad(417, "The only expectation that can be met is `100-continue`."));
            }
            head.expects_continue = is_1_1;
        } else if name.eq_ignore_ascii_case("authorization") {
            head.bearer = bearer_of(header.value);
        } else if name.eq_ignore_ascii_case("access-control-request-headers") {
            head.cors_headers = header_names(header.value);
        }
    }
    if is_1_1 && hosts != 1 {
        return Err(ApiError::bad(400, "An HTTP/1.1 request has exactly one `Host` header."));
    }
    head.body = match (lengths, codings.as_slice()) {
        (length, []) => BodyLength::Known(length.unwrap_or(0)),
        (Some(_), _) => {
            return Err(ApiError::bad(400, "`Content-Length` and `Transfer-Encoding` in one request: its end is ambiguous."));
        }
        (None, _) if !is_1_1 => return Err(ApiError::bad(400, "HTTP/1.0 has no `Transfer-Encoding`.")),
        (None, [coding]) if coding.trim_ascii().eq_ignore_ascii_case(b"chunked") => BodyLength::Chunked,
        (None, _) => {
            return Err(ApiError::internal(501, "transfer_encoding", "The only transfer encoding understood is `chunked`."));
        }
    };
    Ok(head)
}

/// Digits only; `None` for anything else, overflow included.
fn decimal(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(value).ok()?.parse().ok()
}

/// The path of any form of request target (RFC 9112 §3.2), decoded.
fn path_of(target: &str) -> Result<String, ApiError> {
    let path = match target.split_once("://") {
        // Absolute form, as sent to proxies.
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
            rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/")
        }
        _ => target,
    };
    let path = path.split(['?', '#']).next().unwrap_or("");
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|b| b.and_then(|b| char::from(b).to_digit(16)));
        let [Some(high), Some(low)] = digits else {
            return Err(ApiError::bad(400, "The path has a `%` that is not followed by two hexadecimal digits."));
        };
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).map_err(|_| ApiError::bad(400, "The path is not UTF-8."))
}

fn bearer_of(value: &[u8]) -> Option<String> {
    let value = core::str::from_utf8(value).ok()?.trim();
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim().to_owned())
}

/// The value where it is a list of header names, so that it can be sent back without carrying anything else along.
fn header_names(value: &[u8]) -> Option<String> {
    let clean = value.iter().all(|b| b.is_ascii_alphanumeric() || b"-_, ".contains(b));
    (clean && value.len() <= 1024).then(|| String::from_utf8_lossy(value).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: &str) -> u16 {
        parse(text.as_bytes()).map_or_else(|e| e.status, |_| 200)
    }

    #[test]
    fn check_05_header_names_are_case_insensitive() {
        let head = parse(b"POST /v1/x?y=1 HTTP/1.1\r\nhOST: a\r\ncOnTeNt-LeNgTh: 12 \r\nCONNECTION: Close\r\n\r\n").unwrap();
        assert_eq!((head.method, head.path.as_str()), (Method::Post, "/v1/x"));
        assert_eq!((head.body, head.keep_alive), (BodyLength::Known(12), false));
    }

    #[test]
    fn ambiguous_lengths_are_refused() {
        let with = |headers: &str| status(&format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n"));
        assert_eq!(with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400);
        assert_eq!(with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400);
        assert_eq!(with("Content-Length: +5\r\n"), 400);
        assert_eq!(with("Content-Length: 5, 5\r\n"), 400);
        assert_eq!(with("Content-Length: 0x5\r\n"), 400);
        assert_eq!(with("Content-Length: 99999999999999999999\r\n"), 400);
        assert_eq!(with("Content-Length:\r\n"), 400);
        assert_eq!(with("Content-Length : 5\r\n"), 400);
        assert_eq!(with("Transfer-Encoding: gzip, chunked\r\n"), 501);
        assert_eq!(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 501);
        assert_eq!(with("Transfer-Encoding:\tchunked\r\n"), 200);
        assert_eq!(with("X: a\r\n folded: b\r\n"), 400);
        assert_eq!(status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    }

    #[test]
    fn heads_that_are_not_http_are_refused() {
        assert_eq!(status("GET / HTTP/2.0\r\n\r\n"), 505);
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
        assert_eq!(status("GET /%zz HTTP/1.0\r\n\r\n"), 400);
        assert_eq!(status("GET /%ff HTTP/1.0\r\n\r\n"), 400);
        assert_eq!(status("GET / HTTP/1.0\r\nExpect: wonders\r\n\r\n"), 417);
        assert_eq!(status("GET / HTTP/1.0\r\n\r\n"), 200);
        let many = "a: b\r\n".repeat(65);
        assert_eq!(status(&format!("GET / HTTP/1.0\r\n{many}\r\n")), 431);
    }

    #[test]
    fn every_target_form_has_a_path() {
        let path = |target: &str| parse(format!("GET {target} HTTP/1.0\r\n\r\n").as_bytes()).unwrap().path;
        assert_eq!(path("/v1/models/a%2Fb"), "/v1/models/a/b");
        assert_eq!(path("http://host:80/health?x#y"), "/health");
        assert_eq!(path("http://host"), "/");
        assert_eq!(path("*"), "*");
    }

    #[test]
    fn the_end_is_found_at_any_split() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        for split in 0..text.len() {
            let end = match find_end(&text[..split], 0) {
                Ok(end) => end,
                Err(next) => find_end(text, next).unwrap(),
            };
            assert_eq!(&text[end..], b"rest");
        }
    }

    #[test]
    fn cors_headers_are_only_names() {
        assert_eq!(header_names(b"authorization, x-stainless-os").as_deref(), Some("authorization, x-stainless-os"));
        assert_eq!(header_names(b"a: b"), None);
    }
}
