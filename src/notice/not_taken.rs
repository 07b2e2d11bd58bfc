//! Why a receiver did not accept a message, and advice where the libraries' message is not enough.

use crate::redact::Quoted;

/// Why a message was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct NotTaken {
    /// What was tried, and the receiver's answer. Never the path of an address, a password or a signature.
    pub text: Quoted,
    /// Whether another attempt cannot succeed.
    pub permanent: bool,
}

/// The error of sending to a receiver, with advice where the libraries' message is not enough. `address` is the setting with the receiver.
pub(super) fn advised(problem: String, address: &str) -> String {
    let says = |words: &str| problem.contains(words);
    let advice = if ["UnknownIssuer", "BadSignature", "CaUsedAsEndEntity"].iter().any(|word| says(word)) {
        "nothing was sent; if its certificate comes from an authority of the site's own, name that authority's file in `notices.ca_file`"
            .into()
    } else if says("certificate not valid for name") {
        format!("nothing was sent; `{address}` must name the host as its certificate does")
    } else if says("invalid peer certificate") {
        "nothing was sent; its certificate must be renewed or replaced there".into()
    } else if says("STARTTLS is not supported") {
        "nothing was sent, because it would have been unencrypted; if the server speaks TLS from the first byte (often on port 465), set \
         `notices.mail_tls` to `tls`; otherwise turn on STARTTLS on the server"
            .into()
    } else if says("received corrupt message") {
        "nothing was sent; its answer is not TLS. If the server offers STARTTLS (often on port 587) and `notices.mail_tls` is `tls`, set \
         `notices.mail_tls` to `starttls`; if it is `starttls` already, the server offers STARTTLS but does not support it"
            .into()
    } else if says("No compatible authentication mechanism") {
        "nothing was sent; the server accepts no password authentication that Tieline supports: remove the credential `notices-mail`, or \
         correct `notices.mail_server`"
            .into()
    } else if ["(530)", "(534)", "(535)"].iter().any(|code| says(code)) {
        "set the credential `notices-mail` to what the server knows".into()
    } else {
        return problem;
    };
    format!("{problem}; {advice}")
}
