//! HTTP/1.1, SSE and the OpenAI-compatible API.
#![no_std]
