//! The answer of a call, and its encoding.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use quick_xml::escape::partial_escape;

use super::options::{DeadSession, EnetSwitches, WrapMode};
use super::xml::Writer;

/// An answer before it is encoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The XML of a business object.
    Xml(String),
    /// A plain text, errors included.
    Text(String),
    /// A page for people with this status.
    Page(u16, &'static str),
}

impl Answer {
    /// Something that a query names does not exist.
    pub(super) fn unknown(root: &str, text: &str, switches: &EnetSwitches) -> Self {
        if !switches.unknown_as_xml || root.is_empty() || !root.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Self::Text(format!("ERROR: {text}"));
        }
        Self::error(root, text)
    }

    /// XML with one `ErrorDescription`.
    pub(super) fn error(root: &str, text: &str) -> Self {
        let mut writer = Writer::new(root, "8.0.012");
        writer.value("ErrorNumber", "100001");
        writer.value("ErrorDescription", text);
        Self::Xml(writer.finish())
    }

    /// The session has ended.
    pub(super) fn dead(text: &str, switches: &EnetSwitches) -> Self {
        match switches.dead_session {
            DeadSession::Text => Self::Text(text.to_owned()),
            DeadSession::Xml => Self::error("Session", text.trim_start_matches("ERROR: ")),
            DeadSession::Status500 => Self::Page(500, "Request Error"),
        }
    }

    /// Whether a business object answered.
    pub(super) fn is_xml(&self) -> bool {
        matches!(self, Self::Xml(_))
    }

    /// The HTTP answer: status 200 for success and failure alike, text in Windows-1252.
    pub(super) fn response(self, wrap: WrapMode) -> HttpResponse {
        let text = match self {
            Self::Page(status, title) => return page(status, title),
            Self::Xml(text) | Self::Text(text) => text,
        };
        let (text, kind) = match wrap {
            WrapMode::Raw => (text, "application/octet-stream"),
            WrapMode::Json => (serde_json::Value::from(text).to_string(), "application/json; charset=utf-8"),
            WrapMode::Element => {
                let escaped = partial_escape(&text);
                let opening = "<string xmlns=\"http://schemas.microsoft.com/2003/10/Serialization/\">";
                (format!("{opening}{escaped}</string>"), "application/xml; charset=utf-8")
            }
        };
        // a wrapped string is written by the service itself, in its own encoding
        let body = if wrap == WrapMode::Raw { encoding_rs::WINDOWS_1252.encode(&text).0.into_owned() } else { text.into_bytes() };
        HttpResponse::Ok().insert_header(("Server", "Microsoft-HTTPAPI/2.0")).content_type(kind).body(body)
    }
}

/// A page as WCF and HTTP.SYS write it.
pub(super) fn page(status: u16, title: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).insert_header(("Server", "Microsoft-HTTPAPI/2.0")).content_type(ContentType::html()).body(format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \
         \"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd\">\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\n<head><title>{title}\
         </title></head>\n<body><div id=\"content\"><p class=\"heading1\">{title}</p></div></body>\n</html>\n"
    ))
}
