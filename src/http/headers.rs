//! The headers of every answer.

use actix_web::middleware::DefaultHeaders;

/// Forbids a browser to store, frame or guess the type of an answer. A problem sets these headers itself, because as an error it may bypass
/// the layer that sets headers.
pub(super) const HEADERS: [(&str, &str); 8] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
];

/// Sets the headers on every answer.
pub(super) fn headers(secure: bool) -> DefaultHeaders {
    // a browser that used TLS once uses nothing else for a year
    let transport = secure.then_some(("strict-transport-security", "max-age=31536000"));
    HEADERS.into_iter().chain(transport).fold(DefaultHeaders::new(), DefaultHeaders::add)
}
