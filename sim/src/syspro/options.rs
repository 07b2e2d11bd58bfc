//! What a test can choose about the SYSPRO simulator.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::enet::options::{EnetAccounts, EnetSwitches};
use crate::dataset::{Cell, DatasetOptions};
use crate::faults::Faults;

/// Everything that a simulator starts with.
#[derive(Debug, Clone)]
pub struct SysproOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// HTTPS with a certificate made at start.
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
    /// What goes wrong.
    pub faults: Faults,
    /// Business continues by itself: so many new invoices at every interval.
    pub feed: Option<(Duration, u32)>,
    /// How it behaves where the evidence leaves a choice.
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
    /// `char` values come padded with blanks.
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
    /// Operators are read only when the service starts; otherwise a change holds at once.
    pub reload_operators_on_restart: bool,
    /// How long each answer takes, at least.
    pub latency_ms: u64,
    /// Texts of digits come as numbers, as from a gateway that guesses: leading zeros are lost.
    pub guessed_numbers: bool,
    /// The order asked for is ignored: rows come in an order of the service's own.
    pub ignore_order: bool,
    /// Of this table every N-th row is left out of lists, and counted all the same.
    pub left_out: Option<(String, usize)>,
    /// Tables that no company has, as where a module is not used: see [`super::SysproSim::lack`].
    pub absent: Vec<String>,
    /// They are left out where a table is gone through, as by a query that passes over locked rows, and not where rows are asked for by a key.
    pub left_out_of_scans: bool,
    /// Texts that come as something else.
    pub raw: Vec<RawText>,
    /// Texts whose column is left out of the row, as no service should.
    pub omitted: Vec<String>,
    /// What is null is left out of the row, and through e.net what is blank too: a serializer that was told to.
    pub omit_empty: bool,
    /// e.net.
    pub enet: EnetSwitches,
}

/// A stored text that comes as something that no text can hold, or that breaks the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawText {
    /// The text as it is stored.
    pub text: String,
    /// The JSON that comes instead, as it stands: with its quotes, where it has any.
    pub json: Vec<u8>,
    /// What stands between the tags of e.net's XML instead.
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
