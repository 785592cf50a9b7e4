//! Paths.

use crate::error::ApiError;
use crate::http::Method;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    Root,
    Health,
    Metrics,
    Models,
    Model(String),
    Props,
    Slots,
    Tokenize,
    Detokenize,
    ApplyTemplate,
    Completions,
    ChatCompletions,
    /// Any path: a browser asks before it sends.
    Preflight,
}

impl Route {
    /// Whether it is served without a key, so that a load balancer can ask.
    pub fn is_public(&self) -> bool {
        matches!(self, Route::Health | Route::Preflight)
    }
}

/// The route of a request.
///
/// # Errors
/// 404 for an unknown path, 405 for a known one with another method.
pub(crate) fn find(method: Method, path: &str) -> Result<Route, ApiError> {
    if method == Method::Options {
        return Ok(Route::Preflight);
    }
    let route = of_path(path).ok_or_else(|| ApiError {
        code: Some("unknown_url"),
        ..ApiError::bad(404, format!("No such path: {path:?}. The API begins at /v1; GET / lists it."))
    })?;
    let posts =
        matches!(route, Route::Tokenize | Route::Detokenize | Route::ApplyTemplate | Route::Completions | Route::ChatCompletions);
    let (allowed, allow) = if posts {
        (method == Method::Post, "POST, OPTIONS")
    } else {
        (matches!(method, Method::Get | Method::Head), "GET, HEAD, OPTIONS")
    };
    if allowed {
        return Ok(route);
    }
    Err(ApiError {
        code: Some("method_not_allowed"),
        allow: Some(allow),
        ..ApiError::bad(405, format!("{path:?} takes {allow}."))
    })
}

/// With and without `/v1`, as llama.cpp's server has them. Unlike there, `/completions` speaks OpenAI's form too.
fn of_path(path: &str) -> Option<Route> {
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let route = match path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path) {
        "/" => Route::Root,
        "/health" => Route::Health,
        "/metrics" => Route::Metrics,
        "/models" => Route::Models,
        "/props" => Route::Props,
        "/slots" => Route::Slots,
        "/tokenize" => Route::Tokenize,
        "/detokenize" => Route::Detokenize,
        "/apply-template" => Route::ApplyTemplate,
        "/completions" => Route::Completions,
        "/chat/completions" => Route::ChatCompletions,
        other => Route::Model(other.strip_prefix("/models/").filter(|id| !id.is_empty())?.to_owned()),
    };
    Some(route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_15_paths_and_methods() {
        let status = |method, path| find(method, path).map_or_else(|e| e.status, |_| 200);
        for path in ["/v1/chat/completions", "/chat/completions", "/v1/completions", "/tokenize", "/v1/completions/"] {
            assert_eq!((status(Method::Post, path), status(Method::Get, path)), (200, 405), "{path}");
        }
        for path in ["/", "/health", "/v1/models", "/models", "/metrics", "/props", "/slots", "/v1/models/a/b"] {
            assert_eq!((status(Method::Get, path), status(Method::Post, path)), (200, 405), "{path}");
        }
        for path in ["", "*", "/v1", "/v2/models", "/v1models", "/v1/models/ "] {
            let expected = if path == "/v1/models/ " { 200 } else { 404 };
            assert_eq!(status(Method::Get, path), expected, "{path}");
        }
        assert_eq!(status(Method::Options, "/anything"), 200);
        assert_eq!(find(Method::Other, "/health").unwrap_err().allow, Some("GET, HEAD, OPTIONS"));
    }
}
