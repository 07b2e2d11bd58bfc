//! Options of the simulated e.net.

use serde::{Deserialize, Serialize};

/// Who may log on, and what is licensed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnetAccounts {
    /// Operator codes with their passwords; a password may be blank.
    pub operators: Vec<(String, String)>,
    /// The password of every company; blank for none.
    pub company_password: String,
    /// Business objects that are licensed; a call of any other is answered with `100000`.
    pub licensed: Vec<String>,
    /// Setup objects and the table that each keeps. Public sources know none for GL accounts and cost centres: these names are a site's own.
    pub setup_objects: Vec<(String, String)>,
    /// Browse names that the site has defined, and their tables.
    pub browses: Vec<(String, String)>,
}

impl Default for EnetAccounts {
    fn default() -> Self {
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let licensed = ["COMFND", "COMFCH", "COMBRW", "COMQCO", "PORQRY", "APSSSP", "GENSGM", "GENSAC", "BOMSCC", "APSTIN"];
        Self {
            operators: pairs(&[("TIELINE", "enet-secret")]),
            company_password: String::new(),
            licensed: licensed.map(str::to_owned).to_vec(),
            setup_objects: pairs(&[
                ("APSSSP", "ApSupplier"),
                ("GENSGM", "GenMaster"),
                ("GENSAC", "GenAnalysisCode"),
                ("BOMSCC", "BomCostCentre"),
            ]),
            browses: pairs(&[("SiteSuppliers", "ApSupplier"), ("SiteGlCodes", "GenMaster")]),
        }
    }
}

/// How the string of an answer is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WrapMode {
    /// Not at all.
    Raw,
    /// As a JSON string.
    Json,
    /// In a `<string>` element.
    Element,
}

/// How a call with an ended session is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadSession {
    /// Status 200 and a text that begins with `ERROR`.
    Text,
    /// Status 200 and XML with an `ErrorDescription`.
    Xml,
    /// Status 500 and a page.
    Status500,
}

/// Texts that no public source shows; they are believed to begin with `ERROR`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnetTexts {
    /// A parameter is missing.
    pub missing_parameter: String,
    /// No such operator.
    pub unknown_operator: String,
    /// No such company.
    pub unknown_company: String,
    /// The company's password is wrong.
    pub wrong_company_password: String,
    /// e.net is not licensed.
    pub no_licence: String,
    /// All seats are taken.
    pub seats_taken: String,
    /// The session has ended, or never existed.
    pub dead_session: String,
    /// The operator has logged in elsewhere.
    pub evicted: String,
    /// Logoff of an unknown id whose 33rd character is `0`.
    pub unknown_logoff: String,
}

impl Default for EnetTexts {
    fn default() -> Self {
        Self {
            missing_parameter: "ERROR: A parameter is missing".into(),
            unknown_operator: "ERROR: Invalid operator".into(),
            unknown_company: "ERROR: Invalid company".into(),
            wrong_company_password: "ERROR: Invalid company password".into(),
            no_licence: "ERROR: e.net is not licensed".into(),
            seats_taken: "ERROR: The maximum number of concurrent users has been reached".into(),
            dead_session: "ERROR: The session is not valid".into(),
            evicted: "ERROR: The operator has been logged in elsewhere".into(),
            unknown_logoff: "ERROR: Unable to read the SYSPRO base directory registry string BaseDir0".into(),
        }
    }
}

/// Behaviours that the evidence leaves open; the defaults are the working assumptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnetSwitches {
    /// A session id without its two trailing spaces is accepted too.
    pub accept_trimmed_id: bool,
    /// A second logon of an operator ends the first session; off: both live, so that a test can count them.
    pub one_session_per_operator: bool,
    /// e.net is licensed at all.
    pub licensed: bool,
    /// Sessions at once; `None`: no limit.
    pub seats: Option<usize>,
    /// A seat idle for so long may be taken by a new logon.
    pub steal_after_ms: u64,
    /// A session idle for this long ends, even if no one needs its seat; `None`: never.
    pub hard_expiry_ms: Option<u64>,
    /// How a call with a dead session is answered.
    pub dead_session: DeadSession,
    /// How strings are wrapped.
    pub wrap: WrapMode,
    /// COMFND answers an unknown table or column with XML that holds an `ErrorDescription`; off: with a text that begins with `ERROR`.
    pub unknown_as_xml: bool,
    /// Posting periods that are closed: any of `C`, `P`, `B`.
    pub closed_periods: String,
    /// The minus sign follows the number.
    pub trailing_minus: bool,
    /// A clean post answers with counts alone, without the key that it made.
    pub no_key_on_success: bool,
    /// A longer URL, in bytes, is answered with 414 and a page.
    pub max_url_length: Option<usize>,
    /// How long each call takes, at least.
    pub latency_ms: u64,
    /// How much longer a COMFND call takes.
    pub slow_query_ms: u64,
    /// Texts.
    pub texts: EnetTexts,
}

impl Default for EnetSwitches {
    fn default() -> Self {
        Self {
            accept_trimmed_id: true,
            one_session_per_operator: true,
            licensed: true,
            seats: None,
            steal_after_ms: 900_000,
            hard_expiry_ms: None,
            dead_session: DeadSession::Text,
            wrap: WrapMode::Raw,
            unknown_as_xml: true,
            closed_periods: String::new(),
            trailing_minus: false,
            no_key_on_success: false,
            max_url_length: Some(8192),
            latency_ms: 0,
            slow_query_ms: 0,
            texts: EnetTexts::default(),
        }
    }
}
