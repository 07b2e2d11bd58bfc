//! Options of the SYSPRO simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::enet::options::{EnetAccounts, EnetSwitches};
use crate::dataset::{Cell, DatasetOptions};
use crate::faults::Faults;

/// Options at the start.
#[derive(Debug, Clone)]
pub struct SysproOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// HTTPS with a certificate that is created at the start.
    pub tls: bool,
    /// Server threads.
    pub workers: usize,
    /// The operator that may read.
    pub username: String,
    /// The operator's OData password.
    pub password: String,
    /// Who may log on to e.net, and what is licensed there.
    pub enet: EnetAccounts,
    /// The data.
    pub dataset: DatasetOptions,
    /// Fault rules.
    pub faults: Faults,
    /// Interval at which the data changes by itself, and the number of new invoices each time.
    pub feed: Option<(Duration, u32)>,
    /// Behaviour that the evidence leaves open.
    pub switches: Switches,
}

impl Default for SysproOptions {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            tls: false,
            workers: 2,
            username: "TIELINE".into(),
            password: "odata-secret".into(),
            enet: EnetAccounts::default(),
            dataset: DatasetOptions::default(),
            faults: Faults::default(),
            feed: None,
            switches: Switches::default(),
        }
    }
}

/// The column set of a SYSPRO release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Release {
    /// Without the columns that came later.
    Old,
    /// Every column.
    New,
}

/// Behaviours that the evidence leaves open; the defaults are the working assumptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switches {
    /// `char` values are padded with spaces.
    pub pad_char: bool,
    /// A page that was cut carries `@odata.nextLink`.
    pub next_link: bool,
    /// `$top` above the cap is refused with 400 instead of being cut.
    pub over_top_error: bool,
    /// `$count=true` is answered; otherwise 400.
    pub count: bool,
    /// `$metadata` and the service document are served; otherwise 404.
    pub metadata: bool,
    /// A date that is null comes as `1900-01-01T00:00:00Z`, and is compared so.
    pub sentinel_dates: bool,
    /// Dates come without the `Z`.
    pub no_zone: bool,
    /// `TimeStamp` comes as base64; otherwise it is no column at all.
    pub time_stamp: bool,
    /// The column set.
    pub release: Release,
    /// Errors of the service are HTML pages instead of JSON.
    pub iis_html_errors: bool,
    /// 503 without `Retry-After`.
    pub busy: bool,
    /// A longer query string, in bytes, is answered with 404 and HTML, as IIS does by default above 2048.
    pub max_query_length: Option<usize>,
    /// A `$filter` with more nodes is answered with 400, as Microsoft's OData library does by default above 100.
    pub max_filter_nodes: Option<usize>,
    /// The most rows in one answer; 5000 in SYSPRO.
    pub row_cap: usize,
    /// Operators are read only when the service starts; otherwise a change applies at once.
    pub reload_operators_on_restart: bool,
    /// How long each answer takes, at least.
    pub latency_ms: u64,
    /// Texts of digits are sent as numbers, as from a gateway that guesses types: leading zeros are lost.
    pub guessed_numbers: bool,
    /// The requested order is ignored: rows come in another fixed order.
    pub ignore_order: bool,
    /// Every N-th row of this table is missing from lists, but still counted.
    pub left_out: Option<(String, usize)>,
    /// Tables that no company has, as when a module is not in use: see [`super::SysproSim::lack`].
    pub absent: Vec<String>,
    /// Rows of `left_out` are missing from scans only, as in a query that skips locked rows, and not when rows are requested by key.
    pub left_out_of_scans: bool,
    /// Texts that are sent as something else.
    pub raw: Vec<RawText>,
    /// Texts whose column is missing from the row, as from a faulty service.
    pub omitted: Vec<String>,
    /// Null values are missing from rows, and through e.net blank texts too, as from a serializer that omits empty values.
    pub omit_empty: bool,
    /// e.net.
    pub enet: EnetSwitches,
}

/// A stored text, or a number by its text with all its decimals, that is sent as a value that its column cannot have, or that makes the
/// answer invalid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawText {
    /// The text as it is stored.
    pub text: String,
    /// The JSON to send instead, unescaped, with its quotes if it has any.
    pub json: Vec<u8>,
    /// The content of the XML element to send through e.net instead.
    pub xml: String,
}

impl Switches {
    /// Whether a column that holds this is left out of the row; `blank`: blank text counts as empty.
    pub fn omits(&self, cell: &Cell, blank: bool) -> bool {
        match cell {
            Cell::Text(text) => self.omitted.iter().any(|omitted| **omitted == **text) || (self.omit_empty && blank && text.is_empty()),
            cell => self.omit_empty && *cell == Cell::Null,
        }
    }
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            pad_char: true,
            next_link: false,
            over_top_error: false,
            count: true,
            metadata: true,
            sentinel_dates: false,
            no_zone: false,
            time_stamp: false,
            release: Release::New,
            iis_html_errors: false,
            busy: false,
            max_query_length: Some(2048),
            max_filter_nodes: Some(100),
            row_cap: 5000,
            reload_operators_on_restart: true,
            latency_ms: 0,
            guessed_numbers: false,
            ignore_order: false,
            left_out: None,
            absent: Vec::new(),
            left_out_of_scans: false,
            raw: Vec::new(),
            omitted: Vec::new(),
            omit_empty: false,
            enet: EnetSwitches::default(),
        }
    }
}
