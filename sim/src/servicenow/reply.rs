//! Calls and answers, free of any HTTP library, so that a batch can run its items through the same code.

use serde_json::{Value, json};

use super::options::ServiceNowOptions;

/// One call of the REST API, outside or inside a batch.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// In capitals; from `X-HTTP-Method-Override` if present.
    pub(super) method: String,
    /// Without query and without version: `/api/now/table/x`.
    pub(super) path: String,
    /// Whether it is an item of a batch.
    pub(super) inside: bool,
    /// Whether the path said `v1`.
    pub(super) first_version: bool,
    /// The query's parameters.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) content_type: Option<String>,
    pub(super) accept: Option<String>,
    /// `X-no-response-body`
    pub(super) no_body: bool,
    /// `X-BATCHREQUEST-MAX-OUTPUT-SIZE`
    pub(super) output_limit: Option<usize>,
    pub(super) body: Vec<u8>,
    /// Scheme and host as the caller wrote them, for links.
    pub(super) base: String,
}

impl Call {
    /// Splits the URL into path, version and parameters.
    pub(super) fn set_url(&mut self, url: &str) {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        self.parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        self.first_version = path.starts_with("/api/now/v1/");
        self.path = match path.strip_prefix("/api/now/v1/").or_else(|| path.strip_prefix("/api/now/v2/")) {
            Some(rest) => format!("/api/now/{rest}"),
            None => path.to_owned(),
        };
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find_map(|(key, value)| (key == name).then_some(value.as_str()))
    }

    /// Whether a parameter says `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.parameter(name) == Some("true")
    }

    /// What is wrong with the formats the call names; `None` when nothing is.
    pub(super) fn format_problem(&self, options: &ServiceNowOptions) -> Option<Reply> {
        let writes = !matches!(self.method.as_str(), "GET" | "HEAD");
        let typed = writes && (self.method != "DELETE" || options.delete_needs_content_type);
        let required = !self.inside || options.items_need_formats;
        let missing = if self.accept.is_none() { Some("Accept") } else { (typed && self.content_type.is_none()).then_some("Content-Type") };
        if let Some(header) = missing.filter(|_| required) {
            return Some(Reply::error(400, "Bad Request", Some(&format!("Missing required header {header}"))));
        }
        let json = |text: &Option<String>| text.as_deref().is_none_or(|text| text.contains("json"));
        let any = self.accept.as_deref().is_some_and(|accept| accept.contains("*/*") || accept.contains("application/*"));
        if !json(&self.accept) && !any {
            return Some(Reply::error(406, "Not Acceptable", Some("Response format is not supported")));
        }
        if writes && !json(&self.content_type) {
            return Some(Reply::error(415, "Unsupported Media Type", Some("Request format is not supported")));
        }
        None
    }
}

/// What a call did.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Work {
    /// Records it handled.
    pub(super) records: u32,
    /// Records it committed.
    pub(super) commits: u32,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    /// `false`: the body is HTML or empty.
    pub(super) json: bool,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// A JSON document.
    pub(super) fn json(status: u16, value: &Value) -> Self {
        Self { status, headers: Vec::new(), json: true, body: value.to_string().into_bytes() }
    }

    /// `{"result":…}`
    pub(super) fn result(status: u16, value: &Value) -> Self {
        Self { status, headers: Vec::new(), json: true, body: format!("{{\"result\":{value}}}").into_bytes() }
    }

    /// No body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), json: false, body: Vec::new() }
    }

    /// A web page.
    pub(super) fn page(status: u16, title: &str) -> Self {
        let body = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n").into_bytes();
        Self { status, headers: Vec::new(), json: false, body }
    }

    /// The error envelope.
    pub(super) fn error(status: u16, message: &str, detail: Option<&str>) -> Self {
        Self::json(status, &json!({"error": {"message": message, "detail": detail}, "status": "failure"}))
    }

    /// 401, as for a missing, expired or revoked token.
    pub(super) fn not_authenticated() -> Self {
        let mut reply = Self::error(401, "User Not Authenticated", Some("Required to provide Auth information"));
        reply.headers.push(("WWW-Authenticate", "BASIC realm=\"Service-now\"".to_owned()));
        reply
    }

    /// 404 for a record.
    pub(super) fn no_record() -> Self {
        Self::error(404, "No Record found", Some("Record doesn't exist or ACL restricts the record retrieval"))
    }

    /// 400 for a table.
    pub(super) fn invalid_table(name: &str) -> Self {
        Self::error(400, &format!("Invalid table {name}"), None)
    }

    /// 400 for a body that is not JSON.
    pub(super) fn unreadable(problem: &str) -> Self {
        Self::error(400, "Exception while reading request", Some(&format!("The payload is not valid JSON. {problem}")))
    }

    /// 500 when a transaction quota ends the call.
    pub(super) fn cancelled() -> Self {
        Self::error(
            500,
            "Transaction cancelled: maximum execution time exceeded",
            Some(
                "Transaction cancelled: maximum execution time exceeded. Check logs for error trace or enable glide.rest.debug property to verify REST request processing",
            ),
        )
    }
}

/// A write that was refused.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) String);

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::error(403, "Operation Failed", Some(&refusal.0))
    }
}
